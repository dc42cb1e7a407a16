# id: split_cohort
# title: Split into three parts
# explains: Divides the cohort into training, validation and test so that no patient or lesion is in two parts.
# %% [markdown]
# ## Split into three parts
# The parts never share a patient (where the table numbers lesions: a lesion), nor two near-identical images; where no column names the
# patients, each image counts as a patient of its own. An official split is used as it is.
# Everything is chosen on *validation*; the *test* part stays closed until the end. **Look for:** enough cases of the target
# in every part.
# %% parameters
VALIDATION_FRACTION = 0.2
TEST_FRACTION = 0.2  # only where the data bring no test part of their own
OFFICIAL_PARTS = True  # use the parts that the data bring, where they bring any
SEED = 0
# %%
from clinjup.imaging import split_cohort

cohort = split_cohort(
    cohort, validation=VALIDATION_FRACTION, test=TEST_FRACTION, seed=SEED, official_parts=OFFICIAL_PARTS
)
cohort.summary()
