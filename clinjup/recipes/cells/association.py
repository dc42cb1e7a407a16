# id: association
# title: Does the confounder go with the label?
# explains: Counts label against confounder in each part, before any model is trained.
# %% [markdown]
# ## Does the $confounder_name go with the label?
# Before any training: how often is a $confounder_name in images with and without $target_name? An odds ratio far from 1 means
# that the $confounder_name alone predicts the label, so a model can take the shortcut. **Look for:** the bars of the two
# groups; equal heights would mean no shortcut.
# %% parameters
CONFOUNDER = "confounder"
# %%
from clinjup.evaluation import association

association(cohort, CONFOUNDER)
