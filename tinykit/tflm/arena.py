"""How much arena TFLM takes for a model: asked of TFLM itself.

TFLM's RecordingMicroAllocator, in the Python package's interpreter, tells what it allocated. It runs in a process of
its own, which a model may crash. The figure is that of a 64-bit machine with TFLM's reference kernels.

On a 32-bit core the activations are the same and every structure with pointers is smaller. CMSIS-NN's kernels take
memory of their own, on cores with Helium so much that `helium_margin` is added. Checked on four models (ad01, ic01,
kws01, vww01) against what TFLM allocated on Cortex-M3, M4, M7 and M55, with reference kernels and with CMSIS-NN: the
figure was never too small. With reference kernels 3.0 % (vww01: 103,672 bytes for 100,660) to 76 % (ad01: 3,984 for
2,260) were left over, on M55 with CMSIS-NN 5 to 17 %. For other models it is an argument, not a measurement: where the
arena is too small, `NAME_init` returns 2.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinykit.errors import ModelError, ToolFailed, ToolMissing
from tinykit.graph.model import Graph
from tinykit.targets import Target

ALIGNMENT = 16
_SECONDS = 120.0
_LARGEST = 1 << 28
_TOTAL = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")

_WORKER = """
import sys
from tflite_micro.python.tflite_micro import runtime
model = open(sys.argv[1], "rb").read()
interpreter = runtime.Interpreter.from_bytes(model, arena_size=int(sys.argv[2]))
interpreter.invoke()
interpreter.print_allocations()
"""


@dataclass(frozen=True)
class ArenaUse:
    """Bytes that TFLM allocated: `head` activations and scratch, `tail` what lasts, `total` both."""

    total: int
    head: int
    tail: int


def arena_use(graph: Graph, raw: bytes) -> ArenaUse:
    """What TFLM's interpreter allocates for the .tflite file `raw`, read as `graph`.

    Raises: ToolMissing without the tflite-micro package; ModelError when TFLM refuses the model; ToolFailed when it
        does not end or says nothing.
    """
    room = min(_LARGEST, (1 << 20) + 2 * sum(t.nbytes for t in graph.tensors.values() if not t.is_constant))
    with tempfile.TemporaryDirectory(prefix="tinykit-") as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(raw)
        command = [sys.executable, "-c", _WORKER, str(model), str(room)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_SECONDS, check=False, cwd=folder, errors="replace"
            )
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"TFLM's interpreter did not answer within {_SECONDS:g} s") from error
    said = done.stderr + done.stdout
    if "No module named 'tflite_micro'" in said:
        raise ToolMissing(
            "TFLM's interpreter is needed to find the arena's size",
            expected="the Python package tflite-micro",
            next_step='Install it with: pip install "tinykit[verify]" (Linux on x86-64)',
        )
    found = {kind: int(count) for kind, count in _TOTAL.findall(said)}
    if done.returncode != 0 or len(found) != 3:
        lines = [line for line in said.splitlines() if line.strip()]
        raise ModelError("TFLM cannot run the model", found=lines[-1].strip() if lines else f"{done.returncode}")
    return ArenaUse(found["total"], found["head"], found["tail"])


def arena_bytes(graph: Graph, raw: bytes, target: Target) -> int:
    """The arena that the generated code reserves on `target`, a multiple of 16.

    Raises: as `arena_use`.
    """
    margin = helium_margin(graph) if target.has("mve") else 0
    return -(-(arena_use(graph, raw).total + margin) // ALIGNMENT) * ALIGNMENT


def helium_margin(graph: Graph) -> int:
    """The most that CMSIS-NN's Helium kernels take beyond the reference kernels, in bytes.

    Read from CMSIS-NN 7's `*_get_buffer_size_mve` functions, not measured: a sum for each output channel of a fully
    connected layer, which lasts; and as scratch, which layers share, four padded columns of a convolution or four
    blocks of 124 channels of a depthwise one.
    """
    lasting, scratch = 0, 0
    for operator in graph.operators:
        if operator.op not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        shape = graph.tensor(operator.inputs[1]).shape
        if operator.op == "FULLY_CONNECTED":
            lasting += 4 * shape[0] + ALIGNMENT
        elif operator.op == "CONV_2D":
            scratch = max(scratch, 4 * (math.prod(shape[1:]) + 15))
        else:
            scratch = max(scratch, 4 * 124 * shape[1] * shape[2])
    return lasting + scratch + ALIGNMENT
