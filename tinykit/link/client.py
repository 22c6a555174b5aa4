"""Requests and responses over a port: sequence numbers, timeouts, retries, and the device's own reports."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tinykit.errors import DeviceError, DeviceFault, DeviceReset, LinkTimeout
from tinykit.link.frames import MAX_PAYLOAD, RESPONSE, Decoder, Frame, Kind, encode
from tinykit.link.port import Port

BASE_SECONDS = 2.0
BYTES_A_SECOND = 4096
"""A request is given BASE_SECONDS and its bytes' time at this rate, half of what the slowest emulated UART reached."""

NORMAL_PATIENCE = (1.0, 1.0, 1.0)
"""Attempts of an ordinary request, each as a multiple of its timeout."""

COMPUTE_PATIENCE = (1.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Attempts of a request that computes: over a minute in all, for the largest models on the slowest cores."""

GREETING_PATIENCE = (0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
"""Attempts of the first HELLO: early bytes may be lost while the device starts, so ask again soon."""

CAUSES = {1: "hard fault", 2: "stack overflow", 3: "watchdog", 4: "other"}
REFUSALS = {1: "unknown request", 2: "bad length", 3: "out of range", 4: "refused in this state"}

_FAULT = struct.Struct("<BIIII")
_COMPUTES = (Kind.INVOKE, Kind.STEP, Kind.SAMPLES)


@dataclass(frozen=True)
class Fault:
    """A FAULT event: `cause` in words, `pc`, `lr`, fault `status` register and fault `address`."""

    cause: str
    pc: int
    lr: int
    status: int
    address: int


class Client:
    """One device behind one port, one request at a time."""

    def __init__(
        self,
        port: Port,
        *,
        name_of: Callable[[int], str | None] = lambda pc: None,
    ) -> None:
        """`name_of` says which function holds a code address, for fault messages."""
        self.port = port
        self._unanswered = 0
        self._name_of = name_of
        self._decoder = Decoder()
        self._heard = 0
        self._waiting: list[Frame] = []
        self._seq = 0
        self._computed = 0
        self._greeted = False  # a BOOT event before the first HELLO, or one that RESET asked for, is no surprise

    @property
    def silences(self) -> int:
        """Attempts that ended without an answer, and frames that came damaged: where it grew, something was lost."""
        return self._unanswered + self._decoder.dropped

    def request(
        self, kind: Kind, payload: bytes = b"", *, answer: int = 0, patience: tuple[float, ...] | None = None
    ) -> bytes:
        """The payload of the device's answer.

        Args:
            answer: payload bytes expected in the answer, for the timeout.
            patience: attempts, each as a multiple of the timeout.
        Raises: LinkTimeout, DeviceFault, DeviceReset, DeviceError when the device refuses, PortError.
        """
        if patience is None:
            patience = COMPUTE_PATIENCE if kind in _COMPUTES else NORMAL_PATIENCE
        message = encode(Frame(kind, self._next_seq(kind), payload))
        timeout = BASE_SECONDS + (len(message) + answer) / BYTES_A_SECOND
        self._greeted = self._greeted and kind not in (Kind.HELLO, Kind.RESET)
        before = self._heard
        for factor in patience:
            self.port.write(message)
            found = self._await(kind, self.port.clock() + timeout * factor)
            if found is not None:
                self._greeted = self._greeted or kind == Kind.HELLO
                return found
            self._unanswered += 1
        raise LinkTimeout(
            f"the device on {self.port.name} did not answer {kind.name}",
            found=self._instead(self._heard - before),
            next_step="Check that tinykit firmware runs on it (tinykit flash) and that no other program reads the port",
            page="device-silent",
        )

    def _next_seq(self, kind: Kind) -> int:
        """1..255 in turn. A computing request never has its forerunner's number, or it would look like a repeat."""
        self._seq = self._seq % 255 + 1
        if kind in _COMPUTES:
            if self._seq == self._computed:
                self._seq = self._seq % 255 + 1
            self._computed = self._seq
        return self._seq

    def _await(self, kind: Kind, deadline: float) -> bytes | None:
        while True:
            while self._waiting:
                answer = self._judge(kind, self._waiting.pop(0))
                if answer is not None:
                    return answer
            left = deadline - self.port.clock()
            if left <= 0:
                return None
            data = self.port.read(left)
            self._heard += len(data)
            self._waiting += self._decoder.feed(data)

    def _instead(self, heard: int) -> str:
        """What came in place of an answer, `heard` bytes in all."""
        if self._decoder.dropped:
            return f"{self._decoder.dropped} damaged frames"
        return f"{heard} bytes, but no frame: another program's output, or another baud rate" if heard else "silence"

    def _judge(self, kind: Kind, frame: Frame) -> bytes | None:
        """The payload if `frame` answers the request; None if it is none of its business."""
        if frame.type == Kind.FAULT and len(frame.payload) == _FAULT.size:
            raise self._fault(frame.payload)
        if frame.type == Kind.BOOT and self._greeted:
            raise DeviceReset(
                f"the device on {self.port.name} reset itself",
                next_step="Check its power supply and its watchdog, then run the same command again",
                page="device-reset",
            )
        if frame.seq != self._seq:
            return None
        if frame.type == Kind.ERROR and len(frame.payload) == 2 and frame.payload[1] == kind:
            reason = REFUSALS.get(frame.payload[0], f"error {frame.payload[0]}")
            raise DeviceError(
                f"the device on {self.port.name} refused {kind.name}",
                found=reason,
                next_step="Flash firmware built by this version of tinykit",
                facts={"code": frame.payload[0]},
            )
        return frame.payload if frame.type == kind | RESPONSE else None

    def _fault(self, payload: bytes) -> DeviceFault:
        cause, pc, lr, status, address = _FAULT.unpack(payload)
        fault = Fault(CAUSES.get(cause, f"cause {cause}"), pc, lr, status, address)
        function = self._name_of(pc)
        where = f"0x{pc:08x}" + (f" in {function}" if function else "")
        return DeviceFault(
            f"the device on {self.port.name} reported a {fault.cause} at PC {where}",
            found=f"LR 0x{lr:08x}, status 0x{status:08x}, fault address 0x{address:08x}",
            next_step="Reset the board; if it happens again, report it with the ELF and these numbers",
            page="device-fault",
            facts={**vars(fault), "function": function},
        )


def chunks(total: int, size: int = MAX_PAYLOAD) -> list[tuple[int, int]]:
    """(offset, count) pairs that cover `total` bytes in pieces of at most `size`."""
    return [(offset, min(size, total - offset)) for offset in range(0, total, size)]
