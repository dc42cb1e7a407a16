"""What these figures cannot say, and what only a person can add. Used by report and model card."""

from __future__ import annotations

from clinjup.contracts import Results, TaskType
from clinjup.nouns import with_article
from clinjup.phrases import counted
from clinjup.reporting.numbers import known, show
from clinjup.reporting.subject import (
    chosen_model,
    confounder_name,
    confounder_result,
    confounders_of,
    image_noun,
    target_name,
    unexamined,
    unexamined_sentence,
    words_of,
)

NEEDS_INPUT = "[NEEDS INPUT]"
FEW_POSITIVES = 100


def limits(results: Results) -> list[str]:
    """Sentences; each follows from what the run knows."""
    noun, target, words = image_noun(results.task), target_name(results.task), words_of(results)
    found = []
    if results.data.synthetic:
        found.append(
            "The images are synthetic: computed, not taken from patients. The figures show how the method behaves and say nothing "
            "about any patient."
        )
    found.append(
        f"All {noun}s come from one data set. How the model does at another hospital, {words['elsewhere']} or in another population "
        "was not tested (no external testing)."
    )
    found.append(
        "The labels were taken as the truth. Errors in them count as errors of the model, or are learned by it."
    )
    test = results.split.get("test")
    if test and test.positives < FEW_POSITIVES:
        found.append(
            f"The test part holds only {counted(test.positives, noun)} with {target}. Look at the confidence intervals, not at the "
            "figures alone."
        )
    if results.task.task_type is TaskType.DETECTION:
        found.append(
            f"Marks can be judged only on {noun}s whose boxes are known, and against the boxes that a reader drew. A {noun} without a mark is "
            f"not ruled out: the marks assist a reader and replace none."
        )
    found += _confounder_limits(results, noun)
    compared = sum(bool(model.validation) for model in results.models)
    if compared > 1:
        found.append(
            f"{compared} models were compared on the same validation part, so the validation figures of the chosen one are "
            "too good. The test figures are not affected."
        )
    found += _fall(results)
    if results.test_openings > 1:
        found.append(
            f"The test part was opened {results.test_openings} times. If anything was changed in between, its figures are too good."
        )
    model = chosen_model(results)
    if model and model.stopped == "time budget":
        found.append("Training was ended by the time budget; a longer training may give other figures.")
    if any("gradcam" in figure.name for figure in results.figures):
        found.append("Grad-CAM maps are coarse and weak evidence; they were not used to judge the model.")
    return found


def needs_input(results: Results) -> list[tuple[str, str]]:
    """(topic, question) for everything that no program can know."""
    noun, target, words = image_noun(results.task), target_name(results.task), words_of(results)
    missed = "case" if results.task.target is None else target
    questions = [
        ("Intended use", "Who is to use this, at which point of the work, and what happens after an alarm?"),
        (
            "Reference standard",
            f"Who decided that {with_article(noun)} shows {target}, from what ({words['truth']}), how many readers?",
        ),
        ("Population", "Which patients, from which hospitals and years; how were they chosen; age, sex, severity?"),
        (
            "Image acquisition",
            f"{words['acquisition']}; how the images were exported, converted or de-identified.",
        ),
        ("Ethics and data protection", "Approval, consent or waiver, and on what ground the data may be used."),
        ("Clinical consequences", f"What does a missed {missed} cost the patient, and what does a false alarm cost?"),
        ("External testing", "On which other data will the model be tested before anyone relies on it?"),
        ("Responsibility", "Authors, funding, conflicts of interest, contact."),
    ]
    if results.task.prevalence is None:
        questions.insert(
            3, ("Prevalence", f"How common is {target} where the model would be used? Predictive values depend on it.")
        )
    return questions


def _fall(results: Results) -> list[str]:
    """How far the AUROC fell from validation to test, where that on test lies below the interval on validation."""
    model = chosen_model(results)
    before, after = (model.validation.get("auroc"), model.test.get("auroc")) if model else (None, None)
    high, low = known(before), known(after)
    if before is None or before.ci95 is None or high is None or low is None or low >= before.ci95[0]:
        return []
    return [
        f"On the test part the AUROC of the chosen model is {low:.2f}, {high - low:.2f} less than on validation ({high:.2f}, 95 % confidence "
        f"interval {show(before).interval}). The test figure counts."
    ]


def _confounder_limits(results: Results, noun: str) -> list[str]:
    if not confounders_of(results):
        return [
            "No confounder was named, and none was tested. A model can rely on anything that goes along with the diagnosis."
        ]
    others = "Other things that go along with the diagnosis (devices, views, markers, image quality) may mislead the model as well."
    missed = unexamined(results)
    examined = [name for name in confounders_of(results) if name not in missed]
    said = [unexamined_sentence(results)] if missed else []
    if not examined:
        return [f"{said[0]} {others}"]
    said.append(f"Only the {_listed(results, examined)} {'was' if len(examined) == 1 else 'were'} examined. {others}")
    inserted = [name for name in examined if _was_inserted(results, name)]
    if inserted:
        verb, it = ("is", "it") if len(inserted) == 1 else ("are", "them")
        drawn = f"In the insertion test the {_listed(results, inserted)} {verb} drawn into the {noun}, not real."
        said.append(
            f"{drawn} Read it together with the figures on real {noun}s with and without {it}."
            if any(_has_strata(results, name) for name in inserted)
            else f"{drawn} There are no figures on real {noun}s with and without {it} to read beside it."
        )
    return said


def _listed(results: Results, names: list[str]) -> str:
    return " and ".join(confounder_name(results.task, name) for name in names)


def _has_strata(results: Results, name: str) -> bool:
    """Whether any figure tells real images with it from those without."""
    figures = [confounder_result(model, name)[0] for model in results.models]
    return any(
        known(estimate) is not None for each in figures if each for estimate in (each.auroc_with, each.auroc_without)
    )


def _was_inserted(results: Results, name: str) -> bool:
    """Whether it was drawn into images; true too where that is still to come."""
    figures = [confounder_result(model, name)[0] for model in results.models]
    measured = [each for each in figures if each is not None]
    return not measured or any(known(each.false_alarm_increase) is not None for each in measured)
