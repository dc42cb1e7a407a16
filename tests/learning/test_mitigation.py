"""Every registered mitigation, and what each one promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from clinjup.imaging import Cohort, ImageCache
from clinjup.imaging.masks import MaskSource, encode_runs
from clinjup.imaging.presence import estimate_column
from clinjup.kernel.errors import ClinjupError
from clinjup.learning.architectures import Standardised, build_network
from clinjup.learning.batches import as_films, as_input, draw_rows
from clinjup.learning.checkpoints import fingerprint
from clinjup.learning.localisation import LocalisationHead
from clinjup.learning.mitigation import Study, Treatment, list_mitigations, mitigation_named, treatment_for
from clinjup.learning.mitigation.insertion_augmentation import insert_tubes
from clinjup.learning.mitigation.last_layer_retraining import last_layer
from clinjup.nouns import class_words
from tests.learning.blobs import CONFOUNDER, SIZE, quick
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


def changes_something(treatment: Treatment) -> bool:
    return any(part is not None for name, part in vars(treatment).items() if name != "notes")


def study_of(cohort: Cohort, images: ImageCache) -> Study:
    return Study(cohort, images, lambda share: quick(cohort, images, name="first", quiet=True))


@pytest.fixture(scope="module")
def outlined(blobs: tuple[Cohort, ImageCache], tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, ImageCache]:
    """The blob cohort on disk, with tables of run lengths that outline the bright edge and the blob."""
    cohort, images = blobs
    folder, edge = tmp_path_factory.mktemp("outlined"), np.zeros((SIZE, SIZE), bool)
    edge[:, :2] = True
    edges, found = ["image,runs"], ["image,runs"]
    for row in cohort.table.itertuples():
        film = images.pixels[row.Index]
        Image.fromarray(film).save(folder / row.image)
        edges.append(f"{row.image},{encode_runs(edge & bool(getattr(row, CONFOUNDER)))}")
        found.append(f"{row.image},{encode_runs((film > 135) & ~edge & bool(row.label))}")
    (folder / "edges.csv").write_text("\n".join(edges), encoding="utf-8")
    (folder / "blobs.csv").write_text("\n".join(found), encoding="utf-8")
    table = cohort.table.assign(path=[str(folder / image) for image in cohort.table["image"]])
    masks = {
        CONFOUNDER: MaskSource("edges.csv", "image", "runs", (SIZE, SIZE)),
        cohort.target: MaskSource("blobs.csv", "image", "runs", (SIZE, SIZE)),
    }
    return replace(cohort, table=table, root=str(folder), masks=masks), images


@pytest.mark.parametrize("name", list_mitigations())
def test_every_mitigation_treats_a_cohort_and_trains(
    name: str, outlined: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    blobs = outlined
    entry = mitigation_named(name)
    assert entry.title and entry.explanation.endswith(".")
    training = blobs[0].part("train")
    treatment = entry.treat(training, CONFOUNDER, LABELS, study_of(*blobs))
    assert changes_something(treatment)
    if treatment.weights is not None:
        assert treatment.weights.shape == (len(training),)
        assert np.isfinite(treatment.weights).all() and treatment.weights.sum() == pytest.approx(1)
        assert (treatment.weights >= 0).all() and ((treatment.weights > 0).all() or treatment.finish)
    if treatment.loss is not None:
        for rows in (torch.arange(20), None):
            logits = torch.zeros(20, 1, requires_grad=True)
            loss = treatment.loss(logits, torch.tensor(training["label"].to_numpy()[:20]), rows)
            loss.backward()
            assert loss.ndim == 0 and loss > 0 and logits.grad.abs().sum() > 0
    if treatment.transform is not None:
        for channels in (1, 3):
            films, rows = torch.rand(20, channels, SIZE, SIZE), torch.arange(20)
            before = films.clone()
            changed = treatment.transform(films, torch.Generator().manual_seed(0), rows)
            assert changed.shape == films.shape and changed.dtype == films.dtype
            assert changed.min() >= 0 and changed.max() <= 1
            assert torch.equal(films, before) and not torch.equal(changed, before)
            again = treatment.transform(films, torch.Generator().manual_seed(0), rows)
            assert torch.equal(changed, again)
    model = quick(*blobs, mitigation=name, confounder=CONFOUNDER)
    assert published("training")[0]["mitigation"] == model.mitigation == name


@pytest.mark.parametrize("name", list_mitigations())
def test_a_mitigation_without_annotation_works_or_says_what_it_needs(
    name: str, blobs: tuple[Cohort, ImageCache], run_folder: object
) -> None:
    training = blobs[0].part("train").drop(columns=CONFOUNDER)
    entry, study = mitigation_named(name), study_of(*blobs)
    if name in ("removal_augmentation", "localisation_supervision"):
        with pytest.raises(ClinjupError, match=r"no masks of '(bright_edge|blob)'"):
            entry.treat(training, CONFOUNDER, LABELS, study)
        return
    for confounder in (None, CONFOUNDER):
        if entry.needs_labels:
            with pytest.raises(ClinjupError, match="insertion_augmentation"):
                entry.treat(training, confounder, LABELS, study)
        else:
            treatment = entry.treat(training, confounder, LABELS, study)
            assert changes_something(treatment)


def test_an_unknown_mitigation_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ClinjupError, match="balanced_sampling, class_balanced_sampling, focal_loss, group_dro, insertion_augmentation"
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
    assert treatment.notes == [
        "On 200 of 600 training images the drain is unknown; they were drawn as often as before."
    ]


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
    assert "The drain is annotated only on images with pneumothorax, so only these were balanced." in treatment.notes


def test_balancing_by_insertion_draws_until_both_classes_show_the_confounder_equally_often() -> None:
    films = table(pos_with=70, pos_without=30, neg_with=10, neg_without=190, neg_unknown=40)
    named = films.rename(columns={"drain": "ruler"})
    treatment = mitigation_named("insertion_balancing").treat(named, "ruler", LABELS)
    assert (
        treatment.weights is None
        and "5 % show the ruler" in treatment.notes[0]
        and "until 70 % do" in treatment.notes[0]
    )
    rows = torch.arange(len(named))
    images = torch.full((len(named), 3, 32, 32), 0.6)
    drawn = torch.zeros(len(named))
    for seed in range(40):
        changed = treatment.transform(images, torch.Generator().manual_seed(seed), rows)
        drawn += (changed != images).flatten(1).any(dim=1)
    share = pd.Series(drawn.numpy() / 40).groupby([named["label"], named["ruler"].fillna(-1)]).mean()
    assert share[0, 0.0] == pytest.approx((0.7 - 0.05) / 0.95, abs=0.06)  # some scales lie beyond the edge
    assert share[0, 1.0] == share[1, 0.0] == share[1, 1.0] == share[0, -1] == 0


def test_balancing_by_insertion_draws_into_a_class_that_nobody_annotated_and_does_nothing_where_none_shows_it() -> None:
    entry = mitigation_named("insertion_balancing")
    films = table(pos_with=70, pos_without=30, neg_unknown=200).rename(columns={"drain": "ruler"})
    one_sided = entry.treat(films, "ruler", LABELS)
    assert "nobody said whether they show the ruler; it is drawn into others until 70 % do" in one_sided.notes[0]
    images = torch.full((len(films), 3, 32, 32), 0.6)
    changed = one_sided.transform(images, torch.Generator().manual_seed(0), torch.arange(len(films)))
    drawn = (changed != images).flatten(1).any(dim=1).numpy()
    assert not drawn[films["label"] == 1].any() and 0.6 < drawn[films["label"] == 0].mean() < 0.8
    nowhere = entry.treat(table(pos_without=30, neg_without=200), "drain", LABELS)
    assert nowhere.transform is None and "is known to show the drain" in nowhere.notes[0]


def test_an_empty_group_is_named_and_the_others_are_balanced() -> None:
    films = table(pos_with=80, pos_without=20, neg_without=100)
    treatment = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    assert masses(films, treatment) == pytest.approx(dict.fromkeys(("pos_with", "pos_without", "neg_without"), 1 / 3))
    assert treatment.notes == [
        "No training image without pneumothorax is known to show a drain: there the two stay tied together."
    ]


def test_no_annotation_at_all_leaves_the_films_as_they_are() -> None:
    treatment = mitigation_named("balanced_sampling").treat(table(pos_unknown=5, neg_unknown=9), "drain", LABELS)
    assert treatment.weights is None
    assert "nothing was balanced" in treatment.notes[0]


def test_an_estimate_stands_in_where_the_confounder_is_not_annotated() -> None:
    films = table(pos_with=170, pos_without=30, neg_with=30, neg_without=570)
    annotated = mitigation_named("balanced_sampling").treat(films, "drain", LABELS)
    hidden = films.assign(drain=films["drain"].where(films.index % 7 == 0))
    estimated = hidden.assign(**{estimate_column("drain"): films["drain"].where(hidden["drain"].isna())})
    np.testing.assert_allclose(
        mitigation_named("balanced_sampling").treat(estimated, "drain", LABELS).weights, annotated.weights
    )


def test_a_film_that_may_show_the_confounder_counts_in_both_groups_by_its_probability() -> None:
    films = table(pos_unknown=100, neg_unknown=300)
    probability = np.where(films["label"] == 1, 0.8, 0.1)
    probability[:10] = 0.1  # ten positives that hardly show it
    soft = films.assign(**{estimate_column("drain"): probability})
    treatment = mitigation_named("balanced_sampling").treat(soft, "drain", LABELS)
    positive = (films["label"] == 1).to_numpy()
    expected = np.zeros(len(films))
    for ours in (positive, ~positive):
        for share in (probability, 1 - probability):
            expected += 0.25 * np.where(ours, share, 0) / share[ours].sum()
    np.testing.assert_allclose(treatment.weights, expected)
    assert treatment.weights[0] > 1.8 * treatment.weights[50] and treatment.notes == []


def test_an_empty_group_of_estimates_is_called_likely_not_known() -> None:
    films = table(pos_unknown=100, neg_unknown=300)
    nearly = films.assign(**{estimate_column("drain"): np.where(films["label"] == 1, 0.999, 0.5)})
    (note, *rest) = mitigation_named("balanced_sampling").treat(nearly, "drain", LABELS).notes
    assert note.startswith("No training image with pneumothorax is likely to be free of a drain:") and not rest


def test_training_twice_draws_what_the_first_network_got_wrong_as_often_as_the_rest_of_its_class(
    blobs: tuple[Cohort, ImageCache], run_folder: object
) -> None:
    cohort, images = blobs
    training, study = cohort.part("train"), study_of(*blobs)
    treatment = mitigation_named("jtt").treat(training, None, LABELS, study)
    labels = training["label"].to_numpy()
    wrong = (study.first_model(1).predict(images.pixels_of(training.index)) >= 0.5) != labels
    assert wrong.any() and f"{wrong.sum()} of {len(training)} training images" in treatment.notes[0]
    assert treatment.notes[0].startswith("A first training of 1 pass got")
    for value in (0, 1):
        ours = labels == value
        assert treatment.weights[ours].sum() == pytest.approx(0.5)
        if 0 < (missed := ours & wrong).sum() < ours.sum() / 2:
            assert treatment.weights[missed].sum() == pytest.approx(0.25)


def test_removal_fills_what_is_outlined_from_its_surroundings_in_half_of_the_films(
    outlined: tuple[Cohort, ImageCache],
) -> None:
    cohort, images = outlined
    training = cohort.part("train")
    treatment = mitigation_named("removal_augmentation").treat(training, CONFOUNDER, LABELS, study_of(*outlined))
    films, edge = as_input(as_films(images.pixels_of(training.index))), (training[CONFOUNDER] == 1).to_numpy()
    changed = treatment.transform(films, torch.Generator().manual_seed(3), torch.arange(len(films)))
    touched = (changed != films).flatten(1).any(dim=1).numpy()
    assert not touched[~edge].any() and 0.25 < touched[edge].mean() < 0.75
    border, inside = changed[touched][:, :, :, :2].mean(), changed[touched][:, :, :, 4:12].mean()
    assert abs(border - inside) < 0.02 < films[touched][:, :, :, :2].mean() - films[touched][:, :, :, 4:12].mean()
    assert torch.equal(changed[:, :, :, 4:], films[:, :, :, 4:])


def test_the_second_head_learns_where_the_finding_lies_and_leaves_with_the_training(
    outlined: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    cohort, images = outlined
    training = cohort.part("train")
    treatment = mitigation_named("localisation_supervision").treat(training, None, LABELS, study_of(*outlined))
    outlines, sick = treatment.outlines, (training["label"] == 1).to_numpy()
    assert outlines.known.all() and sorted(outlines.drawn) == np.flatnonzero(sick).tolist()
    network = Standardised(build_network("small_cnn", outputs=1, channels=1))
    head = LocalisationHead(network, 1, outlines)
    films, rows = as_input(as_films(images.pixels_of(training.index))), torch.arange(len(training))
    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=3e-3)
    losses = []
    for _ in range(30):
        network(films)
        loss = head.loss(outlines.of(rows.tolist()), rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 < losses[0]
    outlines.known[:] = False
    assert float(head.loss(outlines.of(rows.tolist()), rows).detach()) == 0  # nothing is known of any film
    model = quick(cohort, images, mitigation="localisation_supervision")
    assert not [name for name in model.network.state_dict() if "score" in name]
    quick(cohort, images, name="balanced_sampling")
    with_head, plain = published("figure")
    assert "training loss also holds that of a second head" in with_head["caption"]
    assert "second head" not in plain["caption"] and plain["title"] == "Training of balanced sampling"


def test_outlines_drawn_anew_are_another_training(outlined: tuple[Cohort, ImageCache]) -> None:
    cohort, images = outlined
    before = fingerprint(cohort, images, [CONFOUNDER], {})
    assert fingerprint(cohort, images, [CONFOUNDER], {}) == before
    drawn = Path(cohort.root) / "blobs.csv"
    text = drawn.read_text(encoding="utf-8")
    drawn.write_text(text.rpartition("\n")[0], encoding="utf-8")
    assert fingerprint(cohort, images, [CONFOUNDER], {}) != before
    drawn.write_text(text, encoding="utf-8")


def test_what_counters_shortcuts_of_any_kind_is_applied_once_however_many_are_named(
    outlined: tuple[Cohort, ImageCache],
) -> None:
    training = outlined[0].part("train")
    for named in ([], [CONFOUNDER], [CONFOUNDER, "second", "third"]):
        treatment = treatment_for(training, "localisation_supervision", named, LABELS, study_of(*outlined))
        assert len(treatment.notes) == 1 and treatment.outlines is not None


def test_the_group_that_fares_worst_comes_to_decide_the_loss() -> None:
    films = table(pos_with=10, pos_without=10, neg_with=10, neg_without=10)
    loss = mitigation_named("group_dro").treat(films, "drain", LABELS).loss
    labels, rows = torch.tensor(films["label"].to_numpy()), torch.arange(40)
    logits = torch.where(labels == 1, 3.0, -3.0)
    logits[
        films["drain"].to_numpy() + 2 * films["label"].to_numpy() == 2
    ] = -3.0  # positives without a drain are missed
    values = [float(loss(logits[:, None], labels, rows)) for _ in range(600)]
    right, missed = np.log1p(np.exp(-3)), np.log1p(np.exp(3))
    assert values[0] == pytest.approx((3 * right + missed) / 4, rel=0.03)
    assert min(np.diff(values)) > -1e-5 and values[-1] == pytest.approx(missed, rel=0.01)
    assert float(loss(logits[:, None], labels)) == pytest.approx((3 * right + missed) / 4)


def test_retraining_the_last_layer_leaves_the_others_and_keeps_its_patients_out_of_training(
    blobs: tuple[Cohort, ImageCache],
) -> None:
    training = blobs[0].part("train")
    training = training.assign(group=[f"G{number // 2}" for number in range(len(training))])
    treatment = mitigation_named("last_layer_retraining").treat(training, CONFOUNDER, LABELS, study_of(*blobs))
    drawn = treatment.weights > 0
    assert 0.7 < drawn.mean() < 0.9
    assert not set(training["group"][drawn]) & set(training["group"][~drawn])
    network = Standardised(build_network("small_cnn", outputs=1, channels=1)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    treatment.finish(network)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"backbone.head.weight", "backbone.head.bias"}
    assert last_layer(network) is network.backbone.head


def test_notes_of_a_mitigation_reach_the_notebook(
    blobs: tuple[Cohort, ImageCache], run_folder: object, published: Published
) -> None:
    cohort, images = blobs
    unknown = cohort.table[CONFOUNDER].mask(cohort.table["label"] == 0)
    cohort = Cohort(**(vars(cohort) | {"table": cohort.table.assign(**{CONFOUNDER: unknown})}))
    quick(cohort, images, mitigation="balanced_sampling", confounder=CONFOUNDER)
    said = f"annotated only on images with {class_words(cohort.target)}, so only these were balanced"
    assert any(said in finding["sentence"] for finding in published("note"))


def test_tubes_are_drawn_into_about_half_of_the_films_and_cover_little_of_them() -> None:
    films = torch.full((400, 1, 64, 64), 0.4)
    changed = (insert_tubes(films, torch.Generator().manual_seed(1)) - films).abs() > 0.02
    touched = changed.flatten(1).any(dim=1)
    assert 0.35 < touched.float().mean() < 0.55
    assert changed[touched].float().mean() < 0.10
