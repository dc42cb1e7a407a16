"""Judging detectors: the figures against torchmetrics, the limit of false marks, few boxes, subgroups, casts and metal drawn in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from clinjup.contracts import Estimate
from clinjup.evaluation.bootstrap import Bootstrap
from clinjup.evaluation.detection import (
    best_so_far,
    montage,
    open_test_set_for_marks,
    pictures,
    plots,
    select_detector,
    validate_detector,
)
from clinjup.evaluation.detection.metrics import coco_average_precision, detection_metrics, froc_curve
from clinjup.evaluation.detection.operating_point import mark_threshold
from clinjup.evaluation.detection.parts import above, detection_part
from clinjup.evaluation.detection.plots import pareto_front
from clinjup.evaluation.detection.predictions import write_marks
from clinjup.evaluation.detection.validate import studies_of
from clinjup.evaluation.insertion import inserter_for
from clinjup.imaging import Boxes, Cohort
from clinjup.imaging.cache import ImageCache
from clinjup.imaging.synthetic.wrist import plan_wrists, render_wrist
from clinjup.kernel.errors import ClassAbsentError, ClinjupError, TestAlreadyOpenedError
from clinjup.kernel.figures import GREEN, ORANGE, VERMILION
from clinjup.learning.detection.matching import Marks, average_precision
from tests.imaging.folders import write_image

SIZE = 64
CONFOUNDERS = ["cast", "metal"]


@pytest.fixture(autouse=True)
def run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.ckpt").write_bytes(b"weights")


def cohort(count: int = 120, *, boxed: float = 1.0, seed: int = 0) -> tuple[Cohort, ImageCache]:
    """Grey films; two in three are positive with one or two boxes, of `boxed` of them the boxes are known."""
    rng = np.random.default_rng(seed)
    places: dict[int, np.ndarray] = {}
    labels = np.array([int(i % 3 != 0) for i in range(count)])
    for i in range(count):
        if not labels[i]:
            places[i] = np.zeros((0, 4), np.float32)
        elif i % 10 < 10 * boxed:
            corner = rng.uniform(0.05, 0.5, (1 + i % 2, 2))
            places[i] = np.concatenate([corner, corner + rng.uniform(0.15, 0.4, corner.shape)], axis=1).astype(
                np.float32
            )
    pixels = np.clip(rng.normal(80, 20, (count, SIZE, SIZE)), 1, 255).astype(np.uint8)
    table = pd.DataFrame(
        {
            "image": [f"i{i}" for i in range(count)],
            "path": [f"/data/films/i{i}.png" for i in range(count)],
            "label": labels,
            "patient": [f"p{i // 2}" for i in range(count)],
            "group": [f"p{i // 2}" for i in range(count)],
            "split": np.where(np.arange(count) % 4 < 2, "validation", "test"),
            "cast": (np.arange(count) // 3 % 3 == 0).astype(float),
            "metal": np.nan,
            "view": np.where(np.arange(count) % 2, "PA", "lateral"),
            "age": np.linspace(3, 17, count),
        }
    )
    files = pd.DataFrame({"width": SIZE, "height": SIZE, "sha256": [str(i) for i in range(count)]})
    found = Cohort(
        table,
        "fracture",
        ["negative", "positive"],
        CONFOUNDERS,
        "table",
        boxes=Boxes(places, frozenset(places)),
        covariates=["view", "age"],
        root="/data",
    )
    return found, ImageCache(pixels, SIZE, 1, files)


@dataclass
class Reader:
    """A detector that knows the boxes and errs at random: `jitter` in pixels, `wrong` false marks an image, a share `blind` missed."""

    cohort: Cohort
    images: ImageCache
    name: str = "baseline"
    jitter: float = 1.0
    wrong: float = 0.6
    blind: float = 0.15
    seed: int = 0
    architecture: str = "heat_map"
    checkpoint: str = "weights.ckpt"
    hypothesis: str = "It marks."
    change: str = "nothing"
    mitigation: str | None = None
    confounder: str | None = None
    image_size: int = SIZE
    _by_film: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_film = {self.images.pixels_of(i).tobytes(): i for i in range(len(self.images.pixels))}

    def marks(self, pixels: np.ndarray) -> list[Marks]:
        return [self._on(film) for film in pixels]

    def score(self, pixels: np.ndarray, patients: pd.DataFrame | None = None) -> np.ndarray:
        return np.array([marks.highest for marks in self.marks(pixels)], np.float32)

    def latency(self, pixels: np.ndarray, *, films: int = 60) -> tuple[float, float]:
        return 12.0, 19.0

    def _on(self, film: np.ndarray) -> Marks:
        index = self._by_film.get(film.tobytes())
        if index is None:  # something was drawn in: a bright film is marked
            sure = 0.9 if film.mean() > 88 else 0.0
            return Marks(np.array([[5, 5, 20, 20]], np.float32), np.array([sure], np.float32))
        rng = np.random.default_rng([self.seed, index])
        true = self.cohort.boxes.on(self.images, index) if index in self.cohort.boxes else np.zeros((0, 4), np.float32)
        kept = true[rng.random(len(true)) > self.blind]
        found = kept + rng.normal(0, self.jitter, kept.shape)
        false = rng.uniform(0, 40, (rng.poisson(self.wrong), 2))
        boxes = np.concatenate([found, np.concatenate([false, false + 12], axis=1)]).astype(np.float32)
        scores = np.concatenate([rng.uniform(0.4, 1.0, len(found)), rng.uniform(0.05, 0.7, len(false))])
        order = np.argsort(-scores)
        return Marks(boxes[order], scores[order].astype(np.float32))


def test_average_precision_is_that_of_torchmetrics():
    for seed in range(2):
        data, images = cohort(60, seed=seed)
        reader = Reader(data, images, seed=seed, jitter=2.5)
        part = detection_part(data, images, "test")
        marks = reader.marks(images.pixels_of(part.table.index))
        ap50, strict = coco_average_precision(marks, part)
        ours = float(average_precision(part.ranked(marks))[0])
        steps = [float(average_precision(part.ranked(marks, limit))[0]) for limit in np.arange(0.5, 1.0, 0.05)]
        assert ours == pytest.approx(ap50, abs=1e-3)
        assert np.mean(steps) == pytest.approx(strict, abs=2e-3)


def test_every_figure_has_an_interval_around_it():
    data, images = cohort()
    part = detection_part(data, images, "test")
    marks = Reader(data, images).marks(images.pixels_of(part.table.index))
    found = detection_metrics(
        marks, part, 0.5, Bootstrap(part.clusters, part.labels), studies=part.table["image"].to_numpy()
    )
    for name, estimate in found.items():
        assert estimate.value is not None and estimate.ci95 is not None, name
        assert estimate.ci95[0] - 1e-6 <= estimate.value <= estimate.ci95[1] + 1e-6, name
    rising = [found[f"sensitivity_at_{rate}_false_marks"].value for rate in ("0.1", "0.5", "1")]
    assert rising == sorted(rising) and found["ap50_95"].value < found["ap50"].value
    assert found["study_auroc"].n == len(part.table)
    assert "wherever the mark lies" in found["sensitivity"].note  # it says less than the share of boxes marked


def test_with_few_boxes_the_boxed_positives_stand_for_all_of_them():
    every, images = cohort(600)
    few, _ = cohort(600, boxed=0.3)
    few.boxes = Boxes(
        {i: every.boxes.places[i] for i in few.boxes.places}, frozenset(few.boxes.places)
    )  # the same boxes, fewer of them
    reader = Reader(every, images, jitter=2.0)
    figures = []
    for data in (every, few):
        part = detection_part(data, images, "test")
        marks = reader.marks(images.pixels_of(part.table.index))
        figures.append(detection_metrics(marks, part, 0.5, Bootstrap(part.clusters, part.labels, resamples=200)))
    boxes = sum(len(each) for each in part.truth if each is not None)
    assert (
        figures[1]["box_sensitivity"].n
        == figures[1]["sensitivity_at_0.1_false_marks"].n
        == boxes
        != figures[1]["ap50"].n
    )
    assert figures[1]["ap50"].n < figures[0]["ap50"].n and figures[1]["ap50"].note and not figures[0]["ap50"].note
    for name in ("ap50", "false_marks_per_image", "box_sensitivity"):
        assert figures[1][name].value == pytest.approx(figures[0][name].value, abs=0.08), name
    assert figures[1]["auroc"].n == figures[0]["auroc"].n


@pytest.mark.parametrize("limit", [0.1, 0.5, 1.0])
def test_the_threshold_keeps_the_limit_and_marks_as_many_boxes_as_it_allows(limit):
    data, images = cohort(400)
    part = detection_part(data, images, "validation")
    marks = Reader(data, images, wrong=2.0).marks(images.pixels_of(part.table.index))
    ranked = part.ranked(marks)
    threshold = mark_threshold(marks, part, limit)
    wrong = ((ranked.score >= threshold) & ~ranked.hit).sum() / len(part.table)
    assert wrong <= limit
    false = np.cumsum(~ranked.hit) / len(part.table)
    assert ranked.hit[ranked.score >= threshold].sum() == ranked.hit[false <= limit].sum()  # no box is given away
    assert ranked.hit[ranked.score >= threshold][-1]  # and no false mark is shown that brings none
    false, found = froc_curve(ranked, part.weight)
    assert (np.diff(false) >= 0).all() and (np.diff(found) >= 0).all()


def test_a_mark_that_the_limit_forbids_is_not_shown_however_scores_are_stored():
    data, images = cohort(8)
    part = detection_part(data, images, "validation")
    wrong = Marks(np.array([[60, 60, 63, 63]], np.float32), np.array([0.7], np.float32))
    marks = [wrong] * len(part.table)
    threshold = mark_threshold(marks, part, 0.1)
    assert not any(len(each.scores) for each in above(marks, threshold))
    # A right mark one float32 above a wrong one: nothing lies between them.
    position = next(int(i) for i in part.known if len(part.truth[i]))
    right = np.float32(0.7)
    marks = [
        Marks(part.truth[i][:1], np.array([np.nextafter(right, np.float32(1))])) if i == position else wrong
        for i in range(len(marks))
    ]
    shown = above(marks, mark_threshold(marks, part, 0.1))
    assert [len(each.scores) for each in shown] == [int(i == position) for i in range(len(marks))]


def test_a_visit_is_told_by_its_number_and_not_by_being_a_follow_up():
    data, images = cohort(48)
    data.table = data.table.assign(
        patient=[f"p{i // 8}" for i in range(48)], follow_up=[float(i % 8 >= 2) for i in range(48)]
    )
    data.covariates = ["follow_up"]
    part = detection_part(data, images, "test")
    assert studies_of(data, part) is None  # visits 2, 3 and 4 cannot be told apart
    data.table = data.table.assign(visit=[float(1 + i % 8 // 2) for i in range(48)])
    data.table.loc[2, "visit"] = np.nan
    data.covariates = ["follow_up", "visit"]
    part = detection_part(data, images, "test")
    expected = part.table.groupby(["patient", "visit"]).ngroups + int(part.table["visit"].isna().sum())
    assert len(set(studies_of(data, part))) == expected


def test_a_detector_trained_again_is_not_its_own_teacher():
    data, images = cohort(80)
    names = {"baseline": 0.5, "pseudo_boxes": 0.1, "pseudo_boxes_2": 0.0}
    validations = {
        name: validate_detector(Reader(data, images, name=name, blind=blind), data, images)
        for name, blind in names.items()
    }
    assert best_so_far(validations) == "pseudo_boxes_2"
    assert best_so_far(validations, before="pseudo_boxes") == "baseline"  # nor is its pupil
    assert best_so_far(validations, before="pseudo_boxes_3") == "pseudo_boxes_2"
    with pytest.raises(ClinjupError, match="no validated detector to learn from"):
        best_so_far(validations, before="baseline")


def test_a_limit_of_nothing_is_refused():
    data, images = cohort()
    part = detection_part(data, images, "validation")
    with pytest.raises(ClinjupError, match="must be above 0"):
        mark_threshold([], part, 0)


def test_a_part_without_a_boxed_positive_cannot_be_judged():
    data, images = cohort()
    data.boxes = Boxes({i: b for i, b in data.boxes.places.items() if not len(b)}, frozenset())
    with pytest.raises(ClassAbsentError, match="positive with a box"):
        detection_part(data, images, "test")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("run"))
    Path("weights.ckpt").write_bytes(b"weights")
    data, images = cohort(160)
    models = [
        Reader(data, images, blind=0.5),
        Reader(data, images, name="with_negatives", blind=0.1, wrong=0.3, seed=0),
    ]
    validations = {
        model.name: validate_detector(model, data, images, false_marks=0.25, confounders=CONFOUNDERS)
        for model in models
    }
    selection = select_detector(validations)
    test = open_test_set_for_marks(models, validations, data, images, selection=selection, confounders=CONFOUNDERS)
    yield data, images, models, validations, selection, test
    patch.undo()


@pytest.fixture
def in_its_folder(opened, run_folder, monkeypatch, tmp_path_factory):
    """Tests of the opened test set run where it was opened."""
    folder = next(path.parent.parent for path in tmp_path_factory.getbasetemp().glob("run*/cache/predictions.json"))
    monkeypatch.chdir(folder)


def test_the_ladder_is_told_as_experiments_and_the_better_step_goes_on(opened):
    _, _, _, validations, selection, _ = opened
    assert selection.selected == best_so_far(validations) == "with_negatives"
    assert [item.outcome for item in selection.experiments] == ["baseline", "kept"]
    assert all(item.validation.ci95 for item in selection.experiments)


def judged(opened, name: str, ap50: float, inserted: dict[str, float | None] | None = None, against: str | None = None):
    """The baseline's validation with other figures; `inserted`: what inserting changes, `against` what it was trained against."""
    data, images, _, validations, *_ = opened
    base = validations["baseline"]
    model = Reader(
        data, images, name=name, mitigation="insertion_augmentation" if against else None, confounder=against
    )
    changes = {
        thing: Estimate.missing("only 1 film") if value is None else Estimate(value=value, ci95=(value, value), n=40)
        for thing, value in (inserted or {}).items()
    }
    results = {
        thing: base.confounders["cast"].model_copy(update={"false_alarm_increase": change})
        for thing, change in changes.items()
    }
    metrics = base.metrics | {"ap50": Estimate(value=ap50, ci95=(ap50, ap50), n=40)}
    return replace(base, name=name, model=model, metrics=metrics, confounders=results)


