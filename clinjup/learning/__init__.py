"""Training: networks, batches from the image cache, mitigation of confounders, checkpoints."""

from clinjup.learning.trained import TrainedModel, load_model
from clinjup.learning.training import train

__all__ = ["TrainedModel", "load_model", "train"]
