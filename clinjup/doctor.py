"""`clinjup doctor`: can this machine carry a run, and with what protection?"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbformat.v4 import new_code_cell

from clinjup.notebook.executor import KernelExecutor
from clinjup.notebook.provisioner import KERNEL_NAME, KERNEL_TITLE
from clinjup.notebook.sandbox import check_sandbox
from clinjup.server.mcp_port import warning_before_start

_PACKAGES = ("jupyterlab", "jupyter-ai", "anthropic", "torch", "torchvision", "timm", "lightning", "grad-cam")
_PROBE = """
import json, os, torch
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
print(json.dumps({"torch": torch.__version__, "gpu": gpu, "threads": torch.get_num_threads()}))
"""


@dataclass(frozen=True)
class DoctorFinding:
    """One line of the examination."""

    subject: str
    level: Literal["ok", "note", "fault"]
    sentence: str


async def examine() -> list[DoctorFinding]:
    """All checks, the kernel last because it takes seconds."""
    checks = [_python(), *_packages(), *_mcp_port(), _memory(), _disk(), await _sandbox(), _kernelspec()]
    return [*checks, *await _kernel()]


def _python() -> DoctorFinding:
    version = ".".join(map(str, sys.version_info[:3]))
    return DoctorFinding("Python", "ok", f"{version}, {sys.executable}")


def _packages() -> list[DoctorFinding]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    findings = [DoctorFinding("Packages", "ok", ", ".join(found))]
    if missing:
        findings.append(
            DoctorFinding("Packages", "fault", f"not installed: {', '.join(missing)}. Install clinjup again with pip.")
        )
    return findings


def _mcp_port() -> list[DoctorFinding]:
    sentence = warning_before_start()
    return [DoctorFinding("MCP port", "note", sentence)] if sentence else []


def _memory() -> DoctorFinding:
    free = psutil.virtual_memory().available / 2**30
    enough = free >= 3
    return DoctorFinding(
        "Memory",
        "ok" if enough else "note",
        f"{free:.1f} GB free" + ("" if enough else "; a run wants 3 GB, so close other programs"),
    )


def _disk() -> DoctorFinding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    enough = free >= 2
    return DoctorFinding(
        "Disk", "ok" if enough else "note", f"{free:.0f} GB free here" + ("" if enough else "; a run wants 2 GB")
    )


async def _sandbox() -> DoctorFinding:
    with tempfile.TemporaryDirectory(prefix="clinjup-doctor-") as run, tempfile.TemporaryDirectory() as data:
        status = await check_sandbox(Path(run), [Path(data)])
    return DoctorFinding("Sandbox", "ok" if status.active else "note", status.sentence)


def _kernelspec() -> DoctorFinding:
    try:
        KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    except NoSuchKernel:
        sentence = (
            f"Jupyter does not know '{KERNEL_TITLE}'. Install clinjup again with pip in Jupyter's own environment."
        )
        return DoctorFinding("Sandbox kernel", "note", sentence)
    return DoctorFinding("Sandbox kernel", "ok", f"'{KERNEL_TITLE}' can be chosen in Jupyter")


async def _kernel() -> list[DoctorFinding]:
    with tempfile.TemporaryDirectory(prefix="clinjup-doctor-", ignore_cleanup_errors=True) as folder:
        executor = KernelExecutor(Path(folder), "doctor", lambda progress: None)
        try:
            await executor.start()
            outcome = await executor.run(new_code_cell(_PROBE))
        except Exception as fault:
            return [DoctorFinding("Kernel", "fault", f"did not start: {fault}")]
        finally:
            await executor.shutdown()
    if outcome.error is not None:
        return [DoctorFinding("Kernel", "fault", f"started, but torch cannot be used: {outcome.error.message}")]
    probe = json.loads(outcome.text.strip().splitlines()[-1])
    threads = probe["threads"]
    gpu = probe["gpu"] or f"none; training uses {threads} CPU thread{'' if threads == 1 else 's'}"
    return [
        DoctorFinding("Kernel", "ok", f"starts and runs torch {probe['torch']} ({outcome.seconds:.0f} s)"),
        DoctorFinding("Accelerator", "ok", gpu),
    ]
