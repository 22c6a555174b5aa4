"""Inferences that can be believed on a bad line: what was disturbed is done again from the start."""

from __future__ import annotations

import numpy as np

from tinykit.errors import DeviceReset, LinkTimeout
from tinykit.link.device import Device, Inference

RESETS = 3
"""How often one inference is started when the device resets itself or falls silent in its midst."""

DISTURBANCES = 50
"""How often one inference is started when the line lost or damaged anything in its midst."""


def run_steadily(
    device: Device,
    sha256: str,
    *inputs: np.ndarray | bytes,
    output_bytes: tuple[int, ...] | None = None,
    has_state: bool = False,
    samples: np.ndarray | None = None,
) -> tuple[Inference, int]:
    """One inference during which nothing was lost: its answer, and how often the device had reset or fallen silent.

    The BOOT event of a device that resets may be what was lost, and with it the input: so an answer counts only when
    every frame of its inference came whole and at the first try. The device is greeted before it is asked again.
    A model with `has_state` forgets its former inferences first. `samples`: as of `Device.run`.
    Raises: DeviceReset, LinkTimeout when it happens again and again; WrongFirmware when the device comes back with
        another model than `sha256`; as `Device.run`.
    """
    resets = 0
    for _ in range(DISTURBANCES):
        silences = device.silences
        try:
            if has_state:
                device.reset_state()
            answer = device.run(*inputs, output_bytes=output_bytes, samples=samples)
            if device.silences == silences:
                return answer, resets
        except (DeviceReset, LinkTimeout):
            resets += 1
            if resets == RESETS:
                raise
        device.require_model(sha256)
    raise LinkTimeout(
        f"the line to {device.port.name} loses too much",
        found=f"no inference in {DISTURBANCES} went through undamaged",
        next_step="Take a shorter cable, another USB port, or a lower baud rate",
        page="device-silent",
    )
