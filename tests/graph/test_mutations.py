"""Two thousand damaged models: only our own errors, quickly, within bounded memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_folder
from tinykit.errors import ModelError
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems, require_supported

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.support.models import (
    ModelBuilder,
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    max_pool_2d,
    mean,
    pad,
    quantize,
    relu6,
    reshape,
    softmax,
)

MUTANTS, BATCHES = 2000, 10
SECONDS = 2.0
MEMORY = 256 << 20
"""Bytes that the process may grow by in one batch; the largest model here is a third of a megabyte."""

UNIT = 1 if sys.platform == "darwin" else 1024


def image_model() -> bytes:
    model = ModelBuilder(1)
    x = quantize(model, model.input((1, 8, 8, 3), dtype="float32"))
    x = pad(model, x, paddings=((0, 0), (1, 1), (1, 1), (0, 0)))
    x = conv_2d(model, x, padding="VALID", activation="RELU6")
    x = add(model, depthwise_conv_2d(model, x), x, activation="RELU")
    x = average_pool_2d(model, relu6(model, max_pool_2d(model, x)))
    return model.finish([dequantize(model, softmax(model, fully_connected(model, mean(model, x))))])


def dense_model() -> bytes:
    model = ModelBuilder(2)
    x = reshape(model, model.input((1, 4, 4)), shape=(1, 16))
    return model.finish([fully_connected(model, fully_connected(model, x, per_channel=True), weights_zero_point=2)])


def sound_models() -> list[bytes]:
    """Built ones several times over, because nearly all their bytes are structure; real ones where they are."""
    built = [image_model(), dense_model()] * 3
    real = [p.read_bytes() for p in sorted(Path(shared_folder(), "models").glob("*.tflite"))]
    return built + real


def structure(model: bytes, random: np.random.Generator) -> int:
    """A position, more often near either end, where converters put tables rather than weights."""
    if random.random() < 0.7:
        near = int(random.integers(0, min(len(model), 6000)))
        return near if random.random() < 0.5 else len(model) - 1 - near
    return int(random.integers(0, len(model)))


def mutated(model: bytes, others: list[bytes], random: np.random.Generator) -> bytes:
    data = bytearray(model)
    at = structure(model, random)
    kind = int(random.integers(0, 7))
    if kind == 0:
        for _ in range(int(random.integers(1, 9))):
            data[structure(model, random)] ^= 1 << int(random.integers(0, 8))
    elif kind == 1:
        return bytes(data[:at])
    elif kind == 2:
        data[at : at + int(random.integers(1, 200))] = bytes(int(random.integers(1, 200)))
    elif kind == 3:
        a, b = (structure(model, random) // 4 * 4 for _ in range(2))
        data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]
    elif kind == 4:
        other = others[int(random.integers(0, len(others)))]
        start = int(random.integers(0, len(other)))
        piece = other[start : start + int(random.integers(1, 400))]
        data[at : at + len(piece)] = piece
    elif kind == 5:
        extreme = [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 1, 0, 0x10000, 0xFFFF]
        data[at : at + 4] = extreme[int(random.integers(0, len(extreme)))].to_bytes(4, "little")
    else:
        for _ in range(4):
            place = structure(model, random) // 4 * 4
            value = int.from_bytes(data[place : place + 4], "little") + int(random.integers(-8, 9))
            data[place : place + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(data)


def mutants(batch: int) -> Iterator[bytes]:
    random = np.random.default_rng(batch)
    models = sound_models()
    for _ in range(MUTANTS // BATCHES):
        yield mutated(models[int(random.integers(0, len(models)))], models, random)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_models_give_our_errors_only(batch: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    outcomes = {"refused": 0, "unsupported": 0, "sound": 0}
    for number, model in enumerate(mutants(batch)):
        start = time.perf_counter()
        try:
            graph = read_graph(model)
            found = problems(graph)
            require_supported(graph)
            assert found == []
            rewrite(graph)
            outcomes["sound"] += 1
        except ModelError as error:
            assert str(error)
            outcomes["unsupported" if "unsupported" in error.facts else "refused"] += 1
        assert time.perf_counter() - start < SECONDS, f"mutant {number}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT - before < MEMORY
    assert min(outcomes.values()) > 0, outcomes


def test_a_chain_as_long_as_allowed_is_quick() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4))
    for _ in range(1500):
        x = relu6(model, x)
    data = model.finish([x])
    start = time.perf_counter()
    graph = read_graph(data)
    assert problems(graph) == []
    read_seconds = time.perf_counter() - start
    assert read_seconds < SECONDS
    rewrite(graph)
    assert time.perf_counter() - start < 5 * SECONDS
