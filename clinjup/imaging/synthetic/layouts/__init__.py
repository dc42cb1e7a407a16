"""Layouts in which a synthetic cohort can be written, one file each. A new one is a new file and a line in `LAYOUTS`."""

from __future__ import annotations

from clinjup.imaging.synthetic.layouts.candid import CANDID
from clinjup.imaging.synthetic.layouts.chestxray14 import CHESTXRAY14
from clinjup.imaging.synthetic.layouts.chexpert import CHEXPERT
from clinjup.imaging.synthetic.layouts.clinic import CLINIC
from clinjup.imaging.synthetic.layouts.dicom import DICOM
from clinjup.imaging.synthetic.layouts.fracatlas import FRACATLAS
from clinjup.imaging.synthetic.layouts.grazpedwri import GRAZPEDWRI
from clinjup.imaging.synthetic.layouts.ham10000 import HAM10000
from clinjup.imaging.synthetic.layouts.isic import ISIC2018, ISIC2019, ISIC2020
from clinjup.imaging.synthetic.layouts.padchest import PADCHEST
from clinjup.imaging.synthetic.layouts.siim import SIIM
from clinjup.imaging.synthetic.writing import Layout

# Name on the command line -> layout; the first is the default.
LAYOUTS: dict[str, Layout] = {
    "nih": CHESTXRAY14,
    "chestxray14": CHESTXRAY14,
    "siim": SIIM,
    "candid": CANDID,
    "dicom": DICOM,
    "clinic": CLINIC,
    "chexpert": CHEXPERT,
    "padchest": PADCHEST,
}
SKIN_LAYOUTS: dict[str, Layout] = {
    "ham10000": HAM10000,
    "isic2018": ISIC2018,
    "isic2019": ISIC2019,
    "isic2020": ISIC2020,
}
WRIST_LAYOUTS: dict[str, Layout] = {"grazpedwri": GRAZPEDWRI, "fracatlas": FRACATLAS}
