"""How much is compared with TFLM in a test run: distinct models, vectors and bytes, summed over all workers."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tinykit.graph.reader import read_graph

_FOLDER = "TINYKIT_TALLY"


@dataclass(frozen=True)
class Tally:
    """Distinct models, and the vectors and bytes (of outputs and inner tensors) on which they equalled the judge.

    `single` of the models have one operator.
    """

    models: int
    single: int
    vectors: int
    bytes: int


def start(folder: Path) -> None:
    """Note into `folder`, a file a process; worker processes inherit it."""
    os.environ[_FOLDER] = str(folder)


def note(model: bytes, *, vectors: int, bytes: int) -> None:
    """A model was found equal to its judge on so many vectors, in so many bytes."""
    folder = os.environ.get(_FOLDER)
    if folder:
        operators = len(read_graph(model).operators)
        with (Path(folder) / str(os.getpid())).open("a", encoding="ascii") as stream:
            stream.write(f"{hashlib.sha256(model).hexdigest()[:16]} {operators} {vectors} {bytes}\n")


def total(folder: Path) -> Tally:
    """The sums over everything noted in `folder`."""
    rows = [line.split() for path in folder.iterdir() for line in path.read_text("ascii").splitlines()]
    models = {row[0]: int(row[1]) for row in rows}
    single = sum(count == 1 for count in models.values())
    return Tally(len(models), single, sum(int(row[2]) for row in rows), sum(int(row[3]) for row in rows))
