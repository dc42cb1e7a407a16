"""Which column is what, on profiles of tables as hospitals and public data sets have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clinjup.agent.intent import parse_request
from clinjup.agent.roles import decide_roles
from clinjup.contracts import (
    ClinicalTask,
    ColumnProfile,
    DataProfile,
    Flag,
    ImageProfile,
    TableProfile,
    UnusableData,
    ValueCount,
)

PTX = parse_request("Detect pneumothorax on chest X-rays.")
DRAIN = parse_request("Detect pneumothorax on chest X-rays, do not look at chest drains.")
PTX_DE = parse_request("Ich möchte einen Pneumothorax auf Thoraxaufnahmen erkennen, die Drainage ist ein Störfaktor.")
MELANOMA = parse_request("I want to distinguish melanoma from nevus.")
FRACTURE = parse_request("Is there a wrist fracture, yes or no? Casts are a confounder.")

Values = Mapping[str, int]


def column(
    name: str, values: Values | None = None, *, kind: str = "", missing: int = 0, unique: int = 0, images: float = 0.0
) -> ColumnProfile:
    """A column with these values; without values one that is different in every row."""
    values = values or {}
    flags = {"1", "0", "1.0", "0.0", "yes", "no", "ja", "nein", "x", "-1"}
    guessed = "flag" if values and {value.lower() for value in values} <= flags else "category" if values else "text"
    return ColumnProfile(
        name=name,
        kind=kind or guessed,  # type: ignore[arg-type]
        unique=unique or len(values) or 100,
        missing=missing,
        values=[ValueCount(value=value, count=count) for value, count in values.items()],
        image_matches=images,
    )


def image(name: str = "image") -> ColumnProfile:
    return column(name, images=1.0)


def table(path: str, *columns: ColumnProfile) -> TableProfile:
    return TableProfile(path=path, rows=100, encoding="utf-8", delimiter=",", columns=list(columns))


def data(*tables: TableProfile, layout: str = "table", folders: Values | None = None) -> DataProfile:
    return DataProfile(
        root="/data",
        layout=layout,
        tables=list(tables),
        images=ImageProfile(count=100, sampled=100),
        class_folders=dict(folders or {}),
    )


def roles(profile: DataProfile, task: ClinicalTask = PTX, answers: dict[str, str] | None = None) -> dict[str, Any]:
    """The roles decided, without questions, and without what only depends on the target."""
    decision = decide_roles(profile, task, answers or {})
    assert decision.questions == []
    assert decision.roles is not None
    assert decision.roles.chest_films == (task.target == "pneumothorax")
    return decision.roles.model_dump(exclude_defaults=True, exclude={"chest_films"})


def warnings(profile: DataProfile, task: ClinicalTask = PTX) -> dict[str, str]:
    return {warning.code: warning.sentence for warning in decide_roles(profile, task, {}).warnings}


CHESTXRAY14 = data(
    table(
        "BBox_List_2017.csv",
        column("Image Index", images=1.0),
        column("Finding Label", {"Pneumothorax": 10, "Mass": 9}),
    ),
    table(
        "Data_Entry_2017_v2020.csv",
        column("Image Index", images=1.0),
        column("Finding Labels", {"No Finding": 60, "Pneumothorax": 30, "Effusion": 12}, kind="list"),
        column("Follow-up #", kind="integer", unique=20),
        column("Patient ID", kind="integer", unique=70),
        column("Patient Age", kind="integer", unique=60),
        column("Patient Gender", {"M": 60, "F": 40}),
        column("View Position", {"PA": 60, "AP": 40}),
    ),
    table("drains.csv", column("Image Index", images=1.0), column("Drain", {"1": 16, "0": 19})),
    layout="chestxray14",
)

GERMAN = data(
    table(
        "Befunde.csv",
        image("Dateiname"),
        column("Pat.-Nr.", unique=80),
        column("Befund", {"Pneumothorax": 40, "kein Pneumothorax": 58, "V.a. Pneumothorax": 2}),
        column("Thoraxdrainage", {"ja": 30, "nein": 65}, missing=5),
        column("Alter", kind="integer", unique=60),
        column("Geschlecht", {"m": 60, "w": 40}),
        column("Untersuchungsdatum", kind="date", unique=90),
    )
)


def flags(*more: ColumnProfile, label: ColumnProfile | None = None) -> DataProfile:
    return data(table("labels.csv", image(), label or column("pneumothorax", {"1": 40, "0": 60}), *more))


ROLES: list[tuple[str, DataProfile, ClinicalTask, dict[str, Any]]] = [
    (
        "ChestX-ray14 with a drain table",
        CHESTXRAY14,
        DRAIN,
        {
            "image": "Data_Entry_2017_v2020.csv:Image Index",
            "label": "Data_Entry_2017_v2020.csv:Finding Labels",
            "positive": ["Pneumothorax"],
            "patient": "Data_Entry_2017_v2020.csv:Patient ID",
            "confounders": {"chest_drain": {"column": "drains.csv:Drain", "present": ["1"], "absent": ["0"]}},
            "covariates": {
                "age": "Data_Entry_2017_v2020.csv:Patient Age",
                "sex": "Data_Entry_2017_v2020.csv:Patient Gender",
                "view": "Data_Entry_2017_v2020.csv:View Position",
            },
        },
    ),
    (
        "a German table",
        GERMAN,
        PTX_DE,
        {
            "image": "Befunde.csv:Dateiname",
            "label": "Befunde.csv:Befund",
            "positive": ["Pneumothorax"],
            "negative": ["kein Pneumothorax"],
            "patient": "Befunde.csv:Pat.-Nr.",
            "confounders": {
                "chest_drain": {"column": "Befunde.csv:Thoraxdrainage", "present": ["ja"], "absent": ["nein"]}
            },
            "covariates": {"age": "Befunde.csv:Alter", "sex": "Befunde.csv:Geschlecht"},
        },
    ),
    (
        "a plain 0/1 column, nothing else",
        flags(),
        PTX,
        {"image": "labels.csv:image", "label": "labels.csv:pneumothorax", "positive": ["1"], "negative": ["0"]},
    ),
    (
        "a label that is only called label",
        flags(column("sex", {"m": 50, "f": 50}), label=column("label", {"yes": 40, "no": 60})),
        PTX,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:label",
            "positive": ["yes"],
            "negative": ["no"],
            "covariates": {"sex": "labels.csv:sex"},
        },
    ),
    (
        "abbreviated header, marks and blanks",
        flags(column("fall_id", unique=50), label=column("PTX", {"x": 40}, missing=60)),
        PTX,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:PTX",
            "positive": ["x"],
            "negative": [""],
            "patient": "labels.csv:fall_id",
        },
    ),
    (
        "sides instead of yes",
        flags(label=column("Pneu", {"links": 20, "rechts": 20, "kein": 60})),
        PTX,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:Pneu",
            "positive": ["links", "rechts"],
            "negative": ["kein"],
        },
    ),
    (
        "diagnoses in words",
        flags(
            label=column("Diagnosis", {"PTX left": 30, "Pneumonia": 30, "no evidence of pneumothorax": 20, "o.B.": 20})
        ),
        PTX,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:Diagnosis",
            "positive": ["PTX left"],
            "negative": ["no evidence of pneumothorax", "o.B.", "Pneumonia"],
        },
    ),
    (
        "another disease has its own column",
        flags(
            column("Pneumonia", {"1": 10, "0": 90}),
            column("Effusion", {"1": 20, "0": 80}),
            label=column("Pneumothorax", {"1.0": 40, "0.0": 50, "-1": 3}),
        ),
        PTX,
        {"image": "labels.csv:image", "label": "labels.csv:Pneumothorax", "positive": ["1.0"], "negative": ["0.0"]},
    ),
    (
        "the drain column is never the label",
        flags(column("Drainage", {"1": 40, "0": 60}), label=column("Ergebnis", {"1": 38, "0": 62})),
        DRAIN,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:Ergebnis",
            "positive": ["1"],
            "negative": ["0"],
            "confounders": {"chest_drain": {"column": "labels.csv:Drainage", "present": ["1"], "absent": ["0"]}},
        },
    ),
    (
        "drains counted, unknown as -1",
        flags(column("chest_tube", {"0": 50, "1": 30, "2": 10, "-1": 10}, kind="integer")),
        DRAIN,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:pneumothorax",
            "positive": ["1"],
            "negative": ["0"],
            "confounders": {"chest_drain": {"column": "labels.csv:chest_tube", "present": ["1", "2"], "absent": ["0"]}},
        },
    ),
    (
        "the drain table says drain only in its name",
        data(
            table("labels.csv", image(), column("ptx_present", {"1": 40, "0": 60})),
            table("chest_drains.csv", image("file"), column("label", {"1": 30, "0": 30})),
        ),
        DRAIN,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:ptx_present",
            "positive": ["1"],
            "negative": ["0"],
            "confounders": {"chest_drain": {"column": "chest_drains.csv:label", "present": ["1"], "absent": ["0"]}},
        },
    ),
    (
        "labels and patients in tables of their own",
        data(
            table("images.csv", image("file_name"), column("subject_id", unique=60)),
            table(
                "patients.csv",
                column("subject_id", unique=60),
                column("pneumothorax", {"yes": 20, "no": 40}),
                column("age", unique=40),
            ),
        ),
        PTX,
        {
            "image": "images.csv:file_name",
            "label": "patients.csv:pneumothorax",
            "positive": ["yes"],
            "negative": ["no"],
            "patient": "images.csv:subject_id",
            "covariates": {"age": "patients.csv:age"},
        },
    ),
    (
        "an own split",
        flags(column("split", {"train": 60, "val": 20, "test": 20})),
        PTX,
        {
            "image": "labels.csv:image",
            "label": "labels.csv:pneumothorax",
            "positive": ["1"],
            "negative": ["0"],
            "split": "labels.csv:split",
        },
    ),
    (
        "two columns that say the same",
        flags(column("Finding", {"Pneumothorax": 40, "No Finding": 60})),
        PTX,
        {"image": "labels.csv:image", "label": "labels.csv:pneumothorax", "positive": ["1"], "negative": ["0"]},
    ),
    (
        "readers who agreed",
        data(
            table(
                "r.csv",
                image(),
                column("ptx_reader1", {"1": 42, "0": 58}),
                column("ptx_reader2", {"1": 38, "0": 62}),
                column("ptx_consensus", {"1": 40, "0": 60}),
            )
        ),
        PTX,
        {"image": "r.csv:image", "label": "r.csv:ptx_consensus", "positive": ["1"], "negative": ["0"]},
    ),
    (
        "class folders, English",
        data(layout="class_folders", folders={"no_finding": 60, "ptx": 40}),
        PTX,
        {"positive": ["ptx"], "negative": ["no_finding"]},
    ),
    (
        "class folders, German",
        data(layout="class_folders", folders={"ohne": 60, "Pneu": 40}),
        PTX_DE,
        {"positive": ["Pneu"], "negative": ["ohne"]},
    ),
    (
        "class folders pos and neg with a table of drains",
        data(
            table("drains.csv", image(), column("Drain", {"yes": 20, "no": 80})),
            layout="class_folders",
            folders={"neg": 60, "pos": 40},
        ),
        DRAIN,
        {
            "positive": ["pos"],
            "negative": ["neg"],
            "confounders": {"chest_drain": {"column": "drains.csv:Drain", "present": ["yes"], "absent": ["no"]}},
        },
    ),
    (
        "HAM10000 for melanoma against nevus: other lesions are neither",
        data(
            table(
                "HAM10000_metadata.csv",
                column("lesion_id", unique=80),
                column("image_id", images=1.0),
                column("dx", {"nv": 60, "mel": 20, "bkl": 20}),
                column("dx_type", {"histo": 60, "follow_up": 40}),
                column("age", unique=30),
                column("localization", {"back": 50, "face": 50}),
            )
        ),
        MELANOMA,
        {
            "image": "HAM10000_metadata.csv:image_id",
            "label": "HAM10000_metadata.csv:dx",
            "positive": ["mel"],
            "negative": ["nv"],
            "patient": "HAM10000_metadata.csv:lesion_id",
            "covariates": {
                "age": "HAM10000_metadata.csv:age",
                "body_site": "HAM10000_metadata.csv:localization",
                "reference": "HAM10000_metadata.csv:dx_type",
            },
        },
    ),
    (
        "GRAZPEDWRI-DX flags, 1 or blank",
        data(
            table(
                "dataset.csv",
                column("filestem", images=1.0),
                column("patient_id", unique=60),
                column("ao_classification", unique=40),
                column("cast", {"1": 20}, missing=80),
                column("diagnosis_uncertain", {"1": 2}, missing=98),
                column("fracture_visible", {"1": 65}, missing=35),
                column("metal", {"1": 3}, missing=97),
            )
        ),
        FRACTURE,
        {
            "image": "dataset.csv:filestem",
            "label": "dataset.csv:fracture_visible",
            "positive": ["1"],
            "negative": [""],
            "patient": "dataset.csv:patient_id",
            "confounders": {
                "cast": {"column": "dataset.csv:cast", "present": ["1"], "absent": [""]},
                "metal": {"column": "dataset.csv:metal", "present": ["1"], "absent": [""]},
            },
        },
    ),
]


@pytest.mark.parametrize(("profile", "task", "expected"), [case[1:] for case in ROLES], ids=[case[0] for case in ROLES])
def test_columns_get_their_roles(profile: DataProfile, task: ClinicalTask, expected: dict[str, Any]) -> None:
    assert roles(profile, task) == expected


def test_uncertain_labels_are_left_out_and_said() -> None:
    sentence = warnings(GERMAN, PTX_DE)["uncertain_labels"]
    assert sentence.startswith("2 images") and "V.a. Pneumothorax" in sentence


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ("Pneumothorax rechts apikal", "positive"),
        ("Spannungspneumothorax", "positive"),
        ("Kein Erguss, Pneumothorax rechts", "positive"),
        ("ptx_no_drain", "positive"),
        ("kein Nachweis eines Pneumothorax", "negative"),
        ("no ptx", "negative"),
        ("PTX: nein", "negative"),
        ("Pneumothorax nicht nachweisbar", "negative"),
        ("kein Verdacht auf Pneumothorax", "negative"),
        ("Pneumothorax?", None),
        ("Verdacht auf Pneumothorax", None),
        ("suspected pneumothorax", None),
        ("Pneumothorax nicht auszuschließen", None),
        ("Z.n. Pneumothorax", None),
    ],
)
def test_a_value_in_words_is_read(value: str, role: str | None) -> None:
    found = roles(flags(label=column("Befund", {"Pneumothorax": 40, "normal": 50, value: 10})))
    assert [name for name in ("positive", "negative") if value in found[name]] == ([role] if role else [])


@pytest.mark.parametrize(
    "names", [("Befund_1", "Befund_2"), ("ptx_reader1", "ptx_reader2"), ("Befund Radiologe A", "Befund Radiologe B")]
)
@pytest.mark.parametrize("second", [40, 45])
def test_two_readers_without_an_agreed_reading_are_a_question(names: tuple[str, str], second: int) -> None:
    counts = [{"Pneumothorax": 40, "normal": 60}, {"Pneumothorax": second, "normal": 100 - second}]
    profile = data(table("b.csv", image(), *(column(name, values) for name, values in zip(names, counts, strict=True))))
    decision = decide_roles(profile, PTX_DE, {})
    assert decision.roles is None
    (question,) = decision.questions
    assert question.id == "label_column"
    assert question.text.startswith("Mehrere Spalten")
    assert [option.value for option in question.options] == [f"b.csv:{name}" for name in names]
    for answer in (f"b.csv:{names[1]}", names[1], names[1].upper()):
        assert roles(profile, PTX_DE, {"label_column": answer})["label"] == f"b.csv:{names[1]}"
    assert decide_roles(profile, PTX, {"label_column": "nonsense"}).questions[0].id == "label_column"


@pytest.mark.parametrize(
    "values", [{"A": 40, "B": 60}, {"1": 40, "2": 60}, {"0": 40, "1": 50, "2": 10}, {"abnormal": 50, "normal": 50}]
)
def test_values_nobody_can_read_are_a_question(values: dict[str, int]) -> None:
    profile = flags(label=column("label", values, kind="category"))
    (question,) = decide_roles(profile, PTX, {}).questions
    assert question.id == "positive_values"
    assert [option.value for option in question.options] == sorted(
        values, key=[option.value for option in question.options].index
    )
    first, *rest = values
    found = roles(profile, PTX, {"positive_values": first})
    assert (found["positive"], set(found["negative"])) == ([first], set(rest))
    assert decide_roles(profile, PTX, {"positive_values": "nonsense"}).questions[0].id == "positive_values"


def test_a_side_is_no_class_of_skin_lesions() -> None:
    skin = parse_request("I want an AI model to help diagnose skin lesions. Priority should be given to melanoma.")
    side = column("which arm", {"left": 50, "right": 40, "bilateral": 10})
    found = roles(data(table("t.csv", image(), side, column("dx", {"mel": 20, "nv": 80}))), skin)
    assert found["label"] == "t.csv:dx" and found["classes"] == {"melanoma": ["mel"], "nevus": ["nv"]}


def test_folders_nobody_can_read_are_a_question() -> None:
    profile = data(layout="class_folders", folders={"group1": 40, "group2": 60})
    assert decide_roles(profile, PTX, {}).questions[0].id == "positive_values"
    assert roles(profile, PTX, {"positive_values": "group2"}) == {"positive": ["group2"], "negative": ["group1"]}


@pytest.mark.parametrize(
    ("profile", "task", "words"),
    [
        (
            data(table("a.csv", image(), column("patient_id", unique=50), column("sex", {"m": 50, "f": 50}))),
            PTX,
            "No column",
        ),
        (data(table("a.csv", image(), column("Drainage", {"1": 50, "0": 50}))), PTX, "No column"),
        (data(), PTX, "No column and no folder name"),
        (data(table("a.csv", column("image"), column("label", {"1": 50, "0": 50}))), PTX, "names the 100 image files"),
        (flags(label=column("label", {"Mass": 50, "Effusion": 50}, kind="list")), PTX, "it holds: Mass, Effusion"),
        (flags(label=column("pneumothorax", {"1": 100})), PTX, "without pneumothorax"),
        (flags(label=column("pneumothorax", {"0": 100})), PTX, "with pneumothorax"),
        (flags(label=column("Befund", kind="text", unique=90)), PTX, "free text"),
        (flags(column("patient_id", {"a": 50, "b": 50})), PTX, "2 patients"),
        (data(layout="class_folders", folders={"pneumothorax": 100}), PTX, "without pneumothorax"),
        (data(table("a.csv", image())), parse_request("Make me something useful with these X-rays."), "No column"),
    ],
    ids=[
        "patient and sex only",
        "drain only",
        "no table",
        "no image names",
        "other findings",
        "all positive",
        "all negative",
        "free text",
        "two patients",
        "one folder",
        "no label, vague request",
    ],
)
def test_unusable_data_are_told_in_one_clear_sentence(profile: DataProfile, task: ClinicalTask, words: str) -> None:
    with pytest.raises(UnusableData, match=words) as told:
        decide_roles(profile, task, {})
    assert str(told.value)[0].isupper() and str(told.value).endswith(".")


def test_while_the_target_is_open_nothing_is_asked_about_columns() -> None:
    decision = decide_roles(flags(), parse_request("Make me something useful with these X-rays."), {})
    assert (decision.roles, decision.questions) == (None, [])


def test_a_named_confounder_without_labels_is_a_warning_not_a_stop() -> None:
    assert "confounders" not in roles(flags(), DRAIN)
    assert "drawn into images" in warnings(flags(), DRAIN)["confounder_not_annotated"]


def test_what_a_detector_estimates_is_not_said_to_keep_training_from_balancing() -> None:
    estimated = warnings(flags(), DRAIN)["confounder_not_annotated"]
    assert "a small detector estimates it on each image, so that training can be balanced" in estimated
    assert "would allow balancing" not in estimated
    two = parse_request("Detect pneumothorax on chest X-rays, do not look at chest drains or rulers.")
    for told in decide_roles(flags(), two, {}).warnings:
        assert "detector" not in told.sentence and "would allow balancing too" in told.sentence


def test_a_confounder_that_cannot_be_drawn_is_said_not_to_be_examined() -> None:
    task = parse_request("Detect pneumothorax; pacemakers are a confounder.")
    (told,) = [w for w in decide_roles(flags(), task, {}).warnings if "pacemaker" in w.sentence]
    assert "No method here can draw one" in told.sentence and "not examined in this run" in told.sentence


def test_an_unreadable_confounder_column_is_said() -> None:
    profile = flags(column("drain", {"A": 50, "B": 50}))
    assert "'drain' cannot be read" in warnings(profile, DRAIN)["confounder_not_annotated"]


def test_a_confounder_nobody_named_is_counted_and_said() -> None:
    profile = flags(column("pacemaker", {"1": 10, "0": 90}))
    assert (
        roles(profile)["confounders"]["pacemaker"]
        == Flag(column="labels.csv:pacemaker", present=["1"], absent=["0"]).model_dump()
    )
    assert "did not name it" in warnings(profile)["confounder_found"]


@pytest.mark.parametrize("words", [("unknown",), ("k. A.", "?"), ("U",)])
def test_a_feared_sex_is_examined_also_where_it_is_unknown_of_some(words) -> None:
    task = parse_request("Melanoma or mole? It must not depend on sex.")
    sex = column("sex", {"male": 50, "female": 44, **dict.fromkeys(words, 3)})
    profile = flags(sex, label=column("dx", {"mel": 40, "nv": 60}))
    flag = {"column": "labels.csv:sex", "present": ["female"], "absent": ["male"]}
    assert roles(profile, task)["confounders"] == {"sex": flag}
    assert "confounder_not_annotated" not in warnings(profile, task)


def test_three_known_groups_of_a_feared_sex_are_no_two() -> None:
    task = parse_request("Melanoma or mole? It must not depend on sex.")
    profile = flags(column("sex", {"m": 50, "f": 40, "d": 10}), label=column("dx", {"mel": 40, "nv": 60}))
    assert "tells two groups" in warnings(profile, task)["confounder_not_annotated"]


def test_sex_can_be_a_confounder_but_never_twice_in_the_table() -> None:
    task = parse_request("Detect pneumothorax, it must not depend on patient sex.")
    found = roles(flags(column("sex", {"m": 60, "f": 40})), task)
    assert found["confounders"] == {"sex": {"column": "labels.csv:sex", "present": ["f"], "absent": ["m"]}}
    assert "covariates" not in found


def test_a_finding_outside_the_vocabulary_is_matched_by_its_own_words() -> None:
    task = parse_request("Make me something useful.", {"target": "Gallensteine"})
    found = roles(flags(label=column("Befund", {"Gallensteine": 40, "keine Gallensteine": 60})), task)
    assert (found["positive"], found["negative"]) == (["Gallensteine"], ["keine Gallensteine"])


@pytest.mark.parametrize(
    ("profile", "positive", "negative"),
    [
        (data(layout="class_folders", folders={"abnormal": 50, "normal": 50}), ["abnormal"], ["normal"]),
        (data(layout="class_folders", folders={"auffällig": 50, "unauffällig": 50}), ["auffällig"], ["unauffällig"]),
        (data(table("t.csv", image(), column("label", {"abnormal": 50, "normal": 50}))), ["abnormal"], ["normal"]),
        (data(table("t.csv", image(), column("abnormal", {"1": 50, "0": 50}))), ["1"], ["0"]),
    ],
)
def test_once_abnormal_means_the_finding_its_values_are_positive(profile, positive, negative):
    text, answers = "Images only labelled abnormal/normal. Build me a fracture detector.", {"abnormal_labels": "same"}
    found = roles(profile, parse_request(text, answers), answers)
    assert (found["positive"], found["negative"]) == (positive, negative)
