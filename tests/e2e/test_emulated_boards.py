"""Every emulated board of the registry: flashed, validated over its port, counted; byte for byte as TFLM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.boards import require_board
from tests.support.models import ModelBuilder, fully_connected, reshape, softmax
from tinykit.boards import all_boards
from tinykit.firmware.build import build
from tinykit.firmware.fit import predict_fit
from tinykit.flash import flash
from tinykit.flash.running import stop
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.validate.bench import bench
from tinykit.validate.judge import Judge
from tinykit.validate.serial import validate

pytestmark = pytest.mark.emulated

COUNT_CYCLES = ("arduino-uno", "raspberry-pi-pico")
MACS = 64 * 16 + 16 * 10


def digits() -> bytes:
    """A dense student for 8 x 8 images."""
    model = ModelBuilder(seed=3)
    x = reshape(model, model.input((1, 8, 8, 1)), shape=(1, 64))
    x = fully_connected(model, x, units=16, activation="RELU")
    return model.finish([softmax(model, fully_connected(model, x, units=10))])


@pytest.mark.parametrize("name", [b.name for b in all_boards() if b.emulator])
def test_flashed_validated_and_counted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board runs in the background, as after `tinykit flash`, and is then reached by its port."""
    chosen = require_board(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    model = tmp_path / "digits.tflite"
    model.write_bytes(digits())
    graph = read_graph(model)
    made = build(make_plan(graph, chosen.target), chosen, tmp_path / "firmware")
    x = np.random.default_rng(0).integers(-128, 128, (12, 8, 8, 1)).astype(np.int8)
    with Judge(model.read_bytes()) as judge:
        y = judge.run_batches([x])[0].reshape(12, -1).argmax(axis=1)
    np.savez(tmp_path / "set.npz", x=x, y=y)

    try:
        port = flash(chosen, made, quiet=True).port
        judged = validate(model, chosen, tmp_path / "set.npz", port=port, quiet=True)
        counted = bench(model, chosen, port=port, folder=tmp_path / "firmware")
    finally:
        stop()

    assert (judged["samples"], judged["accuracy"], judged["mismatched_bytes"]) == (12, 1.0, 0)
    assert judged["emulated"] and counted["emulated"] and counted["bit_exact"]
    spent = counted["ticks"] if name in COUNT_CYCLES else counted["instructions"]
    assert (counted["tick_unit"] == "cycles") == (name in COUNT_CYCLES)
    assert (counted["instructions"] is None) == (name in COUNT_CYCLES)
    assert MACS // 2 < spent < 150_000  # a core can do two at a time; the slowest keeps the bound
    assert sum(layer["ticks"] for layer in counted["layers"]) == pytest.approx(counted["ticks"], rel=0.05)
    predicted = predict_fit(make_plan(graph, chosen.target), chosen)
    assert predicted.flash["weights"] == counted["flash"]["weights"]
    assert predicted.flash["code"] == pytest.approx(counted["flash"]["code"], rel=0.3)
    assert predicted.ram["arena"] == counted["ram"]["arena"]
    assert counted["flash"]["weights"] >= MACS + 26 * 4  # in flash, on AVR too
    assert counted["ram"]["static"] == 0
