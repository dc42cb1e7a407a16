# id: metadata_ablation
# title: Do age, sex and site help?
# explains: Adds patient data to the image score and tests on validation whether that helps beyond chance.
# %% [markdown]
# ## Do age, sex and site help?
# The score of the chosen model is joined with patient data in a logistic regression, fitted and judged on different patients of the
# validation part. Both are compared on the same resamples. **Look for:** the interval of the difference: patient data are kept only if it
# lies above zero.
# %% parameters
COVARIATES = ["age", "sex", "body_site"]
SEED = 0
# %%
from clinjup.evaluation import metadata_ablation

metadata_ablation(validations[selection.selected], cohort, covariates=COVARIATES, seed=SEED)
