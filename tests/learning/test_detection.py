"""Detectors: what they are taught, that unknown is never background, and that every one of them learns and marks."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.models import detection

from clinjup.contracts import TrainingFinding
from clinjup.evaluation.detection.parts import detection_part
from clinjup.hashing import sha256_of
from clinjup.imaging import Boxes, Cohort
from clinjup.imaging.cache import ImageCache
from clinjup.kernel.errors import ClassAbsentError, ClinjupError, WeightsUnavailableError
from clinjup.learning.detection import supervise, train_detector, training
from clinjup.learning.detection.against import train_against
from clinjup.learning.detection.detector import DetectorModel, load_detector
from clinjup.learning.detection.heatmap import HeatMapDetector, _encode
from clinjup.learning.detection.interface import architecture_named, architectures
from clinjup.learning.detection.matching import Marks, Ranked, average_precision, hits
from clinjup.learning.detection.predict_folder import mark_folder
from clinjup.learning.detection.supervision import pseudo_boxes
from clinjup.learning.detection.targets import Target, augment_with_boxes
from tests.imaging.folders import write_image

SIZE = 48


@pytest.fixture(autouse=True)
def run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def discs(count: int, *, boxed: float = 1.0, seed: int = 0) -> tuple[Cohort, ImageCache]:
    """Noise with a bright bar in two of three images; bars of `boxed` of the positives have their box known."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(70, 12, (count, SIZE, SIZE))
    places: dict[int, np.ndarray] = {}
    labels = np.array([int(i % 3 != 0) for i in range(count)])
    positives = np.flatnonzero(labels)
    known = set(positives[: max(3, round(boxed * len(positives)))].tolist()) if boxed < 1 else set(positives.tolist())
    for i in range(count):
        if not labels[i]:
            places[i] = np.zeros((0, 4), np.float32)
            continue
        wide, high = rng.integers(12, 20), rng.integers(8, 13)
        x, y = rng.integers(2, SIZE - wide - 2), rng.integers(2, SIZE - high - 2)
        pixels[i, y : y + high, x : x + wide] += 90
        if i in known:
            places[i] = np.array([[x, y, x + wide, y + high]], np.float32) / SIZE
    files = pd.DataFrame({"width": SIZE, "height": SIZE, "sha256": [f"{seed}-{i}" for i in range(count)]})
    parts = np.where(np.arange(count) % 5 == 4, "validation", np.where(np.arange(count) % 5 == 3, "test", "train"))
    if boxed < 1:  # some of the boxed ones must lie in each part
        order = np.array(sorted(known))
        parts[order] = np.resize(["train", "train", "validation", "test"], len(order))
    table = pd.DataFrame(
        {
            "image": [f"i{i}.png" for i in range(count)],
            "path": "",
            "label": labels,
            "patient": [f"p{i}" for i in range(count)],
        }
    )
    table = table.assign(group=table["patient"], split=parts)
    cohort = Cohort(table, "fracture", ["negative", "positive"], [], "table", boxes=Boxes(places, frozenset(places)))
    return cohort, ImageCache(np.clip(pixels, 0, 255).astype(np.uint8), SIZE, 1, files)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[DetectorModel, Cohort, ImageCache]:
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("run"))
    cohort, images = discs(150)
    model = train_detector(cohort, images, supervise("all_boxes", cohort, images), name="bars", steps=60, batch_size=16)
    model.checkpoint = str(Path(model.checkpoint).resolve())
    patch.undo()
    return model, cohort, images


def ap50(model: DetectorModel, cohort: Cohort, images: ImageCache, part: str) -> float:
    rows = cohort.part(part).index.to_numpy()
    truth = [cohort.boxes.on(images, int(row)) for row in rows]
    return float(average_precision(Ranked.of(model.marks(images.pixels_of(rows)), truth))[0])


def test_the_light_detector_learns_to_mark_bars_it_has_not_seen(trained):
    model, cohort, images = trained
    assert ap50(model, cohort, images, "test") > 0.9
    assert model.history["kept"].sum() == 1


