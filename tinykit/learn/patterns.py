"""Which weights of a kernel may go together: one by one, four side by side, or so many of every four.

Kernels are looked at as the .tflite holds them: one row of weights for each output, along which a device kernel walks.
"""

from __future__ import annotations

import numpy as np

from tinykit.errors import ToolFailed

BLOCK = 4
"""Weights of a block: one 32-bit load of int8."""


def rows(kernel: np.ndarray) -> np.ndarray:
    """A Keras kernel (..., inputs, outputs) as (outputs, all else), the order of weights in a .tflite."""
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)


def _unrows(table: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.moveaxis(table.reshape(shape[-1], *shape[:-1]), 0, -1)


def of_four(pattern: str) -> int | None:
    """How many weights in a row of four the pattern keeps ("2:4": 2); None for other patterns."""
    kept, colon, width = pattern.partition(":")
    return int(kept) if colon and width == str(BLOCK) else None


def mask(saliency: np.ndarray, pattern: str, sparsity: float) -> np.ndarray:
    """Which weights stay, as booleans of the kernel's shape.

    Args:
        saliency: how much each weight matters, 0 and up, of the kernel's shape (..., outputs).
        pattern: "weights" drops the least salient weights; "block" the least salient blocks of four that lie side by
            side in one output's weights (its last block may be shorter); "2:4" and "1:4" the least salient of every
            four, and more only as `sparsity` grows to 1/2 and 3/4.
        sparsity: the part of the kernel's weights, blocks or droppable weights that goes, 0 to 1.
    """
    table = rows(saliency)
    if pattern == "block":
        blocks = _fours(table).sum(axis=-1)
        kept = np.repeat(_largest(blocks, blocks.size - round(sparsity * blocks.size)), BLOCK, axis=1)
    elif (count := of_four(pattern)) is not None:
        rank = _fours(table).argsort(axis=-1)[..., ::-1].argsort(axis=-1).reshape(len(table), -1)
        droppable = (rank >= count)[:, : table.shape[1]]
        going = round(min(1.0, sparsity / (1 - count / BLOCK)) * int(droppable.sum()))
        order = np.where(droppable, table, np.inf)
        kept = np.ones(table.shape, dtype=bool)
        kept.ravel()[np.argsort(order, axis=None, kind="stable")[:going]] = False
    else:
        kept = _largest(table, table.size - int(sparsity * table.size))
    return _unrows(kept[:, : table.shape[1]], saliency.shape)


def _fours(table: np.ndarray) -> np.ndarray:
    """(outputs, blocks, 4), the last block filled up with zeros."""
    padded = np.pad(table, ((0, 0), (0, -table.shape[1] % BLOCK)))
    return padded.reshape(len(table), -1, BLOCK)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Booleans that are true at the `count` largest values; of equal ones the first."""
    kept = np.zeros(values.shape, dtype=bool)
    kept.ravel()[np.argsort(-values, axis=None, kind="stable")[:count]] = True
    return kept


def require_pattern(kernels: list[np.ndarray], pattern: str, sparsity: float) -> None:
    """Every kernel (..., outputs) has the zeros asked for, where the pattern says, up to one unit of rounding.

    Raises: ToolFailed naming the first kernel that has not.
    """
    for number, kernel in enumerate(kernels):
        zeros = rows(kernel == 0)
        if (count := of_four(pattern)) is not None:
            kept = _fours(~zeros).sum(axis=-1)
            found, wanted = int((kept <= count).sum()), kept.size
            unit = f"fours with at most {count} weights"
        elif pattern == "block":
            blocks = ~(_fours(~zeros).any(axis=-1))
            found, wanted, unit = int(blocks.sum()), round(sparsity * blocks.size), "empty blocks of four"
        else:
            found, wanted, unit = int(zeros.sum()), int(sparsity * zeros.size) - 1, "zeros"
        if found < wanted:
            raise ToolFailed(
                f"pruning did not reach its sparsity in kernel {number} of shape {kernel.shape}",
                expected=f"at least {wanted} {unit}",
                found=found,
                next_step="Give [prune] more steps",
            )
