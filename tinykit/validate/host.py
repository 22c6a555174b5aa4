"""Generated C, compiled by this machine's own compiler and run in a process of its own.

    model = HostModel(plan)
    outputs = model.run_many(xs)           # one batch (n, *shape) an output
    values = model.tensors([x])            # {tensor index in the plan's graph: value}, see Tensor.source

Should the C crash, that is an error with a message and not the end of our process. Programs are kept by content in the
user's cache folder. `HostProgram` holds several models at once, because starting a compiler costs more than a model.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinykit.codegen.emit import emit, interface
from tinykit.errors import DataError, ToolFailed, ToolMissing
from tinykit.files import sha256, write_atomic
from tinykit.plan.model import Plan

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-DTINYKIT_STEPS=1")
SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILE_SECONDS = 300
RUN_SECONDS = 300
KEPT_PROGRAMS = 400
"""Compiled programs in the cache, about 60 KB each."""

_RUN, _TRACE = 0, 1


def compiler() -> str:
    """The path of the host's C compiler.

    Raises: ToolMissing.
    """
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path is not None:
            return path
    raise ToolMissing(
        "no C compiler for this machine was found",
        expected="cc, gcc or clang on PATH",
        next_step="Run: sudo apt install gcc",
        page="compiler-missing",
    )


def cache_folder() -> Path:
    """Where compiled host models are kept: $XDG_CACHE_HOME/tinykit/host, or ~/.cache/tinykit/host."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinykit" / "host"


