"""A device's front end against Python's: raw samples sent, the model's input that they became read back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.errors import DeviceError
from tinykit.firmware.sizes import Sizes
from tinykit.graph.model import Graph
from tinykit.link.device import Device
from tinykit.plan.model import Plan
from tinykit.validate.divergence import can_compare
from tinykit.validate.samples import Samples

_LOUD = 3000
"""Counts that noise deviates by."""


def front_end_facts(device: Device, plan: Plan, samples: Samples, numbers: list[int]) -> dict[str, Any] | None:
    """What the device's front end does with the samples of these numbers; None where it has none or none is asked.

    Returns: samples compared, bytes of input that differ from Python's (None where the arena cannot be read), ticks and
        instructions of the first sample whole.
    Raises: DeviceError and its kinds.
    """
    if samples.raw is None or not device.description.takes_samples:
        return None
    place = plan.buffer(plan.graph.inputs[0]) if can_compare(device, plan) else None
    ticks, mismatched = [], 0
    for number in numbers:
        ticks.append(sum(device.push_samples(samples.raw[number])))
        if place is not None:
            expected = np.frombuffer(samples.x[number].tobytes(), np.uint8)
            found = np.frombuffer(device.peek(place.offset, expected.size), np.uint8)
            mismatched += int(np.count_nonzero(found != expected))
    return {
        "samples": len(numbers),
        "mismatched_bytes": None if place is None else mismatched,
        "ticks": ticks[0] if ticks else None,
        "instructions": device.instructions(ticks[0]) if ticks else None,
    }


def bench_front_end(device: Device, graph: Graph, sizes: Sizes) -> dict[str, Any] | None:
    """What the model's front end really costs, beside the model: bytes linked, and the work of a whole input of noise.

    None for a model or a firmware without one.
    Raises: DeviceError and its kinds.
    """
    front = graph.features
    if front is None or not device.description.takes_samples:
        return None
    noise = np.random.default_rng(0).normal(0, _LOUD, (front.moments, front.channels)).astype(np.int16)
    ticks = sum(device.push_samples(noise))
    try:
        stack = device.stack().peak
    except DeviceError:
        stack = None
    return {
        "kind": front.transform.kind,
        "flash": sizes.front_end_flash,
        "ram": sizes.front_end_ram,
        "stack": stack,
        "instructions": device.instructions(ticks),
        "ticks": ticks,
        "windows": front.frames,
    }