@pytest.mark.parametrize(
    ("before", "after", "ap50", "chosen"),
    [
        ({"cast": 0.02, "metal": 0.29}, {"cast": 0.02, "metal": 0.03}, 0.90, True),
        ({"cast": 0.02, "metal": 0.29}, {"cast": 0.02, "metal": 0.03}, 0.85, True),  # the limit itself is allowed
        ({"cast": 0.02, "metal": 0.29}, {"cast": 0.02, "metal": 0.03}, 0.84, False),  # too dear
        ({"cast": 0.02, "metal": 0.29}, {"cast": 0.30, "metal": 0.03}, 0.95, False),  # casts in place of metal
        (
            {"cast": 0.02, "metal": 0.29},
            {"cast": 0.02, "metal": -0.29},
            0.95,
            False,
        ),  # a mark that vanishes is a change too
        ({"metal": 0.42}, {"metal": 0.40}, 0.95, False),  # too little to tell from chance
        ({"metal": 0.20}, {"metal": 0.15}, 0.90, True),
        ({"cast": None, "metal": 0.29}, {"cast": None, "metal": 0.10}, 0.88, True),  # what was measured decides
        ({"metal": None}, {"metal": None}, 0.89, False),  # nothing measured: AP50 decides
        ({"metal": None}, {"metal": None}, 0.91, True),
        ({}, {"metal": 0.0}, 0.89, False),  # measured on one only
    ],
)
def test_a_detector_trained_against_a_confounder_goes_on_for_fewer_marks_by_insertion_at_a_bounded_price(
    opened, in_its_folder, before, after, ap50, chosen
):
    against = "+".join(after)
    validations = {
        "baseline": judged(opened, "baseline", 0.90, before),
        "insertion_augmentation": judged(opened, "insertion_augmentation", ap50, after, against),
    }
    found = select_detector(validations)
    assert found.selected == ("insertion_augmentation" if chosen else "baseline")
    experiment = found.experiments[1]
    assert experiment.outcome == ("kept" if chosen else "discarded")
    measured = [thing for thing in after if before.get(thing) is not None and after[thing] is not None]
    if not measured:
        assert experiment.metric == "ap50" and "inserting" not in found.sentence + found.rule
        return
    worst = max((after[thing] for thing in measured), key=abs)
    assert experiment.metric == "false_alarm_increase" and experiment.validation.value == worst
    assert f"AP50 {ap50:.2f}, in baseline 0.90" in experiment.reason and experiment.reason in found.sentence
    assert "at most 0.05 of AP50 is lost" in found.rule
    assert ("limit of 0.05" in experiment.reason) == (ap50 < 0.85)
    assert ("less than 5\u00a0points better" in experiment.reason) == (not chosen and ap50 > 0.85)


