"""Tell before the training whether a batch fits into memory, so that no kernel dies of it."""

from __future__ import annotations

import os
import traceback
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
_ACTIVATIONS_FACTOR = 1.5
_COPIES_OF_PARAMETERS = 5  # weights, gradients, two moments of AdamW, the best weights so far
_COPIES_OF_FILMS = 10  # float32 copies of a batch of films in augmentation and preprocessing


def check_batch_fits(network: nn.Module, films: Tensor, batch_size: int, compute: Compute) -> None:
    """Raise BatchTooLargeError if a training batch of `batch_size` would not fit into the free memory.

    `films`, two as float [2, C, H, W], are sent through a copy of `network`; what autograd keeps of them for the backward
    pass is counted and scaled up. The free memory is the least of the machine's, the container's (cgroup) and what an
    administrator grants in the environment variable CLINJUP_MEMORY_GB.
    """
    needed = training_bytes(network, films, batch_size, compute)
    available = free_bytes(compute.device)
    if needed > available:
        raise BatchTooLargeError(batch_size, (needed / 1e9, available / 1e9))


def training_bytes(network: nn.Module, films: Tensor, batch_size: int, compute: Compute) -> float:
    """Estimate of the peak memory of a training step, on top of what the process holds already."""
    copy = deepcopy(network).to(compute.device).train()
    films = films.to(compute.device)
    two = _bytes_kept(copy, films, compute)
    four = _bytes_kept(copy, torch.cat([films, films]), compute)
    each = (four - two) / 2  # the rest does not grow with the batch: parameters in the precision of autocast
    parameters = sum(parameter.nbytes for parameter in copy.parameters())
    fixed = two - 2 * each + _COPIES_OF_PARAMETERS * parameters
    return fixed + batch_size * (_ACTIVATIONS_FACTOR * each + _COPIES_OF_FILMS * films[0].nbytes)


def _bytes_kept(network: nn.Module, films: Tensor, compute: Compute) -> int:
    """What autograd keeps of `films` for the backward pass."""
    kept: dict[int, int] = {}
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    dtype = compute.autocast_dtype
    with (
        torch.random.fork_rng(),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast(compute.device, dtype=dtype, enabled=dtype is not None),
    ):
        output = network(films.contiguous(memory_format=compute.memory_format))
    del output  # held till here, so that no storage was freed and its address taken again
    return sum(kept.values())


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
    """Turn an allocation that failed in spite of the estimate into BatchTooLargeError, and give back what the batch held."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = ("not enough memory", "can't allocate memory", "out of memory", "cannot allocate memory")
        text = str(error).lower()
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not any(word in text for word in words):
            raise
        # The notebook keeps the error, and with it the activations of the batch, which the next try would lack.
        traceback.clear_frames(error.__traceback__)
        if device == "cuda":
            torch.cuda.empty_cache()
        raise BatchTooLargeError(batch_size) from error
