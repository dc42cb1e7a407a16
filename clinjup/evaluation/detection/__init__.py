"""Judging detectors: average precision, FROC, a limit of false marks, subgroups, the cost in time, marked films."""

from clinjup.evaluation.detection.select import best_so_far, select_detector
from clinjup.evaluation.detection.test_set import DetectionTest, open_test_set_for_marks
from clinjup.evaluation.detection.validate import DetectorValidation, validate_detector

__all__ = [
    "DetectionTest",
    "DetectorValidation",
    "best_so_far",
    "open_test_set_for_marks",
    "select_detector",
    "validate_detector",
]
