#!/usr/bin/env python
"""Ours beside TFLM + CMSIS-NN for every reference model and emulated core: ratios, and build/bench.json.

Run from the checkout: .venv/bin/python scripts/bench.py [--models ad01 ..] [--cores m4 ..] [--write | --record]
--write puts the table into docs/performance.md; --record makes tests/data/counts.json, which tests hold ours to.
Exit status 1 where a ratio is above what it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.counts import record  # noqa: E402
from tinykit.boards import board  # noqa: E402
from tinykit.errors import EnvironmentFailure, TinykitError  # noqa: E402
from tinykit.files import write_atomic  # noqa: E402
from tinykit.validate.baseline import ALIKE, BOARDS, MODELS, TITLES, compare, read_reference, table  # noqa: E402
from tinykit.validate.bench import bench  # noqa: E402

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- make bench -->", "<!-- end of make bench -->"
RESULT = ROOT / "build" / "bench.json"


def ratios(rows: list[dict[str, Any]]) -> list[str]:
    """The short table: a line for each core and figure, a column for each model."""
    models = sorted({row["model"] for row in rows})
    found = {(row["core"], row["model"]): row["figures"] for row in rows}
    lines = [f"| ratio to TFLM | core | {' | '.join(models)} |", "|---|---|" + "---|" * len(models)]
    for figure, title in TITLES.items():
        for core in [core for core in BOARDS if any(c == core for c, _ in found)]:
            cells = (cell(found.get((core, model), {}).get(figure)) for model in models)
            lines.append(f"| {title.removesuffix(', B')} | {core} | {' | '.join(cells)} |")
    return lines


def cell(figure: dict[str, Any] | None) -> str:
    """A ratio: bold where it is above what it must be, with a star where it reaches the aim."""
    if figure is None:
        return ""
    said = f"{figure['ratio']:.2f}"
    return f"**{said}**" if not figure["met"] else said + (" *" if figure["aimed"] else "")


def measured(shared: Path, models: list[str], cores: list[str]) -> list[dict[str, Any]]:
    """Bench each model on each core."""
    reference = read_reference(shared / "reference" / "tflm_baseline.csv")
    rows = []
    for core in cores:
        for model in models:
            ours = patiently(shared / "models" / f"{model}_int8.tflite", core)
            rows.append(compare(model, core, ours, reference[model, ALIKE.get(core, core)]))
            print("\n".join(table(rows[-1:])[2:]), flush=True)
    return rows


def patiently(model: Path, core: str) -> dict[str, Any]:
    """Bench; on a busy machine an emulator may take too long to start, and is then started once more."""
    try:
        return bench(model, board(BOARDS[core]))
    except EnvironmentFailure as error:
        print(f"once more: {error}", file=sys.stderr)
        return bench(model, board(BOARDS[core]))


def write_page(lines: list[str]) -> None:
    """Replace the part of docs/performance.md between the marks."""
    text = PAGE.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_atomic(PAGE, before + "\n".join([BEGIN, *lines, END]) + after)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--cores", nargs="+", choices=list(BOARDS), default=list(BOARDS))
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--record", action="store_true", help="only write tests/data/counts.json anew")
    args = parser.parse_args()
    if args.record:
        with tempfile.TemporaryDirectory() as folder:
            record(Path(folder))
        return 0
    shared = Path(os.environ.get("TINYKIT_SHARED") or ROOT.parent / "shared")
    try:
        rows = measured(shared, args.models, args.cores)
    except TinykitError as error:
        print(error, file=sys.stderr)
        return 2
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(RESULT, json.dumps({"alike": ALIKE, "rows": rows}, indent=1) + "\n")
    lines = ratios(rows)
    print("\n" + "\n".join(lines) + f"\n\n{RESULT.relative_to(ROOT)} has every figure.")
    if args.write:
        write_page(["", *lines, ""])
    exact = all(row["bit_exact"] for row in rows)
    return 0 if exact and all(f["met"] for row in rows for f in row["figures"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
