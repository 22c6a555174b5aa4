"""The generated C of every kind of front end makes the bytes that Python makes, under ASan and UBSan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.features.clips import clips
from tests.features.compiled import SCALE, ZERO_POINT, build, run
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import STATISTICS, Mel, Mfcc, Micro, Spectrum, Statistics

FRONTS = {
    "statistics": FrontEnd(Statistics(50), hop=25, samples=210, channels=3),
    "some statistics": FrontEnd(Statistics(64, ("deviation", "mean")), hop=64, samples=64),
    "crossings": FrontEnd(Statistics(33, ("crossings",)), hop=1, samples=40, channels=2),
    "least": FrontEnd(Statistics(1, ("min", "rms")), hop=1, samples=9),
    "longest": FrontEnd(Statistics(65535, STATISTICS), hop=65535, samples=65535),
    "spectrum": FrontEnd(Spectrum(64, 100.0, 0.0, 50.0), hop=16, samples=200, channels=3),
    "short spectrum": FrontEnd(Spectrum(5, 100.0, 10.0, 50.0), hop=5, samples=12),
    "mel": FrontEnd(Mel(400, 16000, 125.0, 7500.0, 32), hop=160, samples=1600),
    "mfcc": FrontEnd(Mfcc(480, 16000, 20.0, 4000.0, 40, 10), hop=320, samples=16000),
    "mfcc of 1024": FrontEnd(Mfcc(640, 16000, 100.0, 7900.0, 64, 64), hop=640, samples=2600),
    "micro": FrontEnd(Micro(480, 16000, 125.0, 7500.0, 40), hop=320, samples=16000),
    "micro without gain control": FrontEnd(Micro(200, 8000, 60.0, 3800.0, 20, False), hop=80, samples=4000),
    "short micro": FrontEnd(Micro(32, 4000, 200.0, 1800.0, 4), hop=8, samples=320),
}


@pytest.fixture(scope="module")
def learned() -> list[FrontEnd]:
    return [front.learned(clips(front.samples, front.channels, 1)) for front in FRONTS.values()]


@pytest.fixture(scope="module")
def program(learned: list[FrontEnd], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(learned, tmp_path_factory.mktemp("fronts"))


@pytest.mark.parametrize("name", FRONTS)
def test_c_equals_python(name: str, learned: list[FrontEnd], program: Path) -> None:
    number = list(FRONTS).index(name)
    front = learned[number]
    counts = clips(front.samples, front.channels)
    values, inputs = run(program, number, front, counts)
    np.testing.assert_array_equal(values, front.values(counts))
    np.testing.assert_array_equal(inputs, front.inputs(counts, SCALE, ZERO_POINT))
    assert len(np.unique(inputs)) > 3
