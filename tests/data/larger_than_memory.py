"""Trains, distils, prunes, quantizes and judges on a sparse set of any size, and says how much memory that took.

    python -m tests.data.larger_than_memory 10 /tmp/large

A process of its own, because a peak of memory is a process's: {"baseline": .., "peak": .., ...} in MB, as JSON. The set
is images of 64 KiB that are almost all holes in the file, so that its size is what a reader meets and not what the disk
holds.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np

SIDE = 128
_RECIPE = """
[data]
kind = "npy"
folder = "set"
memory = 64
divide = 5.0
validation = 0.05
test = 0.05
labelled = 200
[teacher]
layers = ["average 16x16", "flatten", "dense 8 relu", "dense 2"]
steps = 40
batch = 32
learning_rate = 0.02
[distill]
control = false
[student]
layers = ["average 16x16", "flatten", "dense 8 relu", "dense 2"]
steps = 80
batch = 32
learning_rate = 0.02
[prune]
saliency = "obd"
steps = 24
batch = 32
[quantize]
method = "prune-preserving-qat"
representative = 40
steps = 10
batch = 32
[board]
name = "mps2-an386"
"""


def make_set(folder: Path, gigabytes: float) -> Path:
    """x-0.npy, x-1.npy and y-0.npy, y-1.npy: class 1 is bright at the top. Returns the recipe."""
    samples = int(gigabytes * 2**30) // (4 * SIDE * SIDE) // 2
    (folder / "set").mkdir(parents=True)
    random = np.random.default_rng(0)
    for part in range(2):
        y = random.integers(0, 2, samples)
        with (folder / "set" / f"x-{part}.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (samples, SIDE, SIDE, 1)}
            np.lib.format.write_array_header_1_0(file, header)
            first = file.tell()
            for row, label in enumerate(y):
                file.seek(first + row * 4 * SIDE * SIDE)
                file.write((random.random((4, SIDE), np.float32) + np.float32(20 * label)).tobytes())
            file.truncate(first + samples * 4 * SIDE * SIDE)
        np.save(folder / "set" / f"y-{part}.npy", y)
    (folder / "recipe.toml").write_text(_RECIPE)
    return folder / "recipe.toml"


def peak() -> float:
    """The largest memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(gigabytes: float, folder: Path) -> None:
    """Make the set in a child, so that its pages are not counted here, and run the recipe."""
    import subprocess

    code = f"from tests.data.larger_than_memory import *; make_set(Path({str(folder)!r}), {gigabytes})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
    from tinykit.learn import backend
    from tinykit.pipeline import run
    from tinykit.recipe import load_recipe

    backend.tensorflow()
    backend.tfmot()
    baseline = peak()
    result = run(load_recipe(folder / "recipe.toml"), folder / "build", quiet=True, until="int8")
    accuracy = {row["name"]: row["accuracy"]["test"] for row in result["stages"]}
    print(json.dumps({"baseline": baseline, "peak": peak(), "samples": result["data"]["samples"], **accuracy}))


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
