"""SVDF in portable C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinykit.graph.accumulator import bias_values
from tinykit.graph.arithmetic import INTEGER_RANGES, quantize_multiplier
from tinykit.graph.model import Graph, Operator
from tinykit.graph.ops.svdf import BIAS, FEATURE, STATE, TIME, scales
from tinykit.kernels.broadcast import TYPES
from tinykit.kernels.registry import lowering
from tinykit.kernels.steps import INPUT, OUTPUT, fold_sums, make_step, zero_point
from tinykit.kernels.steps import STATE as STATE_POINTER
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("SVDF")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A filter at a time: its feature, its memory moved on, its sum over time."""
    x, feature, time, bias, state = (graph.tensor(operator.inputs[i]) for i in (0, FEATURE, TIME, BIAS, STATE))
    y = graph.tensor(operator.outputs[0])
    assert feature.data is not None and time.data is not None
    filters, memory = time.shape
    to_state, to_output = (quantize_multiplier(real) for real in scales(x, feature, time, state, y))
    sums = fold_sums(
        operator,
        feature.data.astype(np.int64),
        None,
        input_zero_point=zero_point(x),
        multipliers=np.full(filters, to_state[0]),
        shifts=np.full(filters, to_state[1]),
    )
    low, high = INTEGER_RANGES[state.dtype]
    step = make_step(
        operator,
        target,
        "tk_svdf",
        {
            "batches": x.shape[0],
            "depth": x.shape[1],
            "units": y.shape[1],
            "rank": operator.options.rank,
            "memory": memory,
            "type": TYPES[state.dtype],
            "low": low,
            "high": high,
        },
        [
            INPUT,
            STATE_POINTER,
            OUTPUT,
            Constant("features", feature.data),
            Constant("feature_bias", sums.bias, 4),
            Constant("time", time.data, time.data.dtype.itemsize),
            Constant("bias", bias_values(bias, y.shape[1]).astype(np.int32), 4),
            zero_point(state),
            to_state[0],
            -to_state[1],
            to_output[0],
            -to_output[1],
            zero_point(y),
        ],
        macs=x.shape[0] * filters * (x.shape[1] + memory),
        outputs=y.elements,
    )
    return [replace(step, states=(state.index,))]
