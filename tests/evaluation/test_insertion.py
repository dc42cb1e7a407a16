"""Inserters: what they draw, what they leave alone, and that the drain is as plain as the generator's."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clinjup.evaluation import insertion
from clinjup.evaluation.insertion import Inserter, inserter_for, list_inserters
from clinjup.evaluation.insertion.landmarks import find_landmarks
from clinjup.imaging.synthetic import plan_cohort, render_film


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Eight drain-free films, uint8 [8, 256, 256]."""
    chosen = [entry.film for entry in plan_cohort(30, 7) if not entry.film.pneumothorax][:8]
    return np.stack([render_film(film, drain=False)[0] for film in chosen])


@pytest.fixture(params=list_inserters())
def inserter(request: pytest.FixtureRequest) -> Inserter:
    found = inserter_for(request.param)
    assert found is not None
    return found


@pytest.fixture
def drain() -> Inserter:
    """What is opaque on a film adds grey; the marks on skin have tests of their own (test_skin_insertion.py)."""
    found = inserter_for("chest_drain")
    assert found is not None
    return found


def _resized(film: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(film).resize((width, height), Image.Resampling.BICUBIC))


def test_the_registry_knows_the_chest_drain_and_nothing_it_was_not_told() -> None:
    assert "chest_drain" in list_inserters()
    assert inserter_for("garden_gnome") is None


def test_every_inserter_says_what_it_does_not_cover(inserter: Inserter) -> None:
    assert inserter.caution.endswith(".")
    assert inserter.title
    assert inserter.placebo_title


@pytest.mark.parametrize(("width", "height"), [(96, 96), (256, 256), (130, 101), (64, 64), (701, 512)])
def test_insertion_changes_the_mask_and_hardly_anything_else(
    drain: Inserter, films: np.ndarray, width: int, height: int
) -> None:
    for number, film in enumerate(films[:4]):
        film = _resized(film, width, height)
        before = film.copy()
        changed, mask = drain.insert(film, np.random.default_rng(number))
        assert changed.dtype == np.uint8
        assert changed.shape == mask.shape == film.shape
        assert mask.dtype == bool
        assert np.array_equal(film, before)
        gain = changed.astype(int) - film
        assert gain.min() >= 0
        assert gain[mask].sum() > 0.85 * gain.sum()
        assert 0.005 < mask.mean() < 0.06


def test_the_same_random_numbers_give_the_same_film(inserter: Inserter, films: np.ndarray) -> None:
    film = films[0]
    first, again, other = (inserter.insert(film, np.random.default_rng(seed))[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_placebo_adds_as_much_grey_elsewhere(drain: Inserter, films: np.ndarray) -> None:
    for size in (96, 256):
        for number, film in enumerate(films):
            film = _resized(film, size, size)
            changed, mask = drain.insert(film, np.random.default_rng(number))
            placebo = drain.placebo(film, np.random.default_rng(number))
            wanted, added = (
                int(picture.sum(dtype=np.int64) - film.sum(dtype=np.int64)) for picture in (changed, placebo)
            )
            assert 0.8 * wanted < added < 1.2 * wanted
            touched = placebo != film
            assert (touched & mask).sum() < 0.3 * touched.sum()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_film_without_a_chest_does_not_crash(inserter: Inserter, grey: int) -> None:
    blank = np.full((96, 96), grey, np.uint8)
    changed, mask = inserter.insert(blank, np.random.default_rng(0))
    assert changed.shape == blank.shape
    assert mask.any()
    assert inserter.placebo(blank, np.random.default_rng(0)).shape == blank.shape


def test_landmarks_lie_on_the_lungs_of_the_generator() -> None:
    for entry in plan_cohort(20, 2)[:25]:
        film, masks = render_film(entry.film, drain=False)
        marks = find_landmarks(film)
        lungs = masks["lungs"]
        rows = np.flatnonzero(lungs[:, int(marks.left_axis)])
        middle = lungs[int(0.45 * 256)]
        columns = np.flatnonzero(middle)
        assert abs(marks.left_wall - columns[0]) < 20
        assert abs(marks.right_wall - columns[-1]) < 20
        assert abs(marks.apex - rows[0]) < 25
        assert marks.apex + 60 < marks.base < 225


def test_an_inserted_drain_is_as_plain_as_a_drain_of_the_generator(drain: Inserter, films: np.ndarray) -> None:
    """The headline figure holds only if the inserted drain is neither fainter nor louder than a true one."""
    chosen = [entry.film for entry in plan_cohort(30, 7) if not entry.film.pneumothorax][:8]
    drawn, real = [], []
    for number, (film, plan) in enumerate(zip(films, chosen, strict=True)):
        small = _resized(film, 96, 96)
        inserted, _ = drain.insert(small, np.random.default_rng(number))
        true = _resized(render_film(plan, drain=True)[0], 96, 96)
        drawn.append(float(inserted.sum(dtype=np.int64) - small.sum(dtype=np.int64)))
        real.append(float(true.sum(dtype=np.int64) - small.sum(dtype=np.int64)))
    assert 0.6 < np.mean(drawn) / np.mean(real) < 1.6


def test_inserters_share_no_code_with_the_generator_or_the_augmentation() -> None:
    for path in Path(insertion.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in modules if name.startswith(("clinjup.imaging", "clinjup.learning"))], path.name