def test_of_the_ladder_the_best_step_is_what_the_one_trained_against_a_confounder_is_compared_with(
    opened, in_its_folder
):
    steps = {
        "baseline": judged(opened, "baseline", 0.60, {"metal": 0.02}),  # leans least, and marks too little
        "with_negatives": judged(opened, "with_negatives", 0.80, {"metal": 0.30}),
        "pseudo_boxes": judged(opened, "pseudo_boxes", 0.75, {"metal": 0.01}),
    }
    against = judged(opened, "insertion_augmentation", 0.77, {"metal": 0.05}, "metal")
    found = select_detector({"insertion_augmentation": against, **steps})  # whatever the order of the cells
    assert found.selected == "insertion_augmentation"
    assert [(item.name, item.outcome) for item in found.experiments] == [
        ("baseline", "baseline"),
        ("with_negatives", "kept"),
        ("pseudo_boxes", "discarded"),
        ("insertion_augmentation", "kept"),
    ]
    assert (
        "by +5\u00a0points, in with_negatives by +30\u00a0points; AP50 0.77, in with_negatives 0.80" in found.sentence
    )
    assert select_detector({**steps, "insertion_augmentation": against}, max_loss=0.02).selected == "with_negatives"


def test_a_detector_that_is_too_slow_for_the_computer_is_not_chosen(opened):
    _, _, _, validations, _, _ = opened
    slow = replace(validations["with_negatives"], metrics=dict(validations["with_negatives"].metrics))
    slow.metrics["latency_ms"] = slow.metrics["latency_ms"].model_copy(update={"value": 900.0})
    selection = select_detector({"baseline": validations["baseline"], "with_negatives": slow}, max_latency_ms=200)
    assert selection.selected == "baseline" and "900 ms a film" in selection.experiments[1].reason
    with pytest.raises(ClinjupError, match="at most 5 ms"):
        select_detector(validations, max_latency_ms=5)


