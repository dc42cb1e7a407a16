"""Write a picture as a DICOM radiograph: plain, JPEG baseline, JPEG 2000 or run-length encoded."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clinjup.imaging.dicom import one_codec_at_a_time

ROOT_UID = "1.2.826.0.1.3680043.8.498.1"  # pydicom's own root: free for anybody's examples
COMPRESSIONS = ("none", "jpeg", "jpeg2000", "rle")


def uid(*numbers: int) -> str:
    """A DICOM UID made of these numbers; the same numbers give the same UID."""
    return ".".join([ROOT_UID, *map(str, numbers)])


def save_dicom(path: Path, pixels: np.ndarray, tags: Mapping[str, Any], compression: str = "none") -> None:
    """Save grey `pixels`, uint8 or uint16 `[h, w]`, or colour uint8 `[h, w, 3]`, as a computed radiograph at `path`.

    `tags` (DICOM keywords) are added to the header, or change it; None leaves a field out. `compression` is one of
    `COMPRESSIONS`; "jpeg" needs 8 bits. BitsStored follows from the pixels unless `tags` gives it.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import (
        ComputedRadiographyImageStorage,
        ExplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGBaseline8Bit,
        RLELossless,
    )

    bits = 8 * pixels.dtype.itemsize
    colour = pixels.ndim == 3
    dataset = Dataset()
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    fields: dict[str, Any] = {
        "SOPInstanceUID": uid(1, zlib.crc32(path.as_posix().encode())),
        "Modality": "CR",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsAllocated": bits,
        "BitsStored": bits,
        **({"PlanarConfiguration": 0} if colour else {}),
    }
    for keyword, value in {**fields, **tags}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", uid(2))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if compression == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=92)
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    else:
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
        if compression in ("jpeg2000", "rle"):
            syntax = JPEG2000Lossless if compression == "jpeg2000" else RLELossless
            with one_codec_at_a_time:
                dataset.compress(syntax, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
