"""An emulated board starts, speaks, resets, and never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import has_ended
from tinykit.boards import board
from tinykit.errors import BoardError, OutputError, ToolFailed, ToolMissing
from tinykit.flash import flash
from tinykit.flash.emulator import Emulator, command
from tinykit.flash.running import find, running_boards, runtime_folder, start, stop
from tinykit.link.port import SerialPort

pytestmark = pytest.mark.emulated
BOARD = "mps2-an386"


def hear(port: SerialPort, until: bytes) -> bytes:
    """What arrives, up to `until` or ten silent seconds."""
    heard = b""
    while until not in heard and (more := port.read(10)):
        heard += more
    return heard


@pytest.mark.parametrize("counting", [True, False])
def test_it_runs_resets_and_stops(hello_elf: Path, counting: bool) -> None:
    with Emulator(board(BOARD), hello_elf, counting=counting) as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        assert b"up\n" in hear(port, b"up\n")
        emulator.reset()
        assert b"up\n" in hear(port, b"up\n")
        emulator.require_alive()
        port.close()
    assert has_ended(emulator.pid)
    emulator.stop()  # once more does nothing


def test_it_stops_when_the_block_fails(hello_elf: Path) -> None:
    with pytest.raises(ZeroDivisionError), Emulator(board(BOARD), hello_elf) as emulator:
        _ = 1 / 0
    assert has_ended(emulator.pid)


def test_it_dies_with_a_parent_that_is_killed(hello_elf: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from tinykit.boards import board\n"
        "from tinykit.flash.emulator import Emulator\n"
        "emulator = Emulator(board(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "print(emulator.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", program, BOARD, str(hello_elf)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert has_ended(pid)


def test_an_emulator_that_dies_says_why(hello_elf: Path) -> None:
    with Emulator(board(BOARD), hello_elf) as emulator:
        emulator.run()
        emulator.require_alive()
        os.kill(emulator.pid, signal.SIGKILL)
        with pytest.raises(ToolFailed, match="died; found exit status -9"):
            emulator.require_alive(patience=5)


def test_firmware_that_is_none(tmp_path: Path, hello_elf: Path) -> None:
    message = r"did not start.*exit status 1, it said: .*nothing\.elf"
    with Emulator(board(BOARD), tmp_path / "nothing.elf") as emulator, pytest.raises(ToolFailed, match=message):
        emulator.run()
    assert has_ended(emulator.pid)


def test_firmware_that_is_none_in_the_background(tmp_path: Path, hello_elf: Path, runtime: Path) -> None:
    with pytest.raises(ToolFailed, match=r"did not start"):
        start(board(BOARD), tmp_path / "nothing.elf")
    assert running_boards() == []


def test_a_missing_emulator_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="sudo apt install qemu-system-arm") as caught:
        command(board(BOARD), tmp_path / "x.elf", tmp_path / "qmp", counting=True)
    assert caught.value.exit_status == 3


def test_a_board_in_the_background(hello_elf: Path, runtime: Path) -> None:
    first = start(board(BOARD), hello_elf)
    assert find(first.port) == first
    assert first.icount_shift == 7
    second = start(board(BOARD), hello_elf, counting=False)  # a second flash takes the first one's place
    assert has_ended(first.pid)
    assert running_boards() == [second]
    assert find(second.port) == second
    assert find("/dev/null") is None
    assert stop(BOARD) == [BOARD]
    assert has_ended(second.pid)
    assert stop() == []
    assert not list(runtime_folder().glob("*.json"))


def test_a_runtime_folder_that_others_can_write_is_not_trusted(runtime: Path) -> None:
    folder = runtime_folder()
    folder.chmod(0o777)
    with pytest.raises(OutputError, match="not yours alone"):
        running_boards()
    assert find("/dev/pts/0") is None
    folder.chmod(0o700)


def test_flash_starts_an_emulated_board(hello_elf: Path, runtime: Path) -> None:
    class Built:
        elf = hello_elf

    flashed = flash(board(BOARD), Built())  # type: ignore[arg-type]
    assert flashed.method == "emulator"
    assert flashed.port is not None
    assert find(flashed.port) is not None


def test_a_record_of_a_board_that_died_is_dropped(hello_elf: Path, runtime: Path) -> None:
    running = start(board(BOARD), hello_elf)
    os.kill(running.pid, signal.SIGKILL)
    assert has_ended(running.pid)
    assert running_boards() == []
    (runtime_folder() / "bad.json").write_text("{")
    assert running_boards() == []


def test_a_board_without_a_known_method(hello_elf: Path) -> None:
    import dataclasses

    class Built:
        elf = hello_elf

    lonely = dataclasses.replace(board(BOARD), flash_methods=("telepathy",), emulator=None)
    with pytest.raises(BoardError, match=r"no way to flash.*telepathy"):
        flash(lonely, Built())  # type: ignore[arg-type]
    with pytest.raises(BoardError, match="no emulator"):
        Emulator(lonely, hello_elf)
