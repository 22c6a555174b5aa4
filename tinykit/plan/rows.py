"""Several operators computed row by row as one step: between them only the rows that the next window needs are kept.

    row_by_row(graph, operators, offer) -> Step | None

Each operator becomes a kernel for an image as high as its window that makes one row: any kernel of that operator will
do. Padding above and below is rows of zero points. Every row is computed once: a stage gathers the rows of its window
in scratch, and moves those that the next window reads too. The rows that the step writes may lie over those that it has
read; `_lead` follows the schedule and proves the distance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinykit.graph.model import Graph, Operator, Tensor
from tinykit.graph.window import Axis, span
from tinykit.kernels import estimate
from tinykit.plan.model import Feed, Overlap, Stage, Step

Offer = Callable[[Graph, Operator], Step]
"""The preferred kernel of an operator in a graph. Raises: UnsupportedModel."""

WORD = 4
"""Rows are copied by words, and kernels may rely on their alignment."""

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
ELEMENTWISE = ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "LOGISTIC")


@dataclass(frozen=True)
class _Window:
    """Rows of each image input that one row of output needs."""

    rows: int
    axis: Axis


def row_by_row(graph: Graph, operators: Sequence[Operator], offer: Offer) -> Step | None:
    """One step for consecutive operators of which only the last one's output is used by others.

    Returns: None where they cannot run row by row: another operator, several images in a batch, a value that two of
    them read, or rows that are no whole words.

    Raises: UnsupportedModel where no kernel computes a row.
    """
    windows = [w for w in (_window(graph, o) for o in operators) if w is not None]
    if len(windows) < len(operators) or not _is_tree(graph, operators):
        return None
    outside = tuple(dict.fromkeys(i for o in operators for i in _images(graph, o) if not _maker(operators, i)))
    stages: list[Stage] = []
    for operator, window in zip(operators, windows, strict=True):
        y = graph.tensor(operator.outputs[0])
        step = offer(*_one_row(graph, operator, window))
        found = [_feed(graph, operators, outside, index, window) for index in step.inputs]
        feeds = [feed for feed in found if feed is not None]
        if row_bytes(y) % WORD or step.alias or step.places or len(feeds) < len(found):
            return None
        gathered = (replace(f, window=None) if _lies_ready(f, y.shape[1]) else f for f in feeds)
        stages.append(Stage(step, y.shape[1], row_bytes(y), tuple(gathered)))
    return _step(operators, outside, *_lay_out([*stages[:-1], _in_place(stages[-1])]))


def row_bytes(tensor: Tensor) -> int:
    """Bytes of one row of an image (1, height, width, channels)."""
    return tensor.nbytes // tensor.shape[1]


def _images(graph: Graph, operator: Operator) -> tuple[int, ...]:
    """The operator's inputs that are computed."""
    return tuple(i for i in operator.inputs if i >= 0 and not graph.tensor(i).is_constant)


def _maker(operators: Sequence[Operator], index: int) -> Operator | None:
    return next((o for o in operators if index in o.outputs), None)


def _is_tree(graph: Graph, operators: Sequence[Operator]) -> bool:
    """Whether each inner value is read exactly once, by a later one of the operators."""
    for number, operator in enumerate(operators[:-1]):
        made = operator.outputs[0]
        readers = [i for o in operators[number + 1 :] for i in _images(graph, o) if i == made]
        if len(readers) != 1 or len(graph.consumers(made)) != 1 or made in graph.outputs:
            return False
    return True


def _window(graph: Graph, operator: Operator) -> _Window | None:
    """What one row needs, or None where the operator has no rows of its own."""
    tensors = [graph.tensor(i) for i in (*_images(graph, operator), *operator.outputs)]
    if any(len(t.shape) != 4 or t.shape[0] != 1 or t.dtype != "int8" for t in tensors):
        return None
    x, y = tensors[0], tensors[-1]
    if operator.op in CONVOLUTIONS:
        axis = operator.options.vertical
        return _Window(span(graph.tensor(operator.inputs[1]).shape[1], axis.dilation), axis)
    if operator.op in POOLS:
        axis = operator.options.vertical
        is_padded = axis.before or (y.shape[1] - 1) * axis.stride + operator.options.height > x.shape[1]
        return None if is_padded else _Window(operator.options.height, axis)
    plain = operator.op in ELEMENTWISE and all(t.shape == y.shape for t in tensors) and len(tensors) > 1
    return _Window(1, Axis()) if plain and len(_images(graph, operator)) == len(operator.inputs) else None


