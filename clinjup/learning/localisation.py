"""A second head that learns where the finding lies, from the maps that the decision is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from clinjup.learning.cam import find_cam_layer
from clinjup.learning.outlines import Outlines

WEIGHT = 1.0  # of its loss, beside cross-entropy


class LocalisationHead(nn.Module):
    """Scores each cell of the last feature maps of `network`: does the finding lie in it? Used in training only.

    The maps are those of the network's latest pass. `network` takes float `[N, channels, H, W]`, H and W the size of the `outlines`.
    """

    def __init__(self, network: nn.Module, channels: int, outlines: Outlines) -> None:
        super().__init__()
        self.outlines = outlines
        layer, self._as_maps = find_cam_layer(network, channels, outlines.size)
        layer.register_forward_hook(self._keep)
        training = network.training
        with torch.no_grad():
            network.eval()(torch.zeros(1, channels, outlines.size, outlines.size))
        network.train(training)
        self.score = nn.Conv2d(self._maps.shape[1], 1, kernel_size=1)

    def loss(self, outlines: Tensor, rows: Tensor) -> Tensor:
        """Cross-entropy of the cells, those with and those without the finding weighing the same.

        `outlines` [N, 1, H, W] of 0..1, moved as the images were; `rows` [N] of the training table. A cell has the finding where a pixel of it
        is covered by half. Images of which the data say nothing are passed over.
        """
        maps = self._maps
        known = torch.from_numpy(self.outlines.known[rows.cpu().numpy()]).to(maps.device)
        there = functional.adaptive_max_pool2d(outlines, list(maps.shape[2:])).round()
        with torch.autocast(maps.device.type, enabled=False):
            each = functional.binary_cross_entropy_with_logits(self.score(maps.float()), there, reduction="none")
        told = known.view(-1, 1, 1, 1).float()
        sides = [(each * side).sum() / side.sum().clamp_min(1) for side in (there * told, (1 - there) * told)]
        return WEIGHT * (sides[0] + sides[1]) / 2

    def _keep(self, module: nn.Module, _: object, maps: Tensor) -> None:
        self._maps = maps if self._as_maps is None else self._as_maps(maps)
