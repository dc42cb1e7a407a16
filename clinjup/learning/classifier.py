"""The training loop's two halves: the LightningModule, and the callbacks that keep time, the best weights and the reader informed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clinjup.kernel.progress import ProgressBar
from clinjup.learning.architectures import Standardised
from clinjup.learning.augment import augment
from clinjup.learning.batch_norm import estimate_statistics
from clinjup.learning.batches import Batches, as_input
from clinjup.learning.compute import Compute
from clinjup.learning.localisation import LocalisationHead
from clinjup.learning.mitigation import Treatment
from clinjup.learning.schedule import Pace, one_cycle
from clinjup.learning.trained import probabilities

WEIGHT_DECAY = 0.05


class Classifier(LightningModule):
    """Trains `network` (float 0..1 `[N, C, H, W]` -> logits) with AdamW on one learning rate cycle.

    `class_weights` [classes], where given, weigh the loss. `pace` says how far the training has come. `statistics` are training films for
    batch normalisation. `localisation`: a second head, trained beside. `upright`: see learning/augment.py.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        network: Standardised,
        *,
        learning_rate: float,
        pace: Pace,
        compute: Compute,
        treatment: Treatment,
        statistics: Batches,
        class_weights: Tensor | None,
        upright: bool,
        seed: int,
        localisation: LocalisationHead | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.learning_rate, self.pace, self.compute, self.treatment = learning_rate, pace, compute, treatment
        self.statistics, self.upright, self.localisation = statistics, upright, localisation
        self.treatment_loss = treatment.loss  # one that has a state is a module, which is saved with the training
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.generator = torch.Generator().manual_seed(seed)
        self.train_losses: list[Tensor] = []
        self.outputs: list[tuple[Tensor, Tensor]] = []

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=WEIGHT_DECAY)
        cycle = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: one_cycle(self.pace.progress))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        self.train_losses = []

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        films, labels, rows = batch
        images = as_input(films)
        if self.treatment.transform is not None:
            images = self.treatment.transform(images, self.generator, rows)
        if self.localisation is None:
            images = augment(self.network.shrink(images), self.generator, self.upright)
            loss = self.loss(self._logits(images), labels, rows)
        else:
            outlines = self.localisation.outlines.of(rows.tolist()).to(images.device)
            both = self.network.shrink(torch.cat([images, outlines], dim=1))
            both = augment(both, self.generator, self.upright, outlines=1)
            loss = self.loss(self._logits(both[:, :-1]), labels, rows) + self.localisation.loss(both[:, -1:], rows)
        self.train_losses.append(loss.detach())
        return loss

    def on_validation_epoch_start(self) -> None:
        self.outputs = []
        films = (self._as_input(films.to(self.device)) for films, *_ in self.statistics)
        estimate_statistics(self.network, films, self.compute)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> None:
        films, labels, _ = batch
        self.outputs.append((self.network(self._as_input(films)), labels))

    def on_validation_epoch_end(self) -> None:
        logits = torch.cat([logits for logits, _ in self.outputs])
        labels = torch.cat([labels for _, labels in self.outputs])
        loss = self.loss(logits, labels)
        auroc = auroc_of(probabilities(logits).cpu().numpy(), labels.cpu().numpy())
        # What the best epoch is chosen by: AUROC, or the loss where validation lacks a class.
        self.log_dict(
            {"validation_loss": loss, "validation_auroc": auroc, "score": -loss if np.isnan(auroc) else auroc},
            batch_size=len(labels),
        )

    def loss(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        """Binary cross-entropy for one logit, else cross-entropy; weighted by class where asked. `rows` of the training table."""
        weights = self.class_weights
        if self.treatment_loss is not None:
            return self.treatment_loss(logits, labels, rows)
        if logits.shape[1] == 1:
            each = None if weights is None else weights[labels]
            return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float(), weight=each)
        return functional.cross_entropy(logits, labels, weight=weights)

    def _logits(self, images: Tensor) -> Tensor:
        return self.network(images.contiguous(memory_format=self.compute.memory_format))

    def _as_input(self, films: Tensor) -> Tensor:
        return as_input(films).contiguous(memory_format=self.compute.memory_format)


class EpochRecord(Callback):
    """A row of the history after each validation; hands the weights to `keep` whenever their score is the best so far.

    `last`: whenever they are finite, so that the last ones stay, whatever validation says of them.
    """

    def __init__(
        self, keep: Callable[[list[dict[str, float]], dict[str, Tensor]], None], *, last: bool = False
    ) -> None:
        self.keep, self.last = keep, last
        self.history: list[dict[str, float]] = []
        self.best = (-math.inf, -math.inf)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history, self.best = state_dict["history"], tuple(state_dict["best"])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Classifier)
        measured = trainer.callback_metrics
        row = {
            "epoch": trainer.current_epoch + 1,
            "train_loss": float(torch.stack(pl_module.train_losses).mean()),
            "validation_loss": float(measured["validation_loss"]),
            "validation_auroc": float(measured["validation_auroc"]),
            "kept": False,
        }
        self.history.append(row)
        # Where validation is small its AUROC is the same in many epochs; then the lower loss decides.
        score = (float(measured["score"]), -row["validation_loss"])
        if all(map(math.isfinite, score)) and (self.last or score > self.best):
            self.best = score
            for earlier in self.history:
                earlier["kept"] = earlier is row
            self.keep(self.history, pl_module.network.state_dict())


class TimeBudget(Callback):
    """Keeps the pace, and ends the training when its seconds are over; a validation is reckoned in once one was timed.

    What an earlier try took is not taken off the seconds of this one.
    """

    def __init__(self, pace: Pace, seconds: float) -> None:
        self.pace, self.seconds = pace, seconds
        self.spent = False
        self._validation = 0.0
        self._validation_started = 0.0
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of this training, those of an earlier try included."""
        return self._before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before = state_dict["elapsed"]
        self.seconds += self._before
        self.pace.seconds += self._before

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        elapsed = self.elapsed
        self.pace.update(trainer.global_step, elapsed)
        last = trainer.global_step >= self.pace.steps
        if not last and elapsed + self._validation >= self.seconds:
            self.spent = trainer.should_stop = True
            trainer.check_val_every_n_epoch = 1  # this epoch is the last after all

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_started = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation = time.monotonic() - self._validation_started


class BatchProgress(Callback):
    """Advances the kernel's progress bar, with the epoch and the latest validation AUROC as detail."""

    def __init__(self, bar: ProgressBar, record: EpochRecord, epochs: int) -> None:
        self.bar, self.record, self.epochs = bar, record, epochs

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        detail = f"epoch {trainer.current_epoch + 1}/{self.epochs}"
        if self.record.history and np.isfinite(auroc := self.record.history[-1]["validation_auroc"]):
            detail += f", validation AUROC {auroc:.2f}"
        self.bar.advance(detail=detail)


def auroc_of(probability: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Area under the ROC curve; for several classes the mean of one against the rest. NaN where a class is missing."""
    from sklearn.metrics import roc_auc_score

    classes = probability.shape[1] if probability.ndim == 2 else 2
    if len(np.unique(labels)) < classes or not np.isfinite(probability).all():
        return float("nan")
    return float(roc_auc_score(labels, probability, multi_class="ovr"))
