"""Where the target is marked: which set of box files, and which of its classes mean the target."""

from __future__ import annotations

from collections.abc import Mapping

from clinjup.agent.questions import ask_box_class
from clinjup.agent.vocabulary import TARGETS, Term, find, header_words
from clinjup.contracts import BoxProfile, BoxRole, ClinicalTask, DataProfile, DataWarning, Question, UnusableData


def choose_boxes(
    profile: DataProfile, task: ClinicalTask, target: Term, answers: Mapping[str, str]
) -> tuple[BoxRole | None, Question | None, list[DataWarning]]:
    """The boxes to read, or the question that they wait for. Of several sets the one that names the target and speaks of most images.

    `answers`: "box_class", the class or id that means the target. Raises UnusableData where no box can mean the target.
    """
    if not profile.boxes:
        raise UnusableData(
            f"Marks are asked for, and no file says where a {target.name} is: the folder holds no boxes (COCO, YOLO, Pascal VOC or "
            "Supervisely). Add boxes for some of the images (a few hundred are a start), or ask for yes or no without marks."
        )
    answer = answers.get("box_class", "").strip()
    usable = [(boxes, _meaning(boxes, target, answer)) for boxes in profile.boxes]
    named = [(boxes, classes) for boxes, classes in usable if classes]
    if named:
        boxes, classes = named[0]
        return BoxRole(format=boxes.format, path=boxes.path, target=classes), None, []
    first = profile.boxes[0]
    if not first.boxes:
        raise UnusableData(
            f"The box files in '{first.path}' draw nothing on any of {first.images} images, so where a {target.name} is cannot be "
            "learned. Check that they were copied completely."
        )
    if first.named:
        seen = ", ".join(f"'{name}' ({count})" for name, count in list(first.classes.items())[:12])
        raise UnusableData(
            f"The boxes in '{first.path}' mark {seen}; none of these is called {target.name}. Name one of them in the request, or add "
            f"boxes of {target.name}."
        )
    if len(first.classes) == 1:
        (identifier,) = first.classes
        sentence = (
            f"The boxes in '{first.path}' carry the class number {identifier} and no name; as it is the only one, it is taken for "
            f"{target.name}."
        )
        role = BoxRole(format=first.format, path=first.path, target=[identifier])
        return role, None, [DataWarning(code="box_class_unnamed", sentence=sentence)]
    return None, ask_box_class(task.language, target.named(task.language), first.path, first.classes), []


def _meaning(boxes: BoxProfile, target: Term, answer: str) -> list[str]:
    """The classes that mean the target: the one that the clinician named, else those whose name is the target's."""
    if answer:
        return [name for name in boxes.classes if name == answer]
    return [
        name
        for name in boxes.classes
        if any(match.term.id == target.id for match in find(header_words(name), TARGETS, codes=True))
    ]
