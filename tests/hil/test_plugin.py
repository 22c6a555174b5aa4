"""The pytest plugin, run in projects of a user's own: the example's, and small ones."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import serial
import serial.rfc2217

from tests.support.builder import ModelBuilder
from tests.support.models import fully_connected, softmax
from tinykit.errors import PortError
from tinykit.files import data_folder, sha256
from tinykit.hil.lock import port_lock
from tinykit.hil.log import LoggedPort
from tinykit.link.client import Client
from tinykit.link.fake import FakeDevice, fake_hello, on_pty
from tinykit.link.frames import Kind
from tinykit.validate.judge import Judge

pytest_plugins = ["pytester"]

ASKS = "def test_asks(device): device.infer([[0] * 12])\n"
MATCHES = (
    "import numpy as np\n"
    "def test_matches(device, tinykit_model):\n"
    "    device.assert_matches(tinykit_model, np.zeros((1, 12), np.int8))\n"
)


@pytest.fixture(scope="session")
def network() -> bytes:
    """A dense classifier: 12 inputs, 3 outputs."""
    builder = ModelBuilder(seed=9)
    x = fully_connected(builder, builder.input((1, 12)), units=8, activation="RELU")
    return builder.finish([softmax(builder, fully_connected(builder, x, units=3))])


@pytest.fixture
def project(pytester: pytest.Pytester, network: bytes) -> pytest.Pytester:
    """An empty project with a model."""
    (pytester.path / "model.tflite").write_bytes(network)
    pytester.makeini("[pytest]\ntinykit_model = model.tflite\n")
    return pytester


def fake(network: bytes, *, wrong: bool = False) -> FakeDevice:
    """A device in memory that runs the network, or gives one wrong value."""
    judge = Judge(network)

    def model(data: bytes) -> bytes:
        output = judge.run([np.frombuffer(data, np.int8).reshape(1, 12)])[0].copy()
        output[0, 1] ^= wrong
        return output.tobytes()

    return FakeDevice(fake_hello(sha256(network), 12, 3), model)


class Terminal(serial.Serial):
    """A pseudo terminal, which has no modem lines, for a server that sets and reads them."""

    cts = dsr = ri = cd = property(lambda self: True)

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass

    def _update_break_state(self) -> None:
        pass


@contextlib.contextmanager
def rfc2217(device: str) -> Iterator[str]:
    """The serial device behind a server of its own, as on the machine beside the boards; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = Terminal(device, timeout=0.02)
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(0.02)
        lock = threading.Lock()

        class Out:
            def write(self, data: bytes) -> None:
                with lock:
                    connection.sendall(data)

        manager = serial.rfc2217.PortManager(port, Out())

        def upwards() -> None:
            while not ended.is_set():
                data = port.read(port.in_waiting or 1)
                if data:
                    Out().write(b"".join(manager.escape(data)))

        reader = threading.Thread(target=upwards)
        reader.start()
        with contextlib.suppress(OSError):
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    data = connection.recv(1024)
                    if not data:
                        break
                    port.write(b"".join(manager.filter(data)))
        ended.set()
        reader.join()
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"rfc2217://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        listener.close()
        port.close()


def test_skipped_without_a_board(project: pytest.Pytester) -> None:
    project.makepyfile(ASKS)
    result = project.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no board: run pytest with --tinykit-board B*"])


def test_a_device_on_a_port_and_its_junit_properties(project: pytest.Pytester, network: bytes) -> None:
    project.makepyfile(MATCHES)
    with on_pty(fake(network)) as port:
        arguments = ["--tinykit-board", "microbit", f"--tinykit-port={port}", "--tinykit-no-flash"]
        project.runpytest(*arguments, "--junitxml", "out.xml").assert_outcomes(passed=1)
    found = {p.get("name"): p.get("value") for p in ElementTree.parse(project.path / "out.xml").iter("property")}
    assert found["tinykit_board"] == "microbit"
    assert found["tinykit_port"] == port
    assert found["tinykit_model_sha256"] == sha256(network)
    assert found["tinykit_samples_compared"] == "1"


def test_a_failure_shows_values_and_the_serial_log(project: pytest.Pytester, network: bytes) -> None:
    project.makepyfile(MATCHES)
    with on_pty(fake(network, wrong=True)) as port:
        result = project.runpytest("--tinykit-board", "microbit", f"--tinykit-port={port}", "--tinykit-no-flash")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*sample 0, output 0 on microbit*1 of 3 values differ from TFLM: [[]1[]] is *, TFLM has *",
            "*tinykit serial log (microbit, /dev/pts/*",
            "*> WRITE #* 00 00 00 00 00 00*",
            "*> INVOKE #*",
            "*< INVOKE answer #*",
        ]
    )


