"""Dermoscopy on disk: HAM10000 and the ISIC challenges as they are distributed, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import UnusableData
from clinjup.imaging import Cohort, audit_cohort, check_usable, prepare_images, profile_data, read_cohort, split_cohort
from clinjup.imaging.synthetic import write_cohort
from clinjup.imaging.synthetic.skin import plan_skin_cohort, render_skin
from clinjup.kernel.errors import ClinjupError
from clinjup.preflight import check
from clinjup.reporting.subject import target_name
from tests.imaging.folders import codes, sentence

LESIONS, SEED = 60, 3
SEVEN = "I want an AI model to help diagnose skin lesions. Priority should be given to melanoma."
TRIAGE = "I want to distinguish melanoma from nevus."
PLANNED = plan_skin_cohort(LESIONS, SEED)
LAYOUTS = ("ham10000", "isic2018", "isic2019", "isic2020")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """`written(layout)` is a small cohort in that layout, written once."""
    folders: dict[str, Path] = {}

    def write(layout: str) -> Path:
        if layout not in folders:
            out = tmp_path_factory.mktemp("skin") / layout
            folders[layout] = write_cohort("dermoscopy", out, layout=layout, patients=LESIONS, seed=SEED, workers=1)
        return folders[layout]

    return write


@pytest.fixture
def ham(written, tmp_path: Path) -> Path:
    """A copy of the HAM10000 folder that a test may damage."""
    return Path(shutil.copytree(written("ham10000"), tmp_path / "ham"))


def read(root: Path, request: str = SEVEN) -> Cohort:
    task, profile = parse_request(request), profile_data(root)
    roles = decide_roles(profile, task).roles
    assert roles is not None and task.target is not None
    given = roles.model_dump(exclude_defaults=True)
    return read_cohort(
        root, layout=profile.layout, target=task.target, priority=task.priority, emit_finding=False, **given
    )


def change(table: Path, edit) -> None:
    """Rewrite a table; `edit` gets its rows as dictionaries and may change or add some."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    fields = list(rows[0])
    edit(rows)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_melanoma_and_nevus_are_found_in_every_layout(written, layout):
    cohort = read(written(layout), TRIAGE)
    kept = [p for p in PLANNED if p.image.dx in ("mel", "nv")]
    if layout == "isic2020":  # of listed duplicates the second is left out
        assert "listed_duplicates" in codes(cohort.warnings) and len(cohort.table) < len(kept)
    else:
        assert len(cohort.table) == len(kept)
        assert cohort.table["label"].sum() == sum(p.image.dx == "mel" for p in kept)
        assert cohort.table["patient"].nunique() == len({p.lesion_id for p in kept})
    assert cohort.layout == layout and cohort.synthetic
    assert cohort.grouped_by == ("patient" if layout == "isic2020" else "lesion")


def test_seven_classes_keep_their_names_and_their_counts(written):
    cohort = read(written("ham10000"))
    names = {"mel": "melanoma", "nv": "nevus"}
    expected = Counter(names.get(p.image.dx, p.image.dx) for p in PLANNED)
    assert Counter(cohort.classes[code] for code in cohort.table["label"]) == expected
    assert cohort.finding == "melanoma" and cohort.classes[cohort.positive] == "melanoma"


# Images of each diagnosis among the 10,015 of HAM10000, which show 7,470 lesions (Tschandl et al., Sci Data 2018).
HAM10000_IMAGES = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}


