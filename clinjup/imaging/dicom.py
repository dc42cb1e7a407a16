"""One DICOM file: its picture as a radiologist's screen shows it, and the few header facts that a cohort needs.

Of the header only what is listed here is ever read. PatientID, study and accession number serve to group and to join, in
memory; they are never written anywhere (see `imaging.headers`). Names, birth dates and reports are not read at all.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clinjup.imaging.grey import percentile_window

PREAMBLE = 132  # bytes: 128 of anything, then "DICM"
_PIXEL_TAGS = ("PhotometricInterpretation", "Columns", "Rows", "NumberOfFrames")
HEADER_TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "AccessionNumber",
    "PatientID",
    "PatientAge",
    "PatientSex",
    "Modality",
    "ViewPosition",
    "Manufacturer",
    "BurnedInAnnotation",
    "Rows",
)
# The libraries behind pydicom keep state between calls: two threads in them at once end the process (seen with OpenJPEG).
one_codec_at_a_time = threading.Lock()
# A window that clips more of the pixels, or leaves less of the grey levels, hides the picture.
_MOST_CLIPPED, _FEWEST_LEVELS = 0.9, 0.1
_PROBE = 50_000  # pixels that a window is judged by
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the table of contents on a CD, no picture


class NoPictureError(ValueError):
    """A DICOM file without a picture that can be shown; the message is the reason, in words."""


@dataclass(frozen=True)
class DicomPicture:
    """Pixels as shown: uint8 grey `[h, w]` or colour `[h, w, 3]`, black = dark on the screen, and facts of the file.

    `mode` is the photometric interpretation of the file, `bits` the bits stored per sample, `source` maker and model,
    `burned_in` whether the header says that text is burned into the picture (None where it does not say), `passed_over` whether the file
    has a window that hides the picture, in place of which the percentiles serve.
    """

    pixels: np.ndarray
    mode: str
    bits: int
    source: str
    burned_in: bool | None
    passed_over: bool = False


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file that begins with these bytes (132 or more) says that it is DICOM."""
    return start[128:132] == b"DICM"


def is_dicom_file(path: Path) -> bool:
    """Whether the file says that it is a DICOM picture; reads 132 bytes. A DICOMDIR, the table of contents, is none."""
    if path.name.upper() == "DICOMDIR":
        return False
    try:
        with path.open("rb") as stream:
            return looks_like_dicom(stream.read(PREAMBLE))
    except OSError:
        return False


def read_tags(path: Path, tags: tuple[str, ...]) -> dict[str, str] | None:
    """The values of these header tags as text, "" where absent; None where the file is no DICOM file. Pixels stay on disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom comments on every irregular value
        try:
            dataset = _read(path, tags=tags)
        except Exception:  # a damaged header fails in many ways; the file is listed as unreadable later
            return None
    return {tag: _text(dataset.get(tag)) for tag in tags}


def read_size(path: Path) -> tuple[str, int, int] | None:
    """`(photometric interpretation, width, height)` from the header; None where there is no picture."""
    facts = read_tags(path, _PIXEL_TAGS)
    try:
        found = (facts["PhotometricInterpretation"], int(facts["Columns"]), int(facts["Rows"])) if facts else None
    except ValueError:
        return None
    return found if found and found[0] else None


def holds_picture(sop_class: str) -> bool:
    """Whether files of this SOPClassUID hold a picture, as reports and presentation states do not; "" or half a UID counts as one."""
    from pydicom.uid import UID

    name = UID(sop_class, validation_mode=0).name
    return name == sop_class or "Image Storage" in name


def decode(raw: bytes) -> DicomPicture:
    """The picture in the DICOM file `raw`: decompressed, rescaled, windowed, MONOCHROME1 inverted.

    The modality transform (rescale slope and intercept, or its table) comes first, then the file's first VOI window or table;
    where the file has none, or one that hides the picture (it clips more than 90 % of the pixels or leaves less than 10 % of
    the grey levels), the 0.5-99.5 percentile range becomes black to white. Pixels marked as padding become black. Raises
    `NoPictureError` with the reason in words; other errors mean a damaged file.
    """
    dataset = _read(io.BytesIO(raw))
    if str(dataset.get("SOPClassUID", "")) == _DIRECTORY:
        raise NoPictureError("the file is the table of contents of a DICOM medium, not an image")
    if "PixelData" not in dataset:
        raise NoPictureError("the DICOM file holds no picture")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise NoPictureError("the DICOM file holds a series of pictures, not one")
    grey = int(dataset.get("SamplesPerPixel", 1)) == 1
    pixels, passed_over = _grey(dataset) if grey else (_colour(dataset), False)
    burned_in = _text(dataset.get("BurnedInAnnotation")).upper()
    return DicomPicture(
        pixels=pixels,
        mode=_text(dataset.get("PhotometricInterpretation")),
        bits=int(dataset.get("BitsStored", dataset.get("BitsAllocated", 8))),
        source=" ".join(filter(None, (_text(dataset.get(tag)) for tag in ("Manufacturer", "ManufacturerModelName")))),
        burned_in=burned_in == "YES" if burned_in else None,
        passed_over=passed_over,
    )


def _read(file: Path | io.BytesIO, tags: tuple[str, ...] | None = None) -> Any:
    import pydicom

    # force: exports without the 132-byte preamble are common; a file that is something else has no tags to show.
    if tags is None:
        dataset = pydicom.dcmread(file, force=True)
    else:
        dataset = pydicom.dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(tags))
    if not len(dataset):
        raise ValueError("no DICOM file")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    return dataset


def _grey(dataset: Any) -> tuple[np.ndarray, bool]:
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

    stored = _pixels(dataset, pixel_array)
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        coloured = apply_color_lut(stored, dataset)
        return (coloured >> 8 if coloured.dtype == np.uint16 else coloured).astype(np.uint8), False
    padding = _padding(dataset, stored)
    values = np.asarray(apply_modality_lut(stored, dataset), dtype=np.float32)
    shown, passed_over = _windowed(dataset, values, None if padding is None else ~padding)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        shown = 1 - shown
    if padding is not None:
        shown[padding] = 0
    return (np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8), passed_over


def _colour(dataset: Any) -> np.ndarray:
    from pydicom.pixels import pixel_array

    pixels = _pixels(dataset, pixel_array)  # YCbCr comes out as RGB
    bits = int(dataset.get("BitsStored", 8))
    return (pixels >> (bits - 8)).astype(np.uint8) if bits > 8 else pixels.astype(np.uint8)


def _pixels(dataset: Any, pixel_array: Any) -> np.ndarray:
    try:
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            return pixel_array(dataset)
        with one_codec_at_a_time:
            return pixel_array(dataset)
    except (
        NotImplementedError,
        AttributeError,
    ) as error:  # pydicom: an unknown syntax; a tag that a picture needs is missing
        raise NoPictureError(
            f"the picture is stored in a way that cannot be read ({' '.join(str(error).split())[:90]})"
        ) from error
    except RuntimeError as error:
        # pydicom: no decoder at hand, or all of them refuse this kind; otherwise the data are broken.
        if "missing" in str(error) or "does not support" in str(error):
            syntax = dataset.file_meta.TransferSyntaxUID.name
            raise NoPictureError(f"the compression '{syntax}' cannot be read on this machine") from error
        raise


def _padding(dataset: Any, stored: np.ndarray) -> np.ndarray | None:
    """Where the detector has no picture (PixelPaddingValue, to PixelPaddingRangeLimit); None where nothing is marked."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    marked = (stored >= low) & (stored <= high)
    return marked if marked.any() and not marked.all() else None


