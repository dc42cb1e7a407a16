"""The peer's half of `benchmarks peers`: a classifier as fastai's documentation trains one, told what to do by a JSON file.

The file: {"table": CSV with path, label, split (train, validation, test), "size": pixels, "batch": films, "seconds": budget, "seed": int,
"lists": {name: [paths]}, "out": JSON file}. Written there: seconds, epochs, and probabilities of each list and of validation.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from fastai.vision.all import (
    Callback,
    CancelFitException,
    CategoryBlock,
    ColReader,
    ColSplitter,
    DataBlock,
    ImageBlock,
    PILImageBW,
    Resize,
    RocAucBinary,
    SaveModelCallback,
    aug_transforms,
    resnet18,
    set_seed,
    vision_learner,
)


class Budget(Callback):
    """Ends the training when the time is over, between two batches."""

    order = 100

    def __init__(self, seconds: float) -> None:
        self.seconds, self.started = seconds, time.monotonic()

    def after_batch(self) -> None:
        if time.monotonic() - self.started > self.seconds:
            raise CancelFitException


def main(specification: Path) -> None:
    warnings.filterwarnings("ignore")
    told = json.loads(specification.read_text(encoding="utf-8"))
    table = pd.read_csv(told["table"])
    started = time.monotonic()
    set_seed(told["seed"], reproducible=True)
    learning = table[table["split"] != "test"].assign(is_valid=lambda rows: rows["split"] == "validation")
    block = DataBlock(
        blocks=(ImageBlock(PILImageBW), CategoryBlock(vocab=[0, 1])),
        get_x=ColReader("path"),
        get_y=ColReader("label"),
        splitter=ColSplitter(),
        item_tfms=Resize(told["size"], method="squish"),
        batch_tfms=aug_transforms(),
    )
    loaders = block.dataloaders(learning, bs=told["batch"])
    learner = vision_learner(
        loaders, resnet18, pretrained=False, n_in=1, metrics=RocAucBinary(), path=specification.parent
    )
    # How many passes the time holds is measured on ten batches; the learning rate then goes through one whole cycle.
    batch = loaders.one_batch()
    begun = time.monotonic()
    for _ in range(10):
        learner.loss_func(learner.model(batch[0]), batch[1]).backward()
    learner.model.zero_grad()
    epochs = max(1, round(told["seconds"] / ((time.monotonic() - begun) / 10 * len(loaders.train) * 1.15)))
    with learner.no_bar():
        keep = SaveModelCallback(monitor="roc_auc_score")
        learner.fit_one_cycle(epochs, 3e-3, cbs=[Budget(told["seconds"]), keep])
        seconds = time.monotonic() - started
        lists = {**told["lists"], "validation": learning.loc[learning["is_valid"], "path"].tolist()}
        found = {}
        for name, paths in lists.items():
            films = loaders.test_dl(pd.DataFrame({"path": paths}))
            found[name] = learner.get_preds(dl=films)[0][:, 1].tolist()
    Path(told["out"]).write_text(
        json.dumps({"seconds": seconds, "epochs": epochs, "probabilities": found}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
