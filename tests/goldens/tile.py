"""Writes tile.npz: TILE models, which TFLM lacks, and what the reference kernels of TensorFlow Lite make of them.

Run from the repository's root: python -m tests.goldens.tile
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.models import single
from tests.support.movement import tile

GOLDENS = Path(__file__).with_suffix(".npz")

CASES = (
    ((1, 2, 3, 2), (1, 2, 2, 1), "int8"),
    ((3,), (4,), "int8"),
    ((2, 3), (1, 1), "int8"),
    ((2, 1, 3, 2), (2, 3, 1, 2), "int8"),
    ((1, 4, 1, 3), (1, 1, 5, 1), "int8"),
    ((2, 3), (3, 2), "uint8"),
    ((2, 3), (3, 2), "float32"),
    ((2, 2, 2), (1, 3, 2), "int32"),
    ((2, 2), (2, 2), "int64"),
    ((3, 2), (1, 4), "bool"),
)


def main() -> None:
    """Compute and write."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    found = {}
    for number, (shape, times, dtype) in enumerate(CASES):
        model = single(tile, shape, times=times, input_dtype=dtype, input_zero_point=0)
        interpreter = tf.lite.Interpreter(
            model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        inputs = random.integers(0, 2 if dtype == "bool" else 100, (3, *shape)).astype(dtype)
        outputs = []
        for x in inputs:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
        found[f"model_{number}"] = np.frombuffer(model, np.uint8)
        found[f"inputs_{number}"], found[f"outputs_{number}"] = inputs, np.stack(outputs)
    np.savez_compressed(GOLDENS, **found)


if __name__ == "__main__":
    main()
