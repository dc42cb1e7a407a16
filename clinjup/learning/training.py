"""Train one network on a cohort: the call behind the recipe's training cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from clinjup.contracts import NoteFinding
from clinjup.imaging.classes import label_words
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from clinjup.kernel.findings import emit
from clinjup.kernel.progress import ProgressBar
from clinjup.learning.architectures import Standardised, build_network
from clinjup.learning.batches import Batches, as_films, as_input, draw_rows
from clinjup.learning.checkpoints import (
    checkpoint_path,
    fingerprint,
    finished_state,
    read_checkpoint,
    save_checkpoint,
)
from clinjup.learning.compute import Compute, choose_compute
from clinjup.learning.memory import check_batch_fits, out_of_memory_as_sentence
from clinjup.learning.mitigation import Study, Treatment, treatment_for
from clinjup.learning.quiet import quiet_and_interruptible
from clinjup.learning.schedule import Pace
from clinjup.learning.trained import TrainedModel, model_from_state
from clinjup.nouns import model_words

if TYPE_CHECKING:
    import pandas as pd

    from clinjup.imaging.cache import ImageCache
    from clinjup.imaging.cohort import Cohort


_FILMS_FOR_STATISTICS = 256
# Epochs without a better validation: in the middle of a long cycle, where the learning rate is high, many pass that mean nothing.
_FEWEST_PATIENCE, _PATIENCE_SHARE = 5, 1 / 3
_SETTINGS = ("epochs", "batch_size", "learning_rate", "max_minutes", "pretrained", "class_weighting", "patience")


def train(
    cohort: Cohort,
    images: ImageCache,
    *,
    name: str,
    architecture: str = "small_cnn",
    mitigation: str | None = None,
    confounder: str | Sequence[str] | None = None,
    epochs: int = 8,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    max_minutes: float = 5.0,
    seed: int = 0,
    pretrained: bool | str = False,
    class_weighting: bool = False,
    patience: int | None = None,
    keep: Literal["best", "last"] = "best",
    quiet: bool = False,
) -> TrainedModel:
    """Train `architecture` on the cohort's training part; the weights of the epoch with the best validation AUROC are kept.

    `mitigation` names an entry of learning/mitigation, or several joined by "+", applied against `confounder` (or several).
    The learning rate goes through one cycle up to `learning_rate`. Training ends after `epochs`; or when `patience` epochs brought
    no better validation AUROC (early stopping; None: a third of `epochs`, at least 5); or when `max_minutes` are over, towards which
    the cycle is shortened. `class_weighting` weighs classes by the inverse of their frequency. Images without an up and a down
    (`cohort.upright`) are turned by quarters.

    The model is saved as checkpoints/NAME.ckpt each time it improves. Called again with the same arguments on the same
    images, labels and split, `train` returns that model at once; one that was killed goes on after its last complete epoch,
    and ends as if it had not been. The same seed gives the same weights on the same machine, unless the time ran out.
    `keep="last"` keeps the last epoch's weights instead of the best's; `quiet` says and shows nothing. Emits a
    TrainingFinding and shows the learning curve.

    Raises ClassAbsentError, BatchTooLargeError, WeightsUnavailableError, or ClinjupError with a sentence of its own.
    """
    patience = max(_FEWEST_PATIENCE, round(_PATIENCE_SHARE * epochs)) if patience is None else patience
    arguments: dict[str, Any] = {
        "architecture": architecture,
        "mitigation": mitigation,
        "confounder": confounder,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_minutes": max_minutes,
        "seed": seed,
        "pretrained": pretrained,
        "class_weighting": class_weighting,
        "patience": patience,
        "upright": cohort.upright,
        "keep": keep,
    }
    confounders = [confounder] if isinstance(confounder, str) else list(confounder or ())
    path = checkpoint_path(name)
    identity = fingerprint(cohort, images, confounders, arguments)
    # A run grants each try another time, and a training that needed no more is still the same.
    timeless = fingerprint(cohort, images, confounders, {**arguments, "max_minutes": None})
    state = finished_state(path, identity, timeless)
    if state is not None:
        model = model_from_state(state, path.as_posix())
        if not quiet:
            _announce(model, state, stopped="loaded from checkpoint")
        return model

    training, validation = _part(cohort, "train"), _part(cohort, "validation")
    firsts: list[TrainedModel] = []
    study = Study(cohort, images, lambda share: _first_model(cohort, images, name, arguments, share, firsts))
    treatment = treatment_for(training, mitigation, confounders, label_words(cohort), study)
    for note in [] if quiet else treatment.notes:
        emit(NoteFinding(sentence=note), note)
    about = {
        "name": name,
        "architecture": architecture,
        "mitigation": mitigation,
        "confounder": "+".join(confounders) or None,
        "seed": seed,
        "image_size": images.size,
        "channels": images.channels,
        "target": cohort.target,
        "classes": list(cohort.classes),
        "synthetic": cohort.synthetic,
        "positive": cohort.positive,
        "upright": cohort.upright,
        "settings": {name: arguments[name] for name in _SETTINGS},
    }
    start = {"fingerprint": identity, "same_but_time": timeless, "finished": False, "model": about}
    spent = sum(first.seconds for first in firsts)
    left = {**arguments, "max_minutes": max(max_minutes - spent / 60, min(max_minutes, 0.1))}
    state = _fit(start, images, training, validation, treatment, left, path, spent)
    model = model_from_state(state, path.as_posix())
    if not quiet:
        _announce(model, state, stopped=state["stopped"])
    return model


def _first_model(
    cohort: Cohort, images: ImageCache, name: str, arguments: dict[str, Any], share: float, kept: list[TrainedModel]
) -> TrainedModel:
    """A network that a mitigation learns from, saved as checkpoints/NAME.first.ckpt and appended to `kept`."""
    names = ("architecture", "batch_size", "learning_rate", "seed", "pretrained", "class_weighting")
    first = train(
        cohort,
        images,
        name=f"{name}.first",
        epochs=max(1, round(share * arguments["epochs"])),
        max_minutes=share * arguments["max_minutes"],
        patience=1000,
        keep="last",
        quiet=True,
        **{key: arguments[key] for key in names},
    )
    kept.append(first)
    return first


def _best_so_far(path: Path, identity: str) -> dict[str, Any]:
    """Weights and history of an unfinished training's best epoch; none where no epoch had a finite score."""
    try:
        state = read_checkpoint(path)
    except ClinjupError:
        return {}
    same = state.get("same_but_time") == identity
    return {name: state[name] for name in ("history", "weights", "seconds")} if same else {}


