# id: train_detector_against
# title: Train the detector once more, against a confounder
# explains: Trains the best detector so far on, with the confounder drawn into its training films, boxes unchanged.
# %% [markdown]
# ## Train: $name
# $why **Look for:** validation AP50 should come close to that of the detector before. Whether what is drawn in still gets marks is
# checked next.
# %% parameters
NAME = "insertion_augmentation"
CONFOUNDER = ["metal"]  # each is drawn into half of the training films
METRIC = "ap50"  # the best detector by it is trained on
MAX_MINUTES = 5.0
# %%
from clinjup.evaluation.detection import best_so_far
from clinjup.learning.detection import train_against

before = detectors[best_so_far(marked, METRIC, before=NAME)]
detectors[NAME] = train_against(before, cohort, images, name=NAME, confounder=CONFOUNDER, max_minutes=MAX_MINUTES)
