"""Damages models in many ways and reads them: only our own errors, quickly, within bounded memory.

    python -m tests.graph.fuzz --cases 100000 [--seed 1]

A case that fails is written to build/fuzz-SEED-NUMBER.tflite.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from tests.conftest import shared_folder
from tests.support import floats
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
from tinykit.errors import ModelError
from tinykit.graph.passes import rewrite
from tinykit.graph.reader import read_graph
from tinykit.graph.support import problems, require_supported

ZOO = Path(__file__).parents[1] / "zoo" / "models"
SECONDS = 2.0
"""Of the processor, for one model."""
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


def float_model() -> bytes:
    """float32 operators between quantized ones."""
    model = ModelBuilder(3)
    x = floats.conv_2d(model, dequantize(model, model.input((1, 6, 6, 2))), groups=2)
    x = floats.transpose_conv(model, floats.pool_2d(model, floats.depthwise_conv_2d(model, x), op="L2_POOL_2D"))
    x = floats.batch_matmul(model, x, shape=(4, 3), adj_x=False, adj_y=False, constant="second")
    return model.finish([quantize(model, floats.floor_mod(model, floats.fully_connected(model, x), shape=(4,)))])


@cache
def sound_models() -> list[bytes]:
    """Built ones several times over, because nearly all their bytes are structure, the zoo, and reference models."""
    built = [image_model(), dense_model(), float_model()] * 3
    zoo = [p.read_bytes() for p in sorted(ZOO.glob("*.tflite"))]
    real = [p.read_bytes() for p in sorted(Path(shared_folder(), "models").glob("*.tflite"))]
    return built + zoo + real


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


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """`count` damaged models, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    models = sound_models()
    for _ in range(count):
        yield mutated(models[int(random.integers(0, len(models)))], models, random)


def outcome(model: bytes) -> str:
    """What becomes of a model: "refused" as no model, "unsupported", or "sound"; anything else raises."""
    start = time.process_time()
    try:
        graph = read_graph(model)
        found = problems(graph)
        require_supported(graph)
        assert found == []
        rewrite(graph)
        kind = "sound"
    except ModelError as error:
        assert str(error)
        kind = "unsupported" if "unsupported" in error.facts else "refused"
    seconds = time.process_time() - start
    assert seconds < SECONDS, f"{seconds:.1f} s"
    return kind


def peak() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def main() -> int:
    """Run and say what became of the models; 1 where one was not refused in our own words, or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    outcomes: Counter[str] = Counter()
    before = peak()
    for number, model in enumerate(mutants(asked.seed, asked.cases)):
        try:
            outcomes[outcome(model)] += 1
        except Exception as error:  # any is what this looks for
            outcomes["failed"] += 1
            kept = Path("build") / f"fuzz-{asked.seed}-{number}.tflite"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(model)
            print(f"case {number}: {type(error).__name__}: {error} ({kept})", flush=True)
    grown = peak() - before
    print(f"{asked.cases} cases: {dict(outcomes)}, memory grew by {grown >> 20} MB", flush=True)
    return 1 if outcomes["failed"] or grown > MEMORY else 0


if __name__ == "__main__":
    sys.exit(main())
