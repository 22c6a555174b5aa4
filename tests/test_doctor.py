"""The doctor finds what is there, says how to get what is not, and calls missing only what is needed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinykit import doctor
from tinykit.boards import all_boards
from tinykit.cli.main import run
from tinykit.flash import TOOLS, usb
from tinykit.targets import TARGETS


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def findings(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, object]]]:
    status = run(["doctor", "--json"])
    return status, {str(f["what"]).split(" ")[0]: f for f in json.loads(capsys.readouterr().out)["findings"]}


def test_a_machine_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, found = findings(capsys)
    assert status == 1
    absent = [f for f in found.values() if not f["ok"]]
    assert all(f["fix"] for f in absent)
    assert {tool.programs[0] for tool in TOOLS} <= {str(f["what"]).split(" ")[0] for f in absent}
    assert {f"{t.toolchain}gcc" for t in TARGETS.values() if t.toolchain} <= set(found)
    assert "sudo apt install gcc-arm-none-eabi" in str(found["arm-none-eabi-gcc"]["fix"])
    assert not found["openocd"]["needed"]


def test_versions_are_read_however_a_tool_says_them(tmp_path: Path) -> None:
    program(tmp_path, "openocd", "echo 'Open On-Chip Debugger 0.12.0' >&2; exit 1")
    program(tmp_path, "silent", "exit 0")
    program(tmp_path, "wordy", "echo no numbers here")
    assert doctor.version(str(tmp_path / "openocd")) == "0.12.0"
    assert doctor.version(str(tmp_path / "silent")) is None
    assert doctor.version(str(tmp_path / "wordy")) == "no numbers here"
    assert doctor.version(str(tmp_path / "absent")) is None


def test_an_emulator_too_old_for_a_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path, "qemu-system-arm", "echo 'QEMU emulator version 4.2.0'; echo 'mps2-an385   Arm'")
    monkeypatch.setenv("PATH", str(tmp_path))
    _, found = findings(capsys)
    assert not found["qemu-system-arm"]["ok"]
    assert "does not know" in str(found["qemu-system-arm"]["found"])
    assert "netduinoplus2" in str(found["qemu-system-arm"]["found"])


def test_ports_are_named_by_board_and_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    def port(device: str, vid: int | None, pid: int | None) -> SimpleNamespace:
        return SimpleNamespace(device=device, vid=vid, pid=pid, description="a port")

    monkeypatch.setattr(
        usb, "serial_ports", lambda: [port("/dev/null", 0x0D28, 0x0204), port("/dev/nothing", None, None)]
    )
    monkeypatch.setattr("tinykit.link.holder.holder", lambda path: "screen (process 7)" if "null" in path else None)
    held, shut = doctor._ports(all_boards())
    assert (held.ok, held.fix) == (False, "Close that program")
    assert "could be microbit" in held.found
    assert "held by screen (process 7)" in held.found
    assert not shut.ok
    assert "no permission" in shut.found
    assert "usermod" in shut.fix


def test_the_page_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["doctor"])
    page = capsys.readouterr().out
    for section in ("Python", "Compilers", "Emulators", "Flash tools", "Permissions", "Ports"):
        assert f"\n{section}\n" in f"\n{page}"
    assert ("missing:" in page) == (status == 1)
