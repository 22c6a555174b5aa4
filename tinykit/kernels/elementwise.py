"""LOGISTIC, RELU, RELU6, QUANTIZE and DEQUANTIZE in portable C: tables where the input is a byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinykit.graph.arithmetic import (
    INTEGER_RANGES,
    activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    relu,
    requantize,
)
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels import fixed_point
from tinykit.kernels.broadcast import TYPES
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import IN_PLACE, INPUT, OUTPUT, Argument, make_step, quantization, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

WIDE = ("int16", "int32")
"""Types that have too many values for a table."""

LOGISTIC_BITS = 4
"""Integer bits of TFLM's LOGISTIC input."""


@lowering("LOGISTIC")
def lower_logistic(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A table."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype != "int8":
        return []
    return [lookup(graph, operator, target, logistic_values(scale(x), zero_point(x)))]


def logistic_values(input_scale: float, input_zero_point: int) -> np.ndarray:
    """TFLM's LOGISTIC of every int8 input, ascending; output scale 1/256, zero point -128."""
    multiplier, shift = quantize_multiplier(input_scale * (1 << (31 - LOGISTIC_BITS)))
    radius = fixed_point.input_radius(LOGISTIC_BITS, shift)
    inputs = np.arange(-128, 128) - input_zero_point
    scaled = multiply_by_quantized_multiplier(inputs, multiplier, shift)
    values = []
    for plain, value in zip(inputs, scaled, strict=True):
        if abs(int(plain)) >= radius:
            values.append(-128 if plain < 0 else 127)
        else:
            result = fixed_point.shift_right(fixed_point.logistic(int(value), LOGISTIC_BITS), 31 - 8)
            values.append(max(-128, min(result - 128, 127)))
    return np.array(values)


@lowering("RELU")
def lower_relu(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A clamp where input and output are quantized alike, a table where not."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype != "int8":
        return []
    low, high = activation_range("RELU", scale(y), zero_point(y), y.dtype)
    if scale(x) == scale(y) and zero_point(x) == zero_point(y):
        return [clamp(graph, operator, target, low, high)]
    return [lookup(graph, operator, target, relu(every_value(x), quantization(x), quantization(y)))]


@lowering("RELU6")
def lower_relu6(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A clamp in the input's units, whatever the output's quantization says: that is what TFLM does."""
    x = graph.tensor(operator.inputs[0])
    if x.dtype == "float32":
        return []
    low, high = activation_range("RELU6", scale(x), zero_point(x), x.dtype)
    return [clamp(graph, operator, target, low, high)]


@lowering("QUANTIZE")
def lower_quantize(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """From float by division; between integers by a table, or by arithmetic where there are more than 8 bits."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype == "float32":
        function = "tk_quantize_float" if y.dtype == "int8" else "tk_quantize_float_int16"
        factor = Constant("scale", np.array([scale(y)], np.float32), 4)
        return [elementwise(graph, operator, target, function, [factor, zero_point(y)], in_place=False)]
    if x.dtype in WIDE or y.dtype == "int32":
        multiplier, shift = quantize_multiplier(scale(x) / scale(y))
        low, high = (limit - zero_point(y) for limit in INTEGER_RANGES[y.dtype])
        arguments: list[Argument] = [zero_point(x), multiplier, -shift, zero_point(y), low, high]
        types = {"from": TYPES[x.dtype], "to": TYPES[y.dtype]}
        same = x.dtype == y.dtype
        return [elementwise(graph, operator, target, "tk_requantize_values", arguments, in_place=same, shape=types)]
    return [lookup(graph, operator, target, requantize(every_value(x), quantization(x), quantization(y), y.dtype))]


@lowering("DEQUANTIZE")
def lower_dequantize(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A multiplication."""
    x = graph.tensor(operator.inputs[0])
    function = "tk_dequantize" if x.dtype == "int8" else f"tk_dequantize_{x.dtype}"
    factor = Constant("scale", np.array([scale(x)], np.float32), 4)
    return [elementwise(graph, operator, target, function, [factor, zero_point(x)], in_place=False)]


def every_value(tensor: Tensor) -> np.ndarray:
    """All values of the tensor's type, ascending."""
    low, high = INTEGER_RANGES[tensor.dtype]
    return np.arange(low, high + 1)


def clamp(graph: Graph, operator: Operator, target: Target, low: int, high: int) -> Step:
    """A step that keeps values between `low` and `high`."""
    shape = {"from": TYPES[graph.tensor(operator.inputs[0]).dtype]}
    return elementwise(graph, operator, target, "tk_clamp_values", [low, high], in_place=True, shape=shape)


def lookup(graph: Graph, operator: Operator, target: Target, values: np.ndarray) -> Step:
    """A step that looks results up: `values` are those of all inputs, ascending; the table goes by unsigned byte."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    by_byte = np.roll(values, 128) if x.dtype == "int8" else values
    wide = y.dtype == "int16"
    table = by_byte.astype(np.int16) if wide else by_byte.astype(y.dtype).view(np.int8)
    function = "tk_lookup_int16" if wide else "tk_lookup"
    arguments: list[Argument] = [Constant("table", table, 2 if wide else 1)]
    return elementwise(graph, operator, target, function, arguments, in_place=not wide)


def elementwise(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    arguments: Sequence[Argument],
    *,
    in_place: bool,
    shape: dict[str, int] | None = None,
    library: tuple[str, ...] = (),
) -> Step:
    """A step that calls a kernel of `elementwise.h` or `functions.h`; `shape` is what it needs beside the count."""
    count = graph.tensor(operator.outputs[0]).elements
    return make_step(
        operator,
        target,
        function,
        {"count": count, **(shape or {})},
        [INPUT, OUTPUT, *arguments],
        outputs=count,
        overlaps=(IN_PLACE,) if in_place else (),
        library=library,
    )
