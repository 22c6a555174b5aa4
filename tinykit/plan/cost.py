"""The plan's predicted cost: flash, RAM and instructions, before any compiler has run.

Weights and arena are exact. Code is a sum of estimates (`kernels/estimate.py`): one for each specialised kernel, for
its calls, for the loops of row-by-row steps, for the library routines that are pulled in. Stack is that of the deepest
kernel with its callers'. Interrupts come on top: on the emulated Cortex-M the counter's takes 32 bytes where it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tinykit.kernels import estimate
from tinykit.plan.instances import Instance, Key, instances, key
from tinykit.plan.model import Call, Cost, Step

INVOKE_STACK_BYTES = 28
"""NAME_invoke's own frame: saved registers."""

ROWS_STACK_BYTES = 52
"""The same of the function of a row-by-row step, with its counters."""

REGISTERS, WORD = 4, 4
"""Arguments that travel in registers; bytes of each of the others, on the caller's stack."""

INTERFACE_BYTES = 40
"""NAME_init, NAME_input and NAME_output."""


def predict(steps: Sequence[Step], arena_bytes: int, static_bytes: int = 0) -> Cost:
    """The cost of running `steps` with an arena of this size and so many bytes that keep state."""
    running = [s for s in steps if not s.alias]
    return Cost(
        instructions=sum(s.instructions for s in running),
        macs=sum(s.macs for s in running),
        weights=weight_bytes(running),
        code=code_bytes(running) + INTERFACE_BYTES,
        arena=arena_bytes,
        static=static_bytes,
        stack=stack_bytes(running),
        steps=len(steps),
    )


def weight_bytes(steps: Sequence[Step]) -> int:
    """Bytes of flash for the constants of `steps`; equal arrays are kept once, as codegen does."""
    distinct = {(c.data.dtype.name, np.ascontiguousarray(c.data).tobytes()) for s in steps for c in s.constants}
    return sum(len(raw) for _, raw in distinct)


def code_bytes(steps: Sequence[Step]) -> int:
    """Predicted bytes of code of `steps`, none of them an alias; what they share is counted once."""
    shared = instances(steps)
    routines = {routine for step in steps for routine in step.library}
    return (
        sum(i.code_bytes + i.varying * estimate.varying_bytes(i.entry) for i in shared.values())
        + sum(estimate.call_bytes(i.passed) * len(i.calls) for i in shared.values())
        + sum(estimate.ROWS_CODE * len(step.stages) for step in steps)
        + sum(estimate.LIBRARY_BYTES[routine] for routine in routines)
    )


def stack_bytes(steps: Sequence[Step]) -> int:
    """Predicted bytes of the deepest stack while `steps` run, none of them an alias."""
    shared = instances(steps)
    own = _passing(shared, (call for step in steps if not step.stages for call in step.calls))
    return INVOKE_STACK_BYTES + own + max((_step_stack(shared, step) for step in steps), default=0)


def _step_stack(shared: Mapping[Key, Instance], step: Step) -> int:
    spilled = max((_spilled(shared[key(call)]) for call in step.calls), default=0)
    rows = ROWS_STACK_BYTES + _passing(shared, step.calls) if step.stages else 0
    return step.stack + spilled + rows


def _spilled(instance: Instance) -> int:
    """More stack of a kernel whose arguments differ between its calls: a register less for each eight bytes of code."""
    return instance.varying * estimate.varying_bytes(instance.entry) // 8


def _passing(shared: Mapping[Key, Instance], calls: Iterable[Call]) -> int:
    """Bytes of stack for the arguments of these calls."""
    return max((WORD * max(shared[key(call)].passed - REGISTERS, 0) for call in calls), default=0)
