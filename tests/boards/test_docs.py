"""The board that docs/boards.md adds: its file is read from a folder of the user's own, and its firmware is built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.firmware.handmade import hand_program
from tinykit.boards import UART_DRIVERS, all_boards, board
from tinykit.firmware.build import build_program
from tinykit.targets import TARGETS

PAGE = (Path(__file__).parents[2] / "docs" / "boards.md").read_text()


def test_one_toml_adds_a_board(arm_gcc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    (tmp_path / "nucleo-f411re.toml").write_text(found[1])
    monkeypatch.setenv("TINYKIT_BOARDS", str(tmp_path))
    added = board("nucleo-f411re")
    assert added.source.parent == tmp_path
    assert build_program(hand_program(), added, tmp_path / "firmware").elf.is_file()


def test_the_page_names_every_board_driver_and_target() -> None:
    for one in all_boards():
        assert one.name.replace("mps2-an", "-an") in PAGE or one.name in PAGE
    for driver in UART_DRIVERS:
        assert f"`{driver}`" in PAGE
    for target in TARGETS:
        assert target == "host" or f"`{target.replace('cortex', '')}`" in PAGE or f"`{target}`" in PAGE
