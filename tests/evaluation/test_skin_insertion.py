"""A ruler and ink drawn into dermoscopic images, for testing."""

from __future__ import annotations

import numpy as np
import pytest

from clinjup.evaluation.insertion import inserter_for
from clinjup.imaging.synthetic.skin import plan_skin_cohort, render_skin

NAMES = ("ruler", "ink")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A dermoscopic image as it lies in the cache: 96 pixels square, black above and below."""
    from PIL import Image

    planned = next(p for p in plan_skin_cohort(40, 1) if not p.image.artefacts)
    small = Image.fromarray(render_skin(planned.image)[0]).resize((96, 72))
    square = np.zeros((96, 96, 3), np.uint8)
    square[12:84] = np.asarray(small)
    return square


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colour", [True, False])
def test_only_what_lies_under_the_mark_changes_and_the_border_stays_black(image, name, colour):
    film = image if colour else image.mean(axis=2).astype(np.uint8)
    before = film.copy()
    for seed in range(6):
        drawn, mask = inserter_for(name).insert(film, np.random.default_rng(seed))
        assert drawn.shape == film.shape and drawn.dtype == np.uint8 and mask.shape == (96, 96)
        changed = (drawn != film).reshape(96, 96, -1).any(axis=2)
        assert changed.sum() > 40 and mask.sum() > 40
        assert (np.abs(drawn.astype(int) - film)[~mask] <= 26).all()
        assert not changed[:11].any() and not changed[85:].any()
    assert (film == before).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_random_numbers_draw_the_same_mark(image, name):
    first, second = (inserter_for(name).insert(image, np.random.default_rng(4))[0] for _ in range(2))
    other = inserter_for(name).insert(image, np.random.default_rng(5))[0]
    assert (first == second).all() and (first != other).any()


@pytest.mark.parametrize("name", NAMES)
def test_the_placebo_changes_as_much_and_is_another_thing(image, name):
    inserter = inserter_for(name)
    for seed in range(4):
        drawn, mask = inserter.insert(image, np.random.default_rng(seed))
        placebo = inserter.placebo(image, np.random.default_rng(seed))
        wanted, changed = (float(np.abs(each.astype(int) - image).sum()) for each in (drawn, placebo))
        assert 0.8 * wanted <= changed <= 1.1 * wanted
        elsewhere = (placebo != image).any(axis=2) & ~mask
        assert elsewhere.sum() > 0.5 * (placebo != image).any(axis=2).sum()
