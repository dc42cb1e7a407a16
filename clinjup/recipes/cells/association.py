# id: association
# title: Does the confounder go with the label?
# explains: Counts label against confounder in each part, before any model is trained.
# %% [markdown]
# ## Does the $confounder_name go with the label?
# Before any training: how often is a $confounder_name in images with and without $target_name? An odds ratio far from 1 means
# that the $confounder_name alone predicts the label, so a model can take the shortcut. **Look for:** the bars of the two
# groups; equal heights would mean no shortcut. The labels of the *test* part are counted here too, because a shortcut that holds in
# one part only would mislead; no model sees these images before the test set is opened, and nothing is chosen by their counts.
# %% parameters
CONFOUNDER = "confounder"
# %%
from clinjup.evaluation import association

association(cohort, CONFOUNDER)