def test_the_test_set_is_opened_once_with_what_was_frozen(opened, in_its_folder):
    data, images, models, validations, _, test = opened
    for name, finding in test.findings.items():
        assert finding.operating_point.threshold == validations[name].threshold
        assert finding.metrics["latency_ms"].value == 12 and finding.metrics["latency_ms_p95"].value == 19
    with pytest.raises(TestAlreadyOpenedError):
        open_test_set_for_marks(models[:1], validations, data, images)


def test_subgroups_are_told_with_their_numbers_and_small_ones_are_not(opened):
    *_, test = opened
    strata = {stratum.value: stratum for stratum in test.findings["with_negatives"].strata}
    assert {"with cast", "without cast", "view PA", "view lateral", "6 to 10 years"} <= set(strata)
    assert strata["with cast"].images + strata["without cast"].images == len(test.part.table)
    few = [stratum for stratum in strata.values() if stratum.metrics["box_sensitivity"].value is None]
    assert all("boxes in this group" in (stratum.metrics["box_sensitivity"].reason or "") for stratum in few)


def test_marks_caused_by_an_inserted_cast_are_counted(opened):
    *_, test = opened
    result = test.findings["baseline"].confounders["cast"]
    assert result.false_alarms_after.value > 0.8 > result.false_alarms_before.value  # the reader marks what is bright
    assert result.placebo_increase.value is not None and result.cam_energy_in_mask.value is None
    assert "a detector shows where it looks" in result.cam_energy_in_mask.reason