def test_the_synthetic_cohort_is_made_up_like_ham10000(written):
    plan = plan_skin_cohort(7470, 0)
    assert len({p.lesion_id for p in plan}) == 7470 and len(plan) == pytest.approx(10_015, rel=0.02)
    counts = Counter(p.image.dx for p in plan)
    for dx, images in HAM10000_IMAGES.items():
        assert counts[dx] / len(plan) == pytest.approx(images / 10_015, rel=0.1, abs=0.004)
    root = written("ham10000")
    files = sorted(root.rglob("*.jpg"))
    assert {path.parent.name for path in files} == {"HAM10000_images_part1", "HAM10000_images_part2"}
    for path in files:
        with Image.open(path) as picture:
            assert (picture.format, picture.size, picture.mode) == ("JPEG", (600, 450), "RGB")
    with (root / "HAM10000_metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:7] == ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    assert {row["image_id"] for row in rows} == {path.stem for path in files}
    assert len({row["lesion_id"] for row in rows}) == LESIONS < len(rows) == len(files)


def test_a_lesion_is_never_in_two_parts_and_every_part_has_every_class(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cohort = read(written("ham10000"))
    cohort = audit_cohort(cohort, prepare_images(cohort, size=32, colour=True))
    split = split_cohort(cohort, seed=1)
    assert split.table.groupby("patient")["split"].nunique().max() == 1
    for part in ("train", "validation", "test"):
        assert set(split.part(part)["label"]) == set(range(len(split.classes)))


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.tab"])
def test_the_metadata_is_read_under_every_name_that_it_is_distributed_by(ham, name):
    table = ham / "HAM10000_metadata.csv"
    text = table.read_text(encoding="utf-8")
    table.unlink()
    (ham / name).write_text(text.replace(",", "\t") if name.endswith(".tab") else text, encoding="utf-8")
    (ham / "LICENSE").write_text("Free to use, as it is.\nNo warranty.\n", encoding="utf-8")
    cohort = read(ham)
    assert cohort.layout == "ham10000" and len(cohort.table) == len(PLANNED) and cohort.grouped_by == "lesion"


def test_unknown_and_missing_lesions_do_not_stop_the_run(ham):
    def edit(rows):
        for row in rows:
            row.update(sex="unknown", localization="unknown", age="")
        for row in rows[:5]:
            row["lesion_id"] = ""

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    assert len(cohort.table) == len(PLANNED)
    assert "5 of" in sentence(cohort.warnings, "missing_patient_ids")


def test_lesions_called_unknown_are_not_one_lesion(ham):
    words = ("unknown", "unbekannt", "k. A.", "-", "Unknown")

    def edit(rows):
        for row, word in zip(rows, words, strict=False):
            row["lesion_id"] = word

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    known = {p.lesion_id for p in PLANNED[len(words) :]}
    assert cohort.table["patient"].nunique() == len(known) + len(words)
    assert f"{len(words)} of" in sentence(cohort.warnings, "missing_patient_ids")


@pytest.mark.parametrize("words", [("unknown",), ("unknown", "k.A.")], ids=("one word", "two words"))
def test_where_every_lesion_is_unknown_each_image_is_one_of_its_own(ham, words):
    def edit(rows):
        for number, row in enumerate(rows):
            row["lesion_id"] = words[number % len(words)]

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    check_usable(cohort)
    assert cohort.table["patient"].is_unique and "no_patient_ids" in codes(cohort.warnings)


def test_a_table_without_lesion_ids_is_read_and_that_is_said(ham):
    table = ham / "HAM10000_metadata.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row[1:] for row in csv.reader(file)]
    assert "lesion_id" not in rows[0]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    cohort = read(ham)
    check_usable(cohort)
    assert cohort.table["patient"].is_unique and not cohort.has_patient_ids
    assert "figures come out too good" in sentence(cohort.warnings, "no_patient_ids")


def test_one_image_under_two_diagnoses_is_left_out_and_listed(ham):
    named = PLANNED[0].image.name.removesuffix(".jpg")

    def edit(rows):
        twice = dict(next(row for row in rows if row["image_id"] == named))
        twice["dx"] = "bcc" if twice["dx"] != "bcc" else "nv"
        rows.append(twice)

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    assert named not in set(cohort.table["image"])
    assert any(named in item.path for item in cohort.excluded) and "contradictory_labels" in codes(cohort.warnings)


def test_a_copied_file_under_two_diagnoses_is_left_out(ham, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, other = (next(p for p in PLANNED if p.image.dx == dx) for dx in ("nv", "bkl"))
    files = {path.name: path for path in ham.rglob("*.jpg")}
    shutil.copy(files[first.image.name], files[other.image.name])
    cohort = read(ham)
    audited = audit_cohort(cohort, prepare_images(cohort, size=32, colour=True))
    assert len(audited.table) <= len(cohort.table) - 2 and "contradictory_copies" in codes(audited.warnings)


def test_a_class_of_three_images_is_kept_and_one_of_two_lesions_is_left_out(ham, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def edit(rows):
        kept = {"vasc": 3, "df": 2}
        for row in rows:
            if row["dx"] in ("vasc", "df"):
                row["dx"] = "nv"
        spare = (row for row in rows if row["dx"] == "nv")
        for dx, count in kept.items():
            for number in range(count):
                row = next(spare)
                row.update(dx=dx, lesion_id=f"{dx}{number}")

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    audited = audit_cohort(cohort, prepare_images(cohort, size=32, colour=True))
    assert "vasc" in audited.classes and "df" not in audited.classes
    assert "Dermatofibroma: 2 images" in sentence(audited.warnings, "rare_class_left_out")
    split = split_cohort(audited, seed=0)
    assert all((split.part(part)["label"] == audited.classes.index("vasc")).any() for part in ("train", "validation"))


def test_where_the_labels_name_two_classes_melanoma_is_told_from_the_other(ham):
    change(ham / "HAM10000_metadata.csv", lambda rows: [row.update(dx="nv") for row in rows if row["dx"] != "mel"])
    found = asyncio.run(check(SEVEN, str(ham), {}))
    assert (found.task.task_type, found.task.target, found.task.comparator) == (
        "binary_classification",
        "melanoma",
        "nevus",
    )
    assert found.roles.positive == ["mel"] and found.roles.negative == ["nv"] and not found.roles.classes
    assert "tells melanoma from nevus" in sentence(found.warnings, "two_classes_only")
    assert "melanoma from nevus" in found.task.objective


def test_where_two_classes_are_left_that_can_be_learnt_the_run_says_what_to_ask(ham, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def edit(rows):
        first = next(row for row in rows if row["dx"] not in ("mel", "nv"))["image_id"]
        for row in rows:
            row["dx"] = row["dx"] if row["dx"] == "mel" else "vasc" if row["image_id"] == first else "nv"

    change(ham / "HAM10000_metadata.csv", edit)
    cohort = read(ham)
    with pytest.raises(ClinjupError, match="Only melanoma and nevus can be learnt"):
        audit_cohort(cohort, prepare_images(cohort, size=32, colour=True))


def test_without_melanoma_the_class_that_harms_most_is_of_interest(ham):
    swap = {"mel": "nv", "akiec": "bkl"}
    change(ham / "HAM10000_metadata.csv", lambda rows: [row.update(dx=swap.get(row["dx"], row["dx"])) for row in rows])
    found = asyncio.run(check("I want an AI model to help diagnose skin lesions.", str(ham), {}))
    assert found.task.of_interest == "bcc" and target_name(found.task) == "basal cell carcinoma"


def test_an_image_that_a_challenge_calls_melanoma_and_nevus_is_neither_and_no_other_lesion_becomes_a_nevus(
    written, tmp_path
):
    root = Path(shutil.copytree(written("isic2018"), tmp_path / "isic"))
    before = read(root, TRIAGE)
    named = before.table["image"].iloc[0]

    def edit(rows):
        next(row for row in rows if row["image"] == named).update(MEL="1.0", NV="1.0")

    change(next(root.rglob("*GroundTruth.csv")), edit)
    cohort = read(root, TRIAGE)
    assert set(cohort.table["image"]) == set(before.table["image"]) - {named}
    assert any(named in item.path for item in cohort.excluded)


def test_a_second_row_with_a_diagnosis_that_was_not_asked_for_is_said(ham):
    def edit(rows):
        rows.append({**next(row for row in rows if row["dx"] == "mel"), "dx": "bcc"})

    change(ham / "HAM10000_metadata.csv", edit)
    assert "1 image has a second row" in sentence(read(ham, TRIAGE).warnings, "other_labels_beside")


def test_where_no_patient_is_named_images_of_one_lesion_stay_with_its_patient_or_together(ham):
    table = ham / "HAM10000_metadata.csv"
    rows = pd.read_csv(table, dtype=str)
    lesions = rows["lesion_id"].value_counts().index[:2]
    first = rows["lesion_id"].eq(lesions[0]) & ~rows["lesion_id"].duplicated()
    rows["patient_id"] = [f"P{number // 4}" for number in range(len(rows))]
    rows.loc[rows["lesion_id"].isin(lesions) & ~first, "patient_id"] = None
    rows.loc[first, "patient_id"] = "P0"
    rows.to_csv(table, index=False)
    cohort = read(ham)
    names = dict(zip(rows["image_id"], rows["lesion_id"], strict=True))
    of = cohort.table.groupby(cohort.table["image"].map(names))["patient"]
    assert of.nunique()[list(lesions)].tolist() == [1, 1] and cohort.grouped_by == "patient"
    theirs = rows.loc[rows["patient_id"].eq("P0") & ~first, "image_id"]
    numbers = cohort.table.set_index("image")["patient"]
    assert set(of.first()[[lesions[0]]]) == set(numbers.reindex(theirs).dropna())
    assert "missing_patient_ids" not in codes(cohort.warnings)


def test_grey_and_transparent_files_are_read_as_colour(ham, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grey, transparent = sorted(ham.rglob("*.jpg"))[:2]
    Image.open(grey).convert("L").save(grey)
    Image.open(transparent).convert("RGBA").save(transparent, format="PNG")
    cohort = read(ham)
    images = prepare_images(cohort, size=32)
    assert images.channels == 3 and (images.files["reason"] == "").all()
    assert set(images.files["mode"]) == {"RGB", "L", "RGBA"}


def test_a_place_in_the_exif_data_is_said_and_not_kept(ham, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = sorted(ham.rglob("*.jpg"))[0]
    exif = Image.Exif()
    exif[34853] = {1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.0, 30.0)}
    Image.open(path).save(path, exif=exif)
    assert 34853 in Image.open(path).getexif()
    cohort = read(ham)
    audited = audit_cohort(cohort, prepare_images(cohort, size=32))
    assert "1 of" in sentence(audited.warnings, "exif_location")
    written = [file for file in tmp_path.rglob("*.png") if "ham" not in file.parts]
    assert written and not any(Image.open(file).getexif().get(34853) for file in written)


def test_tables_of_2018_and_2019_in_one_folder_are_one_cohort(written, tmp_path):
    root = Path(shutil.copytree(written("isic2019"), tmp_path / "both"))
    truth = "ISIC2018_Task3_Training_GroundTruth"
    shutil.copy(written("isic2018") / truth / f"{truth}.csv", root)
    cohort = read(root)
    said = sentence(cohort.warnings, "datasets_overlap")
    assert "HAM10000" in said and "external" in said
    assert cohort.table["path"].is_unique and set(cohort.classes) <= {
        "akiec",
        "bcc",
        "bkl",
        "df",
        "melanoma",
        "nevus",
        "vasc",
    }


def half(rows: list[dict[str, str]]) -> None:
    """What another challenge tells: every other image, and its sex only as unknown."""
    rows[:] = [{**row, "sex": "unknown"} if "sex" in row else row for row in rows[::2]]


@pytest.mark.parametrize("also", ["isic2018", "ham10000"])
def test_images_that_only_2019_has_keep_their_lesion_beside_another_set(written, tmp_path, also):
    root = Path(shutil.copytree(written("isic2019"), tmp_path / "both"))
    for table in written(also).rglob("*.csv"):
        if table.name != "artefacts.csv":
            shutil.copy(table, root)
            change(root / table.name, half)
    cohort, alone = read(root), read(written("isic2019"))
    assert cohort.grouped_by == "lesion" and "missing_patient_ids" not in codes(cohort.warnings)
    columns = ["image", "group", "age", "sex"]
    pd.testing.assert_frame_equal(
        cohort.table[columns].sort_values("image", ignore_index=True),
        alone.table[columns].sort_values("image", ignore_index=True),
    )


def test_2018_and_2019_with_the_images_of_both_lose_none_that_is_the_same_in_both(written, tmp_path):
    root = Path(shutil.copytree(written("isic2019"), tmp_path / "both"))
    shutil.copytree(written("isic2018"), root, dirs_exist_ok=True)
    assert "missing_files" not in codes(read(root).warnings)
    name = next(path.name for path in (root / "ISIC_2019_Training_Input").iterdir() if "_downsampled" not in path.name)
    Image.new("RGB", (600, 450), (200, 150, 130)).save(root / "ISIC2018_Task3_Training_Input" / name)
    cohort = read(root)
    assert [(item.path, item.reason) for item in cohort.excluded] == [
        (name.removesuffix(".jpg"), "several files have this name")
    ]


def test_names_with_downsampled_are_found(written):
    cohort = read(written("isic2019"))
    assert cohort.table["image"].str.endswith("_downsampled").any() and "missing_files" not in codes(cohort.warnings)


def test_a_class_with_priority_that_no_image_has_is_told(ham):
    def edit(rows):
        for row in rows:
            row["dx"] = "nv" if row["dx"] == "mel" else row["dx"]

    change(ham / "HAM10000_metadata.csv", edit)
    with pytest.raises(UnusableData, match="No image is labelled as melanoma"):
        read(ham)


def test_class_folders_become_classes(tmp_path):
    for name, count in {"mel": 4, "nv": 5, "bcc": 4}.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 255, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{name}{number}.png")
    cohort = read(tmp_path)
    assert Counter(cohort.classes[code] for code in cohort.table["label"]) == {"melanoma": 4, "nevus": 5, "bcc": 4}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_writes_the_same_bytes(written, tmp_path, layout):
    again = write_cohort("dermoscopy", tmp_path / layout, layout=layout, patients=6, seed=SEED, workers=3)
    for path in (path for path in again.rglob("*.jpg")):
        assert path.read_bytes() == (written(layout) / path.relative_to(again)).read_bytes()
    facts = json.loads((again / "clinjup-synthetic.json").read_text(encoding="utf-8"))
    assert facts["synthetic"] and facts["task"] == "dermoscopy"


def test_with_and_without_the_ruler_an_image_differs_under_the_ruler_only():
    image = next(p.image for p in PLANNED if "ruler" in p.image.artefacts and "dark_corner" not in p.image.artefacts)
    (with_it, masks), (without, _) = render_skin(image), render_skin(image, ruler=False)
    changed = (with_it != without).any(axis=2)
    assert changed.any() and not (changed & ~_grown(masks["ruler"])).any()


def _grown(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation

    return binary_dilation(mask, iterations=6)


def test_the_ruler_goes_with_melanoma_and_ink_does_not():
    plan = plan_skin_cohort(1500, 0)
    shares = {
        name: [
            np.mean([name in p.image.artefacts for p in plan if (p.image.dx == "mel") == melanoma])
            for melanoma in (True, False)
        ]
        for name in ("ruler", "ink")
    }
    assert shares["ruler"][0] > 0.60 and shares["ruler"][1] < 0.10
    assert abs(shares["ink"][0] - shares["ink"][1]) < 0.06
