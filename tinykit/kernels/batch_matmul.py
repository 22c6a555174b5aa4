"""BATCH_MATMUL in portable C."""

from __future__ import annotations

from tinykit.graph.arithmetic import fully_connected_multiplier, short_multiplier
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.graph.ops.batch_matmul import matrix
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import OUTPUT, Argument, make_step, scale, zero_point
from tinykit.plan.model import Constant, Pointer, Step
from tinykit.targets import Target

BATCH_AXES = 3


@lowering("BATCH_MATMUL")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """One output value at a time; either operand may be constant."""
    tensors = [graph.tensor(i) for i in operator.inputs]
    a, b = tensors
    y = graph.tensor(operator.outputs[0])
    adjoints = operator.options.adj_x, operator.options.adj_y
    (rows, depth), (_, columns) = matrix(a, adjoints[0]), matrix(b, adjoints[1])
    batches = (1,) * (BATCH_AXES - len(y.shape) + 2) + y.shape[:-2]
    shape: dict[str, int | tuple[int, ...]] = {"batches": batches, "rows": rows, "columns": columns, "depth": depth}
    for name, tensor, is_transposed in zip("ab", tensors, adjoints, strict=True):
        width = tensor.shape[-1]
        row, column = (1, width) if is_transposed else (width, 1)
        shape |= {f"{name}_batch": _batch_steps(tensor), f"{name}_row": row, f"{name}_column": column}
    function, arguments, shape["down"] = _requantization(a, b, y, depth)
    computed = tuple(t.index for t in tensors if not t.is_constant)
    operands: list[Argument] = [_operand(t, computed) for t in tensors]
    return [
        make_step(
            operator,
            target,
            function,
            shape,
            [*operands, OUTPUT, *arguments],
            macs=y.elements * depth,
            outputs=y.elements,
            inputs=computed,
        )
    ]


def _requantization(a: Tensor, b: Tensor, y: Tensor, depth: int) -> tuple[str, list[Argument], int]:
    """The kernel for these types, the numbers it takes, and whether tk_scale_down is safe."""
    if a.dtype == "float32":
        return "tk_batch_matmul_float", [], 0
    multiplier, shift = fully_connected_multiplier(scale(a), scale(b), scale(y))
    largest = max(abs(limit - zero_point(a)) for limit in (-128, 127)) * 255 * depth
    down = int(shift <= -1 and largest < 1 << 30)
    if a.dtype == "int16":
        return "tk_batch_matmul_int16", [short_multiplier(multiplier), -shift], down
    return "tk_batch_matmul", [zero_point(a), zero_point(b), multiplier, -shift, zero_point(y)], down


def _batch_steps(tensor: Tensor) -> tuple[int, ...]:
    """Values from one matrix to the next along each batch axis; 0 along one that repeats."""
    sizes = (1,) * (BATCH_AXES - len(tensor.shape) + 2) + tensor.shape[:-2]
    steps, step = [], tensor.shape[-1] * tensor.shape[-2]
    for size in reversed(sizes):
        steps.append(step if size > 1 else 0)
        step *= size
    return tuple(reversed(steps))


def _operand(tensor: Tensor, computed: tuple[int, ...]) -> Argument:
    if tensor.data is not None:
        return Constant("matrix", tensor.data, tensor.data.dtype.itemsize)
    return Pointer("input", computed.index(tensor.index))
