"""FracAtlas: images in Fractured and Non_fractured, dataset.csv without patients, boxes in one COCO file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clinjup.imaging.readers.fracatlas import HEADER
from clinjup.imaging.synthetic.layouts.grazpedwri import PATIENTS, WRIST_NOTICE
from clinjup.imaging.synthetic.wrist.difficulty import WRIST_DIFFICULTY
from clinjup.imaging.synthetic.wrist.film import render_wrist
from clinjup.imaging.synthetic.wrist.plan import PlannedWrist, plan_wrists
from clinjup.imaging.synthetic.writing import Layout, write_lines

COCO = Path("Annotations/COCO JSON/COCO_fracture_masks.json")


def _name(planned: PlannedWrist) -> str:
    return f"IMG{planned.film.patient:05d}{planned.film.number:02d}.jpg"


def _write_film(planned: PlannedWrist, out: Path, size: int) -> dict[str, Any]:
    rendered = render_wrist(planned.film, size=round(0.75 * size))
    folder = out / "images" / ("Fractured" if planned.film.fracture else "Non_fractured")
    folder.mkdir(parents=True, exist_ok=True)
    grey = np.clip((rendered.pixels.astype(np.float32) - 900) / 21000 * 255, 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(folder / _name(planned), quality=92)
    height, width = grey.shape
    return {"width": width, "height": height, "boxes": rendered.boxes.get("fracture", [])}


def _write_tables(out: Path, films: list[PlannedWrist], returned: list[dict[str, Any]]) -> None:
    lines, images, annotations = [HEADER], [], []
    for number, (planned, drawn) in enumerate(zip(films, returned, strict=True)):
        film, boxes = planned.film, drawn["boxes"]
        broken = int(film.fracture is not None)
        views = f"{int(film.view == 'PA')},{int(film.view == 'LAT')},0"
        lines.append(f"{_name(planned)},1,0,0,0,0,{int(film.metal)},0,{broken},{len(boxes) if broken else 0},{views}")
        if planned.boxed:
            images.append(
                {"id": number, "file_name": _name(planned), "width": drawn["width"], "height": drawn["height"]}
            )
            annotations += [
                {
                    "id": len(annotations) + i,
                    "image_id": number,
                    "category_id": 0,
                    "bbox": [round(x0, 1), round(y0, 1), round(x1 - x0, 1), round(y1 - y0, 1)],
                    "area": round((x1 - x0) * (y1 - y0), 1),
                    "iscrowd": 0,
                }
                for i, (x0, y0, x1, y1) in enumerate(boxes)
            ]
    write_lines(out / "dataset.csv", lines)
    (out / COCO).parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": [{"id": 0, "name": "fractured"}]}
    (out / COCO).write_text(json.dumps(content), encoding="utf-8")


FRACATLAS = Layout(
    "fracatlas",
    "The folder has the layout of FracAtlas, with boxes in a COCO file.",
    _write_film,
    _write_tables,
    task="wrist",
    plan=plan_wrists,
    difficulty=WRIST_DIFFICULTY,
    notice=WRIST_NOTICE,
    patients=PATIENTS,
)
