"""Fixtures of the evaluation tests: phantom cohort and models, a run folder, the findings that a cell would publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from clinjup.contracts import FINDING_MIME, SelectionFinding
from clinjup.evaluation import Validation, select_model, validate
from clinjup.imaging import Cohort, ImageCache
from clinjup.learning.trained import TrainedModel
from tests.evaluation.phantoms import DRAIN, disease_reader, drain_reader, phantom_cohort

Published = Callable[[str], list[dict]]


@pytest.fixture(scope="session")
def phantoms() -> tuple[Cohort, ImageCache]:
    return phantom_cohort()


@pytest.fixture
def cohort(phantoms: tuple[Cohort, ImageCache]) -> Cohort:
    return phantoms[0]


@pytest.fixture
def images(phantoms: tuple[Cohort, ImageCache]) -> ImageCache:
    return phantoms[1]


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def baseline(checkpoints: Path) -> TrainedModel:
    return drain_reader(checkpoints)


@pytest.fixture(scope="session")
def balanced(checkpoints: Path) -> TrainedModel:
    return disease_reader(checkpoints)


@pytest.fixture(scope="session")
def models(baseline: TrainedModel, balanced: TrainedModel) -> list[TrainedModel]:
    return [baseline, balanced]


@pytest.fixture(scope="session")
def validations(models: list[TrainedModel], phantoms: tuple[Cohort, ImageCache]) -> dict[str, Validation]:
    return {model.name: validate(model, *phantoms, confounders=[DRAIN]) for model in models}


@pytest.fixture(scope="session")
def selection(validations: dict[str, Validation]) -> SelectionFinding:
    return select_model(validations, confounder=DRAIN)


@pytest.fixture
def published() -> Iterator[Published]:
    """`published(kind)`: the findings of one kind published so far, in order."""
    with captured_findings() as of_kind:
        yield of_kind


@contextmanager
def captured_findings() -> Iterator[Published]:
    """Collect what a cell would publish, through a real IPython display publisher."""
    InteractiveShell.instance()
    with capture_output() as captured:

        def of_kind(kind: str) -> list[dict]:
            bundles = [output.data for output in captured.outputs]
            return [
                bundle[FINDING_MIME] | {"sentence_shown": bundle["text/plain"]}
                for bundle in bundles
                if FINDING_MIME in bundle and bundle[FINDING_MIME]["kind"] == kind
            ]

        yield of_kind
