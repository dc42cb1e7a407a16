"""Detectors: what they learn from, training, marks. One interface for a light heat-map network and torchvision's detectors."""

from clinjup.learning.detection.against import train_against
from clinjup.learning.detection.detector import DetectorModel, load_detector
from clinjup.learning.detection.supervision import supervise
from clinjup.learning.detection.training import train_detector

__all__ = ["DetectorModel", "load_detector", "supervise", "train_against", "train_detector"]
