"""Networks by name: `small_cnn` for small images on a CPU, `small_cnn_64` (or another number) that sees them at so many pixels, and every
model of timm (https://github.com/huggingface/pytorch-image-models).
"""

from __future__ import annotations

import difflib
import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clinjup.kernel.errors import ClinjupError, WeightsUnavailableError
from clinjup.learning.pretrained import load_pretrained

SMALL_CNN, COARSE_CNN = "small_cnn", "small_cnn_64"
_SMALL = re.compile(r"small_cnn(?:_(\d{2,3}))?")


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., Deep Residual Learning, CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.activation = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.activation(images + self.body(images))


class SmallCNN(nn.Module):
    """A residual net of plain 3x3 convolutions for films of 96 to 128 pixels.

    The first layer is wider than its stride, so that halving the resolution loses no pixel: with 3x3 there a subtle
    pneumothorax was found less often. The head sees the average and the maximum of every feature map: an average over the
    whole film drowns a finding of a few pixels, the maximum keeps it. The last layer computes in float32, so that bfloat16
    does not round probabilities to ties.

    `resolution` [pixels]: `Standardised` brings larger images to that size first. A finding that fills the image, as a skin lesion does,
    is then seen whole by the last layers, and in the same time about twice as often.
    """

    def __init__(self, outputs: int, channels: int, resolution: int | None = None) -> None:
        super().__init__()
        self.resolution = resolution
        self.features = nn.Sequential(
            *_convolution(channels, 16, size=6),
            *_convolution(16, 32),
            Residual(32),
            *_convolution(32, 64),
            Residual(64),
            *_convolution(64, 96),
            Residual(96),
        )
        self.head = nn.Linear(2 * 96, outputs)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.features(images).float()
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        with torch.autocast(images.device.type, enabled=False):
            return self.head(pooled)


def _convolution(inputs: int, outputs: int, *, size: int = 3) -> list[nn.Module]:
    """A convolution that halves the resolution."""
    return [
        nn.Conv2d(inputs, outputs, size, stride=2, padding=(size - 1) // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class Standardised(nn.Module):
    """A network with its preprocessing inside: takes pixels as float 0..1, `[N, C, H, W]`, gives logits `[N, outputs]`.

    Every film is brought to mean 0 and deviation 1 by itself. How brightly a film was exposed says nothing about the patient,
    and a network that must learn this from a few thousand films learns films by heart instead.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def shrink(self, images: Tensor) -> Tensor:
        """`images` at the size that the network sees them at, where that is smaller; training augments them at that size."""
        size = getattr(self.backbone, "resolution", None)
        if size is None or images.shape[2] <= size:
            return images
        return functional.interpolate(images, size=(size, size), mode="bilinear", antialias=True)

    def forward(self, images: Tensor) -> Tensor:
        images = self.shrink(images)
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        return self.backbone((images - mean) / deviation.clamp_min(1e-3)).float()


def build_network(
    name: str, *, outputs: int, channels: int, pretrained: bool | str = False, image_size: int | None = None
) -> nn.Module:
    """The network `name` with `outputs` logits for images of `channels` channels (1 grey, 3 colour).

    `pretrained`: True takes the weights that timm publishes on the Hugging Face hub, a string is a local checkpoint file or
    folder. `image_size` in pixels is needed by the few families (vision transformers) that are built for one size.
    Raises ClinjupError for an unknown name, WeightsUnavailableError where the weights cannot be had.
    """
    if small := _SMALL.fullmatch(name):
        if pretrained:
            raise WeightsUnavailableError(f"none are published for '{name}'")
        return SmallCNN(outputs, channels, int(small[1]) if small[1] else None)
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, [SMALL_CNN, COARSE_CNN, *timm.list_models()], n=3)
        meant = f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
        raise ClinjupError(
            f"There is no network called '{name}'; there are '{SMALL_CNN}', '{COARSE_CNN}' and the models of timm.{meant}"
        )
    keywords: dict[str, Any] = {"num_classes": outputs, "in_chans": channels}
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # the part behind the dot, which names a set of weights, is unknown
        raise ClinjupError(f"There is no network called '{name}': {error}") from error
    if image_size is not None and config is not None and config.fixed_input_size:
        keywords["img_size"] = image_size
    if pretrained:
        return load_pretrained(name, pretrained, keywords)
    return timm.create_model(name, pretrained=False, **keywords)
