"""The result in one sentence that a clinician understands, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clinjup.contracts import ClinicalTask, ConfounderResult, Estimate, ModelResults, Results, RunStatus, TaskType
from clinjup.nouns import class_words, plain_name, plural, with_article
from clinjup.phrases import (
    Change,
    change_of,
    counted,
    out_of_100,
    per_hundred,
    percent,
    percent_number,
    shift_figures,
    shift_words,
)
from clinjup.reporting.numbers import known, show

Level = Literal["strong", "some", "little", "unknown"]

# Conventions of this report, stated in it; they are no clinical thresholds.
LITTLE, STRONG, WEAK_GROUP = 0.05, 0.10, 0.10
NO_ROOM = 0.5
FEW_IMAGES = 10
CONVENTION = (
    "clinjup calls the reliance strong when an inserted object adds 10 or more percentage points of false alarms, or 0.10 or more "
    "to the mean probability of a model that raises an alarm on half of the films anyway; little when even the upper end of the "
    "confidence interval stays below 5 points and no group of films does clearly worse (AUROC more than 0.10 below the overall one); "
    "and some in between. It cannot be told where the interval reaches from below 5 points to 10 or more, where no film changed and "
    "fewer than 60 were tried, or where the model raises an alarm on half of the films anyway and its probability moves less. "
    "These limits are conventions, not clinical thresholds."
)

_ONLY_PLANNED = (
    "Only planned, as you chose: the plan and its cells are written, none of them was run, and nothing was measured."
)
_MITIGATIONS = {
    "balanced_sampling": "balancing",
    "insertion_augmentation": "training with inserted objects",
    "group_dro": "group-robust training",
    "removal_augmentation": "training with objects taken out",
    "jtt": "training twice",
    "last_layer_retraining": "fitting the last layer anew",
    "class_balanced_sampling": "drawing rare classes more often",
    "logit_adjustment": "logit adjustment",
    "focal_loss": "focal loss",
}


@dataclass(frozen=True)
class Reliance:
    """How far the chosen model leans on one confounder, in a word and a sentence."""

    level: Level
    headline: str
    sentence: str


def verdict(results: Results) -> str:
    """The run in a few sentences: its state if it is not complete, what the confounders asked about did, what the model finds.

    Confounders that nobody asked about come last.
    """
    asked = {item.id for item in results.task.confounders}
    names = sorted(confounders_of(results), key=lambda name: name not in asked)
    said = [confounder_sentence(results, name) for name in names]
    parts = [state_sentence(results), *said[: len(asked)], performance_sentence(results), *said[len(asked) :]]
    return " ".join(part for part in parts if part)


def state_sentence(results: Results) -> str:
    """How a run that is not complete ended; of a completed one only that its model is no better than chance, where it is so."""
    so_far = "what was measured until then is shown" if results.models else "no model was evaluated"
    return {
        RunStatus.INTERRUPTED: f"The run was stopped before its end; {so_far}.",
        RunStatus.FAILED: f"The run failed before its end; {so_far}.",
        RunStatus.NEEDS_ANSWER: "The run waits for an answer that only you can give.",
        RunStatus.REFUSED: "The request was refused.",
        RunStatus.RUNNING: "The run is still going on.",
        RunStatus.COMPLETED: _no_better_than_chance(results) if results.models else _ONLY_PLANNED,
    }[results.status]


def _no_better_than_chance(results: Results) -> str:
    model = chosen_model(results)
    auroc = model.test.get("auroc") if model else None
    if auroc is None or not _may_be_chance(model):
        return ""
    assert auroc.ci95 is not None
    low, high = auroc.ci95
    return (
        f"This model was not shown to be better than chance (AUROC {auroc.value:.2f}, 95 % confidence interval {low:.2f} to "
        f"{high:.2f}), so no other figure of it means much; more images are needed."
    )


def _may_be_chance(model: ModelResults | None) -> bool:
    """Whether the interval of the model's test AUROC includes 0.5."""
    auroc = model.test.get("auroc") if model else None
    return auroc is not None and auroc.value is not None and auroc.ci95 is not None and auroc.ci95[0] <= 0.5


def image_noun(task: ClinicalTask) -> str:
    """'film' where radiographs are read, 'image' elsewhere."""
    return "film" if task.modality and "radiograph" in task.modality else "image"


