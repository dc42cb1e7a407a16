# id: train_detector
# title: Train a detector
# explains: Trains one detector on the boxes there are; what counts as background is said in the cell.
# %% [markdown]
# ## Train: $name
# $why **Look for:** validation AP50 (1 = every box found, nothing else marked) should rise and level off.
# %% parameters
NAME = "baseline"
SUPERVISION = "all_boxes"  # or "boxes_only", "boxes_and_negatives", "pseudo_boxes" (of an earlier detector)
GATE = None  # classifier of whole images, asked before a pseudo-box is made
ARCHITECTURE = "heat_map"  # or of torchvision, e.g. "fcos_resnet50_fpn"
PRETRAINED = False  # True: weights of COCO, for a detector of torchvision; or the path of a checkpoint file or folder
STEPS = 400
BATCH_SIZE = 32
MAX_MINUTES = 5.0
SEED = 0
# %%
from itertools import takewhile

from clinjup.evaluation.detection import best_so_far
from clinjup.learning.detection import supervise, train_detector

detectors = {} if "detectors" not in globals() else detectors
teacher = detectors[best_so_far(marked, before=NAME)] if SUPERVISION == "pseudo_boxes" else None
rounds = [name for name in takewhile(lambda name: name != NAME, detectors) if name.startswith("pseudo_boxes")]
supervision = supervise(
    SUPERVISION, cohort, images, teacher=teacher, gate=models[GATE] if GATE else None, earlier=rounds
)
network = {"architecture": ARCHITECTURE, "pretrained": PRETRAINED, "seed": SEED}
length = {"steps": STEPS, "batch_size": BATCH_SIZE, "max_minutes": MAX_MINUTES}
detectors[NAME] = train_detector(cohort, images, supervision, name=NAME, **network, **length)
