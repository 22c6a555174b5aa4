"""Calibration: the temperature is the one that made the labels, answers stay, the device says the same."""

from __future__ import annotations

import ctypes
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen.test_values import FLAGS, plan
from tests.conftest import require_tool
from tests.test_recipe import GOOD, load
from tinykit.codegen.values import values_header
from tinykit.errors import RecipeError
from tinykit.pipeline import referral
from tinykit.pipeline.calibration import Calibration, calibrate, expected_error, facts
from tinykit.recipe import Refer

SCALE = 0.0625


def sampled(true_step: float, classes: int, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn from the probabilities that one step's true worth gives them."""
    random = np.random.default_rng(classes)
    scores = random.integers(-90, 90, (count, classes)).astype(np.int8)
    reached = Calibration(1.0, true_step).probabilities(scores).cumsum(axis=1)
    return scores, (reached < random.random((count, 1))).sum(axis=1)


@settings(max_examples=12, deadline=None)
@given(temperature=st.floats(0.3, 8.0), classes=st.integers(2, 5))
def test_the_temperature_that_made_the_labels_is_found(temperature: float, classes: int) -> None:
    scores, y = sampled(SCALE / temperature, classes)
    found = calibrate(scores, y, SCALE)
    assert abs(math.log(found.temperature / temperature)) < 0.15
    assert expected_error(found.probabilities(scores), y) < 0.03
    assert (found.probabilities(scores).argmax(axis=1) == scores.argmax(axis=1)).all()


@given(step=st.floats(0.005, 1.0), confidence=st.floats(0.5, 0.999))
def test_the_margin_is_the_first_that_is_so_sure(step: float, confidence: float) -> None:
    margin = Calibration(1.0, step).margin(confidence)
    sure = lambda steps: 1 / (1 + math.exp(-step * steps))  # noqa: E731
    assert sure(margin) >= confidence - 1e-6 and (margin == 0 or sure(margin - 1) < confidence)


def test_a_confidence_moves_the_margin_and_is_reported() -> None:
    split = sampled(SCALE / 3, 2)
    loose, strict = (referral.facts(Refer(min_confidence=c), split, split, SCALE)["refer"] for c in (0.6, 0.95))
    assert loose["margin"] < strict["margin"] and loose["test"]["coverage"] > strict["test"]["coverage"]
    assert strict["test"]["accuracy"] > 0.95 and strict["margin"] == math.ceil(
        math.log(19) / facts(split, split, SCALE)[0].step
    )
    both = referral.facts(Refer(0.5, 0.95), split, split, SCALE)["refer"]
    assert both["margin"] == strict["margin"]
    assert "calibrated with a temperature of 3" in strict["sentence"] and "before" in strict["sentence"]


def test_a_softmax_cannot_be_calibrated() -> None:
    split = sampled(SCALE, 2, 20)
    with pytest.raises(RecipeError, match="before a softmax"):
        referral.facts(Refer(min_confidence=0.9), split, split, None)
    assert referral.facts(Refer(0.9), split, split, None)["refer"]["calibration"] is None


def test_a_referral_needs_something_to_refer_by(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs min_accuracy or min_confidence"):
        load(tmp_path, GOOD + "[refer]\n")


def test_the_device_is_as_sure_as_python(tmp_path: Path) -> None:
    require_tool("gcc", "gcc")
    (tmp_path / "m_values.h").write_text(values_header(plan(outputs=3), None, margin=5, step=0.04))
    wrapper = "float sure(const int8_t *s);\nfloat sure(const int8_t *s) { return m_confidence(s); }\n"
    (tmp_path / "m.c").write_text(f'#include "m_values.h"\n{wrapper}')
    command = ["gcc", "-std=c99", *FLAGS, "-shared", "-fPIC", "m.c", "-o", "m.so", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    sure = ctypes.CDLL(str(tmp_path / "m.so")).sure
    sure.restype = ctypes.c_float
    scores, _ = sampled(0.04, 3, 300)
    found = [sure(row.ctypes.data_as(ctypes.c_void_p)) for row in scores]
    assert np.allclose(found, Calibration(1.0, 0.04).probabilities(scores).max(axis=1), rtol=1e-5)