def test_the_marks_are_written_in_coco_form_in_pixels_of_the_files(opened, in_its_folder):
    data, _, _, validations, selection, _ = opened
    content = json.loads(Path("cache/predictions.json").read_text(encoding="utf-8"))
    assert len(content["images"]) == len(data.table)
    assert {image["split"] for image in content["images"]} == {"validation", "test"}
    assert {image["file_name"] for image in content["images"]} == {f"films/i{i}.png" for i in range(len(data.table))}
    assert {image["image"] for image in content["images"]} == {f"i{i}" for i in range(len(data.table))}
    for mark in content["annotations"]:
        x, y, wide, high = mark["bbox"]
        assert 0 <= x <= SIZE and 0 <= y <= SIZE and wide >= 0 and high >= 0
        assert mark["shown"] == (mark["score"] >= validations[selection.selected].threshold)


def test_test_films_with_a_mark_are_drawn_as_pictures_that_the_json_names(tmp_path, monkeypatch):
    data, images = cohort(24)
    data.root, data.synthetic = str(tmp_path / "data"), True
    data.table["path"] = [f"{data.root}/films/i{i}.png" for i in range(24)]
    for i, path in enumerate(data.table["path"]):
        write_image(Path(path), images.pixels_of(i))
    part, found = detection_part(data, images, "test"), []
    marks = Reader(data, images).marks(images.pixels_of(part.table.index))
    monkeypatch.setattr(pictures, "emit", lambda finding, sentence: found.append(finding))
    (pictures.FOLDER).mkdir(parents=True)
    (pictures.FOLDER / "99999.png").write_bytes(b"of an earlier opening")
    for most in (200, 3):
        monkeypatch.setattr(pictures, "MOST_PICTURES", most)
        write_marks([(part, marks)], data, images, "fracture", 0.5)
        content = json.loads(Path("cache/predictions.json").read_text(encoding="utf-8"))
        named = {image["id"]: image["picture"] for image in content["images"] if "picture" in image}
        shown = {mark["image_id"] for mark in content["annotations"] if mark["shown"]}
        assert len(named) == min(most, len(shown)) and set(named) <= shown and 3 < len(shown) < len(part.table)
        assert {path.as_posix() for path in pictures.FOLDER.iterdir()} == set(named.values())
        assert f"{len(named)} of them" in found[-1].sentence and "not ruled out" in found[-1].sentence
    sure = max(range(len(marks)), key=lambda i: marks[i].highest)
    with Image.open(named[sure]) as picture:
        assert (np.asarray(picture) == (230, 159, 0)).all(axis=-1).sum() > 200  # the frame


