"""Fixtures of the learning tests: the kernel's working folder, a cohort whose disease is a bright blob, what a cell would publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from clinjup.contracts import FINDING_MIME
from clinjup.imaging import Cohort, ImageCache
from tests.learning.blobs import blob_cohort

Published = Callable[[str], list[dict]]


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Films this small are done sooner by one thread, and tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def blobs() -> tuple[Cohort, ImageCache]:
    return blob_cohort()


@pytest.fixture
def published() -> Iterator[Published]:
    """`published(kind)`: the findings of one kind published so far, through a real IPython display publisher."""
    InteractiveShell.instance()
    with capture_output() as captured:
        yield lambda kind: [
            output.data[FINDING_MIME]
            for output in captured.outputs
            if output.data.get(FINDING_MIME, {}).get("kind") == kind
        ]
