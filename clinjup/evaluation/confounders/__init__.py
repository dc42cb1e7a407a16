"""Does the model read the confounder instead of the disease? Several checks, because each has a blind spot.

- strata: how well the model finds the disease where the confounder does not help it.
- insertion (headline): false alarms that appear when the confounder is drawn into films that have neither it nor the disease.
- cam: how much of the Grad-CAM lies on the inserted confounder; shown, never decisive, since it can be driven to zero while the
  reliance stays.
"""

from clinjup.evaluation.confounders.registry import Case, confounder_check, list_checks, run_checks

__all__ = ["Case", "confounder_check", "list_checks", "run_checks"]
