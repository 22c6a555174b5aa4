"""Flash tools that are missing, fail or hang, played by small programs on PATH; and their exact command lines."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.flash.built import Built, board_for, built
from tests.flash.loader import on_pty
from tests.flash.stm32_loader import Stm32Loader
from tests.support.processes import has_ended
from tinykit.boards import Board, all_boards, board
from tinykit.errors import (
    BoardError,
    DeviceError,
    OutputError,
    PortError,
    TinykitError,
    ToolFailed,
    ToolMissing,
    UsageError,
    WrongBoard,
)
from tinykit.flash import FLASHERS, TOOLS, choose, flash, usb
from tinykit.flash.avrdude import percent as avrdude_percent
from tinykit.flash.process import run
from tinykit.flash.tool import Job, ToolFlasher, percent_said

OPTIONS: dict[str, dict[str, str]] = {
    "gdb": {"remote": "localhost:3333"},
    "openocd": {"config": "interface/stlink.cfg target/stm32f1x.cfg"},
    "pyocd": {"target": "stm32f100"},
    "st-flash": {"chip_id": "0x420"},
    "dfu": {"id": "0483:df11"},
    "avrdude": {"part": "m328p", "programmer": "arduino"},
    "bossac": {"device": "nRF52840", "offset": "0x10000"},
    "esptool": {"chip": "esp32c3"},
    "stm32flash": {"device_id": "0x420"},
}
SERIAL = {tool.method for tool in TOOLS if tool.serial}

PLAYER = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__)
with open({log!r}, "a") as log: log.write(json.dumps([here.name, *sys.argv[1:]]) + "\\n")
play = json.loads(pathlib.Path({play!r}).read_text())
for part in sys.argv[1:]:
    if play["back"] and part.endswith("read-back.bin"):
        pathlib.Path(part).write_bytes(pathlib.Path(play["back"]).read_bytes())
sys.stdout.write(play["says"])
sys.exit(play["status"])
"""


