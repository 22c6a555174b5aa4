"""Whole models, byte for byte TFLM, inner tensors included: on this machine, and the compiled C of every core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tally import note
from tests.zoo.firmware import bins, differences
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.emulated import emulated_board
from tinykit.validate.parity import verify

FILES = sorted((Path(__file__).parent / "models").glob("*.tflite"))
BEYOND_TFLM = ("mlp_mixer", "transformer")
"""With GELU, which TFLM lacks: tensorflow judges them."""

TARGETS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=pytest.mark.train if p.stem in BEYOND_TFLM else ()) for p in FILES],
)
def test_equals_tflm(path: Path) -> None:
    result = verify(path, vectors=24)
    assert result["bit_exact"], result["first_divergent_layer"]
    assert result["tensors"] >= 0.8 * result["tensors_computed"]
    note(path.read_bytes(), vectors=24, bytes=result["bytes"])


def test_is_small_and_of_every_kind() -> None:
    assert sum(p.stat().st_size for p in FILES) < 1 << 20
    operators = {o.op for p in FILES for o in read_graph(p).operators}
    assert len(FILES) >= 25 and len(operators) >= 30


@pytest.mark.emulated
@pytest.mark.parametrize("name", TARGETS)
def test_equals_tflm_on_the_core(name: str, tmp_path: Path) -> None:
    board = emulated_board(name)
    models = {p.stem: p.read_bytes() for p in FILES if p.stem not in BEYOND_TFLM}
    plans = {stem: make_plan(read_graph(data, stem), target(name)) for stem, data in models.items()}
    filled = bins(plans, board)
    assert sum(map(len, filled)) >= (len(plans) if name != "cortex-m0" else 12)
    for number, stems in enumerate(filled):
        chosen = [(plans[stem], models[stem]) for stem in stems]
        assert differences(chosen, board, tmp_path / str(number)) == []
