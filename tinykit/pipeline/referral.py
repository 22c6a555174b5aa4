"""Unsure samples are referred: where the two highest scores lie too near each other, the answer is "unsure".

The margin is in steps of the int8 output, so that the rule on the device is one subtraction and one comparison.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.errors import RecipeError
from tinykit.pipeline import calibration
from tinykit.recipe import Refer

MOST = 256
"""A margin that no pair of int8 scores has: everything is referred."""


def margins(scores: np.ndarray) -> np.ndarray:
    """Highest minus second highest of int8 scores (n, classes); int64 (n,)."""
    ranked = np.sort(scores.astype(np.int64), axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])


def choose(scores: np.ndarray, y: np.ndarray, min_accuracy: float) -> int:
    """The smallest margin whose answered samples are right for at least this part; MOST where there is none."""
    found, right = margins(scores), scores.argmax(axis=1) == y
    for margin in range(MOST):
        answered = found >= margin
        if not answered.any():
            break
        if right[answered].mean() >= min_accuracy:
            return margin
    return MOST


def measure(scores: np.ndarray, y: np.ndarray, margin: int) -> dict[str, Any]:
    """{"samples", "referred", "coverage", "accuracy"}: of the answered samples; accuracy None where none is."""
    answered = margins(scores) >= margin
    right = scores.argmax(axis=1) == y
    return {
        "samples": len(y),
        "referred": int((~answered).sum()),
        "coverage": float(answered.mean()),
        "accuracy": float(right[answered].mean()) if answered.any() else None,
    }


def facts(
    refer: Refer | None,
    validation: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    scale: float | None,
) -> dict[str, Any]:
    """{"refer": {"margin", "validation", "test", "calibration", "sentence"}} of both splits; {} without [refer].

    Args: each split's (scores, labels); scale: real value of one step of scores that are logits, None for others,
        which are not calibrated.
    Raises: RecipeError where min_confidence is asked of scores that cannot be calibrated.
    """
    if refer is None:
        return {}
    if scale is None and refer.min_confidence is not None:
        raise RecipeError(
            "min_confidence needs scores before a softmax",
            next_step="Leave the softmax out of the student: the calibrated probability replaces it",
        )
    learned, known = calibration.facts(validation, test, scale) if scale is not None else (None, None)
    margin = choose(*validation, refer.min_accuracy) if refer.min_accuracy is not None else 0
    if learned is not None and refer.min_confidence is not None:
        margin = min(MOST, max(margin, learned.margin(refer.min_confidence)))
    found = {"margin": margin, "validation": measure(*validation, margin), "test": measure(*test, margin)}
    return {"refer": {**found, "calibration": known, "sentence": _sentence(found, known)}}


def _sentence(found: dict[str, Any], known: dict[str, Any] | None) -> str:
    """What was found on the test split, in words."""
    return _referred(found) + (f" {_calibrated(known)}" if known is not None else "")


def _calibrated(known: dict[str, Any]) -> str:
    test = known["test"]
    return (
        f"Scores are calibrated with a temperature of {known['temperature']:.2f}: on the test split confidence and "
        f"accuracy are {test['error']:.1%} apart, {test['error_before']:.1%} before."
    )


def _referred(found: dict[str, Any]) -> str:
    test, margin = found["test"], found["margin"]
    if margin == MOST:
        return "Every sample is referred as unsure: no margin reaches what [refer] asks for."
    if test["accuracy"] is None:
        return f"Every test sample is referred as unsure: its scores are under {margin} steps apart."
    return (
        f"{test['referred']} of {test['samples']} test samples are referred as unsure, their scores under {margin} "
        f"steps apart; the rest, {test['coverage']:.1%}, is answered, and right in {test['accuracy']:.1%} of the cases."
    )
