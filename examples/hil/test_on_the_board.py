"""A product's own tests of its model on its own board."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def samples(device) -> np.ndarray:
    """Eight inputs of the model's shape; take recorded ones in your project."""
    tensor = device.graph.tensor(device.graph.inputs[0])
    return np.random.default_rng(0).integers(-128, 128, (8, *tensor.shape), dtype=np.int8)


def test_every_byte_is_tflms(device, tinykit_model, samples):
    device.assert_matches(tinykit_model, samples)


def test_the_same_input_gives_the_same_answer(device, samples):
    first = device.infer(samples[0])
    for other in samples[1:]:
        device.infer(other)
    assert (device.infer(samples[0]) == first).all()


def test_survives_a_reset(device, samples):
    before = device.infer(samples[0])
    device.link.reset()
    assert (device.infer(samples[0]) == before).all()


@pytest.mark.tinykit("emulated")
def test_stays_within_its_budget(device):
    result = device.bench()
    assert result["instructions"] < 5_000_000
    assert result["ram"]["total"] < 32 * 1024


@pytest.mark.tinykit("dsp", ram=64 * 1024)
def test_leaves_room_for_the_rest_of_the_product(device):
    assert device.link.stack().size >= 4096
