"""Training: networks, batches from the image cache, mitigation of confounders, checkpoints."""

from clinjup.learning.cross_fit import OutOfFold, cross_fit
from clinjup.learning.trained import TrainedModel, load_model
from clinjup.learning.training import train

__all__ = ["OutOfFold", "TrainedModel", "cross_fit", "load_model", "train"]
