"""What is optimized is least: instructions, flash or RAM, in the plan and on the board."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models import (
    ModelBuilder,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
)
from tinykit.boards import board
from tinykit.cli.main import run
from tinykit.errors import RecipeError
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.choose import EXCHANGE, HARDLY, flash_bytes
from tinykit.plan.model import Plan
from tinykit.recipe import load_recipe
from tinykit.report.table import compare_table
from tinykit.targets import target
from tinykit.validate.bench import OPTIMIZATIONS, compare

SLACK = 0.001
"""Rows and moves come after the choice of kernels."""


def network() -> bytes:
    """Layers of several kinds that have a portable kernel and one for the DSP extension."""
    model = ModelBuilder(6)
    x = conv_2d(model, model.input((1, 12, 12, 3)), filters=8, padding="SAME", activation="RELU")
    x = depthwise_conv_2d(model, x, padding="SAME", activation="RELU")
    x = conv_2d(model, x, filters=12, kernel=(1, 1))
    x = average_pool_2d(model, x, window=(4, 4), strides=(4, 4))
    return model.finish([fully_connected(model, fully_connected(model, x, units=48, pruned=0.8), units=7)])


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55", "avr"])
def test_each_is_least_in_what_it_optimizes(core: str) -> None:
    """Speed and size give one percent for twenty of the other; RAM gives 1/32 for speed."""
    graph = read_graph(network(), "net")
    speed, size, ram = (make_plan(graph, target(core), way) for way in OPTIMIZATIONS)

    def by_time(plan: Plan) -> float:
        return plan.cost.instructions * flash_bytes(plan.steps) ** (1 / EXCHANGE)

    def by_flash(plan: Plan) -> float:
        return flash_bytes(plan.steps) * plan.cost.instructions ** (1 / EXCHANGE)

    assert by_time(speed) <= min(by_time(size), by_time(ram)) * (1 + SLACK)
    assert by_flash(size) <= min(by_flash(speed), by_flash(ram)) * (1 + SLACK)
    assert ram.cost.ram <= min(speed.cost.ram, size.cost.ram) * (1 + 1 / HARDLY)


@pytest.mark.emulated
def test_they_are_compared_on_the_board(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(network())
    found = compare(path, board("mps2-an386"), folder=tmp_path / "firmware")
    assert found["bit_exact"]
    speed, size, ram = (found["compare"][way] for way in OPTIMIZATIONS)
    assert speed["instructions"] <= min(size["instructions"], ram["instructions"]) * 1.05
    assert size["flash"]["total"] <= speed["flash"]["total"]
    assert ram["ram"]["total"] <= speed["ram"]["total"]
    page = compare_table(found, 80)
    assert [f"{one['instructions']:,}" in page for one in (speed, size, ram)] == [True] * 3


@pytest.mark.parametrize("verb", ["compile", "check"])
def test_the_command_line_takes_it(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.tflite"
    path.write_bytes(network())
    weights = {}
    for way in OPTIMIZATIONS:
        assert run([verb, str(path), "--optimize", way, "--json"]) == 0
        said = capsys.readouterr().out
        assert f'"optimize": "{way}"' in said
        weights[way] = said
    assert len(set(weights.values())) > 1
    assert run([verb, str(path), "--optimize", "magic"]) == 2


def test_comparing_needs_the_emulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(network())
    assert run(["bench", str(path), "--compare", "--port", "/dev/null"]) == 2
    assert "--compare" in capsys.readouterr().err


def test_a_recipe_says_it_for_its_board(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    text = (Path(__file__).parents[2] / "examples" / "digits" / "recipe.toml").read_text()
    for way in OPTIMIZATIONS:
        path.write_text(text.replace("[board]\n", f'[board]\noptimize = "{way}"\n'))
        assert load_recipe(path).board.optimize == way
    path.write_text(text.replace("[board]\n", '[board]\noptimize = "magic"\n'))
    with pytest.raises(RecipeError, match="optimize"):
        load_recipe(path)
