"""Functions of one value: a table for int8, two straight lines for int16, the C library for float32."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinykit.graph.arithmetic import INTEGER_RANGES, activation_range, quantize_multiplier
from tinykit.graph.model import Graph, Operator, Quantization
from tinykit.graph.ops.functions import FLOAT_FUNCTIONS
from tinykit.kernels import tables
from tinykit.kernels.elementwise import elementwise, lookup
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import quantization, scale, zero_point
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LIBRARY = {
    "SQRT": "sqrtf",
    "RSQRT": "sqrtf",
    "EXP": "expf",
    "LOG": "logf",
    "SIN": "sinf",
    "COS": "cosf",
    "FLOOR": "floorf",
    "CEIL": "ceilf",
    "ROUND": "floorf",
    "ELU": "expm1f",
    "TANH": "tanhf",
    "LOGISTIC": "expf",
}
"""The C library's function behind an operator."""

Table = Callable[[Quantization, Quantization, Operator], np.ndarray]

TABLES: dict[str, Table] = {
    "ABS": lambda x, y, _: tables.absolute(x, y),
    "RSQRT": lambda x, y, _: tables.rsqrt(x, y),
    "SQRT": lambda x, y, _: tables.root(x, y),
    "HARD_SWISH": lambda x, y, _: tables.hard_swish(x, y),
    "TANH": lambda x, _y, _: tables.tanh(x),
    "LEAKY_RELU": lambda x, y, operator: tables.leaky_relu(x, y, operator.options.alpha),
    "RELU_N1_TO_1": lambda x, y, _: tables.relu_n1_to_1(x, y),
    "ELU": lambda x, y, _: tables.by_function(elu, x, y),
    "EXP": lambda x, y, _: tables.by_function(exponential, x, y),
    "LOG": lambda x, y, _: tables.by_function(logarithm, x, y),
    "GELU": lambda x, y, operator: tables.by_function(gelu_tanh if operator.options.approximate else gelu, x, y),
}
"""The results of all int8 inputs, by operator."""


def elu(x: float) -> float:
    """exp(x) - 1 below 0, subtracted in float32."""
    return float(np.float32(math.exp(x)) - np.float32(1)) if x < 0 else x


def exponential(x: float) -> float:
    """exp(x), infinite where that is too large."""
    return math.exp(x) if x < 700 else math.inf


def logarithm(x: float) -> float:
    """The natural logarithm; of 0 minus infinity, of what is below not a number."""
    if x <= 0:
        return -math.inf if x == 0 else math.nan
    return math.log(x)


def gelu(x: float) -> float:
    """x times the normal distribution's share below x."""
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def gelu_tanh(x: float) -> float:
    """The same by tanh (Hendrycks and Gimpel, 2016)."""
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@lowering(*TABLES)
def lower_table(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A table."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype != "int8":
        return []
    return [lookup(graph, operator, target, TABLES[operator.op](quantization(x), quantization(y), operator))]


@lowering(*FLOAT_FUNCTIONS)
def lower_float(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One call of the C library a value, or none."""
    if graph.tensor(operator.inputs[0]).dtype != "float32":
        return []
    alpha = Constant("alpha", np.array([getattr(operator.options, "alpha", 0.0)], np.float32), 4)
    shape = {"operation": FLOAT_FUNCTIONS.index(operator.op), "is_magnitude": 0, "is_negated": 0}
    library = (LIBRARY[operator.op],) if operator.op in LIBRARY else ()
    function = "tk_function_float"
    return [elementwise(graph, operator, target, function, [alpha], in_place=True, shape=shape, library=library)]


@lowering("ABS", "RELU", "LEAKY_RELU")
def lower_int16(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One factor below the zero point, one above."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype != "int16":
        return []
    low, high = INTEGER_RANGES["int16"]
    below = above = quantize_multiplier(scale(x) / scale(y))
    if operator.op == "LEAKY_RELU":
        below, above = tables.leaky_multipliers(quantization(x), quantization(y), operator.options.alpha)
    if operator.op == "RELU":
        low, high = activation_range("RELU", scale(y), zero_point(y), y.dtype)
    shape = {
        "operation": 0,
        "is_magnitude": int(operator.op == "ABS"),
        "is_negated": int(getattr(operator.options, "alpha", 0.0) < 0),
    }
    factors = [below[0], -below[1], above[0], -above[1]]
    arguments = [zero_point(x), *factors, zero_point(y), low, high]
    return [elementwise(graph, operator, target, "tk_slopes_int16", arguments, in_place=True, shape=shape)]


@lowering("RSQRT")
def lower_rsqrt_int16(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Newton's method for every value: a table would have 64 KB."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    if x.dtype != "int16":
        return []
    multiplier, shift = tables.rsqrt_multiplier(quantization(x), quantization(y))
    return [elementwise(graph, operator, target, "tk_rsqrt_int16", [multiplier, -shift], in_place=True)]


@lowering("LOGICAL_NOT")
def lower_not(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A table of bytes."""
    values = (np.arange(256) == 0).astype(np.uint8)
    return [lookup(graph, operator, target, values)]
