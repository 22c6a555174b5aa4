"""Scores that mean what they say: one temperature, learned on validation samples, turns them into probabilities.

Temperature scaling: Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks". It changes no
answer, only how sure the model says to be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_COLDEST, _HOTTEST = 0.01, 100.0
_NARROWINGS = 60
"""Golden sections of the range of temperatures' logarithms: beyond float32's digits."""
_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """`temperature` that logits are divided by; `step`: natural log-odds that one step of the int8 output is worth."""

    temperature: float
    step: float

    def margin(self, confidence: float) -> int:
        """The smallest margin between two scores at which the higher one is at least so sure against the other."""
        return max(0, math.ceil(math.log(confidence / (1 - confidence)) / self.step - 1e-9))

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Of int8 scores (n, classes): softmax of the calibrated logits, (n, classes) float64."""
        return _softmax(scores.astype(np.float64) * self.step)


def calibrate(scores: np.ndarray, y: np.ndarray, scale: float) -> Calibration:
    """The temperature that makes the labels most likely.

    Args: scores: int8 logits (n, classes); y: labels (n,); scale: real value of one step.
    """
    logits = scores.astype(np.float64) * scale

    def loss(exponent: float) -> float:
        return unlikeliness(_softmax(logits / math.exp(exponent)), y)

    low, high = math.log(_COLDEST), math.log(_HOTTEST)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(_NARROWINGS):  # the loss has one minimum: it is convex in 1 / temperature
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    temperature = math.exp((low + high) / 2)
    return Calibration(temperature, scale / temperature)


def unlikeliness(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Mean negative log-likelihood of labels (n,), in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-12)).mean())


def expected_error(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, over ten bins of confidence; 0 to 1."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = [(place == k).mean() * abs(sure[place == k].mean() - right[place == k].mean()) for k in np.unique(place)]
    return float(sum(gaps))


def measure(found: Calibration, scores: np.ndarray, y: np.ndarray, scale: float) -> dict[str, float]:
    """{"loss_before", "loss", "error_before", "error"} on a split: with the scores as they are, and calibrated."""
    before, after = _softmax(scores.astype(np.float64) * scale), found.probabilities(scores)
    return {
        "loss_before": unlikeliness(before, y),
        "loss": unlikeliness(after, y),
        "error_before": expected_error(before, y),
        "error": expected_error(after, y),
    }


def facts(
    validation: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], scale: float
) -> tuple[Calibration, dict[str, Any]]:
    """The calibration learned on validation's (scores, labels), and what the run keeps of it."""
    found = calibrate(*validation, scale)
    return found, {
        "temperature": found.temperature,
        "step": found.step,
        "validation": measure(found, *validation, scale),
        "test": measure(found, *test, scale),
    }


def _softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