def test_a_board_on_another_machine(project: pytest.Pytester, network: bytes) -> None:
    project.makepyfile(MATCHES)
    with on_pty(fake(network)) as pty, rfc2217(pty) as address:
        project.runpytest("--tinykit-board", "microbit", "--tinykit-port", address).assert_outcomes(passed=1)


def test_a_board_with_another_model(project: pytest.Pytester, network: bytes) -> None:
    project.makepyfile(ASKS)
    device = FakeDevice(fake_hello("ab" * 32, 12, 3), lambda data: bytes(3))
    with on_pty(device) as port:
        result = project.runpytest("--tinykit-board", "microbit", f"--tinykit-port={port}", "--tinykit-no-flash")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*WrongFirmware: the device on * runs another model*"])


@pytest.mark.parametrize(
    "arguments, said",
    [
        (
            ["--tinykit-board", "a", "--tinykit-board", "b", "--tinykit-port", "x"],
            "*2 --tinykit-board and 1 --tinykit-*",
        ),
        (["--tinykit-board", "mibrobit"], "*Did you mean microbit*"),
    ],
)
def test_options_that_make_no_sense(project: pytest.Pytester, arguments: list[str], said: str) -> None:
    project.makepyfile(ASKS)
    result = project.runpytest(*arguments)
    assert result.ret != 0
    assert any(line for line in (*result.outlines, *result.errlines) if _matches(line, said))


def _matches(line: str, pattern: str) -> bool:
    import fnmatch

    return fnmatch.fnmatch(line, pattern)


def test_markers_choose_boards(project: pytest.Pytester, network: bytes) -> None:
    project.makepyfile(
        "import pytest\n"
        "@pytest.mark.tinykit('mve')\ndef test_a(device): pass\n"
        "@pytest.mark.tinykit(ram=1 << 20)\ndef test_b(device): pass\n"
        "@pytest.mark.tinykit('cortex-m0', 'hardware', ram=1 << 10, flash=1 << 10)\ndef test_c(device): pass\n"
    )
    with on_pty(fake(network)) as port:
        arguments = ["--tinykit-board", "microbit", f"--tinykit-port={port}", "--tinykit-no-flash", "--strict-markers"]
        result = project.runpytest("-rs", *arguments)
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*microbit has no mve*", "*microbit has no 1,048,576 bytes of RAM*"])


@pytest.mark.emulated
def test_the_example_on_two_boards_in_parallel(pytester: pytest.Pytester, network: bytes) -> None:
    shutil.copytree(data_folder("examples") / "hil", pytester.path, dirs_exist_ok=True)
    (pytester.path / "model.tflite").write_bytes(network)
    boards = ["--tinykit-board", "mps2-an386", "--tinykit-board", "microbit"]
    result = pytester.runpytest_subprocess("-n", "2", "--dist", "loadgroup", "-rs", "--junitxml", "out.xml", *boards)
    result.assert_outcomes(passed=9, skipped=1)
    result.stdout.fnmatch_lines(["*microbit has no dsp, no 65,536 bytes of RAM*"])
    names = [p.get("name") for p in ElementTree.parse(pytester.path / "out.xml").iter("property")]
    assert names.count("tinykit_instructions") == 2
    assert names.count("tinykit_board") == 9


def test_one_process_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    script = (
        "from tinykit.hil.lock import port_lock\n"
        "with port_lock('/dev/ttyACM7', 0.0):\n    print('held', flush=True)\n    input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(PortError, match=f"found process {other.pid}"), port_lock("/dev/ttyACM7", 0.0):
            pass
        with port_lock("/dev/ttyACM8", 0.0):
            pass
        other.communicate(b"\n")
    with port_lock("/dev/ttyACM7", 0.0):
        assert (tmp_path / "tinykit" / "port-_dev_ttyACM7.lock").read_text() == f"process {os.getpid()}"


def test_the_log_names_frames_and_damage(network: bytes) -> None:
    device = fake(network)
    port = LoggedPort(device)
    client = Client(port)
    client.request(Kind.HELLO)
    client.request(Kind.ECHO, bytes(30))
    lines = [line[10:] for line in port.text.splitlines()]
    assert lines[0] == "> HELLO #1"
    assert lines[1] == "< BOOT #0"
    assert lines[2].startswith("< HELLO answer #1 01 00 01 01 01")
    assert lines[3] == "> ECHO #2 " + "00 " * 24 + "... 30 bytes"
    port.clear()
    port.write(b"\x05nonsense\0")
    assert port.text.split(maxsplit=1)[1] == "> 1 damaged frames in 10 bytes"
