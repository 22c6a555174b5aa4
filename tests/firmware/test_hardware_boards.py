"""Boards that nothing here emulates: their firmware is built; those that an ecosystem serves say so."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.firmware.handmade import hand_program
from tinykit.boards import all_boards, board
from tinykit.errors import BoardError
from tinykit.firmware.build import Firmware, build_program
from tinykit.firmware.elf import Elf

HARDWARE = [b.name for b in all_boards() if b.emulator is None]
BARE = [name for name in HARDWARE if board(name).is_bare_metal]


@pytest.fixture(scope="module")
def built(arm_gcc: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firmware]:
    folder = tmp_path_factory.mktemp("hardware")
    return {name: build_program(hand_program(), board(name), folder / name) for name in BARE}


def test_the_boards_that_are_promised() -> None:
    assert set(HARDWARE) >= {
        *("nucleo-f446re", "nucleo-l4r5zi", "stm32f746g-disco", "nucleo-h743zi", "arduino-nano-33-ble"),
        *("nrf52840-dk", "raspberry-pi-pico-2", "esp32", "esp32-s3", "esp32-c3", "teensy-4.1"),
    }


@pytest.mark.parametrize("name", BARE)
def test_the_program_lies_where_the_chip_starts(built: dict[str, Firmware], name: str) -> None:
    """The first two words of flash: the stack's top in RAM, and the address of the first instruction in flash."""
    chosen, firmware = board(name), built[name]
    image = firmware.binary.read_bytes()
    stack, start = struct.unpack_from("<II", image)
    assert chosen.ram.origin < stack <= chosen.ram.end
    assert chosen.flash.origin < start < chosen.flash.origin + len(image)
    assert start % 2 == 1  # Thumb
    symbols = {s.name: s.value for s in Elf(firmware.elf.read_bytes(), name).symbols}
    irq = struct.unpack_from("<I", image, 4 * (16 + chosen.uart.irq))[0]
    assert irq == symbols["uart_interrupt"] | 1


def test_the_rp2350_finds_its_block_in_the_first_4_kb(built: dict[str, Firmware]) -> None:
    block = struct.pack("<5I", 0xFFFFDED3, 0x10210142, 0x000001FF, 0, 0xAB123579)
    assert 0 <= built["raspberry-pi-pico-2"].binary.read_bytes().find(block) < 4096 - len(block)


@pytest.mark.parametrize("name", sorted(set(HARDWARE) - set(BARE)))
def test_a_board_of_an_ecosystem_names_its_template(name: str, tmp_path: Path) -> None:
    chosen = board(name)
    message = f"no bare-metal firmware.*tinykit export .*--template {next(iter(chosen.ecosystems))} --board {name}"
    with pytest.raises(BoardError, match=message):
        build_program(hand_program(), chosen, tmp_path / "f")
