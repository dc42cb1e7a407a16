"""Calls that read, write or delete files, and which of their arguments are paths."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum

from clinjup.agent.words import words


class Use(StrEnum):
    READ = "read"
    WRITE = "write"
    DELETE = "delete"


@dataclass(frozen=True)
class Touch:
    """One path that a call reads, writes or deletes. `certain`: the call is about a file whatever its argument is."""

    use: Use
    path: ast.AST
    certain: bool = True


_FIRST: dict[Use, frozenset[str]] = {
    Use.READ: words(
        "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile PIL.Image.open matplotlib.image.imread "
        "matplotlib.pyplot.imread torch.load torch.jit.load pydicom.dcmread pydicom.read_file glob.glob glob.iglob os.listdir "
        "os.scandir os.walk os.stat os.path.exists os.path.getsize os.readlink skimage.io.imread "
        "torchvision.io.read_image torchvision.io.read_file torchvision.datasets.ImageFolder"
    ),
    Use.WRITE: words(
        "os.open logging.FileHandler logging.basicConfig "
        "os.makedirs os.mkdir os.mkfifo os.mknod os.truncate os.utime numpy.save numpy.savez numpy.savez_compressed "
        "numpy.savetxt numpy.memmap matplotlib.pyplot.savefig matplotlib.image.imsave matplotlib.pyplot.imsave "
        "skimage.io.imsave torchvision.utils.save_image"
    ),
    Use.DELETE: words("os.remove os.unlink os.rmdir os.removedirs shutil.rmtree"),
}
# The other functions of these modules take paths at the places named here: (deleted or moved from, written to).
_TWO = {
    "os.rename": (Use.DELETE, Use.WRITE),
    "os.renames": (Use.DELETE, Use.WRITE),
    "os.replace": (Use.DELETE, Use.WRITE),
    "shutil.move": (Use.DELETE, Use.WRITE),
    "shutil.copy": (Use.READ, Use.WRITE),
    "shutil.copy2": (Use.READ, Use.WRITE),
    "shutil.copyfile": (Use.READ, Use.WRITE),
    "shutil.copytree": (Use.READ, Use.WRITE),
    "os.link": (Use.READ, Use.WRITE),
    "os.symlink": (Use.READ, Use.WRITE),
    "torch.save": (None, Use.WRITE),
    "shutil.make_archive": (Use.WRITE, None),
    "shutil.unpack_archive": (Use.READ, Use.WRITE),
}
_PATH_METHODS = {
    Use.READ: {"read_text", "read_bytes"},
    Use.WRITE: {"write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "chmod"},
    Use.DELETE: {"unlink", "rmdir"},
}
_WRITING_METHODS = {
    "savefig",
    "save",
    "tofile",
    "to_csv",
    "to_parquet",
    "to_json",
    "to_html",
    "to_excel",
    "to_pickle",
    "to_feather",
    "to_hdf",
    "to_latex",
    "to_markdown",
    "to_stata",
    "to_xml",
    "to_orc",
    "save_pretrained",
    "save_checkpoint",
}
_OPENERS = {"open", "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "os.fdopen"}
DELETERS = _FIRST[Use.DELETE]


def touches(call: ast.Call, name: str, is_path: bool) -> list[Touch]:
    """The paths that `call` touches; `name` is its dotted name, `is_path` whether its receiver is known to be a path."""
    for use, names in _FIRST.items():
        if name in names:
            path = _argument(call, 0, "path", "file", "fname", "name", "fp", "filename", "dir_fd", "f")
            return [Touch(use, path)] if path is not None else []
    if name.startswith("pandas.read_"):
        path = _argument(call, 0, "filepath_or_buffer", "path_or_buf", "path", "io")
        return [Touch(Use.READ, path)] if path is not None else []
    if name in _TWO:
        paths = (_argument(call, 0, "src", "base_name"), _argument(call, 1, "dst", "f", "extract_dir"))
        return [
            Touch(use, path)
            for use, path in zip(_TWO[name], paths, strict=True)
            if use is not None and path is not None
        ]
    if name in _OPENERS:
        path = _argument(call, 0, "file", "filename")
        return [Touch(_mode(call, 1), path)] if path is not None else []
    return _method(call, is_path) if isinstance(call.func, ast.Attribute) else []


def _method(call: ast.Call, is_path: bool) -> list[Touch]:
    assert isinstance(call.func, ast.Attribute)
    method, owner = call.func.attr, call.func.value
    for use, methods in _PATH_METHODS.items():
        if method in methods:
            return [Touch(use, owner)]
    if method == "mkdir" or (method == "open" and is_path):
        return [Touch(Use.WRITE if method == "mkdir" else _mode(call, 0), owner, certain=method == "mkdir" or is_path)]
    if method in {"rename", "replace"} and is_path:
        target = _argument(call, 0, "target")
        return [Touch(Use.DELETE, owner), *([Touch(Use.WRITE, target)] if target is not None else [])]
    if method in _WRITING_METHODS:
        path = _argument(call, 0, "path_or_buf", "path", "fname", "fp", "buf", "excel_writer", "fid")
        # Without a path these give text back.
        return [Touch(Use.WRITE, path)] if path is not None else []
    return []


def _mode(call: ast.Call, position: int) -> Use:
    """A mode that cannot be told counts as writing."""
    mode = _argument(call, position, "mode")
    if mode is None:
        return Use.READ
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str) and not set(mode.value) & set("wax+"):
        return Use.READ
    return Use.WRITE


def _argument(call: ast.Call, position: int, *names: str) -> ast.AST | None:
    if len(call.args) > position and not any(
        isinstance(argument, ast.Starred) for argument in call.args[: position + 1]
    ):
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg in names), None)
