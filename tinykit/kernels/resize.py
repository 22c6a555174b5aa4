"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR in portable C: where rows and columns come from is computed here.

The positions follow TFLM's reference/resize_bilinear.h (10 fractional bits for int8, float32 else) and
reference/resize_nearest_neighbor.h (float32).
"""

from __future__ import annotations

import numpy as np

from tinykit.errors import Problem, UnsupportedModel
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.resize_bilinear import ResizeOptions
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, Argument, make_step
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target

LARGEST_SIDE = 1 << 15
"""Tables hold 16-bit positions."""

ONE = 1 << 10


@lowering("RESIZE_NEAREST_NEIGHBOR")
def lower_nearest(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A pixel at a time."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    _check_sides(graph, operator)
    tables: list[Argument] = [
        Constant(role, nearest(x.shape[axis], y.shape[axis], operator.options).astype(np.int16), 2)
        for role, axis in (("rows", 1), ("columns", 2))
    ]
    shape = {**_sides(graph, operator), "bytes": x.shape[3] * np.dtype(x.dtype).itemsize}
    pixels = y.elements // y.shape[3]
    return [
        make_step(
            operator,
            target,
            "tk_resize_nearest",
            shape,
            [INPUT, OUTPUT, *tables],
            reads=pixels,
            outputs=y.nbytes,
            library=("memcpy",),
        )
    ]


@lowering("RESIZE_BILINEAR")
def lower_bilinear(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Four neighbours of each output value."""
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    _check_sides(graph, operator)
    tables: list[Argument] = []
    for role, axis in (("rows", 1), ("columns", 2)):
        if x.dtype == "int8":
            table = bilinear(x.shape[axis], y.shape[axis], operator.options)
            if (table[:, :2] >= x.shape[axis]).any():
                raise _refused(operator, f"TFLM rounds its scale so that it reads outside {x.shape}")
            tables.append(Constant(role, table.astype(np.int16), 2))
        else:
            places, fractions = bilinear_float(x.shape[axis], y.shape[axis], operator.options)
            tables += [Constant(f"{role}_places", places.astype(np.int16), 2), Constant(f"{role}_parts", fractions, 4)]
    function = "tk_resize_bilinear" if x.dtype == "int8" else "tk_resize_bilinear_float"
    shape = {**_sides(graph, operator), "channels": x.shape[3]}
    return [make_step(operator, target, function, shape, [INPUT, OUTPUT, *tables], outputs=y.elements)]


def _sides(graph: Graph, operator: Operator) -> dict[str, int | tuple[int, ...]]:
    x, y = graph.tensor(operator.inputs[0]), graph.tensor(operator.outputs[0])
    return {
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
    }


def _check_sides(graph: Graph, operator: Operator) -> None:
    shapes = [graph.tensor(i).shape for i in (operator.inputs[0], operator.outputs[0])]
    if max(max(shape[1:3]) for shape in shapes) >= LARGEST_SIDE:
        raise _refused(operator, f"{shapes[0]} to {shapes[1]} is larger than images are")


def _refused(operator: Operator, why: str) -> UnsupportedModel:
    return UnsupportedModel([Problem(operator.name, operator.op, why, "Resize to a smaller image")])


def nearest(size: int, count: int, options: ResizeOptions) -> np.ndarray:
    """The input position of each of `count` output positions, int64."""
    aligned = options.align_corners and count > 1
    scale = np.float32(size - 1) / np.float32(count - 1) if aligned else np.float32(size) / np.float32(count)
    offset = np.float32(0.5 if options.half_pixel_centers else 0)
    places = (np.arange(count).astype(np.float32) + offset) * scale
    # Halves are rounded away from zero; no place is negative.
    rounded = np.floor(places.astype(np.float64) + 0.5) if options.align_corners else np.floor(places)
    return np.clip(rounded.astype(np.int64), 0, size - 1)


def bilinear(size: int, count: int, options: ResizeOptions) -> np.ndarray:
    """(count, 3): the input positions below and above, and how much of 1024 the upper one weighs."""
    scale = (ONE * size + count // 2) // count
    if options.align_corners and count > 1:
        scale = (ONE * (size - 1) + (count - 1) // 2) // (count - 1)
    places = np.arange(count) * scale + (scale // 2 - ONE // 2 if options.half_pixel_centers else 0)
    # C's division goes towards zero; the lower bound of 0 makes that and numpy's floor the same.
    below = np.maximum(places // ONE, 0)
    above = np.minimum(-(-places // ONE), size - 1)
    above = np.where(places < 0, np.trunc((places + ONE - 1) / ONE).astype(np.int64), above)
    return np.stack([below, above, places - ONE * below], axis=1)


def bilinear_float(size: int, count: int, options: ResizeOptions) -> tuple[np.ndarray, np.ndarray]:
    """(count, 2) input positions below and above, int64; and the float32 fraction between them."""
    aligned = options.align_corners and count > 1
    scale = np.float32(size - 1) / np.float32(count - 1) if aligned else np.float32(size) / np.float32(count)
    half = np.float32(0.5)
    places = np.arange(count).astype(np.float32)
    places = (places + half) * scale - half if options.half_pixel_centers else places * scale
    below = np.maximum(np.floor(places).astype(np.int64), 0)
    above = np.minimum(np.ceil(places).astype(np.int64), size - 1)
    return np.stack([below, above], axis=1), places - below.astype(np.float32)
