"""HAM10000 (Tschandl et al., Sci Data 2018): HAM10000_metadata.csv, JPEG 600x450 in two folders, several images of a lesion.

artefacts.csv, which the real set does not have, says which images show a ruler, hair or dark corners. Ink is on some images too and is
written down nowhere.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from clinjup.imaging.synthetic.skin import PlannedImage, plan_skin_cohort, render_skin
from clinjup.imaging.synthetic.skin.difficulty import SKIN_DIFFICULTY
from clinjup.imaging.synthetic.writing import Layout, write_rows

METADATA, ARTEFACTS = "HAM10000_metadata.csv", "artefacts.csv"
ANNOTATED = ("ruler", "hair", "dark_corner")
NOTICE = """This cohort is SYNTHETIC.

Every image was drawn by clinjup (clinjup.imaging.synthetic.skin); no patient stands behind it. {layout} A ruler is much more
frequent on melanomas than on anything else, on purpose. Figures measured here say how a method works; they say nothing about
patients. clinjup-synthetic.json holds the seed and all constants: the same images can be drawn again.
"""
_COMMENT = b"synthetic: drawn by clinjup; no patient stands behind this image"


def save_image(planned: PlannedImage, path: Path) -> None:
    """Draw and write one image as JPEG."""
    pixels, _ = render_skin(planned.image)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=90, comment=_COMMENT)


def write_artefacts(out: Path, images: list[PlannedImage]) -> None:
    """artefacts.csv for the lesions that are annotated."""
    rows: list[list[object]] = [["image_id", *ANNOTATED]]
    rows += [
        [_stem(planned), *(int(name in planned.image.artefacts) for name in ANNOTATED)]
        for planned in images
        if planned.annotated
    ]
    write_rows(out / ARTEFACTS, rows)


def _stem(planned: PlannedImage) -> str:
    return planned.image.name.removesuffix(".jpg")


def _write_image(planned: PlannedImage, out: Path, size: int) -> None:
    part = 1 + planned.image.lesion % 2
    save_image(planned, out / f"HAM10000_images_part{part}" / planned.image.name)


def _write_tables(out: Path, images: list[PlannedImage], returned: list[None]) -> None:
    rows: list[list[object]] = [["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset"]]
    for planned in images:
        age = "" if planned.age is None else planned.age
        rows.append(
            [
                planned.lesion_id,
                _stem(planned),
                planned.image.dx,
                planned.dx_type,
                age,
                planned.sex,
                planned.site,
                "synthetic",
            ]
        )
    write_rows(out / METADATA, rows)
    write_artefacts(out, images)


HAM10000 = Layout(
    "ham10000",
    "The folder has the layout of HAM10000.",
    _write_image,
    _write_tables,
    task="dermoscopy",
    plan=plan_skin_cohort,
    difficulty=SKIN_DIFFICULTY,
    notice=NOTICE,
    patients=1800,
)
