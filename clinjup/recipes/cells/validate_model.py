# id: validate_model
# title: Check a model on validation
# explains: Fixes the threshold on validation and measures how far the model leans on the confounder.
# %% [markdown]
# ## Check on validation: $name
# The threshold is fixed here and kept: $rule. $confounder_check **Look for:** false alarms that appear
# although only the $confounder_name was added: that is the shortcut, in numbers.
# %% parameters
NAME = "baseline"
TARGET_SENSITIVITY = 0.9
TARGET_SPECIFICITY = None  # if asked for, instead of the sensitivity
LOWER_BOUND = False  # True: the target must hold for patients to come (one-sided 95 % lower bound)
HARM_RATIO = None  # or how many false alarms one missed case is worth
CONFOUNDERS = []
PREVALENCE = None  # if asked for, the prevalence at which PPV and NPV are stated
SEED = 0
# %%
from clinjup.evaluation import validate

validations = {} if "validations" not in globals() else validations
out_of_fold = {} if "out_of_fold" not in globals() else out_of_fold
validations[NAME] = validate(
    models[NAME],
    cohort,
    images,
    confounders=CONFOUNDERS,
    target_sensitivity=TARGET_SENSITIVITY,
    target_specificity=TARGET_SPECIFICITY,
    lower_bound=LOWER_BOUND,
    harm_ratio=HARM_RATIO,
    out_of_fold=out_of_fold.get(NAME),
    prevalence=PREVALENCE,
    seed=SEED,
)
validations[NAME].summary()
