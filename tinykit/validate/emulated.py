"""A compiled plan that answers on an emulated board, as `validate.host.HostModel` answers on this machine."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinykit.boards import Board, all_boards
from tinykit.errors import UsageError
from tinykit.firmware.build import build
from tinykit.link.device import Device, open_device
from tinykit.plan.model import Plan


def emulated_board(target: str) -> Board:
    """The emulated board of a target: of several the one with most memory.

    Raises: UsageError where there is none.
    """
    boards = [board for board in all_boards() if board.emulator is not None]
    fitting = [board for board in boards if board.target.name == target]
    if not fitting:
        raise UsageError(
            f"no emulated board runs {target!r}",
            expected=", ".join(["host", *sorted({board.target.name for board in boards})]),
            next_step="Use tinykit validate --board B --port P for hardware",
        )
    return max(fitting, key=lambda board: (board.ram.length, board.flash.length))


@contextlib.contextmanager
def emulated_model(plan: Plan) -> Iterator[EmulatedModel]:
    """The plan on the emulated board of its target, with firmware that is forgotten afterwards.

    Raises: DoesNotFit; UsageError for a target without an emulated board, or a model name that the firmware needs
    itself; ToolMissing, ToolFailed; DeviceError and its kinds.
    """
    board = emulated_board(plan.target.name)
    with tempfile.TemporaryDirectory(prefix="tinykit-verify-") as folder:
        firmware = build(plan, board, Path(folder) / "firmware")
        with open_device(board, firmware, counting=False) as device:
            device.require_model(plan.graph.sha256)
            yield EmulatedModel(plan, device)


@dataclass(frozen=True)
class EmulatedModel:
    """A plan and the device that runs it."""

    plan: Plan
    device: Device

    def run_many(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs, one batch (n, *shape) each, for one batch (n, *shape) an input; state starts afresh.

        Raises: DeviceError and its kinds.
        """
        tensors = [self.plan.graph.tensor(index) for index in self.plan.graph.outputs]
        sizes = tuple(t.nbytes for t in tensors)
        self._forget()
        answers = [self.device.infer(*vector, output_bytes=sizes) for vector in zip(*inputs, strict=True)]
        return [
            np.stack([np.frombuffer(raw, t.dtype).reshape(t.shape) for raw in column])
            for column, t in zip(zip(*answers, strict=True), tensors, strict=True)
        ]

    def trace(self, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """Every tensor that a step writes, read from the arena after its step: index -> (n, *shape)."""
        self._forget()
        values: dict[int, list[np.ndarray]] = {i: [] for step in self.plan.steps for i in step.outputs}
        for vector in zip(*inputs, strict=True):
            for number, data in enumerate(vector):
                self.device.write_input(np.ascontiguousarray(data).tobytes(), number)
            for number, step in enumerate(self.plan.steps):
                self.device.step(number)
                for index in step.outputs:
                    tensor = self.plan.graph.tensor(index)
                    raw = self.device.peek(self.plan.buffer(index).offset, tensor.nbytes)
                    values[index].append(np.frombuffer(raw, tensor.dtype).reshape(tensor.shape))
        return {index: np.stack(batch) for index, batch in values.items()}

    def _forget(self) -> None:
        if self.plan.graph.states:
            self.device.reset_state()
