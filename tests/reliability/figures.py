"""The measurements behind docs/reliability.md: small ones are tests, large ones are run by scripts/reliability.py."""

from __future__ import annotations

import contextlib
import fcntl
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.firmware.handmade import SHA256
from tests.flash.built import Built, board_for, built
from tests.flash.loader import on_pty
from tests.flash.stm32_loader import Stm32Loader
from tinykit.errors import DeviceError, DeviceFault
from tinykit.firmware.build import Firmware
from tinykit.flash import FLASHERS
from tinykit.flash.emulator import Emulator
from tinykit.flash.state import require_whole, state_folder, writing
from tinykit.link.device import Device, open_device
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.link.port import SerialPort
from tinykit.link.soak import BadLine, Hurried, Soaked, bombard, soak

HURRY = 20.0
"""How much faster than real the host's clock runs against an emulator: a lost frame then costs 0.1 s, not 2 s."""

MOMENTS = 1.0
"""Seconds within which a flash is killed; it takes about half of that."""

WISHES = {"hard fault": 0x71, "stack overflow": 0x72, "watchdog": 0x77}
"""What the hand-made model does on request, see tests/firmware/handmade.py."""


def plus_one(x: bytes) -> bytes:
    """What the hand-made model and the fake device compute."""
    return bytes((b + 1) & 255 for b in x)


def soak_fake(frames: int, seed: int) -> Soaked:
    """A long conversation with the in-process device."""
    fake = FakeDevice(fake_hello("ab" * 32, 300, 300), plus_one)
    line = BadLine(fake, seed, fake.power_cycle)
    return soak(Device(line), line, plus_one, frames, seed)


@contextlib.contextmanager
def emulated(firmware: Firmware) -> Iterator[tuple[SerialPort, Emulator]]:
    """The board of `firmware`, running."""
    with Emulator(firmware.board, firmware.elf, counting=False) as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        try:
            yield port, emulator
        finally:
            port.close()


def soak_emulated(firmware: Firmware, frames: int, seed: int) -> Soaked:
    """The same with real firmware on an emulated board, reset by its button."""
    with emulated(firmware) as (port, emulator):
        line = BadLine(Hurried(port, HURRY), seed, emulator.reset)
        return soak(Device(line), line, plus_one, frames, seed, fit=lambda x: b"\0" + x[1:])  # no wishes


def survives(firmware: Firmware, count: int, seed: int) -> int:
    """Send random bytes to the firmware, and make sure that it still answers right; how many were sent."""
    with open_device(firmware.board, firmware, counting=False) as device:
        sent = bombard(device, count, seed)
        device.reset()
        assert device.require_model(SHA256).board == firmware.board.name
        assert device.infer(bytes(8)) == [bytes([1] * 8)]
        return sent


def fault(firmware: Firmware, wish: int) -> str:
    """What the host says when the firmware runs into it; the device comes back afterwards."""
    with open_device(firmware.board, firmware, counting=False) as device:
        device.write_input(bytes([wish, *bytes(7)]))
        try:
            device.invoke()
        except DeviceFault as error:
            assert error.facts["pc"] != 0
            assert error.facts["function"]
            device.reset()
            assert device.infer(bytes(8)) == [bytes([1] * 8)]
            return error.what
    raise AssertionError("no fault was reported")


@dataclass
class Kills:
    """Flashes killed at random moments: `left` says in which state the next run found the board; all `recovered`."""

    left: Counter[str] = field(default_factory=Counter)
    recovered: int = 0


_FLASHING = """
import sys, pathlib
from tests.flash.built import Built, board_for
from tinykit.flash import FLASHERS
from tinykit.flash.state import writing
made = Built(*map(pathlib.Path, sys.argv[2:]))
board = board_for("stm32flash", device_id="0x420", mode="8n1")
print("ready", flush=True)
with writing(board.name, "stm32flash", None, made):
    FLASHERS["stm32flash"].flash(board, made, sys.argv[1], quiet=True)
print("done", flush=True)
"""


def kill_flashes(folder: Path, count: int, seed: int) -> Kills:
    """Flash with stm32flash into a simulated ROM loader, kill the process at a random moment, look, flash again.

    The environment variable XDG_STATE_HOME must name a folder of the caller's own.
    """
    noise, done = random.Random(seed), Kills()
    board = board_for("stm32flash", device_id="0x420", mode="8n1")
    for number in range(count):
        firmware = built(folder, 8000, seed=number)
        chip = Stm32Loader(0x420)
        with on_pty(chip) as port:
            _kill(firmware, port, noise.uniform(0.0, MOMENTS))
        _let_go(board.name)
        content = bytes(chip.flash[:8000])
        whole = content == firmware.binary.read_bytes()
        try:
            require_whole(board.name, "/dev/any")
            assert whole or set(content) == {0xFF}, "half-written, and nothing says so"
            done.left["whole, or untouched"] += 1
        except DeviceError as error:
            assert "cut off" in str(error)
            done.left["cut off, said so"] += 1
        again = Stm32Loader(0x420)  # the board is reset into its boot loader
        again.flash[:] = chip.flash
        with on_pty(again) as port, writing(board.name, "stm32flash", None, firmware):  # type: ignore[arg-type]
            FLASHERS["stm32flash"].flash(board, firmware, port, quiet=True)  # type: ignore[arg-type]
        require_whole(board.name, "/dev/any")
        assert again.flash[:8000] == firmware.binary.read_bytes()
        done.recovered += 1
    return done


def _let_go(board: str) -> None:
    """Wait until nobody holds the record: a tool that was just being started needs a moment to die."""
    for path in state_folder().glob(f"{board}*.json"):
        with path.open() as record:
            fcntl.flock(record, fcntl.LOCK_SH)


def _kill(firmware: Built, port: str, after: float) -> None:
    paths = [str(path) for path in (firmware.elf, firmware.binary, firmware.hex)]
    command = [sys.executable, "-c", _FLASHING, port, *paths]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.kill()
