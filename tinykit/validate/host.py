"""A plan's generated C, compiled by this machine's own compiler and run in a worker process.

    with HostModel(plan) as model:
        outputs = model.run_many([xs])         # one batch (n, *shape) an input; one an output
        values = model.tensors([x])            # {tensor index in the .tflite: value}, see Tensor.source

The C runs in a process of its own: should it crash, that is an error with a message and not the end of ours. What is
compiled is kept by content in the user's cache folder.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from tinykit.codegen.emit import emit, interface
from tinykit.errors import DataError, ToolFailed, ToolMissing
from tinykit.files import sha256, write_atomic
from tinykit.plan.model import Plan

FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-DTINYKIT_STEPS=1")
SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILE_SECONDS = 120
RUN_SECONDS = 300

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


class HostModel:
    """A compiled plan that answers on this machine.

    Args:
        plan: any target's; portable kernels run everywhere.
        sanitize: compile with AddressSanitizer and UndefinedBehaviorSanitizer; a finding raises ToolFailed.
        folder: where compiled programs are kept, `cache_folder()` by default.

    Raises: ToolMissing without a compiler; ToolFailed when it refuses the C.
    """

    def __init__(self, plan: Plan, *, sanitize: bool = False, folder: Path | None = None) -> None:
        self.plan = plan
        self._interface = interface(plan)
        self._program = _build(plan, sanitize, folder or cache_folder())

    def __enter__(self) -> HostModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open between calls."""

    def run_many(self, inputs: Sequence[np.ndarray] | np.ndarray) -> list[np.ndarray]:
        """The outputs, one batch (n, *shape) each, for one batch (n, *shape) an input.

        Raises: DataError for inputs that do not fit; ToolFailed when the program crashes.
        """
        vectors = self._fit([inputs] if isinstance(inputs, np.ndarray) else inputs)
        answer = self._run(_RUN, vectors)
        sizes = [port.bytes for port in self._interface.outputs]
        rows = np.frombuffer(answer, np.uint8).reshape(len(vectors), sum(sizes))
        outputs, start = [], 0
        for index, size in zip(self.plan.graph.outputs, sizes, strict=True):
            tensor = self.plan.graph.tensor(index)
            part = np.ascontiguousarray(rows[:, start : start + size])
            outputs.append(part.view(tensor.dtype).reshape(len(vectors), *tensor.shape))
            start += size
        return outputs

    def tensors(self, inputs: Sequence[np.ndarray] | np.ndarray) -> dict[int, np.ndarray]:
        """Every tensor of the plan that a step computes, for one input, by index in the plan's graph."""
        return {index: values[0] for index, values in self.trace([np.asarray(x)[np.newaxis] for x in inputs]).items()}

    def trace(self, inputs: Sequence[np.ndarray] | np.ndarray) -> dict[int, np.ndarray]:
        """The same for batches: tensor index in the plan's graph -> (n, *shape)."""
        vectors = self._fit([inputs] if isinstance(inputs, np.ndarray) else inputs)
        written = [(i, self.plan.graph.tensor(i)) for step in self.plan.steps for i in step.outputs]
        raw = np.frombuffer(self._run(_TRACE, vectors), np.uint8).reshape(len(vectors), -1)
        values, start = {}, 0
        for index, tensor in written:
            part = np.ascontiguousarray(raw[:, start : start + tensor.nbytes])
            values[index] = part.view(tensor.dtype).reshape(len(vectors), *tensor.shape)
            start += tensor.nbytes
        return values

    def _fit(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """All inputs of each vector as one row of bytes."""
        tensors = [self.plan.graph.tensor(i) for i in self.plan.graph.inputs]
        if len(inputs) != len(tensors) or len({len(x) for x in inputs}) != 1:
            raise DataError("wrong number of model inputs or of vectors", expected=len(tensors), found=len(inputs))
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

    def _run(self, kind: int, vectors: np.ndarray) -> bytes:
        request = struct.pack("<II", kind, len(vectors)) + vectors.tobytes()
        try:
            done = subprocess.run([self._program], input=request, capture_output=True, timeout=RUN_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"the compiled model did not answer within {RUN_SECONDS} s") from error
        if done.returncode != 0:
            told = done.stderr.decode(errors="replace").strip()
            raise ToolFailed(f"the compiled model failed with status {done.returncode}: {told[:2000]}")
        return done.stdout


def _build(plan: Plan, sanitize: bool, folder: Path) -> Path:
    """The program that runs the plan on vectors from its standard input."""
    files = {**emit(plan), "main.c": _main(plan)}
    flags = [*FLAGS, *(SANITIZE if sanitize else ())]
    command = [compiler(), *flags]
    key = sha256("\0".join([*command, *(f"{n}\0{t}" for n, t in sorted(files.items()))]).encode())[:32]
    program = folder / key
    if program.is_file():
        return program
    with tempfile.TemporaryDirectory(prefix="tinykit-host-") as temporary:
        place = Path(temporary)
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
        sources = [name for name in files if name.endswith(".c")]
        compile_c([*command, *sources, "-o", "model"], place)
        write_atomic(program, (place / "model").read_bytes())
        program.chmod(0o755)
    return program


def compile_c(command: list[str], folder: Path) -> None:
    """Run a compiler in `folder`.

    Raises: ToolFailed with the first lines it printed.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"{command[0]} did not end within {COMPILE_SECONDS} s") from error
    if done.returncode != 0:
        raise ToolFailed(f"{command[0]} refuses the generated C: {done.stderr.strip()[:2000]}")


def _main(plan: Plan) -> str:
    """A program: u32 kind, u32 count, then vectors on stdin; outputs, or every step's outputs, on stdout."""
    face = interface(plan)
    name = face.name
    reads = "\n".join(f"        read_all({p.pointer}, {p.bytes}u);" for p in face.inputs)
    writes = "\n".join(f"            write_all({p.pointer}, {p.bytes}u);" for p in face.outputs)
    places = [
        (number, plan.buffer(i).offset, plan.graph.tensor(i).nbytes)
        for number, step in enumerate(plan.steps)
        for i in step.outputs
    ]
    table = (
        ",\n".join(f"    {{{number}u, {offset}u, {size}u}}" for number, offset, size in places) or "    {0u, 0u, 0u}"
    )
    return f"""#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "{name}.h"

static const struct {{ unsigned step; size_t offset; size_t size; }} places[] = {{
{table}
}};

static void read_all(void *to, size_t size) {{
    if (fread(to, 1, size, stdin) != size) {{
        exit(2);
    }}
}}

static void write_all(const void *from, size_t size) {{
    if (fwrite(from, 1, size, stdout) != size) {{
        exit(2);
    }}
}}

int main(void) {{
    uint32_t kind, count;
    read_all(&kind, sizeof kind);
    read_all(&count, sizeof count);
    if ({name}_init() != 0) {{
        return 3;
    }}
    for (uint32_t i = 0; i < count; i++) {{
{reads}
        if (kind == {_RUN}u) {{
            if ({name}_invoke() != 0) {{
                return 3;
            }}
{writes}
            continue;
        }}
        for (size_t k = 0; k < {len(places)}u; k++) {{
            if (k == 0 || places[k].step != places[k - 1].step) {{
                {name}_step(places[k].step);
            }}
            write_all({name}_arena_bytes() + places[k].offset, places[k].size);
        }}
    }}
    return fflush(stdout) == 0 ? 0 : 2;
}}
"""
