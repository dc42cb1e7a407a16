"""The learning curve of a training."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clinjup.kernel.figures import BLUE, VERMILION, new_figure, show_figure
from clinjup.nouns import model_words


def draw_history(name: str, history: pd.DataFrame, *, synthetic: bool, second_head: bool = False) -> Path:
    """Losses and validation AUROC by epoch, the epoch whose weights were kept marked; saved as plots/training_NAME.png.

    `second_head`: the training loss holds that of a head that learns where the finding lies.
    """
    figure, (losses, aurocs) = new_figure(2, width=8.4, height=3.2)
    epochs = history["epoch"]
    losses.plot(epochs, history["train_loss"], "o-", color=BLUE, label="training")
    losses.plot(epochs, history["validation_loss"], "o-", color=VERMILION, label="validation")
    losses.set(title="Loss (lower is better)", xlabel="epoch", ylim=(0, None))
    best = history.loc[history["kept"].idxmax()]
    aurocs.plot(epochs, history["validation_auroc"], "o-", color=VERMILION)
    aurocs.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    lowest = history["validation_auroc"].fillna(1).min()
    aurocs.set(title="Validation AUROC (0.5 = chance)", xlabel="epoch", ylim=(min(0.45, lowest - 0.02), 1.01))
    for axes in (losses, aurocs):
        axes.axvline(best["epoch"], color="black", linewidth=0.8, alpha=0.5, label="weights kept")
        axes.xaxis.get_major_locator().set_params(integer=True)
    losses.legend()
    reached = (
        f"AUROC {best['validation_auroc']:.2f}"
        if pd.notna(best["validation_auroc"])
        else f"loss {best['validation_loss']:.2f}"
    )
    heads = (
        " Its training loss also holds that of a second head, which learns where the finding lies, and validation has none of it: compare "
        "how the two curves run, not how high they lie."
        if second_head
        else ""
    )
    passes = int(epochs.max())
    words = f"{passes} epoch{'s' * (passes > 1)}"
    return show_figure(
        figure,
        f"training_{name}",
        title=f"Training of {model_words(name)}",
        caption=f"Training of {model_words(name)} over {words}. The weights of epoch {best['epoch']:.0f} were kept (validation {reached}). "
        "A validation loss that climbs while the training loss falls means that the model learns images by heart."
        + heads,
        alt=f"Two curves over {words}: training and validation loss, and validation AUROC, which is best in epoch {best['epoch']:.0f} "
        f"with {reached}.",
        synthetic=synthetic,
    )


def draw_detection_history(name: str, history: pd.DataFrame, *, synthetic: bool) -> Path:
    """Training loss and validation AP50 of a detector by batch, the weights that were kept marked; plots/training_NAME.png."""
    figure, (losses, precision) = new_figure(2, width=8.4, height=3.0)
    best = history.loc[history["kept"].idxmax()]
    losses.plot(history["step"], history["train_loss"], "o-", color=BLUE)
    losses.set(title="Training loss (lower is better)", xlabel="batch", ylim=(0, None))
    precision.plot(history["step"], history["validation_ap50"], "o-", color=VERMILION)
    precision.set(title="Validation AP50", xlabel="batch", ylim=(0, 1.01))
    precision.axvline(best["step"], color="black", linewidth=0.8, alpha=0.5)
    reached = f"AP50 {best['validation_ap50']:.2f}"
    return show_figure(
        figure,
        f"training_{name}",
        title=f"Training of {model_words(name)}",
        caption=f"Training of {model_words(name)} over {int(history['step'].max())} batches. The weights of batch {int(best['step'])} were "
        f"kept (validation {reached}). Validation here counts the images whose boxes are known.",
        alt=f"Training loss, and validation AP50, which is best at batch {int(best['step'])} with {reached}.",
        synthetic=synthetic,
    )
