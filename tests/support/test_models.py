"""The builder's models are sound: TFLM itself accepts each operator and its outputs are not all saturated."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from tests.support.models import (
    ModelBuilder,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    logistic,
    max_pool_2d,
    mean,
    pad,
    quantize,
    relu,
    relu6,
    reshape,
    single,
    softmax,
)

CASES = [
    (conv_2d, {"filters": 6, "strides": (2, 1), "activation": "RELU6"}, (1, 5, 7, 6)),
    (conv_2d, {"filters": 6, "dilation": (2, 2), "padding": "VALID"}, (1, 5, 3, 6)),
    (conv_2d, {"filters": 6, "groups": 2, "bias": False}, (1, 9, 7, 6)),
    (depthwise_conv_2d, {"multiplier": 2, "strides": (2, 2)}, (1, 5, 4, 8)),
    (fully_connected, {"units": 5, "per_channel": True}, (1, 5)),
    (fully_connected, {"units": 5, "weights_zero_point": 3, "keep_dims": True}, (1, 9, 7, 5)),
    (average_pool_2d, {"padding": "SAME", "window": (3, 3)}, (1, 5, 4, 4)),
    (max_pool_2d, {}, (1, 4, 3, 4)),
    (mean, {"keep_dims": True}, (1, 1, 1, 4)),
    (mean, {"axes": (-1,), "scale": 0.02, "zero_point": 9}, (1, 9, 7)),
    (add, {"shape": (1, 1, 1, 4), "constant": True}, (1, 9, 7, 4)),
    (reshape, {"shape": (1, 252)}, (1, 252)),
    (pad, {"paddings": [(0, 0), (1, 2), (0, 1), (0, 0)]}, (1, 12, 8, 4)),
    (pad, {"paddings": [(0, 0), (1, 2), (0, 1), (0, 0)], "value": -7}, (1, 12, 8, 4)),
    (softmax, {}, (1, 9, 7, 4)),
    (logistic, {}, (1, 9, 7, 4)),
    (relu, {"scale": 0.03, "zero_point": -128}, (1, 9, 7, 4)),
    (relu6, {}, (1, 9, 7, 4)),
    (quantize, {"scale": 0.1}, (1, 9, 7, 4)),
    (dequantize, {}, (1, 9, 7, 4)),
]


def run(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 18)
    interpreter.set_input(np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8), 0)
    interpreter.invoke()
    return interpreter.get_output(0)


@pytest.mark.parametrize(
    "operator, attributes, shape", CASES, ids=[f"{c[0].__name__}-{i}" for i, c in enumerate(CASES)]
)
def test_tflm_runs_each_operator(operator, attributes, shape):
    output = run(single(operator, (1, 9, 7, 4), **attributes), (1, 9, 7, 4))
    assert output.shape == shape
    assert np.unique(output).size > min(output.size // 4, 3)


def test_operators_chain():
    model = ModelBuilder(seed=1)
    x = model.input((1, 8, 8, 3))
    a = conv_2d(model, x)
    b = depthwise_conv_2d(model, a)
    y = softmax(model, fully_connected(model, add(model, a, b), units=5))
    output = run(model.finish([y]), (1, 8, 8, 3))
    assert output.shape == (1, 5)
    assert abs(int(output.astype(int).sum()) + 5 * 128 - 256) <= 5


def test_equal_seeds_give_equal_models():
    assert single(conv_2d, (1, 4, 4, 2), seed=3) == single(conv_2d, (1, 4, 4, 2), seed=3)
    assert single(conv_2d, (1, 4, 4, 2), seed=3) != single(conv_2d, (1, 4, 4, 2), seed=4)
