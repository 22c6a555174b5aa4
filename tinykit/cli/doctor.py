"""`tinykit doctor`: tools, versions, permissions, ports, emulators and extras, each with a fix."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tinykit.cli.outcome import Outcome

if TYPE_CHECKING:
    from tinykit.doctor import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This verb has none."""


def run(args: argparse.Namespace) -> Outcome:
    """Look everything over; status 1 where something is missing that the default way needs."""
    from tinykit.doctor import examine

    findings = examine()
    lines: list[str] = []
    for section in dict.fromkeys(finding.section for finding in findings):
        lines += ["", section, *(line for f in findings if f.section == section for line in _lines(f))]
    needed = [f.what for f in findings if f.needed and not f.ok]
    optional = sum(not f.needed and not f.ok for f in findings)
    verdict = f"missing: {', '.join(needed)}" if needed else "all that a recipe onto an emulated board needs is there"
    if optional:
        verdict += f"; {optional} optional (-) missing or not usable: only what you use needs fixing"
    lines += ["", verdict]
    return Outcome({"findings": [vars(f) for f in findings]}, "\n".join(lines[1:]), 1 if needed else 0)


def _lines(finding: Finding) -> list[str]:
    mark = "ok" if finding.ok else "--" if finding.needed else "-"
    width = 30
    head = f"  {mark:<3}{finding.what:<{width}} {finding.found}"
    return [head] if finding.ok else [head, f"     fix: {finding.fix}"]
