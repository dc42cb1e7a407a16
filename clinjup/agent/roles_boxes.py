"""Where the target is marked: which set of box files, and which of its classes mean the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clinjup.agent.questions import ask_box_class
from clinjup.agent.vocabulary import TARGETS, Term, find, header_words
from clinjup.contracts import BoxProfile, BoxRole, ClinicalTask, DataProfile, DataWarning, Question, UnusableData
from clinjup.nouns import with_article


def choose_boxes(
    profile: DataProfile, task: ClinicalTask, target: Term, answers: Mapping[str, str]
) -> tuple[BoxRole | None, Question | None, list[DataWarning]]:
    """The boxes to read, or the question that they wait for. Of several sets that name the target the one that
    speaks of most images; the names by which the others call it are told too, so that they can be compared.

    `answers`: "box_class", the class or id that means the target. Raises UnusableData where no box can mean the target.
    """
    if not profile.boxes:
        told = [each.sentence for each in profile.warnings if each.code.startswith("boxes_")]
        raise UnusableData(
            f"Marks are asked for, and no file says where {with_article(target.name)} is: the folder holds no boxes that can be used (COCO, "
            "YOLO, Pascal VOC or Supervisely). Add boxes for some of the images (a few hundred are a start), or ask for yes or no "
            "without marks." + "".join(f" {sentence}" for sentence in told)
        )
    answer = answers.get("box_class", "").strip()
    usable = [(boxes, _meaning(boxes, target, answer)) for boxes in profile.boxes]
    named = [(boxes, classes) for boxes, classes in usable if classes]
    if named:
        boxes, classes = max(named, key=lambda each: (each[0].images, _boxed(*each)))
        elsewhere = {name for other in profile.boxes for name in _meaning(other, target) if name not in boxes.classes}
        return BoxRole(format=boxes.format, path=boxes.path, target=[*classes, *sorted(elsewhere)]), None, []
    drawn = [boxes for boxes in profile.boxes if boxes.boxes]
    if not drawn:
        first = profile.boxes[0]
        raise UnusableData(
            f"The box files in '{first.path}' draw nothing on any of {first.images} images, so where {with_article(target.name)} is cannot be "
            "learned. Check that they were copied completely."
        )
    numbered = next((boxes for boxes in drawn if _numbers(boxes)), None)
    if numbered is None:
        seen = ", ".join(f"'{name}' ({count})" for name, count in list(drawn[0].classes.items())[:12])
        raise UnusableData(
            f"The boxes in '{drawn[0].path}' mark {seen}; none of these is called {target.name}. Name one of them in the request, or "
            f"add boxes of {target.name}."
        )
    if len(numbered.classes) == 1 and not numbered.named:
        (identifier,) = numbered.classes
        sentence = (
            f"The boxes in '{numbered.path}' carry the class number {identifier} and no name; as it is the only one, it is taken for "
            f"{target.name}."
        )
        role = BoxRole(format=numbered.format, path=numbered.path, target=[identifier])
        return role, None, [DataWarning(code="box_class_unnamed", sentence=sentence)]
    return None, ask_box_class(task.language, target.named(task.language), numbered.path, _numbers(numbered)), []


def _numbers(boxes: BoxProfile) -> dict[str, int]:
    """The classes that carry a number and no name, also those for which a list of names is too short -> boxes."""
    return {name: count for name, count in boxes.classes.items() if name.isdigit()}


def _boxed(boxes: BoxProfile, classes: Sequence[str]) -> int:
    """Images on which one of `classes` is drawn; one that carries two of them counts twice."""
    return sum(boxes.boxed.get(name, 0) for name in classes)


def _meaning(boxes: BoxProfile, target: Term, answer: str = "") -> list[str]:
    """The classes that mean the target: the one that the clinician named, else those whose name is the target's."""
    if answer:
        return [name for name in boxes.classes if name == answer]
    return [
        name
        for name in boxes.classes
        if any(match.term.id == target.id for match in find(header_words(name), TARGETS, codes=True))
    ]
