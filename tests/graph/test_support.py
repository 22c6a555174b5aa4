"""What cannot be compiled is named, all of it at once, with what to do; what TFLM refuses is refused too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinykit.errors import ModelError, UnsupportedModel
from tinykit.graph.ops import REGISTRY
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems, require_supported

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.graph.tamper import tampered
from tests.support.models import (
    ModelBuilder,
    Value,
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
from tinykit.validate.judge import Judge

IMAGE = (1, 6, 6, 4)

GOOD: dict[str, tuple[Callable[..., Value], tuple[int, ...], dict[str, Any]]] = {
    "CONV_2D": (conv_2d, IMAGE, {}),
    "DEPTHWISE_CONV_2D": (depthwise_conv_2d, IMAGE, {"multiplier": 2}),
    "FULLY_CONNECTED": (fully_connected, (1, 8), {}),
    "AVERAGE_POOL_2D": (average_pool_2d, IMAGE, {}),
    "MAX_POOL_2D": (max_pool_2d, IMAGE, {}),
    "MEAN": (mean, IMAGE, {}),
    "ADD": (add, IMAGE, {}),
    "RESHAPE": (reshape, IMAGE, {"shape": (1, 144)}),
    "PAD": (pad, (1, 3, 3, 2), {"paddings": ((0, 0), (1, 1), (1, 1), (0, 0))}),
    "PADV2": (pad, (1, 3, 3, 2), {"paddings": ((0, 0), (1, 1), (1, 1), (0, 0)), "value": 5}),
    "SOFTMAX": (softmax, (1, 5), {}),
    "LOGISTIC": (logistic, (1, 5), {}),
    "RELU": (relu, (1, 5), {}),
    "RELU6": (relu6, (1, 5), {}),
    "QUANTIZE": (quantize, (1, 5), {"input_dtype": "float32"}),
    "DEQUANTIZE": (dequantize, (1, 5), {}),
}


def test_the_operators_of_these_cases_are_registered() -> None:
    assert set(GOOD) <= set(REGISTRY)


@pytest.mark.parametrize("op", GOOD)
def test_sound_operators_have_no_problem(op: str) -> None:
    operator, shape, attributes = GOOD[op]
    graph = read_graph(single(operator, shape, **attributes))
    assert problems(graph) == []
    require_supported(graph)


def tensor(index: int, **fields: Any) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        for field, value in fields.items():
            setattr(m.subgraphs[0].tensors[index], field, value)

    return change


def scale(index: int, value: float) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].tensors[index].quantization, "scale", [value])


def zero_point(index: int, value: int) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].tensors[index].quantization, "zeroPoint", [value])


def option(field: str, value: Any) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].operators[0].builtinOptions, field, value)


def inputs(*indices: int) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].operators[0], "inputs", list(indices))


def values(index: int, array: np.ndarray) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        m.buffers[m.subgraphs[0].tensors[index].buffer].data = np.frombuffer(array.tobytes(), np.uint8)

    return change


def computed(index: int) -> Callable[[Any], None]:
    """Turn a constant into a second model input."""

    def change(m: Any) -> None:
        m.subgraphs[0].tensors[index].buffer = 0
        m.subgraphs[0].inputs = [0, index]

    return change


NO_QUANTIZATION = {"quantization": None}
# Builders number the tensors: 0 input, then constants in order, then the output.
BAD: list[tuple[str, Callable[[Any], None], str]] = [
    ("CONV_2D", option("strideH", 0), "make no sense"),
    ("CONV_2D", option("strideW", -1), "make no sense"),
    ("CONV_2D", option("dilationHFactor", 0), "make no sense"),
    ("CONV_2D", option("dilationWFactor", 1 << 30), "make no sense"),
    ("CONV_2D", option("strideH", 2), "height"),
    ("CONV_2D", option("fusedActivationFunction", 4), "TANH"),
    ("CONV_2D", option("fusedActivationFunction", 77), "ACTIVATION_77"),
    ("CONV_2D", option("padding", 5), "PADDING_5"),
    ("CONV_2D", tensor(0, shape=[1, 6, 6, 5]), "divide into groups"),
    ("CONV_2D", tensor(0, shape=[6, 6, 4]), "4 dimensions"),
    ("CONV_2D", tensor(0, shape=[2, 6, 6, 4]), "batch"),
    ("CONV_2D", tensor(3, shape=[1, 6, 6, 8]), "4 filters for 8"),
    ("CONV_2D", tensor(3, type=2, **NO_QUANTIZATION), "not int8"),
    ("CONV_2D", tensor(0, **NO_QUANTIZATION), "no quantization"),
    ("CONV_2D", tensor(1, **NO_QUANTIZATION), "no quantization"),
    ("CONV_2D", zero_point(1, 3), "zero point other than 0"),
    ("CONV_2D", computed(1), "not constant"),
    ("CONV_2D", computed(2), "not constant"),
    ("CONV_2D", inputs(0), "inputs"),
    ("CONV_2D", inputs(0, -1, 2), "inputs"),
    ("CONV_2D", values(2, np.full(4, 2**31 - 1, np.int32)), "overflow"),
    ("CONV_2D", scale(3, 1e-12), "overflow"),
    ("DEPTHWISE_CONV_2D", option("depthMultiplier", 1), "depth multiplier"),
    ("DEPTHWISE_CONV_2D", option("strideW", 0), "make no sense"),
    ("DEPTHWISE_CONV_2D", tensor(0, shape=[1, 6, 6, 3]), "depth multiplier"),
    ("FULLY_CONNECTED", tensor(0, shape=[1, 9]), "multiple of its depth"),
    ("FULLY_CONNECTED", tensor(3, shape=[1, 5]), "rows of 4"),
    ("FULLY_CONNECTED", option("weightsFormat", 1), "shuffled"),
    ("FULLY_CONNECTED", scale(2, 9.0), "TFLM refuses"),
    ("AVERAGE_POOL_2D", scale(1, 0.06), "different scales"),
    ("AVERAGE_POOL_2D", option("filterHeight", 0), "make no sense"),
    ("AVERAGE_POOL_2D", option("strideH", 0), "make no sense"),
    ("MAX_POOL_2D", option("filterWidth", 7), "width"),
    ("MEAN", values(1, np.array([1, 9], np.int32)), "axes"),
    ("MEAN", values(1, np.array([1, 3], np.int32)), "follows"),
    ("MEAN", computed(1), "not constant"),
    ("ADD", tensor(1, shape=[1, 6, 5, 4]), "broadcast"),
    ("ADD", scale(2, 1e-9), "too far apart"),
    ("ADD", option("fusedActivationFunction", 5), "SIGN_BIT"),
    ("RESHAPE", tensor(2, shape=[1, 143]), "143"),
    ("PAD", values(1, np.array([0, 0, -1, 1, 1, 1, 0, 0], np.int32)), "amounts"),
    ("PAD", values(1, np.array([0, 0, 1, 2, 1, 1, 0, 0], np.int32)), "follows"),
    ("PAD", computed(1), "not constant"),
    ("PADV2", scale(2, 0.5), "TFLM refuses"),
    ("SOFTMAX", scale(1, 0.01), "1/256"),
    ("SOFTMAX", zero_point(1, 0), "1/256"),
    ("SOFTMAX", option("beta", 0.0), "beta"),
    ("SOFTMAX", option("beta", float("nan")), "beta"),
    ("LOGISTIC", zero_point(1, 0), "zero point -128"),
    ("RELU", tensor(1, shape=[1, 6]), "follows"),
    ("RELU", scale(1, 1e-30), "32 bits"),
    ("QUANTIZE", tensor(0, type=2), "quantization"),
    ("DEQUANTIZE", tensor(1, type=1), "float16"),
]


@pytest.mark.parametrize(("op", "change", "words"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)])
def test_unsound_operators_are_named(op: str, change: Callable[[Any], None], words: str) -> None:
    operator, shape, attributes = GOOD[op]
    graph = read_graph(tampered(single(operator, shape, **attributes), change))
    found = problems(graph)
    assert any(words in p.why for p in found), found
    assert all(p.layer and p.op == op and p.fix for p in found)
    with pytest.raises(ModelError):
        require_supported(graph)


def test_all_problems_are_listed_at_once() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4))
    y = model.operator("POW", [x], (1, 4), 0.05, 0)
    y = model.operator("WHILE", [y], (2,), dtype="int32")
    model.operator(250, [y], (2,), dtype="int32")
    with pytest.raises(UnsupportedModel) as caught:
        require_supported(read_graph(model.finish()))
    assert [p.op for p in caught.value.problems] == ["POW", "WHILE", "BUILTIN_250"]
    assert "unroll" in caught.value.problems[1].fix


def test_custom_operators_are_named() -> None:
    def make_custom(m: Any) -> None:
        m.operatorCodes[0].deprecatedBuiltinCode = m.operatorCodes[0].builtinCode = 32
        m.operatorCodes[0].customCode = b"Detect"

    found = problems(read_graph(tampered(single(relu, (1, 4)), make_custom)))
    assert [p.op for p in found] == ["CUSTOM Detect"]


def floats(op: str, weights: np.ndarray, scales: list[float]) -> bytes:
    model = ModelBuilder(0)
    x = model.input((1, 4), dtype="float32")
    return model.finish([model.operator(op, [x, model.constant(weights, scales), None], (1, 4), dtype="float32")])


def test_a_float_model_is_told_how_to_quantize() -> None:
    with pytest.raises(ModelError, match=r"float32.*tinykit quantize MODEL.keras --data SET.npz"):
        require_supported(read_graph(floats("FULLY_CONNECTED", np.ones((4, 4), np.float32), [])))


def test_a_hybrid_model_is_called_what_it_is() -> None:
    with pytest.raises(ModelError, match="dynamic-range"):
        require_supported(read_graph(floats("FULLY_CONNECTED", np.ones((4, 4), np.int8), [0.5])))


def test_int4_is_named_where_it_is_no_weight() -> None:
    def make_int4(m: Any) -> None:
        m.subgraphs[0].tensors[1].type = 17
        m.buffers[1].data = m.buffers[1].data[: len(m.buffers[1].data) // 2]

    found = problems(read_graph(tampered(single(add, (1, 8), constant=True), make_int4)))
    assert "int4" in found[0].why


def test_a_constant_input_is_named() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4))
    fixed = relu(model, model.constant(np.zeros((1, 4), np.int8), [0.05], [0]))
    found = problems(read_graph(model.finish([add(model, x, fixed)])))
    assert [p.why for p in found] == ["its input is constant, and so is its result"]


# TFLM's own verdict on models at the edge of what it takes. The builder's scales are tampered with.
EDGES: list[tuple[str, Callable[[Any], None] | None]] = [
    ("FULLY_CONNECTED", scale(2, 9.0)),
    ("SOFTMAX", scale(1, 0.01)),
    ("SOFTMAX", zero_point(1, 0)),
    ("LOGISTIC", zero_point(1, 0)),
    ("LOGISTIC", scale(1, 0.01)),
    ("AVERAGE_POOL_2D", scale(1, 0.06)),
    ("AVERAGE_POOL_2D", scale(1, 0.05 + 5e-7)),
    ("PADV2", scale(2, 0.5)),
    ("RELU6", scale(1, 0.5)),
    ("ADD", None),
]


@pytest.mark.parametrize(("op", "change"), EDGES, ids=[f"{e[0]}-{i}" for i, e in enumerate(EDGES)])
def test_tflm_agrees_on_what_it_takes(op: str, change: Callable[[Any], None] | None) -> None:
    operator, shape, attributes = GOOD[op]
    model = single(operator, shape, **attributes)
    model = model if change is None else tampered(model, change)
    graph = read_graph(model)
    try:
        with Judge(model) as judge:
            judge.run([np.zeros(graph.tensor(i).shape, np.int8) for i in graph.inputs])
        taken = True
    except ModelError:
        taken = False
    assert taken == (problems(graph) == [])
