"""Rendering and building: every board, kept while nothing changes, and never over a user's own files."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.firmware.handmade import Interface, Port, hand_program
from tinykit.boards import all_boards, board
from tinykit.errors import DiskFull, OutputError, ToolFailed, ToolMissing, UsageError
from tinykit.firmware.architectures import CORTEX_M
from tinykit.firmware.build import Firmware, build_program
from tinykit.firmware.fit import predict_fit
from tinykit.firmware.project import sources, write
from tinykit.firmware.toolchain import run_tool

BOARDS = [
    b.name for b in all_boards() if b.emulator and b.target.name.startswith("cortex-m") and b.emulator.kind == "qemu"
]


@pytest.fixture(scope="module")
def built(arm_gcc: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firmware]:
    """The hand-made model's firmware on every board."""
    folder = tmp_path_factory.mktemp("with space")
    return {name: build_program(hand_program(), board(name), folder / name) for name in BOARDS}


def _size(firmware: Firmware) -> tuple[int, int, int]:
    """text, data and bss as the toolchain's own `size` counts them."""
    shown = subprocess.run(["arm-none-eabi-size", firmware.elf], capture_output=True, text=True, check=True, timeout=30)
    text, data, bss = shown.stdout.splitlines()[1].split()[:3]
    return int(text), int(data), int(bss)


@pytest.mark.parametrize("name", BOARDS)
def test_sizes_add_up(built: dict[str, Firmware], name: str) -> None:
    firmware = built[name]
    sizes = firmware.sizes
    text, data, bss = _size(firmware)
    assert sizes.weights + sizes.code + sizes.firmware_flash == text + data
    assert sizes.arena + sizes.static + sizes.firmware_ram + sizes.stack_reserved == data + bss
    assert sizes.weights == 24  # hand_weights
    assert sizes.arena == 64
    assert sizes.static == 17  # hand_history and hand_started
    assert firmware.binary.stat().st_size == text + data


@pytest.mark.parametrize("name", BOARDS)
def test_the_firmwares_share_is_what_fit_takes_it_for(built: dict[str, Firmware], name: str) -> None:
    sizes = built[name].sizes
    predicted = predict_fit(hand_program(), board(name)).flash["firmware"]
    assert predicted * 0.8 < sizes.firmware_flash <= predicted
    assert CORTEX_M.ram * 0.7 < sizes.firmware_ram <= CORTEX_M.ram


def test_code_holds_the_library_routines_that_the_model_needs(built: dict[str, Firmware]) -> None:
    """The model calls memcpy; single steps are ours."""
    firmware = built["mps2-an386"]
    listed = subprocess.run(
        ["arm-none-eabi-nm", "-S", firmware.elf], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    size = {name: int(count, 16) for count, name in re.findall(r"^\w+ (\w+) [tT] (\S+)$", listed, re.M)}
    own_names = re.compile(r"hand_(init|invoke|input|output)|loop|deep|recurse|add_weights|keep")
    own = sum(count for name, count in size.items() if own_names.match(name))
    assert own + size["memcpy"] <= firmware.sizes.code <= own + size["memcpy"] + 40  # padding
    assert size["hand_step"] > 0


def test_no_rebuild_while_nothing_changes(built: dict[str, Firmware]) -> None:
    before = built["microbit"]
    written = before.elf.stat().st_mtime_ns
    assert build_program(hand_program(), board("microbit"), before.folder) == before
    assert before.elf.stat().st_mtime_ns == written


def test_rebuilt_when_the_model_or_a_result_changes(arm_gcc: str, tmp_path: Path) -> None:
    what = hand_program()
    first = build_program(what, board("mps2-an385"), tmp_path / "f").elf.read_bytes()
    files = {**what.sources, "hand.c": what.sources["hand.c"].replace("{1, 1,", "{2, 1,")}
    second = build_program(replace(what, sources=files), board("mps2-an385"), tmp_path / "f")
    assert second.elf.read_bytes() != first
    second.elf.unlink()
    assert build_program(what, board("mps2-an385"), tmp_path / "f").elf.read_bytes() == first


def test_the_project_builds_by_itself(arm_gcc: str, tmp_path: Path) -> None:
    folder = write(sources(hand_program(), board("mps2-an386")), tmp_path / "project")
    subprocess.run(["make", "-C", folder, "-s"], check=True, timeout=120, capture_output=True)
    for suffix in ("elf", "bin", "hex"):
        assert (folder / "build" / f"hand.{suffix}").stat().st_size > 0
    for path in folder.glob("*.*"):
        assert str(tmp_path) not in path.read_text()


def test_several_inputs_and_outputs_and_no_steps(arm_gcc: str, tmp_path: Path) -> None:
    ports = (Port("a", "int8_t", 8, "hand_input()"), Port("b", "int8_t", 4, "hand_input() + 8"))
    what = replace(hand_program(), interface=Interface(inputs=ports, outputs=ports), steps=False)
    firmware = build_program(what, board("microbit"), tmp_path / "f")
    assert firmware.sizes.arena == 64


@pytest.mark.parametrize("name", ["counter", "uart", "main", "board"])
def test_a_name_that_the_firmware_needs(name: str) -> None:
    with pytest.raises(UsageError, match=f"has a file named '{name}'"):
        sources(replace(hand_program(), interface=Interface(name=name)), board("microbit"))


def test_a_folder_with_other_files_is_not_replaced(arm_gcc: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files"):
        build_program(hand_program(), board("microbit"), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_compiler_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi"):
        build_program(hand_program(), board("microbit"), tmp_path / "f")
    for name in ("arm-none-eabi-gcc", "arm-none-eabi-objcopy"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ToolMissing, match="sudo apt install make"):
        build_program(hand_program(), board("microbit"), tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_a_compiler_that_fails(arm_gcc: str, tmp_path: Path) -> None:
    what = hand_program()
    broken = replace(
        what, sources={**what.sources, "hand.c": what.sources["hand.c"] + "\nint oops(void) { return x; }\n"}
    )
    with pytest.raises(ToolFailed, match=r"hand\.c:\d+:\d+: error: 'x' undeclared.*build\.log"):
        build_program(broken, board("microbit"), tmp_path / "f")
    assert "undeclared" in (tmp_path / "f" / "build" / "build.log").read_text()
    assert build_program(what, board("microbit"), tmp_path / "f").elf.is_file()


def test_what_the_prediction_missed_the_linker_refuses(arm_gcc: str, tmp_path: Path) -> None:
    what = hand_program()
    large = {**what.sources, "hand.c": what.sources["hand.c"].replace("hand_history[16]", "hand_history[9000]")}
    with pytest.raises(ToolFailed, match=r"stm32vldiscovery: data and stack do not fit|overflowed by"):
        build_program(replace(what, sources=large), board("stm32vldiscovery"), tmp_path / "f")


def test_a_tool_that_finds_the_disk_full(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no space left"):
        run_tool(["dd", "if=/dev/zero", "of=/dev/full", "count=1"], tmp_path / "log", timeout=30)


def test_a_tool_that_hangs(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="did not end within"):
        run_tool(["sleep", "30"], tmp_path / "log", timeout=0.05)
