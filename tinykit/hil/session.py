"""A board for a whole test session: built, flashed once, its port locked, its link kept open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinykit.boards import Board
from tinykit.hil.board import BoardUnderTest
from tinykit.hil.lock import port_lock
from tinykit.hil.log import LoggedPort
from tinykit.link.device import open_device
from tinykit.link.port import Port


@dataclass(frozen=True)
class Bench:
    """A place on the user's bench: a `board`, and the `port` where it answers; None for its emulator."""

    board: Board
    port: str | None

    @property
    def is_remote(self) -> bool:
        """Whether the port is on another machine, where nothing can be flashed from here."""
        return self.port is not None and "://" in self.port

    @property
    def features(self) -> frozenset[str]:
        """What a test's marker may ask for: the core's features, the names of core and board, and one of "emulated"
        and "hardware"."""
        kind = "emulated" if self.port is None else "hardware"
        return self.board.target.features | {self.board.name, self.board.target.name, kind}


@contextlib.contextmanager
def board_under_test(
    bench: Bench, model: Path, folder: Path, *, engine: str, flashing: bool, patience: float
) -> Iterator[BoardUnderTest]:
    """The board, running `model`.

    Args:
        folder: where firmware is built.
        flashing: build and flash; boards on other machines are never flashed, and have to run the model already.
        patience: seconds to wait for another process that holds the port.
    Raises: any TinykitError of building, flashing and greeting.
    """
    from tinykit.firmware.build import build_program
    from tinykit.firmware.engines import model_program
    from tinykit.flash import flash
    from tinykit.graph.reader import read_graph

    graph = read_graph(model)
    logs: list[LoggedPort] = []

    def wrap(port: Port) -> Port:
        logs.append(LoggedPort(port))
        return logs[-1]

    with contextlib.ExitStack() as held:
        if bench.port is not None:
            held.enter_context(port_lock(bench.port, patience))
        firmware = None
        if bench.port is None or (flashing and not bench.is_remote):
            program = model_program(graph, model, bench.board.target, engine)
            firmware = build_program(program, bench.board, folder)
        if bench.port is not None and firmware is not None:
            flash(bench.board, firmware, bench.port, quiet=True)
        device = held.enter_context(open_device(bench.board, firmware, bench.port, wrap=wrap))
        device.require_model(graph.sha256)
        yield BoardUnderTest(bench.board, model, device, logs[-1], firmware.sizes if firmware else None)
