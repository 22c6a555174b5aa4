"""The C of a row-by-row step: loops that pull rows through its stages, see `Stage` and `Feed` in plan/model.py.

row_loops(step, places, statement) -> lines of a function's body
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tinykit.plan.model import Call, Feed, Pointer, Step

SOURCE = "tk_move"
"""The kernel beside whose C the loops' own routines lie."""

Locate = Callable[[Pointer, str], str]
"""A pointer of a kernel's call, and its C type, as an expression."""


@dataclass(frozen=True)
class Places:
    """Where a step's tensors and scratch lie: name of the arena, and bytes from its start."""

    arena: str
    inputs: tuple[int, ...]
    output: int
    scratch: int


def row_loops(step: Step, places: Places, statement: Callable[[Step, Call, Locate], str]) -> list[str]:
    """The body of the function that runs `step`; `statement` writes a kernel's call."""
    return _Loops(step, places, statement).lines()


def cast(address: str, pointer_type: str) -> str:
    """An address of bytes as this pointer type; the planner has aligned it for the type."""
    through = "" if "int8_t" in pointer_type else "(const void *)" if "const" in pointer_type else "(void *)"
    return f"({pointer_type}){through}({address})"


class _Loops:
    def __init__(self, step: Step, places: Places, statement: Callable[[Step, Call, Locate], str]) -> None:
        self._step = step
        self._places = places
        self._statement = statement

    def lines(self) -> list[str]:
        """Counters of the windows that keep rows, then the loop over the last stage's rows."""
        last = len(self._step.stages) - 1
        found = [
            f"int {_counter(k, f)} = {-feed.before};"
            for k, stage in enumerate(self._step.stages)
            for f, feed in enumerate(stage.feeds)
            if _keeps_rows(feed)
        ]
        stage = self._step.stages[last]
        to = f"{self._places.arena} + {_sum(self._places.output, _product('row', stage.row_bytes))}"
        body = [f"unsigned char *const to_{last} = {to};", *self._make(last, "row")]
        return [*found, f"for (int row = 0; row < {stage.height}; row++) {{", *_indented(body), "}"]

    def _make(self, k: int, row: str) -> Iterator[str]:
        """Statements that make row `row` of stage `k` at `to_k`."""
        stage = self._step.stages[k]
        for f, feed in enumerate(stage.feeds):
            if feed.window is not None:
                yield from self._gather(k, f, feed, row)
            elif feed.stage is not None:
                yield f"unsigned char *const to_{feed.stage} = to_{k};"
                yield from self._make(feed.stage, row)
        for call in stage.step.calls:
            yield self._statement(stage.step, call, self._locate(k, row))
        for feed in stage.feeds:
            kept = (feed.rows - feed.stride) * feed.row_bytes
            if feed.window is not None and kept > 0:
                window = self._window(feed)
                yield f"tk_move_down({window}, {window} + {feed.stride * feed.row_bytes}, {kept});"

    def _gather(self, k: int, f: int, feed: Feed, row: str) -> Iterator[str]:
        """A loop over the rows of a window that are not in it yet."""
        counter = _counter(k, f)
        first = _less(_product(row, feed.stride), feed.before)
        slot = _product(f"({counter} - {_bracketed(first)})", feed.row_bytes)
        target = f"to_{k}_{f}" if feed.stage is None else f"to_{feed.stage}"
        start = "" if _keeps_rows(feed) else f"int {counter} = {first}"
        yield f"for ({start}; {counter} < {_plus(first, feed.rows)}; {counter}++) {{"
        yield f"    unsigned char *const {target} = {self._window(feed)} + {slot};"
        if feed.stage is None:
            source = self._input(feed, counter)
            made = [f"tk_move_words({target}, {source}, {feed.row_bytes});"]
        else:
            made = list(self._make(feed.stage, counter))
        if self._is_padded(k, feed):
            yield f"    if ({counter} < 0 || {counter} >= {feed.height}) {{"
            yield f"        tk_set_words({target}, {feed.fill}, {feed.row_bytes});"
            yield "    } else {"
            yield from _indented(made, 2)
            yield "    }"
        else:
            yield from _indented(made)
        yield "}"

    def _is_padded(self, k: int, feed: Feed) -> bool:
        last = (self._step.stages[k].height - 1) * feed.stride - feed.before + feed.rows
        return feed.before > 0 or last > feed.height

    def _locate(self, k: int, row: str) -> Locate:
        stage = self._step.stages[k]

        def locate(pointer: Pointer, pointer_type: str) -> str:
            if pointer.kind == "output":
                return cast(f"to_{k}", pointer_type)
            if pointer.kind == "scratch":
                return cast(f"{self._places.arena} + {self._places.scratch + stage.scratch}", pointer_type)
            feed = stage.feeds[pointer.index]
            if feed.window is not None:
                return cast(self._window(feed), pointer_type)
            if feed.stage is not None:
                return cast(f"to_{k}", pointer_type)
            return cast(self._input(feed, _product(row, feed.stride)), pointer_type)

        return locate

    def _window(self, feed: Feed) -> str:
        assert feed.window is not None
        return f"{self._places.arena} + {self._places.scratch + feed.window}"

    def _input(self, feed: Feed, row: str) -> str:
        """Row `row` of a tensor in the arena."""
        return f"{self._places.arena} + {_sum(self._places.inputs[feed.tensor], _product(row, feed.row_bytes))}"


def _keeps_rows(feed: Feed) -> bool:
    """Whether some rows of a window are still in it for the next."""
    return feed.window is not None and feed.rows > feed.stride


def _counter(k: int, f: int) -> str:
    return f"next_{k}_{f}"


def _product(value: str, factor: int) -> str:
    return value if factor == 1 else f"{value} * {factor}"


def _sum(offset: int, value: str) -> str:
    return value if offset == 0 else f"{offset} + {value}"


def _less(value: str, amount: int) -> str:
    return value if amount == 0 else f"{value} - {amount}"


def _plus(value: str, amount: int) -> str:
    return f"{value} + {amount}"


def _bracketed(value: str) -> str:
    return f"({value})" if " - " in value else value


def _indented(lines: list[str], levels: int = 1) -> list[str]:
    return ["    " * levels + line for line in lines]
