"""A line that goes wrong in every way, and a long conversation over it: is every answer right, every fault named?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tinykit.errors import DeviceError
from tinykit.link.device import Device
from tinykit.link.frames import Frame, encode
from tinykit.link.hello import Hello
from tinykit.link.port import Port
from tinykit.link.steady import run_steadily

FAULTS = ("bit flip", "lost bytes", "doubled byte", "swapped bytes", "stall")
_LONGEST_LOSS = 3
_STALL_SECONDS = (0.5, 3.0)
_LONGEST_ECHO = 240
_PIECE = 4096


class BadLine:
    """A `Port` over another one that damages bytes both ways and resets the device, by a seeded chance.

    Attributes: `frames` written so far, `injected` faults by name.
    """

    def __init__(
        self, port: Port, seed: int, reset: Callable[[], None], *, faults: float = 0.04, resets: float = 0.004
    ) -> None:
        """`faults`: chance of one in each message or piece of an answer. `resets`: chance of one before a message."""
        self.name = port.name
        self.frames = 0
        self.injected: Counter[str] = Counter()
        self.calm = False
        self._port = port
        self._random = random.Random(seed)
        self._reset = reset
        self._faults, self._resets = faults, resets
        self._held = b""
        self._held_until = 0.0

    def write(self, data: bytes) -> None:
        """See `Port.write`."""
        self.frames += 1
        if not self.calm and self._random.random() < self._resets:
            self.injected["device reset"] += 1
            self._reset()
        self._port.write(self._through(data))

    def read(self, timeout: float) -> bytes:
        """See `Port.read`."""
        data = self._through(self._port.read(timeout))
        if self._held_until > self.clock():
            self._held += data
            return b""
        held, self._held = self._held, b""
        return held + data

    def clock(self) -> float:
        """See `Port.clock`."""
        return self._port.clock()

    def close(self) -> None:
        """See `Port.close`."""
        self._port.close()

    def _through(self, data: bytes) -> bytes:
        if self.calm or not data or self._random.random() >= self._faults:
            return data
        fault = self._random.choice(FAULTS)
        self.injected[fault] += 1
        at = self._random.randrange(len(data))
        if fault == "bit flip":
            return data[:at] + bytes((data[at] ^ 1 << self._random.randrange(8),)) + data[at + 1 :]
        if fault == "lost bytes":
            return data[:at] + data[at + self._random.randint(1, _LONGEST_LOSS) :]
        if fault == "doubled byte":
            return data[: at + 1] + data[at:]
        if fault == "swapped bytes":
            return data[:at] + data[at : at + 2][::-1] + data[at + 2 :]
        self._held_until = self.clock() + self._random.uniform(*_STALL_SECONDS)
        return data


class Hurried:
    """A `Port` whose clock runs `factor` times as fast: the same time-outs, in less time."""

    def __init__(self, port: Port, factor: float) -> None:
        self.name = port.name
        self._port, self._factor = port, factor

    def write(self, data: bytes) -> None:
        """See `Port.write`."""
        self._port.write(data)

    def read(self, timeout: float) -> bytes:
        """See `Port.read`."""
        return self._port.read(timeout / self._factor)

    def clock(self) -> float:
        """See `Port.clock`."""
        return self._port.clock() * self._factor

    def close(self) -> None:
        """See `Port.close`."""
        self._port.close()


@dataclass
class Soaked:
    """What a long conversation was like: `frames` sent, `injected` faults, right `answers` and `wrong` ones, errors by
    name (`named`), and requests that had to be sent again or answers that came damaged (`recovered`)."""

    frames: int = 0
    answers: int = 0
    wrong: int = 0
    recovered: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)


def soak(
    device: Device,
    line: BadLine,
    model: Callable[[bytes], bytes],
    frames: int,
    seed: int,
    *,
    fit: Callable[[bytes], bytes] = bytes,
) -> Soaked:
    """Talk to `device` over `line` until so many frames were sent: echoes and inferences of random bytes.

    Args: `model` what the device's model computes, from input to output bytes; `fit` makes random bytes fit for it.
    Raises: DeviceError when the device does not come back on a line that was made calm: a fault without recovery.
    """
    noise = random.Random(seed)
    done = Soaked(injected=line.injected)
    hello = _greeted(device, line)
    while line.frames < frames:
        try:
            if noise.random() < 0.5:
                sent = noise.randbytes(noise.randrange(_LONGEST_ECHO + 1))
                right, got = sent, device.echo(sent)
            else:
                sent = fit(noise.randbytes(hello.input_bytes))
                answer, _ = run_steadily(device, hello.sha256, sent)
                right, got = model(sent), answer.outputs[0]
            done.answers += 1
            done.wrong += got != right
        except DeviceError as error:
            done.named[type(error).__name__] += 1
            _greeted(device, line)
    done.frames = line.frames
    done.recovered = device.silences
    return done


def _greeted(device: Device, line: BadLine) -> Hello:
    line.calm = True
    try:
        return device.hello()
    finally:
        line.calm = False


def bombard(device: Device, count: int, seed: int) -> int:
    """Send `count` random bytes, then a tenth as many in sound frames of random kind and content; how many were sent.

    Whether the device is still there is for the caller to see.
    Raises: PortError.
    """
    noise = random.Random(seed)
    sent = 0
    for at in range(0, count, _PIECE):
        device.port.write(noise.randbytes(min(_PIECE, count - at)))
        device.port.read(0)
        sent += min(_PIECE, count - at)
    device.port.write(b"\0")
    while sent < count + count // 10:
        frame = encode(Frame(noise.randrange(256), noise.randrange(256), noise.randbytes(noise.randrange(24))))
        device.port.write(frame)
        device.port.read(0)
        sent += len(frame)
    return sent
