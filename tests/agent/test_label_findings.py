from __future__ import annotations

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.label_findings import offer_what_is_labelled
from clinjup.contracts import ColumnProfile, DataProfile, ImageProfile, TableProfile, ValueCount

VAGUE = "Make me something useful with these images."


def folder(header: str = "file", values: tuple[str, ...] = (), class_folders: tuple[str, ...] = ()) -> DataProfile:
    column = ColumnProfile(
        name=header,
        kind="category",
        unique=len(values),
        missing=0,
        values=[ValueCount(value=value, count=5) for value in values],
    )
    table = TableProfile(path="labels.csv", rows=10, encoding="utf-8", delimiter=",", columns=[column])
    return DataProfile(
        root="/data",
        layout="table",
        tables=[table],
        images=ImageProfile(count=10),
        class_folders=dict.fromkeys(class_folders, 5),
    )


def offered(request: str, profile: DataProfile) -> list[str]:
    task = offer_what_is_labelled(parse_request(request), profile)
    return [option.value for question in task.open_questions if question.id == "target" for option in question.options]


@pytest.mark.parametrize(
    "profile",
    [
        folder("Pneumothorax"),
        folder("Finding Labels", ("Pneumothorax", "No Finding")),
        folder(class_folders=("pneumothorax", "normal")),
    ],
)
def test_a_vague_request_is_offered_what_the_data_are_labelled_with(profile: DataProfile) -> None:
    assert offered(VAGUE, profile) == ["pneumothorax"]


def test_labels_that_name_nothing_leave_the_usual_offer() -> None:
    assert len(offered(VAGUE, folder("label", ("0", "1")))) > 1


def test_findings_that_the_request_names_stay_the_offer() -> None:
    several = "Build a model for pneumonia and effusion."
    assert offered(several, folder("Pneumothorax")) == offered(several, folder("label"))
