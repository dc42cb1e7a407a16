"""Statistics of batch normalisation for evaluation, estimated from training films with the weights as they are now."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from clinjup.learning.compute import Compute


@torch.no_grad()
def estimate_statistics(network: nn.Module, films: Iterable[Tensor], compute: Compute) -> None:
    """Replace the running statistics of `network` by the mean over `films`, batches of float 0..1 `[N, C, H, W]`.

    The running averages of training lag behind weights that change fast: with few or early batches a network that is right in
    training mode gives logits of -50 in evaluation mode. (Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021: "PreciseBN".)
    """
    layers = [
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
    ]
    if not layers:
        return
    states = [(layer, layer.momentum, layer.training) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean
        layer.train()
    with torch.autocast(compute.device, dtype=compute.autocast_dtype, enabled=compute.autocast_dtype is not None):
        for batch in films:
            network(batch)
    for layer, momentum, training in states:
        layer.momentum = momentum
        layer.train(training)
