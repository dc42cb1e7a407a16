"""`clinjup inspect`, `predict`, `verify`, `disclosures` and `doctor` on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from clinjup.contracts import DataProfile
from clinjup.phrases import threshold_words

if TYPE_CHECKING:
    from clinjup.doctor import DoctorFinding
    from clinjup.reporting.verify import Verification


def print_profile(console: Console, profile: DataProfile) -> None:
    """Layout, images, tables with their columns, warnings."""
    images = profile.images
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in images.extensions.items())
    console.print(
        f"[bold]{escape(profile.root)}[/]  layout [cyan]{profile.layout}[/]{'  [yellow]synthetic[/]' if profile.synthetic else ''}"
    )
    console.print(
        f"{images.count} images ({kinds}); sizes {', '.join(images.sizes) or 'unknown'}; modes {', '.join(images.modes)}"
    )
    for name, count in profile.class_folders.items():
        console.print(Text(f"folder {name}: {count} images"))
    for name, count in profile.official_splits.items():
        console.print(Text(f"official split {name}: {count} images"))
    for boxes in profile.boxes:
        classes = ", ".join(f"{name} {count}" for name, count in boxes.classes.items()) or "nothing drawn"
        unnamed = "" if boxes.named else " (numbers without names)"
        console.print(Text(f"boxes {boxes.path}: {boxes.format}, {boxes.images} images; {classes}{unnamed}"))
    for table in profile.tables:
        view = Table(
            title=f"{escape(table.path)}  ({table.rows} rows, {table.encoding}, '{table.delimiter}')",
            title_justify="left",
        )
        for heading in ("column", "kind", "values", "missing", "names images"):
            view.add_column(heading, overflow="fold")
        for column in table.columns:
            shown = ", ".join(value.value for value in column.values[:4])
            match = f"{column.image_matches:.0%}" if column.image_matches else ""
            view.add_row(
                Text(column.name),
                column.kind,
                Text(_short(f"{column.unique}: {shown}")),
                str(column.missing or ""),
                match,
            )
        console.print(view)
    for warning in profile.warnings:
        console.print(Text(f"! {warning.sentence}", style="yellow"))


def print_disclosures(console: Console, sent: list[dict[str, Any]], folder: Path) -> None:
    """What was sent to a model, one line each, and where its text can be read."""
    if not sent:
        console.print("Nothing left this machine.")
        return
    for disclosure in sent:
        where = f"{disclosure['destination']}{' (this machine)' if disclosure['loopback'] else ''}"
        line = (
            f"{disclosure['at']}  {where}  {disclosure['bytes']:,} bytes  {', '.join(disclosure['kinds'])}; "
            f"{disclosure['withheld']} withheld  {disclosure['file']}"
        )
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    away = sum(not disclosure["loopback"] for disclosure in sent)
    total = sum(disclosure["bytes"] for disclosure in sent)
    console.print(
        f"{len(sent)} requests, {total:,} bytes; {away} of them left this machine. The texts lie in {folder}.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 2].rstrip() + " …"


def print_predictions(console: Console, summary: dict[str, Any]) -> None:
    """What was left out, how many images were decided how and by which threshold, what the report warns of, what the figures are not."""
    for item in summary["unreadable"]:
        console.print(f"left out: {item['path']} ({item['reason']})", highlight=False, markup=False)
    decided = ", ".join(f"{count} {name}" for name, count in summary["decided"].items())
    by = (
        ""
        if summary["threshold"] is None
        else f" at the threshold {threshold_words(summary['threshold'])} that the run chose on validation"
    )
    told = f"{summary['images']} images, model '{summary['model']}'{by}: {decided}. Written to {summary['out']}"
    console.print(told, highlight=False, markup=False)
    for sentence in summary["cautions"]:
        console.print(f"! {sentence}", highlight=False, markup=False, style="yellow")
    trained = (
        "The model was trained on synthetic data and says nothing about real patients. " if summary["synthetic"] else ""
    )
    console.print(
        f"{trained}Not a medical device: no decision about a patient may rest on these figures.", style="yellow"
    )


def print_verification(console: Console, verification: Verification) -> None:
    """What was checked and found, what is missing of a run that is not finished, and in a word whether it holds."""
    for subject, finding in verification.checked.items():
        console.print(f"{subject}: {finding}", highlight=False, markup=False)
    for problem in verification.problems:
        console.print(f"! {problem}", highlight=False, markup=False, style="red")
    if verification.unfinished:
        console.print(f"! {verification.unfinished}", highlight=False, markup=False, style="yellow")
    if not verification.ok:
        console.print("not verified", style="bold red")
    elif verification.unfinished:
        console.print("unfinished: what is there fits the journal", style="yellow")
    else:
        console.print("verified", style="green")


def print_examination(console: Console, findings: list[DoctorFinding]) -> None:
    """What `doctor` found of this machine, a line each."""
    for finding in findings:
        mark = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "fault": "[red]✗[/]"}[finding.level]
        console.print(f"{mark} [bold]{finding.subject}[/]  {escape(finding.sentence)}", highlight=False)