def target_name(task: ClinicalTask) -> str:
    """What counts as positive in plain English: of several classes that with priority, else the target."""
    if task.task_type is TaskType.MULTICLASS:
        return class_words(task.priority or "melanoma")
    return task.target_name or (plain_name(task.target) if task.target else "the finding in question")


def confounder_name(task: ClinicalTask, identifier: str) -> str:
    """The name of a confounder in plain English."""
    return next((item.name for item in task.confounders if item.id == identifier), plain_name(identifier))


def mitigation_words(mitigation: str | None) -> str:
    """'balancing' for balanced_sampling; shown as 'after balancing'."""
    parts = (mitigation or "mitigation").split("+")
    return " and ".join(_MITIGATIONS.get(part, plain_name(part)) for part in parts)


def confounders_of(results: Results) -> list[str]:
    """Confounders that were named, then others that were measured."""
    names = [item.id for item in results.task.confounders]
    for model in results.models:
        names += [*model.confounders, *model.validation_confounders]
    return list(dict.fromkeys(names))


def chosen_model(results: Results) -> ModelResults | None:
    """The selected model, or while none was selected the only one."""
    chosen = next((model for model in results.models if model.name == results.selected), None)
    return chosen or (results.models[0] if len(results.models) == 1 else None)


def compared_models(results: Results) -> list[ModelResults]:
    """Baseline and chosen model; where the baseline was chosen, the mitigated one beside it.

    Of detectors, where one was trained against a confounder: that one, and the one that it was trained like.
    """
    if not results.models:
        return []
    baseline, chosen = results.models[0], chosen_model(results)
    against = [model for model in results.models if model.mitigation and (model.test or model.validation)]
    if against and results.task.task_type is TaskType.DETECTION:
        plain = {model.name: model for model in results.models if not model.mitigation}
        kept = [plain[item.name] for item in results.experiments if item.name in plain and item.outcome != "discarded"]
        return [kept[-1] if kept else baseline, against[0]]
    if chosen is None or chosen is baseline:
        return results.models[:2]
    return [baseline, chosen]


def confounder_result(model: ModelResults, name: str) -> tuple[ConfounderResult | None, Literal["test", "validation"]]:
    """A model's figures for one confounder: from the test set if it was opened, else from validation."""
    if name in model.confounders:
        return model.confounders[name], "test"
    return model.validation_confounders.get(name), "validation"


def confounder_sentence(results: Results, name: str) -> str:
    """'Inserting a chest drain raised false alarms from 16 % to 65 %; after balancing, from 18 % to 26 %.'"""
    alarms = false_alarm_words(results)
    inserted: list[str] = []
    stratified: list[str] = []
    crowded: list[tuple[bool, float]] = []  # whether there was room for more alarms, how far the probability moved
    parts: set[str] = set()
    counts: set[int | None] = set()
    said: Change | None = None
    for model in compared_models(results):
        figures, part = confounder_result(model, name)
        if figures is None:
            continue
        lead = f"after {mitigation_words(model.mitigation)}, " if model.mitigation else ""
        if not lead and (inserted or stratified):  # another step of a ladder, not a measure against the confounder
            lead = f"with {plain_name(model.name)}, "
        before, after = known(figures.false_alarms_before), known(figures.false_alarms_after)
        if before is not None and after is not None and known(figures.false_alarm_increase) is not None:
            change = change_of(figures.false_alarm_increase)
            moved = known(figures.delta_probability) or 0.0
            crowded.append((before >= NO_ROOM and after - before < STRONG, moved))
            if not inserted:
                where = " on validation" if part == "validation" else ""
                inserted.append(shift_words(change, before, after, alarms + where))
            elif change == said:
                inserted.append(lead + shift_figures(change, before, after))
            else:
                inserted.append(f"{lead}it {shift_words(change, before, after, _again(alarms))}")
            said = change
            counts |= {figures.false_alarms_before.n} - {None}
        elif (worst := known(figures.worst_group_auroc)) is not None:
            parts.add(part)
            stratified.append(f"{lead}{worst:.2f}")
    noun = with_article(confounder_name(results.task, name))
    if inserted:
        tried = f" ({counted(min(n for n in counts if n), image_noun(results.task))} each)" if counts else ""
        sentence = f"Inserting {noun} {'; '.join(inserted)}{tried}."
        if any(full for full, _ in crowded):
            noun = image_noun(results.task)
            moved = max((moved for full, moved in crowded if full), key=abs)
            sentence += f" A model that raises an alarm on most {noun}s anyway has little room for more"
            sentence += (
                f"; its probability rises by {moved:.2f} on average."
                if moved >= STRONG
                else ", so this says little about it."
            )
        return sentence
    if stratified:
        where = " on validation" if parts == {"validation"} else ""
        return (
            f"In the {image_noun(results.task)}s where {noun} misleads most, AUROC{where} was {'; '.join(stratified)}."
        )
    return ""


