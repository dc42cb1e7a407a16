"""Judging models in the kernel: metrics with intervals, operating points, confounder checks, the one opening of the test set."""

from clinjup.evaluation.association import association
from clinjup.evaluation.gradcam import gradcam_montage
from clinjup.evaluation.interactive import gradcam_browser, threshold_slider
from clinjup.evaluation.metadata import metadata_ablation
from clinjup.evaluation.probes import probe_pictures
from clinjup.evaluation.selection import select_model
from clinjup.evaluation.table_one import table_one
from clinjup.evaluation.test_set import TestSet, open_test_set
from clinjup.evaluation.validate import Validation, validate
from clinjup.evaluation.wording import metrics_table

__all__ = [
    "TestSet",
    "Validation",
    "association",
    "gradcam_browser",
    "gradcam_montage",
    "metadata_ablation",
    "metrics_table",
    "open_test_set",
    "probe_pictures",
    "select_model",
    "table_one",
    "threshold_slider",
    "validate",
]
