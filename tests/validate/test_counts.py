"""No kernel gets slower unseen: instruction counts of a small set, which are exact, against the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.counts import BOARDS, MODELS, WORSE, compiler, measure, recorded

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("on", BOARDS)
def test_no_count_is_worse_than_the_recorded_one(on: str, tmp_path: Path) -> None:
    record = recorded()
    if compiler() != record["compiler"]:
        pytest.skip(f"recorded with {record['compiler']}: scripts/bench.py --record makes a record for this compiler")
    counts = {name: measure(name, on, tmp_path) for name in MODELS}
    worse = {
        name: f"{count} instructions, {record['counts'][name][on]} were recorded"
        for name, count in counts.items()
        if count > record["counts"][name][on] * (1 + WORSE)
    }
    assert not worse, "if it is meant: scripts/bench.py --record"
