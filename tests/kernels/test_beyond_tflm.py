"""Operators that TFLM lacks equal TFLite's reference kernels, for every input byte."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.beyond_tflm import GOLDENS, INPUTS, cases
from tests.support.elementwise import cast, select_v2
from tests.support.models import ModelBuilder, relu, single
from tests.support.movement import concatenation, strided_slice, unpack
from tests.support.reductions import arg_extreme, reduction
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.parity import verify


def test_operators_beyond_tflm_equal_tflite() -> None:
    everything = cases()
    plans = [make_plan(read_graph(one.model, f"m{k}"), target("host")) for k, one in enumerate(everything)]
    answers = HostProgram(plans, optimize="-O2").run([[INPUTS]] * len(plans))
    with np.load(GOLDENS, allow_pickle=False) as goldens:
        results = goldens["results"]
    assert len(results) == len(everything)
    for one, (ours,), theirs in zip(everything, answers, results, strict=True):
        np.testing.assert_array_equal(ours[0], theirs, err_msg=one.label)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_select_equals_select_v2_of_tflm(dtype: str) -> None:
    model = single(select_v2, (2, 3, 5), input_dtype="bool", input_zero_point=0, dtype=dtype, op="SELECT")
    result = verify(model, vectors=24)
    assert result["bit_exact"] and result["tensors"] == 1 and result["judge"].startswith("tflite-micro")


def many_operators() -> bytes:
    """One model of what TFLM lacks, each from an input of its own to an output of its own."""
    model = ModelBuilder(5)
    flags = model.input((3, 1, 4, 5), dtype="bool")
    outputs = [
        reduction(model, flags, op=op, axes=axes, keep_dims=axes == (-1,))
        for op in ("REDUCE_ANY", "REDUCE_ALL")
        for axes in ((0,), (-1,), (1, 3), (0, 1, 2, 3))
    ]
    for dtype in ("float32", "int32"):
        x = model.input((2, 30), dtype=dtype)
        bounds = [-2.5, -1.0, 0.0, 0.0, 0.25, 3.0, 100.0]
        outputs.append(model.operator("BUCKETIZE", [x], x.shape, dtype="int32", boundaries=bounds))
    for dtype in ("int8", "int16", "int32", "bool", "int64"):
        outputs.append(cast(model, model.input((7,), zero_point=0, dtype=dtype), dtype="int64"))
    wide = model.input((9,), dtype="int64")
    outputs += [cast(model, wide, dtype=dtype) for dtype in ("int8", "int16", "int32")]
    for dtype in ("int8", "float32"):
        x = model.input((3, 7, 2), dtype=dtype)
        for op in ("ARG_MAX", "ARG_MIN"):
            outputs.append(arg_extreme(model, x, op=op, axis=1, dtype="int64"))
    wide = model.input((3, 5, 4), 0.001, 0, "int16")
    outputs += [reduction(model, wide, op=f"REDUCE_{kind}", axes=(1,)) for kind in ("MAX", "MIN")]
    outputs += unpack(model, flags, axis=2)
    x = model.input((2, 3))
    outputs.append(concatenation(model, [x] * 7 + [relu(model, x)] * 6, axis=1))
    x = model.input((2, 3, 4, 2, 3))
    outputs.append(strided_slice(model, x, begin=(1, 0, 3, 0, 2), end=(2, 3, 0, 2, 0), strides=(1, 2, -2, 1, -1)))
    return model.finish(outputs)


@pytest.mark.train
def test_what_tflm_lacks_equals_the_reference_kernels() -> None:
    result = verify(many_operators(), vectors=48, sanitize=True)
    assert result["bit_exact"], result["first_divergent_layer"]
    assert result["judge"].startswith("tensorflow") and result["tensors"] == result["tensors_computed"] > 20
