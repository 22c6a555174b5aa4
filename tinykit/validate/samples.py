"""A labelled data set for one model: read, checked as a whole before anything starts, and quantized."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinykit.arrays import read_npz
from tinykit.data.rows import Rows, chunks, take, whole
from tinykit.errors import DataError, UsageError
from tinykit.graph.model import Graph, Tensor
from tinykit.stored import npz_headers, stored_npz

_MOST_BYTES = 1 << 26
"""Float samples that are read at once; what they become as int8 is a quarter of it."""


@dataclass(frozen=True, eq=False)
class Samples:
    """`x` (n, *input shape, the leading 1 included) in the model's input dtype, `y` int64 (n,) class numbers.

    `raw`: where the set holds raw samples for the model's front end, their counts (n, moments, channels) int16.
    """

    x: np.ndarray
    y: np.ndarray
    raw: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)


def load_samples(path: Path, graph: Graph, limit: int | None = None) -> Samples:
    """The first `limit` samples of an .npz with `x` and `y`, fit for the model.

    `x` is of the model's input dtype, or float32 / float64, which is quantized with the model's input scale. Its shape
    is (n, ...) with the model's input shape behind n, with or without the leading 1. Of a model with a front end it may
    be raw samples too: int16 counts, or float values of which one count is the front end's resolution.

    Raises: DataError for anything that does not fit; UsageError for a limit below 1 or a model with several inputs.
    """
    if limit is not None and limit < 1:
        raise UsageError("the number of samples must be at least 1", found=limit)
    if len(graph.inputs) != 1:
        raise UsageError("a data set can be sent to models with one input", found=f"{len(graph.inputs)} inputs")
    x, y = _read(path)
    _check_counts(path, x, y)
    x, y = take(x, slice(limit)), y[:limit]
    entry = graph.tensor(graph.inputs[0])
    labels = _labels(path, y, class_count(graph))
    if graph.features is not None and tuple(x.shape[1:]) in graph.features.raw_shapes:
        _require_raw(path, x)
        raw = np.concatenate([graph.features.counts(part) for part in chunks(x)])
        assert entry.quantization is not None
        made = graph.features.inputs(raw, entry.quantization.scale, entry.quantization.zero_point)
        return Samples(made.reshape(len(raw), *entry.shape), labels, raw)
    return Samples(_fit(path, x, entry), labels)


def _require_raw(path: Path, x: np.ndarray | Rows) -> None:
    """Raises: DataError for raw samples that hold NaN or infinity, or are of a type that no sensor gives."""
    if x.dtype.kind == "f":
        _require_finite(path, x)
    elif x.dtype != np.int16:
        raise DataError(
            f"the raw samples in {path} have a type that no sensor gives",
            expected="int16 counts, or float values",
            found=x.dtype.name,
            page="bad-data",
        )


def class_count(graph: Graph) -> int:
    """How many classes the model's first output tells apart: its values, or 2 where there is a single one."""
    return max(2, graph.tensor(graph.outputs[0]).elements)


def predict(output: np.ndarray, tensor: Tensor) -> int:
    """The class that an output (of the tensor's dtype) stands for: the largest value's, the first among equals.

    A single value is a probability: class 1 from 0.5 on.
    """
    flat = output.reshape(-1)
    if flat.size > 1:
        return int(np.argmax(flat))
    if tensor.quantization is None:
        return int(float(flat[0]) >= 0.5)
    return int((int(flat[0]) - tensor.quantization.zero_point) * tensor.quantization.scale >= 0.5)


def _read(path: Path) -> tuple[np.ndarray | Rows, np.ndarray]:
    """x and y; float samples of more than `_MOST_BYTES` stay in the file."""
    shape, dtype = npz_headers(path).get("x", ((), np.dtype(np.int8)))
    if dtype.kind == "f" and np.prod(shape, dtype=np.int64) * dtype.itemsize > _MOST_BYTES:
        labels = read_npz(path, ("y",))
        if "y" in labels:
            return whole(stored_npz(path, "x")), labels["y"]
    arrays = read_npz(path)
    missing = [key for key in ("x", "y") if key not in arrays]
    if missing:
        raise DataError(
            f"the data set {path} has no {' and no '.join(missing)}",
            expected="x (inputs) and y (class numbers)",
            found=", ".join(arrays) or "an empty archive",
            next_step="Save it with: np.savez(path, x=inputs, y=labels)",
            page="bad-data",
        )
    return arrays["x"], arrays["y"]


def _check_counts(path: Path, x: np.ndarray | Rows, y: np.ndarray) -> None:
    if x.ndim == 0 or len(x) == 0:
        raise DataError(f"the data set {path} is empty", page="bad-data")
    if y.ndim == 2 and y.shape[1] == 1:
        return
    if y.ndim != 1 or len(y) != len(x):
        raise DataError(
            f"the labels in {path} do not match its samples",
            expected=f"y of shape ({len(x)},)",
            found=y.shape,
            next_step="For one-hot labels save y.argmax(axis=1)" if y.ndim == 2 else None,
            page="bad-data",
        )


def _fit(path: Path, x: np.ndarray | Rows, tensor: Tensor) -> np.ndarray:
    shape = tensor.shape
    if x.shape[1:] not in (shape, shape[1:]):
        raise DataError(
            f"the samples in {path} have another shape than the model's input",
            expected=f"(n, {', '.join(map(str, shape[1:]))})",
            found=x.shape,
            page="bad-data",
        )
    if x.dtype.kind == "f":
        _require_finite(path, x)
    if x.dtype == tensor.dtype:
        return x[:].reshape(len(x), *shape)
    if x.dtype.kind != "f":
        raise DataError(
            f"the samples in {path} have another type than the model's input",
            expected=f"{tensor.dtype}, or float32 to be quantized here",
            found=x.dtype.name,
            page="bad-data",
        )
    return np.concatenate([quantize_input(part, tensor) for part in chunks(x)]).reshape(len(x), *shape)


def _require_finite(path: Path, x: np.ndarray | Rows) -> None:
    finite = [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in chunks(x)]
    bad = np.flatnonzero(~np.concatenate(finite))
    if bad.size:
        raise DataError(
            f"samples in {path} hold NaN or infinity",
            found=f"{bad.size} such samples, the first is number {bad[0]}",
            page="bad-data",
        )


def quantize_input(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    """q = round(x / scale) + zero point, halves away from zero, clamped: as TFLite's QUANTIZE does it in float32."""
    if tensor.quantization is None:
        return x.astype(tensor.dtype)
    scaled = x.astype(np.float32) / np.float32(tensor.quantization.scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.float64)
    limits = np.iinfo(tensor.dtype)
    return np.clip(rounded + tensor.quantization.zero_point, limits.min, limits.max).astype(tensor.dtype)


def _labels(path: Path, y: np.ndarray, classes: int) -> np.ndarray:
    if y.dtype.kind not in "iub":
        raise DataError(
            f"the labels in {path} are not class numbers",
            expected=f"integers from 0 to {classes - 1}",
            found=y.dtype.name,
            page="bad-data",
        )
    flat = y.reshape(-1)
    if flat.min() < 0 or flat.max() >= classes:
        raise DataError(
            f"labels in {path} are out of range",
            expected=f"0 to {classes - 1}, one for each of the model's outputs",
            found=f"{flat.min()} to {flat.max()}",
            page="bad-data",
        )
    return flat.astype(np.int64)
