# id: load_cohort
# title: Load the cohort
# explains: Reads the tables as they came and gives every column its role: image, label, patient, confounder.
# %% [markdown]
# ## Load the cohort
# One row per image, read from the data folder as it came; nothing in it is changed. The arguments say which column means
# what. **Look for:** do the counts match what you know of your data? An image without an entry for a confounder is *unknown*,
# never "absent".
# %% parameters
DATA = "data"  # the folder as it came; it is only read
LAYOUT = "table"
TARGET = "target"
TARGET_NAME = "target"
PRIORITY = None  # of several classes the one that matters most
UPRIGHT = True  # False: an image has no up and down, and is turned by quarters in training and when judged
COLUMNS = {}
# %%
from clinjup.imaging import read_cohort

cohort = read_cohort(
    DATA, layout=LAYOUT, target=TARGET, target_name=TARGET_NAME, priority=PRIORITY, upright=UPRIGHT, **COLUMNS
)
# Filled further down. An earlier run in this notebook leaves nothing in them.
models, validations, out_of_fold, detectors, marked = {}, {}, {}, {}, {}
cohort.summary()
