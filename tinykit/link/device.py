"""A device: a board that answers on a port, be it hardware, an emulator or an in-process fake."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinykit.errors import (
    DeviceError,
    DeviceFault,
    DeviceReset,
    LinkTimeout,
    PortError,
    UsageError,
    WrongBoard,
    WrongFirmware,
)
from tinykit.link.client import GREETING_PATIENCE, Client, chunks
from tinykit.link.frames import MAX_PAYLOAD, Kind
from tinykit.link.hello import Hello
from tinykit.link.port import Port, SerialPort
from tinykit.link.symbols import function_at

if TYPE_CHECKING:
    from tinykit.boards import Board
    from tinykit.firmware.build import Firmware
    from tinykit.flash.emulator import Emulator

_WRITE_HEADER = 5
"""Bytes of index and offset that lead a WRITE's data."""

_DYING_SECONDS = 1.0
"""How long an emulator whose port is gone may take to end."""


@dataclass(frozen=True)
class Stack:
    """Stack of the device in bytes: `peak` of the deepest INVOKE since reset, `size` reserved."""

    peak: int
    size: int


@dataclass(frozen=True)
class Inference:
    """One inference: the raw bytes of each of the model's `outputs`, and the `ticks` that it took."""

    outputs: list[bytes]
    ticks: int