def _again(alarms: str) -> str:
    """What was named in the sentence before."""
    return "them" if alarms.endswith("alarms") else "this share"


def false_alarm_words(results: Results) -> str:
    """What a false alarm is: of a detector, a film without the target that gets a mark."""
    if results.task.task_type is not TaskType.DETECTION:
        return "false alarms"
    return f"the share of {image_noun(results.task)}s without {target_name(results.task)} that get a mark"


def marks_sentence(results: Results) -> str:
    """What a detector marks, at what price in false marks, and that no mark rules nothing out."""
    model = chosen_model(results)
    metrics = (model.test or model.validation) if model else {}
    marked, shown = metrics.get("box_sensitivity"), metrics.get("false_marks_per_image")
    share, wrong = known(marked), known(shown)
    if model is None or marked is None or shown is None or share is None or wrong is None:
        return ""
    noun, target = image_noun(results.task), target_name(results.task)
    where = "" if model.test else "; validation, the test set was not opened"
    n = f"n = {marked.n} boxes on {counted(shown.n or 0, noun)}{where}"
    return (
        f"Of 100 boxed {plural(target)} it marks {out_of_100(share)} as suspicious areas, with {wrong:.2f} false marks per {noun} ({n}). "
        f"Its marks say where to look: a {noun} without a mark is not free of {plural(target)}."
    )


def performance_sentence(results: Results) -> str:
    """What the chosen model finds and where it raises false alarms, out of 100 each."""
    if results.task.task_type is TaskType.DETECTION:
        return marks_sentence(results)
    model = chosen_model(results)
    if model is None:
        return ""
    sensitivity, specificity, part = operating_figures(model)
    finds, spares = known(sensitivity), known(specificity)
    if sensitivity is None or finds is None or spares is None:
        return ""
    where = "" if part == "test" else " (validation; the test set was not opened)"
    return (
        f"{_found(results, sensitivity)}; of 100 without, it raises a false alarm on {out_of_100(1 - spares)}{where}."
        + _triage_sentence(results, model)
        + _classes_sentence(results, model)
    )


def _found(results: Results, sensitivity: Estimate) -> str:
    """'Of 100 films with pneumothorax it finds 91', or of a handful how many, without a promise for 100."""
    noun, target, share = image_noun(results.task), target_name(results.task), known(sensitivity) or 0.0
    if sensitivity.n is None or sensitivity.n >= FEW_IMAGES:
        return f"Of 100 {noun}s with {target} it finds {out_of_100(share)}"
    few = counted(sensitivity.n, noun)
    return f"Only {few} with {target} could be tried, of which it finds {share * sensitivity.n:.0f}: too few to say how many it would find"


def _triage_sentence(results: Results, model: ModelResults) -> str:
    """How high the miss rate may be, and what each case found costs; empty outside of a triage task."""
    bound, excisions = model.test.get("miss_rate_bound"), known(model.test.get("excisions_per_case"))
    value = known(bound)
    if value is None or bound is None:
        return ""
    said = f" {bound.n} {image_noun(results.task)}s with {target_name(results.task)} cannot rule out that it misses {per_hundred(value)}"
    said += " of 100 (one-sided 95 % bound)."
    return (
        said
        if excisions is None
        else f"{said} {excisions:.1f} {image_noun(results.task)}s are called positive for each one found."
    )


def _classes_sentence(results: Results, model: ModelResults) -> str:
    """What the class of interest is taken for most often, then the average; empty for a yes/no question."""
    if results.task.task_type is not TaskType.MULTICLASS:
        return ""
    said, name = "", target_name(results.task)
    confusion = model.confusion
    if confusion is not None and name in confusion.classes:
        row = dict(zip(confusion.classes, confusion.counts[confusion.classes.index(name)], strict=True))
        right, total = row.pop(name), sum(confusion.counts[confusion.classes.index(name)])
        other = max(row, key=lambda key: row[key]) if row else ""
        said = f" Asked for the most probable class, it names {right} of {total} {name}s as such"
        said += f" and takes {row[other]} for {other}." if other and row[other] else "."
    average = show((model.test or model.validation).get("balanced_accuracy"), "percent")
    if average.reason:
        return said
    return f"{said} On average over the classes it names {average.text} rightly (95 % CI {average.interval})."


