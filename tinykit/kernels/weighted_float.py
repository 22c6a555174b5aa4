"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV of float32, in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.arithmetic import activation_limits
from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, make_step, optional_input
from tinykit.kernels.weighted import geometry
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("CONV_2D", dtype="float32")
def lower_conv_2d(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """TFLM's sums in its order: row by row of the window, channels innermost."""
    shape = _geometry(graph, operator, 0) | {"groups": operator.options.groups}
    return [_step(graph, operator, target, "tk_conv_2d_float", shape)]


@lowering("DEPTHWISE_CONV_2D", dtype="float32")
def lower_depthwise_conv_2d(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """The same with one channel a sum."""
    return [_step(graph, operator, target, "tk_depthwise_conv_2d_float", _geometry(graph, operator, 0))]


@lowering("FULLY_CONNECTED", dtype="float32")
def lower_fully_connected(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A pointwise convolution over its rows."""
    x, weights = (graph.tensor(i) for i in operator.inputs[:2])
    units, depth = weights.shape
    rows = x.elements // depth
    window = ("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width")
    shape = {
        "batches": 1,
        **{"input_height": 1, "input_width": rows, "input_channels": depth},
        **{"output_height": 1, "output_width": rows, "output_channels": units},
        **dict.fromkeys(window, 1),
        **{"pad_top": 0, "pad_left": 0, "groups": 1},
    }
    return [_step(graph, operator, target, "tk_conv_2d_float", shape)]


@lowering("TRANSPOSE_CONV")
def lower_transpose_conv(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """Each output value from the inputs that reach it, in the order of the inputs."""
    if graph.tensor(operator.inputs[2]).dtype != "float32":
        return []
    shape = _geometry(graph, operator, 2)
    return [_step(graph, operator, target, "tk_transpose_conv_float", shape, data=2, bias=3)]


def float_limits(activation: str) -> Constant:
    """The clamp of a fused activation."""
    return Constant("limits", np.array(activation_limits(activation), np.float32), 4)


def _geometry(graph: Graph, operator: Operator, data: int) -> dict[str, int]:
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[data], operator.inputs[1], operator.outputs[0]))
    axes = operator.options.vertical, operator.options.horizontal
    return {"batches": x.shape[0], **geometry(x.shape, weights.shape, y.shape, *axes), "groups": 1}


def _step(
    graph: Graph,
    operator: Operator,
    target: Target,
    function: str,
    shape: dict[str, int],
    *,
    data: int = 0,
    bias: int = 2,
) -> Step:
    """`data` and `bias`: positions among the operator's inputs."""
    x, weights, y = (graph.tensor(i) for i in (operator.inputs[data], operator.inputs[1], operator.outputs[0]))
    assert weights.data is not None
    channels = shape["output_channels"]
    # Every weight meets each pixel of the output; in a transposed convolution each one of the input.
    image = x if operator.op == "TRANSPOSE_CONV" else y
    return make_step(
        operator,
        target,
        function,
        dict(shape),
        [
            INPUT,
            OUTPUT,
            Constant("weights", weights.data, 4),
            Constant("bias", _bias(optional_input(graph, operator, bias), channels), 4),
            float_limits(operator.options.activation),
        ],
        macs=image.elements // image.shape[-1] * weights.elements,
        outputs=y.elements,
        inputs=(x.index,),
    )


def _bias(bias: Tensor | None, channels: int) -> np.ndarray:
    """Zeros where there is none: TFLM adds them too, or adds nothing to a sum that is never -0."""
    return np.zeros(channels, np.float32) if bias is None or bias.data is None else bias.data.reshape(-1)
