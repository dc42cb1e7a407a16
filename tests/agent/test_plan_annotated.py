"""How many films say whether they show a drain decides which methods are tried against it."""

from __future__ import annotations

import asyncio
import csv
import shutil
from pathlib import Path

import pytest

from clinjup.agent.plan import build_plan
from clinjup.agent.plan_mitigation import COMPARED, LADDER, LOCALISATION, mitigations, why_nothing_to_balance
from clinjup.agent.state import Brief
from clinjup.contracts import Plan, RunRequest
from clinjup.imaging.synthetic import write_cohort
from clinjup.imaging.synthetic.layouts.chestxray14 import DRAINS, ENTRIES
from clinjup.learning.mitigation import list_mitigations, mitigation_named
from clinjup.phrases import NOT_KNOWN
from clinjup.preflight import brief_of, check
from tests.conftest import REQUEST

COMPARE = f"{REQUEST} Please compare several methods."


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("drains")
    shares = {"all": 1.0, "few": 0.05, "none": 0.0}
    found = {
        name: write_cohort("pneumothorax", root / name, patients=40, seed=4, annotated=share, workers=1)
        for name, share in shares.items()
    }
    found["positives"] = Path(shutil.copytree(root / "all", root / "positives"))
    with (found["all"] / ENTRIES).open(encoding="utf-8", newline="") as file:
        positive = {row["Image Index"] for row in csv.DictReader(file) if "Pneumothorax" in row["Finding Labels"]}
    table = found["positives"] / DRAINS
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([header, *(row for row in rows if row.split(",")[0] in positive)]), encoding="utf-8")
    return found


def understood(request: str, folder: Path, **options: str) -> Brief:
    asked = RunRequest(intent=request, data=str(folder), **options)
    preflight = asyncio.run(check(asked.intent, asked.data, {}))
    assert not preflight.questions
    return brief_of(asked, preflight)


def plan(request: str, folder: Path) -> Plan:
    return build_plan(understood(request, folder))


def trained(found: Plan) -> list[str]:
    return [step.parameters["MITIGATION"] for step in found.steps if step.recipe == "train_model"]


def test_with_every_film_annotated_balancing_alone_is_tried(folders):
    found = plan(REQUEST, folders["all"])
    assert trained(found) == [None, "balanced_sampling"]
    assert "estimate_confounder" not in [step.recipe for step in found.steps]


@pytest.mark.parametrize("amount", ["few", "positives", "none"])
def test_with_few_or_no_films_annotated_a_detector_stands_in_before_anything_is_trained(folders, amount):
    found = plan(REQUEST, folders[amount])
    assert trained(found) == [None, *LADDER]
    recipes = [step.recipe for step in found.steps]
    assert recipes.index("split_cohort") < recipes.index("estimate_confounder") < recipes.index("train_model")
    for name in LADDER:
        train = found.step(f"train_{name}")
        assert train.parameters["CONFOUNDER"] == "chest_drain" and train.words["why"] and train.optional
        if mitigation_named(name).needs_labels:
            assert "estimate_confounder" in train.depends_on
    assert found.step("select").parameters["CONFOUNDER"] == "chest_drain"


def test_what_rests_on_an_estimate_that_was_refused_is_not_tried_where_nothing_is_annotated(folders):
    found = plan(REQUEST, folders["none"])
    step = found.step("train_balanced_sampling")
    refused = [{"kind": "note", "sentence": f"So nothing was estimated, and {NOT_KNOWN}."}]
    assert "could not be estimated" in (why_nothing_to_balance(step, refused) or "")
    assert why_nothing_to_balance(step, [{"kind": "note", "sentence": "A film counts by its probability."}]) is None
    assert why_nothing_to_balance(found.step("train_jtt"), refused) is None
    annotated = plan(REQUEST, folders["all"]).step("train_balanced_sampling")
    assert why_nothing_to_balance(annotated, refused) is None


