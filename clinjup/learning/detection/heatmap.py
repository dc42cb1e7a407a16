"""A light detector that trains from scratch on a laptop: a heat map of centres at a quarter of the resolution, with sizes and offsets.

Zhou, Wang, Krähenbühl, Objects as Points, 2019 (arXiv 1904.07850): each object is a peak of a heat map, its size and the place of its
centre within a cell are read off beside the peak. The network is of our own: plain residual convolutions down to a sixteenth, and back up
to a quarter, so that a peak knows the bone around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clinjup.learning.architectures import Residual
from clinjup.learning.detection.matching import MOST_MARKS, Marks
from clinjup.learning.detection.targets import Target

STRIDE = 4
_LOWEST = 0.02  # scores below are no marks
_SIZE_WEIGHT, _OFFSET_WEIGHT = 1.0, 0.5


def _down(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride=2, padding=(size - 1) // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class HeatMapDetector(nn.Module):
    """Takes float 0..1 `[N, C, H, W]` (H and W multiples of 16)."""

    def __init__(self, channels: int = 1, width: int = 24) -> None:
        super().__init__()
        self.quarter = nn.Sequential(_down(channels, width // 2, 6), _down(width // 2, width), Residual(width))
        self.eighth = nn.Sequential(_down(width, 2 * width), Residual(2 * width))
        self.sixteenth = nn.Sequential(_down(2 * width, 3 * width), Residual(3 * width), Residual(3 * width))
        self.from_sixteenth = nn.Conv2d(3 * width, 2 * width, 1)
        self.from_eighth = nn.Conv2d(2 * width, width, 1)
        self.merge = Residual(2 * width)
        self.trunk = Residual(width)
        self.head = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 5, 1)
        )
        nn.init.constant_(self.head[-1].bias[0], -3.0)  # type: ignore[index, arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """`[N, 5, H/4, W/4]`: logit of a centre, offset x and y in cells, log size x and y in cells."""
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        quarter = self.quarter((images - mean) / deviation.clamp_min(1e-3))
        eighth = self.eighth(quarter)
        deep = self.from_sixteenth(self.sixteenth(eighth))
        middle = self.merge(eighth + functional.interpolate(deep, scale_factor=2.0))
        fine = self.trunk(quarter + functional.interpolate(self.from_eighth(middle), scale_factor=2.0))
        return self.head(fine).float()

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Focal loss of the heat map, L1 of size and offset at the centres; pseudo-boxes by their weights."""
        out = self(images)
        truth = _encode(targets, out.shape[2], out.shape[3])
        heat, unsure, cells, offsets, sizes, weights = (part.to(out.device) for part in truth)
        logits = out[:, 0]
        positive = functional.logsigmoid(logits) * (1 - torch.sigmoid(logits)) ** 2
        negative = functional.logsigmoid(-logits) * torch.sigmoid(logits) ** 2 * (1 - heat) ** 4
        total = -(negative * (1 - unsure)).sum()
        if len(cells):
            n, y, x = cells.T
            total = total - (positive[n, y, x] * weights).sum()
            # Beside a centre the cell counts as background no longer.
            total = total + ((1 - unsure) * negative)[n, y, x].sum()
            total = total + _OFFSET_WEIGHT * ((out[n, 1:3, y, x] - offsets).abs().sum(1) * weights).sum()
            total = total + _SIZE_WEIGHT * ((out[n, 3:5, y, x] - sizes).abs().sum(1) * weights).sum()
        return total / weights.sum().clamp_min(float(max(1, len(images) // 4)))

    def detect(self, images: Tensor) -> list[Marks]:
        """Peaks of the heat map as boxes in pixels, one a place."""
        out = self(images)
        heat = torch.sigmoid(out[:, 0])
        peaks = heat * (functional.max_pool2d(heat[:, None], 5, stride=1, padding=2)[:, 0] == heat)
        scores, places = peaks.flatten(1).topk(min(4 * MOST_MARKS, peaks[0].numel()), dim=1)
        found = []
        for n in range(len(images)):
            kept = scores[n] > _LOWEST
            place = places[n][kept]
            y, x = place // heat.shape[2], place % heat.shape[2]
            reading = out[n, 1:5, y, x].T
            centre = (torch.stack([x, y], 1) + 0.5 + reading[:, :2]) * STRIDE
            half = reading[:, 2:].clamp(-4, 5).exp() * (STRIDE / 2)
            boxes = torch.cat([centre - half, centre + half], 1)
            boxes[:, 0::2].clamp_(0, images.shape[3])
            boxes[:, 1::2].clamp_(0, images.shape[2])
            found.append(_suppressed(boxes, scores[n][kept]))
        return found


def _suppressed(boxes: Tensor, scores: Tensor) -> Marks:
    from torchvision.ops import nms

    kept = nms(boxes, scores, 0.5)[:MOST_MARKS]
    return Marks(boxes[kept].cpu().numpy().astype(np.float32), scores[kept].cpu().numpy().astype(np.float32))


def _encode(targets: Sequence[Target], height: int, width: int) -> tuple[Tensor, ...]:
    """Heat map and unsure cells `[N, h, w]`; per box its cell (n, y, x), offset, log size (in cells) and weight."""
    heat = np.zeros((len(targets), height, width), np.float32)
    unsure = np.zeros_like(heat)
    rows, columns = np.mgrid[:height, :width].astype(np.float32) + 0.5
    cells, offsets, sizes, weights = [], [], [], []
    for n, target in enumerate(targets):
        for x0, y0, x1, y1 in target.unsure / STRIDE:
            unsure[n, max(0, int(y0)) : int(np.ceil(y1)), max(0, int(x0)) : int(np.ceil(x1))] = 1
        for (x0, y0, x1, y1), weight in zip(target.boxes / STRIDE, target.weights, strict=True):
            across, down = x1 - x0, y1 - y0
            if across <= 0 or down <= 0:
                continue
            cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
            x, y = min(int(cx), width - 1), min(int(cy), height - 1)
            spread = max(across / 6, 0.6), max(down / 6, 0.6)
            blob = np.exp(-0.5 * (((columns - cx) / spread[0]) ** 2 + ((rows - cy) / spread[1]) ** 2))
            heat[n] = np.maximum(heat[n], blob)
            cells.append((n, y, x))
            offsets.append((cx - x - 0.5, cy - y - 0.5))
            sizes.append((np.log(across), np.log(down)))
            weights.append(weight)
    empty = (0, 2)
    return (
        torch.from_numpy(heat),
        torch.from_numpy(unsure),
        torch.tensor(cells, dtype=torch.int64).reshape(-1, 3),
        torch.tensor(np.array(offsets, np.float32).reshape(empty if not offsets else (-1, 2))),
        torch.tensor(np.array(sizes, np.float32).reshape(empty if not sizes else (-1, 2))),
        torch.tensor(np.array(weights, np.float32)),
    )
