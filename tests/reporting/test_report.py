from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clinjup.contracts import (
    Approval,
    ConfounderResult,
    DataWarning,
    Estimate,
    Excluded,
    FigureFinding,
    NamedConfounder,
    NoteFinding,
    PrimaryMetric,
    Question,
    QuestionOption,
    Results,
    RunRequest,
    RunStatus,
    TaskType,
)
from clinjup.phrases import WORD_JOINER
from clinjup.reporting import Journal, publish
from clinjup.reporting.glossary import TERMS
from clinjup.reporting.model_card import render_model_card
from clinjup.reporting.report import render_report
from clinjup.reporting.story import read_story
from tests.reporting import example

EVIL = "<script>alert(1)</script>\"' onload=alert(2) <img src=x onerror=alert(3)> &amp; javascript:alert(4)"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, visible text, text of one kind of element."""

    VOID = frozenset({"meta", "img", "circle", "br", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(html)
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        for tag in set(self.open):
            self.inside[tag][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").replace(WORD_JOINER, "").split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    example.finished_run(folder)
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run / "report.html").read_text(encoding="utf-8"))


def rendered(results: Results, folder: Path) -> Page:
    return Page(render_report(results, run_dir=folder, story=read_story(folder)))


def test_no_line_break_parts_an_interval(page: Page) -> None:
    words = "".join(page.inside["main"])
    assert re.search(r"\d\u2060–\u2060\d", words) and not re.search(r"\d\.\d\d–\d", words)
    assert re.search(r"\+\d+\u00a0to\u00a0\+\d", words) and not re.search(r"\+\d+ to", words)


def test_it_says_what_was_asked_and_the_verdict(page: Page) -> None:
    assert example.INTENT in page.text
    assert (
        "Inserting a chest drain raised false alarms from 16 % to 65 %; after balancing, from 18 % to 26 % (458 films each)."
        in page.text
    )
    assert "Some reliance on the chest drain remains." in page.text


def test_the_operating_point_is_told_in_counts_out_of_100(page: Page) -> None:
    assert "Of 100 films with pneumothorax it finds 91 (87–95; n = 118) and misses 9" in page.text
    assert "Of 100 films without, it raises a false alarm on 23 (20–27; n = 482)" in page.text


def test_a_model_that_missed_a_case_is_not_said_to_miss_none(tmp_path: Path) -> None:
    results = example.results()
    results.models[1].test["sensitivity"] = Estimate(value=249 / 250, ci95=(0.978, 0.999), n=250)
    results.models[1].test["specificity"] = Estimate(value=249 / 250, ci95=(0.978, 0.999), n=250)
    page = rendered(results, tmp_path)
    assert "it finds more than 99 (97.8–99.9; n = 250) and misses fewer than 1" in page.text
    assert "it raises a false alarm on fewer than 1 (0.1–2.2; n = 250)" in page.text
    assert [attributes["aria-label"] for attributes in page.all("svg")][-2:] == [
        "more than 99 of 100 found",
        "fewer than 1 of 100 false alarms",
    ]
    assert sum(attributes.get("class") == "on" for attributes in page.all("circle")) == 99 + 1


def test_what_decided_is_named_and_what_only_was_suggested_is_named_apart(tmp_path: Path) -> None:
    results = example.results(primary_metric=PrimaryMetric(name="net_benefit"))
    text = rendered(results, tmp_path).text
    assert "Judged by Worst-group AUROC Suggested metric Net benefit; it did not decide here" in text
    del results.experiments[1:]
    assert "Judged by Worst-group AUROC; only one model was judged on validation" in rendered(results, tmp_path).text
    del results.models[1:]
    assert "Judged by Worst-group AUROC; only one model was trained" in rendered(results, tmp_path).text


@pytest.mark.parametrize(
    ("wanted", "used"),
    [("sensitivity_at_false_mark_limit", "box_sensitivity"), ("melanoma_sensitivity", "sensitivity_melanoma")],
)
def test_a_metric_under_two_names_is_not_called_another_one(tmp_path: Path, wanted: str, used: str) -> None:
    results = example.results(primary_metric=PrimaryMetric(name=wanted))
    for experiment in results.experiments:
        experiment.metric = used
    assert "Suggested metric" not in rendered(results, tmp_path).text


def test_figures_carry_interval_and_n_and_missing_ones_their_reason(page: Page) -> None:
    assert "False alarms, chest drain inserted 65 % 61–70 26 % 22–31 458" in page.text
    assert "Increase by a placebo 0 points −1 to +1" in page.text
    assert "Specificity" in page.text and "only 4 negatives in this stratum" in page.text
    assert (
        "Positive predictive value, Negative predictive value: at a prevalence of 20.0%, that of these images."
        in page.text
    )


def test_data_limits_and_audit_trail_are_told(page: Page) -> None:
    for said in (
        "3,000 films of 1,500 patients were used",
        "2 files were left out, for the reasons listed below",
        "images/Prüfung ☢ 7.png the image data are corrupt",
        "14 images look the same as another one",
        "240 of 380",
        "no external testing",
        "opened once, at the end",
        "nothing (disclosures: 0)",
        "14 executed, 1 failed, 1 repaired",
        "MissingColumnError: The table has no column 'Drain '. Repair: The column is called 'Drain'.",
        "--data '/data/chest films' --out NEW_FOLDER --budget-minutes 20 --seed 0",
        "torch 2.15.0",
        "not a medical device",
    ):
        assert said in page.text, said


def test_the_command_to_reproduce_has_every_choice_and_the_answers_that_were_given(tmp_path: Path) -> None:
    request = RunRequest(
        intent="Is there a pneumothorax?",
        data="/data/films",
        planner="claude",
        model="claude-opus",
        base_url="http://localhost:8000",
        local_only=True,
        max_cost=2.5,
        approval=Approval.EACH,
        budget_minutes=30,
        max_fix_attempts=0,
        answers={"label_column": "Befund"},
    )
    journal = Journal.create(tmp_path / "journal.jsonl")
    journal.append("intent", {"run_id": "r", "request": request.model_dump(mode="json")})
    journal.append("answer", {"answers": {"patient_column": "Fall-Nr."}})
    text = rendered(example.results(), tmp_path).text
    assert (
        "clinjup run 'Is there a pneumothorax?' --data /data/films --out NEW_FOLDER --planner claude --model claude-opus "
        "--base-url http://localhost:8000 --local-only --max-cost 2.5 --approve each --max-fix-attempts 0 --answers answers.json "
        "--budget-minutes 30 --seed 0"
    ) in text
    assert '{ "label_column": "Befund", "patient_column": "Fall-Nr." }' in text


def test_placebo_and_intervals_are_explained_as_they_are(page: Page) -> None:
    assert "ECG electrodes in place of a chest drain" in page.text and "at the same place" not in page.text
    assert "Wilson's interval" in page.text and "2,000 random redraws of the patients" in page.text


def test_what_only_a_person_knows_is_marked(page: Page) -> None:
    assert page.text.count("[NEEDS INPUT]") >= 8
    for topic in ("Intended use", "Reference standard", "Population", "Image acquisition", "Ethics", "Prevalence"):
        assert topic in page.text


def test_it_names_the_journal_head_of_the_moment_it_was_written(run: Path, page: Page) -> None:
    journal = Journal.open(run / "journal.jsonl")
    export = next(record for record in journal.records if record.kind == "export")
    assert export.prev in page.text


def test_it_is_one_file_without_scripts_or_anything_from_the_network(run: Path, page: Page) -> None:
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in page.all("img"))
    assert len(page.all("img")) == len(example.FIGURES)
    assert all(link["href"].startswith("#") or link["href"] == "notebook.ipynb" for link in page.all("a"))
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\(|https?://", html)


def test_every_link_inside_the_page_has_its_target_and_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")} <= set(ids)
    assert {attributes["aria-labelledby"] for attributes in page.all("section")} <= set(ids)


def test_every_technical_term_of_a_measure_has_its_gloss(page: Page) -> None:
    explained = {attributes["id"].removeprefix("term-") for attributes in page.all("dt") if "id" in attributes}
    assert explained <= TERMS.keys()
    assert {
        "auroc",
        "brier",
        "ece",
        "odds_ratio",
        "placebo",
        "balancing",
        "gradcam",
        "epoch",
        "seed",
        "synthetic",
    } <= explained


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.inside["caption"]) == len(page.all("table")) and all(page.inside["caption"])
    assert all(cell.get("scope") in {"row", "col"} for cell in page.all("th"))
    assert all("aria-label" in drawing for drawing in page.all("svg"))


def test_synthetic_data_are_called_so_on_screen_and_on_every_printed_page(page: Page, tmp_path: Path) -> None:
    (banner,) = [attributes for attributes in page.all("div") if attributes.get("class") == "running"]
    assert banner["role"] == "note"
    css = (Path(render_report.__code__.co_filename).parent / "templates" / "report.css").read_text(encoding="utf-8")
    assert re.search(r"\.running \{ position: sticky", css)
    assert re.search(r"@media print.*\.running \{[^}]*table-header-group[^}]*break-inside: avoid", css, re.DOTALL)
    assert page.text.count("Synthetic data") >= 2
    real = example.results()
    real.data.synthetic = False
    assert "ynthetic data" not in rendered(real, tmp_path).text


def evil_results() -> Results:
    """Hostile text wherever a user, a file or a model can put any."""
    results = example.results(
        intent=EVIL,
        objective=EVIL,
        target_name=EVIL,
        modality_name=EVIL,
        constraints=[EVIL],
        confounders=[NamedConfounder(id="chest_drain", name=EVIL, phrase=EVIL)],
        open_questions=[Question(id="q", text=EVIL, options=[QuestionOption(value=EVIL, text=EVIL)])],
        status=RunStatus.NEEDS_ANSWER,
        found=[
            *example.findings(),
            NoteFinding(sentence=EVIL),
            FigureFinding(name="roc", path="plots/roc.png", title=EVIL, caption=EVIL, alt=EVIL),
        ],
    )
    results.data.excluded.append(Excluded(path=f"{EVIL}.png", reason=EVIL))
    results.data.warnings.append(DataWarning(code=EVIL, sentence=EVIL))
    results.split[EVIL] = results.split["test"]
    results.selection = results.split_method = EVIL
    results.versions[EVIL] = EVIL
    model = results.models[1]
    model.architecture = model.mitigation = model.device = model.stopped = EVIL
    model.test[EVIL] = Estimate(value=0.5, note=EVIL)
    model.strata[0].value = EVIL
    model.strata[0].metrics["specificity"] = Estimate.missing(EVIL)
    results.experiments[1].hypothesis = results.experiments[1].change = results.experiments[1].reason = EVIL
    assert model.operating_point is not None
    model.operating_point.rule = EVIL
    return results


def test_no_text_of_user_file_or_model_becomes_markup(run: Path, tmp_path: Path) -> None:
    harmless = rendered(example.results(RunStatus.NEEDS_ANSWER), run)
    example.write_journal(tmp_path, intent=EVIL)
    example.draw_figures(tmp_path)
    page = rendered(evil_results(), tmp_path)
    tags, attributes = ({tag for tag, _ in page.elements}, {name for _, found in page.elements for name in found})
    assert tags <= {tag for tag, _ in harmless.elements} | {"ul"}
    assert attributes <= {name for _, found in harmless.elements for name in found}
    assert not any("javascript:" in found.get("href", "") for _, found in page.elements)
    assert "<script>alert(1)</script>" in page.text  # shown as text


@pytest.mark.parametrize(
    "path", ["../outside.png", "/etc/passwd", "plots/text.png", "plots/missing.png", "plots/drawing.svg"]
)
def test_only_pictures_inside_the_run_folder_are_embedded(tmp_path: Path, path: str) -> None:
    run = tmp_path / "run"
    example.draw_figures(run)
    (tmp_path / "outside.png").write_bytes((run / "plots" / "roc.png").read_bytes())
    (run / "plots" / "text.png").write_text("secret", encoding="utf-8")
    (run / "plots" / "drawing.svg").write_text("<svg onload='alert(1)'/>", encoding="utf-8")
    results = example.results(found=[FigureFinding(name="roc", path=path, title="T", caption="C", alt="two curves")])
    page = rendered(results, run)
    assert not page.all("img")
    assert "missing. It showed: two curves" in page.text


def findings_until(stage: str) -> list[Any]:
    preparation, models = example.preparation_findings(), example.model_findings()
    return {
        "nothing": [],
        "cohort": preparation[:1],
        "split": preparation,
        "one model trained": [*preparation, models[0]],
        "baseline validated": [*preparation, *models[:2]],
        "no choice": [*preparation, *models[:4]],
        "all but test": [*preparation, *models],
        "all": example.findings(),
    }[stage]


@pytest.mark.parametrize("status", list(RunStatus))
@pytest.mark.parametrize(
    "stage",
    ["nothing", "cohort", "split", "one model trained", "baseline validated", "no choice", "all but test", "all"],
)
def test_every_status_at_every_stage_gives_a_readable_report(tmp_path: Path, status: RunStatus, stage: str) -> None:
    example.write_journal(tmp_path, done=2)
    results = example.results(status, findings_until(stage))
    page = rendered(results, tmp_path)
    assert not re.search(r"\b(None|nan|NaN|inf|Undefined)\b", page.text)
    if status is not RunStatus.COMPLETED:
        assert "These steps of the plan were not done: Split into three parts" in page.text
        assert "clinjup run --resume" in page.text
    if stage != "all":
        assert "not opened" in page.text


def test_figures_that_cannot_be_had_show_their_reason_and_never_none(tmp_path: Path) -> None:
    results = example.results()
    reason = "the chest drain is not annotated in these images"
    for model in results.models:
        fields = ConfounderResult.model_fields
        model.confounders["chest_drain"] = ConfounderResult(**{name: Estimate.missing(reason) for name in fields})
        model.test = {name: Estimate(value=float("nan"), reason=reason) for name in model.test}
        model.validation = {}
        assert model.operating_point is not None
        model.operating_point.sensitivity = model.operating_point.specificity = Estimate.missing(reason)
    page = rendered(results, tmp_path)
    assert f"Not available, because {reason}: AUROC, AUPRC" in page.text
    assert "Not known whether the model leans on the chest drain." in page.text
    assert not re.search(r"\b(None|nan)\b", page.text)


def test_without_confounder_the_performance_leads(tmp_path: Path) -> None:
    results = example.results(confounders=[])
    for model in results.models:
        model.confounders = model.validation_confounders = {}
    page = rendered(results, tmp_path)
    assert "No confounder was named, and none was tested." in page.text
    assert "Of 100 films with pneumothorax it finds 91" in page.text


def test_several_classes_and_unknown_metrics_have_a_report_too(tmp_path: Path) -> None:
    results = example.results(
        task_type=TaskType.MULTICLASS, target=None, target_name=None, modality="dermoscopy", confounders=[]
    )
    results.models[1].test["sensitivity_melanoma"] = example.estimate(0.8, 0.1, 40)
    results.models[1].test["map_50"] = example.estimate(0.6, 0.1, 40)
    page = rendered(results, tmp_path)
    assert "Sensitivity for melanoma" in page.text and "Map 50" in page.text
    assert "Of 100 images with melanoma it finds" in page.text


def test_questions_stand_in_the_language_of_the_clinician(tmp_path: Path) -> None:
    question = Question(
        id="q", text="Welche Spalte enthält die Diagnose?", options=[QuestionOption(value="a", text="Befund")]
    )
    results = example.results(
        RunStatus.NEEDS_ANSWER, [], "Pneumothorax finden", language="de", open_questions=[question]
    )
    page = rendered(results, tmp_path)
    assert "Welche Spalte enthält die Diagnose? (Befund)" in page.text
    assert page.all("blockquote") == [{"lang": "de"}]


def test_more_than_one_test_opening_and_disclosures_are_not_hidden(tmp_path: Path) -> None:
    results = example.results()
    results.test_openings, results.disclosures = 2, 3
    text = rendered(results, tmp_path).text
    assert "opened 2 times" in text and "its figures are too good" in text and "3 payloads" in text


def test_publish_writes_each_file_whole_and_copies_the_predictions(run: Path) -> None:
    assert (run / "predictions.csv").read_bytes() == (run / "cache" / "predictions.csv").read_bytes()
    assert not list(run.rglob("*.part"))
    assert {"results.json", "report.html", "model_card.md", "predictions.csv"} <= {path.name for path in run.iterdir()}


def test_publish_without_models_or_predictions_leaves_no_empty_files(tmp_path: Path) -> None:
    publish(tmp_path, example.results(RunStatus.FAILED, []))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "results.json"]


def test_a_report_on_skin_lesions_uses_no_words_of_radiology_and_calls_lesions_lesions(tmp_path) -> None:
    found = example.results(modality="dermoscopy", modality_name="dermoscopic image", confounders=[])
    found.data.grouped_by = "lesion"
    found.intent, found.task.objective, found.figures = "melanoma or nevus", "Tell melanoma from nevus", []
    pages = (render_report(found, run_dir=tmp_path), render_model_card(found))
    for page in pages:
        text = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style>.*?</style>", " ", page))
        said = re.findall(
            r"(?i)\b(?:CT|scanners?|films?|radiographs?|ECG)\b|clustered by patient|split by patient", text
        )
        assert said == []
    assert "clustered by lesion" in pages[0] and "dermatoscope" in pages[0]
