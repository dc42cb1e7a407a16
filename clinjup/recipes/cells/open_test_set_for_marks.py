# id: open_test_set_for_marks
# title: Open the test set, once
# explains: Evaluates all detectors together on the test part; the opening is counted.
# %% [markdown]
# ## Open the test set, once
# All detectors are evaluated together, with the thresholds fixed before. Intervals are 95 % confidence intervals, clustered by patient
# where the patients are known. Marks can only be judged on images whose boxes are known. **Look for:** intervals first, values second.
# %% parameters
CONFOUNDERS = []
SEED = 0
# %%
from clinjup.evaluation.detection import open_test_set_for_marks

final = [detectors[name] for name in marked]  # one whose check the time budget did not allow is not judged
test = open_test_set_for_marks(final, marked, cohort, images, selection=selection, confounders=CONFOUNDERS, seed=SEED)
test.summary()
