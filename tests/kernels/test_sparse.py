"""Kernels that leave zeros out equal TFLM, are taken where they win, and win as much as they promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.spaces import activations, quantizations
from tests.support.equality import BATCH, Case, assert_equal, case, many_models
from tests.support.models import ModelBuilder, conv_2d, fully_connected
from tinykit.boards import board
from tinykit.graph.reader import read_graph
from tinykit.kernels import lower
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.report.table import check_table
from tinykit.targets import target
from tinykit.validate.bench import bench
from tinykit.validate.check import check

HALF = BATCH // 2


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Dense layers of pruned weights, large enough for the stream to be smaller with its code."""
    block = draw(st.sampled_from([1, 1, 4]))
    return case(
        fully_connected,
        (1, 4 * draw(st.integers(20, 90)) + (draw(st.integers(0, 3)) if block == 1 else 0)),
        **draw(quantizations()),
        units=draw(st.integers(40, 60)),
        activation=draw(activations()),
        per_channel=draw(st.booleans()),
        bias=draw(st.booleans()),
        pruned=draw(st.sampled_from([0.6, 0.8, 0.95, 0.999])),
        block=block,
    )


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """Convolutions, with strides, padding and dilation too."""
    kernel = draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 3)]))
    return case(
        conv_2d,
        (1, draw(st.integers(3, 6)), draw(st.integers(3, 5)), draw(st.integers(20, 300)) // (kernel[0] * kernel[1])),
        **draw(quantizations()),
        filters=draw(st.integers(8, 24) | st.just(61)),
        kernel=kernel,
        strides=draw(st.sampled_from([(1, 1), (2, 1), (2, 2)])),
        padding=draw(st.sampled_from(["SAME", "VALID"])),
        activation=draw(activations()),
        per_channel=draw(st.booleans()),
        bias=draw(st.booleans()),
        pruned=draw(st.sampled_from([0.8, 0.95, 0.997])),
    )


@many_models
@given(
    st.lists(cases() | convolutions(), min_size=BATCH // 2, max_size=BATCH // 2),
    st.sampled_from(["cortex-m4", "cortex-m55", "host"]),
)
def test_equals_tflm(some: list[Case], core: str) -> None:
    assert_equal(some, on=core)


ANYWHERE = case(fully_connected, (1, 201), units=64, pruned=0.8)
BLOCKS = case(fully_connected, (1, 200), units=64, pruned=0.8, block=4, per_channel=True)


POINTWISE = case(conv_2d, (1, 5, 5, 70), filters=20, kernel=(1, 1), strides=(2, 2), pruned=0.95)

WINDOWS = case(conv_2d, (1, 5, 6, 24), filters=24, kernel=(3, 3), strides=(2, 1), padding="SAME", pruned=0.85)

BOTH = case(conv_2d, (1, 3, 5, 131), filters=61, kernel=(1, 1), pruned=0.8)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0", "cortex-m55"])
def test_a_sample_is_clean_under_the_sanitizers(core: str) -> None:
    assert_equal([ANYWHERE, BLOCKS, POINTWISE, WINDOWS, BOTH], sanitize=True, on=core)


def planned(one: Case, core: str = "cortex-m4") -> Plan:
    return make_plan(read_graph(one.model, "m"), target(core))


def test_the_kernel_follows_the_zeros() -> None:
    assert [step.kernel for step in planned(ANYWHERE).steps] == ["fully_connected_sparse_dsp"]
    assert [step.kernel for step in planned(BLOCKS).steps] == ["fully_connected_blocks_dsp"]
    assert [step.kernel for step in planned(BOTH).steps] == ["conv_2d_sparse_dsp"]
    assert [step.kernel for step in planned(WINDOWS).steps] == ["conv_2d_sparse_dsp"]
    assert [step.kernel for step in planned(POINTWISE).steps] == ["sparse_rows"]
    assert [step.kernel for step in planned(BLOCKS, "cortex-m55").steps] == ["fully_connected_blocks_mve"]
    assert {planned(one, "cortex-m0").steps[0].kernel for one in (ANYWHERE, BLOCKS, POINTWISE)} == {"sparse_rows"}
    assert [step.kernel for step in planned(case(fully_connected, (1, 200), units=64)).steps] == ["fully_connected_dsp"]


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("name", "block", "work", "octets"),
    [("mps2-an386", 1, 0.65, 0.45), ("mps2-an386", 4, 0.35, 0.30), ("mps3-an547", 4, 0.60, 0.30)],
)
def test_eighty_percent_of_zeros_pay(name: str, block: int, work: float, octets: float, tmp_path: Path) -> None:
    counted = []
    for pruned in (0.0, 0.8):
        path = tmp_path / f"pruned_{round(10 * pruned)}.tflite"
        path.write_bytes(case(fully_connected, (1, 512), units=256, pruned=pruned, block=block).model)
        counted.append(bench(path, board(name), folder=tmp_path / path.stem))
    dense, sparse = counted
    assert sparse["bit_exact"]
    assert sparse["instructions"] <= work * dense["instructions"]
    assert sparse["flash"]["weights"] <= octets * dense["flash"]["weights"]


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["mps2-an385", "mps2-an386", "mps2-an505"])
def test_equals_tflm_on_emulated_cores(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pruned.tflite"
    path.write_bytes(chain())
    result = bench(path, board(name), folder=tmp_path / "firmware")
    assert result["bit_exact"]
    assert sum("sparse" in layer["kernel"] or "blocks" in layer["kernel"] for layer in result["layers"]) >= 2


@pytest.mark.emulated
def test_pruned_convolutions_pay(tmp_path: Path) -> None:
    counted = []
    for pruned in (0.0, 0.8):
        path = tmp_path / f"pruned_{round(10 * pruned)}.tflite"
        path.write_bytes(case(conv_2d, (1, 6, 6, 32), filters=48, kernel=(3, 3), padding="SAME", pruned=pruned).model)
        counted.append(bench(path, board("mps2-an386"), folder=tmp_path / path.stem))
    dense, sparse = counted
    assert sparse["bit_exact"]
    assert sparse["instructions"] <= 0.6 * dense["instructions"]
    assert sparse["flash"]["total"] <= 0.55 * dense["flash"]["total"]


def chain() -> bytes:
    """An odd number of pixels, strides, windows, and dense layers with one scale and with many."""
    model = ModelBuilder(7)
    x = conv_2d(model, model.input((1, 5, 3, 130)), filters=64, kernel=(1, 1), pruned=0.85, activation="RELU")
    x = conv_2d(model, x, filters=64, kernel=(3, 2), padding="SAME", pruned=0.9)
    x = conv_2d(model, x, filters=48, kernel=(1, 1), strides=(2, 2), pruned=0.9)
    x = fully_connected(model, x, units=60, pruned=0.9, block=4, per_channel=True)
    return model.finish([fully_connected(model, x, units=50, pruned=0.97)])


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("pruned", [0.3, 0.5, 0.6, 0.7])
def test_what_is_taken_is_never_slower_or_larger_than_dense(pruned: float, block: int) -> None:
    one = case(fully_connected, (1, 512), units=256, pruned=pruned, block=block)
    plan = planned(one)
    taken = plan.steps[0]
    (dense,) = (s for s in lower(plan.graph, plan.graph.operators[0], plan.target) if s.kernel == "fully_connected_dsp")
    assert taken.instructions <= dense.instructions
    assert taken.weight_bytes <= dense.weight_bytes


def test_check_says_what_zeros_bought_or_why_nothing(tmp_path: Path) -> None:
    model = ModelBuilder(4)
    x = conv_2d(model, model.input((1, 6, 6, 8)), filters=16, kernel=(3, 3), pruned=0.7)
    x = fully_connected(model, x, units=64, pruned=0.9)
    path = tmp_path / "pruned.tflite"
    path.write_bytes(model.finish([fully_connected(model, x, units=5)]))
    result = check(path, board("mps2-an386"))
    window, dense, last = (layer["sparsity"] for layer in result["layers"])
    assert window["zeros"] == pytest.approx(0.7, abs=0.05)
    assert (window["kernel"], window["saved_bytes"], window["saved_instructions"]) == (None, 0, 0)
    assert "too few zeros" in window["note"]
    elsewhere, *_ = (layer["sparsity"] for layer in check(path, board("mps3-an547"))["layers"])
    assert "prune whole channels instead" in elsewhere["note"]
    assert dense["kernel"] == "fully_connected_sparse_dsp"
    assert dense["saved_bytes"] > 10_000
    assert dense["saved_instructions"] > 10_000
    assert last["note"] == "nothing: few weights are zero"
    page = check_table(result, 100)
    assert "90 % zeros; saved" in page
    assert page.count("zeros;") == 2


def test_outputs_without_weights_are_removed_with_what_reads_them() -> None:
    model = ModelBuilder(8)
    x = fully_connected(model, model.input((1, 40)), units=32, pruned=0.5, block=40, activation="RELU")
    raw = model.finish([fully_connected(model, x, units=5)])
    graph = planned(Case("rows of zeros", raw)).graph
    first, second = (graph.tensor(operator.inputs[1]).shape for operator in graph.operators)
    assert first[0] == second[1] < 32
    assert_equal([Case("rows of zeros", raw)], on="cortex-m4")
