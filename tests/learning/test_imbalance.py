"""Methods for classes of very different frequency, and mitigations used together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from clinjup.learning import train
from clinjup.learning.mitigation import list_mitigations, mitigation_named, treatment_for
from clinjup.learning.skin_marks import insert_ink, insert_rulers
from tests.learning.blobs import blob_cohort

IMBALANCE = list_mitigations("imbalance")
CLASSES = ["with nevus", "with melanoma", "with dermatofibroma"]


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"label": [0] * 80 + [1] * 16 + [2] * 4, "ruler": ([1.0] + [0.0] * 3) * 25})


def test_the_registry_tells_what_a_method_is_against():
    assert set(IMBALANCE) == {"logit_adjustment", "focal_loss", "class_balanced_sampling"}
    assert set(list_mitigations("confounder")) == {
        "balanced_sampling",
        "group_dro",
        "insertion_augmentation",
        "insertion_balancing",
        "last_layer_retraining",
        "removal_augmentation",
    }
    assert set(list_mitigations("shortcuts")) == {"jtt", "localisation_supervision"}


@pytest.mark.parametrize("name", IMBALANCE)
def test_every_method_trains_and_needs_no_confounder(name, run_folder, published):
    cohort, images = blob_cohort(60, classes=3)
    model = train(cohort, images, name=name, mitigation=name, epochs=2, batch_size=16)
    found = model.predict(images.pixels_of(cohort.table.index[:5]))
    assert found.shape == (5, 3) and np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert model.score(images.pixels_of(cohort.table.index[:5])) == pytest.approx(found[:, cohort.positive])


def test_logit_adjustment_shifts_by_the_log_of_the_class_shares(table):
    loss = mitigation_named("logit_adjustment").treat(table, None, CLASSES).loss
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    shift = torch.log(torch.tensor([0.80, 0.16, 0.04]))
    assert float(loss(logits, labels)) == pytest.approx(
        float(functional.cross_entropy(logits + shift, labels)), rel=1e-5
    )


def test_focal_loss_hardly_counts_what_is_already_right(table):
    loss = mitigation_named("focal_loss").treat(table, None, CLASSES).loss
    right, wrong = torch.tensor([[6.0, 0.0, 0.0]]), torch.tensor([[0.0, 6.0, 0.0]])
    label = torch.tensor([0])
    plain = functional.cross_entropy(wrong, label) / functional.cross_entropy(right, label)
    assert float(loss(wrong, label) / loss(right, label)) > 1000 * float(plain)
    assert float(loss(wrong, torch.tensor([2]))) > float(loss(wrong, label))  # rarer


def test_class_balanced_sampling_draws_by_the_square_root_and_its_loss_allows_for_the_rest(table):
    treatment = mitigation_named("class_balanced_sampling").treat(table, None, CLASSES)
    masses = np.array([treatment.weights[table["label"] == label].sum() for label in range(3)])
    assert masses / masses[2] == pytest.approx([np.sqrt(20), 2, 1])
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    shifted = logits + torch.tensor(np.log(masses), dtype=torch.float32)
    assert float(treatment.loss(logits, labels)) == pytest.approx(float(functional.cross_entropy(shifted, labels)))


def test_mitigations_joined_balance_what_is_annotated_and_draw_the_rest(table):
    both = treatment_for(table, "balanced_sampling+insertion_augmentation", ["ruler", "ink"], CLASSES)
    alone = treatment_for(table, "balanced_sampling", ["ruler"], CLASSES)
    assert both.weights == pytest.approx(alone.weights) and both.transform is not None
    films = torch.full((64, 3, 32, 32), 0.7)
    drawn = both.transform(films, torch.Generator().manual_seed(0))
    same = insert_ink(films, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, same)  # ink only: the ruler is balanced


@pytest.mark.parametrize("draw", [insert_rulers, insert_ink])
def test_marks_are_drawn_into_about_half_of_the_images_and_never_on_the_border(draw):
    films = torch.zeros(400, 3, 24, 24)
    films[:, :, 4:20] = 0.6
    changed = (draw(films, torch.Generator().manual_seed(1)) != films).flatten(1).any(dim=1)
    assert 0.35 < changed.float().mean() < 0.6
    drawn = draw(films, torch.Generator().manual_seed(1))
    assert (drawn[:, :, :3] == 0).all() and (drawn[:, :, 21:] == 0).all() and (drawn >= 0).all() and (drawn <= 1).all()
    assert (films[:, :, 4:20] == 0.6).all()
