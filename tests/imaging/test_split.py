from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clinjup.imaging import Boxes, Cohort, split_cohort
from clinjup.imaging.folds import dealt_folds
from clinjup.imaging.split import PARTS
from clinjup.kernel.errors import ClassAbsentError, ClinjupError
from tests.imaging.folders import codes, findings, sentence


def cohort_of(rows, confounders=()):
    """A cohort from (patient, label, split, *confounder values) rows."""
    names = ["patient", "label", "split", *confounders]
    table = pd.DataFrame(
        [(*row, "", *[])[: len(names)] if len(row) < len(names) else row for row in rows], columns=names
    )
    table["image"] = [f"i{i}" for i in range(len(table))]
    table["path"] = "/data/" + table["image"] + ".png"
    table["patient"] = table["patient"].astype(str)
    table["group"] = table["patient"]
    return Cohort(table, "pneumothorax", ["negative", "positive"], list(confounders), "table", root="/data")


def plain(patients=60, films=2):
    return cohort_of([(p, int(p % 3 == 0), "") for p in range(patients) for _ in range(films)])


def shares(cohort):
    return cohort.table["split"].value_counts(normalize=True).to_dict()


def assert_no_group_in_two_parts(cohort):
    assert (cohort.table.groupby("group")["split"].nunique() == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_parts_share_no_patient_and_keep_their_size_and_mix(seed):
    cohort = split_cohort(plain(), validation=0.25, test=0.2, seed=seed)
    assert_no_group_in_two_parts(cohort)
    assert shares(cohort) == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.04)
    for part in ("train", "validation", "test"):
        assert cohort.part(part)["label"].mean() == pytest.approx(1 / 3, abs=0.1)


def test_same_seed_same_split_other_seed_other_split():
    assert split_cohort(plain(), seed=1).table.equals(split_cohort(plain(), seed=1).table)
    assert not split_cohort(plain(), seed=1).table["split"].equals(split_cohort(plain(), seed=2).table["split"])


