# id: performance_figures
# title: How well does it separate, and are its probabilities honest?
# explains: ROC curves, the operating point with a slider for the threshold, calibration.
# %% [markdown]
# ## How well does it separate, and are its probabilities honest?
# ROC curve: sensitivity against false alarms for every threshold; the dot is the threshold that was fixed on validation.
# Calibration: of the images given 30 %, do 30 % have the target? **Look for:** the overall curve can be better for the model that
# takes the shortcut; that is why it did not decide. The slider shows what another threshold would do.
# %%
from clinjup.evaluation import threshold_slider

test.plot_roc()
test.plot_operating_point()
threshold_slider(test)
test.plot_calibration()
