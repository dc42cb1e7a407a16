"""Fit only the last layer anew, on balanced films that the rest of the network has not seen.

Kirichenko et al., Last layer re-training is sufficient for robustness to spurious correlations, ICLR 2023: a plainly trained network has
learned the disease as well as the confounder; the last layer decides what counts. A fifth of the training patients is kept for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinjup.kernel.errors import ClinjupError
from clinjup.learning.batches import input_of
from clinjup.learning.mitigation.balanced_sampling import balanced_sampling
from clinjup.learning.mitigation.groups import expected_groups
from clinjup.learning.mitigation.registry import Study, Treatment, mitigation

if TYPE_CHECKING:
    import pandas as pd

PARTS = 5  # one of them is kept for the last layer
STRENGTH = 0.1  # inverse of the ridge penalty on standardised features
_FILMS_AT_ONCE = 128


@mitigation(
    title="Last-layer retraining",
    explanation="The network is trained plainly on four fifths of the training data; its last layer is fitted anew on balanced "
    "images of the rest.",
    needs_labels=True,
    needs_images=True,
)
def last_layer_retraining(
    table: pd.DataFrame, confounder: str | None, labels: Sequence[str], study: Study
) -> Treatment:
    """Weights that leave a fifth of the patients out, and a last step that fits the last layer on that fifth."""
    from sklearn.model_selection import StratifiedGroupKFold

    parts = min(PARTS, table["group"].nunique())
    strata = expected_groups(table, str(confounder)).argmax(axis=1)
    rare = np.bincount(strata)[strata] < parts
    strata[rare] = 2 * table["label"].to_numpy(np.int64)[rare]
    _, held_out = next(StratifiedGroupKFold(parts).split(table, strata, table["group"]))
    kept = table.iloc[held_out]
    weights = np.ones(len(table))
    weights[held_out] = 0
    if kept["label"].nunique() < table["label"].nunique() or len(np.unique(table["label"][weights > 0])) < 2:
        raise ClinjupError(
            "The training part is too small to keep a fifth of its patients for the last layer: that fifth lacks a class."
        )
    balanced = balanced_sampling(kept, confounder, labels)
    mass = np.ones(len(kept)) if balanced.weights is None else balanced.weights * len(kept)

    def finish(network: nn.Module) -> None:
        layer = last_layer(network)
        features = features_before(layer, network, study, kept.index.to_numpy(np.int64))
        refit(layer, features, kept["label"].to_numpy(np.int64), mass)

    return Treatment(weights=weights / weights.sum(), notes=balanced.notes, finish=finish)


def last_layer(network: nn.Module) -> nn.Linear:
    """The linear layer that gives the logits. Raises ClinjupError where a network has none."""
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ClinjupError("This network has no linear layer at its end, so none can be fitted anew.")
    return linear[-1]


def features_before(layer: nn.Linear, network: nn.Module, study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """What `layer` sees of the films at `rows` of the cohort, [rows, features]."""
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().float().cpu()))
    try:
        with torch.inference_mode():
            for start in range(0, len(rows), _FILMS_AT_ONCE):
                pixels = study.images.pixels_of(rows[start : start + _FILMS_AT_ONCE])
                network(input_of(pixels, network, "the network", study.images.size, study.images.channels))
    finally:
        hook.remove()
    return torch.cat(seen).flatten(1).double().numpy()


def refit(
    layer: nn.Linear, features: NDArray[np.float64], labels: NDArray[np.int64], mass: NDArray[np.float64]
) -> None:
    """Logistic regression on standardised features, written into `layer`."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-6] = 1.0
    fitted = LogisticRegression(C=STRENGTH, max_iter=2000).fit((features - mean) / scale, labels, sample_weight=mass)
    slopes = fitted.coef_ / scale
    offsets = fitted.intercept_ - slopes @ mean
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(slopes, dtype=layer.weight.dtype))
        layer.bias.copy_(torch.as_tensor(offsets, dtype=layer.bias.dtype))
