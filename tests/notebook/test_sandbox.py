"""The sandbox: what a cell in it cannot do, that its self-test would notice, and what is said where there is none."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbformat.v4 import new_code_cell

from clinjup.notebook import sandbox as sandbox_module
from clinjup.notebook.executor import CellOutcome, KernelExecutor
from clinjup.notebook.provisioner import KERNEL_TITLE, PROVISIONER, SandboxProvisioner
from clinjup.notebook.sandbox import CHECKS, Sandbox, SandboxError, check_sandbox

KERNELSPEC = Path(sandbox_module.__file__).parent / "kernelspec" / "kernel.json"


@pytest.fixture(autouse=True, scope="module")
def bubblewrap() -> None:
    if sys.platform.startswith("linux") and shutil.which("bwrap"):
        return
    sentence = "bubblewrap is not installed, so the sandbox cannot be tested (apt install bubblewrap)"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A run, its data, and somebody else's folder."""
    run, data, other = (tmp_path_factory.mktemp(name) for name in ("run", "data", "other"))
    (data / "labels.csv").write_text("image,label\n")
    (other / "secret.txt").write_text("secret")
    (run / "journal.jsonl").write_text('{"kind":"profile","data":{"root":"' + str(data) + '"}}\n')
    (run / "cache" / "disclosures").mkdir(parents=True)
    return run, data, other


async def run_cells(run: Path, readable: tuple[Path, ...], sources: list[str]) -> list[CellOutcome]:
    executor = KernelExecutor(run, "sandboxed", lambda progress: None)
    executor.sandbox = readable
    await executor.start()
    try:
        return [await executor.run(new_code_cell(source)) for source in sources]
    finally:
        await executor.shutdown()


FORBIDDEN = {
    "network": "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)",
    "a server on this machine": "import socket\nsocket.create_connection(('127.0.0.1', PORT), 2)",
    "writing into the data": "open(DATA + '/labels.csv', 'a')",
    "a new file in the data": "open(DATA + '/new', 'w')",
    "deleting data": "import os\nos.remove(DATA + '/labels.csv')",
    "moving the data": "import os\nos.rename(DATA, DATA + 'x')",
    "somebody else's file": "open(OTHER + '/secret.txt')",
    "accounts of this machine": "open('/etc/passwd')",
    "the Python environment": "import sys, pathlib\n(pathlib.Path(sys.prefix) / 'x').touch()",
    "the journal": "open('journal.jsonl', 'a')",
    "the texts that were sent": "open('cache/disclosures/00001.json', 'w')",
    "mounting": "import subprocess\nsubprocess.run(['mount', '-o', 'remount,rw', DATA], check=True, capture_output=True)",
}


@pytest.fixture(scope="module")
def outcomes(folders: tuple[Path, Path, Path]) -> dict[str, CellOutcome]:
    """What real cells in one sandboxed kernel gave, by name."""
    run, data, other = folders
    sources = {
        "setting": f"DATA, OTHER, PORT = {str(data)!r}, {str(other)!r}, 0",
        **FORBIDDEN,
        "shared memory": "import shutil\nprint(shutil.disk_usage('/dev/shm').total >= 2**30)",
        "environment": "import os\nprint('CLINJUP_TEST' in os.environ, os.environ['CLINJUP_RUN_ID'])",
        "environments": "import glob\nprint(any(b'CLINJUP_TEST' in open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/environ')))",
        "processes": "import glob\nprint(len(glob.glob('/proc/[0-9]*')) < 6)",
        "reading": "print(open(DATA + '/labels.csv').read())",
        "writing": "import pathlib\npathlib.Path('cache/x.txt').write_text('x')\npathlib.Path('top.txt').write_text('x')\nprint('ok')",
        "limits": "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NPROC)[0])",
        "package": "import clinjup.imaging, tempfile\nprint(clinjup.imaging.__name__, len(tempfile.mkdtemp()) > 0)",
        "workers": "import multiprocessing as m\nvalue = m.get_context('fork').Value('i', 3)\nprint(value.value)",
        "beside": "open('../beside', 'w').close()",
        "still alive": "print(1 + 1)",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLINJUP_TEST", "secret of the host")
        found = asyncio.run(run_cells(run, (data,), list(sources.values())))
    return dict(zip(sources, found, strict=True))


@pytest.mark.parametrize("name", list(FORBIDDEN))
def test_a_sandboxed_cell_cannot_reach(name: str, outcomes: dict[str, CellOutcome]) -> None:
    outcome = outcomes[name]
    assert outcome.error is not None, outcome.text
    assert outcome.error.name in {
        "OSError",
        "PermissionError",
        "FileNotFoundError",
        "ConnectionRefusedError",
        "CalledProcessError",
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("environment", "False sandboxed"),
        ("environments", "False"),
        ("processes", "True"),
        ("reading", "image,label"),
        ("writing", "ok"),
        ("limits", "(0, 0) 8192"),
        ("package", "clinjup.imaging True"),
        ("workers", "3"),
        ("shared memory", "True"),
        ("still alive", "2"),
    ],
)
def test_a_sandboxed_cell_can_work_and_sees_no_secret(name: str, shown: str, outcomes: dict[str, CellOutcome]) -> None:
    outcome = outcomes[name]
    assert outcome.ok, outcome.error
    assert outcome.text.strip() == shown


