"""Tell before the training whether a batch fits into memory, so that no kernel dies of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

from clinjup.kernel.errors import BatchTooLargeError
from clinjup.learning.compute import Compute

MEMORY_VARIABLE = "CLINJUP_MEMORY_GB"

# Beside what autograd keeps: the gradients of the layer at work, library buffers, the augmentation's copies.
_ACTIVATIONS_FACTOR = 1.4
_COPIES_OF_PARAMETERS = 5  # weights, gradients, two moments of AdamW, the best weights so far
_COPIES_OF_FILMS = 10  # float32 copies of a batch of films in augmentation and preprocessing


def check_batch_fits(network: nn.Module, films: Tensor, batch_size: int, compute: Compute) -> None:
    """Raise BatchTooLargeError if a training batch of `batch_size` would not fit into the free memory.

    `films`, float [n, C, H, W] with n = 2, are sent through a copy of `network` once; what autograd keeps of them for the
    backward pass is counted and scaled up. The free memory is the least of the machine's, the container's (cgroup) and
    what an administrator grants in the environment variable CLINJUP_MEMORY_GB.
    """
    needed = training_bytes(network, films, batch_size, compute)
    available = free_bytes(compute.device)
    if needed > available:
        raise BatchTooLargeError(batch_size, needed / 1e9, available / 1e9)


def training_bytes(network: nn.Module, films: Tensor, batch_size: int, compute: Compute) -> float:
    """Estimate of the peak memory of a training step, on top of what the process holds already."""
    copy = deepcopy(network).to(compute.device).train()
    films = films.to(compute.device)
    kept: dict[int, int] = {}
    own = {parameter.untyped_storage()._cdata for parameter in copy.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    dtype = compute.autocast_dtype
    with (
        torch.random.fork_rng(devices=[]),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast(compute.device, dtype=dtype or torch.bfloat16, enabled=dtype is not None),
    ):
        output = copy(films.contiguous(memory_format=compute.memory_format))
    del output
    activations = sum(kept.values()) / len(films) * batch_size
    parameters = sum(parameter.nbytes for parameter in copy.parameters())
    pixels = films[0].nbytes * batch_size
    return _ACTIVATIONS_FACTOR * activations + _COPIES_OF_PARAMETERS * parameters + _COPIES_OF_FILMS * pixels


def free_bytes(device: str = "cpu") -> float:
    """Memory that a training on `device` may take now."""
    limits = [float(psutil.virtual_memory().available), _free_in_container()]
    if device == "cuda":
        limits = [float(torch.cuda.mem_get_info()[0])]
    granted = os.environ.get(MEMORY_VARIABLE, "").strip().replace(",", ".")
    if granted:
        try:
            limits.append(float(granted) * 1e9)
        except ValueError:
            raise ValueError(f"{MEMORY_VARIABLE} must be a number of gigabytes, not {granted!r}.") from None
    return min(limits)


def _free_in_container(root: Path = Path("/sys/fs/cgroup")) -> float:
    """What a Linux container's memory limit leaves free; infinite where there is none. Cached file pages count as free."""
    for limit, used, inactive in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = (root / limit).read_text().strip()
            now = int((root / used).read_text())
            facts = dict(line.split() for line in (root / limit).with_name("memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if most != "max":
            return float(int(most) - now + int(facts.get(inactive, 0)))
    return float("inf")


@contextmanager
def out_of_memory_as_sentence(batch_size: int, device: str = "cpu") -> Iterator[None]:
    """Turn an allocation that failed in spite of the estimate into BatchTooLargeError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = ("not enough memory", "can't allocate memory", "out of memory", "cannot allocate memory")
        text = str(error).lower()
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not any(word in text for word in words):
            raise
        available = free_bytes(device) / 1e9
        raise BatchTooLargeError(batch_size, max(available, 0.1), available) from error
