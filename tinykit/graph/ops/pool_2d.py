"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D: input (n, h, w, c) to output (n, h', w', c), channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.accumulator import inspect_activations
from tinykit.graph.definition import QUANTIZE_FIRST, Definition, Inspection, Operands, activation_name, padding_name
from tinykit.graph.flatbuffer import Table
from tinykit.graph.schema import OPTIONS, PADDINGS
from tinykit.graph.schema import POOL_2D_OPTIONS as FIELD
from tinykit.graph.window import Axis, inspect_axis, resolve


@dataclass(frozen=True)
class Pool2DOptions:
    """Options of AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D.

    Attributes: `vertical`, `horizontal` the window's steps and padding; `height`, `width` its size; `activation` the
    fused clamp; `padding` as the file names it. Padding does not count in the result.
    """

    vertical: Axis
    horizontal: Axis
    height: int
    width: int
    activation: str = "NONE"
    padding: str = "VALID"


def parse(table: Table, operands: Operands) -> Pool2DOptions:
    padding = padding_name(table, FIELD.padding)
    x = operands.shape(0)
    image_height, image_width = x[1:3] if len(x) == 4 else (0, 0)
    width, height = table.integer(FIELD.filter_width, "i"), table.integer(FIELD.filter_height, "i")
    return Pool2DOptions(
        resolve(padding, table.integer(FIELD.stride_h, "i"), 1, image_height, height),
        resolve(padding, table.integer(FIELD.stride_w, "i"), 1, image_width, width),
        height,
        width,
        activation_name(table, FIELD.activation),
        padding,
    )


def inspect(inspection: Inspection) -> None:
    if not inspection.arity(1, 1):
        return
    x, y, options = inspection.input, inspection.output, inspection.options
    if inspection.computes_in_float(x, y):
        if inspection.rank(x, 4) and inspection.rank(y, 4) and inspection.clamp(options.activation):
            _shapes(inspection)
        return
    if inspection.operator.op == "L2_POOL_2D":
        if inspection.dtype(x, "float32"):
            inspection.require(False, "it computes in float32, and so does the whole model", QUANTIZE_FIRST)
        return
    if not inspect_activations(inspection, x, y):
        return
    if not (inspection.rank(x, 4) and inspection.rank(y, 4) and inspection.same_quantization()):
        return
    if not (inspection.activation(options.activation) and _shapes(inspection)):
        return
    inspection.require(
        options.height * options.width <= 1 << (22 if x.dtype == "int8" else 15),
        "its window is so large that sums can overflow 32 bits",
        "Use a smaller window",
    )


def _shapes(inspection: Inspection) -> bool:
    x, y, options = inspection.input, inspection.output, inspection.options
    return (
        inspection.require(options.padding in PADDINGS, f"its padding is {options.padding}")
        and inspection.require((x.shape[0], x.shape[3]) == (y.shape[0], y.shape[3]), f"it takes {x.shape} to {y.shape}")
        and inspect_axis(inspection, options.vertical, "height", (x.shape[1], options.height, y.shape[1]))
        and inspect_axis(inspection, options.horizontal, "width", (x.shape[2], options.width, y.shape[2]))
    )


DEFINITIONS = tuple(
    Definition(op, OPTIONS.POOL_2D, parse, inspect) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
)
