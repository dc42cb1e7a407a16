"""Methodological lints: what makes a figure too good although the code runs.

Sources: Kaufman et al. 2012 (leakage in data mining); Roberts et al. 2021 (pitfalls in chest imaging models); Varoquaux and
Cheplygina 2022 (machine learning for medical imaging).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from clinjup.agent.policy.origin import NOTHING, PARTS, TEST, TRAIN, VALIDATION, Origins, Tags, part_named
from clinjup.agent.policy.verdict import Concern, Decision
from clinjup.agent.words import words

_SPLITTERS = frozenset({"train_test_split", "random_split"})
_CROSS_VALIDATION = words(
    "cross_val_score cross_val_predict cross_validate GridSearchCV RandomizedSearchCV HalvingGridSearchCV learning_curve "
    "validation_curve permutation_test_score"
)
_FITS = frozenset({"fit", "fit_transform", "fit_resample", "partial_fit", "fit_predict"})
_METRICS = words(
    "roc_auc_score accuracy_score balanced_accuracy_score f1_score fbeta_score average_precision_score roc_curve "
    "precision_recall_curve precision_score recall_score confusion_matrix classification_report log_loss brier_score_loss "
    "matthews_corrcoef cohen_kappa_score jaccard_score auc score evaluate RocCurveDisplay PrecisionRecallDisplay "
    "from_predictions from_estimator calibration_curve det_curve auroc binary_auroc"
)
_PREDICTS = frozenset({"predict", "predict_proba", "decision_function", "predict_step"})
_CHOICES = frozenset(
    {"max", "min", "sorted", "argmax", "argmin", "idxmax", "idxmin", "nlargest", "nsmallest", "sort_values"}
)
_SHUFFLED = frozenset(
    {"permutation", "choice", "shuffle", "randperm", "rand", "random", "uniform", "integers", "randint"}
)

SENTENCES = {
    "split_without_groups": (
        "It divides images without keeping a patient's images together, so the same patient can be in training and test, and the "
        "figures come out too good. Use the recipe split_cohort, or GroupShuffleSplit or GroupKFold with the patient column."
    ),
    "fit_before_split": (
        "It fits on images of all parts before they are divided, so the test part has already shaped the model. Split first, and "
        "fit on the training part only."
    ),
    "test_for_selection": (
        "It uses the test part to train, tune or choose, so the test part can no longer show how good the result is. Use the "
        "validation part."
    ),
    "test_uncounted": (
        "It measures on the test part by hand. The test part is opened once, by the recipe open_test_set, which counts it and "
        "evaluates all final models together."
    ),
    "label_derived_feature": (
        "It gives the model the diagnosis, or something computed from it, as an input, so the model only repeats it. Take the "
        "label and what derives from it out of the features."
    ),
    "metric_on_train": (
        "It measures on images that the model was trained on, which shows how well it remembers them, not how good it is. "
        "Measure on the validation part."
    ),
    "label_changed": "It changes the reference standard of the cohort.",
    "split_changed": "It moves images from one part of the cohort to another by hand. Use the recipe split_cohort.",
}


@dataclass(frozen=True)
class Columns:
    """The columns whose meaning the lints rest on, as named in the data."""

    labels: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    @property
    def has_patients(self) -> bool:
        return bool(self.patients)


class MethodReader(ast.NodeVisitor):
    """Reads one cell in its order. `origins` and `fitted` (what was fitted on undivided data) carry over between cells."""

    def __init__(self, columns: Columns, origins: Origins, fitted: dict[str, int]) -> None:
        self.concerns: list[Concern] = []
        self._columns = columns
        self._origins = origins
        self._fitted = fitted

    def read(self, tree: ast.Module) -> list[Concern]:
        self.visit(tree)
        return self.concerns

    # ------------------------------------------------------------------------------------------------- assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._bind(node.target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._bind(node.target, node.iter)
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def _bind(self, target: ast.AST, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
            return
        tags = self._origins.of(value)
        if isinstance(target, ast.Name):
            self._check_slice(target.id, value)
            if part_named(target.id) is None and self._keeps_label(value):
                tags |= {"label"}
            self._origins.assign(target.id, tags)
            if (roots := self._undivided_roots(value)) & set(self._fitted):
                self._fitted[target.id] = min(self._fitted[root] for root in roots & set(self._fitted))
        elif isinstance(target, ast.Subscript):
            self._bind_column(target, value, tags)

    def _unpack(self, targets: list[ast.expr], value: ast.expr) -> None:
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(targets):
            for target, item in zip(targets, value.elts, strict=True):
                self._bind(target, item)
            return
        tags = self._origins.of(value)
        divides = isinstance(value, ast.Call) and _name(value.func) in _SPLITTERS | {"next", "split"}
        for number, target in enumerate(targets):
            if isinstance(target, ast.Name):
                # A splitter gives train first, then what is held out; a telling name says which part that is.
                held = part_named(target.id) or (TRAIN if number % 2 == 0 else TEST)
                rest = tags - {"all", "grouped", "folds"}
                if not divides:
                    self._origins.assign(target.id, tags)
                elif TRAIN in tags and held == TEST:
                    self._origins.replace(target.id, rest - {TRAIN} | {VALIDATION})  # a fold of the training part
                else:
                    self._origins.replace(target.id, rest | {held})

    def _bind_column(self, target: ast.Subscript, value: ast.expr, tags: Tags) -> None:
        place = (
            target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) else target.slice
        )  # table.loc[rows, column]
        if not (isinstance(place, ast.Constant) and isinstance(place.value, str)):
            return
        column = place.value
        if column == "split" and "all" in self._origins.of(target.value) and not tags & {"patients", "grouped"}:
            shuffled = any(_name(call.func) in _SHUFFLED for call in ast.walk(value) if isinstance(call, ast.Call))
            if shuffled and self._columns.has_patients:
                self._lint("split_without_groups", target)
            else:
                self._lint("split_changed", target, Decision.ASK)
        elif column in self._origins.labels and "all" in self._origins.of(target.value):
            self._lint("label_changed", target, Decision.ASK)
        elif "label" in tags:
            self._origins.labels.add(column)
            if isinstance(target.value, ast.Name) and _is_features(target.value.id):
                self._origins.add(target.value.id, frozenset({"label"}))

    def _check_slice(self, name: str, value: ast.expr) -> None:
        """`train = df.iloc[:800]` and `train = df.sample(frac=0.8)` divide rows, not patients."""
        if part_named(name) is None or not self._columns.has_patients:
            return
        source: ast.expr | None = None
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
            source = value.value
        elif isinstance(value, ast.Call) and _name(value.func) == "sample" and isinstance(value.func, ast.Attribute):
            source = value.func.value
        if source is not None and not self._origins.of(source) & (PARTS | {"patients", "opened"}):
            self._lint("split_without_groups", value)

    def _keeps_label(self, value: ast.expr) -> bool:
        """`X = df.drop(columns=["age"])` still holds the label when `df` does."""
        return (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr == "drop"
            and any(keyword.arg in {"columns", "labels", "axis"} for keyword in value.keywords)
            and "all" in self._origins.of(value.func.value)
            and not self._origins.columns_named(value) & self._origins.labels
        )

    # ------------------------------------------------------------------------------------------------------- calls

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if self._columns.has_patients:
            self._check_split(node, name)
        if name in _FITS and isinstance(node.func, ast.Attribute):
            self._check_fit(node)
        elif name in {"train", "select_model", "validate"} and any("test" in self._parts(item) for item in arguments):
            self._lint("test_for_selection", node)
        elif name in _METRICS | _PREDICTS:
            self._check_measure(node, name, arguments)
        elif name in _CHOICES:
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if any({"opened", TEST} & self._origins.of(item) for item in [*arguments, *([owner] if owner else [])]):
                self._lint("test_for_selection", node, Decision.ASK)
        if name in _SPLITTERS | {"split"} and self._fitted:
            self._check_fitted(node, arguments)
        self.generic_visit(node)

    def _check_split(self, node: ast.Call, name: str) -> None:
        groups = any(keyword.arg == "groups" for keyword in node.keywords)
        grouped = any("grouped" in self._origins.of(keyword.value) for keyword in node.keywords if keyword.arg == "cv")
        first = self._origins.of(node.args[0]) if node.args else NOTHING
        patients = "patients" in first and "all" not in first
        folds = (
            name == "split" and isinstance(node.func, ast.Attribute) and "folds" in self._origins.of(node.func.value)
        )
        splits_rows = (name in _SPLITTERS or folds) and not patients
        if splits_rows or (name in _CROSS_VALIDATION and not (groups or grouped)):
            self._lint("split_without_groups", node)

    def _check_fit(self, node: ast.Call) -> None:
        features = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "X"), None)
        tags = self._origins.of(features)
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(TEST in self._parts(item) or "opened" in self._origins.of(item) for item in given):
            self._lint("test_for_selection", node)
        elif "all" in tags and "patients" not in tags:
            self._lint("fit_before_split", node)
        elif features is not None and not tags & PARTS:
            for root in self._undivided_roots(features):
                self._fitted[root] = node.lineno
        if "label" in tags and len(given) > 1:
            self._lint("label_derived_feature", node)

    def _check_fitted(self, node: ast.Call, arguments: list[ast.expr]) -> None:
        roots = {root for argument in arguments for root in self._undivided_roots(argument)}
        if roots & set(self._fitted):
            self._lint("fit_before_split", node)

    def _undivided_roots(self, node: ast.AST) -> set[str]:
        """Names of data in `node` that are not yet divided into parts."""
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
        callers = {_root(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
        fitters = {name for name in callers if name}
        return {name for name in names - fitters if not self._origins.of(ast.Name(id=name, ctx=ast.Load())) & PARTS}

    def _check_measure(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> None:
        if name == "score" and not (isinstance(node.func, ast.Attribute) and arguments):
            return
        tags = NOTHING
        for argument in arguments:
            tags |= self._parts(argument)
        if TEST in tags:
            self._lint("test_uncounted", node)
        elif name in _METRICS and tags == {TRAIN}:
            self._lint("metric_on_train", node, Decision.ASK)

    def _parts(self, node: ast.AST) -> Tags:
        return self._origins.of(node) & PARTS

    def _lint(self, code: str, node: ast.AST, decision: Decision = Decision.DENY) -> None:
        self.concerns.append(Concern(code, decision, SENTENCES[code], getattr(node, "lineno", 0)))


def _name(node: ast.AST) -> str:
    """The last part of what is called: `sklearn.metrics.auc` -> 'auc'."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_features(name: str) -> bool:
    return name.lower().startswith(("x", "feature", "input"))
