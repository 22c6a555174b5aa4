"""Firmware that runs many models and says of each step what it wrote, as CRC-32: one build and one emulator for all.

The bytes themselves would take the serial port minutes. A CRC that differs names model, vector, step and kernel;
`tinykit verify --target` then shows the values.
"""

from __future__ import annotations

import subprocess
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.tally import note
from tinykit.boards import Board
from tinykit.codegen.emit import interface
from tinykit.firmware import project
from tinykit.firmware.fit import predict_fit
from tinykit.flash.emulator import Emulator
from tinykit.link.port import SerialPort
from tinykit.plan.model import Plan
from tinykit.validate.divergence import counterpart
from tinykit.validate.judge_worker import Worker
from tinykit.validate.vectors import vectors

VECTORS = 3
ARENA_BYTES = 16 << 20
SECONDS = 120
BUILD_SECONDS = 300
ROOM = 0.75
"""Share of a memory that models may fill; the rest is for the vectors and for what a prediction may be off by."""


def bins(plans: Mapping[str, Plan], board: Board) -> list[list[str]]:
    """Names of the plans by firmware, such that each fits the board; those that fit none are left out."""
    filled: list[tuple[list[str], int, int]] = []
    flash_size, ram_size = int(board.flash.length * ROOM), int(board.ram.length * ROOM)
    for name, plan in plans.items():
        fit = predict_fit(plan, board)
        own_flash, own_ram = fit.flash["firmware"], fit.ram["firmware"] + fit.ram["stack"]
        given = VECTORS * sum(plan.graph.tensor(i).nbytes for i in plan.graph.inputs)
        flash, ram = plan.cost.weights + plan.cost.code + given, plan.cost.arena + plan.cost.static
        if own_flash + flash > flash_size or own_ram + ram > ram_size:
            continue
        for k, (names, f, r) in enumerate(filled):
            if own_flash + f + flash <= flash_size and own_ram + r + ram <= ram_size:
                filled[k] = ([*names, name], f + flash, r + ram)
                break
        else:
            filled.append(([name], flash, ram))
    return [names for names, _, _ in filled]


def differences(models: Sequence[tuple[Plan, bytes]], board: Board, folder: Path) -> list[str]:
    """Where the emulated board's values are not TFLM's: model, vector, step and kernel of each; empty if nowhere."""
    batches = [vectors(plan.graph, VECTORS, seed=3) for plan, _ in models]
    answers = iter(_run(_build([plan for plan, _ in models], batches, board, folder), board))
    found = []
    for (plan, data), batch in zip(models, batches, strict=True):
        worker = Worker(data, ARENA_BYTES)
        compared = 0
        for k in range(VECTORS):
            indices, *values = worker.tensors([x[k] for x in batch])
            judged = {int(i): value for i, value in zip(indices, values, strict=True)}
            for number, step in enumerate(plan.steps):
                for index in step.outputs:
                    crc = next(answers)
                    expected = counterpart(plan.graph.tensor(index), judged)
                    if expected is not None and crc != zlib.crc32(expected.tobytes()):
                        found.append(f"{plan.graph.name}, vector {k}, step {number}: {step.name} ({step.kernel})")
                    compared += 0 if expected is None else expected.nbytes
        note(data, vectors=VECTORS, bytes=compared)
    assert next(answers, None) is None
    return found


def _build(plans: list[Plan], batches: list[list[np.ndarray]], board: Board, folder: Path) -> Path:
    """The ELF: the board's own start-up, UART and linker script, with a `main` that runs all plans."""
    first = max(plans, key=lambda plan: plan.cost.stack)
    sources = dict(project.program(first).sources)
    for plan in plans:
        sources |= project.program(plan).sources
    together = replace(first.cost, arena=sum(p.cost.arena for p in plans), static=sum(p.cost.static for p in plans))
    program = project.Program(interface(first), sources, together)
    files = project.sources(program, board)
    files["main.c"] = _main(plans, batches)
    project.write(files, folder)
    make = ["make", "--no-print-directory", "-C", str(folder), "-j2"]
    done = subprocess.run(make, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return next((folder / "build").glob("*.elf"))


def _run(elf: Path, board: Board) -> list[int]:
    """What the firmware says until its full stop."""
    text = b""
    with Emulator(board, elf, counting=False) as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        try:
            deadline = time.monotonic() + SECONDS
            while not text.endswith(b".") and time.monotonic() < deadline:
                text += port.read(0.1)
        finally:
            port.close()
    assert text.endswith(b"."), f"the firmware fell silent after {text[-40:]!r}"
    return [int(word, 16) for word in text[:-1].split()]


_PRELUDE = """#include "core.h"
#include "uart.h"
#include <stdint.h>
#include <string.h>

static void say(const void *from, uint32_t size) {
    const uint8_t *bytes = from;
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    crc = ~crc;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uart_put((uint8_t)"0123456789ABCDEF"[(crc >> shift) & 15u]);
    }
    uart_put(' ');
}
"""


def _main(plans: list[Plan], batches: list[list[np.ndarray]]) -> str:
    parts = [_PRELUDE, *(f'#include "{plan.graph.name}.h"' for plan in plans)]
    calls = []
    for number, (plan, batch) in enumerate(zip(plans, batches, strict=True)):
        parts.append(_model(number, plan, batch))
        calls.append(f"    run_{number}();")
    body = "\n".join(calls)
    return (
        "\n".join(parts)
        + f"""
int main(void) {{
    uart_init();
    interrupts_on();
{body}
    uart_put('.');
    uart_flush();
    for (;;) {{
    }}
}}
"""
    )


def _model(number: int, plan: Plan, batch: list[np.ndarray]) -> str:
    """Its vectors, and the function that steps through them."""
    face = interface(plan)
    arrays, copies = [], []
    for k, (values, port) in enumerate(zip(batch, face.inputs, strict=True)):
        rows = ["    {" + ",".join(map(str, np.frombuffer(vector.tobytes(), np.uint8))) + "}," for vector in values]
        body = "\n".join(rows)
        arrays.append(f"static const uint8_t in_{number}_{k}[{VECTORS}][{port.bytes}] = {{\n{body}\n}};")
        copies.append(f"        memcpy({port.pointer}, in_{number}_{k}[v], {port.bytes}u);")
    steps = []
    for k, step in enumerate(plan.steps):
        steps.append(f"        {face.name}_step({k}u);")
        for index in step.outputs:
            place = f"{face.name}_arena_bytes() + {plan.buffer(index).offset}"
            steps.append(f"        say({place}, {plan.graph.tensor(index).nbytes}u);")
    lines = "\n".join([*copies, *steps])
    return (
        "\n".join(arrays)
        + f"""
static void run_{number}(void) {{
    (void){face.name}_init();
    for (int v = 0; v < {VECTORS}; v++) {{
{lines}
    }}
}}
"""
    )