def test_films_are_counted_not_the_rows_of_a_table_that_knows_many_more(folders, tmp_path):
    """NEATX annotates 3,543 films of ChestX-ray14, of which a folder may hold some dozens."""
    folder = Path(shutil.copytree(folders["few"], tmp_path / "data"))
    with (folder / DRAINS).open("a", encoding="utf-8") as table:
        table.writelines(f"elsewhere_{number}.png,{number % 2}\n" for number in range(500))
    assert trained(plan(REQUEST, folder)) == [None, *LADDER]


def test_films_are_counted_not_the_rows_of_a_table_by_patient(folders, tmp_path):
    folder = Path(shutil.copytree(folders["none"], tmp_path / "data"))
    (folder / DRAINS).unlink(missing_ok=True)
    with (folder / ENTRIES).open(encoding="utf-8", newline="") as file:
        films = list(csv.DictReader(file))
    patients = sorted({film["Patient ID"] for film in films})
    assert len(patients) < 0.9 * len(films), "as many patients as films: this cohort tests nothing"
    rows = [f"{patient},{number % 2}" for number, patient in enumerate(patients)]
    (folder / "drains.csv").write_text("\n".join(["Patient ID,Drain", *rows]), encoding="utf-8")
    assert trained(plan(REQUEST, folder)) == [None, "balanced_sampling"]


def test_a_comparison_that_is_asked_for_tries_every_method_against_the_confounder(folders):
    assert trained(plan(COMPARE, folders["all"])) == [None, *COMPARED]
    assert set(COMPARED) <= {*list_mitigations("confounder"), *list_mitigations("shortcuts")}
    german = "Pneumothorax auf Thoraxaufnahmen erkennen, Drainagen sind ein Störfaktor. Bitte verschiedene Verfahren vergleichen."
    assert trained(plan(german, folders["all"])) == [None, *COMPARED]


@pytest.mark.parametrize(("layout", "beside"), [("siim", LADDER), ("candid", ("balanced_sampling",))])
def test_where_the_data_outline_the_finding_learning_where_it_lies_is_tried_too(layout, beside, tmp_path):
    folder = write_cohort("pneumothorax", tmp_path / layout, patients=40, seed=4, layout=layout, workers=1)
    found = plan(REQUEST, folder)
    assert trained(found) == [None, *beside, LOCALISATION]
    train = found.step(f"train_{LOCALISATION}")
    assert "where the finding lies" in train.words["why"] and train.optional
    assert train.parameters["EPOCHS"] == found.step("train_baseline").parameters["EPOCHS"]
    assert trained(plan(COMPARE, folder))[-1] == LOCALISATION
    assert LOCALISATION not in trained(plan(f"{REQUEST} Please do not miss a single case.", folder))
    assert LOCALISATION not in trained(plan("Detect pneumothorax on chest X-rays.", folder))
    task = understood(REQUEST, folder).task
    drain = task.confounders
    assert LOCALISATION in mitigations(task, drain, [], layout=layout)
    assert LOCALISATION not in mitigations(
        task.model_copy(update={"target": "pleural_effusion"}), drain, [], layout=layout
    )


def test_where_no_case_may_be_missed_the_plan_stays_short(folders):
    found = plan(f"{REQUEST} Please do not miss a single case.", folders["few"])
    assert trained(found) == [None, "balanced_sampling"]


def test_pretrained_weights_bring_a_network_and_a_size_of_image_that_they_were_trained_at(folders):
    brief = understood(REQUEST, folders["all"], pretrained="hub")
    found = build_plan(brief)
    for name in ("baseline", "balanced_sampling"):
        parameters = found.step(f"train_{name}").parameters
        assert parameters["ARCHITECTURE"] == "resnet18" and parameters["PRETRAINED"] is True
    assert found.step("audit").parameters["IMAGE_SIZE"] == 224
    brief.pretrained, brief.network = "/weights/r50", "resnet50"
    parameters = build_plan(brief).step("train_baseline").parameters
    assert (parameters["ARCHITECTURE"], parameters["PRETRAINED"]) == ("resnet50", "/weights/r50")
    brief.pretrained, brief.network = "", ""
    assert "ARCHITECTURE" not in build_plan(brief).step("train_baseline").parameters
