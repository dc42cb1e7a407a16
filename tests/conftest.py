"""What all tests share: one small synthetic cohort on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# How long one example takes says more about the machine than about the code.
settings.register_profile("clinjup", deadline=None)
settings.load_profile("clinjup")

REQUEST = (
    "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
    "please take this issue seriously."
)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 synthetic patients in ChestX-ray14's layout. Read-only for tests; see `cohort_copy`."""
    from clinjup.imaging.synthetic import write_cohort

    return write_cohort("pneumothorax", tmp_path_factory.mktemp("cohort") / "data", patients=70, seed=3, workers=1)


@pytest.fixture
def cohort_copy(small_cohort: Path, tmp_path: Path) -> Path:
    """A copy of the small cohort that a test may damage."""
    return Path(shutil.copytree(small_cohort, tmp_path / "data"))
