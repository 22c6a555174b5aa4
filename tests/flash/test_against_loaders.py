"""Real flash tools against what they talk to on hardware: GDB's server in QEMU, Optiboot in simavr, ROM loaders on a
pseudo terminal, a drive's folder."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool
from tests.firmware.handmade import SHA256, hand_program
from tests.flash.built import board_for, built
from tests.flash.esp_loader import ESP32C3, ESP32S3, EspLoader
from tests.flash.loader import on_pty
from tests.flash.stm32_loader import Stm32Loader
from tests.support.models import ModelBuilder, fully_connected, softmax
from tinykit.boards import Board, board
from tinykit.errors import DeviceError, PortError, TinykitError, ToolFailed, WrongBoard
from tinykit.firmware.build import build, build_program
from tinykit.flash import FLASHERS, flash
from tinykit.flash.emulator import kill
from tinykit.flash.uf2 import blocks
from tinykit.graph.reader import read_graph
from tinykit.link.device import open_device
from tinykit.plan.build import make_plan
from tinykit.validate.serial import validate

OPTIBOOT = Path("/usr/share/arduino/hardware/arduino/avr/bootloaders/optiboot/optiboot.c")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@contextlib.contextmanager
def stopped_qemu(machine: str) -> Iterator[tuple[str, str]]:
    """A machine without a program, waiting for a debugger: its serial port and its GDB server's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    arguments = ["-display", "none", "-monitor", "none", "-serial", "pty", "-S", "-gdb", f"tcp:{address}"]
    command = ["qemu-system-arm", "-M", machine, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        line = process.stdout.readline().decode()
        yield line.split("redirected to ")[1].split()[0], address
    finally:
        kill(process)
        process.stdout.close()


def debugged(chosen: Board, address: str) -> Board:
    return dataclasses.replace(chosen, flash_options={"gdb": {"remote": address, "restart": "monitor system_reset"}})


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["mps2-an386", "microbit"])
def test_gdb_loads_into_a_bare_machine_which_then_answers(name: str, tmp_path: Path) -> None:
    require_tool("gdb-multiarch", "gdb-multiarch")
    chosen = board(name)
    assert chosen.emulator is not None
    firmware = build_program(hand_program(), chosen, tmp_path / "firmware")
    with stopped_qemu(chosen.emulator.machine) as (port, address):
        flashed = flash(debugged(chosen, address), firmware, port, method="gdb", quiet=True)
        assert (flashed.method, flashed.port, flashed.recovered) == ("gdb", port, None)
        with open_device(chosen, port=port) as device:
            assert device.require_model(SHA256).board == name
            assert device.infer(bytes(8)) == [bytes([1] * 8)]


@pytest.mark.emulated
def test_gdb_refuses_another_core_before_it_writes(tmp_path: Path) -> None:
    require_tool("gdb-multiarch", "gdb-multiarch")
    firmware = built(tmp_path)
    with (
        stopped_qemu("microbit") as (_, address),
        pytest.raises(
            WrongBoard, match=r"nothing was written; expected a cortex-m4: CPUID part 0xc24, found part 0xc20"
        ),
    ):
        flash(debugged(board("mps2-an386"), address), firmware, method="gdb", quiet=True)  # type: ignore[arg-type]


def test_gdb_without_a_server(tmp_path: Path) -> None:
    require_tool("gdb-multiarch", "gdb-multiarch")
    with pytest.raises(DeviceError, match=r"no GDB server answers.*--set remote"):
        flash(debugged(board("mps2-an386"), "localhost:1"), built(tmp_path), method="gdb", quiet=True)  # type: ignore[arg-type]


STM32 = {"device_id": "0x420", "mode": "8n1"}


def test_stm32flash_against_the_rom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require_tool("stm32flash", "stm32flash")
    firmware, chip = built(tmp_path), Stm32Loader(0x420)
    with on_pty(chip) as port:
        flashed = FLASHERS["stm32flash"].flash(board_for("stm32flash", **STM32), firmware, port)  # type: ignore[arg-type]
    assert flashed.port == port
    assert chip.flash[:3000] == firmware.binary.read_bytes()
    assert chip.started == 0x08000000
    assert "stm32flash: writing and verifying 100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chip", "error", "message"),
    [
        (Stm32Loader(0x413), WrongBoard, "nothing was written; expected device id 0x420, found 0x0413"),
        (Stm32Loader(0x420, bad_byte=700), ToolFailed, "does not hold what was written"),
    ],
)
def test_stm32flash_says_what_is_wrong(
    tmp_path: Path, chip: Stm32Loader, error: type[TinykitError], message: str
) -> None:
    require_tool("stm32flash", "stm32flash")
    with on_pty(chip) as port, pytest.raises(error, match=message):
        FLASHERS["stm32flash"].flash(board_for("stm32flash", **STM32), built(tmp_path), port, quiet=True)  # type: ignore[arg-type]
    if error is WrongBoard:
        assert set(chip.flash) == {0xFF}