def _windowed(dataset: Any, values: np.ndarray, inside: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """`values` brought to 0..1 by the file's own table or window, else by the percentiles of the pixels `inside`.

    Also returns whether the file has a table or a window, and none that shows the picture.
    """
    seen = values if inside is None else values[inside]
    passed_over = False
    for own in (_looked_up, _by_window):
        shown = own(dataset, values)
        if shown is not None and _shows(shown if inside is None else shown[inside], seen):
            return shown, False
        passed_over |= shown is not None
    low, high = percentile_window(seen)
    return (values - low) / max(high - low, 1e-6), passed_over


def _shows(shown: np.ndarray, values: np.ndarray) -> bool:
    """Whether `shown`, 0..1 and beyond where it is clipped, is a picture of `values`; judged by some 50,000 pixels.

    Clipped is what lies beyond the first of the values that are black or white, so that a black background of one value is not.
    """
    step = max(1, shown.size // _PROBE)
    shown, values = shown.ravel()[::step], values.ravel()[::step]
    black, white = (values[end] for end in (shown <= 0, shown >= 1))
    clipped = (np.sum(black < black.max(initial=-np.inf)) + np.sum(white > white.min(initial=np.inf))) / shown.size
    levels = len(np.unique((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)))
    return bool(clipped <= _MOST_CLIPPED and levels >= _FEWEST_LEVELS * min(256, len(np.unique(values))))


def _by_window(dataset: Any, values: np.ndarray) -> np.ndarray | None:
    """The file's first window applied, 0..1 and beyond; None where it has none."""
    window = _window(dataset)
    if window is None:
        return None
    centre, width, function = window
    if function == "SIGMOID":
        curve = 1 / (1 + np.exp(-4 * (values - centre) / width))
        return np.round(curve * 255) / 255  # the curve never comes to 0 or 1, its grey levels do
    # PS3.3 C.11.2.1.2: LINEAR counts pixel values, LINEAR_EXACT measures.
    return (values - (centre - width / 2)) / (width if function == "LINEAR_EXACT" else max(width - 1, 1))


def _window(dataset: Any) -> tuple[float, float, str] | None:
    centre, width = (_first(dataset.get(tag)) for tag in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width < 1:
        return None
    return centre, width, str(dataset.get("VOILUTFunction") or "LINEAR").upper()


def _looked_up(dataset: Any, values: np.ndarray) -> np.ndarray | None:
    """The file's VOI table applied, 0..1; None where it has none or a broken one.

    Its own highest value is white: some tables declare more bits than they use.
    """
    from pydicom.pixels import apply_voi

    if not dataset.get("VOILUTSequence"):
        return None
    try:
        entries, first = (int(value) for value in dataset.VOILUTSequence[0].LUTDescriptor[:2])
        inputs = first + np.arange(entries or 2**16)
        highest = int(apply_voi(inputs, dataset).max())
        # Beyond the end of a table of 8 bits, pydicom goes on at its beginning.
        within = np.clip(values, inputs[0], inputs[-1]).astype(np.int32)
        return apply_voi(within, dataset).astype(np.float32) / max(highest, 1)
    except (ValueError, AttributeError, IndexError, TypeError, KeyError, NotImplementedError):
        return None  # a broken table, in whatever way: the film's window or its percentiles serve then


def _first(value: Any) -> float | None:
    if value is not None and not isinstance(value, (str, int, float)) and hasattr(value, "__iter__"):
        value = next(iter(value), None)
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip("\0 ")
