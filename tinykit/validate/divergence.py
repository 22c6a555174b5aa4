"""Where a device first differs from TFLM: one inference step by step, each step's output read from the arena."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinykit.graph.model import Tensor
from tinykit.link.device import Device
from tinykit.plan.model import Plan, Step
from tinykit.validate.inner import inner_rows


def can_compare(device: Device, plan: Plan) -> bool:
    """Whether the device's firmware can be stepped and was built from a plan like this one."""
    hello = device.description
    return hello.can_step and hello.steps == len(plan.steps) and hello.arena_bytes == plan.arena_bytes


def first_divergence(
    device: Device, plan: Plan, inputs: list[np.ndarray], judged: Mapping[int, np.ndarray]
) -> dict[str, Any] | None:
    """The first step whose output differs from TFLM's, or None where every comparable step agrees.

    A model that keeps state forgets it first.

    Args:
        inputs: one array a model input.
        judged: TFLM's value of every computed tensor by .tflite tensor index (`Judge.tensors`).
    Returns: layer, op, kernel, step number, index in the tensor, both values ("board", "tflm") and how many differ.
    Raises: DeviceError.
    """
    if plan.graph.states:
        device.reset_state()
    for number, data in enumerate(inputs):
        device.write_input(np.ascontiguousarray(data).tobytes(), number)
    for number, step in enumerate(plan.steps):
        device.step(number)
        inner = _inner_difference(device, plan, number, judged)
        if inner is not None:
            return inner
        for index in step.outputs:
            tensor = plan.graph.tensor(index)
            expected = counterpart(tensor, judged)
            if expected is None:
                continue
            raw = device.peek(plan.buffer(index).offset, tensor.nbytes)
            found = np.frombuffer(raw, tensor.dtype).reshape(tensor.shape)
            difference = _difference(step, number, found, expected)
            if difference is not None:
                return difference
    return None


def _inner_difference(
    device: Device, plan: Plan, number: int, judged: Mapping[int, np.ndarray]
) -> dict[str, Any] | None:
    """The first difference in the rows that a step of several operators leaves behind of its inner tensors."""
    for inner in inner_rows(plan, number):
        tensor = plan.graph.tensor(inner.tensor)
        expected = counterpart(tensor, judged)
        if expected is None:
            continue
        raw = device.peek(inner.offset, inner.nbytes)
        row = slice(inner.row, inner.row + 1)
        found = np.frombuffer(raw, tensor.dtype).reshape(expected[:, row].shape)
        difference = _difference(inner.stage, number, found, expected[:, row])
        if difference is not None:
            difference["index"][1] += inner.row
            return difference
    return None


def counterpart(tensor: Tensor, judged: Mapping[int, np.ndarray]) -> np.ndarray | None:
    """TFLM's value of a tensor of ours, in its shape; None where rewrites left none."""
    if tensor.source is None or tensor.source not in judged:
        return None
    value = np.asarray(judged[tensor.source])
    if tensor.kept is not None:
        value = value[..., list(tensor.kept)]
    return value.reshape(tensor.shape) if value.size == tensor.elements else None


def _difference(step: Step, number: int, found: np.ndarray, expected: np.ndarray) -> dict[str, Any] | None:
    width = found.dtype.itemsize
    unlike = np.flatnonzero(_bits(found, width) != _bits(expected.astype(found.dtype, copy=False), width))
    if not unlike.size:
        return None
    first = int(unlike[0])
    return {
        "layer": step.name,
        "op": step.op,
        "kernel": step.kernel,
        "step": number,
        "index": [int(i) for i in np.unravel_index(first, found.shape)],
        "board": found.reshape(-1)[first].item(),
        "tflm": expected.reshape(-1)[first].item(),
        "mismatched_values": int(unlike.size),
    }


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    """The values' bits, flat: equal NaNs are equal, 0.0 and -0.0 are not."""
    return np.ascontiguousarray(values).reshape(-1).view(f"u{width}")
