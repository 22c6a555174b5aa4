"""Portable kernels on emulated cores: the same bytes as TFLM, and costs near the forecast."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models import (
    ModelBuilder,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    logistic,
    max_pool_2d,
    mean,
    pad,
    softmax,
)
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.validate.bench import bench

BOARDS = ("microbit", "stm32vldiscovery", "mps2-an386", "mps3-an547")


def most_kernels() -> bytes:
    """One model through most kernels, small enough for 8 KB of RAM."""
    model = ModelBuilder(1)
    x = conv_2d(model, model.input((1, 12, 12, 3)), filters=16, activation="RELU")
    x = conv_2d(model, depthwise_conv_2d(model, x), filters=16, kernel=(1, 1))
    x = average_pool_2d(model, max_pool_2d(model, add(model, x, x)))
    x = mean(model, pad(model, x, paddings=[(0, 0), (1, 1), (1, 1), (0, 0)]))
    x = logistic(model, fully_connected(model, x, units=40))
    return model.finish([softmax(model, fully_connected(model, x, units=12))])


@pytest.mark.emulated
@pytest.mark.parametrize("name", BOARDS)
def test_equals_tflm_at_about_the_forecast_cost(name: str, tmp_path: Path) -> None:
    path = tmp_path / "most.tflite"
    path.write_bytes(most_kernels())
    chosen = board(name)
    result = bench(path, chosen, folder=tmp_path / "firmware")
    cost = make_plan(read_graph(path), chosen.target).cost
    assert result["bit_exact"]
    assert result["flash"]["weights"] == cost.weights and result["ram"]["arena"] == cost.arena
    assert cost.instructions == pytest.approx(result["instructions"], rel=0.3)
    assert cost.code == pytest.approx(result["flash"]["code"], rel=0.3)
    assert cost.ram == pytest.approx(result["ram"]["total"], rel=0.1)