def test_the_checkpoint_marks_as_the_model_does_and_training_is_not_repeated(trained, tmp_path):
    model, _, images = trained
    films = images.pixels_of(np.arange(6))
    again = load_detector(model.checkpoint)
    for one, other in zip(model.marks(films), again.marks(films), strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
    with pytest.raises(ValueError, match="takes uint8 films of shape"):
        model.marks(np.zeros((1, 20, 20), np.uint8))


def test_the_same_training_comes_from_its_checkpoint_and_another_one_does_not():
    cohort, images = discs(45)
    arguments = {"name": "bars", "steps": 4, "batch_size": 8}
    first = train_detector(cohort, images, supervise("all_boxes", cohort, images), **arguments)
    written = Path(first.checkpoint).stat().st_mtime_ns
    train_detector(cohort, images, supervise("all_boxes", cohort, images), **arguments)
    assert Path(first.checkpoint).stat().st_mtime_ns == written
    train_detector(cohort, images, supervise("boxes_only", cohort, images), **arguments)
    assert Path(first.checkpoint).stat().st_mtime_ns != written


def test_a_training_that_needed_no_more_time_is_not_repeated_with_another_and_nor_is_one_that_starts_from_it():
    """A run grants each try another time."""
    cohort, images = discs(45)
    sums = []
    for minutes in (5.0, 3.0):
        first = train_detector(
            cohort,
            images,
            supervise("all_boxes", cohort, images),
            name="bars",
            steps=4,
            batch_size=8,
            max_minutes=minutes,
        )
        against = train_against(first, cohort, images, name="against", confounder="metal", max_minutes=minutes)
        sums.append([sha256_of(model.checkpoint) for model in (first, against)])
    assert sums[0] == sums[1]
    cut, again = (
        train_detector(
            cohort,
            images,
            supervise("all_boxes", cohort, images),
            name="cut",
            steps=400,
            batch_size=8,
            max_minutes=minutes,
        )
        for minutes in (0.0001, 0.0002)
    )
    assert cut.lesson.fingerprint != again.lesson.fingerprint, "its time ended it, so more time is another training"


def test_a_positive_whose_boxes_are_unknown_is_no_target_at_all():
    cohort, images = discs(90, boxed=0.2)
    unknown = {int(i) for i in cohort.table.index if int(i) not in cohort.boxes}
    assert unknown
    for what in ("all_boxes", "boxes_only", "boxes_and_negatives"):
        supervision = supervise(what, cohort, images)
        used = {int(row) for _, rows in supervision.groups.values() for row in rows}
        assert not used & unknown and not unknown & set(supervision.targets)
        assert used <= set(cohort.part("train").index)
        assert sum(share for share, _ in supervision.groups.values()) == pytest.approx(1)


def test_pseudo_boxes_are_made_on_unboxed_positives_of_the_training_part_only(trained):
    model, _, _ = trained
    cohort, images = discs(120, boxed=0.2, seed=1)
    found = pseudo_boxes(cohort, images, model)
    train = cohort.part("train")
    wanted = {int(i) for i in train.index[train["label"] == 1] if int(i) not in cohort.boxes}
    assert found and set(found) <= wanted
    assert all(len(target.boxes) == len(target.weights) > 0 for target in found.values())
    assert all(((target.weights > 0) & (target.weights <= 1)).all() for target in found.values())
    supervision = supervise("pseudo_boxes", cohort, images, teacher=model)
    assert set(supervision.groups["pseudo-boxed"][1].tolist()) == set(found)


def test_an_image_without_a_sure_mark_is_left_out_and_not_taken_for_background(trained):
    model, _, _ = trained
    cohort, images = discs(120, boxed=0.2, seed=1)
    dark = next(
        int(i) for i in cohort.part("train").index if cohort.table["label"].at[i] == 1 and int(i) not in cohort.boxes
    )
    images.pixels[dark] = 70  # the bar is gone: nothing to be sure of
    assert dark not in pseudo_boxes(cohort, images, model)


def test_the_gate_holds_back_what_the_classifier_does_not_believe(trained):
    model, _, _ = trained

    class Sceptic:
        def predict(self, pixels):
            return np.zeros(len(pixels), np.float32)

    cohort, images = discs(120, boxed=0.2, seed=1)
    assert pseudo_boxes(cohort, images, model, Sceptic()) == {}


def test_pseudo_boxes_without_a_teacher_and_training_without_boxes_are_refused():
    cohort, images = discs(60)
    with pytest.raises(ClinjupError, match="need a teacher"):
        supervise("pseudo_boxes", cohort, images)
    bare = Boxes({i: boxes for i, boxes in cohort.boxes.places.items() if not len(boxes)}, frozenset())
    cohort.boxes = bare
    with pytest.raises(ClassAbsentError, match="positive with a box"):
        supervise("all_boxes", cohort, images)


def test_boxes_move_with_their_image():
    rng = np.random.default_rng(0)
    films = torch.zeros(12, 1, SIZE, SIZE)
    targets = []
    for film in films:
        x, y = rng.integers(10, 26, 2)
        film[0, y : y + 10, x : x + 14] = 1
        targets.append(Target.drawn(np.array([[x, y, x + 14, y + 10]], np.float32)))
    moved, changed = augment_with_boxes(films, targets, torch.Generator().manual_seed(1))
    for film, target in zip(moved, changed, strict=True):
        rows, columns = np.nonzero(film[0].numpy() > 0.5)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(target.boxes[0], found, atol=1.6)


def test_what_is_unsure_costs_nothing_wherever_the_network_marks():
    network = HeatMapDetector().eval()
    films = torch.rand(2, 1, SIZE, SIZE)
    everywhere = Target(unsure=np.array([[0, 0, SIZE, SIZE]], np.float32))
    assert network.loss(films, [everywhere, everywhere]).item() == pytest.approx(0, abs=1e-6)
    assert network.loss(films, [Target(), Target()]).item() > 0


def test_a_sure_box_inside_an_unsure_region_cannot_make_the_loss_fall_without_bound():
    network = HeatMapDetector().eval()
    torch.nn.init.zeros_(network.head[-1].weight)
    torch.nn.init.constant_(network.head[-1].bias[0], 300.0)  # it marks everywhere, and is certain
    small = np.array(
        [[15, 15, 17, 17]], np.float32
    )  # between four cells, so that its own cell counts as background in part
    target = Target(small, np.ones(1, np.float32), np.array([[0, 0, SIZE, SIZE]], np.float32))
    assert network.loss(torch.rand(1, 1, SIZE, SIZE), [target]).item() >= 0


def test_a_pseudo_box_pulls_less_than_a_drawn_one():
    box = np.array([[8, 8, 24, 20]], np.float32)
    network, films = HeatMapDetector().eval(), torch.rand(1, 1, SIZE, SIZE)
    drawn = _encode([Target.drawn(box)], 12, 12)[-1]
    weak = _encode([Target(box, np.array([0.3], np.float32))], 12, 12)[-1]
    assert drawn.item() == 1 and weak.item() == pytest.approx(0.3)
    assert network.loss(films, [Target(box, np.array([0.3], np.float32))]) < network.loss(films, [Target.drawn(box)])


@pytest.mark.parametrize("name", [item.name for item in architectures().values() if not item.light])
def test_detectors_of_torchvision_learn_and_mark_behind_the_same_interface(name):
    torch.manual_seed(0)
    network = architecture_named(name).build(1, 64, False)
    films = torch.rand(2, 1, 64, 64)
    targets = [Target.drawn(np.array([[10, 12, 40, 34]], np.float32)), Target()]
    loss = network.train().loss(films, targets)
    loss.backward()
    assert torch.isfinite(loss) and any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    with torch.inference_mode():
        found = network.eval().detect(films)
    assert len(found) == 2
    for marks in found:
        assert marks.boxes.shape == (len(marks.scores), 4) and (np.diff(marks.scores) <= 0).all()


def test_a_box_that_was_shifted_out_of_the_film_does_not_end_a_training_of_torchvision():
    network = architecture_named("fasterrcnn_mobilenet_v3_large_fpn").build(1, 64, False).train()
    gone = np.array([[0, 10, 0, 20], [10, 12, 40, 34]], np.float32)
    assert torch.isfinite(network.loss(torch.rand(2, 1, 64, 64), [Target.drawn(gone), Target.drawn(gone[:1])]))


def test_weights_that_cannot_be_had_are_said():
    with pytest.raises(WeightsUnavailableError, match=r"there is no checkpoint at 'gone\.pth'"):
        architecture_named("fcos_resnet50_fpn").build(1, 64, "gone.pth")
    with pytest.raises(WeightsUnavailableError, match="none are published for 'heat_map'"):
        architecture_named("heat_map").build(1, 64, True)
    with pytest.raises(ClinjupError, match=r"heat_map.*fcos_resnet50_fpn"):
        architecture_named("yolo")


LIGHTEST = "fasterrcnn_mobilenet_v3_large_fpn"


def coco_weights(name: str) -> dict[str, torch.Tensor]:
    """Weights as torchvision publishes them: of the 91 classes of COCO."""
    torch.manual_seed(3)
    return getattr(detection, name)(weights=None, weights_backbone=None, num_classes=91).state_dict()


def as_first_published(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As in torchvision's own files: the names of the release in which they were trained, batch norms that were frozen."""
    later = re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+|rpn\.head\.conv)(?:\.0)+\.(weight|bias)")
    kept = {key: value for key, value in weights.items() if not key.endswith("num_batches_tracked")}
    renamed = {later.sub(r"\1.\2", key): value for key, value in kept.items()}
    assert len(renamed.keys() - weights.keys()) >= 8
    return renamed


@pytest.mark.parametrize("form", ["now", "first published", "a checkpoint of training"])
@pytest.mark.parametrize("name", [LIGHTEST, "fcos_resnet50_fpn"])
def test_weights_of_coco_are_taken_over_from_a_file(tmp_path, name, form):
    weights = coco_weights(name)
    saved = as_first_published(weights) if form == "first published" else weights
    torch.save({"model": saved, "epoch": 3} if form == "a checkpoint of training" else saved, tmp_path / "coco.pth")
    own = architecture_named(name).build(1, 64, str(tmp_path / "coco.pth")).detector.state_dict()
    other = {key for key in own if own[key].shape != weights[key].shape}
    assert 0 < len(other) <= 4 and all("cls" in key or "bbox" in key for key in other)
    assert all(torch.equal(own[key], weights[key]) for key in own.keys() - other)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: {"student": coco_weights(LIGHTEST)}, "0% of the weights"),
        (lambda: {key.removeprefix("backbone."): value for key, value in coco_weights(LIGHTEST).items()}, "another network"),
        (lambda: [1, 2], "0% of the weights"),
        (None, "damaged"),
    ],
    ids=["under a name of its own", "another network", "a list", "cut off"],
)  # fmt: skip
def test_a_file_without_the_weights_of_this_detector_is_refused(tmp_path, content, words):
    path = tmp_path / "weights.pth"
    torch.save(content() if content else coco_weights(LIGHTEST), path)
    if content is None:
        path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsUnavailableError, match=words):
        architecture_named(LIGHTEST).build(1, 64, str(path))


