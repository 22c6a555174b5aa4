"""What `check` predicts of the reference models is near what the emulated boards count."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.validate.bench import bench

FRAME = 32
"""Bytes that the counter's interrupt puts on the stack, where an inference is long enough for it to come."""


@pytest.mark.emulated
@pytest.mark.shared
@pytest.mark.parametrize("name", ["mps2-an385", "mps2-an386", "mps3-an547"])
@pytest.mark.parametrize("model", ["ad01", "ic01", "kws01", "vww01"])
def test_forecasts_are_near_the_counts(model: str, name: str, shared: Path, tmp_path: Path) -> None:
    """They are fitted to these models: 5 %, 12 % of code and 24 bytes of stack off at most when this was written."""
    path = shared / "models" / f"{model}_int8.tflite"
    chosen = board(name)
    result = bench(path, chosen, folder=tmp_path / "firmware")
    cost = make_plan(read_graph(path), chosen.target).cost
    assert result["bit_exact"]
    assert cost.instructions == pytest.approx(result["instructions"], rel=0.08)
    assert cost.code == pytest.approx(result["flash"]["code"], rel=0.15)
    assert cost.stack * 0.85 - 16 <= result["ram"]["stack"] <= cost.stack * 1.15 + FRAME
    assert cost.weights == result["flash"]["weights"] and cost.arena == result["ram"]["arena"]
