"""`python -m benchmarks NAME [options]` runs benchmarks/NAME.py; `--record` writes its table into RESULTS.md."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_") and path.stem != "report"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=NAMES)
    arguments, rest = parser.parse_known_args()
    return importlib.import_module(f"benchmarks.{arguments.name}").main(rest)


if __name__ == "__main__":
    sys.exit(main())
