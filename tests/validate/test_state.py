"""Models that keep state, and models with several inputs and outputs, on emulated boards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.builder import ModelBuilder
from tests.support.models import add, dequantize, fully_connected, quantize, reshape, softmax
from tests.support.weighted import accumulating, lstm, svdf
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.link.device import open_device
from tinykit.plan.build import make_plan
from tinykit.validate.bench import bench
from tinykit.validate.judge import Judge
from tinykit.validate.parity import verify
from tinykit.validate.serial import validate

CLASSES = 3


def listener() -> bytes:
    """An LSTM whose state goes on from inference to inference, and a classifier."""
    model = ModelBuilder(2)
    x = lstm(model, model.input((1, 4, 6)), units=5)
    return model.finish([softmax(model, fully_connected(model, reshape(model, x, shape=(1, 20)), units=CLASSES))])


def everything() -> bytes:
    """Two inputs, one of them float32, through every kind of state, to two outputs, one of them float32."""
    model = ModelBuilder(3)
    x = reshape(model, lstm(model, model.input((1, 2, 6)), units=4), shape=(1, 8))
    y = svdf(model, quantize(model, model.input((1, 9), dtype="float32")), units=8)
    kept = accumulating(model, add(model, x, y))
    return model.finish([softmax(model, kept), dequantize(model, y)])


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["microbit", "mps2-an386"])
def test_sequences_equal_tflm_on_the_board(name: str, tmp_path: Path) -> None:
    path = tmp_path / "all.tflite"
    path.write_bytes(everything())
    result = bench(path, board(name), folder=tmp_path / "firmware")
    assert result["bit_exact"]
    cost = make_plan(read_graph(path), board(name).target).cost
    assert cost.static > 0 and result["ram"]["static"] >= cost.static


@pytest.mark.emulated
def test_samples_are_validated_each_from_the_first_state(tmp_path: Path) -> None:
    path, data = tmp_path / "listener.tflite", tmp_path / "set.npz"
    path.write_bytes(listener())
    x = np.random.default_rng(1).integers(-128, 128, (8, 4, 6), dtype=np.int8)
    with Judge(path.read_bytes()) as judge:
        labels = [int(judge.run([one[np.newaxis]])[0].argmax()) for one in x]
        in_a_row = judge.run_many(x[:, np.newaxis])
        alone = judge.run([x[-1:]])[0]
    assert (in_a_row[-1] != alone).any()
    np.savez(data, x=x, y=np.array(labels))
    result = validate(path, board("mps2-an386"), data, folder=tmp_path / "firmware", quiet=True)
    assert result["accuracy"] == 1.0 and result["mismatched_bytes"] == 0
    assert result["first_divergent_layer"] is None


@pytest.mark.emulated
def test_a_reset_forgets_former_inferences(tmp_path: Path) -> None:
    from tinykit.firmware.build import build

    graph = read_graph(listener())
    plan = make_plan(graph, board("mps2-an386").target)
    firmware = build(plan, board("mps2-an386"), tmp_path / "firmware")
    x = np.full(24, 100, np.int8)
    with open_device(board("mps2-an386"), firmware) as device:
        first, second = device.infer(x), device.infer(x)
        device.reset_state()
        assert first != second and device.infer(x) == first


def test_several_inputs_and_outputs_verify_on_the_host() -> None:
    result = verify(everything(), vectors=40)
    assert result["bit_exact"] and result["mismatched_bytes"] == 0 and result["tensors"] > 8
