"""Grad-CAM of a trained model (Selvaraju et al., ICCV 2017), by the grad-cam package.

Saliency is weak evidence: it shows where gradients are large, not why the model decides, and can be moved without moving the decision.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from clinjup.learning.trained import TrainedModel

_FILMS_AT_ONCE = 16


def grad_cam(model: TrainedModel, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Heat maps for the class of interest, [N, H, W] in 0..1, of films uint8 [N, H, W] or [N, H, W, 3].

    Each map is scaled to its own maximum; it is zero everywhere where nothing speaks for the target.
    """
    from pytorch_grad_cam import GradCAM

    maps = []
    with GradCAM(model=model.network, target_layers=model.cam_layers, reshape_transform=model.cam_reshape) as cam:
        for start in range(0, len(pixels), _FILMS_AT_ONCE):
            films = model.as_input(pixels[start : start + _FILMS_AT_ONCE])
            maps.append(cam(input_tensor=films, targets=[partial(_target_logit, model.positive)] * len(films)))
    return np.concatenate(maps) if maps else np.zeros((0, *pixels.shape[1:3]), np.float32)


def _target_logit(positive: int, output: torch.Tensor) -> torch.Tensor:
    """Logit of the class of interest from one row of a network's output: its only one, or that at `positive`."""
    logits = output.reshape(-1)
    return logits[-1] if len(logits) == 1 else logits[positive]