class Tools:
    """Programs on a PATH of their own that print what the test wants, and keep how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self._log, self._play = folder / "calls", folder / "play"
        self.firmware = built(folder)
        self.play("")

    def install(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.write_text(PLAYER.format(python=sys.executable, log=str(self._log), play=str(self._play)))
            path.chmod(0o755)

    def play(self, says: str, status: int = 0, back: Path | None = None) -> None:
        """What they print, how they end, and what a read-back gives."""
        self._play.write_text(json.dumps({"says": says, "status": status, "back": str(back or "")}))

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path)
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("tinykit.flash.bossac.touch", lambda port: None)
    return made


def run_flash(method: str, firmware: Built) -> None:
    """Flash a board by this method; serial ones through a pty that is there and says nothing."""
    chosen = board_for(method, **OPTIONS[method])
    if method not in SERIAL:
        FLASHERS[method].flash(chosen, firmware, None, quiet=True)  # type: ignore[arg-type]
        return
    with on_pty(Stm32Loader(0)) as port:
        FLASHERS[method].flash(chosen, firmware, port, quiet=True)  # type: ignore[arg-type]


PROGRAMS = {tool.method: tool.programs[0] for tool in TOOLS}
SUCCESS = "\n".join(
    [
        "tinykit-cpuid 0x410fc231",
        "Start address 0x0",
        "Section .text, range 0x0 -- 0x10: matched.",
        "** Verified OK **",
        "All 3000 bytes match.",
        "Found 1 stlink programmers\n chipid: 0x0420",
        "Flash written and verified! jolly good!",
        'Found DFU: [0483:df11] ver=2200, devnum=5, cfg=1, intf=0, path="1-2", alt=0, '
        'name="@Internal Flash  /0x08000000/04*016Kg", serial="3"',
        "File downloaded successfully",
        "Upload done.",
        "avrdude: 3000 bytes of flash verified",
        "Device       : nRF52840-QIAA",
        "Verify successful",
        "Hash of data verified.",
        "Device ID    : 0x0420 (STM32F10xxx)",
        "Wrote and verified address 0x08000bb8 (100.00%) Done.",
    ]
)


@pytest.mark.parametrize("method", list(OPTIONS))
def test_a_missing_tool_says_how_to_install_it(method: str, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=rf"{PROGRAMS[method]} is not installed.*(apt|pip) install") as caught:
        run_flash(method, built(tmp_path))
    assert caught.value.exit_status == 3


@pytest.mark.parametrize("method", list(OPTIONS))
def test_the_exact_command_lines(method: str, tools: Tools, tmp_path: Path) -> None:
    firmware = built(tmp_path)
    tools.install(PROGRAMS[method], "st-info")
    tools.play(SUCCESS, back=firmware.binary)
    run_flash(method, firmware)
    elf, binary, hexa = str(firmware.elf), str(firmware.binary), str(firmware.hex)
    port = next((a for call in tools.calls for a in call if a.startswith("/dev/")), "")
    servers = "gdb_port disabled; tcl_port disabled; telnet_port disabled"
    connect = [
        *("gdb-multiarch", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set pagination off"),
        *("-ex", "set remotetimeout 10", "-ex", "set tcp connect-timeout 5", "-ex", "target remote localhost:3333"),
    ]
    cpuid = 'printf "tinykit-cpuid 0x%x\\n", *(unsigned int *)0xe000ed00'
    load = ["-ex", "load", "-ex", "compare-sections", "-ex", "monitor reset run", "-ex", "detach", elf]
    configuration = ["-f", "interface/stlink.cfg", "-f", "target/stm32f1x.cfg"]
    dfu, back = ["dfu-util", "-d", "0483:df11", "-a", "0", "-s"], "read-back.bin"
    bossac = next((a for call in tools.calls for a in call if a.startswith("--port=")), "")
    line = ["-b", "115200", "-m", "8e1"]
    expected = {
        "gdb": [[*connect, "-ex", cpuid, "-ex", "disconnect"], [*connect, *load]],
        "openocd": [["openocd", *configuration, "-c", servers, "-c", f"program {{{elf}}} verify reset exit"]],
        "pyocd": [
            ["pyocd", "load", "--no-wait", "-t", "stm32f100", "--format", "elf", elf],
            ["pyocd", "commander", "--no-wait", "-t", "stm32f100", "-c", f"compare 0x08000000 {binary}"],
            ["pyocd", "reset", "--no-wait", "-t", "stm32f100"],
        ],
        "st-flash": [
            ["st-info", "--probe"],
            ["st-flash", "--reset", "--format", "binary", "write", binary, "0x08000000"],
        ],
        "dfu": [
            ["dfu-util", "-l"],
            [*dfu, "0x08000000", "-D", binary],
            [*dfu, "0x08000000:3000:leave", "-U", back],
        ],
        "avrdude": [
            [
                *("avrdude", "-p", "m328p", "-c", "arduino", "-b", "115200", "-P", port),
                *("-D", "-U", f"flash:w:{hexa}:i"),
            ]
        ],
        "bossac": [
            ["bossac", bossac, "-i"],
            ["bossac", bossac, "-e", "-w", "-v", "--offset=0x10000", binary, "-R"],
        ],
        "esptool": [
            [
                *("esptool", "--chip", "esp32c3", "--port", port, "--baud", "460800"),
                *("write_flash", "0x0", binary),
            ]
        ],
        "stm32flash": [
            ["stm32flash", *line, port],
            ["stm32flash", *line, "-w", binary, "-S", "0x08000000", "-v", "-g", "0x08000000", port],
        ],
    }[method]
    calls = [[back if a.endswith(back) else a for a in call] for call in tools.calls]
    assert calls == expected


@pytest.mark.parametrize(
    ("method", "said", "error", "message"),
    [
        ("openocd", "Error: open failed", DeviceError, "no debug probe.*USB devices"),
        ("openocd", "Error: unable to find a matching CMSIS-DAP device", DeviceError, "no debug probe"),
        ("openocd", "Warn : UNEXPECTED idcode: 0x2ba01477", WrongBoard, "another chip.*nothing was written.*2ba01477"),
        ("openocd", "** Verify Failed **", ToolFailed, "does not hold what was written"),
        ("openocd", "Error: Error connecting DP: cannot read IDR", ToolFailed, "does not reach the chip.*reset button"),
        ("openocd", "libusb_open() failed with LIBUSB_ERROR_ACCESS", PortError, r"permission.*99-tinykit\.rules"),
        ("openocd", "Can't find board/nowhere.cfg", ToolFailed, "no such configuration"),
        ("pyocd", "No connected debug probes", DeviceError, "no debug probe"),
        ("pyocd", "C Target type nrf99 not recognized.", ToolFailed, "pyocd pack install"),
        ("pyocd", "Mismatched byte at 0x08000010 (offset 0x10)", ToolFailed, "does not hold what was written"),
        ("st-flash", "WARN usb.c: Couldn't find any ST-Link devices", DeviceError, "no ST-LINK"),
        ("dfu", "dfu-util: No DFU capable USB device available", DeviceError, "boot loader.*BOOT0"),
        ("dfu", "Cannot open DFU device 0483:df11: LIBUSB_ERROR_ACCESS", PortError, r"udev rules.*99-tinykit\.rules"),
        ("avrdude", "avrdude warning: attempt 10 of 10: not in sync: resp=0x00", ToolFailed, "does not answer.*reset"),
        ("avrdude", "avrdude error: verification mismatch", ToolFailed, "does not hold what was written"),
        ("avrdude", "expected signature for ATmega2560 is 1E 98 01", WrongBoard, "another chip.*ATmega2560"),
        ("bossac", "No device found on ttyACM9", DeviceError, "boot loader does not answer.*reset twice"),
        ("esptool", "A fatal error occurred: Failed to connect to ESP32-C3: No serial data", DeviceError, "Hold BOOT"),
        ("esptool", "This chip is ESP32, not ESP32-C3. Wrong chip argument?", WrongBoard, "another chip"),
        ("esptool", "[Errno 19] device disconnected", DeviceError, "went away while it was being written"),
        ("stm32flash", "Failed to init device.", DeviceError, "boot loader does not answer.*BOOT0"),
        ("stm32flash", "something new", ToolFailed, "exit status 1.*it said: something new"),
        ("stm32flash", "", ToolFailed, "it said: nothing"),
    ],
)
def test_what_a_tool_says_becomes_a_sentence_with_a_next_step(
    method: str, said: str, error: type[TinykitError], message: str, tools: Tools
) -> None:
    tools.install(PROGRAMS[method], "st-info")
    tools.play(said, status=1)
    with pytest.raises(error, match=f"(?s){message}") as caught:
        run_flash(method, tools.firmware)
    assert caught.value.next_step
    assert caught.value.facts["status"] == 1


@pytest.mark.parametrize("method", list(OPTIONS))
def test_a_tool_that_ends_well_but_proves_nothing_is_not_believed(method: str, tools: Tools, tmp_path: Path) -> None:
    tools.install(PROGRAMS[method], "st-info")
    tools.play("all is well\n", status=0)
    with pytest.raises(TinykitError):
        run_flash(method, built(tmp_path))


@pytest.mark.parametrize(
    ("method", "right", "wrong"),
    [
        ("gdb", "cpuid 0x410fc231", "cpuid 0x410fc241"),
        ("st-flash", "chipid: 0x0420", "chipid: 0x0413"),
        ("dfu", "/0x08000000/", "/0x90000000/"),
        ("dfu", "[0483:df11]", "[2341:035b]"),
        ("bossac", "nRF52840", "ATSAMD21G18A"),
        ("stm32flash", "0x0420", "0x0413"),
    ],
)
def test_another_chip_is_refused_before_anything_is_written(
    method: str, right: str, wrong: str, tools: Tools, tmp_path: Path
) -> None:
    firmware = built(tmp_path)
    tools.install(PROGRAMS[method], "st-info")
    tools.play(SUCCESS.replace(right, wrong), back=firmware.binary)
    with pytest.raises(WrongBoard) as caught:
        run_flash(method, firmware)
    assert (caught.value.exit_status, len(tools.calls)) == (2, 1)


def test_dfu_that_reads_back_something_else(tools: Tools, tmp_path: Path) -> None:
    firmware = built(tmp_path)
    tools.install("dfu-util")
    (tmp_path / "other").mkdir()
    tools.play(SUCCESS, back=built(tmp_path / "other", seed=2).binary)
    with pytest.raises(ToolFailed, match="does not hold what was written"):
        run_flash("dfu", firmware)


def test_a_board_file_that_does_not_say_enough(tools: Tools, tmp_path: Path) -> None:
    tools.install("openocd")
    with pytest.raises(BoardError, match=r"'config' in \[flash.openocd\].*--set config=VALUE"):
        FLASHERS["openocd"].flash(board_for("openocd"), built(tmp_path), None)  # type: ignore[arg-type]


def test_a_tool_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    marker = tmp_path / "children"
    script = f"sleep 60 & echo $! > {marker}; echo started; wait"
    started = time.monotonic()
    heard: list[str] = []
    with pytest.raises(ToolFailed, match=r"did not end within 3 s.*Unplug"):
        run(["/bin/sh", "-c", script], 3, heard.append)  # enough for a busy machine to start a shell
    assert time.monotonic() - started < 30
    assert heard == ["started\n"]
    assert has_ended(int(marker.read_text()))


def test_a_tool_that_leaves_a_child_behind_does_not_hold_us_up() -> None:
    started = time.monotonic()
    assert run(["/bin/sh", "-c", "sleep 60 & echo done"], 30, lambda text: None).output == "done\n"
    assert time.monotonic() - started < 10


def test_a_program_that_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="cannot run"):
        run([str(tmp_path)], 1, lambda text: None)


@pytest.mark.parametrize(
    ("output", "percent"),
    [
        ("Wrote address 0x08000100 (12.50%) ", 12.5),
        ("Download\t[=====    ]  20%   1024 bytes\rDownload\t[======   ]  24%", 24),
        ("[=====     ] 50% (10/20 pages)", 50),
        ("2026 INFO  5/20 pages written", 25),
        ("Connecting", None),
    ],
)
def test_percentages_are_read_from_what_tools_print(output: str, percent: float | None) -> None:
    assert percent_said(output) == percent


def test_avrdude_marks_are_counted() -> None:
    assert avrdude_percent("avrdude: reading\n") is None
    assert avrdude_percent("Writing | ##########") == 10
    assert avrdude_percent(f"Writing | {'#' * 50} | 100% 0.4s\n\nReading | {'#' * 20}") == 70


def port(device: str, vid: int | None, pid: int = 0) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, description=f"at {device}")


@pytest.fixture
def microbit() -> Board:
    return board("microbit")


def test_the_only_port_of_a_board_is_found(microbit: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_pty(Stm32Loader(0)) as path:
        monkeypatch.setattr(usb, "serial_ports", lambda: [port("/dev/ttyS0", None), port(path, 0x0D28, 0x0204)])
        assert usb.board_port(microbit, None) == path


def test_several_ports_of_a_board(microbit: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb, "serial_ports", lambda: [port(f"/dev/ttyACM{i}", 0x0D28, 0x0204) for i in range(2)])
    with pytest.raises(UsageError, match=r"ttyACM0, /dev/ttyACM1.*--port"):
        usb.board_port(microbit, None)


def test_no_port_of_a_board(microbit: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb, "serial_ports", lambda: [port("/dev/ttyACM0", 0x2341, 0x0043)])
    with pytest.raises(DeviceError, match=r"no microbit is plugged in.*0d28:0204.*ttyACM0 \(2341:0043\)"):
        usb.board_port(microbit, None)


def test_the_port_of_another_board_is_refused_that_of_a_bridge_is_not(
    microbit: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_pty(Stm32Loader(0)) as path:
        monkeypatch.setattr(usb, "serial_ports", lambda: [port(path, 0x2341, 0x0043)])
        with pytest.raises(WrongBoard, match="nothing was written; expected USB id 0d28:0204, found 2341:0043"):
            usb.board_port(microbit, path)
        monkeypatch.setattr(usb, "serial_ports", lambda: [port(path, 0x0403, 0x6001)])
        assert usb.board_port(microbit, path) == path


def test_usb_devices_are_listed(tmp_path: Path) -> None:
    for name, vendor, product, text in (("usb1", "1d6b", "0002", "Hub"), ("1-2", "0483", "374b", "STLINK-V2")):
        (tmp_path / name).mkdir()
        for key, value in (("idVendor", vendor), ("idProduct", product), ("product", text)):
            (tmp_path / name / key).write_text(value + "\n")
    assert usb.plugged(tmp_path) == ["0483:374b STLINK-V2"]
    assert usb.plugged(tmp_path / "nowhere") == []


def test_the_method_is_chosen(tools: Tools, microbit: Board) -> None:
    assert choose(microbit, None, None) == "emulator"
    assert choose(microbit, "/dev/ttyACM0", None) == "openocd"  # nothing is installed: the preferred one says how
    tools.install("pyocd")
    assert choose(microbit, "/dev/ttyACM0", None) == "pyocd"
    assert choose(dataclasses.replace(microbit, emulator=None), None, None) == "pyocd"
    assert choose(microbit, None, "openocd") == "openocd"
    with pytest.raises(UsageError, match="microbit is not flashed by 'dfu'; expected one of emulator, openocd"):
        choose(microbit, None, "dfu")


@pytest.mark.parametrize("chosen", all_boards(), ids=lambda chosen: chosen.name)
def test_every_method_of_every_board_is_known_and_has_what_it_needs(chosen: Board, tools: Tools) -> None:
    assert set(chosen.flash_methods) <= set(FLASHERS)
    assert set(chosen.flash_options) <= set(chosen.flash_methods)
    for method in chosen.flash_methods:
        flasher = FLASHERS[method]
        if isinstance(flasher, ToolFlasher):
            job = Job(chosen, tools.firmware, method, "/dev/ttyACM0", tools.folder)  # type: ignore[arg-type]
            assert flasher.steps(job)
        elif method == "uf2":
            assert {"board_id", "family"} <= set(chosen.flash_options[method])


def test_the_udev_rules_name_every_board() -> None:
    rules = (Path(__file__).parents[2] / "boards" / "udev" / "99-tinykit.rules").read_text()
    for chosen in all_boards():
        for usb_id in chosen.usb_ids:
            assert usb_id.split(":")[0] in rules, f"{chosen.name}: {usb_id}"


def test_a_record_that_cannot_be_kept(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tools.firmware.elf))  # a file, no folder
    with pytest.raises(OutputError, match="XDG_STATE_HOME"):
        flash(board_for("openocd", config="x"), tools.firmware)  # type: ignore[arg-type]
