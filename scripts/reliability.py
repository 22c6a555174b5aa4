#!/usr/bin/env python
"""Measures the figures of docs/reliability.md; with --write they are written into it. Takes some minutes.

Run from the checkout: .venv/bin/python scripts/reliability.py [--write] [--frames N] [--bytes N] [--kills N]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.firmware.handmade import hand_program  # noqa: E402
from tests.reliability.figures import (  # noqa: E402
    WISHES,
    fault,
    kill_flashes,
    soak_emulated,
    soak_fake,
    survives,
)
from tinykit.boards import board  # noqa: E402
from tinykit.firmware.build import Firmware, build_program  # noqa: E402
from tinykit.link.soak import Soaked  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
BOARDS = ("microbit", "mps2-an386")
SEED = 2026


def named(counts: Counter[str]) -> str:
    """Counts in words, by name."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def soak_row(where: str, done: Soaked, seconds: float) -> str:
    """One row of the link's table."""
    cells = (where, done.frames, sum(done.injected.values()), done.recovered, named(done.named), done.answers)
    return "| " + " | ".join(map(str, (*cells, f"**{done.wrong}**", f"{seconds:.0f}"))) + " |"


def link(firmwares: list[Firmware], frames: int) -> list[str]:
    """The table of conversations over a bad line."""
    lines = [
        "| device | frames sent | faults injected | lost or damaged, asked again | errors named | right answers | "
        "wrong answers | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    totals: Counter[str] = Counter()
    for firmware in (None, *firmwares):
        started = time.monotonic()
        done = soak_fake(frames, SEED) if firmware is None else soak_emulated(firmware, frames, SEED)
        where = "in-process" if firmware is None else f"{firmware.board.name}, emulated"
        lines.append(soak_row(where, done, time.monotonic() - started))
        totals += done.injected
        done.answers -= done.wrong
    return [*lines, "", f"Injected in all: {named(totals)}."]


def firmware_rows(firmwares: list[Firmware], count: int) -> list[str]:
    """Random bytes survived, and faults by name."""
    lines = ["| board | random bytes and frames sent | still answers | s |", "|---|---|---|---|"]
    for firmware in firmwares:
        started = time.monotonic()
        sent = survives(firmware, count, SEED)
        lines.append(f"| {firmware.board.name} | {sent:,} | yes | {time.monotonic() - started:.0f} |")
    lines += ["", "| board | fault | what the host says |", "|---|---|---|"]
    for firmware in firmwares:
        for name, wish in WISHES.items():
            if name == "watchdog" and firmware.board.nmi != "watchdog":
                continue
            said = fault(firmware, wish).split("reported ", 1)[1]
            lines.append(f"| {firmware.board.name} | {name} | {said} |")
    return lines


def flash_rows(folder: Path, kills: int) -> list[str]:
    """Flashes that were killed."""
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    done = kill_flashes(folder, kills, SEED)
    said = ", ".join(f"{count} {name}" for name, count in sorted(done.left.items()))
    return [f"Flashes killed at a random moment: {kills}; found by the next run: {said}; recovered: {done.recovered}."]


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.relative_to(ROOT)}")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tinykit-reliability-") as name:
        folder = Path(name)
        firmwares = [build_program(hand_program(), board(b), folder / b) for b in BOARDS]
        sections = [
            ("Link", link(firmwares, asked.frames)),
            ("Firmware", firmware_rows(firmwares, asked.bytes)),
            ("Flash", flash_rows(folder, asked.kills)),
        ]
    text = "\n\n".join(f"### {title}\n\n" + "\n".join(lines) for title, lines in sections)
    print(text)
    if asked.write:
        page = PAGE.read_text()
        head, rest = page.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
