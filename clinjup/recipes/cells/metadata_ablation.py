# id: metadata_ablation
# title: Do age, sex and site help?
# explains: Joins patient data with the image and keeps them only where they help beyond chance, on validation.
# %% [markdown]
# ## Do age, sex and site help?
# The image score of the chosen model is joined with patient data by a logistic regression, fitted and judged on different patients of the
# validation part. With and without them are compared on the same resamples. **Look for:** the interval of the difference: patient
# data are kept only if all of it lies above zero.
# %% parameters
COVARIATES = ["age", "sex", "body_site"]
CONFOUNDERS = []
TARGET_SENSITIVITY = 0.9
TARGET_SPECIFICITY = None  # if asked for, instead of the sensitivity
LOWER_BOUND = False
HARM_RATIO = None
PREVALENCE = None  # if asked for, the prevalence at which PPV and NPV are stated
SEED = 0
# %%
from clinjup.evaluation import metadata_ablation

ablation = metadata_ablation(
    selection,
    validations,
    cohort,
    images,
    covariates=COVARIATES,
    confounders=CONFOUNDERS,
    target_sensitivity=TARGET_SENSITIVITY,
    target_specificity=TARGET_SPECIFICITY,
    lower_bound=LOWER_BOUND,
    harm_ratio=HARM_RATIO,
    out_of_fold=out_of_fold.get(selection.selected),
    prevalence=PREVALENCE,
    seed=SEED,
)
selection, models, validations = ablation.selection, models | ablation.models, validations | ablation.validations
ablation.summary()
