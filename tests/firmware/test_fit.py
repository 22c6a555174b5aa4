"""A model that does not fit is refused before any tool is looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.handmade import COST, hand_program
from tinykit.boards import board
from tinykit.errors import DoesNotFit
from tinykit.firmware.architectures import CORTEX_M
from tinykit.firmware.build import build_program
from tinykit.firmware.fit import predict_fit, require_fit, stack_bytes


def test_says_how_much_is_missing_and_where_it_goes() -> None:
    what = hand_program(replace(COST, weights=200_000, arena=10_000))
    with pytest.raises(DoesNotFit) as caught:
        require_fit(what, board("stm32vldiscovery"))
    facts = caught.value.facts
    text = str(caught.value)
    assert facts["flash"]["missing"] == sum(predict_fit(what, board("stm32vldiscovery")).flash.values()) - 128 * 1024
    assert f"{facts['flash']['missing']:,} bytes of flash are missing" in text
    assert f"{facts['ram']['missing']:,} bytes of RAM are missing" in text
    assert "weights 200,000" in text and "arena 10,000" in text


def test_refused_before_the_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    folder = tmp_path / "firmware"
    with pytest.raises(DoesNotFit, match="bytes of RAM are missing"):
        build_program(hand_program(replace(COST, arena=9_000)), board("stm32vldiscovery"), folder)
    assert not folder.exists()


@settings(deadline=None)
@given(st.integers(0, 20_000), st.integers(0, 2_000), st.integers(0, 4_000))
def test_the_stack_gets_what_is_left(arena: int, static: int, stack: int) -> None:
    microbit = board("microbit")
    what = hand_program(replace(COST, arena=arena, static=static, stack=stack))
    fit = predict_fit(what, microbit)
    reserved = stack_bytes(what.cost, microbit)
    assert reserved % 8 == 0
    if fit.fits:
        assert reserved + 8 > stack
        assert arena + static + CORTEX_M.ram + reserved <= microbit.ram.length
    else:
        assert fit.ram_missing == sum(fit.ram.values()) - microbit.ram.length
