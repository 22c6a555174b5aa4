"""A front end's cost where people look: the page, and the tables of run, bench and check."""

from __future__ import annotations

from tests.report.sample import full_run
from tinykit.report import html, table

COST = {"kind": "mfcc", "flash": 4692, "ram": 1666, "stack": 212, "instructions": 1436510, "windows": 49}
SENTENCE = "mfcc: 1,436,510 instructions an input of 49 windows; flash 4,692 B, RAM 1,666 B"


def test_page_and_tables_tell_a_front_end() -> None:
    run = full_run()
    assert "Front end" not in html.render(run) and "Front end" not in table.render(run)
    run["bench"]["front_end"] = COST
    assert SENTENCE in html.render(run)
    assert SENTENCE in table.render(run, 120)
    assert SENTENCE in table.bench_table(run["bench"], 120)
    assert f"{SENTENCE}, predicted" in table.check_table({"front_end": COST}, 120)


def test_bytes_unlike_python_are_told() -> None:
    compared = {"front_end": {"samples": 3, "mismatched_bytes": 1, "ticks": 5, "instructions": 2}}
    assert "1 byte unlike Python's over 3 raw samples" in table.validate_text(compared)
