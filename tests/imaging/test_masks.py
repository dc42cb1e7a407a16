from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from clinjup.evaluation.take_out import take_out
from clinjup.imaging import read_cohort
from clinjup.imaging.masks import UNKNOWN, Masks, decode_runs, encode_runs, presence, read_masks
from clinjup.imaging.synthetic import plan_cohort, render_film, write_cohort
from clinjup.kernel.errors import ClinjupError


def test_run_lengths_are_relative_and_run_down_the_columns():
    mask = decode_runs("2 3 1 2", shape=(4, 4))  # skip 2, draw 3, skip 1, draw 2
    assert np.argwhere(mask.T.ravel()).ravel().tolist() == [2, 3, 4, 6, 7]
    assert mask[2, 0] and mask[3, 0] and mask[0, 1] and not mask[1, 1] and mask[2, 1]


def test_encoding_and_decoding_agree():
    rng = np.random.default_rng(0)
    for density in (0.0, 0.3, 1.0):
        mask = rng.random((1024, 1024)) < density
        assert np.array_equal(decode_runs(encode_runs(mask)), mask)
    assert encode_runs(np.zeros((8, 8), bool)) == "-1"


@pytest.mark.parametrize(
    "text", ["1 2 3", "1 -2", "", "a b", "1048570 100", "99999999999999999999 3", "9223372036854775807 5"]
)
def test_what_is_no_run_lengths_is_refused(text):
    with pytest.raises(ValueError):
        decode_runs(text)


def test_rows_of_an_image_are_one_label_and_broken_ones_say_nothing():
    images = pd.Series(["a", "b", "a", "c", "d", "e", None, "f", "g"])
    huge = ["9223372036854775807 5", "99999999999999999999 3"]
    runs = pd.Series(["-1", "-1", " 5 6", None, "1 2 3", "4 0", "5 6", *huge])
    found, broken = presence(runs, images)
    said = {"a": "1", "b": "0", "c": "?", "d": UNKNOWN, "e": "0", "f": UNKNOWN, "g": UNKNOWN}
    assert found.fillna("?").to_dict() == said and broken == 3


def small(mask: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((64, 64), Image.Resampling.BOX)) >= 128


@pytest.mark.parametrize("layout", ["siim", "candid"])
def test_masks_of_the_tables_are_the_truth_of_the_generator(tmp_path, layout):
    root = write_cohort("pneumothorax", tmp_path / "data", layout=layout, patients=6, seed=3, workers=1)
    cohort = read_cohort(root, layout=layout, target="pneumothorax", positive=["1"], negative=["0"], emit_finding=False)
    films = [planned.film for planned in plan_cohort(6, 3)]
    assert len(cohort.table) == len(films) and cohort.table["label"].tolist() == [film.pneumothorax for film in films]
    wanted = {"pneumothorax": "pneumothorax"} | ({"chest_drain": "drain"} if layout == "candid" else {})
    assert set(cohort.masks) == set(wanted)
    for name, drawn in wanted.items():
        masks = read_masks(cohort, name)
        for index, film in zip(cohort.table.index, films, strict=True):
            truth = render_film(film)[1][drawn]
            assert index in masks and np.array_equal(masks.of(index)[::4, ::4], truth)
            assert (masks.of(index, size=64) == small(truth)).mean() > 0.99


def test_masks_of_what_the_data_do_not_draw_are_asked_for_in_vain(tmp_path):
    root = write_cohort("pneumothorax", tmp_path / "data", layout="siim", patients=3, seed=3, workers=1)
    cohort = read_cohort(root, layout="siim", target="pneumothorax", positive=["1"], negative=["0"], emit_finding=False)
    with pytest.raises(ClinjupError, match=r"no masks of 'chest_drain'.*pneumothorax"):
        read_masks(cohort, "chest_drain")


@pytest.mark.parametrize("width", [2, 5])
def test_a_thin_drain_can_be_taken_out_of_a_small_film(width):
    drawn = Image.new("L", (1024, 1024))
    ImageDraw.Draw(drawn).line([(100, 300), (400, 420), (700, 900)], fill=255, width=width)
    drain = np.asarray(drawn) > 0
    film = np.where(drain, 250, 100).astype(np.uint8)
    shown = np.asarray(Image.fromarray(film).resize((96, 96), Image.Resampling.BICUBIC))
    masks = Masks({0: [encode_runs(drain)]}, (1024, 1024))
    left = {each: take_out(shown, masks.of(0, 96, any_part=each)).astype(int) - 100 for each in (True, False)}
    assert np.abs(left[True]).max() <= 3 and left[False].max() > 30
