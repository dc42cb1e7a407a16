"""Imaging, in the kernel: readers for each dataset layout, the cohort table, the data audit, splits. No torch here."""

from clinjup.imaging.audit import audit_cohort
from clinjup.imaging.boxes import Boxes, check_boxes
from clinjup.imaging.cache import ImageCache, prepare_images
from clinjup.imaging.cohort import Cohort, check_usable, read_cohort
from clinjup.imaging.profile import profile_data
from clinjup.imaging.readers import detect_layout
from clinjup.imaging.split import split_cohort

__all__ = [
    "Boxes",
    "Cohort",
    "ImageCache",
    "audit_cohort",
    "check_boxes",
    "check_usable",
    "detect_layout",
    "prepare_images",
    "profile_data",
    "read_cohort",
    "split_cohort",
]
