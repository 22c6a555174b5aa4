"""Builder functions of the operators that only move values; see tests/support/models.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support.builder import ModelBuilder, Value


def integers(model: ModelBuilder, values: object, dtype: str = "int32") -> Value:
    """A constant of integers."""
    return model.constant(np.array(values, dtype))


def _like(model: ModelBuilder, op: str, inputs: Sequence[Value], x: Value, shape: Sequence[int], **options) -> Value:
    """An operator whose output has the type and quantization of `x`."""
    return model.operator(op, inputs, shape, x.scale, x.zero_point, dtype=x.dtype, **options)


def squeeze(model: ModelBuilder, x: Value, *, axes: Sequence[int] = ()) -> Value:
    """SQUEEZE of these axes, or of all axes of 1."""
    rank = len(x.shape)
    gone = {a % rank for a in axes} or {a for a, n in enumerate(x.shape) if n == 1}
    shape = [n for a, n in enumerate(x.shape) if a not in gone]
    return _like(model, "SQUEEZE", [x], x, shape, squeezeDims=list(axes))


def expand_dims(model: ModelBuilder, x: Value, *, axis: int = 0) -> Value:
    """EXPAND_DIMS."""
    place = axis % (len(x.shape) + 1)
    return _like(model, "EXPAND_DIMS", [x, integers(model, axis)], x, [*x.shape[:place], 1, *x.shape[place:]])


def transpose(model: ModelBuilder, x: Value, *, order: Sequence[int]) -> Value:
    """TRANSPOSE."""
    return _like(model, "TRANSPOSE", [x, integers(model, order)], x, [x.shape[a] for a in order])


def concatenation(model: ModelBuilder, parts: Sequence[Value], *, axis: int = -1) -> Value:
    """CONCATENATION of tensors that are quantized alike."""
    x = parts[0]
    shape = list(x.shape)
    shape[axis] = sum(p.shape[axis] for p in parts)
    return _like(model, "CONCATENATION", parts, x, shape, axis=axis)


def concatenated(
    model: ModelBuilder, x: Value, *, axis: int, sizes: Sequence[int], constant: int | None = None
) -> Value:
    """CONCATENATION of `x` with further model inputs of these sizes along the axis, one of them a constant instead."""
    parts = [x]
    for k, size in enumerate(sizes):
        shape = list(x.shape)
        shape[axis] = size
        if k == constant:
            values = model.random.integers(0, 2 if x.dtype == "bool" else 100, shape).astype(x.dtype)
            parts.append(model.constant(values, [x.scale] if x.scale else [], [x.zero_point]))
        else:
            parts.append(model.input(shape, x.scale, x.zero_point, x.dtype))
    return concatenation(model, parts, axis=axis)


def split(model: ModelBuilder, x: Value, *, axis: int, parts: int) -> list[Value]:
    """SPLIT into equal parts."""
    inputs = [integers(model, axis), x]
    sizes = [x.shape[axis] // parts] * parts
    return _parts(model, "SPLIT", inputs, x, [_cut(x.shape, axis, n) for n in sizes], numSplits=parts)


def split_v(model: ModelBuilder, x: Value, *, axis: int, sizes: Sequence[int]) -> list[Value]:
    """SPLIT_V into parts of these sizes."""
    inputs = [x, integers(model, sizes), integers(model, axis)]
    return _parts(model, "SPLIT_V", inputs, x, [_cut(x.shape, axis, n) for n in sizes], numSplits=len(sizes))


def unpack(model: ModelBuilder, x: Value, *, axis: int) -> list[Value]:
    """UNPACK."""
    place = axis % len(x.shape)
    shape = [*x.shape[:place], *x.shape[place + 1 :]]
    return _parts(model, "UNPACK", [x], x, [shape] * x.shape[place], axis=axis, num=x.shape[place])


def pack(model: ModelBuilder, x: Value, *, axis: int, others: int) -> Value:
    """PACK of `x` with further model inputs."""
    parts = [x, *(model.input(x.shape, x.scale, x.zero_point, x.dtype) for _ in range(others))]
    place = axis % (len(x.shape) + 1)
    shape = [*x.shape[:place], len(parts), *x.shape[place:]]
    return _like(model, "PACK", parts, x, shape, axis=axis, valuesCount=len(parts))


def _cut(shape: Sequence[int], axis: int, size: int) -> list[int]:
    cut = list(shape)
    cut[axis] = size
    return cut


def _parts(
    model: ModelBuilder, op: str, inputs: Sequence[Value], x: Value, shapes: Sequence[Sequence[int]], **options
) -> list[Value]:
    first = _like(model, op, inputs, x, shapes[0], **options)
    return [first, *(model.further_output(s, x.scale, x.zero_point, dtype=x.dtype) for s in shapes[1:])]


def slice_(model: ModelBuilder, x: Value, *, begin: Sequence[int], size: Sequence[int], dtype: str = "int32") -> Value:
    """SLICE; a size of -1 goes to the end."""
    shape = [n - b if s == -1 else s for n, b, s in zip(x.shape, begin, size, strict=True)]
    return _like(model, "SLICE", [x, integers(model, begin, dtype), integers(model, size, dtype)], x, shape)


def strided_slice(
    model: ModelBuilder,
    x: Value,
    *,
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int],
    begin_mask: int = 0,
    end_mask: int = 0,
    shrink_mask: int = 0,
) -> Value:
    """STRIDED_SLICE with its masks; ends are ignored along axes that shrink."""
    shape = []
    for axis, size in enumerate(x.shape):
        if not shrink_mask >> axis & 1:
            first = None if begin_mask >> axis & 1 else begin[axis]
            last = None if end_mask >> axis & 1 else end[axis]
            shape.append(len(range(size)[first : last : strides[axis]]))
    inputs = [x, *(integers(model, v) for v in (begin, end, strides))]
    masks = {"beginMask": begin_mask, "endMask": end_mask, "shrinkAxisMask": shrink_mask}
    return _like(model, "STRIDED_SLICE", inputs, x, shape, **masks)


def pad_any(model: ModelBuilder, x: Value, *, paddings: Sequence[tuple[int, int]], value: float | None = None) -> Value:
    """PAD, or PADV2 with a value, of any type."""
    shape = [n + a + b for n, (a, b) in zip(x.shape, paddings, strict=True)]
    inputs = [x, integers(model, paddings)]
    if value is None:
        return _like(model, "PAD", inputs, x, shape)
    fill = model.constant(np.array(value, x.dtype), [x.scale] if x.scale else [], [x.zero_point])
    return _like(model, "PADV2", [*inputs, fill], x, shape)


def mirror_pad(model: ModelBuilder, x: Value, *, paddings: Sequence[tuple[int, int]], symmetric: bool = False) -> Value:
    """MIRROR_PAD, "reflect" unless symmetric."""
    shape = [n + a + b for n, (a, b) in zip(x.shape, paddings, strict=True)]
    return _like(model, "MIRROR_PAD", [x, integers(model, paddings)], x, shape, mode=int(symmetric))


def broadcast_to(model: ModelBuilder, x: Value, *, shape: Sequence[int], dtype: str = "int32") -> Value:
    """BROADCAST_TO."""
    return _like(model, "BROADCAST_TO", [x, integers(model, shape, dtype)], x, shape)


def tile(model: ModelBuilder, x: Value, *, times: Sequence[int]) -> Value:
    """TILE."""
    shape = [n * t for n, t in zip(x.shape, times, strict=True)]
    return _like(model, "TILE", [x, integers(model, times)], x, shape)


def reverse(model: ModelBuilder, x: Value, *, axes: Sequence[int]) -> Value:
    """REVERSE_V2."""
    return _like(model, "REVERSE_V2", [x, integers(model, axes)], x, x.shape)


def space_to_depth(model: ModelBuilder, x: Value, *, block: int) -> Value:
    """SPACE_TO_DEPTH."""
    n, height, width, channels = x.shape
    shape = (n, height // block, width // block, channels * block * block)
    return _like(model, "SPACE_TO_DEPTH", [x], x, shape, blockSize=block)


def depth_to_space(model: ModelBuilder, x: Value, *, block: int) -> Value:
    """DEPTH_TO_SPACE."""
    n, height, width, channels = x.shape
    shape = (n, height * block, width * block, channels // block // block)
    return _like(model, "DEPTH_TO_SPACE", [x], x, shape, blockSize=block)


def space_to_batch(model: ModelBuilder, x: Value, *, blocks: Sequence[int]) -> Value:
    """SPACE_TO_BATCH_ND without padding."""
    inner = [n // k for n, k in zip(x.shape[1:-1], blocks, strict=True)]
    shape = [x.shape[0] * int(np.prod(blocks)), *inner, x.shape[-1]]
    none = integers(model, [(0, 0)] * len(blocks))
    return _like(model, "SPACE_TO_BATCH_ND", [x, integers(model, blocks), none], x, shape)


def batch_to_space(model: ModelBuilder, x: Value, *, blocks: Sequence[int], crops: Sequence[tuple[int, int]]) -> Value:
    """BATCH_TO_SPACE_ND."""
    inner = [n * k - a - b for n, k, (a, b) in zip(x.shape[1:-1], blocks, crops, strict=True)]
    shape = [x.shape[0] // int(np.prod(blocks)), *inner, x.shape[-1]]
    return _like(model, "BATCH_TO_SPACE_ND", [x, integers(model, blocks), integers(model, crops)], x, shape)


def fill(model: ModelBuilder, x: Value, *, shape: Sequence[int], dtype: str = "int32") -> Value:
    """FILL with a computed single value."""
    return _like(model, "FILL", [integers(model, shape, dtype), x], x, shape)


def gather(
    model: ModelBuilder,
    x: Value,
    *,
    indices: Sequence[int],
    axis: int = 0,
    batch_dims: int = 0,
    computed: bool = False,
) -> Value:
    """GATHER of indices of this shape, random constants or a second model input."""
    numbers = _indices(model, x.shape[axis], indices, computed)
    place, shared = axis % len(x.shape), batch_dims % len(indices) if batch_dims < 0 else batch_dims
    shape = [*x.shape[:place], *indices[shared:], *x.shape[place + 1 :]]
    return _like(model, "GATHER", [x, numbers], x, shape, axis=axis, batchDims=batch_dims)


def gather_nd(model: ModelBuilder, x: Value, *, indices: Sequence[int], computed: bool = False) -> Value:
    """GATHER_ND of coordinates of this shape, random constants or a second model input."""
    coordinates = _indices(model, min(x.shape[: indices[-1]]), indices, computed)
    return _like(model, "GATHER_ND", [x, coordinates], x, [*indices[:-1], *x.shape[indices[-1] :]])


def embedding_lookup(
    model: ModelBuilder, x: Value, *, rows: Sequence[int], dtype: str = "int8", output: str = "int8"
) -> Value:
    """EMBEDDING_LOOKUP: `x` are the indices; the rows are constant."""
    values = model.random.integers(-128, 128, rows).astype(dtype)
    table = model.constant(values, [0.037] if dtype == "int8" else [], [0])
    return model.operator("EMBEDDING_LOOKUP", [x, table], (*x.shape, *rows[1:]), 0.037, 0, dtype=output)


def _indices(model: ModelBuilder, count: int, shape: Sequence[int], computed: bool) -> Value:
    if computed:
        return model.input(shape, dtype="int32")
    return model.constant(model.random.integers(0, count, shape).astype(np.int32))


def resize(
    model: ModelBuilder,
    x: Value,
    *,
    size: Sequence[int],
    op: str = "RESIZE_BILINEAR",
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> Value:
    """RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR to a height and a width."""
    options = {"alignCorners": align_corners, "halfPixelCenters": half_pixel_centers}
    shape = (x.shape[0], *size, x.shape[3])
    return _like(model, op, [x, integers(model, size)], x, shape, **options)
