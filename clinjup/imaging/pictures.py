"""Decode one image file: any bit depth and colour mode in, a small square uint8 picture and its facts out."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from clinjup.imaging import dicom
from clinjup.imaging.grey import windowed
from clinjup.imaging.looks import looks_of

_RESAMPLING = Image.Resampling.BICUBIC
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_EXIF_SOURCE = (271, 272, 305)  # make, model, software
_EXIF_GPS = 34853


@dataclass(frozen=True)
class FileFacts:
    """What is known of one image file. `reason` says why it cannot be read; "" = readable.

    `burned_in` is "yes" where a DICOM header says that text is burned into the picture, and "unstated" where it says nothing of it; `located`
    is "yes" where EXIF data hold a GPS position, `window` is "passed over" where the DICOM window hides the picture. Of the small picture:
    `levels` is how many grey levels it has, `contrast` how many lie between the darkest and the lightest 5 % of its pixels, `dark_middle`
    by how many its middle is darker than its border and what lies beside it: on a chest film above 0 only where it is inverted.
    """

    width: int = 0
    height: int = 0
    mode: str = ""
    bits: int = 0
    sha256: str = ""
    phash: str = ""
    source: str = ""
    reason: str = ""
    burned_in: str = ""
    located: str = ""
    window: str = ""
    levels: int = 0
    contrast: float = 0.0
    dark_middle: float = 0.0


def read_header(path: Path) -> tuple[str, int, int] | None:
    """`(mode, width, height)` from the header alone, or None where there is no image."""
    if _may_be_dicom(path) and (size := dicom.read_size(path)):
        return size
    try:
        with Image.open(path) as image:
            return image.mode, image.width, image.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def decode_image(path: Path, size: int, *, colour: bool = False) -> tuple[np.ndarray | None, FileFacts]:
    """As `decode_images` does, of one file."""
    return decode_images([path], size, colour=colour)[0]


def decode_images(
    paths: Sequence[Path], size: int, *, colour: bool = False
) -> list[tuple[np.ndarray | None, FileFacts]]:
    """Of each path the picture as uint8 `[size, size]`, or `[size, size, 3]` with `colour`, and the facts of its file.

    The aspect ratio is kept: the longer side becomes `size`, the rest is padded with black, centred, so that no heart looks
    wider than it is. More than 8 bits are windowed to the picture's own 0.5-99.5 percentile range instead of being clipped
    at 255; DICOM is shown as its header says (see `imaging.dicom`). Transparent parts become black; an orientation mark of a
    camera is obeyed; the suffix of the name is ignored.
    An unreadable file gives None and facts with a `reason`; nothing is raised. `phash` is the perceptual hash (DCT, 64 bit)
    of the small picture before padding.
    """
    read = [_read(path, size, colour) for path in paths]
    looks = iter(looks_of([picture for picture, _ in read if picture is not None]))
    return [
        (None, facts) if picture is None else (_letterbox(picture, size), replace(facts, **next(looks)))
        for picture, facts in read
    ]


def _read(path: Path, size: int, colour: bool) -> tuple[np.ndarray | None, FileFacts]:
    """The picture, its longer side `size`, before padding; and the facts of its file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None, FileFacts(reason="the file is gone")
    except OSError as error:
        return None, FileFacts(reason=f"the file cannot be opened ({error.strerror})")
    if not raw:
        return None, FileFacts(reason="the file is empty (0 bytes)")
    digest = hashlib.sha256(raw).hexdigest()
    if dicom.looks_like_dicom(raw) or (path.suffix.lower() in (".dcm", ".dicom") and not _is_picture(raw)):
        return _decode_dicom(raw, digest, size, colour)
    try:
        with Image.open(io.BytesIO(raw)) as image:
            exif = image.getexif()
            width, height, mode, source = image.width, image.height, image.mode, _source_of(image, exif)
            located = "yes" if _EXIF_GPS in exif else ""
            picture, bits = _small(image, size, colour)
    except UnidentifiedImageError:
        return None, FileFacts(sha256=digest, reason="the file is not an image")
    except Image.DecompressionBombError:
        return None, FileFacts(sha256=digest, reason="the image is too large to open safely")
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as error:
        cut = "truncated" in str(error) or isinstance(error, EOFError)
        reason = "the file is cut off before the picture ends" if cut else "the file is damaged"
        return None, FileFacts(sha256=digest, reason=reason)
    return picture, FileFacts(width, height, mode, bits, digest, source=source, located=located)