def _part(cohort: Cohort, split: str) -> pd.DataFrame:
    """One part of the cohort. Training needs every class; validation at least one image."""
    part = cohort.part(split)
    for value, label in enumerate(cohort.classes):
        if part.empty or (split == "train" and not (part["label"] == value).any()):
            raise ClassAbsentError(split, label)
    return part


def _fit(
    state: dict[str, Any],
    images: ImageCache,
    training: pd.DataFrame,
    validation: pd.DataFrame,
    treatment: Treatment,
    arguments: dict[str, Any],
    path: Path,
    spent: float,
) -> dict[str, Any]:
    """Train, and return the state that was saved at `path`; `spent` seconds went into first networks."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import EarlyStopping

    from clinjup.learning.classifier import BatchProgress, Classifier, EpochRecord, TimeBudget
    from clinjup.learning.localisation import LocalisationHead
    from clinjup.learning.unfinished import SaveEachEpoch, epochs_done, unfinished_path

    unfinished, identity = unfinished_path(path), state["same_but_time"]
    done = epochs_done(unfinished, identity)
    if done:
        state |= _best_so_far(path, identity)
        note = f"The training of {state['model']['name']} went on after epoch {done}, where an earlier try had ended."
        emit(NoteFinding(sentence=note), note)
    about, epochs, seed, batch_size = state["model"], arguments["epochs"], arguments["seed"], arguments["batch_size"]
    rows, labels = _rows_and_labels(training)
    batches = Batches(images, rows, labels, batch_size, seed=seed, weights=treatment.weights)
    checks = Batches(images, *_rows_and_labels(validation), batch_size)
    sample = draw_rows(len(rows), treatment.weights, np.random.default_rng(seed))[:_FILMS_FOR_STATISTICS]
    statistics = Batches(images, rows[sample], labels[sample], batch_size)
    with _seeded(seed):
        network = _network(about, arguments["pretrained"])
        compute = choose_compute(network)
        network = network.to(memory_format=compute.memory_format)
        with out_of_memory_as_sentence(batch_size, compute.device):
            check_batch_fits(network, as_input(as_films(images.pixels_of(rows[:2]))), batch_size, compute)

        def keep(history: list[dict[str, float]], weights: dict[str, torch.Tensor]) -> None:
            kept = {key: value.detach().cpu().clone() for key, value in weights.items()}
            state.update(history=history, weights=kept, seconds=budget.elapsed)
            save_checkpoint(path, state)

        pace = Pace(steps=epochs * len(batches), seconds=60 * arguments["max_minutes"])
        outlines = treatment.outlines
        module = Classifier(
            network,
            learning_rate=arguments["learning_rate"],
            pace=pace,
            compute=compute,
            treatment=treatment,
            statistics=statistics,
            upright=arguments["upright"],
            class_weights=_class_weights(labels, len(about["classes"])) if arguments["class_weighting"] else None,
            seed=seed,
            localisation=None if outlines is None else LocalisationHead(network, images.channels, outlines),
        )
        record, budget = (
            EpochRecord(keep, last=arguments["keep"] == "last"),
            TimeBudget(pace, 60 * arguments["max_minutes"]),
        )
        stopper = EarlyStopping("score", mode="max", patience=arguments["patience"])
        saver = SaveEachEpoch(unfinished, identity, batches)
        state |= {"device": _device_name(compute), "precision": compute.words, "films": len(rows)}
        with (
            ProgressBar(f"Training {about['name']}", pace.steps, "batch") as bar,
            out_of_memory_as_sentence(batch_size, compute.device),
            quiet_and_interruptible(),
        ):
            trainer = Trainer(
                accelerator={"cuda": "gpu"}.get(compute.device, compute.device),
                devices=1,
                precision=compute.precision,
                max_epochs=epochs,
                # Where the last weights are kept, validation decides nothing before.
                check_val_every_n_epoch=epochs if arguments["keep"] == "last" else 1,
                callbacks=[record, budget, stopper, saver, BatchProgress(bar, record, epochs)],
                deterministic="warn" if compute.device == "cuda" else False,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )
            bar.advance(done * len(batches))
            trainer.fit(module, batches, checks, ckpt_path=unfinished if done else None, weights_only=True)
    if "weights" not in state:
        raise ClinjupError(
            f"The training of {about['name']} diverged: its loss is no number any more. Train with a smaller learning rate "
            f"than {arguments['learning_rate']:g}."
        )
    stopped = "time budget" if budget.spent else "all epochs" if trainer.global_step >= pace.steps else "early stopping"
    if treatment.finish is not None:
        network = model_from_state(state, "").network
        treatment.finish(network)
        state["weights"] = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
    state.update(finished=True, stopped=stopped, history=record.history, seconds=budget.elapsed + spent)
    save_checkpoint(path, state)
    unfinished.unlink(missing_ok=True)
    return state


def _rows_and_labels(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return part.index.to_numpy(np.int64), part["label"].to_numpy(np.int64)


def _network(about: dict[str, Any], pretrained: bool | str) -> Standardised:
    size, channels, classes = about["image_size"], about["channels"], len(about["classes"])
    outputs = 1 if classes == 2 else classes
    return Standardised(
        build_network(about["architecture"], outputs=outputs, channels=channels, pretrained=pretrained, image_size=size)
    )


def _class_weights(labels: np.ndarray, classes: int) -> torch.Tensor:
    counts = np.bincount(labels, minlength=classes)
    return torch.tensor(len(labels) / (classes * counts), dtype=torch.float32)


def _device_name(compute: Compute) -> str:
    if compute.device == "cuda":
        return f"GPU ({torch.cuda.get_device_name()})"
    threads = torch.get_num_threads()
    return "GPU (Apple)" if compute.device == "mps" else f"CPU ({threads} thread{'s' * (threads > 1)})"


def _announce(model: TrainedModel, state: dict[str, Any], *, stopped: str) -> None:
    """Emit the TrainingFinding and show the learning curve."""
    history = model.history
    best = history.loc[history["kept"].idxmax()]
    finding = model.finding(state, stopped=stopped)
    how = {
        "all epochs": "",
        "time budget": ", when the time budget was spent",
        "early stopping": ", when validation no longer improved",
        "loaded from checkpoint": " earlier; the same training was not repeated",
    }[stopped]
    auroc = best["validation_auroc"]
    reached = f" Best validation AUROC {auroc:.2f} in epoch {best['epoch']:.0f}." if np.isfinite(auroc) else ""
    emit(
        finding,
        f"Trained {model_words(model.name)} ({model.architecture}, {model.parameters:,} parameters) on {state['films']:,} images for "
        f"{model.epochs} epoch{'s' * (model.epochs > 1)} in {model.seconds:.0f} s on the {state['device']}{how}.{reached}",
    )
    model.plot_history()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own generator set to `seed` inside, as it was outside."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
