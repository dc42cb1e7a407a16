"""Metal and casts drawn into training films: of another style than the test's, boxes kept and never hidden; a detector trained against them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from clinjup.agent.plan import INSERTABLE
from clinjup.evaluation.insertion import inserter_for, list_inserters
from clinjup.evaluation.insertion import wrist as tested
from clinjup.imaging.synthetic.wrist import plan_wrists, render_wrist
from clinjup.kernel.errors import ClinjupError
from clinjup.learning import wrist_devices
from clinjup.learning.detection import load_detector, supervise, train_against, train_detector
from clinjup.learning.detection.against import STILL_SHOWN, drawn_in, still_shown
from clinjup.learning.detection.targets import Target
from clinjup.learning.mitigation import insertion_augmentation, treatment_for
from clinjup.learning.wrist_devices import insert_casts, insert_metal
from tests.learning.conftest import Published
from tests.learning.test_detection import discs

SIZE = 128
LABELS = ["without fracture", "with fracture"]
DRAWERS = {"metal": insert_metal, "cast": insert_casts}


@pytest.fixture(scope="module")
def wrists() -> tuple[torch.Tensor, list[np.ndarray]]:
    """Films of fractures without cast and metal, float [N, 1, 128, 128] in 0..1, and the boxes of each in its pixels."""
    films, boxes = [], []
    for planned in plan_wrists(16, 3):
        if planned.film.fracture and not planned.film.visit:
            drawn = render_wrist(planned.film, cast=False, metal=False, size=SIZE)
            narrow = np.clip((drawn.pixels - 900.0) / 21000, 0, 1)
            films.append(np.pad(narrow, ((0, 0), (0, SIZE - narrow.shape[1]))))
            boxes.append(np.array(drawn.boxes["fracture"], np.float32))
    return torch.tensor(np.stack(films), dtype=torch.float32).unsqueeze(1), boxes


@pytest.mark.parametrize("name", DRAWERS)
def test_a_drawing_changes_half_of_the_films_and_stays_among_grey_values(name, wrists):
    films = wrists[0].repeat(10, 1, 1, 1)
    before = films.clone()
    changed = DRAWERS[name](films, torch.Generator().manual_seed(1))
    assert torch.equal(films, before) and changed.shape == films.shape and changed.dtype == films.dtype
    assert changed.min() >= 0 and changed.max() <= 1
    written = changed.mul(255).round().byte()  # as prepared images hold them
    assert torch.allclose(written.float() / 255, changed, atol=1 / 255)
    touched = ((changed - films).abs() > 0.02).flatten(1).any(dim=1)
    assert 0.35 < touched.float().mean() < 0.65
    assert (changed - films).min() > -0.1  # neither takes much grey away
    assert torch.equal(DRAWERS[name](films, torch.Generator().manual_seed(1)), changed)
    assert torch.equal(DRAWERS[name](films[:0], torch.Generator()), films[:0])
    if name == "metal":
        assert ((changed - films)[touched] > 0.1).float().mean() < 0.08


def test_what_augments_shares_no_code_with_what_tests():
    assert set(insertion_augmentation._DRAWINGS) == INSERTABLE <= set(list_inserters())
    for module, other in ((wrist_devices, "clinjup.evaluation"), (tested, "clinjup.learning")):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imported = [
            name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        ]
        assert not any(name.startswith(other) for name in imported)


def test_metal_is_drawn_elsewhere_and_at_other_angles_than_in_the_test(wrists):
    film = wrists[0][:1]
    pixels = film[0, 0].mul(255).byte().numpy()
    trained = insert_metal(film.repeat(200, 1, 1, 1), torch.Generator().manual_seed(0))[:, 0] - film[:, 0]
    trained = [each > 0.1 for each in trained.numpy() if (each > 0.1).any()]
    inserter = inserter_for("metal")
    assert inserter is not None
    judged = [inserter.insert(pixels, np.random.default_rng(i))[1] for i in range(100)]
    middles = {
        kind: np.array([np.argwhere(mask).mean(axis=0) for mask in masks]) / SIZE
        for kind, masks in (("trained", trained), ("judged", judged))
    }
    assert middles["trained"].std(axis=0).min() > 2 * middles["judged"].std(axis=0).max()
    assert (middles["trained"][:, 0] < 0.5).mean() > 0.15 > (middles["judged"][:, 0] < 0.5).mean()


def test_no_box_is_hidden_and_films_with_a_box_get_as_much_drawn_in_as_those_without(wrists):
    films, boxes = wrists
    for drawer in DRAWERS.values():
        touched = {True: 0, False: 0}
        for seed in range(20):
            for boxed in (True, False):
                targets = [Target.drawn(each if boxed else each[:0]) for each in boxes]
                changed = drawn_in(drawer, films, targets, torch.Generator().manual_seed(seed))
                touched[boxed] += int(((changed - films).abs() > 0.02).flatten(1).any(dim=1).sum())
                for film, other, target in zip(films, changed, targets, strict=True):
                    assert all(still_shown(film, other, box) >= STILL_SHOWN for box in target.boxes)
        assert touched[False] > 50 and touched[True] >= 0.95 * touched[False]


def test_a_film_whose_box_would_be_hidden_stays_as_it_was(wrists):
    films, boxes = wrists
    targets = [Target.drawn(each if i % 2 else each[:0]) for i, each in enumerate(boxes)]
    changed = drawn_in(lambda films, generator: torch.ones_like(films), films, targets, torch.Generator())
    for i, (film, other) in enumerate(zip(films, changed, strict=True)):
        assert torch.equal(film, other) if i % 2 else bool((other == 1).all())
    half = films.clone()
    half[:, :, :, : SIZE // 2] = 1
    left, whole = np.array([0, 0, 60, 127], np.float32), np.array([0, 0, 127, 127], np.float32)
    assert still_shown(films[0], half[0], left) < 0.1 < still_shown(films[0], half[0], whole) < 0.9
    assert still_shown(films[0], films[0], left) == pytest.approx(1)


def test_a_detector_is_trained_on_against_metal_with_its_own_boxes(tmp_path, monkeypatch, published: Published):
    monkeypatch.chdir(tmp_path)
    cohort, images = discs(90)
    supervision = supervise("all_boxes", cohort, images)
    before = train_detector(cohort, images, supervision, name="baseline", steps=12, batch_size=16, seed=3)
    model = train_against(before, cohort, images, name="against", confounder=["cast", "metal"])
    assert (model.mitigation, model.confounder) == ("insertion_augmentation", "cast+metal")
    assert before.mitigation is None and published("training")[-1]["mitigation"] == "insertion_augmentation"
    assert model.lesson is not None and before.lesson is not None
    assert model.lesson.arguments == before.lesson.arguments and model.seed == 3
    assert model.lesson.supervision.targets is before.lesson.supervision.targets
    assert model.hypothesis == "Insertion augmentation keeps the detector from marking casts and metal."
    assert "baseline" in model.change and "boxes unchanged" in model.change
    assert bool(model.history["kept"].iloc[-1])  # AP50 on films without metal does not choose its weights
    weights = [each.network.state_dict() for each in (before, model)]
    assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    again = load_detector(model.checkpoint)
    assert (again.mitigation, again.confounder, again.lesson) == (model.mitigation, model.confounder, None)
    written = Path(model.checkpoint).stat().st_mtime_ns
    train_against(before, cohort, images, name="against", confounder=["cast", "metal"])
    assert Path(model.checkpoint).stat().st_mtime_ns == written
    train_against(before, cohort, images, name="against", confounder="metal")
    assert Path(model.checkpoint).stat().st_mtime_ns != written
    with pytest.raises(ClinjupError, match="Run its training cell first"):
        train_against(again, cohort, images, name="twice", confounder="metal")
    for other in ("focal_loss", "jtt", "insertion_augmentation+removal_augmentation"):
        with pytest.raises(ClinjupError, match="none for a detector"):
            train_against(before, cohort, images, name="other", confounder="metal", mitigation=other)


def test_the_registry_draws_what_is_named():
    films = torch.full((40, 1, 64, 64), 0.4)
    metal, both = (
        treatment_for(discs(6)[0].table, "insertion_augmentation", names, LABELS).transform
        for names in (["metal"], ["cast", "metal"])
    )
    assert metal is insert_metal and both is not None
    changed = both(films, torch.Generator().manual_seed(0))
    by_metal = (changed > 0.75).flatten(1).any(dim=1)
    by_cast = ((changed - films > 0.03) & (changed < 0.75)).flatten(1).float().mean(dim=1) > 0.1
    assert 8 < int(by_metal.sum()) < 32 and 8 < int(by_cast.sum()) < 32 and bool((by_metal & by_cast).any())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", sorted(INSERTABLE))
def test_drawings_change_films_on_a_gpu_as_on_the_cpu(name):
    films, rows = torch.full((64, 3, 48, 48), 0.6), torch.arange(64)
    table = pd.DataFrame({"label": rows.numpy() % 2, name: ((rows % 2 == 1) & (rows < 48)).numpy().astype(float)})
    for mitigation in ("insertion_augmentation", "insertion_balancing"):
        draw = treatment_for(table, mitigation, [name], LABELS).transform
        here = draw(films, torch.Generator().manual_seed(0), rows)
        there = draw(films.cuda(), torch.Generator().manual_seed(0), rows.cuda())
        assert there.is_cuda and (here != films).any()
        torch.testing.assert_close(there.cpu(), here, atol=0.02, rtol=0)
