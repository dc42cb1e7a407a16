# id: gradcam
# title: Where does the model look?
# explains: Grad-CAM overlays sorted by stratum. Weak evidence, shown beside the counterfactual check.
# %% [markdown]
# ## Where does the model look?
# Grad-CAM colours the regions that drove the decision, sorted by stratum. It is weak evidence: a map can look right while the model still
# relies on the confounder, so it never decides here. **Look for:** images that were decided for the wrong reason.
# %% parameters
MODEL = None  # None = the chosen model
CONFOUNDER = None
# %%
from clinjup.evaluation import gradcam_montage

gradcam_montage(test, cohort, images, model=MODEL, confounder=CONFOUNDER)
