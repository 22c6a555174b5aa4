"""RISC-V, AVR and RP2040 boards, each in its emulator: flashed, validated, counted, equal to TFLM."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.firmware.handmade import DEEP, SHA256, hand_program
from tests.support.boards import require_board
from tests.support.models import (
    ModelBuilder,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    max_pool_2d,
)
from tinykit.boards import Board, all_boards, board
from tinykit.errors import DeviceFault, ToolFailed, ToolMissing
from tinykit.firmware.architectures import architecture
from tinykit.firmware.build import Firmware, build_program
from tinykit.firmware.fit import predict_fit
from tinykit.firmware.program import Program
from tinykit.flash import flash
from tinykit.flash.emulator import Emulator, command, kill, launch, release
from tinykit.link.device import Device, open_device
from tinykit.link.port import SerialPort
from tinykit.validate.bench import bench

pytestmark = pytest.mark.emulated

BOARDS = ["arduino-uno", "raspberry-pi-pico", "rv32-virt", "sifive-e"]
UNDEFINED, RECURSION, STACK, LOOP = 0x71, 0x72, 0x74, 0x76


def convolutions() -> bytes:
    """A student with windows, small enough for 2 KB of RAM."""
    model = ModelBuilder(seed=5)
    x = conv_2d(model, model.input((1, 8, 8, 1)), filters=4, strides=(2, 2), activation="RELU")
    x = max_pool_2d(model, depthwise_conv_2d(model, x))
    return model.finish([fully_connected(model, x, units=10)])


def portable_hand_program(chosen: Board) -> Program:
    """The hand-made model without its ARM instructions, for whatever size int and addresses have."""
    what = hand_program()
    loop = 'while (rounds != 0u) { __asm__ volatile("" : "+r"(rounds)); rounds--; }'
    text = what.sources["hand.c"]
    for old, new in (
        ('__asm__ volatile("udf #0")', "__builtin_trap()"),
        ('__asm__ volatile(".syntax unified; 1: subs %0, %0, #1; bne 1b" : "+l"(rounds) : : "cc");', loop),
        ("unsigned rounds", "uint32_t rounds"),
        ("noipa", "noinline"),
        ("(uintptr_t)0x6F000000u", "(uintptr_t)0u"),
        ("n == 0xFFFFFFFFu", "n == ~0u"),
        ("recurse(n + 1u)", "recurse((unsigned)(n + 1u))"),
    ):
        assert old in text
        text = text.replace(old, new)
    return replace(what, sources={**what.sources, "hand.c": text})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firmware]:
    """Firmware of the hand-made model, by board, as tests ask for it."""
    return {}


@pytest.fixture(params=BOARDS)
def firmware(
    request: pytest.FixtureRequest, built: dict[str, Firmware], tmp_path_factory: pytest.TempPathFactory
) -> Firmware:
    name = request.param
    if name not in built:
        chosen = require_board(name)
        built[name] = build_program(portable_hand_program(chosen), chosen, tmp_path_factory.mktemp("hand") / name)
    return built[name]


def test_the_list_is_whole() -> None:
    others = [b.name for b in all_boards() if b.emulator and not b.target.name.startswith("cortex-m")]
    assert set(others) | {"raspberry-pi-pico"} == set(BOARDS)


def test_windows_with_a_16_bit_int(tmp_path: Path) -> None:
    chosen = require_board("arduino-uno")
    model = tmp_path / "windows.tflite"
    model.write_bytes(convolutions())
    counted = bench(model, chosen, folder=tmp_path / "firmware")
    assert counted["bit_exact"]
    assert counted["ram"]["static"] < 32  # initial values of structs, no weights


def test_the_firmwares_share_is_what_fit_takes_it_for(firmware: Firmware) -> None:
    own, sizes = architecture(firmware.board.target), firmware.sizes
    predicted = predict_fit(hand_program(), firmware.board).flash["firmware"]
    assert predicted * 0.8 < sizes.firmware_flash <= predicted
    assert own.ram * 0.7 < sizes.firmware_ram <= own.ram
    assert sizes.arena == 64
    assert sizes.static == 17 + (24 if firmware.board.target.name == "avr" else 0)  # plain constants are in RAM there


def test_echoes_infers_counts_and_measures(firmware: Firmware) -> None:
    with open_device(firmware.board, firmware) as device:
        hello = device.hello()
        assert (hello.board, hello.target, hello.sha256) == (firmware.board.name, firmware.board.target.name, SHA256)
        for count in (0, 1, 240):
            data = random.Random(count).randbytes(count)
            assert device.echo(data) == data
        assert device.infer(bytes([1, 2, 3, 4, 250, 255, 0, 9])) == [bytes([2, 3, 4, 5, 251, 0, 1, 10])]
        assert device.stack().size == firmware.sizes.stack_reserved // 4 * 4 - 16

        def ticks(rounds: int) -> int:
            device.write_input(struct.pack("<BxxxI", LOOP, rounds))
            return device.invoke()

        # A round costs the same through every wrap of the counter: 16 bits of the AVR's, 24 of SysTick's.
        first, second, many = (
            ticks(10),
            ticks(1010),
            ticks(1_000_010 if firmware.board.target.name == "avr" else 5_000_010),
        )
        round_ticks = (second - first) / 1000
        rounds = 1_000_000 if firmware.board.target.name == "avr" else 5_000_000
        assert round_ticks in range(2, 12)
        assert abs(many - first - round_ticks * rounds) <= 2
        device.write_input(bytes([STACK, 0, 0, 0, 0, 0, 0, 0]))
        device.invoke()
        assert DEEP <= device.stack().peak < DEEP + 128


def test_comes_back_from_resets(firmware: Firmware) -> None:
    with open_device(firmware.board, firmware) as device:
        device.infer(bytes(8))
        assert device.reset().model == "hand"  # the firmware's own
        assert device.infer(bytes(8)) == [bytes([1] * 8)]
        assert device.emulator is not None
        device.emulator.reset()  # the board's button
        assert device.hello().model == "hand"
        assert device.infer(bytes(8)) == [bytes([1] * 8)]


@pytest.mark.parametrize("name", ["rv32-virt", "sifive-e"])
@pytest.mark.parametrize(("wish", "cause"), [(UNDEFINED, "hard fault"), (RECURSION, "stack overflow")])
def test_reports_faults_and_comes_back(
    name: str, wish: int, cause: str, built: dict[str, Firmware], tmp_path: Path
) -> None:
    chosen = require_board(name)
    made = built.get(name) or build_program(portable_hand_program(chosen), chosen, tmp_path / name)
    with open_device(chosen, made) as device:
        device.write_input(bytes([wish, 0, 0, 0, 0, 0, 0, 0]))
        with pytest.raises(DeviceFault, match=cause) as caught:
            device.invoke()
        assert ("hand_invoke" if wish == UNDEFINED else "recurse") in str(caught.value)
        with pytest.raises(DeviceFault, match=cause):  # said again to whatever is asked
            device.echo(b"?")
        device.reset()
        assert device.infer(bytes(8)) == [bytes([1] * 8)]


def test_an_avr_notices_that_its_stack_is_used_up(tmp_path: Path) -> None:
    """Nothing stops it there: the firmware looks at the last word of the stack's place."""
    chosen = require_board("arduino-uno")
    what = portable_hand_program(chosen)
    text = what.sources["hand.c"].replace(f"here[{DEEP}]", "here[1800]").replace(f"i < {DEEP}", "i < 1180")
    made = build_program(replace(what, sources={**what.sources, "hand.c": text}), chosen, tmp_path / "f")
    depth = made.sizes.stack_reserved
    text = text.replace("here[1800]", f"here[{depth}]").replace("i < 1180", f"i < {depth}")
    made = build_program(replace(what, sources={**what.sources, "hand.c": text}), chosen, tmp_path / "f")
    with open_device(chosen, made) as device:
        device.write_input(bytes([STACK, 0, 0, 0, 0, 0, 0, 0]))
        with pytest.raises(DeviceFault, match="stack overflow"):
            device.invoke()
        device.reset()
        assert device.infer(bytes(8)) == [bytes([1] * 8)]


