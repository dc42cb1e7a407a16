"""A slider for the threshold: what sensitivity, specificity and the confusion table would be elsewhere."""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from clinjup.evaluation.interactive.shown import HINT, show
from clinjup.evaluation.operating_point import operating_point
from clinjup.evaluation.plots import class_absent
from clinjup.evaluation.wording import with_ci

if TYPE_CHECKING:
    from clinjup.evaluation.test_set import TestSet

_CAUTION = (
    "The report keeps the threshold that was fixed on validation. One that is chosen here is chosen on the test images, and its "
    "figures are too good."
)


class ThresholdSlider:
    """Sensitivity, specificity and the confusion table of one model at the threshold of a slider, on validation and on test."""

    def __init__(self, test: TestSet, model: str) -> None:
        validation = test.validations[model]
        self.model, self.target = model, test.target
        self.frozen, self.rule = test.threshold(model), validation.operating_point.rule
        self._parts = [
            ("validation", validation.part, np.asarray(validation.probabilities)),
            ("test", test.part, test.probabilities[model]),
        ]

    def table(self, threshold: float) -> str:
        """HTML: sensitivity and specificity with their 95 % intervals, then the confusion tables, at `threshold`."""
        head = "".join(f"<th>{words}, n = {len(part.labels)}</th>" for words, part, _ in self._parts)
        rows: dict[str, list[str]] = {}
        for _, part, p in self._parts:
            point = operating_point(p, part.labels, part.clusters, threshold=threshold, rule=self.rule)
            called, ill = p >= threshold, part.labels == 1
            rows.setdefault("sensitivity", []).append(with_ci(point.sensitivity))
            rows.setdefault("specificity", []).append(with_ci(point.specificity))
            for words, members in self._confusion(called, ill).items():
                rows.setdefault(words, []).append(str(int(members.sum())))
        body = "".join(
            f"<tr><th>{escape(words)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
            for words, cells in rows.items()
        )
        where = "as fixed on validation" if threshold == self.frozen else f"fixed on validation: {self.frozen:.2f}"
        caption = f"<b>{escape(self.model)} at a threshold of {threshold:.2f}</b> ({where})"
        return f"<p>{caption}</p><table><tr><th></th>{head}</tr>{body}</table><p>{_CAUTION}</p>"

    def _confusion(self, called: Any, ill: Any) -> dict[str, Any]:
        return {
            f"{self.target}, called positive (found)": called & ill,
            f"{self.target}, called negative (missed)": ~called & ill,
            f"no {self.target}, called positive (false alarm)": called & ~ill,
            f"no {self.target}, called negative (spared)": ~called & ~ill,
        }

    @cached_property
    def widget(self) -> Any:
        """The slider, a button back to the frozen threshold, and the table."""
        import ipywidgets

        slider = ipywidgets.FloatSlider(
            value=self.frozen, min=0.0, max=1.0, step=0.01, readout_format=".2f", description="Threshold"
        )
        back = ipywidgets.Button(description="As fixed on validation", layout={"width": "auto"})
        table = ipywidgets.HTML(self.table(self.frozen))

        def move(change: dict[str, Any]) -> None:
            at_rest = abs(change["new"] - self.frozen) < slider.step / 2
            table.value = self.table(self.frozen if at_rest else change["new"])

        slider.observe(move, "value")
        back.on_click(lambda _: setattr(slider, "value", self.frozen))
        return ipywidgets.VBox([ipywidgets.HBox([slider, back]), table])

    def show(self) -> None:
        """Show it; without a kernel the table at the frozen threshold."""
        table = self.table(self.frozen)
        show(self.widget, {"text/html": f"{table}<p>{HINT}</p>"}, f"Threshold slider of {self.model}. {HINT}")


def threshold_slider(test: TestSet, model: str | None = None) -> None:
    """Show the threshold slider of one model (default: the selected). Says so where the test part lacks a class."""
    if not class_absent(test, "what another threshold would do"):
        ThresholdSlider(test, model or test.selected).show()
