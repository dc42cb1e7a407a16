"""Which networks are trained: small ones from nothing, unless the request says where pretrained weights are, or names a network."""

from __future__ import annotations

from typing import Any

from clinjup.agent.state import Brief
from clinjup.contracts import TaskType
from clinjup.weights import HUB

# Pixels that the small networks are made for, and those that the published weights were trained at.
IMAGE_SIZE, PRETRAINED_IMAGE_SIZE = 96, 224
SMALL_CNN, COARSE_CNN = "small_cnn", "small_cnn_64"
# The smallest that the field compares with; a laptop can train them further.
PRETRAINED_CLASSIFIER, PRETRAINED_DETECTOR = "resnet18", "fcos_resnet50_fpn"


def image_size(brief: Brief) -> int:
    """Pixels that images are scaled to for a classifier."""
    small = not brief.pretrained and (not brief.network or brief.network.startswith(SMALL_CNN))
    return IMAGE_SIZE if small else PRETRAINED_IMAGE_SIZE


def network_parameters(brief: Brief) -> dict[str, Any]:
    """The arguments of a training step that name its network, where they differ from the recipe's own."""
    detects = brief.task.task_type is TaskType.DETECTION
    default = PRETRAINED_DETECTOR if detects else PRETRAINED_CLASSIFIER
    network = brief.network or (default if brief.pretrained else COARSE_CNN if _is_seen_coarsely(brief) else "")
    start = {"PRETRAINED": pretrained_weights(brief)} if brief.pretrained else {}
    return {**({"ARCHITECTURE": network} if network else {}), **start}


def pretrained_weights(brief: Brief) -> bool | str:
    """What a training cell is told of the weights: those of the hub, or where they lie."""
    return brief.pretrained if brief.pretrained not in ("", HUB) else True


def from_scratch(brief: Brief) -> str:
    """The small network that takes the place of one whose weights cannot be had. It sees the images at the size that it is made for."""
    return COARSE_CNN if _is_seen_coarsely(brief) else f"{SMALL_CNN}_{IMAGE_SIZE}"


def _is_seen_coarsely(brief: Brief) -> bool:
    """One lesion fills the picture, and two classes are told apart by the whole of it."""
    return brief.task.modality == "dermoscopy" and brief.task.task_type is TaskType.BINARY
