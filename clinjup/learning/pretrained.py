"""Pretrained weights for timm models, from the Hugging Face hub or a local file, without a long wait where there is no network."""

from __future__ import annotations

import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from clinjup.kernel.errors import WeightsUnavailableError
from clinjup.weights import checkpoint_files

Fetched = TypeVar("Fetched")

SECONDS_TO_REACH_HUB = 6.0
SECONDS_TO_FETCH = 300.0  # a ResNet-50 on a slow line; what stalls longer is given up


def load_pretrained(name: str, source: bool | str, keywords: dict[str, Any]) -> nn.Module:
    """The timm model `name`, built with `keywords`, with pretrained weights; timm adapts its first and its last layer.

    `source` is True for the hub (or its cache on this machine), else the path of a checkpoint file or of a folder that holds
    one: safetensors, or PyTorch's format, which is read with `weights_only=True`. Raises WeightsUnavailableError.
    """
    import timm

    path = local_checkpoint(Path(source)) if isinstance(source, str) else _from_hub_cache(name)
    log = logging.getLogger("timm")
    level = log.level
    try:
        log.setLevel(logging.ERROR)
        if path is None:
            path = _fetched(name)
        overlay = None if path is None else _overlay(name, path)
        build = partial(timm.create_model, name, pretrained=True, pretrained_cfg_overlay=overlay, **keywords)
        return build() if path is not None else _in_time(build, "the server of the weights")
    except Exception as error:  # the errors of hub, proxy, disk and format have no common base
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsUnavailableError(reason if len(reason) < 160 else reason[:160] + " ...") from error
    finally:
        log.setLevel(level)


def local_checkpoint(path: Path) -> Path:
    """`path` itself, or the first checkpoint in the folder `path`, safetensors preferred."""
    found = checkpoint_files(str(path))
    if not found:
        raise WeightsUnavailableError(f"there is no checkpoint at '{path.as_posix()}'")
    return found[0]


def _overlay(name: str, path: Path) -> dict[str, Any]:
    """What timm must know to load `path`. The number of classes in the file's own head makes it put a new head on."""
    import timm

    state = timm.models.load_state_dict(str(path), device="cpu")
    config = timm.get_pretrained_cfg(name)
    head = config.classifier if config else None
    heads = (head,) if isinstance(head, str) else tuple(head or ())
    body = [key for key in timm.create_model(name).state_dict() if not key.startswith(heads)]
    if any(key not in state for key in body):
        raise ValueError(f"'{path.as_posix()}' holds the weights of another network")
    weight = state.get(f"{heads[0]}.weight") if heads else None
    return {"state_dict": state, "num_classes": 0 if weight is None else len(weight), "custom_load": False}


def _from_hub_cache(name: str) -> Path | None:
    """The weights in the hub's cache on this machine; None where they must be fetched and the hub answers.

    One short look instead of huggingface_hub's own retries, which take 46 s on a machine without a network.
    """
    import timm
    from huggingface_hub import hf_hub_url, try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_OFFLINE

    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise WeightsUnavailableError(f"none are published for '{name}'")
    url = str(config.url)
    if config.hf_hub_id:
        file = config.hf_hub_filename or "model.safetensors"
        cached = try_to_load_from_cache(config.hf_hub_id, file)
        if isinstance(cached, str):
            return Path(cached)
        url = hf_hub_url(config.hf_hub_id, file)
    if HF_HUB_OFFLINE or not _answers(url, SECONDS_TO_REACH_HUB):
        raise WeightsUnavailableError("the Hugging Face hub cannot be reached from this machine")
    return None


def _fetched(name: str) -> Path | None:
    """The weights in the hub's cache after fetching them; None for a model that is kept elsewhere, which timm fetches itself."""
    import timm
    from huggingface_hub import constants, hf_hub_download

    config = timm.get_pretrained_cfg(name)
    if not config.hf_hub_id:
        return None
    file, address = config.hf_hub_filename or "model.safetensors", constants.ENDPOINT
    return Path(_in_time(partial(hf_hub_download, config.hf_hub_id, file, endpoint=address), "the Hugging Face hub"))


def _in_time(fetch: Callable[[], Fetched], server: str) -> Fetched:
    """What `fetch` returns, within SECONDS_TO_FETCH.

    Raises TimeoutError where the server answered and then sends nothing: its client alone would wait on, or try again and again.
    """
    outcome: list[Fetched | Exception] = []

    def run() -> None:
        try:
            outcome.append(fetch())
        except Exception as error:  # handed to the thread that waits
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS_TO_FETCH)
    if not outcome:
        raise TimeoutError(f"{server} answers, but the file did not arrive within {SECONDS_TO_FETCH:g} seconds")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _answers(url: str, seconds: float) -> bool:
    """Whether the server of `url` answers, with whatever status, within `seconds`."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds).close()
        except urllib.error.HTTPError:
            pass
        except OSError:
            return
        answered.set()

    # In a thread because looking up a host name knows no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
