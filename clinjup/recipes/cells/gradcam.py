# id: gradcam
# title: Where does the model look?
# explains: Grad-CAM overlays sorted by stratum, and a browser for all test images. Weak evidence, shown beside the counterfactual check.
# %% [markdown]
# ## Where does the model look?
# Grad-CAM colours the regions that drove the decision, sorted by stratum. It is weak evidence: a map can look right while the model still
# relies on the confounder, so it never decides here. Below the overview every test image can be leafed through, the surest call first.
# **Look for:** images that were decided for the wrong reason.
# %% parameters
MODEL = None  # None = the chosen model
CONFOUNDER = None
# %%
from clinjup.evaluation import gradcam_browser, gradcam_montage

gradcam_montage(test, cohort, images, model=MODEL, confounder=CONFOUNDER)
gradcam_browser(test, images, model=MODEL, confounder=CONFOUNDER)