def test_one_box_is_hit_once():
    truth = np.array([[0, 0, 10, 10]], np.float32)
    marks = Marks(np.array([[0, 0, 10, 9], [0, 0, 10, 10], [30, 30, 40, 40]], np.float32), np.array([0.9, 0.8, 0.7]))
    assert hits(marks, truth).tolist() == [True, False, False]


def test_latency_is_measured_film_by_film_on_one_core(trained):
    model, _, images = trained
    threads = torch.get_num_threads()
    median, slow = model.latency(images.pixels_of(np.arange(8)), films=12)
    assert 0 < median <= slow and torch.get_num_threads() == threads


class Placed(HeatMapDetector):
    """A network that says it lives on a graphics card, and refuses to be timed there."""

    place = "card"

    def to(self, *args, **kwargs):
        self.place = str(args[0])
        return super().to(*args, **kwargs)

    def detect(self, images):
        assert self.place == "cpu", "timed on the graphics card"
        return super().detect(images)


def test_latency_is_that_of_the_cpu_wherever_the_network_lives(trained):
    model, _, images = trained
    model = replace(model, network=Placed().eval())
    assert model.latency(images.pixels_of(np.arange(4)), films=3)[0] > 0
    assert model.network.place == "card"  # it stays where it is


def test_a_folder_gets_coco_json_and_images_with_their_marks(trained, tmp_path):
    model, _, images = trained
    for i in range(4):
        write_image(tmp_path / "films" / f"f{i}.png", images.pixels_of(i))
    (tmp_path / "films" / "broken.png").write_bytes(b"no picture")
    import json

    summary = mark_folder(Path(model.checkpoint), tmp_path / "films", tmp_path / "marks.json", 0.3)
    content = json.loads((tmp_path / "marks.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [f"f{i}.png" for i in range(4)]
    assert summary["images"] == 4 and summary["unreadable"][0]["path"] == "broken.png"
    assert all(mark["score"] >= 0.3 and mark["shown"] for mark in content["annotations"])
    shown = {mark["image_id"] for mark in content["annotations"]}
    assert {1, 2} <= shown and 0 not in shown
    assert {path.stem for path in (tmp_path / "marks-images").iterdir()} == {f"f{i}" for i in shown}
    with pytest.raises(ClinjupError, match=r"not as a table: call the file 'marks\.json'"):
        mark_folder(Path(model.checkpoint), tmp_path / "films", tmp_path / "marks.csv", 0.3)
    with pytest.raises(ClinjupError, match=r"marks-images' is already there"):
        mark_folder(Path(model.checkpoint), tmp_path / "films", tmp_path / "marks.json", 0.3)
    assert "suspicious area" in content["categories"][0]["name"] and "not ruled out" in content["info"]["description"]
    x, y, wide, high = next(mark["bbox"] for mark in content["annotations"] if mark["image_id"] == 1)
    assert 8 < wide < 26 and 5 < high < 18 and 0 <= x < SIZE and 0 <= y < SIZE


def test_the_number_of_epochs_counts_the_films_of_each_batch():
    cohort, images = discs(45)
    found: list[TrainingFinding] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "emit", lambda finding, sentence: found.append(finding))
        supervision = supervise("all_boxes", cohort, images)
        train_detector(cohort, images, supervision, name="bars", steps=27, batch_size=3)
    assert found[0].epochs == 3  # 27 batches of 3 films, 27 films


def test_the_curve_shows_the_ap50_that_the_check_on_validation_gives():
    cohort, images = discs(120, boxed=0.2, seed=1)
    known = [int(i) for i in cohort.part("validation").index if int(i) in cohort.boxes]
    bar = next(i for i in known if cohort.table["label"].at[i])
    for wrong in (i for i in known if not cohort.table["label"].at[i]):  # the false marks are as sure as the right ones
        images.pixels[wrong] = images.pixels[bar]
    supervision = supervise("boxes_and_negatives", cohort, images)
    model = train_detector(cohort, images, supervision, name="bars", steps=24, batch_size=8)
    part = detection_part(cohort, images, "validation")
    marks = model.marks(images.pixels_of(part.table.index))
    weighted = float(average_precision(part.ranked(marks), part.weight[None])[0])
    plain = float(average_precision(part.ranked(marks), (part.weight > 0).astype(float)[None])[0])
    assert not part.all_known and weighted != pytest.approx(plain, abs=1e-3)
    assert float(model.history.loc[model.history["kept"], "validation_ap50"].iloc[0]) == pytest.approx(weighted)


def test_each_marked_image_has_a_picture_of_its_own_whatever_its_name(trained, tmp_path):
    model, _, images = trained
    names = ["a/b.png", "a_b.png", "x.png", "x.jpg", "x.jpg.png"]
    for name in names:
        write_image(tmp_path / "films" / name, images.pixels_of(1))
    summary = mark_folder(Path(model.checkpoint), tmp_path / "films", tmp_path / "marks.json", 0.3)
    assert summary["decided"]["with a suspicious area"] == len(names)
    pictures = {
        path.relative_to(tmp_path / "marks-images").as_posix() for path in (tmp_path / "marks-images").rglob("*.png")
    }
    assert pictures == {"a/b.png", "a_b.png", "x.png", "x.jpg.png.png", "x.jpg.png"}
