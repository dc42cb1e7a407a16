"""How much of a training's throughput do the files, the cache and the augmentation cost?

The same network makes training steps on (a) batches that lie in memory, ready as tensors, without augmentation; (b) batches from the
image cache with augmentation, as a run trains; (c) from the cache without augmentation; (d) and (e) one pass over 512 px JPEG files that
are decoded first, without a cache, as the first epoch of a run on new files: without and with augmentation. Measured side by side, in
rounds; the ratios are to (a) of the same round.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from benchmarks.report import markdown_table, median_and_range, record
from clinjup.imaging import prepare_images, read_cohort
from clinjup.imaging.cohort import Cohort
from clinjup.imaging.synthetic import write_cohort
from clinjup.learning.architectures import build_network
from clinjup.learning.augment import augment
from clinjup.learning.batches import Batches, as_input
from clinjup.learning.compute import choose_compute

JPEG = "512 px JPEG, decoded first"
TARGETS = {"cache, augmentation": 0.80, "cache": 0.90, JPEG: 0.60, f"{JPEG}, augmentation": 0.60}
Step = Callable[[Tensor, Tensor], None]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks pipeline")
    parser.add_argument("--patients", type=int, default=700)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="clinjup-pipeline-") as folder:
        ratios, memory = measure(Path(folder), options)
    rows = [
        [name, median_and_range(values), f">= {TARGETS[name]:.2f}", reached(name, values)]
        for name, values in ratios.items()
    ]
    text = f"{__doc__.partition(chr(10) * 2)[2].strip()}\n\n"
    text += f"small_cnn, {options.size} px, batches of {options.batch_size}, {torch.get_num_threads()} threads, {options.rounds} rounds. "
    text += f"(a): {statistics.median(memory):.0f} films a second.\n\n"
    text += markdown_table(["share of (a)'s throughput", "median (range)", "target", ""], rows)
    print(text)
    if options.record:
        record("pipeline", " ".join(["python -m benchmarks pipeline", *argv]), text)
    return 0 if all(reached(name, values) == "reached" for name, values in ratios.items()) else 1


def reached(name: str, values: list[float]) -> str:
    return "reached" if statistics.median(values) >= TARGETS[name] else "missed"


def measure(folder: Path, options: argparse.Namespace) -> tuple[dict[str, list[float]], list[float]]:
    """Ratios of throughput by variant, one a round; and films a second from memory."""
    cohort = films_as_jpeg(folder, options.patients)
    images = prepare_images(cohort, size=options.size, folder=folder / "cache")
    rows, labels = cohort.table.index.to_numpy(), cohort.table["label"].to_numpy()
    batches = Batches(images, rows, labels, options.batch_size, seed=0)
    step, generator = one_step(options.size), torch.Generator().manual_seed(0)
    ready = [(as_input(films), given) for films, given, _ in batches]

    def plain(films: Tensor, given: Tensor) -> None:
        step(as_input(films), given)

    def augmented(films: Tensor, given: Tensor) -> None:
        step(augment(as_input(films), generator), given)

    def decoded(step: Step, where: Path) -> float:
        began = time.perf_counter()
        fresh = prepare_images(cohort, size=options.size, folder=where)
        passed(step, Batches(fresh, rows, labels, options.batch_size, seed=0))
        return len(rows) / (time.perf_counter() - began)

    passed(step, ready[:5])
    ratios: dict[str, list[float]] = {name: [] for name in TARGETS}
    memory = []
    for number in range(options.rounds):
        memory.append(passed(step, ready))
        rates = [passed(augmented, batches), passed(plain, batches)]
        rates += [
            decoded(how, folder / f"cache-{number}-{name}")
            for name, how in (("plain", plain), ("augmented", augmented))
        ]
        for name, rate in zip(TARGETS, rates, strict=True):
            ratios[name].append(rate / memory[-1])
    return ratios, memory


def films_as_jpeg(folder: Path, patients: int) -> Cohort:
    """A synthetic cohort whose films are 512 px JPEG files."""
    data = write_cohort("pneumothorax", folder / "data", patients=patients, seed=0)
    table = "Data_Entry_2017_v2020.csv"
    cohort = read_cohort(
        data,
        layout="chestxray14",
        target="pneumothorax",
        image=f"{table}:Image Index",
        label=f"{table}:Finding Labels",
        positive=["Pneumothorax"],
        patient=f"{table}:Patient ID",
        emit_finding=False,
    )
    paths = []
    for path in map(Path, cohort.table["path"]):
        jpeg = path.with_suffix(".jpg")
        with Image.open(path) as film:
            film.convert("L").resize((512, 512)).save(jpeg, quality=90)
        paths.append(str(jpeg))
    return replace(cohort, table=cohort.table.assign(path=paths))


def one_step(size: int) -> Step:
    """A training step of the network and optimiser that a run uses."""
    torch.manual_seed(0)
    network = build_network("small_cnn", outputs=1, channels=1, image_size=size).train()
    compute = choose_compute(network)
    network = network.to(memory_format=compute.memory_format)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    dtype = compute.autocast_dtype

    def step(images: Tensor, labels: Tensor) -> None:
        optimiser.zero_grad()
        with torch.autocast(compute.device, dtype=dtype, enabled=dtype is not None):
            logits = network(images.contiguous(memory_format=compute.memory_format))
        torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0].float(), labels.float()).backward()
        optimiser.step()

    return step


def passed(step: Step, batches: Iterable[tuple[Tensor, ...]]) -> float:
    """Films a second of one pass. A batch: films, labels, and maybe more."""
    began, films = time.perf_counter(), 0
    for images, labels, *_ in batches:
        step(images, labels)
        films += len(labels)
    return films / (time.perf_counter() - began)
