"""What can still be seen inside a step that ran row by row: rows of inner tensors that its windows hold at its end.

A window's rows are moved down after each use (codegen/row_loops.py), so its first places hold the rows that a further
window would have read, and the places behind them the rest of the last window where no kernel's scratch lies over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinykit.plan.model import Feed, Plan, Stage, Step


@dataclass(frozen=True)
class InnerRow:
    """Row `row` of `tensor`, which `stage` made: `nbytes` bytes at `offset` of the arena when the step has run."""

    stage: Step
    tensor: int
    row: int
    offset: int
    nbytes: int


def inner_rows(plan: Plan, number: int) -> Iterator[InnerRow]:
    """The rows that can be compared inside step `number`, stage by stage; none for a step of one operator."""
    stages = plan.steps[number].stages
    base = next((b.offset for b in plan.buffers if b.tensor is None and b.first == number), 0)
    kept = [
        (feed.stage, row, feed.window + slot * feed.row_bytes, feed.row_bytes)
        for stage in stages
        for feed in stage.feeds
        if feed.stage is not None and feed.window is not None
        for slot, row in _slots(stages, stage, feed)
    ]
    for maker, row, offset, nbytes in sorted(kept):
        step = stages[maker].step
        yield InnerRow(step, step.outputs[0], row, base + offset, nbytes)


def _slots(stages: tuple[Stage, ...], reader: Stage, feed: Feed) -> Iterator[tuple[int, int]]:
    """(place in the window, row of the tensor) of each row that is intact and inside the image."""
    last = (reader.height - 1) * feed.stride - feed.before
    moved = max(feed.rows - feed.stride, 0)
    for slot in range(feed.rows):
        row = last + slot + (feed.stride if slot < moved else 0)
        if 0 <= row < feed.height and (slot < moved or not _is_scratch(stages, feed, slot)):
            yield slot, row


def _is_scratch(stages: tuple[Stage, ...], feed: Feed, slot: int) -> bool:
    """Whether some kernel's scratch lies over a place of a window."""
    assert feed.window is not None
    start, end = feed.window + slot * feed.row_bytes, feed.window + (slot + 1) * feed.row_bytes
    return any(s.scratch < end and start < s.scratch + s.step.scratch for s in stages)
