"""A user's own .keras or .h5 file to a full-int8 .tflite, after training, in one step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinykit.arrays import read_npz
from tinykit.data.checks import check_samples
from tinykit.errors import DataError, ModelError
from tinykit.files import write_atomic
from tinykit.learn.convert import to_int8
from tinykit.learn.foreign import load_any

_ENOUGH = 500
"""Representative samples used at most; ranges settle long before."""


def quantize_file(path: Path, representative: np.ndarray | Path, out: Path) -> Path:
    """Write the int8 .tflite of a Keras file, batch fixed to 1.

    Args:
        path: .keras or .h5, from Keras 2 or Keras 3.
        representative: samples (n, ...) as the model reads them, or an .npz that holds them as `x`.
        out: the .tflite to write.

    Raises: ModelError, DataError, ToolMissing, OutputError, DiskFull.
    """
    samples = _samples(representative)
    model = load_any(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"{path} cannot be quantized",
            expected="a model with one input and one output",
            found=f"{len(model.inputs)} inputs and {len(model.outputs)} outputs",
        )
    wanted = tuple(model.inputs[0].shape[1:])
    fits = len(wanted) == samples.ndim - 1 and all(
        size in (None, found) for size, found in zip(wanted, samples.shape[1:], strict=True)
    )
    if not fits:
        raise DataError(
            f"the samples do not fit {path}",
            expected=f"shape (samples, {', '.join(map(str, wanted))})",
            found=samples.shape,
            page="bad-data",
        )
    return write_atomic(out, to_int8(model, samples))


def _samples(representative: np.ndarray | Path) -> np.ndarray:
    """At most `_ENOUGH` of the samples, spread evenly over the whole set."""
    if isinstance(representative, np.ndarray):
        x, what = representative, "representative samples"
    else:
        arrays, what = read_npz(representative), representative.name
        if "x" not in arrays:
            raise DataError(
                f"{what} has no array 'x'", expected="samples named x", found=", ".join(sorted(arrays)), page="bad-data"
            )
        x = arrays["x"]
    return typical(check_samples(x, what))


def typical(x: np.ndarray) -> np.ndarray:
    """At most 500 of the samples (n, ...), spread evenly over the whole set: what calibrates a quantization."""
    return x[np.linspace(0, len(x) - 1, min(len(x), _ENOUGH)).astype(int)]
