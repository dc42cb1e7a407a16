"""The result in a few sentences that a clinician understands."""

from __future__ import annotations

from clinjup.contracts import Estimate, ModelResults, Results, RunStatus, TaskType
from clinjup.nouns import model_words, plural, with_article
from clinjup.phrases import (
    OUT_OF_TIME,
    WITHOUT_WEIGHTS,
    Change,
    alarms_anyway,
    beats_chance,
    change_of,
    counted,
    out_of_100,
    per_hundred,
    shift_figures,
    shift_words,
)
from clinjup.reporting.numbers import known, show
from clinjup.reporting.reliance import STRONG, may_be_chance, probability_rise, reliance
from clinjup.reporting.subject import (
    chosen_model,
    compared_models,
    confounder_name,
    confounder_result,
    confounders_of,
    image_noun,
    is_against_imbalance,
    mitigation_words,
    opening_words,
    operating_figures,
    target_name,
    unexamined_sentence,
)
from clinjup.reporting.worth import worth

FEW_IMAGES = 10
MANY_CONFOUNDED = (
    0.5  # from this share of the positives on, the sensitivity is told for those without the confounder too
)

_ONLY_PLANNED = (
    "Only planned, as you chose: the plan and its cells are written, none of them was run, and nothing was measured."
)


def verdict(results: Results) -> str:
    """The run in a few sentences: its state if it is not complete, what the confounders asked about did, what the model finds.

    Confounders that nobody asked about come last.
    """
    asked = {item.id for item in results.task.confounders}
    names = sorted(confounders_of(results), key=lambda name: name not in asked)
    said = [confounder_sentence(results, name) for name in names]
    parts = [
        left_out_sentence(results),
        state_sentence(results),
        unexamined_sentence(results),
        *said[: len(asked)],
        performance_sentence(results, named=True),
        *worth(results),
        *(without_sentence(results, name) for name in names),
        _strongly(results, names),
        *said[len(asked) :],
    ]
    return " ".join(part for part in parts if part)


def left_out_sentence(results: Results) -> str:
    """Which steps of a completed run were left out for lack of time; empty where none was."""
    if results.status is not RunStatus.COMPLETED:
        return ""
    return next((note for note in results.notes if note.startswith(OUT_OF_TIME)), "")


def without_weights_sentence(results: Results) -> str:
    """Why the networks were trained from scratch although weights were named; empty where they were not."""
    return next((note for note in results.notes if note.startswith(WITHOUT_WEIGHTS)), "")


def _strongly(results: Results, names: list[str]) -> str:
    """'The model leans strongly on the chest drain.', of the model that was named before, in the words of its cautions."""
    judged = [reliance(results, name) for name in names] if results.selected else []
    return " ".join(f"{each.headline}." for each in judged if each.level == "strong")


def without_sentence(results: Results, name: str) -> str:
    """The sensitivity on positives without a confounder that most positives show; empty elsewhere.

    Where nearly all positives show it, the overall sensitivity is that of images whose answer the confounder gives away.
    """
    model = chosen_model(results)
    if model is None or results.task.task_type is TaskType.DETECTION:
        return ""
    groups = {stratum.value.split()[0]: stratum for stratum in model.strata if stratum.attribute == name}
    present, absent = groups.get("with"), groups.get("without")
    if present is None or absent is None or not present.positives:
        return ""
    if present.positives / (present.positives + absent.positives) < MANY_CONFOUNDED:
        return ""
    noun, confounder = image_noun(results.task), confounder_name(results.task, name)
    found = show(absent.metrics.get("sensitivity"), "percent")
    of = f"{counted(absent.positives, noun)} with {target_name(results.task)} but without {with_article(confounder)}"
    if not absent.positives:
        return f"Every {noun} with {target_name(results.task)} in the test part shows {with_article(confounder)}."
    if found.reason:
        return f"Only {of} could be tried: too few to say what it finds there."
    interval = f" (95 % CI {found.interval})" if found.interval else ""
    return f"Of the {of} it finds {found.text}{interval}."


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
    if auroc is None or not may_be_chance(model):
        return ""
    assert auroc.ci95 is not None
    low, high = auroc.ci95
    rest = _better_than_chance(results) or "more images are needed, or another training (see its curve)"
    return (
        f"This model was not shown to be better than chance (AUROC {auroc.value:.2f}, 95 % confidence interval {low:.2f} to "
        f"{high:.2f}), so no other figure of it means much; {rest}."
    )


