# id: validate_detector
# title: Check a detector on validation
# explains: Fixes the threshold of the marks on validation by the limit of false marks, and measures what each confounder does.
# %% [markdown]
# ## Check on validation: $name
# The threshold is fixed here and kept: $rule. $confounder_check **Look for:** how many of the boxed $target_name findings are marked, and
# at what price in false marks.
# %% parameters
NAME = "baseline"
FALSE_MARKS = None  # most false marks per image; None = 0.1, one in ten images
CONFOUNDERS = []
SEED = 0
# %%
from clinjup.evaluation.detection import validate_detector

marked = {} if "marked" not in globals() else marked
marked[NAME] = validate_detector(
    detectors[NAME], cohort, images, false_marks=FALSE_MARKS, confounders=CONFOUNDERS, seed=SEED
)
marked[NAME].summary()
