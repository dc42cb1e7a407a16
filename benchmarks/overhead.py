"""What does it cost to run the analysis as a notebook, with a journal, a kernel, findings and a report, instead of as a script?

A complete `clinjup run`, then its code cells, unchanged and in their order, as one Python script in a folder of its own: nothing is
cached, trained or opened there before. Wall seconds of the two processes, side by side.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from benchmarks.report import markdown_table, record
from clinjup.imaging.synthetic import write_cohort

REQUEST = (
    "I want to diagnose pneumothorax on chest X-rays. My concern is that chest drains may act as a strong confounder - "
    "please take this issue seriously."
)
FACTOR, SECONDS = 1.05, 6.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead")
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(argv)
    rows, missed = [], False
    with tempfile.TemporaryDirectory(prefix="clinjup-overhead-") as folder:
        base = Path(folder)
        write_cohort("pneumothorax", base / "data", patients=options.patients, seed=0)
        for number in range(options.rounds):
            run, script = measure(base, number)
            limit = FACTOR * script + SECONDS
            missed |= run > limit
            verdict = "reached" if run <= limit else "missed"
            rows.append([f"round {number + 1}", f"{run:.1f} s", f"{script:.1f} s", f"<= {limit:.1f} s", verdict])
    text = (
        f"{__doc__.partition(chr(10) * 2)[2].strip()}\n\nSynthetic cohort of {options.patients} patients. The limit is "
    )
    text += f"{FACTOR} times the script + {SECONDS:.0f} s.\n\n"
    text += markdown_table(["", "`clinjup run`", "script", "limit", ""], rows)
    print(text)
    if options.record:
        record("overhead", " ".join(["python -m benchmarks overhead", *argv]), text)
    return int(missed)


def measure(base: Path, number: int) -> tuple[float, float]:
    """Seconds of a run and of its cells as a script."""
    run, alone = base / f"run-{number}", base / f"script-{number}"
    command = [
        sys.executable,
        "-c",
        "from clinjup.cli import main; main()",
        "run",
        REQUEST,
        "--data",
        str(base / "data"),
    ]
    began = time.perf_counter()
    subprocess.run([*command, "--out", str(run)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - began
    notebook = nbformat.read(run / "notebook.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    for folder in ("checkpoints", "plots", "cache"):
        (alone / folder).mkdir(parents=True)
    (alone / "script.py").write_text("\n\n".join(sources), encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "script.py"],
        cwd=alone,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return seconds, time.perf_counter() - began
