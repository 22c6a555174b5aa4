"""The board registry: what it knows, and what it says of files that break the schema."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit import boards
from tinykit.boards import all_boards, board, read_board
from tinykit.errors import BoardError

GOOD = Path(__file__).parents[2] / "boards" / "mps2-an386.toml"
EXPECTED = {
    "microbit": ("cortex-m0", 256, 16),
    "mps2-an385": ("cortex-m3", 4096, 4096),
    "mps2-an386": ("cortex-m4", 4096, 4096),
    "mps2-an500": ("cortex-m7", 4096, 4096),
    "mps2-an505": ("cortex-m33", 4096, 4096),
    "mps3-an547": ("cortex-m55", 512, 512),
    "netduinoplus2": ("cortex-m4", 1024, 128),
    "stm32vldiscovery": ("cortex-m3", 128, 8),
}


@pytest.fixture
def changed(tmp_path: Path):
    """Reads the good board file after replacing one text in it."""

    def read(old: str, new: str) -> boards.Board:
        text = GOOD.read_text()
        assert old in text
        path = tmp_path / "mine.toml"
        path.write_text(text.replace(old, new, 1))
        return read_board(path)

    return read


def test_known_boards() -> None:
    found = {b.name: (b.target.name, b.flash.length // 1024, b.ram.length // 1024) for b in all_boards()}
    assert {name: found[name] for name in EXPECTED} == EXPECTED


def test_every_board_names_its_documents_and_its_own_file() -> None:
    for one in all_boards():
        assert one.references and one.source.stem == one.name
        assert one.as_json()["name"] == one.name
        assert one.title in one.describe()


def test_unknown_board_names_the_nearest() -> None:
    with pytest.raises(BoardError, match=r"unknown board 'mps2-an368'.*mps2-an386"):
        board("mps2-an368")


def test_a_path_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.read_text().replace('name = "mps2-an386"', 'name = "mine"'))
    assert board(str(path)).name == "mine"
    with pytest.raises(BoardError, match=r"cannot read .*absent\.toml"):
        board(str(tmp_path / "absent.toml"))


def test_folders_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.toml").write_text(
            GOOD.read_text().replace('name = "mps2-an386"', f'name = "{name}"')
        )
    monkeypatch.setenv("TINYKIT_BOARDS", os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "none")]))
    monkeypatch.setattr(boards, "_added", [])
    boards.add_folder(tmp_path / "two")
    assert board("one").name == "one" and board("two").name == "two"
    with pytest.raises(BoardError, match="no folder of boards"):
        boards.add_folder(tmp_path / "none")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_hz", "clok_hz", r"mine\.toml:5: unknown key 'clok_hz' in the top level.*'clock_hz'"),
        ('driver = "cmsdk"', 'drivr = "cmsdk"', r"mine\.toml:\d+: unknown key 'drivr' in \[uart\].*'driver'"),
        ('"cmsdk"', '"lamp"', r"mine\.toml:\d+: 'driver' in \[uart\].*expected one of 16550, .*found 'lamp'"),
        ("clock_hz = 25_000_000", 'clock_hz = "fast"', r":5: 'clock_hz'.*expected a whole number.*'fast'"),
        ("clock_hz = 25_000_000", "clock_hz = true", r":5: 'clock_hz'.*expected a whole number.*True"),
        ("clock_hz = 25_000_000", "clock_hz = -1", r":5: 'clock_hz'.*from 1000000.*found -1"),
        ("irq = 0", "irq = 480", r"'irq' in \[uart\].*0 to 479.*480"),
        ('target = "cortex-m4"', 'target = "cortex-m9"', r":4: 'target'.*expected one of cortex-m0"),
        ('target = "cortex-m4"', "", r"'target' is missing in the top level"),
        ("base = 0x4000_4000", "", r"'base' is missing in \[uart\]"),
        ("origin = 0x2000_0000", "origin = 0x20_0000", r":\d+: memories 'code' and 'ram' overlap"),
        ('kind = "ram"', 'kind = "flash"', r"no \[\[memory\]\] of kind 'ram'"),
        ('kind = "ram"', 'kind = "rom"', r":\d+: 'kind' in \[memory\].*flash, ram.*'rom'"),
        ('methods = ["emulator", "gdb"]', 'methods = ["magic"]', r"'methods' in \[flash\].*only emulator"),
        ("[emulator]", '[flash.gdb]\nremot = "x"\n[emulator]', r"unknown key 'remot' in \[flash.gdb\].*remote"),
        ("[emulator]", "[flash.gdb]\nremote = 3333\n[emulator]", r"'remote' in \[flash.gdb\].*text in quotes"),
        ('methods = ["emulator", "gdb"]', "methods = []", r"'methods' in \[flash\].*list of texts"),
        ('name = "mps2-an386"', 'name = "../up"', r":2: the name cannot be used.*\.\./up"),
        ('title = "Arm', 'title = "\\u0007Arm', r":3: 'title'.*printable"),
        ("[uart]", "[[uart]]", r"\[uart\] is not a table"),
        ("[uart]", "[uart", r"is not TOML"),
        ('driver = "cmsdk"', 'driver = "stm32v2"', r":\d+: the driver 'stm32v2' needs 'tx_pin' in \[uart\]"),
        ('driver = "cmsdk"', 'driver = "cmsdk"\nenable = ["0x40.32"]', r":\d+: 'enable' in \[uart\].*found 0x40.32"),
        ("[uart]", '[usb]\nids = ["2E8A:3"]\n[uart]', r":\d+: 'ids' in \[usb\].*lower case.*found 2E8A:3"),
        ('zephyr = "mps2/an386"', 'brew = "pot"', r":\d+: unknown key 'brew' in \[ecosystems\].*arduino"),
        ('zephyr = "mps2/an386"', 'zephyr = "a b"', r":\d+: 'zephyr' in \[ecosystems\].*letters, digits"),
        ('zephyr = "mps2/an386"', 'platformio = "uno"', r":\d+: 'platformio' in .*PLATFORM/BOARD"),
        ('kind = "qemu"', 'kind = "abacus"', r"'kind' in \[emulator\].*qemu, simavr, rp2040js"),
    ],
)
def test_what_breaks_the_schema_is_named(changed, old: str, new: str, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        changed(old, new)


def test_a_board_without_firmware_of_ours_needs_an_ecosystem(tmp_path: Path) -> None:
    text = GOOD.read_text().replace('driver = "cmsdk"', 'driver = "ecosystem"')
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert read_board(path).ecosystems == {"zephyr": "mps2/an386"}
    path.write_text(text.replace('[ecosystems]\nzephyr = "mps2/an386"\n', ""))
    with pytest.raises(BoardError, match=r":\d+: a board without a UART driver of ours needs \[ecosystems\]"):
        read_board(path)


def test_the_line_of_the_second_memory(changed) -> None:
    text = GOOD.read_text().replace("origin = 0x2000_0000", 'origin = "there"').splitlines()
    line = text.index('origin = "there"') + 1
    with pytest.raises(BoardError, match=rf":{line}: 'origin' in \[memory\]"):
        changed("origin = 0x2000_0000", 'origin = "there"')


@settings(deadline=None)
@given(st.integers(0, len(GOOD.read_bytes()) - 1), st.integers(0, 255))
def test_any_damaged_byte_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, value: int) -> None:
    path = tmp_path_factory.mktemp("damaged") / "board.toml"
    raw = bytearray(GOOD.read_bytes())
    raw[at] = value
    path.write_bytes(raw)
    try:
        assert read_board(path).memories
    except BoardError as error:
        assert str(path) in str(error)