class HostProgram:
    """Several plans, compiled into one program.

    Args:
        plans: of distinct graph names; any target's, since portable kernels run everywhere.
        sanitize: with AddressSanitizer and UndefinedBehaviorSanitizer; what they find raises ToolFailed.
        optimize: the compiler's own flag.
        folder: where programs are kept, `cache_folder()` by default.

    Raises: ToolMissing without a compiler; ToolFailed when it refuses the C.
    """

    def __init__(
        self, plans: Sequence[Plan], *, sanitize: bool = False, optimize: str = "-O2", folder: Path | None = None
    ) -> None:
        self.plans = tuple(plans)
        flags = [optimize, *FLAGS, *(SANITIZE if sanitize else ())]
        self._program = _build(self.plans, flags, folder or cache_folder())

    def run(self, batches: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
        """For each plan its outputs (n, *shape); `batches` holds for each plan a batch (n, *shape) an input.

        Raises: DataError for inputs that do not fit; ToolFailed when the program crashes.
        """
        asked = [_fit(plan, inputs) for plan, inputs in zip(self.plans, batches, strict=True)]
        places = [[p.graph.tensor(i) for i in p.graph.outputs] for p in self.plans]
        sizes = [sum(t.nbytes for t in tensors) for tensors in places]
        answers = self._ask(_RUN, asked, sizes)
        return [_split(rows, [(t.dtype, t.shape) for t in ts]) for rows, ts in zip(answers, places, strict=True)]

    def trace(self, batches: Sequence[Sequence[np.ndarray]]) -> list[dict[int, np.ndarray]]:
        """For each plan every tensor that its steps write, (n, *shape) by index in the plan's graph."""
        asked = [_fit(plan, inputs) for plan, inputs in zip(self.plans, batches, strict=True)]
        written = [[i for step in p.steps for i in step.outputs] for p in self.plans]
        places = [[p.graph.tensor(i) for i in indices] for p, indices in zip(self.plans, written, strict=True)]
        sizes = [sum(t.nbytes for t in tensors) for tensors in places]
        answers = self._ask(_TRACE, asked, sizes)
        return [
            dict(zip(indices, _split(rows, [(t.dtype, t.shape) for t in ts]), strict=True))
            for indices, rows, ts in zip(written, answers, places, strict=True)
        ]

    def _ask(self, kind: int, asked: list[np.ndarray], sizes: list[int]) -> list[np.ndarray]:
        """One row of answered bytes for each vector of each plan."""
        request = b"".join(
            struct.pack("<III", number, kind, len(vectors)) + vectors.tobytes() for number, vectors in enumerate(asked)
        )
        try:
            done = subprocess.run([self._program], input=request, capture_output=True, timeout=RUN_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"the compiled model did not answer within {RUN_SECONDS} s") from error
        if done.returncode != 0:
            told = done.stderr.decode(errors="replace").strip()
            raise ToolFailed(f"the compiled model failed with status {done.returncode}: {told[:2000]}")
        rows, start = [], 0
        for vectors, size in zip(asked, sizes, strict=True):
            part = np.frombuffer(done.stdout, np.uint8, len(vectors) * size, start)
            rows.append(part.reshape(len(vectors), size))
            start += part.size
        return rows


class HostModel:
    """One compiled plan that answers on this machine; arguments and errors as for `HostProgram`."""

    def __init__(
        self, plan: Plan, *, sanitize: bool = False, optimize: str = "-O2", folder: Path | None = None
    ) -> None:
        self.plan = plan
        self._program = HostProgram([plan], sanitize=sanitize, optimize=optimize, folder=folder)

    def run_many(self, inputs: Sequence[np.ndarray] | np.ndarray) -> list[np.ndarray]:
        """The outputs, one batch (n, *shape) each, for one batch (n, *shape) an input (or the only input's batch).

        Raises: DataError for inputs that do not fit; ToolFailed when the program crashes.
        """
        return self._program.run([[inputs] if isinstance(inputs, np.ndarray) else inputs])[0]

    def trace(self, inputs: Sequence[np.ndarray] | np.ndarray) -> dict[int, np.ndarray]:
        """The same for every tensor that a step writes: index in the plan's graph -> (n, *shape)."""
        return self._program.trace([[inputs] if isinstance(inputs, np.ndarray) else inputs])[0]

    def tensors(self, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """Every tensor that a step writes, for one vector (an array an input), by index in the plan's graph."""
        return {i: values[0] for i, values in self.trace([np.asarray(x)[np.newaxis] for x in inputs]).items()}


def _fit(plan: Plan, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """All inputs of each vector as one row of bytes."""
    tensors = [plan.graph.tensor(i) for i in plan.graph.inputs]
    if len(inputs) != len(tensors) or len({len(x) for x in inputs}) != 1 or not len(inputs[0]):
        raise DataError(
            "each model input needs a batch, all of equal length",
            expected=f"{len(tensors)} inputs",
            found=[len(x) for x in inputs],
        )
    columns = []
    for values, tensor in zip(inputs, tensors, strict=True):
        if values.dtype != np.dtype(tensor.dtype) or values[0].size != tensor.elements:
            raise DataError(
                f"values do not fit the model's input '{tensor.name}'",
                expected=f"{tensor.dtype} {tensor.shape}",
                found=f"{values.dtype} {values.shape[1:]}",
            )
        columns.append(np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8))
    return np.concatenate(columns, axis=1)


def _split(rows: np.ndarray, parts: list[tuple[str, tuple[int, ...]]]) -> list[np.ndarray]:
    """Rows of bytes as one batch (n, *shape) a part."""
    batches, start = [], 0
    for dtype, shape in parts:
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        part = np.ascontiguousarray(rows[:, start : start + size])
        batches.append(part.view(dtype).reshape(len(rows), *shape))
        start += size
    return batches


def _build(plans: tuple[Plan, ...], flags: list[str], folder: Path) -> Path:
    """The program that runs the plans on vectors from its standard input."""
    files = {name: text for plan in plans for name, text in emit(plan).items()}
    files["main.c"] = _main(plans)
    command = [compiler(), *flags]
    key = sha256("\0".join([platform.machine(), *command, *(f"{n}\0{t}" for n, t in sorted(files.items()))]).encode())[
        :32
    ]
    program = folder / key
    if program.is_file():
        return program
    with tempfile.TemporaryDirectory(prefix="tinykit-host-") as temporary:
        place = Path(temporary)
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
        sources = [name for name in files if name.endswith(".c")]
        _compile([*command, *sources, "-o", "model", "-lm"], place)
        unfinished = write_atomic(program.with_suffix(f".{os.getpid()}"), (place / "model").read_bytes())
        unfinished.chmod(0o755)
        unfinished.replace(program)
    _forget_oldest(folder)
    return program


def _forget_oldest(folder: Path) -> None:
    """Keep the newest `KEPT_PROGRAMS`; others may be at the same work, so files may vanish meanwhile."""
    with contextlib.suppress(OSError):
        newest_first = sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in newest_first[KEPT_PROGRAMS:]:
            path.unlink()


def _compile(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"{command[0]} did not end within {COMPILE_SECONDS} s") from error
    if done.returncode != 0:
        raise ToolFailed(f"{command[0]} refuses the generated C: {done.stderr.strip()[:2000]}")


_PRELUDE = """#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

%s

static void read_all(void *to, size_t size) {
    if (fread(to, 1, size, stdin) != size) {
        exit(2);
    }
}

static void write_all(const void *from, size_t size) {
    if (fwrite(from, 1, size, stdout) != size) {
        exit(2);
    }
}
"""


def _main(plans: tuple[Plan, ...]) -> str:
    """A program: u32 model, kind, count, then vectors on stdin; outputs, or every step's outputs, on stdout."""
    includes = "\n".join(f'#include "{plan.graph.name}.h"' for plan in plans)
    serves = "\n".join(_serve(number, plan) for number, plan in enumerate(plans))
    cases = "\n".join(
        f"        case {k}u:\n            serve_{k}(head[1], head[2]);\n            break;" for k in range(len(plans))
    )
    return f"""{_PRELUDE % includes}
{serves}
int main(void) {{
    uint32_t head[3];
    while (fread(head, sizeof head, 1, stdin) == 1) {{
        switch (head[0]) {{
{cases}
        default:
            return 4;
        }}
    }}
    return fflush(stdout) == 0 ? 0 : 2;
}}
"""


def _serve(number: int, plan: Plan) -> str:
    """The function that reads one model's vectors and writes what it makes of them."""
    face = interface(plan)
    name = face.name
    reads = "\n".join(f"        read_all({p.pointer}, {p.bytes}u);" for p in face.inputs)
    writes = "\n".join(f"            write_all({p.pointer}, {p.bytes}u);" for p in face.outputs)
    steps = []
    for k, step in enumerate(plan.steps):
        steps.append(f"        {name}_step({k}u);")
        for index in step.outputs:
            place = f"{name}_arena_bytes() + {plan.buffer(index).offset}"
            steps.append(f"        write_all({place}, {plan.graph.tensor(index).nbytes}u);")
    traced = "\n".join(steps)
    return f"""static void serve_{number}(uint32_t kind, uint32_t count) {{
    if ({name}_init() != 0) {{
        exit(3);
    }}
    for (uint32_t i = 0; i < count; i++) {{
{reads}
        if (kind == {_RUN}u) {{
            if ({name}_invoke() != 0) {{
                exit(3);
            }}
{writes}
            continue;
        }}
{traced}
    }}
}}
"""
