"""An in-process device that speaks the protocol: a Python callable as the model, faults on demand, its own clock."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tinykit.errors import PortError
from tinykit.link.frames import MAX_PAYLOAD, RESPONSE, Decoder, Frame, Kind, encode
from tinykit.link.hello import VERSION, Hello

Model = Callable[[bytes], bytes]


def fake_hello(sha256: str, input_bytes: int, output_bytes: int, steps: int = 0, arena_bytes: int = 0) -> Hello:
    """The description of a fake device with one input and one output."""
    return Hello(
        version=VERSION,
        can_step=steps > 0,
        counter="SysTick",
        inputs=1,
        outputs=1,
        max_payload=MAX_PAYLOAD,
        steps=steps,
        counter_hz=25_000_000,
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        arena_bytes=arena_bytes,
        sha256=sha256,
        board="fake",
        target="host",
        engine="aot",
        model="fake",
    )


@dataclass
class FakeDevice:
    """A port (see `link.port.Port`) with a device behind it, in memory and without waiting.

    Attributes:
        model: input bytes -> output bytes, run by INVOKE.
        step: (step, input bytes, arena) run by STEP; writes what the step computes into the arena.
        to_device, to_host: what becomes of bytes on the way, to lose or damage them.
        now: the fake clock in seconds; a read that finds nothing moves it on by its timeout.
        faults: payload of a FAULT event that the device repeats, None while it is well.
        invocations: how often the model really ran.
    """

    hello: Hello
    model: Model
    step: Callable[[int, bytes, bytearray], None] = lambda step, x, arena: None
    to_device: Callable[[bytes], bytes] = lambda data: data
    to_host: Callable[[bytes], bytes] = lambda data: data
    name: str = "fake"
    ticks: int = 1000
    now: float = 0.0
    faults: bytes | None = None
    gone: bool = False
    closed: bool = False
    invocations: int = 0
    _outgoing: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._boot()

    def _boot(self) -> None:
        self.faults = None
        self._decoder = Decoder()
        self._input = bytearray(self.hello.input_bytes)
        self._output = bytes(self.hello.output_bytes)
        self._arena = bytearray(self.hello.arena_bytes)
        self._computed: tuple[int, int] | None = None
        self._send(Frame(Kind.BOOT, 0))

    def clock(self) -> float:
        """The fake time in seconds."""
        return self.now

    def write(self, data: bytes) -> None:
        """Take bytes from the host and answer the frames in them. Raises: PortError when `gone`."""
        self._require_there()
        for frame in self._decoder.feed(self.to_device(data)):
            self._handle(frame)

    def read(self, timeout: float) -> bytes:
        """The bytes that wait for the host. Raises: PortError when `gone`."""
        self._require_there()
        if not self._outgoing:
            self.now += timeout
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def close(self) -> None:
        """Note that the host let go."""
        self.closed = True

    def power_cycle(self) -> None:
        """Lose all state, as a board does that browns out."""
        self._outgoing.clear()
        self._boot()

    def _require_there(self) -> None:
        if self.gone:
            raise PortError(f"the serial port {self.name} is gone", found="unplugged")

    def _send(self, frame: Frame) -> None:
        self._outgoing += self.to_host(encode(frame))

    def _handle(self, frame: Frame) -> None:
        if self.faults is not None and frame.type != Kind.RESET:
            self._send(Frame(Kind.FAULT, 0, self.faults))
            return
        code, payload = self._answer(frame)
        if code:
            self._send(Frame(Kind.ERROR, frame.seq, bytes((code, frame.type))))
        else:
            self._send(Frame(frame.type | RESPONSE, frame.seq, payload))
        if frame.type == Kind.RESET and not code:
            self._boot()

    def _answer(self, frame: Frame) -> tuple[int, bytes]:
        """(error code or 0, payload)."""
        handler = {
            Kind.HELLO: lambda p: self._greet(),
            Kind.WRITE: self._write,
            Kind.INVOKE: lambda p: self._invoke(frame),
            Kind.READ: self._read,
            Kind.STEP: lambda p: self._step(frame),
            Kind.PEEK: self._peek,
            Kind.STACK: lambda p: (0, struct.pack("<II", 256, 1024)),
            Kind.RESET: lambda p: (0, b""),
            Kind.ECHO: lambda p: (0, p),
        }.get(Kind(frame.type) if frame.type in set(Kind) else Kind.ERROR)
        return handler(frame.payload) if handler else (1, b"")

    def _greet(self) -> tuple[int, bytes]:
        self._computed = None
        return 0, self.hello.pack()

    def _is_new(self, frame: Frame) -> bool:
        """Whether this is no repeat of the request that was computed last."""
        last, self._computed = self._computed, (frame.type, frame.seq)
        return last != self._computed

    def _write(self, payload: bytes) -> tuple[int, bytes]:
        if len(payload) < 5:
            return 2, b""
        index, offset = struct.unpack_from("<BI", payload)
        data = payload[5:]
        if index != 0 or offset + len(data) > len(self._input):
            return 3, b""
        self._input[offset : offset + len(data)] = data
        return 0, b""

    def _invoke(self, frame: Frame) -> tuple[int, bytes]:
        if self._is_new(frame):
            self.invocations += 1
            self._output = self.model(bytes(self._input))
            self._input = bytearray(b"\x55" * len(self._input))  # as in an arena that is used again
        return 0, struct.pack("<Q", self.ticks)

    def _read(self, payload: bytes) -> tuple[int, bytes]:
        if len(payload) != 7:
            return 2, b""
        index, offset, count = struct.unpack("<BIH", payload)
        if index != 0 or count > MAX_PAYLOAD or offset + count > len(self._output):
            return 3, b""
        return 0, self._output[offset : offset + count]

    def _step(self, frame: Frame) -> tuple[int, bytes]:
        if len(frame.payload) != 2:
            return 2, b""
        (index,) = struct.unpack("<H", frame.payload)
        if index >= self.hello.steps:
            return 3, b""
        if self._is_new(frame):
            self.step(index, bytes(self._input), self._arena)
        return 0, struct.pack("<Q", self.ticks)

    def _peek(self, payload: bytes) -> tuple[int, bytes]:
        if len(payload) != 6:
            return 2, b""
        offset, count = struct.unpack("<IH", payload)
        if count > MAX_PAYLOAD or offset + count > len(self._arena):
            return 3, b""
        return 0, bytes(self._arena[offset : offset + count])


@contextlib.contextmanager
def on_pty(device: FakeDevice) -> Iterator[str]:
    """The device behind a real pseudo terminal for as long as the block lasts; gives its path."""
    import select
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    ours, theirs = os.pipe()

    def serve() -> None:
        while True:
            ready, _, _ = select.select([master, ours], [], [])
            if ours in ready:
                return
            device.write(os.read(master, 4096))
            os.write(master, device.read(0))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.write(theirs, b"x")
        thread.join()
        for descriptor in (master, slave, ours, theirs):
            os.close(descriptor)