def _feed(
    graph: Graph, operators: Sequence[Operator], outside: tuple[int, ...], index: int, window: _Window
) -> Feed | None:
    """Where rows of tensor `index` come from; None where rows that nobody needs would have to be skipped."""
    x = graph.tensor(index)
    maker = _maker(operators, index)
    if row_bytes(x) % WORD or (maker is not None and window.axis.stride > window.rows):
        return None
    return Feed(
        stage=None if maker is None else list(operators).index(maker),
        tensor=outside.index(index) if maker is None else -1,
        height=x.shape[1],
        row_bytes=row_bytes(x),
        rows=window.rows,
        stride=window.axis.stride,
        before=window.axis.before,
        window=0,
        fill=0 if x.quantization is None else x.quantization.zero_point,
    )


def _lies_ready(feed: Feed, outputs: int) -> bool:
    """Whether every window lies inside the arena's image, which needs no padding then."""
    return feed.stage is None and feed.before == 0 and (outputs - 1) * feed.stride + feed.rows <= feed.height


def _one_row(graph: Graph, operator: Operator, window: _Window) -> tuple[Graph, Operator]:
    """The same operator on an image as high as its window, which gives one row."""
    heights = dict.fromkeys(_images(graph, operator), window.rows) | {operator.outputs[0]: 1}
    low = {i: replace(graph.tensor(i), shape=(1, height, *graph.tensor(i).shape[2:])) for i, height in heights.items()}
    options = operator.options
    if operator.op in CONVOLUTIONS or operator.op in POOLS:
        options = replace(options, vertical=Axis(dilation=window.axis.dilation))
    return graph.with_changes(tensors=graph.tensors | low), replace(operator, options=options)


# --- working memory -------------------------------------------------------------------------------


def _in_place(last: Stage) -> Stage:
    """The last stage, with its last input made where its output goes, if it works in place and reads nothing there.

    The other inputs must have been gathered, since the arena's bytes there may be theirs.
    """
    feed = last.feeds[-1]
    is_plain = (feed.rows, feed.stride, feed.before, feed.row_bytes) == (1, 1, 0, last.row_bytes)
    granted = any(o.input == len(last.feeds) - 1 and o.before <= 0 for o in last.step.overlaps)
    if feed.stage is None or not (is_plain and granted and all(f.window is not None for f in last.feeds)):
        return last
    return replace(last, feeds=(*last.feeds[:-1], replace(feed, window=None)))


def _lay_out(stages: Sequence[Stage]) -> tuple[tuple[Stage, ...], int]:
    """The stages with places for their windows and their kernels' scratch, and the bytes of all.

    Windows lie side by side, those of the last stage first. While a kernel runs, the windows of stages before it hold
    no more than the rows that their next windows read too, so its scratch may lie over the rest of them.
    """
    end = 0
    placed = list(stages)
    for k in reversed(range(len(stages))):
        feeds = []
        for feed in stages[k].feeds:
            if feed.window is not None:
                feed = replace(feed, window=end)  # noqa: PLW2901
                end += feed.rows * feed.row_bytes
            feeds.append(feed)
        placed[k] = replace(stages[k], feeds=tuple(feeds))
    starts = [_scratch_start(placed, k) for k in range(len(placed))]
    total = max(end, *(start + stage.step.scratch for start, stage in zip(starts, placed, strict=True)))
    return tuple(replace(stage, scratch=start) for start, stage in zip(starts, placed, strict=True)), total


def _scratch_start(stages: Sequence[Stage], k: int) -> int:
    """The end of the last bytes of windows that must survive a call of stage `k`, at a whole word."""
    in_use = {k, *_readers(stages, k)}
    ends = [0]
    for number, stage in enumerate(stages):
        for feed in stage.feeds:
            rows = feed.rows if number in in_use else max(feed.rows - feed.stride, 0)
            if feed.window is not None and rows:
                ends.append(feed.window + rows * feed.row_bytes)
    return max(ends)


