"""A terminal on a board's port: shows what comes, passes on what is typed, or plots a model's scores."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import numpy as np

from tinykit.errors import PortError
from tinykit.link.device import Device
from tinykit.link.monitor import Plot, Splitter, describe
from tinykit.link.port import Port

if TYPE_CHECKING:
    from tinykit.graph.model import Graph

_READ_SECONDS = 0.2
_POLL_SECONDS = 0.1


def listen(
    port: Port,
    out: TextIO,
    *,
    seconds: float = float("inf"),
    plot: Plot | None = None,
    name_of: Callable[[int], str | None] = lambda pc: None,
) -> dict[str, int]:
    """Write what comes over `port` to `out` for so long: lines as they are, frames in words.

    With a `plot`, lines of numbers become bars. `name_of` says which function holds a code address.
    Returns: how many lines and frames came, and pieces that were neither ("dropped").
    Raises: PortError when the port is gone.
    """
    splitter, counts = Splitter(), {"lines": 0, "frames": 0}
    end = port.clock() + seconds
    while port.clock() < end:
        for item in splitter.feed(port.read(_READ_SECONDS)):
            is_text = isinstance(item, str)
            counts["lines" if is_text else "frames"] += 1
            drawn = plot.take(item) if plot is not None and isinstance(item, str) else None
            if drawn is None:
                if plot is not None:
                    plot.interrupted()
                drawn = f"{item}\n" if isinstance(item, str) else f"<{describe(item, name_of)}>\n"
            out.write(drawn)
            out.flush()
    return {**counts, "dropped": splitter.dropped}


def pass_on_typing(port: Port) -> None:
    """Send lines typed at the terminal to the board for as long as this process lives; nothing without a terminal."""

    def send() -> None:
        for line in sys.stdin:
            try:
                port.write(line.encode())
            except PortError:
                return

    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=send, daemon=True).start()


def plot_scores(device: Device, graph: Graph, out: TextIO, *, seconds: float = float("inf"), width: int = 80) -> int:
    """Read the first output of the model that runs on `device` again and again, and plot its values; how often.

    The values are dequantized: scale * (q - zero point).
    Raises: WrongFirmware when the device runs another model; DeviceError.
    """
    tensor = graph.tensor(graph.outputs[0])
    device.require_model(graph.sha256)
    plot, drawn = Plot(list(graph.labels), width), 0
    end = device.port.clock() + seconds
    while device.port.clock() < end:
        raw = np.frombuffer(device.read_output(tensor.nbytes), tensor.dtype).astype(np.float64)
        if tensor.quantization is not None:
            raw = (raw - tensor.quantization.zero_point) * tensor.quantization.scale
        out.write(plot.draw([float(value) for value in raw]))
        out.flush()
        drawn += 1
        time.sleep(_POLL_SECONDS)
    return drawn
