"""torchvision's FCOS, Faster R-CNN and RetinaNet behind the interface of all detectors (BSD licence; weights of COCO where they can be had).

They know no weights of single boxes and no unsure regions: a pseudo-box counts like any other, and what is unsure is background to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from clinjup.kernel.errors import WeightsUnavailableError
from clinjup.learning.detection.matching import MOST_MARKS, Marks
from clinjup.learning.detection.targets import Target
from clinjup.learning.pretrained import local_checkpoint

NAMES = {
    "fcos_resnet50_fpn": "FCOS, ResNet-50 with feature pyramid",
    "fasterrcnn_mobilenet_v3_large_fpn": "Faster R-CNN, MobileNetV3 with feature pyramid",
    "retinanet_resnet50_fpn_v2": "RetinaNet, ResNet-50 with feature pyramid",
}


_SHARE_THAT_FITS = 0.95  # only the layers of COCO's classes may be missing


class TorchvisionDetector(nn.Module):
    """A torchvision detector of one class; grey images are given to all three channels."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Sum of the detector's own losses."""
        wanted = []
        for each in targets:
            # A zoom or shift may move a box out of the film; torchvision refuses one without width or height.
            boxes = each.boxes[(each.boxes[:, 2:] > each.boxes[:, :2]).all(axis=1)]
            labels = torch.ones(len(boxes), dtype=torch.int64, device=images.device)
            wanted.append({"boxes": torch.from_numpy(boxes).to(images.device), "labels": labels})
        return torch.stack(list(self.detector(list(self._three(images)), wanted).values())).sum()

    def detect(self, images: Tensor) -> list[Marks]:
        """The detector's boxes, highest score first."""
        found = []
        for each in self.detector(list(self._three(images))):
            order = torch.argsort(each["scores"], descending=True)[:MOST_MARKS]
            boxes, scores = each["boxes"][order].cpu().numpy(), each["scores"][order].cpu().numpy()
            found.append(Marks(boxes.astype(np.float32).reshape(-1, 4), scores.astype(np.float32)))
        return found

    def _three(self, images: Tensor) -> Tensor:
        return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def build_torchvision(name: str, image_size: int, pretrained: bool | str = False) -> TorchvisionDetector:
    """The detector `name` for one class beside background, at `image_size` pixels.

    `pretrained`: True takes COCO weights from torchvision's store, a string is a local file of such weights. All but the last layers,
    which belong to COCO's classes, are taken over. Raises WeightsUnavailableError where they cannot be had or are of another network.
    """
    from torchvision.models import detection

    keywords: dict[str, Any] = {
        "min_size": image_size,
        "max_size": image_size,
        "weights": None,
        "weights_backbone": None,
    }
    network = getattr(detection, name)(num_classes=2, **keywords)
    if pretrained:
        _take_over(network, name, _coco_weights(name, pretrained))
    return TorchvisionDetector(network)


def _take_over(network: nn.Module, name: str, state: Mapping[str, Any]) -> None:
    """Load all weights of `state` whose shape fits. torchvision itself finds those that its earlier versions named otherwise."""
    own = network.state_dict()
    fitting = {key: value for key, value in state.items() if key not in own or value.shape == own[key].shape}
    try:
        missing = network.load_state_dict(fitting, strict=False).missing_keys
    except RuntimeError as error:  # a weight under an earlier name has another shape
        raise WeightsUnavailableError("they are those of another network") from error
    weights = [key for key in own if not key.endswith("num_batches_tracked")]  # a count, which torch fills in itself
    share = 1 - len(set(missing) & set(weights)) / len(weights)
    if share < _SHARE_THAT_FITS:
        raise WeightsUnavailableError(
            f"only {share:.0%} of the weights of '{name}' are in the file, so it is of another network"
        )


def _coco_weights(name: str, pretrained: bool | str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    if isinstance(pretrained, str):
        file = local_checkpoint(Path(pretrained))
        try:
            state = load_file(file) if file.suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
        except Exception as error:  # the errors of disk, archive and pickle have no common base
            raise WeightsUnavailableError(f"'{pretrained}' is damaged or holds no weights of PyTorch") from error
        if isinstance(state, dict) and isinstance(state.get("model"), dict):  # a checkpoint of training
            state = state["model"]
        return (
            {key: value for key, value in state.items() if isinstance(value, Tensor)} if isinstance(state, dict) else {}
        )
    try:
        return get_model_weights(name).DEFAULT.get_state_dict(progress=False)
    except OSError as error:
        raise WeightsUnavailableError("the store of weights cannot be reached from here") from error
