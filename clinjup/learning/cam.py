"""Find the layer whose maps Grad-CAM weighs: the last one that still has a picture's two dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Reshape = Callable[[Tensor], Tensor]


def find_cam_layer(network: nn.Module, channels: int, image_size: int) -> tuple[nn.Module, Reshape | None]:
    """The module with the last feature maps before pooling (Selvaraju et al., Grad-CAM, ICCV 2017), and how to read them.

    Found by sending one empty square image through `network`, so it holds for `small_cnn` and every timm model. The second
    part is None where the maps are `[N, C, h, w]`; else it turns them into that: channels last (Swin), or tokens (ViT), where
    the input of the last attention is taken, because only the class token of its output reaches the decision.
    """
    found: list[tuple[nn.Module, Reshape | None]] = []
    names = {module: name for name, module in network.named_modules()}

    def note(module: nn.Module, _: object, output: object) -> None:
        if not isinstance(output, Tensor) or len(output) != 1:
            return
        shape = output.shape
        if output.ndim == 4 and shape[2] == shape[3] > 1:
            found.append((module, None))
        elif output.ndim == 4 and shape[1] == shape[2] > 1:
            found.append((module, _channels_first))
        elif output.ndim == 3 and names[module].endswith(".norm1"):
            found.append((module, _tokens_as_maps))

    hooks = [module.register_forward_hook(note) for module in network.modules() if module is not network]
    training = network.training
    try:
        network.eval()
        with torch.inference_mode():
            device = next(network.parameters()).device
            network(torch.zeros(1, channels, image_size, image_size, device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found[-1]


def _channels_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2)


def _tokens_as_maps(tokens: Tensor) -> Tensor:
    """`[N, T, C]` as `[N, C, side, side]`; the tokens in front that are no image patches (class, registers) are left out."""
    side = math.isqrt(tokens.shape[1])
    patches = tokens[:, tokens.shape[1] - side * side :]
    return patches.reshape(len(tokens), side, side, -1).permute(0, 3, 1, 2)
