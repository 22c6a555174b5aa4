"""What `check` forecasts of a front end, against what `bench` counts on an emulated board."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.features.clips import clips
from tests.features.models import model_behind
from tinykit.boards import board
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Mel, Mfcc, Micro, Spectrum, Statistics
from tinykit.validate.bench import bench
from tinykit.validate.check import check

CASES = [
    ("mps2-an386", FrontEnd(Mfcc(480, 16000, 20.0, 4000.0, 40, 10), hop=320, samples=4000)),
    ("mps2-an385", FrontEnd(Spectrum(128, 100.0, 0.0, 50.0), hop=64, samples=256, channels=2)),
    ("microbit", FrontEnd(Micro(256, 8000, 125.0, 3750.0, 16), hop=128, samples=600)),
    ("sifive-e", FrontEnd(Mel(256, 8000, 125.0, 3750.0, 16), hop=256, samples=512)),
    ("arduino-uno", FrontEnd(Statistics(50), hop=50, samples=50, channels=3)),
    ("arduino-uno", FrontEnd(Mfcc(48, 8000, 125.0, 3750.0, 8, 4), hop=24, samples=72)),
    ("arduino-uno", FrontEnd(Micro(64, 8000, 125.0, 3750.0, 6), hop=64, samples=64)),
]


@pytest.mark.parametrize(("name", "bare"), CASES, ids=[f"{name}-{bare.transform.kind}" for name, bare in CASES])
def test_the_forecast_is_near(name: str, bare: FrontEnd, tmp_path: Path) -> None:
    front = bare.learned(clips(bare.samples, bare.channels, 1))
    model = tmp_path / "heard.tflite"
    model.write_bytes(model_behind(front))
    forecast = check(model, board(name))["front_end"]
    counted = bench(model, board(name), folder=tmp_path / "fw")["front_end"]
    assert (forecast["kind"], forecast["windows"]) == (counted["kind"], counted["windows"])
    assert forecast["ram"] == counted["ram"]
    assert forecast["flash"] == pytest.approx(counted["flash"], rel=0.08)
    assert counted["stack"] <= forecast["stack"]
    spent = counted["instructions"] or counted["ticks"]  # cycles, where time does not advance by instructions
    assert forecast["instructions"] == pytest.approx(spent, rel=0.15)
