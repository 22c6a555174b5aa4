"""Operators that TFLM lacks equal TFLite's reference kernels, for every input byte."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.beyond_tflm import GOLDENS, INPUTS, cases
from tests.support.elementwise import select_v2
from tests.support.models import single
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


@pytest.mark.train
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_select_equals_the_reference_kernels(dtype: str) -> None:
    model = single(select_v2, (2, 3, 5), input_dtype="bool", input_zero_point=0, dtype=dtype, op="SELECT")
    result = verify(model, vectors=24)
    assert result["bit_exact"] and result["tensors"] == 1 and result["judge"].startswith("tensorflow")