def test_the_pareto_front_holds_what_nothing_beats():
    points = {
        "slow": (90.0, 0.9),
        "light": (10.0, 0.8),
        "worse": (20.0, 0.7),
        "twin": (10.0, 0.8),
        "best": (60.0, 0.95),
    }
    assert pareto_front(points) == ["light", "best"]
    assert pareto_front({}) == []


def test_time_and_accuracy_of_different_networks_are_drawn_with_their_front(opened, in_its_folder, monkeypatch):
    *_, test = opened
    told = {}
    monkeypatch.setattr(plots, "show_figure", lambda figure, name, **words: told.update({name: (figure, words)}))
    test.plot_speed()
    assert not told  # one network only
    models = {name: replace(model, architecture=name) for name, model in test.models.items()}
    replace(test, models=models).plot_speed()
    figure, words = told["performance_speed"]
    assert "On the Pareto front: with_negatives." in words["alt"]  # as fast as the baseline, and better
    (front,) = (line for line in figure.axes[0].lines if line.get_label() == "Pareto front")
    assert list(front.get_ydata()) == [test.findings["with_negatives"].metrics["ap50"].value]


def test_the_figures_are_drawn(opened, in_its_folder):
    *_, test = opened
    test.plot_froc()
    test.plot_groups()
    test.show_marks()
    test.plot_insertion("cast")
    drawn = {path.stem for path in Path("plots").iterdir()}
    assert {"froc", "marks_by_group", "marks", "insertion_cast"} <= drawn


