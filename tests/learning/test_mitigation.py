"""Every registered mitigation, and what each one promises."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from clinjup.imaging import Cohort, ImageCache
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.batches import draw_rows
from clinjup.learning.mitigation import Treatment, list_mitigations, mitigation_named
from clinjup.learning.mitigation.insertion_augmentation import insert_tubes
from clinjup.nouns import class_words
from tests.learning.blobs import CONFOUNDER, quick
from tests.learning.conftest import Published

UNKNOWN = float("nan")
LABELS = ["without pneumothorax", "with pneumothorax"]


def table(**cells: int) -> pd.DataFrame:
    """Films by cell: `pos_with`, `pos_without`, `pos_unknown`, `neg_with`, `neg_without`, `neg_unknown`."""
    rows = []
    for cell, count in cells.items():
        label, presence = cell.split("_")
        value = {"with": 1.0, "without": 0.0, "unknown": UNKNOWN}[presence]
        rows += [{"label": int(label == "pos"), "drain": value}] * count
    return pd.DataFrame(rows)


def masses(films: pd.DataFrame, treatment: Treatment) -> dict[str, float]:
    """Share of the draws that falls to each cell."""
    assert treatment.weights is not None
    words = {1.0: "with", 0.0: "without"}
    cell = [("pos_" if row.label else "neg_") + words.get(row.drain, "unknown") for row in films.itertuples()]
    return pd.Series(treatment.weights / treatment.weights.sum()).groupby(cell).sum().to_dict()


@pytest.mark.parametrize("name", list_mitigations())
def test_every_mitigation_treats_a_cohort_and_trains(
    name: str, blobs: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    entry = mitigation_named(name)
    assert entry.title and entry.explanation.endswith(".")
    training = blobs[0].part("train")
    treatment = entry.treat(training, CONFOUNDER, LABELS)
    assert any(part is not None for part in (treatment.weights, treatment.transform, treatment.loss))
    if treatment.weights is not None:
        assert treatment.weights.shape == (len(training),)
        assert (treatment.weights > 0).all() and np.isfinite(treatment.weights).all()
    if treatment.transform is not None:
        for channels in (1, 3):
            films = torch.rand(6, channels, 48, 48)
            before = films.clone()
            changed = treatment.transform(films, torch.Generator().manual_seed(0))
            assert changed.shape == films.shape and changed.dtype == films.dtype
            assert changed.min() >= 0 and changed.max() <= 1
            assert torch.equal(films, before) and not torch.equal(changed, before)
            again = treatment.transform(films, torch.Generator().manual_seed(0))
            assert torch.equal(changed, again)
    model = quick(*blobs, mitigation=name, confounder=CONFOUNDER)
    assert published("training")[0]["mitigation"] == model.mitigation == name


@pytest.mark.parametrize("name", list_mitigations())
def test_a_mitigation_without_annotation_works_or_says_what_it_needs(
    name: str, blobs: tuple[Cohort, ImageCache]
) -> None:
    training = blobs[0].part("train").drop(columns=CONFOUNDER)
    entry = mitigation_named(name)
    for confounder in (None, CONFOUNDER):
        if entry.needs_labels:
            with pytest.raises(ClinjupError, match="insertion_augmentation"):
                entry.treat(training, confounder, LABELS)
        elif entry.against == "confounder":
            assert entry.treat(training, confounder, LABELS).transform
        else:
            treatment = entry.treat(training, confounder, LABELS)
            assert treatment.loss is not None or treatment.weights is not None


def test_an_unknown_mitigation_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ClinjupError, match="balanced_sampling, class_balanced_sampling, focal_loss, insertion_augmentation"
    ):
        mitigation_named("magic")


def test_balanced_sampling_draws_the_four_groups_equally_often() -> None:
    films = table(pos_with=170, pos_without=30, neg_with=30, neg_without=570)
    treatment = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    assert masses(films, treatment) == pytest.approx(
        dict.fromkeys(("pos_with", "pos_without", "neg_with", "neg_without"), 0.25)
    )
    assert treatment.notes == []
    drawn = films.iloc[draw_rows(len(films), treatment.weights, np.random.default_rng(0))]
    assert drawn.groupby(["label", "drain"]).size().between(199, 201).all()


def test_films_with_unknown_confounder_keep_their_share_of_their_label() -> None:
    films = table(pos_with=80, pos_without=20, pos_unknown=100, neg_with=10, neg_without=290, neg_unknown=100)
    treatment = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    mass = masses(films, treatment)
    known = [mass[cell] for cell in ("pos_with", "pos_without", "neg_with", "neg_without")]
    assert known == pytest.approx([known[0]] * 4)
    assert mass["pos_unknown"] / (mass["pos_unknown"] + mass["pos_with"] + mass["pos_without"]) == pytest.approx(0.5)
    assert mass["neg_unknown"] / (mass["neg_unknown"] + mass["neg_with"] + mass["neg_without"]) == pytest.approx(0.25)
    assert treatment.notes == ["On 200 of 600 training films the drain is unknown; they were drawn as often as before."]


def test_a_label_annotated_on_few_films_does_not_drown_the_other() -> None:
    films = table(pos_with=300, pos_without=100, neg_with=10, neg_without=20, neg_unknown=2000)
    mass = masses(films, mitigation_named("balanced_sampling").treat(films, "drain", LABELS))
    assert 0.15 < mass["pos_with"] + mass["pos_without"] < 0.85
    assert mass["pos_with"] == pytest.approx(mass["pos_without"])
    assert mass["neg_with"] == pytest.approx(mass["neg_without"])


def test_annotated_on_positives_only_balances_within_positives_and_says_so() -> None:
    films = table(pos_with=90, pos_without=10, neg_unknown=300)
    treatment = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    assert masses(films, treatment) == pytest.approx({"pos_with": 0.125, "pos_without": 0.125, "neg_unknown": 0.75})
    assert "The drain is annotated only on films with pneumothorax, so only these were balanced." in treatment.notes


def test_an_empty_group_is_named_and_the_others_are_balanced() -> None:
    films = table(pos_with=80, pos_without=20, neg_without=100)
    treatment = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    assert masses(films, treatment) == pytest.approx(dict.fromkeys(("pos_with", "pos_without", "neg_without"), 1 / 3))
    assert treatment.notes == [
        "No training film without pneumothorax is known to show a drain: there the two stay tied together."
    ]


def test_no_annotation_at_all_leaves_the_films_as_they_are() -> None:
    treatment = mitigation_named("balanced_sampling").treat(table(pos_unknown=5, neg_unknown=9), "drain", LABELS)
    assert treatment.weights is None
    assert "nothing was balanced" in treatment.notes[0]


def test_notes_of_a_mitigation_reach_the_notebook(
    blobs: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    cohort, images = blobs
    unknown = cohort.table[CONFOUNDER].mask(cohort.table["label"] == 0)
    cohort = Cohort(**(vars(cohort) | {"table": cohort.table.assign(**{CONFOUNDER: unknown})}))
    quick(cohort, images, mitigation="balanced_sampling", confounder=CONFOUNDER)
    said = f"annotated only on films with {class_words(cohort.target)}, so only these were balanced"
    assert any(said in finding["sentence"] for finding in published("note"))


def test_tubes_are_drawn_into_about_half_of_the_films_and_cover_little_of_them() -> None:
    films = torch.full((400, 1, 64, 64), 0.4)
    changed = (insert_tubes(films, torch.Generator().manual_seed(1)) - films).abs() > 0.02
    touched = changed.flatten(1).any(dim=1)
    assert 0.35 < touched.float().mean() < 0.55
    assert changed[touched].float().mean() < 0.10
