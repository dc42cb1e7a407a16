from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from clinjup.contracts import UnusableData
from clinjup.imaging import audit_cohort, prepare_images
from clinjup.imaging.audit import cramers_v
from clinjup.imaging.duplicates import _candidates, join_groups
from clinjup.imaging.synthetic import plan_cohort, render_film
from tests.imaging.folders import codes, film, findings, read, sentence, write_cohort, write_dicom, write_image

TECHNICAL = {"size_differs_by_class", "colour_mode_differs_by_class", "source_differs_by_class"}


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """`audit(root, **roles)` reads, prepares and audits as the notebook does, in a run folder of its own."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")

    def run(root, **roles):
        cohort = read(root, **roles)
        with findings() as shown:
            audited = audit_cohort(cohort, prepare_images(cohort, size=32))
        run.emitted = shown.emitted
        return audited

    return run


def pictures(root):
    return sorted((root / "films").iterdir())


def is_positive(path):
    return int(path.stem[1:4]) < 12


def test_clean_cohort_passes_without_a_warning(tmp_path, audit):
    audited = audit(write_cohort(tmp_path / "data"))
    assert audited.warnings == [] and len(audited.table) == 48
    assert audited.table.groupby("patient")["group"].nunique().eq(1).all() and audited.table["group"].nunique() == 24
    found, figure = audit.emitted
    assert found["kind"] == "audit" and found["images_checked"] == 48 and found["excluded"] == []
    assert figure["kind"] == "figure" and "n = 24" in figure["caption"]
    assert (tmp_path / "run" / "plots" / "sample_films.png").stat().st_size > 1000


def test_unreadable_images_are_excluded_and_reported(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    pictures(root)[0].write_bytes(b"")
    pictures(root)[-1].write_bytes(pictures(root)[-1].read_bytes()[:200])
    audited = audit(root)
    assert len(audited.table) == 46 and {entry.path for entry in audited.excluded} == {
        "films/p000_0.png",
        "films/p023_1.png",
    }
    assert "2 of 48" in sentence(audited.warnings, "unreadable_files")
    assert len(audit.emitted[0]["excluded"]) == 2
    assert audit.emitted[0]["classes"] == {"negative": 23, "positive": 23}


def test_class_that_cannot_be_read_is_unusable(tmp_path, audit):
    root = write_cohort(tmp_path / "data", patients=4)
    for path in pictures(root):
        if int(path.stem[1:4]) < 2:
            path.write_bytes(b"")
    with pytest.raises(UnusableData, match="All 4 labelled images are negative"):
        audit(root)


def test_exact_copies_with_one_label_share_a_group(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    first, other = root / "films" / "p000_0.png", root / "films" / "p005_0.png"
    other.write_bytes(first.read_bytes())
    audited = audit(root)
    groups = audited.table.set_index("image")["group"]
    assert len(audited.table) == 48 and groups["p000_0"] == groups["p005_0"] == groups["p005_1"] == groups["p000_1"]
    assert groups.nunique() == 23 and "1 image is an exact copy of another and" in sentence(
        audited.warnings, "duplicates"
    )


def test_exact_copies_with_two_labels_are_excluded(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    (root / "films" / "p020_0.png").write_bytes((root / "films" / "p000_0.png").read_bytes())
    audited = audit(root)
    assert {entry.path for entry in audited.excluded} == {"films/p000_0.png", "films/p020_0.png"}
    assert "2 image files" in sentence(audited.warnings, "contradictory_copies")


@pytest.mark.parametrize("change", ["jpeg", "smaller", "brighter"])
def test_near_duplicates_share_a_group(tmp_path, audit, change):
    root = write_cohort(tmp_path / "data")
    source = film(0, 96, 96)
    write_image(root / "films" / "p000_0.png", source)
    target = root / "films" / "p006_1.png"
    if change == "jpeg":
        write_image(target, source, format="JPEG", quality=70)
    elif change == "smaller":
        write_image(target, np.asarray(Image.fromarray(source).resize((60, 60), Image.Resampling.LANCZOS)))
    else:
        write_image(target, (source * 0.8 + 20).astype(np.uint8))
    groups = audit(root, patient=None).table.set_index("image")["group"]
    assert groups["p000_0"] == groups["p006_1"] and groups.nunique() == 47


def test_blank_pictures_are_left_out_and_are_no_duplicates(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, name in enumerate(("p000_0", "p001_0", "p002_0")):
        write_image(root / "films" / f"{name}.png", np.full((48, 48), 40 * i, dtype=np.uint8))
    audited = audit(root)
    assert audited.table["group"].nunique() == 24 and len(audited.table) == 45
    assert "3 images have the same grey value everywhere" in sentence(audited.warnings, "empty_pictures")
    assert {entry.path for entry in audited.excluded} == {f"films/p00{i}_0.png" for i in range(3)}


def test_pictures_of_nearly_one_grey_are_named_and_are_no_duplicates(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, name in enumerate(("p000_0", "p001_0", "p002_0")):
        write_image(root / "films" / f"{name}.png", (40 * i + film(i) // 20).astype(np.uint8))
    audited = audit(root)
    assert audited.table["group"].nunique() == 24 and len(audited.table) == 48
    assert "3 of 48 images" in (told := sentence(audited.warnings, "flat_pictures")) and "'films/p001_0.png'" in told


def test_windows_that_hide_the_picture_are_counted(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        window = {"WindowCenter": 40, "WindowWidth": 400} if i in (3, 5) else {}
        path.unlink()
        write_dicom(path.with_suffix(".dcm"), film(i).astype(np.uint16) * 16, BitsStored=12, **window)
    audited = audit(root)
    assert "2 of 48 images have a DICOM window that hides" in sentence(audited.warnings, "dicom_window_passed_over")
    assert "flat_pictures" not in codes(audited.warnings)


def test_equal_hashes_with_other_details_are_not_duplicates(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    across, down = np.meshgrid(np.arange(32) % 2, np.arange(32) % 2)
    for texture, name in zip((across, down, across ^ down), ("p003_0", "p004_0", "p005_0"), strict=True):
        write_image(
            root / "films" / f"{name}.png", np.clip(film(500, 32, 32) + 24.0 * texture, 0, 255).astype(np.uint8)
        )
    hashes = prepare_images(read(root), size=32, folder=tmp_path / "cache").files["phash"].iloc[[6, 8, 10]]
    values = np.array([int(value, 16) for value in hashes], dtype=np.uint64)
    assert len(_candidates(values)[0]) > 0, "the hashes alone would call them copies"
    assert audit(root).table["group"].nunique() == 24


def test_candidates_are_all_pairs_within_two_bits():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 400, dtype=np.uint64)
    for i in range(0, 120, 3):
        hashes[i + 1] = (
            hashes[i] ^ (np.uint64(1) << np.uint64(rng.integers(64))) ^ (np.uint64(1) << np.uint64(rng.integers(64)))
        )
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    expected = {(i, j) for i, j in zip(*np.nonzero(distance <= 2), strict=True) if i < j}
    assert set(zip(*_candidates(hashes), strict=True)) == expected and len(expected) >= 40


def test_groups_are_joined_across_chains():
    import pandas as pd

    groups = pd.Series(["a", "b", "c", "d", "a"])
    assert join_groups(groups, [(2, 1), (1, 0)]).tolist() == ["a", "a", "a", "d", "a"]


def test_rare_class_goes_on_with_a_warning(tmp_path, audit):
    audited = audit(write_cohort(tmp_path / "data", patients=20, films_each=1, positive_share=0.15))
    assert "Only 3 images are positive" in sentence(audited.warnings, "rare_class")


def test_size_that_differs_by_class(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        write_image(path, film(i, 60 if is_positive(path) else 50, 48))
    audited = audit(root)
    assert codes(audited.warnings) & TECHNICAL == {"size_differs_by_class"}
    assert (
        "Cramer's V" in sentence(audited.warnings, "size_differs_by_class") and "n = 48" in audited.warnings[0].sentence
    )


def test_sizes_that_never_repeat_but_grow_with_the_class(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        write_image(path, film(i, (70 if is_positive(path) else 40) + i % 24, 40 + i // 2))
    assert "size_differs_by_class" in codes(audit(root).warnings)


def test_size_that_differs_by_patient_only_is_no_warning(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        write_image(path, film(i, 60 if i % 2 else 50, 48))
    assert not codes(audit(root).warnings) & TECHNICAL


def test_colour_mode_that_differs_by_class(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        write_image(path, film(i), "RGB" if is_positive(path) else None)
    assert codes(audit(root).warnings) & TECHNICAL == {"colour_mode_differs_by_class"}


def test_bit_depth_that_differs_by_class(tmp_path, audit):
    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        write_image(path, film(i).astype(np.uint16) * 200 if is_positive(path) else film(i))
    assert codes(audit(root).warnings) & TECHNICAL == {"colour_mode_differs_by_class"}


@pytest.mark.parametrize("trait", ["folder", "suffix", "software"])
def test_source_that_differs_by_class(tmp_path, audit, trait):
    from PIL.PngImagePlugin import PngInfo

    root = write_cohort(tmp_path / "data")
    for i, path in enumerate(pictures(root)):
        positive = is_positive(path)
        if trait == "folder":
            (root / "north").mkdir(exist_ok=True)
            if positive:
                path.rename(root / "north" / path.name)
        elif trait == "suffix" and positive:
            path.unlink()
            write_image(path.with_suffix(".jpg"), film(i))
        elif trait == "software":
            info = PngInfo()
            info.add_text("Software", "Scanner A" if positive else "Scanner B")
            write_image(path, film(i), pnginfo=info)
    assert codes(audit(root).warnings) & TECHNICAL == {"source_differs_by_class"}


def test_cramers_v_is_one_for_equal_none_for_independent():
    label = [0, 1] * 50
    assert cramers_v(label, label)[0] == pytest.approx(1.0, abs=0.02)
    assert cramers_v(label, [0, 0, 1, 1] * 25)[0] == 0.0
    assert cramers_v(label, [7] * 100) == (0.0, 1.0)


def test_class_folders_are_no_source(tmp_path, audit):
    for i in range(40):
        folder = "normal" if i % 2 else "pneumothorax"
        write_image(tmp_path / "data" / folder / f"{folder}_{i}.png", film(i))
    roles = {"layout": "class_folders", "image": None, "label": None, "patient": None}
    audited = audit(tmp_path / "data", **roles, positive=["pneumothorax"], negative=["normal"])
    assert codes(audited.warnings) == {"no_patient_ids"}


def chests(root, inverted):
    """A cohort of drawn chest films; `inverted(number, positive)` says which are black where they should be white."""
    root = write_cohort(root)
    drawn = (planned.film for planned in plan_cohort(40, 5))
    for i, (path, drawing) in enumerate(zip(pictures(root), drawn, strict=False)):
        pixels, _ = render_film(drawing, pneumothorax=is_positive(path), size=128)
        write_image(path, 255 - pixels if inverted(i, is_positive(path)) else pixels)
    return root


@pytest.mark.parametrize(
    ("case", "chest_films", "warns"),
    [("none", True, False), ("positives", True, True), ("a third of both", True, False), ("positives", False, False)],
)
def test_inverted_chest_films_of_one_class(tmp_path, audit, case, chest_films, warns):
    which = {
        "none": lambda i, positive: False,
        "positives": lambda i, positive: positive and i % 4,
        "a third of both": lambda i, positive: i % 3 == 0,
    }
    audited = audit(chests(tmp_path / "data", which[case]), chest_films=chest_films)
    assert ("inversion_differs_by_class" in codes(audited.warnings)) == warns
