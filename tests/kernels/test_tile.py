"""TILE equals the reference kernels of TensorFlow Lite 2.19, kept in tests/goldens/tile.npz."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.goldens.tile import CASES, GOLDENS
from tests.support.models import single
from tests.support.movement import tile
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostProgram


def test_equals_the_goldens() -> None:
    with np.load(GOLDENS, allow_pickle=False) as goldens:
        kept = {name: goldens[name] for name in goldens.files}
    numbers = range(len(CASES))
    plans = [make_plan(read_graph(kept[f"model_{k}"].tobytes(), f"m{k}"), target("host")) for k in numbers]
    outputs = HostProgram(plans, optimize="-O2").run([[kept[f"inputs_{k}"]] for k in numbers])
    for k, (found,) in zip(numbers, outputs, strict=True):
        np.testing.assert_array_equal(found, kept[f"outputs_{k}"], err_msg=str(CASES[k]), strict=True)


def test_the_goldens_are_of_these_models() -> None:
    with np.load(GOLDENS, allow_pickle=False) as goldens:
        for k, (shape, times, dtype) in enumerate(CASES):
            model = single(tile, shape, times=times, input_dtype=dtype, input_zero_point=0)
            assert goldens[f"model_{k}"].tobytes() == model
