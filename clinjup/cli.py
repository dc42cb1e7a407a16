"""The command line. Every command imports what it needs when it runs, so that `clinjup --help` is instant."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from clinjup import __version__
from clinjup.exits import BAD_INPUT, COMPLETED, FAILED, leave, screen, tell, unforeseen
from clinjup.following import follow

app = typer.Typer(
    help="From a clinician's sentence to a notebook that others can read, re-run and verify. Not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class PlannerName(StrEnum):
    OFFLINE = "offline"
    CLAUDE = "claude"


class ApprovalWord(StrEnum):
    EACH = "each"
    RISKY = "risky"
    NONE = "none"
    PLAN_ONLY = "plan-only"


class Demo(StrEnum):
    PNEUMOTHORAX = "pneumothorax"
    DERMOSCOPY = "dermoscopy"
    MELANOMA = "melanoma"
    WRIST = "wrist"
    WRIST_WEAK = "wrist-weak"


class SyntheticCohort(StrEnum):
    PNEUMOTHORAX = "pneumothorax"
    DERMOSCOPY = "dermoscopy"
    WRIST = "wrist"


DataOption = Annotated[Path, typer.Option("--data", help="Folder with images and tables; it is only read.")]
AnswersOption = Annotated[Path | None, typer.Option("--answers", help='Answers to open questions: {"id": "answer"}.')]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; everything else on stderr.")]


def main() -> None:
    """Entry point. No command ends in a traceback: what nobody foresaw is told in a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    # jsonschema, which nbformat imports, builds a grammar for a check of IRIs that no notebook asks for: 2 seconds at each start.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app()
    except Exception as fault:
        sys.exit(tell(FAILED, unforeseen(fault), "--json" in sys.argv))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(f"clinjup {__version__}")
        raise typer.Exit


