# id: probe_pictures
# title: What else gives the label away?
# explains: Simple classifiers that see only the border, the corners or the size of an image, cross-validated by patient or lesion.
# %% [markdown]
# ## What else gives the label away?
# A rim of the image, its corners, the size of the file: none of them shows the lesion. A simple classifier that gets to see nothing else
# should do no better than chance (AUROC 0.5). **Look for:** an interval that lies clearly above 0.5: there is something in the pictures
# that goes with $target_name and is not the disease.
# %% parameters
SEED = 0
# %%
from clinjup.evaluation import probe_pictures

probe_pictures(cohort, images, seed=SEED)
