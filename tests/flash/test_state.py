"""A flash that is cut off at any moment: the next command knows, and nothing talks to the board before it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flash.built import Built, board_for, built
from tests.flash.loader import on_pty
from tests.flash.stm32_loader import Stm32Loader
from tests.support.processes import has_ended
from tinykit.errors import DeviceError, TinykitError, ToolFailed
from tinykit.flash import flash
from tinykit.flash.state import records, require_whole, state_folder, writing
from tinykit.link.device import open_device
from tinykit.link.fake import FakeDevice, fake_hello
from tinykit.link.fake import on_pty as device_on_pty

BOARD = board_for("openocd", config="x.cfg")


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return built(tmp_path)


def openocd(folder: Path, script: str) -> None:
    """A tool that does what `script` says."""
    path = folder / "openocd"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


GOOD = "echo '** Verified OK **'"


@contextlib.contextmanager
def flashing_process(folder: Path, firmware: Built, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that flashes; the block starts once its tool runs."""
    openocd(folder, f"touch {folder}/running; {script}")
    program = (
        "import sys, pathlib\n"
        "from tests.flash.built import Built, board_for\n"
        "from tinykit.flash import flash\n"
        "made = Built(*map(pathlib.Path, sys.argv[1:]))\n"
        "flash(board_for('openocd', config='x.cfg'), made, quiet=True)\n"
    )
    paths = [str(path) for path in (firmware.elf, firmware.binary, firmware.hex)]
    with subprocess.Popen([sys.executable, "-c", program, *paths], cwd=Path(__file__).parents[2]) as process:
        try:
            while not (folder / "running").exists():
                assert process.poll() is None
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
            yield process
        finally:
            process.kill()


def test_a_flash_that_goes_well_leaves_a_record_of_what_is_there(firmware: Built, tmp_path: Path) -> None:
    openocd(tmp_path, GOOD)
    flashed = flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    assert flashed.recovered is None
    (record,) = records(BOARD.name)
    assert (record.state, record.method, record.model_sha256) == ("whole", "openocd", firmware.model_sha256)
    require_whole(BOARD.name, "/dev/ttyACM0")


def test_killed_midway_the_next_run_says_so_and_recovers(firmware: Built, tmp_path: Path) -> None:
    with flashing_process(tmp_path, firmware, "exec sleep 60") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.raises(DeviceError, match=r"flash of tiny to stm32vldiscovery by openocd.*was cut off.*Flash it again"):
        require_whole(BOARD.name, "/dev/ttyACM0")
    openocd(tmp_path, GOOD)
    flashed = flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    assert flashed.recovered is not None
    assert "was cut off" in flashed.recovered
    require_whole(BOARD.name, "/dev/ttyACM0")
    assert flash(BOARD, firmware, quiet=True).recovered is None  # type: ignore[arg-type]


def test_the_tool_dies_with_the_process_that_runs_it(firmware: Built, tmp_path: Path) -> None:
    """An orphan would go on writing while the next run writes too."""
    with flashing_process(tmp_path, firmware, f"echo $$ > {tmp_path}/pid; exec sleep 60") as process:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith("\n"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_tool_that_fails_midway_counts_as_cut_off(firmware: Built, tmp_path: Path) -> None:
    openocd(tmp_path, "echo half; exit 1")
    with pytest.raises(ToolFailed):
        flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="was cut off"):
        require_whole(BOARD.name, "/dev/ttyACM0")


@pytest.mark.parametrize("said", ["Error: open failed", "UNEXPECTED idcode", "LIBUSB_ERROR_ACCESS"])
def test_a_board_that_was_not_reached_is_as_it_was(firmware: Built, tmp_path: Path, said: str) -> None:
    openocd(tmp_path, f"echo '{said}'; exit 1")
    with pytest.raises(TinykitError):
        flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    require_whole(BOARD.name, "/dev/ttyACM0")
    openocd(tmp_path, "exit 1")
    with pytest.raises(ToolFailed):
        flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    openocd(tmp_path, f"echo '{said}'; exit 1")
    with pytest.raises(TinykitError):
        flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="was cut off"):  # what the second run left is still there
        require_whole(BOARD.name, "/dev/ttyACM0")


def test_two_processes_cannot_flash_one_board(firmware: Built, tmp_path: Path) -> None:
    with flashing_process(tmp_path, firmware, "exec sleep 60") as process:
        message = rf"stm32vldiscovery is being flashed by openocd \(process {process.pid}\) right now"
        with pytest.raises(DeviceError, match=message):
            flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
        with pytest.raises(DeviceError, match=message):
            require_whole(BOARD.name, "/dev/ttyACM0")


def test_a_half_written_board_is_not_talked_to_even_if_it_answers(firmware: Built, tmp_path: Path) -> None:
    """Its hash may be written already while its weights are still the old ones."""
    device = FakeDevice(fake_hello(firmware.model_sha256, 8, 8), lambda x: x)
    with device_on_pty(device) as port:
        with contextlib.suppress(KeyboardInterrupt), writing(BOARD.name, "avrdude", port, firmware):  # type: ignore[arg-type]
            raise KeyboardInterrupt
        with pytest.raises(DeviceError, match="was cut off"), open_device(BOARD, port=port):
            pass
        with open_device(BOARD, port=device) as other:  # another board of this kind
            other.require_model(firmware.model_sha256)
        with writing(BOARD.name, "avrdude", port, firmware) as recovered:  # type: ignore[arg-type]
            assert recovered is not None
        with open_device(BOARD, port=port) as again:
            again.require_model(firmware.model_sha256)


def test_the_record_of_one_port_says_nothing_of_another(firmware: Built) -> None:
    with contextlib.suppress(KeyboardInterrupt), writing(BOARD.name, "avrdude", "/dev/ttyACM0", firmware):  # type: ignore[arg-type]
        raise KeyboardInterrupt
    require_whole(BOARD.name, "/dev/ttyACM1")
    require_whole("microbit", "/dev/ttyACM0")
    with pytest.raises(DeviceError, match="was cut off"):
        require_whole(BOARD.name, "/dev/ttyACM0")


def test_damaged_records_are_no_records(firmware: Built, tmp_path: Path) -> None:
    openocd(tmp_path, GOOD)
    flash(BOARD, firmware, quiet=True)  # type: ignore[arg-type]
    (path,) = state_folder().glob("*.json")
    for text in ("", "{", "[]", json.dumps({"state": "writing"})):
        path.write_text(text)
        assert records(BOARD.name) == []
        require_whole(BOARD.name, "/dev/ttyACM0")
    assert flash(BOARD, firmware, quiet=True).recovered is None  # type: ignore[arg-type]


def test_a_board_that_was_written_but_is_silent(firmware: Built) -> None:
    """The tool proved it, the serial port does not: said as such."""
    chip = board_for("stm32flash", device_id="0x420", mode="8n1")
    with on_pty(Stm32Loader(0x420)) as port, pytest.raises(DeviceError, match=r"written.*verified, but nobody answers"):
        flash(chip, firmware, port, quiet=True)  # type: ignore[arg-type]
    require_whole(chip.name, port)
