"""USB ids become boards' names."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tinykit.boards import all_boards
from tinykit.cli.main import run
from tinykit.flash import detect as module
from tinykit.flash.detect import detect


@dataclass
class FakePort:
    """As much of pyserial's as is looked at."""

    device: str
    vid: int | None
    pid: int | None
    description: str


PORTS = [
    FakePort("/dev/ttyACM0", 0x0D28, 0x0204, "BBC micro:bit CMSIS-DAP"),
    FakePort("/dev/ttyACM1", 0x0483, 0x374B, "STM32 STLink"),
    FakePort("/dev/ttyUSB0", 0x10C4, 0xEA60, "CP2102N"),
    FakePort("/dev/ttyUSB1", 0x1A86, 0x7523, "USB Serial"),
    FakePort("/dev/ttyACM2", 0xDEAD, 0xBEEF, "Coffee machine"),
    FakePort("/dev/ttyS0", None, None, "n/a"),
]
DEVICES = ["2e8a:0003 RP2 Boot", "0d28:0204 BBC micro:bit CMSIS-DAP", "046d:c52b Receiver"]


def test_ports_and_drives_become_names() -> None:
    found = {one.usb_id: one for one in detect(all_boards(), PORTS, DEVICES)}
    assert list(found) == ["0d28:0204", "0483:374b", "10c4:ea60", "1a86:7523", "dead:beef", "2e8a:0003"]
    assert (found["0d28:0204"].port, found["0d28:0204"].boards) == ("/dev/ttyACM0", ("microbit",))
    assert {"nucleo-f446re", "nucleo-l4r5zi", "stm32f746g-disco"} <= set(found["0483:374b"].boards)
    assert {"esp32", "esp32-c3", "esp32-s3"} <= set(found["10c4:ea60"].boards) and found["10c4:ea60"].is_bridge
    assert found["1a86:7523"].boards == () and found["1a86:7523"].is_bridge
    assert found["dead:beef"].boards == () and not found["dead:beef"].is_bridge
    assert (found["2e8a:0003"].port, found["2e8a:0003"].boards) == (None, ("raspberry-pi-pico",))


def test_nothing_is_plugged_in() -> None:
    assert detect(all_boards(), [], []) == []


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "serial_ports", lambda: PORTS)
    monkeypatch.setattr(module, "plugged", lambda: DEVICES)
    assert run(["boards", "--detect"]) == 0
    shown = capsys.readouterr().out
    assert "/dev/ttyACM0    0d28:0204  microbit  (BBC micro:bit CMSIS-DAP)" in shown
    assert "no serial port  2e8a:0003  raspberry-pi-pico  (RP2 Boot)" in shown
    assert "/dev/ttyUSB1    1a86:7523  no known board, or another board behind this serial adapter" in shown
    assert run(["boards", "--detect", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["detected"][0]["usb_id"] == "0d28:0204"


def test_the_command_finds_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "serial_ports", list)
    monkeypatch.setattr(module, "plugged", list)
    assert run(["boards", "--detect"]) == 0
    assert "No board is plugged in" in capsys.readouterr().out