class Device:
    """The commands of the protocol as methods. A method raises a kind of DeviceError when the link fails."""

    def __init__(
        self,
        port: Port,
        *,
        emulator: Emulator | None = None,
        icount_shift: int | None = None,
        elf: Path | None = None,
        toolchain: str = "",
        cycle_exact: bool = False,
    ) -> None:
        """`icount_shift`: where the device is an emulator that advances time by 2^shift ns an instruction.
        `cycle_exact`: where it is one that advances time by the core's cycles.

        `elf` and the `toolchain` prefix name functions in fault messages.
        """
        self.port = port
        self.emulator = emulator
        self.icount_shift = icount_shift
        self.cycle_exact = cycle_exact
        self._hello: Hello | None = None
        name_of = (lambda pc: function_at(elf, pc, toolchain)) if elf else (lambda pc: None)
        self._client = Client(port, name_of=name_of)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port up and stop the emulator, if it is ours."""
        self.port.close()
        if self.emulator is not None:
            self.emulator.stop()

    @property
    def emulated(self) -> bool:
        """Whether the device is known to be an emulator."""
        return self.icount_shift is not None or self.cycle_exact or self.emulator is not None

    @property
    def silences(self) -> int:
        """Requests so far that had to be sent again, and answers that came damaged."""
        return self._client.silences

    def hello(self) -> Hello:
        """Greet the device and read its description; a fault that an earlier session left is cleared by a reset.

        Raises: WrongFirmware for another protocol version, LinkTimeout.
        """
        try:
            answer = self._request(Kind.HELLO, patience=GREETING_PATIENCE, answer=MAX_PAYLOAD)
        except DeviceFault:
            self._send_reset()
            answer = self._request(Kind.HELLO, patience=GREETING_PATIENCE, answer=MAX_PAYLOAD)
        self._hello = Hello.parse(answer)
        return self._hello

    @property
    def description(self) -> Hello:
        """What the device last said of itself; greets it the first time."""
        return self._hello or self.hello()

    def require_model(self, sha256: str) -> Hello:
        """Greet the device and make sure that it runs the model with this hash.

        Raises: WrongFirmware.
        """
        hello = self.hello()
        if hello.sha256 != sha256:
            raise WrongFirmware(
                f"the device on {self.port.name} runs another model",
                expected=f"the model with SHA-256 {sha256[:16]}...",
                found=f"{hello.model!r} with SHA-256 {hello.sha256[:16]}...",
                next_step="Flash this model's firmware first: tinykit flash MODEL.tflite --board BOARD",
                page="wrong-firmware",
                facts={"expected_sha256": sha256, "found_sha256": hello.sha256},
            )
        return hello

    def require_board(self, board: Board) -> None:
        """Make sure that the device does not call itself another board of the registry; a name that nobody knows, as
        firmware of an ecosystem or of your own may say, is let pass.

        Raises: WrongBoard.
        """
        from tinykit.boards import all_boards

        said = self.description.board
        if said != board.name and any(said == known.name for known in all_boards()):
            raise WrongBoard(
                f"the device on {self.port.name} says that it is another board",
                expected=board.name,
                found=said,
                next_step=f"Give --board {said}, or the port of the {board.name}",
                page="wrong-firmware",
            )

    def write_input(self, data: bytes, index: int = 0) -> None:
        """Fill the model's input `index` with `data`, its raw little-endian bytes."""
        size = min(MAX_PAYLOAD, self.description.max_payload) - _WRITE_HEADER
        for offset, count in chunks(len(data), size):
            header = struct.pack("<BI", index, offset)
            self._request(Kind.WRITE, header + data[offset : offset + count])

    def push_samples(self, counts: np.ndarray) -> list[int]:
        """Raw samples (moments, channels) int16 through the front end, which forgets others; ticks of each request.

        Once they make a whole input, it stands in the model's input.
        """
        data, moment = _raw(counts), counts[:1].nbytes
        most = (min(MAX_PAYLOAD, self.description.max_payload) - 4) // moment * moment
        ticks = []
        for at, count in chunks(len(data), most):
            request = struct.pack("<I", at // moment) + data[at : at + count]
            ticks.append(self._ticks(self._request(Kind.SAMPLES, request, answer=8)))
        return ticks

    def invoke(self) -> int:
        """Run the model once; ticks of the device's counter, net of the measurement itself."""
        return self._ticks(self._request(Kind.INVOKE, answer=8))

    def read_output(self, count: int, index: int = 0) -> bytes:
        """The first `count` bytes of the model's output `index`."""
        return b"".join(
            self._read(Kind.READ, struct.pack("<BIH", index, offset, size), size) for offset, size in chunks(count)
        )

    def infer(self, *inputs: np.ndarray | bytes, output_bytes: tuple[int, ...] | None = None) -> list[bytes]:
        """The outputs' raw bytes for these inputs; as `run`, without the ticks."""
        return self.run(*inputs, output_bytes=output_bytes).outputs

    def run(
        self,
        *inputs: np.ndarray | bytes,
        output_bytes: tuple[int, ...] | None = None,
        samples: np.ndarray | None = None,
    ) -> Inference:
        """Write the inputs, run the model, read the outputs.

        `output_bytes`: size of each output; not needed where the model has one. `samples`: raw ones (moments, channels)
        that the device's front end makes the same input of: they are sent in its place.
        Raises: UsageError when the sizes do not match what the device said.
        """
        hello = self.description
        sizes = output_bytes or (hello.output_bytes,)
        raw = [_raw(x) for x in inputs]
        asked = (len(raw), sum(map(len, raw)), len(sizes), sum(sizes))
        there = (hello.inputs, hello.input_bytes, hello.outputs, hello.output_bytes)
        if asked != there:
            form = "{} inputs of {} bytes in all, {} outputs of {} bytes in all"
            raise UsageError(
                "inputs or outputs of another size than the device's",
                expected=form.format(*there),
                found=form.format(*asked),
            )
        if samples is not None:
            self.push_samples(samples)
        for index, data in enumerate(raw if samples is None else ()):
            self.write_input(data, index)
        ticks = self.invoke()
        return Inference([self.read_output(size, index) for index, size in enumerate(sizes)], ticks)

    def step(self, index: int) -> int:
        """Run step `index` of the plan alone (0 first); ticks, net."""
        return self._ticks(self._request(Kind.STEP, struct.pack("<H", index), answer=8))

    def peek(self, offset: int, count: int) -> bytes:
        """`count` bytes of the model's arena from `offset` on."""
        return b"".join(
            self._read(Kind.PEEK, struct.pack("<IH", offset + at, size), size) for at, size in chunks(count)
        )

    def stack(self) -> Stack:
        """Stack used by INVOKE so far."""
        payload = self._request(Kind.STACK, answer=8)
        return Stack(*struct.unpack("<II", self._sized(payload, 8, Kind.STACK)))

    def reset_state(self) -> None:
        """Have the model forget its former inferences; of a model that keeps state only."""
        self._request(Kind.RESET_STATE)

    def echo(self, data: bytes) -> bytes:
        """`data` (at most MAX_PAYLOAD bytes), there and back."""
        return self._request(Kind.ECHO, data, answer=len(data))

    def reset(self) -> Hello:
        """Restart the device and greet it again."""
        self._send_reset()
        return self.hello()

    def instructions(self, ticks: int) -> int | None:
        """Executed instructions where ticks tell them: a counter of instructions, or an emulator whose time advances
        with each; None elsewhere.

        With -icount shift=s each instruction takes 2^s ns of the emulator's time (QEMU documentation, "TCG
        Instruction Counting"), and a counter of f MHz ticks every 1000 / f ns.
        """
        hello = self.description
        if self.tick_unit == "instructions":
            return ticks
        if self.icount_shift is None or hello.counter == "none" or hello.counter_hz == 0:
            return None
        return round(ticks * (1e9 / hello.counter_hz) / 2**self.icount_shift)

    @property
    def tick_unit(self) -> str:
        """What a tick is on this device: "cycles" of its core, "instructions" retired, or "ticks" of a timer.

        Our firmware runs SysTick and the AVR's timer at the core's own clock.
        """
        if self.description.counter == "SysTick" and self.cycle_exact:
            return "cycles"
        units = {"DWT cycles": "cycles", "AVR timer": "cycles", "minstret": "instructions"}
        return units.get(self.description.counter, "ticks")

    def _send_reset(self) -> None:
        self._hello = None
        with contextlib.suppress(LinkTimeout, DeviceReset):  # its answer may be lost in the reset itself
            self._request(Kind.RESET)

    def _request(self, kind: Kind, payload: bytes = b"", **options: Any) -> bytes:
        try:
            return self._client.request(kind, payload, **options)
        except DeviceError as error:
            if self.emulator is not None and not isinstance(error, DeviceFault):
                self.emulator.require_alive(patience=_DYING_SECONDS if isinstance(error, PortError) else 0)
            raise

    def _read(self, kind: Kind, payload: bytes, count: int) -> bytes:
        return self._sized(self._request(kind, payload, answer=count), count, kind)

    def _ticks(self, payload: bytes) -> int:
        return int(struct.unpack("<Q", self._sized(payload, 8, Kind.INVOKE))[0])

    def _sized(self, payload: bytes, count: int, kind: Kind) -> bytes:
        if len(payload) != count:
            raise DeviceError(
                f"the device on {self.port.name} answered {kind.name} with the wrong length",
                expected=f"{count} bytes",
                found=f"{len(payload)} bytes",
                next_step="Build and flash the firmware again with this version of tinykit",
            )
        return payload


def _raw(x: np.ndarray | bytes) -> bytes:
    if isinstance(x, bytes):
        return x
    return np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes()


@contextlib.contextmanager
def open_device(
    board: Board,
    firmware: Firmware | None = None,
    port: str | Port | None = None,
    *,
    counting: bool = True,
    wrap: Callable[[Port], Port] = lambda port: port,
) -> Iterator[Device]:
    """The board's device, greeted: on `port` where one is given, else its emulator started with `firmware`.

    Args:
        port: a serial device, a pty, socket://, rfc2217://, or an open `Port`.
        counting: have an emulator count instructions; without it runs about four times as fast.
        wrap: puts a port of the caller's own before the real one, to listen in.
    Raises: UsageError with neither firmware nor port, PortError, ToolMissing, ToolFailed, LinkTimeout, WrongFirmware.
    """
    with contextlib.ExitStack() as cleanup:
        if port is not None:
            device = _on_port(board, firmware, port, wrap)
        else:
            device = _emulated(board, firmware, counting, wrap, cleanup)
        cleanup.callback(device.close)
        device.hello()
        yield device


def _elf(firmware: Firmware | None) -> Path | None:
    return firmware.elf if firmware is not None else None


def _on_port(board: Board, firmware: Firmware | None, port: str | Port, wrap: Callable[[Port], Port]) -> Device:
    from tinykit.flash.running import find
    from tinykit.flash.state import require_whole

    running = find(port) if isinstance(port, str) else None
    if isinstance(port, str) and running is None:
        require_whole(board.name, port)
    return Device(
        wrap(SerialPort(port) if isinstance(port, str) else port),
        icount_shift=running.icount_shift if running else None,
        cycle_exact=running.cycle_exact if running else False,
        elf=Path(running.elf) if running else _elf(firmware),
        toolchain=board.target.toolchain,
    )


def _emulated(
    board: Board,
    firmware: Firmware | None,
    counting: bool,
    wrap: Callable[[Port], Port],
    cleanup: contextlib.ExitStack,
) -> Device:
    from tinykit.flash.emulator import Emulator

    if firmware is None:
        raise UsageError(f"no device for board {board.name!r}", next_step="Give its port with --port")
    emulator = cleanup.enter_context(Emulator(board, firmware.elf, counting=counting))
    port = wrap(SerialPort(emulator.port))
    emulator.run()
    return Device(
        port,
        emulator=emulator,
        icount_shift=emulator.icount_shift,
        cycle_exact=emulator.cycle_exact,
        elf=firmware.elf,
        toolchain=board.target.toolchain,
    )