@app.command()
def run(
    context: typer.Context,
    intent: Annotated[str | None, typer.Argument(help="What you want, in your own words (English or German).")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder with images and tables; it is only read.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder [default: clinjup-runs/DATE-task].")] = None,
    planner: Annotated[PlannerName, typer.Option(help="Who plans.")] = PlannerName.OFFLINE,
    model: Annotated[str | None, typer.Option(help="Model of the Claude planner.")] = None,
    base_url: Annotated[str | None, typer.Option(help="A server that speaks the Anthropic Messages API.")] = None,
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Refuse a server that is not on this machine.")
    ] = False,
    share_images: Annotated[
        bool, typer.Option("--share-images", help="Let the model see the run's figures; they can show films.")
    ] = False,
    max_cost: Annotated[float | None, typer.Option(min=0.01, help="US dollars that a model may cost.")] = None,
    approve: Annotated[ApprovalWord, typer.Option(help="Which cells you want to agree to first.")] = ApprovalWord.RISKY,
    budget_minutes: Annotated[
        float, typer.Option(min=0.1, help="At its end the best model so far is evaluated.")
    ] = 20.0,
    max_fix_attempts: Annotated[
        int, typer.Option(min=0, max=5, help="How often a cell that failed is mended and tried again.")
    ] = 2,
    network: Annotated[
        str | None,
        typer.Option(help="A model of timm (resnet50), or a detector of torchvision, instead of a small one."),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="hub|PATH", help="Start from published weights: from the hub, or a checkpoint file or folder."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    answers: AnswersOption = None,
    resume: Annotated[Path | None, typer.Option("--resume", metavar="RUN_DIR", help="Go on with this run.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a clinical request on a folder of images: plan, notebook, figures, report."""
    given = _read_answers(answers, as_json)
    if resume is not None:
        beside = _given_beside_resume(context)
        if beside:
            sentence = f"--resume goes on with the run as it was asked for; leave {' and '.join(beside)} away, or start a new run."
            leave(BAD_INPUT, sentence, as_json)
        follow(None, resume, given, as_json)
    if not intent or not intent.strip() or data is None:
        leave(BAD_INPUT, 'Say what you want and where the data are: clinjup run "..." --data DIR', as_json)
    from clinjup.contracts import Approval, RunRequest
    from clinjup.weights import weights_at

    request = RunRequest(
        intent=intent,
        data=str(data.expanduser().resolve()),
        out=str(out.expanduser()) if out else None,
        planner=planner.value,
        model=model,
        base_url=base_url,
        local_only=local_only,
        share_images=share_images,
        max_cost=max_cost,
        approval=Approval(approve.value),
        budget_minutes=budget_minutes,
        max_fix_attempts=max_fix_attempts,
        network=network,
        pretrained=weights_at(pretrained, Path.cwd()),
        seed=seed,
        answers=given,
    )
    follow(request, None, given, as_json)


@app.command()
def demo(
    task: Annotated[Demo, typer.Argument(help="Which clinical task.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run folder [default: clinjup-runs/demo-TASK].")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """A complete run on synthetic data: no data, account or network needed. The cohort is written to OUT-data."""
    from clinjup.contracts import RunRequest
    from clinjup.examples import EXAMPLES, is_written, seed_of

    folder = (out or Path("clinjup-runs") / f"demo-{task.value}").expanduser().resolve()
    cohort = folder.with_name(folder.name + "-data")
    example = EXAMPLES[task]
    if is_written(cohort):
        drawn = seed_of(cohort)
        if drawn != seed:
            sentence = (
                f"The images in '{cohort}' were drawn with --seed {drawn}, not {seed}. Name another run folder with --out, or "
                f"delete that one to have it drawn anew."
            )
            leave(BAD_INPUT, sentence, as_json)
    else:
        drawn_for = SyntheticCohort(example.cohort)
        _write_cohort(
            drawn_for, cohort, patients=None, seed=seed, layout=None, annotated=example.annotated, as_json=as_json
        )
    follow(RunRequest(intent=example.intent, data=str(cohort), out=str(folder), seed=seed), None, {}, as_json)


@app.command("data")
def write_data(
    task: Annotated[SyntheticCohort, typer.Argument(help="Which kind of images.")],
    out: Annotated[Path, typer.Option("--out", help="New or empty folder.")],
    patients: Annotated[int | None, typer.Option(min=3, help="Patients; in dermoscopy lesions.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    layout: Annotated[
        str | None,
        typer.Option(
            help="Layout: nih (default), siim, candid, dicom, clinic, chexpert or padchest; of dermoscopy ham10000 (default), isic2018, "
            "isic2019 or isic2020; of wrists grazpedwri (default) or fracatlas."
        ),
    ] = None,
    annotated: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of patients whose confounder is annotated; of wrists, whose boxes are drawn."
        ),
    ] = 1.0,
) -> None:
    """Write a synthetic cohort to disk, in the layout of a real data set."""
    _write_cohort(task, out, patients=patients, seed=seed, layout=layout, annotated=annotated)


@app.command()
def inspect(data: DataOption, as_json: JsonOption = False) -> None:
    """Show what clinjup finds in a folder: layout, tables, columns, images."""
    from clinjup.contracts import UnusableData
    from clinjup.imaging import profile_data
    from clinjup.terminal_tables import print_profile

    try:
        profile = profile_data(data)
    except UnusableData as problem:
        leave(BAD_INPUT, str(problem), as_json)
    if as_json:
        typer.echo(profile.model_dump_json(indent=2))
    else:
        print_profile(screen(stderr=False), profile)


@app.command()
def predict(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a completed run.")],
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", help="CSV to write; JSON (COCO) where the model marks places.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Name of a model of the run [default: the selected one].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Apply a trained model of a run to a plain folder of images."""
    from clinjup.prediction import PredictionError, predict_folder
    from clinjup.terminal_tables import print_predictions

    try:
        summary = predict_folder(run_dir, data, out, model)
    except PredictionError as problem:
        leave(BAD_INPUT, str(problem), as_json)
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    console = screen()
    print_predictions(console, summary)


@app.command()
def verify(run_dir: Annotated[Path, typer.Argument(help="Folder of a run.")], as_json: JsonOption = False) -> None:
    """Check that nothing in a run was changed since it ended: journal, notebook, results, checkpoints.

    Exit code 4 where something was changed, else 0. A run that did not come to its end is called unfinished, not verified.
    """
    from clinjup.reporting.verify import holds_run, verify_run
    from clinjup.terminal_tables import print_verification

    if not holds_run(run_dir):
        leave(
            BAD_INPUT, f"There is no run in '{run_dir}', so nothing can be verified. Name the folder of a run.", as_json
        )
    verification = verify_run(run_dir)
    if as_json:
        typer.echo(json.dumps(vars(verification), ensure_ascii=False, default=str))
    else:
        print_verification(screen(stderr=False), verification)
    raise typer.Exit(COMPLETED if verification.ok else FAILED)


@app.command()
def disclosures(run_dir: Annotated[Path, typer.Argument(help="Folder of a run.")], as_json: JsonOption = False) -> None:
    """List everything that was sent to a model during a run: when, to whom, how much, what kinds; the text lies in the run."""
    from clinjup.reporting.journal import JOURNAL_NAME, read_records

    path = run_dir / JOURNAL_NAME
    if not path.is_file():
        leave(BAD_INPUT, f"There is no run in '{run_dir}': it holds no {JOURNAL_NAME}.", as_json)
    scan = read_records(path.read_bytes())
    if scan.problems:
        leave(
            FAILED,
            f"{scan.problems[0]} A list of what left this machine could be incomplete, so none is shown.",
            as_json,
        )
    sent = [record.data for record in scan.records if record.kind == "disclosure"]
    if as_json:
        typer.echo(json.dumps(sent, ensure_ascii=False))
    else:
        from clinjup.terminal_tables import print_disclosures

        print_disclosures(screen(stderr=False), sent, run_dir)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to work in.")] = Path(),
) -> None:
    """Open JupyterLab with the clinjup panel. Options after DIR go to JupyterLab, such as --no-browser."""
    from clinjup.lab import launch

    if not folder.is_dir():
        leave(BAD_INPUT, f"There is no folder '{folder}' to open JupyterLab in. Make it first, or name another.", False)
    sys.modules.pop("rfc3987_syntax")  # this process becomes the server, whose other extensions may check IRIs
    launch(folder, context.args)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check this machine: packages, kernel, memory, accelerator, sandbox."""
    from clinjup.doctor import examine

    findings = asyncio.run(examine())
    if as_json:
        typer.echo(json.dumps([vars(finding) for finding in findings], ensure_ascii=False))
    else:
        from clinjup.terminal_tables import print_examination

        print_examination(screen(stderr=False), findings)
    raise typer.Exit(FAILED if any(finding.level == "fault" for finding in findings) else COMPLETED)


# ------------------------------------------------------------------------------------------------------------- helpers


def _write_cohort(
    task: SyntheticCohort,
    out: Path,
    *,
    patients: int | None,
    seed: int,
    layout: str | None,
    annotated: float,
    as_json: bool = False,
) -> None:
    from rich.progress import Progress

    from clinjup.imaging.synthetic import write_cohort

    settings: dict[str, Any] = {"seed": seed, "annotated": annotated}
    settings |= {"patients": patients} if patients else {}
    settings |= {"layout": layout} if layout else {}
    console = screen()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Drawing synthetic images", total=None)
        try:
            write_cohort(
                task.value,
                out,
                on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
                **settings,
            )
        except (ValueError, FileExistsError) as problem:
            leave(BAD_INPUT, str(problem), as_json)
        except OSError as problem:
            sentence = (
                f"The synthetic images cannot be written to '{out}' ({problem.strerror or problem}). Free some space or name another "
                "folder with --out; then the same command draws them anew."
            )
            leave(BAD_INPUT, sentence, as_json)
    console.print(f"Synthetic cohort in {out}", highlight=False, markup=False)


def _given_beside_resume(context: typer.Context) -> list[str]:
    """Options of a new run that somebody gave together with --resume, as they typed them."""
    given = {
        name for name in context.params if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"
    }
    options = {parameter.name: max(parameter.opts, key=len) for parameter in context.command.params}
    names = [options[name] if name != "intent" else "the request" for name in context.params if name in given]
    return [name for name in names if name not in {"--resume", "--answers", "--json"}]


def _read_answers(path: Path | None, as_json: bool) -> dict[str, str]:
    if path is None:
        return {}
    try:
        answers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        leave(BAD_INPUT, f"The answers in '{path}' cannot be read: {problem}", as_json)
    if not isinstance(answers, dict):
        leave(BAD_INPUT, f'The answers in \'{path}\' must look like {{"id": "answer"}}.', as_json)
    return {str(key): str(value) for key, value in answers.items()}
