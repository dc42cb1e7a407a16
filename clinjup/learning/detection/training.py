"""Train one detector: the call behind the recipe's training cell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from clinjup.contracts import TrainingFinding
from clinjup.kernel.errors import ClinjupError
from clinjup.kernel.findings import emit
from clinjup.kernel.progress import ProgressBar
from clinjup.learning.batches import as_films, as_input
from clinjup.learning.checkpoints import checkpoint_path, fingerprint, finished_state, save_checkpoint
from clinjup.learning.compute import best_device
from clinjup.learning.curves import draw_detection_history
from clinjup.learning.detection.against import drawing_of, drawn_in
from clinjup.learning.detection.detector import KIND, DetectorModel, detector_from_state
from clinjup.learning.detection.interface import architecture_named
from clinjup.learning.detection.matching import Ranked, average_precision, image_weights
from clinjup.learning.detection.targets import Target, augment_with_boxes
from clinjup.learning.memory import out_of_memory_as_sentence
from clinjup.learning.mitigation import SEPARATOR, BatchTransform
from clinjup.learning.schedule import Pace, one_cycle

if TYPE_CHECKING:
    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort

BATCH = 32
CHECKS = 4  # times that validation is looked at during a training
WEIGHT_DECAY = 0.02
_CLIP = 5.0  # norm of the gradient


@dataclass(frozen=True)
class Supervision:
    """What a detector learns from: `targets` by cohort index, and how large a share of each batch comes from which images.

    `groups`: name -> (share, indices); the shares add up to 1. `recipe`, `hypothesis` and `change` describe the experiment.
    """

    targets: Mapping[int, Target]
    groups: Mapping[str, tuple[float, NDArray[np.int64]]]
    recipe: str
    hypothesis: str
    change: str


@dataclass(frozen=True)
class Lesson:
    """How a detector was trained: on what, with which `arguments` of train_detector, and the fingerprint of that training."""

    supervision: Supervision
    arguments: Mapping[str, Any]
    fingerprint: str


def train_detector(
    cohort: Cohort,
    images: ImageCache,
    supervision: Supervision,
    *,
    name: str,
    architecture: str = "heat_map",
    mitigation: str | None = None,
    confounder: str | Sequence[str] | None = None,
    start: DetectorModel | None = None,
    steps: int = 400,
    batch_size: int = BATCH,
    max_minutes: float = 5.0,
    seed: int = 0,
    pretrained: bool | str = False,
) -> DetectorModel:
    """Train `architecture` on what `supervision` says; the weights with the best AP50 on validation's known images are kept.

    `mitigation` names an entry of learning/mitigation that changes films, applied against `confounder` (or several); boxes stay as they are,
    and the last weights are kept: on films that show no confounder, AP50 does not tell which weights have learned to leave it alone.
    `start`: a detector of the same network, trained in this kernel, whose weights are trained further.
    Training ends after `steps` batches, or when `max_minutes` are over, towards which the cycle of the learning rate is shortened. Saved
    as checkpoints/NAME.ckpt; called again with the same arguments on the same data, that model is returned at once. Emits a
    TrainingFinding and shows the curve. Raises ClinjupError where nothing is boxed, BatchTooLargeError,
    WeightsUnavailableError.
    """
    kind = architecture_named(architecture)
    own = {
        "architecture": architecture,
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
        "pretrained": pretrained,
    }
    confounders = [confounder] if isinstance(confounder, str) else list(confounder or ())
    arguments: dict[str, Any] = {
        "kind": KIND,
        **own,
        "max_minutes": max_minutes,
        "recipe": supervision.recipe,
        "targets": _digest(supervision),
        # A plain training keeps the fingerprint that it had before there were mitigations.
        **({"mitigation": mitigation, "confounders": confounders} if mitigation else {}),
        **({"start": start.lesson.fingerprint} if start and start.lesson else {}),
    }
    path = checkpoint_path(name)
    identity = fingerprint(cohort, images, (), arguments)
    # A run grants each try another time, and a training that needed no more is still the same.
    timeless = fingerprint(cohort, images, (), {**arguments, "max_minutes": None})
    state = finished_state(path, identity, timeless)
    stopped = "loaded from checkpoint"
    if state is None:
        about = {
            "name": name,
            "architecture": architecture,
            "recipe": supervision.recipe,
            "hypothesis": supervision.hypothesis,
            "change": supervision.change,
            "mitigation": mitigation,
            "confounder": SEPARATOR.join(confounders) or None,
            "seed": seed,
            "image_size": images.size,
            "channels": images.channels,
            "target": cohort.target,
            "classes": list(cohort.classes),
            "synthetic": cohort.synthetic,
        }
        state = {"fingerprint": identity, "same_but_time": timeless, "finished": False, "model": about, "kind": KIND}
        network = _seeded(lambda: kind.build(images.channels, images.size, pretrained and start is None), seed)
        if start is not None:
            network.load_state_dict(start.network.state_dict())
        truth = validation_truth(cohort, images)
        ap50_of = partial(_ap50, images=images, truth=truth, weights=_validation_weights(cohort))
        transform = drawing_of(cohort, mitigation, confounders).transform
        with out_of_memory_as_sentence(batch_size, best_device().type):
            _fit(state, network, kind.learning_rate, images, supervision, transform, ap50_of, arguments, path)
        stopped = state["stopped"]
    model = detector_from_state(state, path.as_posix())
    model.lesson = Lesson(supervision, own, state["fingerprint"])
    _announce(model, state, stopped, supervision, batch_size)
    return model


def validation_truth(cohort: Cohort, images: ImageCache) -> dict[int, NDArray[np.float32]]:
    """Known boxes of the validation part, by cohort index, in pixels of the prepared images."""
    assert cohort.boxes is not None
    return {
        int(index): cohort.boxes.on(images, int(index))
        for index in cohort.part("validation").index
        if int(index) in cohort.boxes
    }


def _fit(
    state: dict[str, Any],
    network: nn.Module,
    learning_rate: float,
    images: ImageCache,
    supervision: Supervision,
    transform: BatchTransform | None,
    ap50_of: Callable[[nn.Module], float],
    arguments: Mapping[str, Any],
    path: Path,
) -> None:
    """Train, keeping in `state` and at `path` the weights that did best on validation."""
    began = time.monotonic()
    steps, seed, size = arguments["steps"], arguments["seed"], arguments["batch_size"]
    device = best_device()
    network = network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY)
    pace = Pace(steps=steps, seconds=60 * arguments["max_minutes"])
    generator, random = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    drawing = {name: _Drawing(rows, random) for name, (_, rows) in supervision.groups.items()}
    shares = np.array([share for share, _ in supervision.groups.values()])
    losses: list[float] = []
    history: list[dict[str, Any]] = []
    checks = {round(steps * (CHECKS - i) / CHECKS) for i in range(CHECKS)}
    best = -1.0
    spent = False
    with ProgressBar(f"Training {state['model']['name']}", steps, "batch") as bar:
        for step in range(1, steps + 1):
            network.train()
            counts = _apportioned(shares * size, random)
            rows = np.concatenate([draw.take(count) for draw, count in zip(drawing.values(), counts, strict=True)])
            films, drawn = as_input(as_films(images.pixels_of(rows))), [supervision.targets[int(row)] for row in rows]
            if transform is not None:
                films = drawn_in(transform, films, drawn, generator)
            films, targets = augment_with_boxes(films, drawn, generator)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * one_cycle(pace.progress)
            loss = network.loss(films.to(device).contiguous(memory_format=torch.channels_last), targets)  # type: ignore[operator]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimizer.step()
            losses.append(float(loss.detach()))
            pace.update(step, time.monotonic() - began)
            spent = time.monotonic() - began >= pace.seconds and step < steps
            if step in checks or spent:
                ap50 = ap50_of(network)
                history.append(
                    {"step": step, "train_loss": float(np.mean(losses)), "validation_ap50": ap50, "kept": False}
                )
                losses = []
                if np.isfinite(history[-1]["train_loss"]) and (ap50 >= best or transform is not None):
                    best = ap50
                    history = [{**row, "kept": row is history[-1]} for row in history]
                    kept = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
                    state.update(weights=kept, history=history, seconds=time.monotonic() - began)
            bar.advance(detail=f"validation AP50 {history[-1]['validation_ap50']:.2f}" if history else "")
            if spent:
                break
    if "weights" not in state:
        raise ClinjupError(
            f"The training of {state['model']['name']} diverged: its loss is no number any more. Train with another seed, or draw more boxes."
        )
    threads = torch.get_num_threads()
    state.update(
        finished=True,
        stopped="time budget" if spent else "all epochs",
        history=history,
        seconds=time.monotonic() - began,
        device=f"GPU ({torch.cuda.get_device_name()})"
        if device.type == "cuda"
        else f"CPU ({threads} thread{'s' * (threads > 1)})",
        films=len({int(row) for _, rows in supervision.groups.values() for row in rows}),
    )
    save_checkpoint(path, state)


class _Drawing:
    """Images of one group, each once before any comes again."""

    def __init__(self, rows: NDArray[np.int64], random: np.random.Generator) -> None:
        self.rows, self.random = rows, random
        self._queue: list[int] = []

    def take(self, count: int) -> NDArray[np.int64]:
        while len(self._queue) < count:
            self._queue += self.random.permutation(self.rows).tolist()
        taken, self._queue = self._queue[:count], self._queue[count:]
        return np.array(taken, np.int64)


def _apportioned(wanted: NDArray[np.float64], random: np.random.Generator) -> list[int]:
    """Whole numbers that add up to the sum of `wanted`, each the one below or above."""
    counts = np.floor(wanted).astype(int)
    for position in random.permutation(len(wanted))[: round(wanted.sum()) - counts.sum()]:
        counts[position] += 1
    return counts.tolist()


def _validation_weights(cohort: Cohort) -> NDArray[np.float64]:
    """Weights of the images of `validation_truth`, in its order, so that the curve shows the AP50 that the check on validation gives."""
    assert cohort.boxes is not None
    part = cohort.part("validation")
    known = np.array([int(index) in cohort.boxes for index in part.index], bool)
    return image_weights(known, (part["label"] == cohort.positive).to_numpy())[known]


def _ap50(
    network: nn.Module,
    images: ImageCache,
    truth: Mapping[int, NDArray[np.float32]],
    weights: NDArray[np.float64],
) -> float:
    """AP50 on the images of `truth`, each standing for as many as its weight says; 0 where there is no box."""
    network.eval()
    rows = np.array(list(truth), np.int64)
    marks: list[Any] = []
    device = next(network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(rows), 64):
            films = as_input(as_films(images.pixels_of(rows[start : start + 64]))).to(device)
            marks += network.detect(films.contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
    value = float(average_precision(Ranked.of(marks, [truth[int(row)] for row in rows]), weights[None])[0])
    return value if np.isfinite(value) else 0.0


def _seeded(build: Any, seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def _digest(supervision: Supervision) -> str:
    import hashlib

    digest = hashlib.sha256()
    for name, (share, rows) in supervision.groups.items():
        digest.update(f"{name} {share:.6f}".encode())
        for row in rows:
            target = supervision.targets[int(row)]
            digest.update(
                int(row).to_bytes(8, "little")
                + target.boxes.tobytes()
                + target.weights.tobytes()
                + target.unsure.tobytes()
            )
    return digest.hexdigest()


def _announce(
    model: DetectorModel, state: Mapping[str, Any], stopped: str, supervision: Supervision, batch_size: int
) -> None:
    history = model.history
    best = float(history.loc[history["kept"].idxmax(), "validation_ap50"])
    finding = TrainingFinding(
        name=model.name,
        architecture=model.architecture,
        mitigation=model.mitigation,
        parameters=model.parameters,
        seconds=round(model.seconds, 1),
        seed=model.seed,
        epochs=max(1, round(int(history["step"].max()) * batch_size / max(state["films"], 1))),
        stopped=stopped,
        precision="float32, channels last",
        device=state["device"],
        checkpoint=model.checkpoint,
    )
    how = {
        "time budget": ", when the time budget was spent",
        "loaded from checkpoint": " earlier; it was not repeated",
    }.get(stopped, "")
    parts = ", ".join(f"{len(rows)} {group}" for group, (_, rows) in supervision.groups.items() if len(rows))
    emit(
        finding,
        f"Trained {model.name} ({model.architecture}, {model.parameters:,} parameters; {supervision.recipe}) on {parts} in "
        f"{model.seconds:.0f} s on the {state['device']}{how}. Best validation AP50 {best:.2f}.",
    )
    draw_detection_history(model.name, history, synthetic=model.synthetic)


def marks_of(model: DetectorModel, images: ImageCache, rows: Sequence[int]) -> list[Any]:
    """Marks of cached images, in blocks so that memory stays small."""
    wanted = np.asarray(rows, np.int64)
    return [
        mark
        for start in range(0, len(wanted), 256)
        for mark in model.marks(images.pixels_of(wanted[start : start + 256]))
    ]
