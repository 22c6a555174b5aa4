"""Float functions on devices: how far newlib and picolibc are from the host's C library, in units of the last place."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason='the judge is not installed: pip install "tinykit[verify]"')

from tests.support import floats
from tests.support.builder import ModelBuilder
from tests.support.elementwise import unary
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.emulated import emulated_model
from tinykit.validate.judge import Judge
from tinykit.validate.vectors import vectors

DOCS = Path(__file__).parents[2] / "docs" / "arithmetic.md"
CORES = ("cortex-m0", "cortex-m4", "rv32imc")
COUNT, VECTORS = 60, 12

UNITS = {
    "SQRT": 0,
    "RSQRT": 0,
    "EXP": 1,
    "LOG": 1,
    "SIN": 1,
    "COS": 1,
    "TANH": 2,
    "LOGISTIC": 2,
    "ELU": 2,
    "LOG_SOFTMAX": 2,
}
"""The most that a result may differ from TFLM's on the host, in units of the last place of the greater magnitude."""

POSITIVE = ("SQRT", "RSQRT", "LOG")


def model() -> bytes:
    """Each function from an input of its own to an output of its own."""
    built = ModelBuilder(1)
    return built.finish([unary(built, built.input((1, COUNT), dtype="float32"), op=op) for op in UNITS])


def inputs() -> list[np.ndarray]:
    """For each input vectors of ordinary values, then of values over many powers of two."""
    random = np.random.default_rng(7)
    shape, found = (VECTORS // 2, 1, COUNT), []
    for op in UNITS:
        plain = random.uniform(-6, 6, shape)
        wide = random.choice([-1, 1], shape) * 2.0 ** random.uniform(-12, 5, shape)
        batch = np.concatenate([plain, wide]).astype(np.float32)
        found.append(np.abs(batch) if op in POSITIVE else batch)
    return found


def units_apart(a: np.ndarray, b: np.ndarray) -> int:
    """The greatest difference, in units of the last place."""
    size = np.spacing(np.maximum(np.abs(a), np.abs(b)).astype(np.float32))
    return int(np.ceil(np.max(np.abs(a.astype(np.float64) - b) / size)))


@pytest.mark.emulated
@pytest.mark.parametrize("core", CORES)
def test_functions_are_within_what_the_docs_say(core: str) -> None:
    given = inputs()
    with Judge(model()) as judge, emulated_model(make_plan(read_graph(model(), "floats"), target(core))) as device:
        ours, theirs = device.run_many(given), judge.run_batches(given)
    apart = {op: units_apart(a, b) for op, a, b in zip(UNITS, ours, theirs, strict=True)}
    assert all(apart[op] <= UNITS[op] for op in UNITS), apart


def sums() -> bytes:
    """Every operator that adds up float32 values, from an int8 image to float32 outputs of its own."""
    built = ModelBuilder(2)
    x = built.operator("DEQUANTIZE", [built.input((1, 5, 6, 4))], (1, 5, 6, 4), dtype="float32")
    made = [
        floats.conv_2d(built, x, groups=2, dilation=(1, 2)),
        floats.depthwise_conv_2d(built, x, strides=(2, 1)),
        floats.transpose_conv(built, x, filters=2),
        floats.fully_connected(built, x, activation="RELU6"),
        floats.batch_matmul(built, x, shape=(4, 3), adj_x=False, adj_y=False, constant="second"),
        floats.floor_mod(built, x, shape=(4,)),
        *(floats.pool_2d(built, x, op=f"{kind}_POOL_2D") for kind in ("AVERAGE", "MAX", "L2")),
    ]
    return built.finish(made)


@pytest.mark.emulated
@pytest.mark.parametrize("core", CORES)
def test_sums_have_the_host_s_bits(core: str) -> None:
    plan = make_plan(read_graph(sums(), "sums"), target(core))
    given = vectors(plan.graph, VECTORS)
    with Judge(sums()) as judge, emulated_model(plan) as device:
        pairs = list(zip(device.run_many(given), judge.run_batches(given), strict=True))
    assert len(pairs) == 9
    assert all(np.array_equal(ours.view(np.uint32), theirs.view(np.uint32)) for ours, theirs in pairs)


def test_the_docs_hold_the_limits() -> None:
    rows = dict(re.findall(r"^\| ([A-Z_, ]+) \| (\d) \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    told = {op: int(units) for ops, units in rows.items() for op in ops.split(", ")}
    assert told == UNITS
