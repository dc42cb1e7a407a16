# id: estimate_confounder
# title: Estimate a confounder that is not annotated everywhere
# explains: Trains a small detector of the confounder, whose probabilities stand in where nobody annotated it.
# %% [markdown]
# ## Which films show a $confounder_name?
# The tables do not say it of every film. A small detector is trained on those that are annotated, and on films without the disease into
# which a $confounder_name is drawn; for the others its probability stands in, in training and validation, never in the test part.
# **Look for:** AUROC on films that it was not trained on; where it is low, nothing is estimated. How many films it expects to show one.
# %% parameters
CONFOUNDER = "chest_drain"
EPOCHS = 5
BATCH_SIZE = 64
MAX_MINUTES = 3.0
SEED = 0
# %%
from clinjup.learning import confounder_counts, estimate_confounder

cohort = estimate_confounder(
    cohort, images, CONFOUNDER, epochs=EPOCHS, batch_size=BATCH_SIZE, max_minutes=MAX_MINUTES, seed=SEED
)
confounder_counts(cohort, CONFOUNDER)
