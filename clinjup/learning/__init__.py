"""Training: networks, batches from the image cache, mitigation of confounders, checkpoints."""

from clinjup.learning.confounder_detector import confounder_counts, estimate_confounder
from clinjup.learning.cross_fit import OutOfFold, cross_fit
from clinjup.learning.trained import TrainedModel, load_model
from clinjup.learning.training import train

__all__ = [
    "OutOfFold",
    "TrainedModel",
    "confounder_counts",
    "cross_fit",
    "estimate_confounder",
    "load_model",
    "train",
]
