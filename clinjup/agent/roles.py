"""What each column of the data is for. Decided here, shown as arguments of the cell that loads the cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field

from clinjup.agent.plan_mitigation import to_be_estimated
from clinjup.agent.questions import abnormal_option
from clinjup.agent.roles_boxes import choose_boxes
from clinjup.agent.roles_columns import (
    BLANK_IS_UNKNOWN,
    DICOM_HEADERS,
    Column,
    all_columns,
    confounder_of,
    covariates,
    ids_named,
    image_column,
    label_columns,
    lesion_column,
    patient_column,
    split_column,
)
from clinjup.agent.roles_frontal import frontal_column, modality_of, radiograph_column
from clinjup.agent.roles_labels import LabelChoice, label_from_folders, label_from_tables, no_labels, only_tables_name
from clinjup.agent.roles_values import sort_values
from clinjup.agent.vocabulary import CONFOUNDERS, INSERTABLE, SKIN_LESION_CLASSES, Term, by_id, target_term
from clinjup.agent.vocabulary.findings import CHEST, RADIOGRAPHS
from clinjup.agent.vocabulary.values import Meaning, is_number, meaning
from clinjup.contracts import (
    ClinicalTask,
    Contract,
    DataProfile,
    DataWarning,
    Flag,
    Question,
    Roles,
    TaskType,
    UnusableData,
    ValueCount,
)
from clinjup.nouns import with_article
from clinjup.unknown_words import says_unknown

_MIN_PATIENTS = 3


class RoleDecision(Contract):
    """Roles, or the questions that they wait for, with what the clinician should know about them."""

    roles: Roles | None
    questions: list[Question] = Field([])
    warnings: list[DataWarning] = Field([])


def decide_roles(profile: DataProfile, task: ClinicalTask, answers: Mapping[str, str] | None = None) -> RoleDecision:
    """Decide which column is image, label, patient, split, confounder, covariate.

    `answers`: "label_column" ('TABLE:COLUMN' or the column's name), "positive_values" (values separated by ';'), "abnormal_labels". In lists
    of values the empty string stands for a blank cell. With no target yet, only checks that something could be a label.
    Raises UnusableData: no labels, one class, a target the labels do not know, fewer than three patients, no image column.
    """
    answers = answers or {}
    folders = _uses_folders(profile, task)
    only_boxes = profile.layout == "boxes" and task.task_type is TaskType.DETECTION
    if not folders and not only_boxes:
        _check_image_column(profile)
    label_table = None
    if task.target is None:
        if not folders and not label_columns(profile):
            raise UnusableData(no_labels("what"))
        choice = LabelChoice()
    elif only_boxes:  # the label of an image is whether a box of the target is drawn on it
        choice = LabelChoice(positive=["1"], negative=["0"])
    else:
        choice = _label(profile, task, folders, answers)
        label_table = choice.column.table if choice.column else None
    image = None if folders or only_boxes else image_column(profile, label_table)
    if image is None and not folders and not only_boxes and profile.table(DICOM_HEADERS) is None:
        image = image_column(profile)
    first = image.table if image else label_table
    patient = patient_column(profile, first)
    if patient is not None and patient.profile.unique < _MIN_PATIENTS and not _without_id(patient):
        raise UnusableData(
            f"The images come from {patient.profile.unique} patients (column '{patient.name}'); training, "
            f"validation and test "
            "need at least one patient each, three in all. Add patients."
        )
    if task.target is None or choice.question:
        return RoleDecision(roles=None, questions=[choice.question] if choice.question else [])
    warnings = list(choice.warnings)
    boxes = None
    if task.task_type is TaskType.DETECTION:
        boxes, question, found = choose_boxes(profile, task, target_term(task.target, task.target_name), answers)
        warnings += found
        if question is not None:
            return RoleDecision(roles=None, questions=[question])
    confounders = _confounders(profile, task, warnings)
    split = split_column(profile, first)
    lesion = lesion_column(profile, patient) if patient is not None and _without_id(patient) else None
    modality = modality_of(task)
    chest = modality == CHEST
    roles = Roles(
        image=image.reference if image else None,
        label=choice.column.reference if choice.column else None,
        positive=choice.positive,
        negative=choice.negative,
        uncertain=choice.uncertain,
        classes=choice.classes,
        patient=patient.reference if patient else None,
        lesion=lesion.reference if lesion else None,
        split=split.reference if split else None,
        confounders=confounders,
        covariates={
            name: column.reference for name, column in covariates(profile, first).items() if name not in confounders
        },
        boxes=boxes,
        chest_films=chest,
        radiographs=radiograph_column(profile) if modality in RADIOGRAPHS else None,
        frontal=frontal_column(profile, first) if chest else None,
    )
    return RoleDecision(roles=roles, warnings=warnings)


def _without_id(patient: Column) -> bool:
    """Whether rows have no id: each of their images counts as a patient of its own."""
    return patient.profile.missing > 0 or ids_named(patient) < patient.profile.unique


def _uses_folders(profile: DataProfile, task: ClinicalTask) -> bool:
    """Whether the folders are the label: not where their names say nothing of the target and a table does."""
    if not profile.class_folders or (profile.layout != "class_folders" and profile.tables):
        return False
    joined = image_column(profile) or profile.table(DICOM_HEADERS)
    if task.target is None or not joined:
        return True
    return not only_tables_name(target_term(task.target, task.target_name), profile)


def _check_image_column(profile: DataProfile) -> None:
    if not profile.tables:
        raise UnusableData(no_labels("what"))
    if image_column(profile) is None and profile.table(DICOM_HEADERS) is None:
        tables = ", ".join(f"'{table.path}'" for table in profile.tables)
        cause = next((warning.sentence for warning in profile.warnings if warning.code == "leading_zeros"), "")
        if cause:
            raise UnusableData(f"No column of {tables} names the image files of the folder. {cause}")
        raise UnusableData(
            f"No column of {tables} names the {profile.images.count} image files of the folder, so labels and images cannot be brought "
            "together. Add a column with the file names."
        )


def _label(profile: DataProfile, task: ClinicalTask, folders: bool, answers: Mapping[str, str]) -> LabelChoice:
    assert task.target is not None
    target = target_term(task.target, task.target_name)
    if abnormal_option(answers.get("abnormal_labels", ""), target) == "same":
        abnormality = target_term("abnormality")
        target = replace(target, codes=(*target.codes, *abnormality.synonyms, *abnormality.codes))
    comparator = target_term(task.comparator) if task.comparator else None
    if task.task_type is TaskType.MULTICLASS:
        return _label_of_classes(profile, folders, task.priority)
    if folders:
        return label_from_folders(profile.class_folders, task, target, comparator, answers)
    return label_from_tables(profile, task, target, comparator, answers)


def _label_of_classes(profile: DataProfile, folders: bool, priority: str | None) -> LabelChoice:
    """The column (or the folders) with most of the seven skin lesion classes, and which values mean which."""
    found: list[tuple[dict[str, list[str]], Column | None]]
    if folders:
        names = [ValueCount(value=name, count=count) for name, count in profile.class_folders.items()]
        found = [(_classes_among(names), None)]
    else:
        found = [
            (_classes_among(column.profile.values), column)
            for column in label_columns(profile)
            if column.profile.kind in ("category", "text", "list")
            and column.profile.unique <= len(column.profile.values)
        ]
    classes, column = max(found, key=lambda item: len(item[0]), default=({}, None))
    if len(classes) < 2:
        raise UnusableData(no_labels("which type of skin lesion"))
    if priority is not None and priority not in classes:
        present = ", ".join(target_term(name).name for name in classes)
        raise UnusableData(
            f"No image is labelled as {target_term(priority).name}, which is to have priority; the labels are: {present}. "
            "Add images of it, or give priority to one of these."
        )
    return LabelChoice(column=column, classes=classes)


def _classes_among(values: Sequence[ValueCount]) -> dict[str, list[str]]:
    """Class id -> values that mean it, for the classes that any value means."""
    found = {term.id: sort_values(values, term, listed=True) for term in SKIN_LESION_CLASSES}
    return {
        name: [item.value for item in said.positive] for name, said in found.items() if said.mentions and said.positive
    }


def _confounders(profile: DataProfile, task: ClinicalTask, warnings: list[DataWarning]) -> dict[str, Flag]:
    """Yes/no columns of the confounders, those named first; what is missing or unreadable is said in `warnings`."""
    found: dict[str, Flag] = {}
    blank_is_no = profile.layout not in BLANK_IS_UNKNOWN
    about = [(term, column) for column in all_columns(profile) if (term := confounder_of(column))]
    missing: dict[str, tuple[Term, list[Column]]] = {}
    for named in task.confounders:
        term = by_id(CONFOUNDERS, named.id)
        assert term is not None
        columns = [column for other, column in about if other.id == term.id]
        flags = [(flag, column) for column in columns if (flag := _flag(column, term.contextual, blank_is_no))]
        if flags:
            flag, column = flags[0]
            found[term.id] = flag
            if "" in flag.absent:
                sentence = (
                    f"The column '{column.name}' marks a {term.name} and says 'no' nowhere, so blank cells are read "
                    f"as no."
                )
                warnings.append(DataWarning(code="blank_read_as_no", sentence=sentence))
        else:
            missing[term.id] = (term, columns)
    warnings += _not_annotated(task, missing)
    modality = target_term(task.target).modality if task.target else None
    for term, column in about:
        flag = (
            _flag(column, blank_is_no=blank_is_no)
            if term.id not in found and not term.contextual and term.modality in (None, modality)
            else None
        )
        if flag and all(named.id != term.id for named in task.confounders) and flag.present and flag.absent:
            found[term.id] = flag
            used = "it is checked as well" if task.task_type is TaskType.DETECTION else "no model is trained against it"
            sentence = (
                f"The column '{column.name}' says which images show a {term.name}; you did not name it, so {used}."
            )
            warnings.append(DataWarning(code="confounder_found", sentence=sentence))
    return found


def _flag(column: Column, either_way: bool = False, blank_is_no: bool = True) -> Flag | None:
    """Read a column as yes/no; `either_way`: any two known values will do (sex, view). None where it cannot be read."""
    values = [item.value for item in column.profile.values]
    known = sorted(value for value in values if not _tells_nothing(value))
    if either_way and len(known) == 2 and column.profile.unique == len(values):
        return Flag(column=column.reference, present=[known[0]], absent=[known[1]])
    if column.profile.unique > len(values) or column.profile.kind in ("date", "text", "list"):
        return None
    absent = [value for value in values if meaning(value) is Meaning.NO]
    present = [value for value in values if meaning(value) is Meaning.YES]
    rest = [value for value in values if meaning(value) is None]
    if absent and (all(is_number(value) for value in rest) or column.profile.kind == "category"):
        present, rest = [*present, *rest], []  # a number of drains, or where they lie
    if rest or not (present or absent):
        return None
    if present and not absent and column.profile.missing and blank_is_no:
        absent = [""]
    return Flag(column=column.reference, present=present, absent=absent)


def _tells_nothing(value: str) -> bool:
    """Whether a cell says that its group is unknown ('unknown', '?', 'U')."""
    return (
        says_unknown(value) or meaning(value) in (Meaning.UNKNOWN, Meaning.UNCERTAIN) or value.strip().casefold() == "u"
    )


def _not_annotated(task: ClinicalTask, missing: Mapping[str, tuple[Term, list[Column]]]) -> list[DataWarning]:
    """What is said of the named confounders that no column tells of: id -> term and the columns that cannot be read."""
    annotated = [item for item in task.confounders if item.id not in missing]
    drawn = [item for item in task.confounders if item.id in missing and item.id in INSERTABLE]
    estimated = to_be_estimated(task, annotated, drawn)
    return [_without_labels(term, columns, estimated=estimated is not None) for term, columns in missing.values()]


def _without_labels(term: Term, columns: list[Column], *, estimated: bool) -> DataWarning:
    seen = ", ".join(f"'{column.name}'" for column in columns)
    why = (
        f"The values of {seen} cannot be read as yes or no for '{term.name}'"
        if columns
        else f"No table says which images show {with_article(term.name)}"
    )
    if term.contextual:
        why = f"No column tells two groups of {term.many} apart"
        instead = "Its effect cannot be measured in this run; a column with two groups would allow it."
    elif estimated and term.id in INSERTABLE:
        instead = (
            f"The run goes on: a small detector estimates it on each image, so that training can be balanced, and {with_article(term.name)} is "
            f"drawn into images to measure its effect. A yes/no column named '{term.id}' would be surer than the estimate."
        )
    elif term.id in INSERTABLE:
        instead = (
            f"The run goes on: {with_article(term.name)} is drawn into images, to train against it and to measure its effect. A yes/no "
            f"column named '{term.id}' would allow balancing too."
        )
    else:
        instead = (
            f"No method here can draw one into an image either, so its effect is not examined in this run. A yes/no column named "
            f"'{term.id}' would allow that, and balancing too."
        )
    return DataWarning(code="confounder_not_annotated", sentence=f"{why}. {instead}")