def _better_than_chance(results: Results) -> str:
    """The model of this run that tells the images apart best, where one is better than chance; empty where none is."""
    aurocs = {each.name: found for each in results.models if (found := each.test.get("auroc")) and beats_chance(found)}
    if not aurocs:
        return ""
    name, found = max(aurocs.items(), key=lambda item: item[1].value or 0.0)
    low, high = found.ci95 or (0.0, 1.0)
    return (
        f"{model_words(name)}, which was not chosen, was shown to be, on the same images (AUROC {found.value:.2f}, 95 % confidence interval "
        f"{low:.2f} to {high:.2f})"
    )


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
        if model.mitigation and is_against_imbalance(model.mitigation):
            lead = f"with {mitigation_words(model.mitigation)}, "
        if not lead and (inserted or stratified):  # another step of a ladder, not a measure against the confounder
            lead = f"with {model_words(model.name)}, "
        before, after = known(figures.false_alarms_before), known(figures.false_alarms_after)
        if before is not None and after is not None and known(figures.false_alarm_increase) is not None:
            change = change_of(figures.false_alarm_increase)
            crowded.append((alarms_anyway(figures) and after - before < STRONG, probability_rise(figures)))
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
            moved = max(moved for full, moved in crowded if full)
            sentence += (
                f" A model that raises an alarm on most {noun}s anyway has little room for more; its probability rises by {moved:.2f} "
                "on average."
                if moved >= STRONG
                else f" A model that raises an alarm on most {noun}s anyway has little room for more, so this says little about it."
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


def marks_sentence(results: Results, *, named: bool = False) -> str:
    """What a detector marks, at what price in false marks, and that no mark rules nothing out."""
    model = chosen_model(results)
    metrics = (model.test or model.validation) if model else {}
    marked, shown = metrics.get("box_sensitivity"), metrics.get("false_marks_per_image")
    share, wrong = known(marked), known(shown)
    if model is None or marked is None or shown is None or share is None or wrong is None:
        return ""
    noun, target = image_noun(results.task), target_name(results.task)
    where = "" if model.test else f"; validation, {opening_words(results)}"
    n = f"n = {marked.n} boxes on {counted(shown.n or 0, noun)}{where}"
    return (
        f"Of 100 boxed {plural(target)} the chosen model, {model_words(model.name)}, marks {out_of_100(share)} as suspicious areas, "
        f"with {wrong:.2f} false marks per {noun} ({n}). "
        if named and results.selected
        else f"Of 100 boxed {plural(target)} it marks {out_of_100(share)} as suspicious areas, with {wrong:.2f} false marks per "
        f"{noun} ({n}). "
    ) + f"Its marks say where to look: a {noun} without a mark is not free of {plural(target)}."


def performance_sentence(results: Results, *, named: bool = False) -> str:
    """What the chosen model finds and where it raises false alarms, out of 100 each; `named`: it is called by its name."""
    if results.task.task_type is TaskType.DETECTION:
        return marks_sentence(results, named=named)
    model = chosen_model(results)
    if model is None:
        return ""
    sensitivity, specificity, part = operating_figures(model)
    finds, spares = known(sensitivity), known(specificity)
    if sensitivity is None or finds is None or spares is None:
        return ""
    where = "" if part == "test" else f" (validation; {opening_words(results)})"
    found = _found(results, sensitivity, model_words(model.name) if named and results.selected else "")
    return (
        f"{found}; of 100 without, it raises a false alarm on {out_of_100(1 - spares)}{where}."
        + _triage_sentence(results, model)
        + _classes_sentence(results, model)
    )


def _found(results: Results, sensitivity: Estimate, model: str) -> str:
    """'Of 100 films with pneumothorax it finds 91', or of a handful how many, without a promise for 100. `model`: its name, to be told."""
    noun, target, share = image_noun(results.task), target_name(results.task), known(sensitivity) or 0.0
    if sensitivity.n is None or sensitivity.n >= FEW_IMAGES:
        finds = out_of_100(share)
        return (
            f"Of 100 {noun}s with {target} the chosen model, {model}, finds {finds}"
            if model
            else f"Of 100 {noun}s with {target} it finds {finds}"
        )
    few, finds = counted(sensitivity.n, noun), f"{share * sensitivity.n:.0f}"
    return (
        f"Only {few} with {target} could be tried, of which the chosen model, {model}, finds {finds}: too few to say how many it would find"
        if model
        else f"Only {few} with {target} could be tried, of which it finds {finds}: too few to say how many it would find"
    )


def _triage_sentence(results: Results, model: ModelResults) -> str:
    """How high the miss rate may be, and what each case found costs; empty outside of a triage task."""
    bound, excisions = model.test.get("miss_rate_bound"), known(model.test.get("excisions_per_case"))
    value = known(bound)
    if value is None or bound is None:
        return ""
    said = (
        f" {bound.n} {image_noun(results.task)}s with {target_name(results.task)} cannot rule out that it misses {per_hundred(value)} of 100 "
        "(one-sided 95 % bound)."
    )
    return (
        said
        if excisions is None
        else said + f" {excisions:.1f} {image_noun(results.task)}s are called positive for each one found."
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
        said = (
            f" Asked for the most probable class, it names {right} of {total} {name}s as such and takes {row[other]} for {other}."
            if other and row[other]
            else f" Asked for the most probable class, it names {right} of {total} {name}s as such."
        )
    average = show((model.test or model.validation).get("balanced_accuracy"), "percent")
    if average.reason:
        return said
    return said + f" On average over the classes it names {average.text} rightly (95 % CI {average.interval})."
