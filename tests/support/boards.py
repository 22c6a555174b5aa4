"""What a test of an emulated board needs; it is skipped, saying what to install, where that is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinykit.boards import Board, board
from tinykit.errors import ToolFailed, ToolMissing
from tinykit.firmware.toolchain import require_toolchain
from tinykit.flash.kinds import kind_of


def require_board(name: str) -> Board:
    """The emulated board of this name, whose compiler and emulator are installed."""
    chosen = board(name)
    try:
        require_toolchain(chosen.target)
        if chosen.emulator is not None and chosen.emulator.kind == "simavr":
            from tinykit.flash.simavr import runner

            runner()
        elif chosen.emulator is not None and chosen.emulator.kind == "rp2040js":
            from tinykit.flash.rp2040js import package_folder

            package_folder()
        else:
            kind_of(chosen).command(chosen, Path("any.elf"), Path("any"), True)
    except ToolMissing as error:
        pytest.skip(str(error))
    except ToolFailed as error:  # a package registry that cannot be reached
        pytest.skip(f"{chosen.name} cannot be emulated: {error}")
    return chosen
