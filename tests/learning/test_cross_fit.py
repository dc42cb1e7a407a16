"""Every image judged by networks that did not see its patient, and those networks as an ensemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.evaluation.saliency import grad_cam
from clinjup.learning import cross_fit, load_model, train
from clinjup.learning.scaling import logit
from tests.learning.blobs import blob_cohort


def test_out_of_fold_scores_come_from_networks_that_did_not_see_the_patient(run_folder, published):
    cohort, images = blob_cohort(72)
    model = train(cohort, images, name="baseline", epochs=2, batch_size=16)
    ensemble, found = cross_fit(model, cohort, images, folds=3)
    judged = cohort.table[cohort.table["split"] != "test"]
    assert sorted(found.rows) == judged.index.tolist() and np.isfinite(found.scores).all()
    assert (pd.Series(found.fold).groupby(found.clusters).nunique() == 1).all()
    validation = cohort.part("validation")
    assert found.rows[found.fold == 3].tolist() == validation.index.tolist()
    np.testing.assert_allclose(found.scores[found.fold == 3], ensemble.score(images.pixels_of(validation.index)))
    assert [note["sentence"] for note in published("note")][-1].startswith("baseline:")
    # The networks of the folds are no models of the run: they judge with the first.
    first, joint = published("training")
    assert first["name"] == joint["name"] == "baseline" and joint["checkpoint"] == ensemble.checkpoint
    assert joint["architecture"] == "mean of 4 small_cnn" and joint["parameters"] == 4 * first["parameters"]


def test_an_ensemble_averages_logits_and_maps_and_stays_itself_when_joined_again(run_folder):
    cohort, images = blob_cohort(72)
    model = train(cohort, images, name="baseline", epochs=2, batch_size=16)
    ensemble, found = cross_fit(model, cohort, images, folds=2)
    members = [model, *(load_model(f"checkpoints/baseline.fold{fold}.ckpt") for fold in (1, 2))]
    pixels = images.pixels_of(cohort.part("validation").index)[:6]
    logits = np.mean([logit(each.predict(pixels)) for each in members], axis=0)
    np.testing.assert_allclose(logit(ensemble.predict(pixels)), logits, atol=1e-4)
    together = np.mean([grad_cam(each, pixels) for each in members], axis=0)
    lit = together.max(axis=(1, 2)) > 0
    assert lit.any()
    for map_, mean in zip(grad_cam(ensemble, pixels)[lit], together[lit], strict=True):
        np.testing.assert_allclose(map_, (mean - mean.min()) / (mean.max() - mean.min()), atol=1e-4)
    before = Path(ensemble.checkpoint).read_bytes()
    again, same = cross_fit(ensemble, cohort, images, folds=2)
    assert again.members == 3 and Path(again.checkpoint).read_bytes() == before
    np.testing.assert_array_equal(same.scores, found.scores)
    np.testing.assert_array_equal(load_model(again.checkpoint).predict(pixels), ensemble.predict(pixels))
