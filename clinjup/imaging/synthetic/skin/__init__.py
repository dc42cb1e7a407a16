"""Synthetic dermoscopy: lesions of seven classes with rulers, ink, hair and dark corners, drawn from a seed."""

from clinjup.imaging.synthetic.skin.image import SkinImage, render_skin
from clinjup.imaging.synthetic.skin.plan import PlannedImage, plan_skin_cohort

__all__ = ["PlannedImage", "SkinImage", "plan_skin_cohort", "render_skin"]
