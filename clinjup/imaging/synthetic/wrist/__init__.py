"""Synthetic wrists of children: two views, growth plates, fractures with boxes, casts, metal, text markers, follow-ups."""

from clinjup.imaging.synthetic.wrist.film import WristFilm, render_wrist
from clinjup.imaging.synthetic.wrist.plan import PlannedWrist, boxed_patients, plan_wrists

__all__ = ["PlannedWrist", "WristFilm", "boxed_patients", "plan_wrists", "render_wrist"]
