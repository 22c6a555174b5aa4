"""Front ends as host programs: what their C makes of clips, pushed in pieces of uneven length."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinykit.features.frontend import FrontEnd
from tinykit.features.source import sources
from tinykit.validate.host import SANITIZE, compiler

SCALE, ZERO_POINT = 0.025, -7
_FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", *SANITIZE)


def _main(names: Sequence[str]) -> str:
    includes = "\n".join(f'#include "{name}_features.h"' for name in names)
    cases = "\n".join(
        f"""    case {k}: {{
        static int8_t input[{n}_FEATURES_FRAMES * {n}_FEATURES_COLUMNS];
        {name}_features_reset();
        for (uint32_t at = 0, piece = 1; at < count;) {{
            uint32_t taken = piece < count - at ? piece : count - at;
            uint32_t made = {name}_features_push(samples + at * {n}_FEATURES_CHANNELS, taken);
            at += taken;
            piece = made == 0 && 2 * piece <= {n}_FEATURES_HOP ? piece * 2 : 1;
            if (made == 1) {{
                fwrite({name}_features_values(), sizeof(int32_t), {n}_FEATURES_COLUMNS, stdout);
            }}
        }}
        if (!{name}_features_ready()) {{
            return 5;
        }}
        {name}_features_input(input);
        fwrite(input, 1, sizeof input, stdout);
        break;
    }}"""
        for k, (name, n) in enumerate((name, name.upper()) for name in names)
    )
    return f"""#include <stdint.h>
#include <stdio.h>
{includes}
static int16_t samples[1 << 20];
int main(void) {{
    uint32_t head[3];
    while (fread(head, sizeof head, 1, stdin) == 1) {{
        const uint32_t count = head[1];
        if (fread(samples, sizeof(int16_t), head[2], stdin) != head[2]) {{
            return 2;
        }}
        switch (head[0]) {{
{cases}
        default:
            return 3;
        }}
    }}
    return 0;
}}
"""


def build(fronts: Sequence[FrontEnd], folder: Path) -> Path:
    """One sanitized program with all of them."""
    files = {"main.c": _main([f"m{k}" for k in range(len(fronts))])}
    for k, front in enumerate(fronts):
        files |= sources(f"m{k}", front, SCALE, ZERO_POINT)
    for name, text in files.items():
        (folder / name).write_text(text)
    program = folder / "program"
    units = [name for name in files if name.endswith(".c")]
    done = subprocess.run(
        [compiler(), *_FLAGS, *units, "-o", str(program)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


def run(program: Path, number: int, front: FrontEnd, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, frames, columns) and inputs (n, *shape) of counts (n, samples, channels)."""
    head = np.array([number, front.moments, front.moments * front.channels], np.uint32).tobytes()
    request = b"".join(head + clip[: front.moments].tobytes() for clip in counts)
    done = subprocess.run([str(program)], input=request, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    rows = np.frombuffer(done.stdout, np.uint8).reshape(len(counts), -1)
    size = front.frames * front.columns
    values = np.ascontiguousarray(rows[:, : 4 * size]).view(np.int32).reshape(len(counts), front.frames, front.columns)
    return values, np.ascontiguousarray(rows[:, 4 * size :]).view(np.int8).reshape(len(counts), *front.shape)
