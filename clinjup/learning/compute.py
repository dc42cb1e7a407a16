"""Where and how precisely a network is trained: the GPU when there is one, else the CPU at the precision that is faster there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # Lightning's names; parameters stay float32 in all of them


@dataclass(frozen=True)
class Compute:
    """A device, a precision and a memory layout."""

    device: Literal["cuda", "mps", "cpu"]
    precision: Precision
    channels_last: bool

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        return {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(self.precision)

    @property
    def words(self) -> str:
        """For the reader of a Finding, e.g. 'bfloat16 autocast, channels last'."""
        words = {"32-true": "float32", "bf16-mixed": "bfloat16 autocast", "16-mixed": "float16 autocast"}[
            self.precision
        ]
        return f"{words}, channels last" if self.channels_last else words


def choose_compute(network: nn.Module) -> Compute:
    """Decided by what the machine can do and what the network is made of, never by a race, so it is the same every time.

    On a CPU with bfloat16 instructions (AVX512-BF16, AMX) plain and grouped convolutions and transformers train 1.4 to 2.4
    times as fast in bfloat16; networks of depthwise convolutions (MobileNet, EfficientNet) take up to twice as long and keep
    float32. Without these instructions bfloat16 is emulated and slower, so it is never used. Channels last helps every
    convolutional network there, by 1.1 to 1.9 times.
    """
    precision: Precision
    if torch.cuda.is_available():
        precision = "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
        return Compute("cuda", precision, True)
    if torch.backends.mps.is_available():
        return Compute("mps", "32-true", False)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    depthwise = any(1 < convolution.groups == convolution.in_channels for convolution in convolutions)
    precision = "bf16-mixed" if cpu_has_bfloat16() and not depthwise else "32-true"
    return Compute("cpu", precision, len(convolutions) > 1)


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself and PyTorch's convolutions (oneDNN) make use of it."""
    if not torch.backends.mkldnn.is_available():
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def best_device() -> torch.device:
    """The device that predictions are made on."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
