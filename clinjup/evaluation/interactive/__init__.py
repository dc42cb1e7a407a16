"""Findings that can be moved by hand while the kernel lives, and are pictures without one."""

from clinjup.evaluation.interactive.gradcam_browser import GradcamBrowser, gradcam_browser
from clinjup.evaluation.interactive.threshold_slider import ThresholdSlider, threshold_slider

__all__ = ["GradcamBrowser", "ThresholdSlider", "gradcam_browser", "threshold_slider"]
