"""What a sandboxed kernel may see and do, as a bubblewrap command, and the test that it holds.

No network; the data, the system and the Python environment read-only; the host's environment variables absent; only the run folder
writable. Linux only: elsewhere `check_sandbox` says so, and the caller decides. Nothing here runs without bubblewrap.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import site
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Whose absence or failure each check of the self-test would mean.
CHECKS = {
    "no_network": "the network can be reached",
    "data_read_only": "the data can be changed",
    "environment_absent": "passwords in the environment can be read",
    "system_hidden": "other files of this machine can be read",
    "run_writable": "the run folder cannot be written",
}
# Of the host's environment only what tunes arithmetic, memory and language; none of it can hold a secret.
_PASSED = (
    "LANG LC_ALL LC_CTYPE TZ OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES "
    "CUBLAS_WORKSPACE_CONFIG HIP_VISIBLE_DEVICES CLINJUP_MEMORY_GB"
)
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/opt/rocm", "/sys"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/etc/localtime"),
)
_DEVICES = ("nvidia*", "dri", "kfd", "dxg")
# Written by the owner of the run alone, also where the kernel shares the folder.
_OWNED = ("journal.jsonl", "cache/disclosures", "cache/before_steps")
_SELF_TEST_SECONDS = 20.0


class SandboxError(Exception):
    """The sandbox cannot be used. The sentence says why and what to do."""


@dataclass(frozen=True)
class SandboxStatus:
    """Whether kernels run in the sandbox, in one sentence. `checks`: what the self-test found, empty where it could not run."""

    active: bool
    sentence: str
    checks: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0

    def as_record(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "active": self.active,
            "sentence": self.sentence,
            "checks": self.checks,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class Sandbox:
    """`run`: the only writable folder, also the working directory. `data`: folders that may be read."""

    run: Path
    data: tuple[Path, ...] = ()

    def command(
        self, inner: list[str], *, sockets: Path | None = None, environment: Mapping[str, str] = os.environ
    ) -> list[str]:
        """`inner`, wrapped. `sockets` is a private folder through which the kernel is reached. Raises SandboxError."""
        bwrap = find_bubblewrap()
        run = self.run.resolve()
        return [
            *_limits(),
            bwrap,
            *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "clinjup"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--tmpfs", "/tmp", "--dir", "/tmp/home"),
            *self._mounts(run, sockets),
            *_devices(),
            *("--remount-ro", "/", "--clearenv"),
            *(
                part
                for name, value in self._environment(run, environment).items()
                for part in ("--setenv", name, value)
            ),
            *("--chdir", str(run), "--", *inner),
        ]

    def _mounts(self, run: Path, sockets: Path | None) -> list[str]:
        """Outer folders before inner ones, so that data inside of the run folder stay read-only, and the other way round."""
        read_only = {*_system(), *_python(), *_weights(), *(path for folder in self.data for path in _data(folder))}
        writable = {run, *([sockets.resolve()] if sockets else [])}
        mounts = [(path, "--ro-bind") for path in read_only - writable] + [(path, "--bind") for path in writable]
        mounts += [(run / name, "--ro-bind") for name in _OWNED if (run / name).exists()]
        options: list[str] = []
        for path, option in sorted(mounts, key=lambda mount: (len(mount[0].parts), str(mount[0]))):
            if option == "--ro-bind" and path.is_symlink() and str(path) in _SYSTEM:
                options += ["--symlink", os.readlink(path), str(path)]
            else:
                options += [option, str(path), str(path)]
        return options

    def _environment(self, run: Path, environment: Mapping[str, str]) -> dict[str, str]:
        package = Path(__file__).resolve().parents[2]
        kept = {name: environment[name] for name in [*_PASSED.split(), "CLINJUP_RUN_ID"] if name in environment}
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp/home",
            "USER": "clinjup",
            "LOGNAME": "clinjup",
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
            "PYTHONPATH": str(package),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "MPLCONFIGDIR": str(run / "cache" / "matplotlib"),
            "HF_HUB_CACHE": str(_hub_cache()),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TORCH_HOME": str(_torch_home()),
            **kept,
        }


def find_bubblewrap() -> str:
    """Path of `bwrap`. Raises SandboxError where there is none."""
    if not sys.platform.startswith("linux"):
        system = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
        raise SandboxError(f"the sandbox needs Linux, and this is {system}")
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError("bubblewrap is not installed (on Debian and Ubuntu: apt install bubblewrap)")
    return found


async def check_sandbox(run: Path, data: Iterable[Path] = ()) -> SandboxStatus:
    """Start a program in the sandbox that tries what it must not be able to do. Never raises; takes about a tenth of a second."""
    started = time.monotonic()
    folders = tuple(data)
    try:
        checks = await asyncio.to_thread(_self_test, Sandbox(run, folders))
    except SandboxError as problem:
        return _inactive(str(problem))
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        return _inactive(f"its self-test did not run ({str(problem).strip()[:200] or type(problem).__name__})")
    seconds = time.monotonic() - started
    broken = [meaning for name, meaning in CHECKS.items() if not checks.get(name)]
    if broken:
        return SandboxStatus(False, _loud(f"its self-test found that {', '.join(broken)}"), checks, seconds)
    sentence = "Cells run in a sandbox: no network, the data read-only, only the run folder writable, no passwords within reach."
    return SandboxStatus(True, sentence, checks, seconds)


def _inactive(why: str) -> SandboxStatus:
    return SandboxStatus(False, _loud(why))


def _loud(why: str) -> str:
    return (
        f"NO SANDBOX: {why}. Code that a model writes runs with your own rights here: it can read your files, change your data and "
        "use the network."
    )


def _self_test(sandbox: Sandbox) -> dict[str, bool]:
    (sandbox.run / "cache").mkdir(parents=True, exist_ok=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        tempfile.NamedTemporaryFile(prefix="clinjup-host-") as outside,
    ):
        port = listener.getsockname()[1]
        folder = str(sandbox.data[0].resolve()) if sandbox.data else ""
        inner = [sys.executable, "-I", "-S", "-c", _PROBE, str(port), folder, outside.name]
        command = sandbox.command(inner, environment={**os.environ, "CLINJUP_CANARY": "set"})
        done = subprocess.run(
            command, env=outer_environment(), capture_output=True, timeout=_SELF_TEST_SECONDS, check=False
        )
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise SandboxError(f"bubblewrap does not work on this machine ({last[0][:200]})")
    found = json.loads(done.stdout)
    return {name: bool(found.get(name)) for name in CHECKS}


# Tries to break out; prints for each check whether it held. Only the standard library, because it starts faster.
_PROBE = """
import glob, json, os, socket, sys
port, data, outside = int(sys.argv[1]), sys.argv[2], sys.argv[3]

