"""What float32 operators keep to: no fused arithmetic, NaN and infinities as TFLM, no undefined behaviour, refusals."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import require_tool
from tests.support import floats
from tests.support.builder import ModelBuilder
from tests.support.elementwise import in_float
from tests.support.equality import ARENA_BYTES, Case, assert_equal, case
from tests.support.movement import resize
from tinykit.codegen.emit import emit
from tinykit.errors import ModelError, UnsupportedModel
from tinykit.graph.reader import read_graph
from tinykit.graph.support import require_supported
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.host import HostProgram
from tinykit.validate.judge_worker import Worker

IMAGE = (1, 6, 5, 4)
CLAMPS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")


def between(shape: tuple[int, ...], operator: Any, /, **attributes: Any) -> Case:
    return case(floats.between, shape, of=operator, **attributes)


CASES = (
    between((1, 5, 7, 4), floats.conv_2d, filters=6, groups=2, dilation=(1, 2), activation="RELU6"),
    between((2, 2, 2, 3), floats.conv_2d, kernel=(5, 5), bias=False),
    between(IMAGE, floats.depthwise_conv_2d, multiplier=2, strides=(2, 1), padding="VALID"),
    between(IMAGE, floats.transpose_conv, kernel=(2, 5), strides=(3, 2), more=(2, 1), padding="VALID"),
    between((3, 9), floats.fully_connected, activation="RELU_N1_TO_1"),
    between((2, 3, 5), floats.batch_matmul, shape=(5, 2), adj_x=False, adj_y=False, constant="second"),
    between((2, 3), floats.floor_mod, shape=(3,)),
    *(between(IMAGE, floats.pool_2d, op=op, kernel=(3, 2), strides=(2, 3), activation="RELU") for op in POOLS),
)


def test_kernels_are_clean_and_equal() -> None:
    assert_equal(CASES, sanitize=True)


HARD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-45, -1e-40, 1.5, -7.0, 6.0], np.float32)


def test_nan_infinities_and_zeros_are_tflm_s() -> None:
    """The same bits, but for those of NaN."""
    common: dict[str, Any] = {"input_dtype": "float32", "edges": "in"}
    edge = [between((1, 4, 4, 2), floats.conv_2d, activation=clamp, **common) for clamp in CLAMPS]
    edge += [between((1, 4, 4, 2), o, **common) for o in (floats.depthwise_conv_2d, floats.transpose_conv)]
    edge += [between((1, 4, 4, 2), floats.pool_2d, op=op, kernel=(1, 2), **common) for op in POOLS]
    edge += [between((4, 8), floats.fully_connected, **common), between((4, 8), floats.floor_mod, shape=(8,), **common)]
    edge += [between((4, 8), floats.floor_mod, shape=(8,), swapped=True, **common)]
    plans = [make_plan(read_graph(c.model, f"m{k}"), target("host")) for k, c in enumerate(edge)]
    random = np.random.default_rng(3)
    batches = [[random.choice(HARD, (24, *p.graph.tensor(p.graph.inputs[0]).shape))] for p in plans]
    for plan, one, batch, traced in zip(plans, edge, batches, HostProgram(plans).trace(batches), strict=True):
        worker = Worker(one.model, ARENA_BYTES)
        result = plan.steps[0].outputs[0]
        for k, vector in enumerate(batch[0]):
            indices, *tensors = worker.tensors([vector])
            theirs = dict(zip((int(i) for i in indices), tensors, strict=True))[result].reshape(-1)
            ours = traced[result][k].reshape(-1)
            assert np.array_equal(np.isnan(ours), np.isnan(theirs)), one
            known = ~np.isnan(ours)
            assert np.array_equal(ours[known].view(np.uint32), theirs[known].view(np.uint32)), one


FUSING = {
    "arm-none-eabi-gcc": ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "riscv64-unknown-elf-gcc": ("--specs=picolibc.specs", "-march=rv32imafc", "-mabi=ilp32f"),
    "gcc": ("-mfma",),
}
"""Compilers that fuse products into sums under -std=gnu99, for cores that can."""


@pytest.mark.parametrize("compiler", FUSING)
def test_no_compiler_fuses_products_into_sums(tmp_path: Path, compiler: str) -> None:
    require_tool(compiler, compiler)
    more = case(in_float, (2, 8), op="L2_NORMALIZATION"), case(resize, (1, 3, 4, 2), size=(5, 7), input_dtype="float32")
    command = [compiler, "-std=gnu99", "-O2", "-ffp-contract=fast", *FUSING[compiler], "-S"]
    (tmp_path / "fused.c").write_text("float f(float a, float b, float c) { return a * b + c; }\n")
    names = []
    for k, one in enumerate((*CASES, *more)):
        for name, text in emit(make_plan(read_graph(one.model, f"m{k}"), target("host"))).items():
            (tmp_path / name).write_text(text)
        names.append(f"m{k}.c")
    subprocess.run([*command, "fused.c", *names], cwd=tmp_path, check=True, timeout=60)
    fused = {
        path.name for path in tmp_path.glob("*.s") if re.search(r"\bv?fn?m(?:a|s|add|sub)\d*[.s]", path.read_text())
    }
    assert fused == {"fused.s"}


def test_int8_weights_under_float_activations_are_refused_with_advice() -> None:
    model = ModelBuilder(1)
    x = model.operator("DEQUANTIZE", [model.input((1, 4))], (1, 4), dtype="float32")
    weights = model.constant(np.ones((3, 4), np.int8), [0.1])
    hybrid = model.operator("FULLY_CONNECTED", [x, weights, None], (1, 3), dtype="float32")
    with pytest.raises(ModelError, match="dynamic-range"):
        require_supported(read_graph(model.finish()))
    model.operator("QUANTIZE", [hybrid], hybrid.shape, 0.1, 0)
    with pytest.raises(UnsupportedModel, match=r"float32, not int8.*tinykit quantize"):
        require_supported(read_graph(model.finish()))


@pytest.mark.parametrize("op", POOLS)
def test_a_model_wholly_in_float_is_refused_as_such(op: str) -> None:
    model = ModelBuilder(1)
    pooled = floats.pool_2d(model, model.input((1, 4, 4, 2), dtype="float32"), op=op)
    with pytest.raises(ModelError, match="the model computes in float32"):
        require_supported(read_graph(model.finish([pooled])))