def test_the_montage_shows_what_was_found_best_marked_wrongly_and_missed(opened, in_its_folder, monkeypatch):
    _, images, *_, test = opened
    told = {}
    monkeypatch.setattr(montage, "show_figure", lambda figure, name, **words: told.update({name: (figure, words)}))
    test.show_marks()
    figure, words = told["marks"]
    rows = np.reshape([axis for axis in figure.axes if axis.get_subplotspec() is not None], (3, montage.PER_ROW))
    drawn = [[_marks_drawn(axis) for axis in row if axis.images] for row in rows]
    assert all(len(row) > 1 for row in drawn)
    found, wrong, missed = drawn
    assert all(not film["false"] and len(film["right"]) == film["boxes"] > 0 for film in found)
    least = [min(film["right"]) for film in found]
    assert least == sorted(least, reverse=True) and least[0] > 0.75
    worst = [max(film["false"]) for film in wrong]
    assert worst == sorted(worst, reverse=True)
    lacking = [film["boxes"] - len(film["right"]) for film in missed]
    assert lacking == sorted(lacking, reverse=True) and lacking[-1] > 0
    shown = above(test.marks[test.selected], test.threshold(test.selected))
    films = {images.pixels_of(int(index)).tobytes(): i for i, index in enumerate(test.part.table.index)}
    for row, kinds in zip(rows, drawn, strict=True):
        for axis, film in zip(row, kinds, strict=False):  # the marks lie on the film to which they belong
            position = films[np.asarray(axis.images[0].get_array(), np.uint8).tobytes()]
            assert len(film["right"]) + len(film["false"]) == len(shown[position].boxes)
            assert film["boxes"] == len(test.part.truth[position])
    assert [row[0].get_title(loc="left").split(" (")[0] for row in rows] == [
        "marked, and rightly so",
        "a mark that hits no box",
        "a fracture without a mark",
    ]
    assert "not free of fractures" in words["caption"]


def _marks_drawn(axis) -> dict[str, Any]:
    """Scores of the marks that hit and that do not, and the number of boxes, as they stand on one film of the montage."""
    colours = {to_rgba(ORANGE): "right", to_rgba(VERMILION): "false"}
    seen: dict[str, Any] = {"right": [], "false": []}
    for text in axis.texts:
        seen[colours[to_rgba(text.get_color())]].append(float(text.get_text()))
    edges = [patch.get_edgecolor() for patch in axis.patches]
    assert all(edges.count(edge) == len(seen[kind]) for edge, kind in colours.items())
    return seen | {"boxes": edges.count(to_rgba(GREEN))}


@pytest.fixture(scope="module")
def wrists() -> np.ndarray:
    films = [planned.film for planned in plan_wrists(8, 3) if not planned.film.cast and not planned.film.metal][:6]
    drawn = [render_wrist(film, fracture=False, size=128).pixels for film in films]
    narrow = min(film.shape[1] for film in drawn)
    return np.stack([np.clip((film[:, :narrow] - 900.0) / 21000 * 255, 0, 255).astype(np.uint8) for film in drawn])


@pytest.mark.parametrize("name", CONFOUNDERS)
def test_a_cast_or_metal_can_be_drawn_into_a_wrist(wrists, name):
    inserter = inserter_for(name)
    for number, film in enumerate(wrists):
        before = film.copy()
        changed, mask = inserter.insert(film, np.random.default_rng(number))
        placebo = inserter.placebo(film, np.random.default_rng(number))
        assert np.array_equal(film, before) and changed.dtype == placebo.dtype == np.uint8
        gain = changed.astype(int) - film
        assert gain[mask].sum() > 0.8 * gain.clip(0).sum() > 0
        added = [int(picture.sum(dtype=np.int64)) - int(film.sum(dtype=np.int64)) for picture in (changed, placebo)]
        assert 0.6 * added[0] < added[1] < 1.5 * added[0]


def test_an_inserted_cast_is_as_bright_as_one_of_the_generator(wrists):
    films = [planned.film for planned in plan_wrists(8, 3) if not planned.film.cast and not planned.film.metal][:6]
    real = []
    for film in films:
        plain, worn = (
            render_wrist(film, fracture=False, cast=cast, size=128).pixels.astype(float) for cast in (False, True)
        )
        real.append((worn - plain).sum() / 21000 * 255)
    drawn = [
        inserter_for("cast").insert(film, np.random.default_rng(i))[0].sum(dtype=np.int64) - film.sum(dtype=np.int64)
        for i, film in enumerate(wrists)
    ]
    assert 0.5 < np.mean(drawn) / np.mean(real) < 2.0