def operating_figures(model: ModelResults) -> tuple[Estimate | None, Estimate | None, Literal["test", "validation"]]:
    """Sensitivity and specificity at the frozen threshold, on test if it was opened, else on validation."""
    metrics, part = (model.test, "test") if model.test else (model.validation, "validation")
    point = model.operating_point
    sensitivity = metrics.get("sensitivity") or (point.sensitivity if point else None)
    specificity = metrics.get("specificity") or (point.specificity if point else None)
    return sensitivity, specificity, "test" if part == "test" else "validation"


def reliance(results: Results, name: str) -> Reliance:
    """Judge the chosen model on one confounder by the conventions stated in CONVENTION."""
    noun = confounder_name(results.task, name)
    model = chosen_model(results)
    figures, part = confounder_result(model, name) if model else (None, "test")
    increase = figures.false_alarm_increase if figures else Estimate.missing("not measured")
    value = known(increase)
    if model is None or figures is None or value is None:
        reason = increase.reason or "not measured"
        if model is None:
            reason = "no model was chosen yet" if results.models else "no model was trained"
        sentence = f"The insertion test of the {noun} could not be done: {reason}."
        return Reliance("unknown", f"Not known whether the model leans on the {noun}", sentence)
    low, upper = increase.ci95 or (value, value)
    if low == upper == 0 and increase.n:
        upper = (
            3 / increase.n
        )  # the rule of three: no change in n films still allows for one in 3/n (Hanley and Lippman-Hand, JAMA 1983)
    overall = known((model.test if part == "test" else model.validation).get("auroc"))
    worst = known(figures.worst_group_auroc)
    weak = overall is not None and worst is not None and worst < overall - WEAK_GROUP
    doubt = _doubt(model, figures, low, upper)
    moved = known(figures.delta_probability) or 0.0
    full = (known(figures.false_alarms_before) or 0.0) >= NO_ROOM
    if value >= STRONG or (full and moved >= STRONG and not _may_be_chance(model)):
        level: Level = "strong"
        headline = f"The model leans strongly on the {noun}"
    elif doubt:
        level = "unknown"
        headline = f"It cannot be told whether the model leans on the {noun}"
    elif upper < LITTLE and not weak:
        level = "little"
        headline = f"Little reliance on the {noun} was measured"
    else:
        level = "some"
        headline = f"Some reliance on the {noun} remains"
    which = "the chosen" if results.selected else "this"
    inserted = f"inserted {noun}" if with_article(noun) == noun else f"an inserted {noun}"
    sentence = f"In {which} model {inserted} means {_points(increase)} of false alarms"
    if known(figures.placebo_increase) is not None:
        sentence += f", a placebo, which changes the image about as much, {_points(figures.placebo_increase)}"
    sentence += "."
    if full and moved >= STRONG:
        sentence += (
            f" It raises an alarm on most of these films anyway, but its probability rises by {moved:.2f} on average."
        )
    if level == "unknown":
        sentence += f" {doubt}"
    if weak:
        sentence += f" In the weakest group of films its AUROC is {worst:.2f}, against {overall:.2f} overall."
    return Reliance(level, headline, sentence)


def _doubt(model: ModelResults, figures: ConfounderResult, low: float, upper: float) -> str:
    """Why the figures of an insertion do not tell whether the model leans on the object; empty where they do."""
    if _may_be_chance(model):
        return "A model that was not shown to be better than chance leans on nothing that could be measured."
    before = known(figures.false_alarms_before)
    if before is not None and before >= NO_ROOM:
        return f"It raises an alarm on {percent(before)} of these films anyway, so there is little room for more."
    if low < LITTLE and upper >= STRONG:
        films = figures.false_alarm_increase.n
        rest = f", {films} here," if films else ""
        return f"With so few films{rest} a change of {percent_number(upper, 0)} percentage points cannot be ruled out."
    return ""


def _points(estimate: Estimate) -> str:
    shown = show(estimate, "points")
    return f"{shown.text.replace('point', 'percentage point')}" + (f" ({shown.interval})" if shown.interval else "")