def test_near_duplicates_stay_together():
    cohort = plain()
    cohort.table["group"] = (cohort.table["patient"].astype(int) // 5).astype(str)
    assert_no_group_in_two_parts(split_cohort(cohort))


@pytest.mark.parametrize("seed", [2, 5, 6, 8])
def test_confounder_is_spread_over_the_parts(seed):
    rows = [(p, int(p % 3 == 0), "", float(p % 20 < 2)) for p in range(240)]
    cohort = split_cohort(cohort_of(rows, ("chest_drain",)), seed=seed)
    for part in ("train", "validation", "test"):
        drained = cohort.part(part).query("chest_drain == 1")["label"]
        assert drained.nunique() == 2, "a part without drained positives and negatives cannot show the shortcut"


def test_official_parts_are_used_and_validation_is_cut_from_train():
    rows = [(p, p % 2, "test" if p >= 60 else "train") for p in range(80)]
    with findings() as shown:
        cohort = split_cohort(cohort_of(rows), validation=0.2)
    assert set(cohort.part("test")["patient"].astype(int)) == set(range(60, 80))
    assert len(cohort.part("validation")) == 12 and codes(cohort.warnings) == set()
    (finding,) = shown.emitted
    assert finding["split"]["test"] == {"images": 20, "patients": 20, "positives": 10}
    assert "official train and test parts; validation cut" in finding["method"]


def test_three_official_parts_are_left_as_they_are():
    names = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    rows = [(p, p % 2, names[p % 10] if p % 10 < 8 else "test") for p in range(100)]
    cohort = split_cohort(cohort_of(rows))
    assert cohort.table["split"].tolist() == [row[2] for row in rows]


def test_patient_in_two_official_parts_leaves_train_and_is_listed():
    rows = [(p, p % 2, "test" if p >= 30 else "train") for p in range(40)] + [(35, 1, "train"), (35, 1, "train")]
    with findings() as shown:
        cohort = split_cohort(cohort_of(rows))
    assert_no_group_in_two_parts(cohort)
    assert cohort.table.loc[cohort.table["patient"] == "35", "split"].tolist() == ["test"]
    assert [entry.path for entry in cohort.excluded] == ["i40.png", "i41.png"]
    assert "official test part" in cohort.excluded[0].reason
    assert "1 patient stands" in sentence(cohort.warnings, "patient_in_two_splits")
    assert len(shown.emitted[0]["excluded"]) == 2


def test_images_in_no_official_part_train_unless_their_patient_is_tested():
    rows = [(p, p % 2, "test" if p >= 30 else "train") for p in range(40)] + [(50, 1, ""), (35, 1, "")]
    cohort = split_cohort(cohort_of(rows))
    assert cohort.table.loc[cohort.table["patient"] == "50", "split"].iloc[0] in ("train", "validation")
    assert [entry.path for entry in cohort.excluded] == ["i41.png"] and "not_in_official_split" in codes(
        cohort.warnings
    )


def test_official_validation_that_lacks_a_class_is_cut_anew():
    rows = [(p, p % 2, "test" if p >= 30 else "train") for p in range(40)] + [
        (p, 0, "validation") for p in range(50, 55)
    ]
    cohort = split_cohort(cohort_of(rows))
    assert cohort.part("validation")["label"].nunique() == 2
    assert "official_validation_lacks_class" in codes(cohort.warnings)


def test_three_patients_with_both_classes_each():
    cohort = split_cohort(cohort_of([(p, label, "") for p in range(3) for label in (0, 1)]))
    assert [cohort.part(part)["patient"].nunique() for part in ("train", "validation", "test")] == [1, 1, 1]


@pytest.mark.parametrize("seed", range(4))
def test_class_with_three_images_reaches_train_and_validation(seed):
    cohort = split_cohort(cohort_of([(p, int(p < 3), "") for p in range(40)]), seed=seed)
    assert all(cohort.part(part)["label"].nunique() == 2 for part in ("train", "validation", "test"))


def test_two_positive_patients_go_to_train_and_validation_and_test_warns():
    cohort = split_cohort(cohort_of([(p, int(p < 2), "") for p in range(30)]))
    assert cohort.part("train")["label"].sum() == cohort.part("validation")["label"].sum() == 1
    assert "no image that is positive" in sentence(cohort.warnings, "class_absent_from_test")


def test_one_positive_patient_is_an_error_that_names_part_and_class():
    with pytest.raises(ClassAbsentError, match=r"(train|validation) part holds no image of the class 'positive'"):
        split_cohort(cohort_of([(p, int(p == 0), "") for p in range(30)]))


def test_too_small_a_validation_part_is_mended_by_a_larger_one():
    cohort = plain(patients=60)
    with pytest.raises(ClassAbsentError):
        split_cohort(cohort, validation=0.02)
    assert split_cohort(cohort, validation=0.17, seed=1).part("validation")["label"].nunique() == 2


def test_shares_must_be_shares():
    with pytest.raises(ClinjupError, match="between 0 and 1"):
        split_cohort(plain(), validation=20)


def many_patients(patients=14_000, seed=0):
    """A large cohort with one to five films a patient, a rare class and a confounder."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), rng.integers(1, 6, patients))
    ill = rng.random(patients) < 0.1
    label = (ill[owner] & (rng.random(len(owner)) < 0.6)).astype(int)
    drain = np.where(rng.random(len(owner)) < 0.8, rng.random(len(owner)) < 0.1 + 0.5 * label, np.nan)
    return cohort_of(zip(owner, label, [""] * len(owner), drain, strict=True), ("chest_drain",))


@pytest.fixture(scope="module")
def large():
    return split_cohort(many_patients(), validation=0.25, test=0.2, seed=3)


def test_large_cohort_shares_no_patient_and_keeps_sizes_and_mix(large):
    assert_no_group_in_two_parts(large)
    assert shares(large) == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.002)
    whole = large.table["label"].mean()
    for part in ("train", "validation", "test"):
        table = large.part(part)
        assert table["label"].mean() == pytest.approx(whole, abs=0.001)
        for label in (0, 1):
            drained = table.loc[table["label"] == label, "chest_drain"]
            all_drained = large.table.loc[large.table["label"] == label, "chest_drain"]
            assert drained.mean() == pytest.approx(all_drained.mean(), abs=0.01)


def test_large_cohort_splits_anew_with_another_seed_only(large):
    assert split_cohort(many_patients(), validation=0.25, test=0.2, seed=3).table["split"].equals(large.table["split"])
    other = split_cohort(many_patients(), validation=0.25, test=0.2, seed=4).table["split"]
    assert 0.2 < (other == large.table["split"]).mean() < 0.7


def test_dealt_folds_are_as_even_as_groups_allow():
    rng = np.random.default_rng(1)
    groups = pd.Series(rng.integers(0, 500, 2000)).astype(str)
    strata = rng.integers(0, 4, 2000)
    folds = dealt_folds(groups, strata, 5, seed=0)
    assert sorted(np.concatenate(folds)) == list(range(2000))
    assert all(groups.iloc[a].isin(set(groups.iloc[b])).sum() == 0 for a in folds for b in folds if a is not b)
    counts = np.array([np.bincount(strata[rows], minlength=4) for rows in folds])
    assert np.ptp(counts, axis=0).max() <= 12, counts


def test_a_class_with_as_few_patients_as_parts_is_dealt_to_all():
    groups, strata = pd.Series([f"p{i}" for i in range(3000)]), np.zeros(3000, dtype=int)
    strata[:5] = 1
    folds = dealt_folds(groups, strata, 5, seed=2)
    assert [int(strata[rows].sum()) for rows in folds] == [1] * 5


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_a_boxed_positive_is_told_before_any_training(part):
    cohort = plain()
    cohort.table = cohort.table.assign(split=[PARTS[i % 60 // 20] for i in range(len(cohort.table))])
    cohort.table["group"] = cohort.table["patient"] = [f"p{i % 60}" for i in range(len(cohort.table))]
    box = np.array([[0.1, 0.1, 0.4, 0.4]], np.float32)
    boxed = cohort.table.index[(cohort.table["label"] == 1) & (cohort.table["split"] != part)]
    cohort.boxes = Boxes({int(index): box for index in boxed}, frozenset(map(int, boxed)))
    with pytest.raises(ClassAbsentError, match=f"{part}.*positive with a box"):
        split_cohort(cohort)
