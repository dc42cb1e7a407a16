"""The ISIC challenges of 2018, 2019 and 2020 on disk: one-hot ground truth with metadata beside it, or one table with patient numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from clinjup.imaging.synthetic.layouts.ham10000 import HAM10000, save_image, write_artefacts
from clinjup.imaging.synthetic.skin import PlannedImage
from clinjup.imaging.synthetic.writing import write_rows

_CODES_2018 = {"MEL": "mel", "NV": "nv", "BCC": "bcc", "AKIEC": "akiec", "BKL": "bkl", "DF": "df", "VASC": "vasc"}
_CODES_2019 = {
    "MEL": "mel",
    "NV": "nv",
    "BCC": "bcc",
    "AK": "akiec",
    "BKL": "bkl",
    "DF": "df",
    "VASC": "vasc",
    "SCC": "",
    "UNK": "",
}
_FOLDERS = {
    "isic2018": "ISIC2018_Task3_Training_Input",
    "isic2019": "ISIC_2019_Training_Input",
    "isic2020": "train",
}
_DIAGNOSES_2020 = {"mel": "melanoma", "nv": "nevus", "bkl": "seborrheic keratosis"}


def _stem(planned: PlannedImage, year: str) -> str:
    """Some files of 2019 carry a suffix that is part of the image's name."""
    suffix = "_downsampled" if year == "isic2019" and planned.image.lesion % 5 == 0 else ""
    return planned.image.name.removesuffix(".jpg") + suffix


def _writer(year: str):  # type: ignore[no-untyped-def]
    def write_image(planned: PlannedImage, out: Path, size: int) -> None:
        save_image(planned, out / _FOLDERS[year] / f"{_stem(planned, year)}.jpg")

    return write_image


def _one_hot(images: list[PlannedImage], codes: dict[str, str], year: str) -> list[list[object]]:
    header: list[object] = ["image", *codes]
    return [header, *([_stem(p, year), *(float(p.image.dx == dx) for dx in codes.values())] for p in images)]


def _tables_2018(out: Path, images: list[PlannedImage], returned: list[None]) -> None:
    folder = out / "ISIC2018_Task3_Training_GroundTruth"
    folder.mkdir()
    write_rows(folder / "ISIC2018_Task3_Training_GroundTruth.csv", _one_hot(images, _CODES_2018, "isic2018"))
    groupings: list[list[object]] = [["image", "lesion_id", "diagnosis_confirm_type"]]
    groupings += [[_stem(p, "isic2018"), p.lesion_id, p.dx_type] for p in images]
    write_rows(out / "ISIC2018_Task3_Training_LesionGroupings.csv", groupings)
    write_artefacts(out, images)


def _tables_2019(out: Path, images: list[PlannedImage], returned: list[None]) -> None:
    write_rows(out / "ISIC_2019_Training_GroundTruth.csv", _one_hot(images, _CODES_2019, "isic2019"))
    rows: list[list[object]] = [["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]]
    for p in images:
        site, sex = ("" if value == "unknown" else value for value in (p.site, p.sex))
        rows.append([_stem(p, "isic2019"), "" if p.age is None else p.age, site, p.lesion_id, sex])
    write_rows(out / "ISIC_2019_Training_Metadata.csv", rows)


def _tables_2020(out: Path, images: list[PlannedImage], returned: list[None]) -> None:
    header = ["image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge", "diagnosis"]
    rows: list[list[object]] = [[*header, "benign_malignant", "target"]]
    for p in images:
        malignant = p.image.dx == "mel"
        diagnosis = _DIAGNOSES_2020.get(p.image.dx, "unknown")
        who = [f"IP_{9_000_000 + p.image.lesion // 3:07d}", p.sex, "" if p.age is None else p.age, p.site]
        rows.append([_stem(p, "isic2020"), *who, diagnosis, "malignant" if malignant else "benign", int(malignant)])
    write_rows(out / "train.csv", rows)
    pairs = [["image_name_1", "image_name_2"]]
    pairs += [
        [_stem(a, "isic2020"), _stem(b, "isic2020")] for a, b in pairwise(images) if a.image.lesion == b.image.lesion
    ]
    write_rows(out / "ISIC_2020_Training_Duplicates.csv", pairs)


ISIC2018, ISIC2019, ISIC2020 = (
    replace(
        HAM10000,
        name=year,
        says=f"The folder has the layout of ISIC {year.removeprefix('isic')}.",
        write_film=_writer(year),
        write_tables=tables,
    )
    for year, tables in (("isic2018", _tables_2018), ("isic2019", _tables_2019), ("isic2020", _tables_2020))
)
