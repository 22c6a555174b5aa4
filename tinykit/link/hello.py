"""What a device says of itself in its HELLO answer."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tinykit.errors import DeviceError, WrongFirmware

VERSION = 1
"""Version of the serial protocol that this host speaks."""

COUNTERS = {0: "none", 1: "SysTick", 2: "DWT cycles", 3: "minstret", 4: "AVR timer", 5: "microseconds"}
_FIXED = struct.Struct("<BBBBBBHHIIII32s")
_STRINGS = 4


@dataclass(frozen=True)
class Hello:
    """The device's own description.

    Attributes:
        version: of the protocol. can_step: whether STEP and PEEK work. counter: what INVOKE's ticks count.
        inputs, outputs: how many the model has. max_payload: bytes a frame may carry to the device.
        steps: of the plan. counter_hz: ticks a second. input_bytes, output_bytes: totals. arena_bytes: of the model.
        takes_samples: whether SAMPLES works: the firmware has the model's front end.
        sha256: of the .tflite, hex. board, target, engine, model: names.
    """

    version: int
    can_step: bool
    counter: str
    inputs: int
    outputs: int
    max_payload: int
    steps: int
    counter_hz: int
    input_bytes: int
    output_bytes: int
    arena_bytes: int
    sha256: str
    board: str
    target: str
    engine: str
    model: str
    takes_samples: bool = False

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Raises: WrongFirmware for another protocol version, DeviceError for a payload that is no HELLO answer."""
        if not payload:
            raise _nonsense("an empty HELLO")
        if payload[0] != VERSION:
            raise WrongFirmware(
                "the device speaks another version of the serial protocol",
                expected=VERSION,
                found=payload[0],
                next_step="Build and flash the firmware again with this version of tinykit",
                page="wrong-firmware",
            )
        if len(payload) < _FIXED.size + _STRINGS or payload.count(b"\0", _FIXED.size) < _STRINGS:
            raise _nonsense(f"a HELLO of {len(payload)} bytes")
        version, flags, counter, inputs, outputs, _, *numbers, digest = _FIXED.unpack_from(payload)
        max_payload, steps, counter_hz, input_bytes, output_bytes, arena_bytes = numbers
        names = [text.decode("utf-8", "replace") for text in payload[_FIXED.size :].split(b"\0")]
        return cls(
            version=version,
            can_step=bool(flags & 1),
            counter=COUNTERS.get(counter, f"counter {counter}"),
            inputs=inputs,
            outputs=outputs,
            max_payload=max_payload,
            steps=steps,
            counter_hz=counter_hz,
            input_bytes=input_bytes,
            output_bytes=output_bytes,
            arena_bytes=arena_bytes,
            sha256=digest.hex(),
            board=names[0],
            target=names[1],
            engine=names[2],
            model=names[3],
            takes_samples=bool(flags & 2),
        )

    def pack(self) -> bytes:
        """The payload of the HELLO answer: what `parse` reads."""
        kinds = {name: number for number, name in COUNTERS.items()}
        fixed = _FIXED.pack(
            self.version,
            int(self.can_step) | int(self.takes_samples) << 1,
            kinds[self.counter],
            self.inputs,
            self.outputs,
            0,
            self.max_payload,
            self.steps,
            self.counter_hz,
            self.input_bytes,
            self.output_bytes,
            self.arena_bytes,
            bytes.fromhex(self.sha256),
        )
        return fixed + b"".join(n.encode() + b"\0" for n in (self.board, self.target, self.engine, self.model))


def _nonsense(found: str) -> DeviceError:
    return DeviceError(
        "the device answers, but not as tinykit firmware does",
        found=found,
        next_step="Flash it with tinykit flash",
        page="wrong-firmware",
    )