def _readers(stages: Sequence[Stage], k: int) -> Iterator[int]:
    """The stage that gathers what stage `k` makes, the one that gathers what that makes, and so on."""
    for number, stage in enumerate(stages):
        if any(feed.stage == k for feed in stage.feeds):
            yield number
            yield from _readers(stages, number)


# --- the whole step -------------------------------------------------------------------------------


def _step(operators: Sequence[Operator], outside: tuple[int, ...], stages: tuple[Stage, ...], scratch: int) -> Step:
    parts = [stage.step for stage in stages]
    return Step(
        name=" + ".join(part.name for part in parts),
        op=" + ".join(part.op for part in parts),
        kernel=f"rows of {', '.join(dict.fromkeys(part.kernel for part in parts))}",
        function="",
        sources=(),
        shape={},
        arguments=(),
        inputs=outside,
        outputs=operators[-1].outputs,
        scratch=scratch,
        overlaps=tuple(_overlaps(stages, len(outside))),
        macs=sum(stage.height * stage.step.macs for stage in stages),
        instructions=sum(stage.height * (stage.step.instructions + _moving(stage)) for stage in stages),
        library=tuple(dict.fromkeys(routine for part in parts for routine in part.library)),
        stack=max(part.stack for part in parts),
        stages=stages,
    )


def _moving(stage: Stage) -> int:
    """Predicted instructions of gathering the rows of one window."""
    copied = 0
    for feed in stage.feeds:
        if feed.window is not None:
            copied += max(feed.rows - feed.stride, 0) * feed.row_bytes
            copied += min(feed.stride, feed.rows) * feed.row_bytes * (feed.stage is None)
    return round(copied * estimate.COPIED_BYTE)


def _overlaps(stages: tuple[Stage, ...], inputs: int) -> Iterator[Overlap]:
    """Permission for the output to lie over each input: it trails the reads that are still to come."""
    events = list(_schedule(stages))
    for tensor in range(inputs):
        before = _lead(events, tensor, stages[-1])
        if before < stages[-1].height * stages[-1].row_bytes:
            yield Overlap(tensor, 0, before)


@dataclass(frozen=True)
class _Event:
    """Bytes of the inputs from `start` on are copied or, by the kernel of a stage, read; or a row of output is made.

    `reads`: (input, first byte, `before` of the kernel's own permission or None) of each input touched.
    """

    reads: tuple[tuple[int, int, int | None], ...]
    row: int | None = None


def _schedule(stages: tuple[Stage, ...]) -> Iterator[_Event]:
    """What the generated loops (codegen/rows.py) do, in their order."""
    following = {(k, f): -feed.before for k, stage in enumerate(stages) for f, feed in enumerate(stage.feeds)}

    def make(k: int, row: int, is_output: bool) -> Iterator[_Event]:
        reads = []
        for f, feed in enumerate(stages[k].feeds):
            first = row * feed.stride - feed.before
            if feed.window is None and feed.stage is not None:
                yield from make(feed.stage, row, is_output)
                continue
            if feed.window is None:
                permission = next((o.before for o in stages[k].step.overlaps if o.input == f), None)
                reads.append((feed.tensor, first * feed.row_bytes, permission))
                continue
            for at in range(max(following[k, f], first), first + feed.rows):
                if 0 <= at < feed.height and feed.stage is None:
                    yield _Event(((feed.tensor, at * feed.row_bytes, None),))
                elif 0 <= at < feed.height and feed.stage is not None:
                    yield from make(feed.stage, at, False)
            following[k, f] = first + feed.rows
        yield _Event(tuple(reads), row if is_output else None)

    for row in range(stages[-1].height):
        yield from make(len(stages) - 1, row, True)


def _lead(events: Sequence[_Event], tensor: int, last: Stage) -> int:
    """The least number of bytes by which the output must start before this input."""
    size = last.row_bytes
    lead = -last.height * size
    to_come: int | None = None
    for event in reversed(events):
        mine = [(start, permission) for index, start, permission in event.reads if index == tensor]
        if event.row is not None:
            end = (event.row + 1) * size
            if to_come is not None:
                lead = max(lead, end - to_come)
            for start, permission in mine:
                lead = max(lead, end - start if permission is None else end - size - start + permission)
        for start, _ in mine:
            to_come = start if to_come is None else min(to_come, start)
    return lead