def _decode_dicom(raw: bytes, digest: str, size: int, colour: bool) -> tuple[np.ndarray | None, FileFacts]:
    try:
        shown = dicom.decode(raw)
    except dicom.NoPictureError as error:
        return None, FileFacts(sha256=digest, reason=str(error))
    except Exception as error:  # damaged DICOM fails in as many ways as there are tags
        cut = isinstance(error, EOFError) or "less than" in str(error)
        reason = "the file is cut off before the picture ends" if cut else "the file is damaged"
        return None, FileFacts(sha256=digest, reason=reason)
    image = Image.fromarray(shown.pixels)
    picture = np.asarray(_resize(image.convert("RGB" if colour else "L"), size))
    facts = FileFacts(
        image.width,
        image.height,
        shown.mode,
        shown.bits,
        digest,
        source=shown.source,
        burned_in="unstated" if shown.burned_in is None else "yes" if shown.burned_in else "",
        window="passed over" if shown.passed_over else "",
    )
    return picture, facts


def _may_be_dicom(path: Path) -> bool:
    return path.suffix.lower() not in _PICTURE_SUFFIXES or dicom.is_dicom_file(path)


def _is_picture(raw: bytes) -> bool:
    """Whether the bytes begin as PNG or JPEG files do."""
    return raw.startswith((b"\x89PNG", b"\xff\xd8\xff"))


def is_coloured(path: Path) -> bool | None:
    """Whether the picture shows colour (not merely a colour mode); None where it cannot be read."""
    header = read_header(path)
    if header is not None and (header[0] in ("1", "L", "LA", "F") or header[0].startswith(("I", "MONOCHROME"))):
        return False
    pixels, _ = decode_image(path, 64, colour=True)
    if pixels is None:
        return None
    spread = pixels.max(axis=2).astype(int) - pixels.min(axis=2)
    return bool(np.mean(spread > 16) > 0.05)


def _small(image: Image.Image, size: int, colour: bool) -> tuple[np.ndarray, int]:
    """The whole picture, longer side `size`, as uint8 `[h, w]` or `[h, w, 3]`; and the bits per sample of the file."""
    if image.mode.startswith("I") or image.mode == "F":
        pixels = np.asarray(image).astype(np.float32)
        grey = Image.fromarray(windowed(np.asarray(_resize(Image.fromarray(pixels), size))))
        return np.asarray(grey.convert("RGB") if colour else grey), 32 if image.mode == "F" else 16
    least = 4 * size // 3  # JPEG only: decode at a fraction of the size, no side below this
    image.draft("RGB" if colour else "L", (least, least))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    bits = 1 if image.mode == "1" else 8
    return np.asarray(_resize(image.convert("RGB" if colour else "L"), size)), bits


def _resize(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.size)
    target = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if target == image.size else image.resize(target, _RESAMPLING, reducing_gap=3.0)


def _letterbox(picture: np.ndarray, size: int) -> np.ndarray:
    height, width = picture.shape[:2]
    if height == width == size:
        return picture
    padded = np.zeros((size, size, *picture.shape[2:]), dtype=np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    padded[top : top + height, left : left + width] = picture
    return padded


def _source_of(image: Image.Image, exif: Image.Exif) -> str:
    """The device or program that wrote the file, where it says so."""
    parts = [exif.get(tag) for tag in _EXIF_SOURCE] + [image.info.get("Software"), image.info.get("Source")]
    return " ".join(part.strip("\0 ") for part in parts if isinstance(part, str) and part.strip("\0 "))
