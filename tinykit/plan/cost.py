"""The plan's predicted cost: flash, RAM and instructions, before any compiler has run.

Weights and arena are exact. Code is a sum of estimates (`kernels/estimate.py`): one for each specialised kernel, for
its calls, for the library routines that it pulls in. Stack is the deepest kernel's frame and its caller's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinykit.kernels import estimate
from tinykit.plan.model import Cost, Step

INVOKE_STACK_BYTES = 24
"""NAME_invoke's own frame: saved registers and outgoing arguments."""

INTERFACE_BYTES = 40
"""NAME_init, NAME_input and NAME_output."""


def predict(steps: Sequence[Step], arena_bytes: int, static_bytes: int = 0) -> Cost:
    """The cost of running `steps` with an arena of this size and so many bytes that keep state."""
    running = [s for s in steps if not s.alias]
    calls = [c for s in running for c in s.calls]
    instances = {(c.function, tuple(sorted(c.shape.items()))): c.code_bytes for c in calls}
    libraries = {routine for s in running for routine in s.library}
    return Cost(
        instructions=sum(s.instructions for s in running),
        macs=sum(s.macs for s in running),
        weights=weight_bytes(running),
        code=sum(instances.values())
        + sum(estimate.call_bytes(len(c.arguments)) for c in calls)
        + sum(estimate.LIBRARY_BYTES[routine] for routine in libraries)
        + INTERFACE_BYTES,
        arena=arena_bytes,
        static=static_bytes,
        stack=max((s.stack for s in running), default=0) + INVOKE_STACK_BYTES,
    )


def weight_bytes(steps: Sequence[Step]) -> int:
    """Bytes of flash for the constants of `steps`; equal arrays are kept once, as codegen does."""
    distinct = {(c.data.dtype.name, np.ascontiguousarray(c.data).tobytes()) for s in steps for c in s.constants}
    return sum(len(raw) for _, raw in distinct)
