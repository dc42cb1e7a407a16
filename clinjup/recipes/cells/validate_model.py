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
CONFOUNDERS = []
SEED = 0
# %%
from clinjup.evaluation import validate

validations = {} if "validations" not in globals() else validations
validations[NAME] = validate(
    models[NAME], cohort, images, confounders=CONFOUNDERS, target_sensitivity=TARGET_SENSITIVITY, seed=SEED
)
validations[NAME].summary()