def test_what_a_cell_writes_is_there_afterwards_and_the_data_are_untouched(
    folders: tuple[Path, Path, Path], outcomes: dict[str, CellOutcome]
) -> None:
    run, data, _ = folders
    assert (run / "cache" / "x.txt").read_text() == "x" and (run / "top.txt").exists()
    assert outcomes["beside"] and not (run.parent / "beside").exists()
    assert sorted(path.name for path in data.iterdir()) == ["labels.csv"]
    assert (data / "labels.csv").read_text() == "image,label\n"


def test_interrupt_and_death_work_as_outside(folders: tuple[Path, Path, Path]) -> None:
    async def scenario() -> tuple[CellOutcome, CellOutcome, CellOutcome]:
        executor = KernelExecutor(folders[0], "x", lambda progress: None)
        executor.sandbox = (folders[1],)
        await executor.start()
        try:
            printed = asyncio.Event()
            cell = new_code_cell("print('on', flush=True)\nwhile True: pass")
            running = asyncio.create_task(executor.run(cell, on_output=printed.set))
            await printed.wait()
            await executor.interrupt()
            interrupted = await running
            executor.stopped = False  # the kernel is asked here; a run's executor takes no cell after a stop
            after = await executor.run(new_code_cell("1"))
            dead = await executor.run(new_code_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
        finally:
            await executor.shutdown()
        return interrupted, after, dead

    interrupted, after, dead = asyncio.run(scenario())
    assert interrupted.interrupted and after.ok and dead.kernel_died


def test_data_in_the_run_and_a_run_in_the_data_keep_their_rules(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    inner = outer / "inner"
    inner.mkdir(parents=True)
    write = "open('x', 'w').close()"
    readable = [f"open({str(inner / 'y')!r}, 'w')", "open('ok', 'w').close()"]
    first, second = asyncio.run(run_cells(outer, (inner,), readable))
    assert first.error is not None and second.ok
    first, second = asyncio.run(run_cells(inner, (outer,), [write, f"open({str(outer / 'y')!r}, 'w')"]))
    assert first.ok and second.error is not None


def test_images_on_another_disk_are_read_and_keys_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, keys, data, run = (tmp_path / name for name in ("disk", ".ssh", "data", "run"))
    for folder in (disk, keys, data, run):
        folder.mkdir()
    (disk / "film.png").write_text("pixels")
    (keys / "id_rsa").write_text("key")
    (data / "images").symlink_to(disk)
    (data / "more").symlink_to(keys)
    (data / "all").symlink_to("/")
    sources = [f"open({str(data / 'images' / 'film.png')!r}).read()", f"open({str(data / 'more' / 'id_rsa')!r}).read()"]
    films, stolen = asyncio.run(run_cells(run, (data,), sources))
    assert films.ok and stolen.error is not None
    assert str(keys) not in Sandbox(run, (data,)).command(["true"])


# ----------------------------------------------------------------------------------------------------------- self-test


def test_the_self_test_passes_here_and_can_be_journalled(folders: tuple[Path, Path, Path]) -> None:
    status = asyncio.run(check_sandbox(folders[0], [folders[1]]))
    assert status.active, status.sentence
    assert status.checks == dict.fromkeys(CHECKS, True)
    assert json.loads(json.dumps(status.as_record()))["active"] is True


@dataclass(frozen=True)
class _WeakSandbox(Sandbox):
    """A sandbox with one hole."""

    hole: str = ""

    def command(self, inner: list[str], **keywords: Any) -> list[str]:
        command = super().command(inner, **keywords)
        if self.hole == "no_network":
            place = command.index("--unshare-all")
            return [*command[: place + 1], "--share-net", *command[place + 1 :]]
        if self.hole == "data_read_only":
            place = command.index(str(self.data[0]))
            return [*command[: place - 1], "--bind", *command[place:]]
        if self.hole == "environment_absent":
            place = command.index("--chdir")
            return [*command[:place], "--setenv", "CLINJUP_CANARY", "set", *command[place:]]
        if self.hole == "system_hidden":
            place = command.index("--remount-ro")
            return [*command[:place], "--ro-bind", "/etc", "/etc", *command[place:]]
        place = command.index("--bind")
        return [*command[:place], "--ro-bind", *command[place + 1 :]]


@pytest.mark.parametrize("hole", list(CHECKS))
def test_the_self_test_notices_every_hole(
    hole: str, folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "Sandbox", lambda run, data: _WeakSandbox(run, data, hole))
    status = asyncio.run(check_sandbox(folders[0], [folders[1]]))
    assert not status.active and status.sentence.startswith("NO SANDBOX")
    assert status.checks == {**dict.fromkeys(CHECKS, True), hole: False}
    assert CHECKS[hole] in status.sentence


def test_without_bubblewrap_one_loud_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status = asyncio.run(check_sandbox(tmp_path))
    assert (
        not status.active and "bubblewrap is not installed" in status.sentence and "your own rights" in status.sentence
    )
    with pytest.raises(SandboxError):
        asyncio.run(run_cells(tmp_path, (), ["1"]))


@pytest.mark.parametrize(("platform", "name"), [("darwin", "macOS"), ("win32", "Windows")])
def test_other_systems_are_told_that_the_sandbox_needs_linux(
    platform: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    status = asyncio.run(check_sandbox(tmp_path))
    assert not status.active and name in status.sentence


def test_a_host_that_forbids_bubblewrap_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sandbox_module, "find_bubblewrap", lambda: str(broken))
    status = asyncio.run(check_sandbox(tmp_path))
    assert not status.active and "Permission denied" in status.sentence and "\n" not in status.sentence


def test_graphics_cards_are_bound_where_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = next(path for path in (Path("/dev/kmsg"), Path("/dev/ptmx"), Path("/dev/full")) if path.exists())
    seen = f"import os\nprint(os.path.exists({str(device)!r}))"
    monkeypatch.setattr(sandbox_module, "_DEVICES", (device.name,))
    assert f"--dev-bind-try {device} {device}" in " ".join(Sandbox(tmp_path).command(["true"]))
    (outcome,) = asyncio.run(run_cells(tmp_path, (), [seen]))
    assert outcome.text.strip() == "True"


# ---------------------------------------------------------------------------------------------------------- kernelspec


def test_jupyter_starts_the_kernelspec_in_the_sandbox(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """As JupyterLab does: by name, with TCP as its default, in the folder of the notebook."""
    run, data, _ = folders
    place = tmp_path / "kernels" / "clinjup-sandbox"
    place.mkdir(parents=True)
    shutil.copy(KERNELSPEC, place)

    async def scenario() -> tuple[str, str]:
        specs = KernelSpecManager(kernel_dirs=[str(place.parent)], ensure_native_kernel=False)
        manager = AsyncKernelManager(kernel_name="clinjup-sandbox", kernel_spec_manager=specs)
        assert manager.kernel_spec.display_name == KERNEL_TITLE
        await manager.start_kernel(cwd=str(run))
        assert isinstance(manager.provisioner, SandboxProvisioner)
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            first = await _printed(
                client, f"import os\nprint(os.listdir({str(data)!r}), os.path.exists('/etc/passwd'))"
            )
            await manager.restart_kernel(now=True)
            await client.wait_for_ready(timeout=60)
            second = await _printed(client, "print(os.getcwd() if 'os' in globals() else 'fresh')")
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)
        return first, second

    first, second = asyncio.run(scenario())
    assert first.strip() == "['labels.csv'] False"
    assert second.strip() == "fresh"


async def _printed(client: Any, source: str) -> str:
    texts: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        texts.append(message["content"].get("text", "") or str(message["content"].get("evalue", "")))

    await client._async_execute_interactive(source, output_hook=keep, timeout=60)
    return "".join(texts)


def test_the_kernelspec_names_the_provisioner_that_is_installed() -> None:
    from importlib.metadata import entry_points

    spec = json.loads(KERNELSPEC.read_text(encoding="utf-8"))
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == PROVISIONER
    assert spec["interrupt_mode"] == "message"
    (entry,) = entry_points(group="jupyter_client.kernel_provisioners", name=PROVISIONER)
    assert entry.load() is SandboxProvisioner
