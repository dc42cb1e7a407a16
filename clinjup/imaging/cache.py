"""Decode every image once into a memory-mapped array, with a table of facts about the files."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from clinjup.atomic_files import is_full
from clinjup.contracts import UnusableData
from clinjup.imaging.cohort import Cohort
from clinjup.imaging.pictures import FileFacts, decode_images, is_coloured
from clinjup.kernel.errors import ClinjupError, MissingFileError

_VERSION = 5  # raise when decoding changes, so that old caches are not taken for new ones
_GROUP = 32  # files that a thread takes at once, at most
_AHEAD = 2  # groups of each thread in memory
_BUFFER = 2**20  # bytes
_TOO_FULL = "The prepared images need {needed:.1f} GB and {free:.1f} GB are free on this disk. Free some space or choose a smaller image size."
_COLOUR_PROBE = 40
_TEXT_FACTS = {name: str for name in ("mode", "sha256", "phash", "source", "reason", "burned_in", "located", "window")}


@dataclass
class ImageCache:
    """The pictures of a cohort: `pixels` uint8 `[N, size, size]` (grey) or `[N, size, size, 3]`, memory-mapped, read-only.

    Row i belongs to index i of the cohort's table; rows of unreadable files are black. `files`, same index: width, height,
    mode, bits, sha256, phash, source, reason ("" = readable) and what else `pictures.FileFacts` holds.
    """

    pixels: np.ndarray
    size: int
    channels: int
    files: pd.DataFrame

    def pixels_of(self, index: int | np.ndarray | pd.Index) -> np.ndarray:
        """The pictures at these cohort indices as an array in memory."""
        return np.asarray(self.pixels[np.asarray(index)])


def prepare_images(
    cohort: Cohort, size: int = 96, folder: str | Path = "cache", colour: bool | None = None
) -> ImageCache:
    """Decode the images of `cohort` to `size` x `size` pixels (see `pictures.decode_images`) and keep them under `folder`.

    Colour is kept when most of 40 evenly spread pictures show some, or as `colour` says; chest films become grey. A second
    call with the same files (paths, sizes, times of change) returns at once. Several threads decode; memory stays flat.

    Raises `MissingFileError` when no file is there any more, or when one goes while they are decoded: a share that vanishes must not
    halve the cohort. Raises `UnusableData` when none can be read, `ClinjupError` when the disk is too full.
    """
    paths = cohort.table["path"]
    stats = [_stat(path) for path in paths]
    there = {index for index, state in zip(paths.index, stats, strict=True) if state is not None}
    if stats and not any(stats):
        raise MissingFileError(cohort.relative(paths.iloc[0]))
    base = Path(folder) / f"images-{size}-{_fingerprint(paths, stats, size)}"
    names = {kept: base.with_name(f"{base.name}-{'rgb' if kept else 'grey'}.npy") for kept in (False, True)}
    ready = [kept for kept, file in names.items() if file.is_file() and colour in (None, kept)]
    if ready:
        colour = ready[0]
    elif colour is None:
        colour = _mostly_coloured(paths)
    pixel_file, fact_file = names[colour], names[colour].with_suffix(".csv")
    if not ready:
        _decode_all(cohort, there, size, colour, pixel_file, fact_file)
    files = pd.read_csv(fact_file, index_col=0, dtype=_TEXT_FACTS, keep_default_na=False)
    if len(files) and (files["reason"] != "").all():
        raise UnusableData(
            f"None of the {len(files)} images can be read ({files['reason'].iloc[0]}). Copy the data again from where they came."
        )
    return ImageCache(np.load(pixel_file, mmap_mode="r"), size, 3 if colour else 1, files)


def _decode_all(cohort: Cohort, there: set[int], size: int, colour: bool, pixel_file: Path, fact_file: Path) -> None:
    from clinjup.kernel.progress import ProgressBar

    paths = cohort.table["path"]
    shape = (int(paths.index.max()) + 1 if len(paths) else 0, size, size) + ((3,) if colour else ())
    pixel_file.parent.mkdir(parents=True, exist_ok=True)
    needed, free = int(np.prod(shape)), shutil.disk_usage(pixel_file.parent).free
    if needed > free:
        raise ClinjupError(_TOO_FULL.format(needed=needed / 1e9, free=free / 1e9))
    partial_file, partial_facts = pixel_file.with_suffix(f".{os.getpid()}.part"), fact_file.with_suffix(".part")
    facts: list[FileFacts] = []
    try:
        # Written row by row, not through a memory map: there a disk that fills up kills the process.
        with (
            open(partial_file, "wb", buffering=_BUFFER) as file,
            ProgressBar("Reading images", len(paths), "image") as bar,
            warnings.catch_warnings(),
        ):
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            start = end = file.tell()
            file.truncate(start + needed)
            for library in ("PIL", "pydicom"):  # large but legal pictures, odd metadata
                warnings.filterwarnings("ignore", module=library)
            for index, picture, fact in _decoded(paths, size, colour):
                if picture is not None:
                    if (row := start + index * picture.nbytes) != end:
                        file.seek(row)
                    end = row + file.write(np.ascontiguousarray(picture).data)
                elif index in there and _is_gone(paths[index]):
                    raise MissingFileError(cohort.relative(paths[index]))
                facts.append(fact)
                bar.advance()
            file.flush()
            os.fsync(file.fileno())
        names = [field.name for field in fields(FileFacts)]
        table = pd.DataFrame([vars(fact) for fact in facts], index=paths.index, columns=names)
        table.to_csv(partial_facts, encoding="utf-8")
    except BaseException as fault:
        partial_file.unlink(missing_ok=True)
        partial_facts.unlink(missing_ok=True)
        if is_full(fault):
            raise ClinjupError(_TOO_FULL.format(needed=needed / 1e9, free=free / 1e9)) from fault
        raise
    os.replace(partial_facts, fact_file)
    os.replace(partial_file, pixel_file)


def _decoded(paths: pd.Series, size: int, colour: bool) -> Iterator[tuple[int, np.ndarray | None, FileFacts]]:
    """Index, picture and facts in the order of `paths`, a bounded number of files ahead."""

    def decode(group: pd.Series) -> list[tuple[np.ndarray | None, FileFacts]]:
        return decode_images([Path(path) for path in group], size, colour=colour)

    threads = min(8, os.cpu_count() or 1)
    each = min(_GROUP, math.ceil(len(paths) / (4 * threads)))
    groups = [paths.iloc[start : start + each] for start in range(0, len(paths), each)] if len(paths) else []
    pool = ThreadPoolExecutor(max_workers=threads)
    try:
        ahead = deque(pool.submit(decode, group) for group in groups[: _AHEAD * threads])
        for number, group in enumerate(groups, _AHEAD * threads):
            for index, (picture, facts) in zip(group.index, ahead.popleft().result(), strict=True):
                yield int(index), picture, facts
            if number < len(groups):
                ahead.append(pool.submit(decode, groups[number]))
    finally:
        pool.shutdown(cancel_futures=True)


def _mostly_coloured(paths: pd.Series) -> bool:
    step = max(1, len(paths) // _COLOUR_PROBE)
    seen = [is_coloured(Path(path)) for path in paths.iloc[::step]]
    known = [answer for answer in seen if answer is not None]
    return sum(known) * 2 > len(known)


def _stat(path: str) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _is_gone(path: str) -> bool:
    """Whether a file cannot be opened, for another reason than that it is locked."""
    try:
        with open(path, "rb"):
            return False
    except PermissionError:
        return False
    except OSError:
        return True


def _fingerprint(paths: pd.Series, stats: list[tuple[int, int] | None], size: int) -> str:
    digest = hashlib.sha256(f"{_VERSION} {size}".encode())
    for (index, path), state in zip(paths.items(), stats, strict=True):
        digest.update(f"{index}\0{path}\0{state}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
