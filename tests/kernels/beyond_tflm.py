"""Makes `beyond_tflm.npz`: what TFLite's reference kernels give for operators that TFLM lacks.

Run `python -m tests.kernels.beyond_tflm` with tensorflow 2.21 after a change of `CASES`: 2.19, which gives the same of
the others, lacks SQRT.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.elementwise import unary
from tests.support.equality import Case, case

GOLDENS = Path(__file__).with_suffix(".npz")

INPUTS = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 256)
"""One vector of every int8."""

QUANTIZATIONS: tuple[tuple[float, int, float, int], ...] = (
    (0.05, -3, 0.03, -122),
    (0.0039, -128, 0.05, -100),
    (0.02, 0, 0.02, 0),
    (0.117, 10, 0.06, -125),
    (0.0371, -57, 0.011, 17),
    (0.3, 127, 0.9, 60),
)
"""Scale and zero point of the input, then of the output."""

OPERATORS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("GELU", {"approximate": False}),
    ("GELU", {"approximate": True}),
    ("EXP", {}),
    ("LOG", {}),
    ("RELU_N1_TO_1", {}),
    ("SQRT", {}),
)


def cases() -> list[Case]:
    """One model of each operator and quantization; SQRT's inputs are not negative, because TFLite stops there."""
    least = {"SQRT": -128}
    return [
        case(unary, (1, 256), op=op, input_scale=a, input_zero_point=least.get(op, b), scale=c, zero_point=d, **options)
        for op, options in OPERATORS
        for a, b, c, d in QUANTIZATIONS
    ]


def reference(model: bytes) -> np.ndarray:
    """What TFLite's reference kernels answer to `INPUTS`."""
    import tensorflow as tf

    resolver = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], INPUTS[0])
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


if __name__ == "__main__":
    np.savez_compressed(GOLDENS, results=np.stack([reference(one.model) for one in cases()]))
