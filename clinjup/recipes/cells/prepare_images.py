# id: prepare_images
# title: Decode and audit the images
# explains: Decodes every image once, lists what cannot be read, and looks for traits that give the label away.
# %% [markdown]
# ## Decode and audit the images
# Every file is decoded once, scaled to $image_size × $image_size pixels and kept in a cache. Files that cannot be read are
# listed, never skipped silently. **Look for:** anything that differs between the classes but is not disease: image size,
# source, colour. A model would learn it.
# %% parameters
IMAGE_SIZE = 96  # pixels, longer side
EXCLUDE = []  # images to leave out, by name
# %%
from clinjup.imaging import audit_cohort, prepare_images

cohort = cohort.without(EXCLUDE, reason="left out by the run")
images = prepare_images(cohort, size=IMAGE_SIZE, folder="cache")
cohort = audit_cohort(cohort, images)
