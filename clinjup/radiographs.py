"""What a DICOM header says of a picture that is no frontal radiograph, in DICOM's own terms. Imports nothing of ours."""

from __future__ import annotations

# Modality (PS3.3 C.7.3.1.1.1). CR, DX, DR, RG, RF, PX, IO, OT, SC and a blank value may all be a radiograph.
NO_RADIOGRAPHS = frozenset(
    ("CT", "MR", "US", "PT", "NM", "MG", "XA", "BI", "BMD", "ES", "GM", "SM", "XC", "OP", "OPT", "OCT", "IVUS", "IVOCT")
)
# View Position: lateral ones and, behind them, oblique ones.
NOT_FRONTAL = ("ll", "rl", "lat", "lateral", "l lat", "r lat", "lao", "rao", "lpo", "rpo", "llo", "rlo")


def why_not_judged(modality: str, view: str, *, radiographs: bool, frontal: bool) -> str:
    """Why a model of `radiographs`, of `frontal` ones, has no word on a file with this Modality and View Position; "" where it has."""
    if radiographs and modality.upper() in NO_RADIOGRAPHS:
        return f"its header says that it is no radiograph ({modality.upper()}), and this model judges radiographs"
    if frontal and view.replace("_", " ").casefold() in NOT_FRONTAL:
        return f"its header says that it is no frontal film ({view.upper()}), and this model judges frontal films"
    return ""