ESP = {"chip": "esp32c3", "arguments": "--no-stub --before no-reset --after no-reset"}


@pytest.mark.parametrize(
    ("chip", "error", "message"),
    [
        (EspLoader(ESP32C3), None, ""),
        (EspLoader(ESP32S3), WrongBoard, "another chip.*This chip is ESP32-S3"),
        (EspLoader(ESP32C3, bad_byte=700), ToolFailed, "does not hold what was written"),
    ],
)
def test_esptool_against_the_rom(
    tmp_path: Path, chip: EspLoader, error: type[TinykitError] | None, message: str
) -> None:
    require_tool("esptool", "esptool", by="pip install")
    firmware = built(tmp_path)
    with on_pty(chip) as port, contextlib.ExitStack() as expected:
        if error is not None:
            expected.enter_context(pytest.raises(error, match=message))
        FLASHERS["esptool"].flash(board_for("esptool", **ESP), firmware, port, quiet=True)  # type: ignore[arg-type]
    assert (chip.flash[:3000] == firmware.binary.read_bytes()) == (error is None)
    if error is WrongBoard:
        assert set(chip.flash) == {0xFF}


@dataclasses.dataclass(frozen=True)
class Uno:
    """The program that is an Uno in its boot loader, and the boot loader's image."""

    program: Path
    loader: Path

    @contextlib.contextmanager
    def plugged(self, memory: Path) -> Iterator[str]:
        """An Uno behind a pseudo terminal, whose path it gives; its flash is in the file `memory`."""
        command = [str(self.program), str(self.loader), str(memory)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as chip:
            assert chip.stdout is not None
            try:
                yield chip.stdout.readline().decode().strip()
            finally:
                chip.communicate()


@pytest.fixture(scope="module")
def uno(tmp_path_factory: pytest.TempPathFactory, host_cc: str) -> Uno:
    """Optiboot from its source: the image in Debian's package is 532 bytes where 512 are, and starts no program."""
    require_tool("avrdude", "avrdude")
    compiler, objcopy = require_tool("avr-gcc", "gcc-avr avr-libc"), require_tool("avr-objcopy", "binutils-avr")
    if not OPTIBOOT.is_file():
        pytest.skip("no Optiboot on this machine: sudo apt install arduino-core-avr")
    if not Path("/usr/include/simavr/sim_avr.h").is_file():
        pytest.skip("no simavr on this machine: sudo apt install libsimavr-dev libelf-dev")
    folder = tmp_path_factory.mktemp("optiboot")
    made, linked = Uno(folder / "uno", folder / "loader.bin"), folder / "loader.elf"
    chip = ["-mmcu=atmega328p", "-DF_CPU=16000000L", "-DBAUD_RATE=115200", "-DLED_START_FLASHES=0"]
    small = ["-Os", "-w", "-fno-inline-small-functions", "-fno-split-wide-types", "-nostartfiles", "-nostdlib"]
    place = ["-Wl,--relax,--section-start=.text=0x7e00,--section-start=.version=0x7ffe"]
    source = Path(__file__).with_name("optiboot.c")
    for command in (
        [compiler, *chip, *small, *place, str(OPTIBOOT), "-o", str(linked)],
        [objcopy, "-O", "binary", str(linked), str(made.loader)],
        [host_cc, "-O1", "-Wall", "-Wextra", str(source), "-o", str(made.program), "-lsimavr", "-lelf", "-lm"],
    ):
        subprocess.run(command, check=True, timeout=60)
    assert made.loader.stat().st_size <= 512
    return made


@pytest.mark.parametrize(("part", "is_right"), [("m328p", True), ("m2560", False)])
def test_avrdude_against_the_real_optiboot(tmp_path: Path, uno: Uno, part: str, is_right: bool) -> None:
    firmware, memory = built(tmp_path), tmp_path / "flash.bin"
    chosen = board_for("avrdude", part=part, programmer="arduino")
    with uno.plugged(memory) as port, contextlib.ExitStack() as expected:
        if not is_right:
            expected.enter_context(pytest.raises(WrongBoard, match="ATmega2560"))
        FLASHERS["avrdude"].flash(chosen, firmware, port, quiet=True)  # type: ignore[arg-type]
    written = memory.read_bytes()[:3000]
    assert written == firmware.binary.read_bytes() if is_right else set(written) == {0xFF}


@pytest.mark.emulated
def test_an_uno_flashed_through_its_boot_loader_is_validated(tmp_path: Path, uno: Uno) -> None:
    """avrdude, Optiboot, the firmware that Optiboot starts, and a labelled set: as on the bench, over one port."""
    chosen, model = board("arduino-uno"), tmp_path / "dense.tflite"
    builder = ModelBuilder(seed=4)
    x = fully_connected(builder, builder.input((1, 16)), units=6, activation="RELU")
    model.write_bytes(builder.finish([softmax(builder, fully_connected(builder, x, units=3))]))
    np.savez(tmp_path / "set.npz", x=np.random.default_rng(2).integers(-128, 128, (20, 16), np.int8), y=[0] * 20)
    firmware = build(make_plan(read_graph(model), chosen.target), chosen, tmp_path / "firmware")
    with uno.plugged(tmp_path / "flash.bin") as port:
        flashed = flash(chosen, firmware, port, quiet=True)
        judged = validate(model, chosen, tmp_path / "set.npz", port=flashed.port, quiet=True)
    assert (flashed.method, flashed.port) == ("avrdude", port)
    assert (judged["samples"], judged["bytes"], judged["mismatched_bytes"]) == (20, 60, 0)
    assert (judged["port"], judged["emulated"], judged["device_resets"]) == (port, False, 0)
    with uno.plugged(
        tmp_path / "flash.bin"
    ) as port:  # opening the port resets it into the boot loader, which eats HELLO
        again = validate(model, chosen, tmp_path / "set.npz", port=port, quiet=True)
    assert (again["samples"], again["mismatched_bytes"]) == (20, 0)


UF2 = {"board_id": "RPI-RP2", "family": "0xe48bff56"}


def drive(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nModel: Some board\nBoard-ID: {name}\n")
    return folder


def test_uf2_into_a_drive(tmp_path: Path) -> None:
    firmware, folder = built(tmp_path), drive(tmp_path / "drive", "RPI-RP2")
    pico = board_for("uf2", **UF2)
    flashed = flash(pico, firmware, str(folder), quiet=True)  # type: ignore[arg-type]
    assert flashed.port is None
    data = (folder / "tiny.uf2").read_bytes()
    program = b"".join(data[at + 32 : at + 288] for at in range(0, len(data), 512))
    assert program[:3000] == firmware.binary.read_bytes()
    assert len(data) == 12 * 512
    last = struct.unpack_from("<8I", data, 11 * 512)
    assert last == (0x0A324655, 0x9E5D5157, 0x2000, pico.flash.origin + 11 * 256, 256, 11, 12, 0xE48BFF56)


def test_uf2_drives_of_other_boards_are_left_alone(tmp_path: Path) -> None:
    firmware, folder = built(tmp_path), drive(tmp_path / "drive", "RP2350")
    with pytest.raises(WrongBoard, match=r"nothing was written; expected Board-ID RPI-RP2, found .*RP2350"):
        flash(board_for("uf2", **UF2), firmware, str(folder), quiet=True)  # type: ignore[arg-type]
    assert [path.name for path in folder.iterdir()] == ["INFO_UF2.TXT"]


def test_uf2_a_folder_that_is_no_drive(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"is no UF2 drive.*boot button"):
        flash(board_for("uf2", **UF2), built(tmp_path), str(tmp_path), quiet=True)  # type: ignore[arg-type]


def test_uf2_blocks_of_an_empty_program() -> None:
    assert blocks(b"", 0, 1) == b""
    assert len(blocks(bytes(257), 0, 1)) == 1024


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    require_tool("stm32flash", "stm32flash")
    with pytest.raises(PortError, match="no serial port /dev/ttyNOWHERE"):
        flash(board_for("stm32flash", **STM32), built(tmp_path), "/dev/ttyNOWHERE")  # type: ignore[arg-type]
