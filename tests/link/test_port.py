"""Real ports: a pty with a device behind it, and every reason why one cannot be opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinykit.errors import PortError
from tinykit.link.device import Device
from tinykit.link.fake import FakeDevice, fake_hello, on_pty
from tinykit.link.port import SerialPort, permission_fix

SHA = "cd" * 32


def fake() -> FakeDevice:
    return FakeDevice(fake_hello(SHA, 300, 300), lambda x: x[::-1])


def test_nobody_is_told_to_join_the_group_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "group", lambda path: "uucp")
    assert "usermod -aG uucp" in permission_fix("/dev/ttyACM0")
    monkeypatch.setattr(Path, "group", lambda path: "root")
    assert "usermod" not in permission_fix("/dev/ttyACM0")


def test_inference_over_a_pty() -> None:
    x = bytes(i & 255 for i in range(300))
    with on_pty(fake()) as path, Device(SerialPort(path)) as dut:
        dut.require_model(SHA)
        assert dut.infer(x) == [x[::-1]]
        assert dut.silences == 0


def test_a_second_open_names_the_holder() -> None:
    with on_pty(fake()) as path:
        first = SerialPort(path)
        with pytest.raises(PortError, match=rf"busy; found this process \({os.getpid()}\) holding it") as caught:
            SerialPort(path)
        assert caught.value.exit_status == 3
        first.close()
        SerialPort(path).close()


def test_another_process_that_holds_the_port_is_named() -> None:
    program = (
        "import sys, tinykit.link.port as port\n"
        "held = port.SerialPort(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    with on_pty(fake()) as path:
        command = [sys.executable, "-c", program, path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"open\n"
            with pytest.raises(PortError, match=rf"python.* \(process {other.pid}\) holding it"):
                SerialPort(path)
            other.communicate()


def test_a_missing_port() -> None:
    with pytest.raises(PortError, match=r"no serial port /dev/ttyNOWHERE.*--port"):
        SerialPort("/dev/ttyNOWHERE")


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_path_that_is_no_port(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    path.mkdir() if what == "folder" else path.write_text("hello")
    with pytest.raises(PortError, match="is not a serial port"):
        SerialPort(str(path))


@pytest.mark.parametrize("address", ["socket://127.0.0.1:1", "rfc2217://127.0.0.1:1", "nonsense://x", "socket://"])
def test_an_address_where_nothing_answers(address: str) -> None:
    with pytest.raises(PortError, match="cannot open the serial port"):
        SerialPort(address)


def test_a_pty_whose_other_end_closes() -> None:
    master, slave = os.openpty()
    port = SerialPort(os.ttyname(slave))
    os.close(slave)
    os.close(master)
    with pytest.raises(PortError, match="is gone"):
        port.read(1)
    with pytest.raises(PortError, match="is gone"):
        port.write(b"x")
    port.close()
