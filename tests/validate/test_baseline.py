"""Ours beside the reference: the table is read as it is, and ratios say whether they are low enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinykit.errors import InputError
from tinykit.validate.baseline import ALIKE, BOARDS, INSTRUCTIONS, MODELS, Reference, compare, read_reference, table

HEAD = (
    "model,cpu,machine,kernels,opt,resolver,instructions,macs,insn_per_mac,flash_model,flash_other_than_model,"
    "arena_used,data_bss_other_than_arena,stack_peak_invoke\n"
)
ROWS = (
    "ad01,m4,mps2-an386,cmsisnn,default,gen,1000,500,2.0,4000,900,300,20,80\n"
    "ad01,m4,mps2-an386,cmsisnn,default,int8,999,500,2.0,4000,700,300,20,60\n"
    "ad01,m4,mps2-an386,ref,default,gen,9000,500,18.0,4000,900,300,20,80\n"
    "ad01,m4,mps2-an386,cmsisnn,O3,gen,800,500,1.6,4000,990,300,20,80\n"
)
OURS = {
    "instructions": 620,
    "board": "mps2-an386",
    "bit_exact": True,
    "flash": {"weights": 3930, "code": 300},
    "ram": {"total": 100},
    "layers": [],
}


def test_the_reference_is_the_default_build_with_the_smallest_flash(tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    path.write_text(HEAD + ROWS)
    assert read_reference(path) == {("ad01", "m4"): Reference(instructions=1000, code=700, model=4000, ram=400)}


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n", HEAD + ROWS.replace("1000", "many"), HEAD + ROWS[:70]])
def test_another_table_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "baseline.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match="cannot read the reference"):
        read_reference(path)


def test_a_ratio_is_met_up_to_its_limit() -> None:
    found = compare("ad01", "m4", OURS, Reference(instructions=1000, code=700, model=4000, ram=400))
    figures = found["figures"]
    assert (figures["instructions"]["ratio"], figures["instructions"]["met"]) == (0.62, True)
    assert figures["instructions"]["aimed"] is False
    assert (figures["ram"]["ratio"], figures["ram"]["aimed"]) == (0.25, True)
    assert (figures["code"]["ratio"], figures["code"]["met"]) == (0.4286, False)
    lines = table([found])
    assert lines[2] == "| ad01, instructions | m4 | 620 | 1,000 | .620 | .62 | .52 |"
    assert "**.429**" in lines[4]


def test_every_core_has_a_board_and_limits() -> None:
    assert set(INSTRUCTIONS) == set(BOARDS)
    assert all(set(limits) == set(MODELS) for limits in INSTRUCTIONS.values())
    assert set(ALIKE.values()) <= set(BOARDS)


@pytest.mark.shared
def test_the_real_reference_holds_every_model_and_core(shared: Path) -> None:
    rows = read_reference(shared / "reference" / "tflm_baseline.csv")
    assert set(rows) == {(model, core) for model in MODELS for core in set(BOARDS) - set(ALIKE)}
