"""What all code that runs inside the notebook's kernel shares: findings, figures, progress, errors."""

from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.figures import show_figure
from clinjup.kernel.findings import emit
from clinjup.kernel.progress import track

__all__ = ["ClinjupError", "emit", "show_figure", "track"]
