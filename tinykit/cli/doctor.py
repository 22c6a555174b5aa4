"""`tinykit doctor`: tools, extras and ports, each with a fix."""

from __future__ import annotations

import argparse

from tinykit.cli.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This verb has none."""


def run(args: argparse.Namespace) -> Outcome:
    """Look everything over; status 1 where something is missing."""
    from tinykit.doctor import examine

    findings = examine()
    lines = [
        f"{'ok' if f.ok else '--':<3} {f.what:<24} {f.found}" + ("" if f.ok else f"\n    {f.fix}") for f in findings
    ]
    missing = [f for f in findings if not f.ok]
    lines.append("all is there" if not missing else f"{len(missing)} missing; only what you use needs fixing")
    return Outcome({"findings": [vars(f) for f in findings]}, "\n".join(lines), 1 if missing else 0)
