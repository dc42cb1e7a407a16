"""GRAZPEDWRI-DX: dataset.csv with a byte-order mark and blank flags, 16-bit PNG in parts, boxes as YOLO and as Pascal VOC."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from clinjup.imaging.readers.grazpedwri import CLASSES, HEADER
from clinjup.imaging.synthetic.wrist.difficulty import WRIST_DIFFICULTY
from clinjup.imaging.synthetic.wrist.film import Rendered, render_wrist
from clinjup.imaging.synthetic.wrist.plan import PlannedWrist, plan_wrists
from clinjup.imaging.synthetic.writing import Layout, write_lines

YOLO = Path("folder_structure/yolov5/labels")
VOC = Path("folder_structure/pascalvoc")
PATIENTS = 1200
_PARTS = 4
WRIST_NOTICE = """This cohort is SYNTHETIC.

Every film was drawn by clinjup (clinjup.imaging.synthetic.wrist); no child stands behind it. {layout} Casts and metal lie mostly
on wrists with a fracture, and their creases and wires are no fractures. Figures measured here say how a method works; they say
nothing about patients. clinjup-synthetic.json holds the seed and all constants: the same films can be drawn again.
"""


def stem(planned: PlannedWrist) -> str:
    """The name of a film, in the data set's own form: patient, time, visit, side and view, sex and age."""
    film = planned.film
    view = 1 if film.view == "PA" else 2
    time = 1297860395 + 1_000_000 * film.patient % 90_000_000 + planned.visit * 1_300_000
    return f"{film.patient:04d}_{time:010d}_{planned.visit + 1:02d}_WRI-{film.side}{view}_{film.sex}{int(film.age):03d}"


def _write_film(planned: PlannedWrist, out: Path, size: int) -> None:
    rendered = render_wrist(planned.film, size=round(0.75 * size))
    folder = out / f"images_part{1 + planned.film.patient % _PARTS}"
    folder.mkdir(exist_ok=True)
    Image.fromarray(rendered.pixels).save(folder / f"{stem(planned)}.png", compress_level=1)
    if planned.boxed:
        _write_boxes(out, stem(planned), rendered)


def _write_boxes(out: Path, name: str, rendered: Rendered) -> None:
    height, width = rendered.pixels.shape
    lines, objects = [], []
    for label, boxes in rendered.boxes.items():
        for x0, y0, x1, y1 in boxes:
            centre = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height
            lines.append(
                f"{CLASSES.index(label)} {centre[0]:.6f} {centre[1]:.6f} {(x1 - x0) / width:.6f} {(y1 - y0) / height:.6f}"
            )
            corners = "".join(
                f"<{key}>{value:.1f}</{key}>"
                for key, value in zip(("xmin", "ymin", "xmax", "ymax"), (x0, y0, x1, y1), strict=True)
            )
            objects.append(f"  <object><name>{escape(label)}</name><bndbox>{corners}</bndbox></object>")
    (out / YOLO).mkdir(parents=True, exist_ok=True)
    (out / VOC).mkdir(parents=True, exist_ok=True)
    write_lines(out / YOLO / f"{name}.txt", lines)
    size = f"  <size><width>{width}</width><height>{height}</height><depth>1</depth></size>"
    write_lines(
        out / VOC / f"{name}.xml",
        ["<annotation>", f"  <filename>{name}.png</filename>", size, *objects, "</annotation>"],
    )


def _write_tables(out: Path, films: list[PlannedWrist], returned: list[None]) -> None:
    lines = [f"\ufeff{HEADER}"]
    for planned in films:
        film = planned.film
        flags = {
            "initial": planned.visit == 0,
            "cast": film.cast,
            "uncertain": planned.uncertain,
            "osteopenia": planned.osteopenia,
            "fracture": film.fracture is not None,
            "metal": film.metal,
        }
        told = {name: "1" if flag else "" for name, flag in flags.items()}
        code = {"buckle": "23r-M/2.1", "greenstick": "23r-M/2.1", "transverse": "23r-M/3.1"}.get(
            film.fracture or "", ""
        )
        view = 1 if film.view == "PA" else 2
        maker = "Siemens" if film.patient % 3 else "Agfa"
        lines.append(
            f"{stem(planned)},{film.patient},{planned.visit + 1},{film.patient * 10 + planned.visit},{film.sex},{film.age:.1f},"
            f"{film.side},{view},{told['initial']},{code},{told['cast']},{told['uncertain']},{told['osteopenia']},"
            f"{told['fracture']},{told['metal']},0.144,{maker}"
        )
    write_lines(out / "dataset.csv", lines)
    meta = out / "folder_structure/yolov5/meta.yaml"
    meta.parent.mkdir(parents=True, exist_ok=True)
    write_lines(meta, [f"nc: {len(CLASSES)}", f"names: [{', '.join(CLASSES)}]"])


GRAZPEDWRI = Layout(
    "grazpedwri",
    "The folder has the layout of GRAZPEDWRI-DX, with boxes as YOLO and as Pascal VOC files.",
    _write_film,
    _write_tables,
    task="wrist",
    plan=plan_wrists,
    difficulty=WRIST_DIFFICULTY,
    notice=WRIST_NOTICE,
    patients=PATIENTS,
)
