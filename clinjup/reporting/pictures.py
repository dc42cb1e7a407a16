"""Figures of the run as data URIs, so that the report is one file, sorted to the section they belong to."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from clinjup.contracts import FigureFinding

Section = Literal["trust", "data", "models", "performance", "calibration", "other"]

SECTIONS: tuple[Section, ...] = get_args(Section)
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_SECTIONS: tuple[tuple[str, Section], ...] = (
    ("calibration", "calibration"),
    ("association", "data"),
    ("sample", "data"),
    ("cohort", "data"),
    ("audit", "data"),
    ("learning", "models"),
    ("training", "models"),
    ("insertion", "trust"),
    ("strata", "trust"),
    ("gradcam", "trust"),
    ("roc", "performance"),
    ("operating", "performance"),
    ("marks", "performance"),
    ("speed", "performance"),
    ("confusion", "performance"),
    ("classes", "performance"),
    ("decision", "performance"),
)


@dataclass(frozen=True)
class Picture:
    """One figure; `uri` is empty where its file cannot be read."""

    title: str
    caption: str
    alt: str
    uri: str
    section: Section


def read_pictures(run_dir: Path, figures: list[FigureFinding]) -> list[Picture]:
    """Embed PNG and JPEG files that lie inside the run folder; anything else stays out."""
    return [
        Picture(figure.title, figure.caption, figure.alt, _uri(run_dir, figure.path), _section(figure.name))
        for figure in figures
    ]


def _uri(run_dir: Path, relative: str) -> str:
    path = (run_dir / relative).resolve()
    if not path.is_relative_to(run_dir.resolve()) or not path.is_file():
        return ""
    content = path.read_bytes()
    mime = next((mime for signature, mime in _SIGNATURES.items() if content.startswith(signature)), None)
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}" if mime else ""


def _section(name: str) -> Section:
    return next((section for word, section in _SECTIONS if word in name.lower()), "other")