def fails(action):
    try:
        action()
    except OSError:
        return True
    return False

def write(folder):
    path = os.path.join(folder, ".clinjup-sandbox-test")
    open(path, "w").close()
    os.remove(path)

def environments():
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            yield open(path, "rb").read()
        except OSError:
            pass

print(json.dumps({
    "no_network": fails(lambda: socket.create_connection(("127.0.0.1", port), 2).close())
    and [name for _, name in socket.if_nameindex()] == ["lo"],
    "data_read_only": not data or (os.path.isdir(data) and fails(lambda: write(data))),
    "environment_absent": "CLINJUP_CANARY" not in os.environ and not any(b"CLINJUP_CANARY" in text for text in environments()),
    "system_hidden": not os.path.exists("/etc/passwd") and not os.path.exists(outside),
    "run_writable": not fails(lambda: write("cache")),
}))
"""


def outer_environment() -> dict[str, str]:
    """For bubblewrap itself: the first process of the sandbox shows it in /proc/1/environ."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin"}


# ------------------------------------------------------------------------------------------------------ what is bound


def _system() -> set[Path]:
    return {Path(path) for path in _SYSTEM if os.path.lexists(path)}


def _python() -> set[Path]:
    """The environment that runs clinjup, and the package itself where it is installed from its sources."""
    packages = [Path(entry) for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    executable = Path(sys.executable)
    found = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        executable.resolve().parent,
        Path(__file__).resolve().parents[1],
        *packages,
    }
    if site.ENABLE_USER_SITE and site.USER_SITE:
        found.add(Path(site.USER_SITE))
    found = {path for path in found if path.is_dir() and path != Path(path.anchor)}
    return {path for path in found if not any(path.is_relative_to(other) for other in [*found - {path}, Path("/usr")])}


def _weights() -> set[Path]:
    """Pretrained weights that are already on this machine; never the folders that hold tokens beside them."""
    return {path for path in (_hub_cache(), _torch_home() / "hub" / "checkpoints") if path.is_dir()}


def _hub_cache() -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser().absolute()


def _torch_home() -> Path:
    return Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch").expanduser().absolute()


def _data(folder: Path) -> set[Path]:
    """The folder under its name and its real place, and folders that it links to (images on another disk)."""
    found = {folder.absolute(), folder.resolve()}
    try:
        links = [entry for entry in folder.iterdir() if entry.is_symlink() and entry.is_dir()]
    except OSError:
        return found
    return found | {target for link in links if _may_follow(target := link.resolve())}


def _may_follow(target: Path) -> bool:
    """A data set must not open the way to keys or to a whole home by a link."""
    hidden = any(part.startswith(".") for part in target.parts)
    return not hidden and not Path.home().is_relative_to(target) and not target.is_relative_to("/etc")


def _devices() -> list[str]:
    """Graphics cards, where there are any."""
    found = sorted(str(path) for pattern in _DEVICES for path in Path("/dev").glob(pattern))
    return [part for path in found for part in ("--dev-bind-try", path, path)]


def _limits() -> list[str]:
    """No core dumps, no fork bombs, no file without end; without a graphics card no more memory than there is."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    import resource

    wanted = {
        "core": (resource.RLIMIT_CORE, 0),
        "nproc": (resource.RLIMIT_NPROC, 8192),
        "fsize": (resource.RLIMIT_FSIZE, 2**38),
    }
    if not _devices():
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        wanted["data"] = (resource.RLIMIT_DATA, memory)
    options = []
    for name, (kind, value) in wanted.items():
        hard = resource.getrlimit(kind)[1]
        options.append(f"--{name}={value if hard == resource.RLIM_INFINITY else min(value, hard)}")
    return [prlimit, *options]
