"""What becomes of every ordinary Keras layer: the table in docs/keras.md, from the models kept in `layers.npz`.

Run from the repository's root: python -m tests.zoo.survey            writes the page
                                python -m tests.zoo.survey ARCHIVE    judges an archive of another converter
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.zoo.layers import ARCHIVE
from tinykit.arrays import read_npz
from tinykit.errors import ModelError, TinykitError
from tinykit.files import write_atomic
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems
from tinykit.validate.parity import verify

PAGE = Path(__file__).parents[2] / "docs" / "keras.md"

CRASHES = "a loop, which Keras cannot unroll and the converter not quantize"
NO_OPERATOR = "TensorFlow Lite has no operator for it"
ADVICE = {
    "Activation(softsign)": (NO_OPERATOR, "Use tanh, or write x / (1 + abs(x))"),
    "MaxPooling3D": (NO_OPERATOR, "Use MaxPooling2D on a Reshape"),
    "AveragePooling3D": (NO_OPERATOR, "Use AveragePooling2D on a Reshape"),
    "ConvLSTM1D": (CRASHES, "Use Conv1D over a window of frames, or an unrolled RNN of convolutions"),
    "ConvLSTM2D": (CRASHES, "Use Conv2D over a window of frames, or an unrolled RNN of convolutions"),
    "CategoryEncoding": (NO_OPERATOR, "Encode before the model, or use Embedding"),
    "IntegerLookup": (NO_OPERATOR, "Look up before the model"),
}
"""Layers that the converter itself refuses: why, and what to do."""

_HEAD = """# Keras layers

Made by `python -m tests.zoo.survey`; do not edit. What the converter of TensorFlow 2.19 makes of every ordinary layer
in a full int8 model, and whether tinykit compiles it. What is compiled equals the judge byte for byte, layer for layer,
in every test run. Layers that only train (dropout, noise, random images) leave nothing behind. Recurrent layers are
unrolled as they are converted, but not a plain LSTM, which is one operator. A converter of your own needs
`unroll=True`.

| layer | becomes | result |
|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """A layer, the operators that it becomes, and why it is refused with what to do, "" where it is compiled."""

    layer: str
    operators: tuple[str, ...]
    refused: str


def row(name: str, kept: np.ndarray) -> Row:
    """What becomes of one layer's model, or of the converter's words."""
    if not kept.ndim:
        why, fix = ADVICE.get(name, (str(kept), "?"))
        return Row(name, (), f"not converted: {why}. {fix}")
    try:
        graph = read_graph(kept.tobytes())
    except ModelError as error:
        return Row(name, (), str(error))
    told = dict.fromkeys(f"{p.op}: {p.why}. {p.fix}" for p in problems(graph))
    return Row(name, tuple(sorted({o.op for o in graph.operators})), "; ".join(told))


def rows(archive: Mapping[str, np.ndarray]) -> list[Row]:
    """All layers in the archive's order."""
    return [row(name, kept) for name, kept in archive.items()]


def page(found: list[Row]) -> str:
    """The whole page."""
    lines = [f"| {r.layer} | {', '.join(r.operators) or '-'} | {r.refused or 'compiled'} |" for r in found]
    return _HEAD + "\n".join(lines) + "\n"


def judged(model: bytes) -> str:
    """What the judge says of a model."""
    try:
        result = verify(model, vectors=24)
    except TinykitError as error:
        return str(error)
    return f"equal to {result['judge']}" if result["bit_exact"] else f"DIFFERS: {result['first_divergent_layer']}"


def judge(archive: Mapping[str, np.ndarray]) -> int:
    """Print what becomes of each model of an archive; how many differ from the judge."""
    unlike = 0
    for found in rows(archive):
        told = found.refused
        if not told:
            told = judged(archive[found.layer].tobytes())
            unlike += not told.startswith("equal")
        print(f"{found.layer}: {told} ({', '.join(found.operators)})", flush=True)
    return unlike


def main() -> int:
    """Write the page, or judge the archive that is named."""
    if len(sys.argv) > 1:
        return 1 if judge(read_npz(Path(sys.argv[1]))) else 0
    write_atomic(PAGE, page(rows(read_npz(ARCHIVE))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
