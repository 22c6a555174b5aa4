"""A real model through the compiler, the toolchain and an emulated board, against TFLM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.builder import ModelBuilder
from tests.support.models import average_pool_2d, conv_2d, fully_connected, softmax
from tinykit.boards import board
from tinykit.errors import UsageError
from tinykit.firmware.architectures import CORTEX_M
from tinykit.firmware.build import build
from tinykit.firmware.fit import predict_fit
from tinykit.graph.reader import read_graph
from tinykit.link.device import open_device
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.judge import Judge

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def model() -> bytes:
    """A small convolutional network."""
    builder = ModelBuilder(seed=4)
    x = builder.input((1, 8, 8, 3))
    x = conv_2d(builder, x, filters=6, strides=(2, 2), activation="RELU")
    x = average_pool_2d(builder, x)
    return builder.finish([softmax(builder, fully_connected(builder, x, units=5))])


@pytest.mark.parametrize("name", ["microbit", "stm32vldiscovery", "mps3-an547"])
def test_the_board_answers_as_tflm(model: bytes, name: str, tmp_path: Path) -> None:
    chosen = board(name)
    plan = make_plan(read_graph(model), chosen.target)
    firmware = build(plan, chosen, tmp_path / "f")
    x = np.random.default_rng(1).integers(-128, 128, (5, 1, 8, 8, 3), dtype=np.int8)
    with Judge(model) as judge, open_device(chosen, firmware) as device:
        device.require_model(firmware.model_sha256)
        for vector in x:
            assert device.infer(vector) == [judge.run([vector])[0].tobytes()]
        assert 0 < device.stack().peak < firmware.sizes.stack_reserved
    assert firmware.sizes.firmware_flash <= predict_fit(plan, chosen).flash["firmware"]
    assert firmware.sizes.firmware_ram <= CORTEX_M.ram


def test_a_plan_of_another_target(model: bytes, tmp_path: Path) -> None:
    plan = make_plan(read_graph(model), target("cortex-m0"))
    with pytest.raises(UsageError, match="expected target cortex-m4, found cortex-m0"):
        build(plan, board("mps2-an386"), tmp_path / "f")
