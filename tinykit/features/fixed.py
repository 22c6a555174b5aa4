"""Integer functions that front ends are made of, over numpy arrays: the C of templates/ computes the same bits."""

from __future__ import annotations

import functools

import numpy as np

SEGMENTS = 128
"""Parts of the logarithm's table between two powers of 2."""

_LOG_BITS = 16


def msb(values: np.ndarray) -> np.ndarray:
    """The position of the highest set bit of non-negative integers (below 2**53), counted from 1; 0 for 0."""
    return np.asarray(np.frexp(values.astype(np.float64))[1], dtype=np.int64)


def int16(values: np.ndarray) -> np.ndarray:
    """The low 16 bits as a signed number, in int32: what storing into an int16_t does."""
    return values.astype(np.int16).astype(np.int32)


@functools.cache
def log_table() -> np.ndarray:
    """2**16 * (log2(1 + x) - x) at x = 0/128 .. 128/128, and once more the last: uint16 (130,)."""
    x = np.minimum(np.arange(SEGMENTS + 2), SEGMENTS) / SEGMENTS
    return np.floor((np.log2(1 + x) - x) * (1 << _LOG_BITS) + 0.5).astype(np.uint16)


def log2(values: np.ndarray) -> np.ndarray:
    """log2 of positive integers below 2**32, in steps of 2**-16, by the table of TFLM's micro frontend; int64.

    Its steps between two entries are nearly flat: the error stays below 0.0035.
    """
    x, table = values.astype(np.int64), log_table().astype(np.int64)
    whole = msb(x) - 1
    down = np.maximum(whole - _LOG_BITS, 0)
    part = ((x - (np.int64(1) << whole)) << np.maximum(_LOG_BITS - whole, 0)) >> down
    segment = part >> (_LOG_BITS - 7)
    low, high = table[segment], table[segment + 1]
    within = ((high - low) * (part - (segment << (_LOG_BITS - 7)))) >> _LOG_BITS
    return np.asarray((whole << _LOG_BITS) + part + low + within)


def square_root(values: np.ndarray) -> np.ndarray:
    """Square roots of integers below 2**52 to the nearest, as TFLM's micro frontend rounds them: up from r*r + r + 1
    on, but not beyond 65535 for values below 2**32."""
    root = floor_root(values)
    up = (values - root * root > root) & ~((root == 0xFFFF) & (values < 1 << 32))
    return root + up


def floor_root(values: np.ndarray) -> np.ndarray:
    """Square roots of integers below 2**52, cut: the float root is right or one too large."""
    root = np.sqrt(values.astype(np.float64)).astype(np.int64)
    return np.asarray(root - (root * root > values))