def test_survives_any_bytes(firmware: Firmware) -> None:
    noise = random.Random(7).randbytes(20_000)
    with open_device(firmware.board, firmware, counting=False) as device:
        for at in range(0, len(noise), 1000):
            device.port.write(noise[at : at + 1000])
        device.port.write(b"\0")
        assert device.hello().sha256 == SHA256
        assert device.infer(bytes(8)) == [bytes([1] * 8)]


@pytest.mark.parametrize("name", ["arduino-uno", "raspberry-pi-pico"])
def test_the_runners_refuse_what_they_do_not_know(
    name: str, built: dict[str, Firmware], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = require_board(name)
    made = built.get(name) or build_program(portable_hand_program(chosen), chosen, tmp_path / name)
    with Emulator(chosen, made.elf) as emulator:
        with socket.socket(socket.AF_UNIX) as line, contextlib.ExitStack() as cleanup:
            line.connect(str(emulator._qmp))
            line.settimeout(10)
            stream = cleanup.enter_context(line.makefile("rb"))
            assert "QMP" in json.loads(stream.readline())
            line.sendall(b'{"execute": "dance"}\n')
            assert json.loads(stream.readline()) == {"error": {"desc": "unknown command"}}
        emulator.run()
        emulator.require_alive()


def test_a_boot_stage_that_the_rom_would_refuse(tmp_path: Path, built: dict[str, Firmware]) -> None:
    chosen = require_board("raspberry-pi-pico")
    made = built.get(chosen.name) or build_program(portable_hand_program(chosen), chosen, tmp_path / "f")
    image = bytearray(made.binary.read_bytes())
    image[8] ^= 1
    (tmp_path / "bad.bin").write_bytes(image)
    with pytest.raises(ToolFailed, match="wrong checksum"):
        Emulator(chosen, tmp_path / "bad.elf")


def test_the_uf2_that_a_drive_gets_is_a_program_that_runs(
    tmp_path: Path, built: dict[str, Firmware], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is copied to a boot loader's drive, taken from there by the emulator."""
    chosen = require_board("raspberry-pi-pico")
    made = built.get(chosen.name) or build_program(portable_hand_program(chosen), chosen, tmp_path / "f")
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert flash(chosen, made, str(drive), method="uf2", quiet=True).method == "uf2"

    socket_path, log = tmp_path / "control", tmp_path / "log"
    arguments = command(chosen, made.elf, socket_path, counting=True)
    arguments[arguments.index(str(socket_path.with_suffix(".uf2")))] = str(drive / "hand.uf2")
    process, path = launch(arguments, socket_path, log, leashed=True)
    try:
        port = SerialPort(path)
        release(process, socket_path, log)
        with Device(port) as device:
            assert device.hello().sha256 == SHA256
            assert device.infer(bytes(8)) == [bytes([1] * 8)]
    finally:
        kill(process)


def test_the_boot_stage_takes_256_bytes(built: dict[str, Firmware], tmp_path: Path) -> None:
    chosen = require_board("raspberry-pi-pico")
    made = built.get(chosen.name) or build_program(portable_hand_program(chosen), chosen, tmp_path / "f")
    shown = subprocess.run(
        ["arm-none-eabi-nm", made.elf], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert "10000000 t boot_stage" in shown
    assert "10000100 T vector_table" in shown


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("sifive-e", "qemu-system-misc"),
        ("arduino-uno", "gcc libsimavr-dev libelf-dev"),
        ("raspberry-pi-pico", "nodejs npm"),
    ],
)
def test_a_missing_emulator_says_how_to_install_it(
    name: str, packages: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ToolMissing, match=f"sudo apt install {packages}"):
        command(board(name), tmp_path / "x.elf", tmp_path / "control", counting=True)
