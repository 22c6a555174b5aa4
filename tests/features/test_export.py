"""An exported project with a front end: its C is C++ too, and its CMake library makes features of raw samples."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import require_tool
from tests.export.test_projects import on_terminal, sh
from tests.features.clips import clips
from tests.features.compiled import SCALE, ZERO_POINT
from tests.features.models import model_behind, raw_set
from tinykit.boards import board
from tinykit.cli.main import run
from tinykit.features.frontend import FrontEnd
from tinykit.features.source import sources
from tinykit.features.transforms import Mfcc, Micro, Statistics
from tinykit.validate.serial import validate

FRONTS = {
    "statistics": FrontEnd(Statistics(20), hop=10, samples=60, channels=2),
    "mfcc": FrontEnd(Mfcc(128, 8000.0, 125.0, 3750.0, 16, 6), hop=64, samples=512),
    "micro": FrontEnd(Micro(128, 8000.0, 125.0, 3750.0, 16), hop=64, samples=512),
}


@pytest.mark.parametrize("name", FRONTS)
def test_the_c_is_cpp(name: str, tmp_path: Path) -> None:
    require_tool("g++", "g++")
    front = FRONTS[name].learned(clips(FRONTS[name].samples, FRONTS[name].channels, 1))
    for file, text in sources("heard", front, SCALE, ZERO_POINT).items():
        (tmp_path / file).write_text(text)
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", "-x", "c++"]
    done = subprocess.run([*command, "heard_features.c"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_cmake_library_takes_raw_samples(tmp_path: Path) -> None:
    require_tool("cmake", "cmake")
    front = FRONTS["mfcc"].learned(clips(512, 1, 1))
    model = tmp_path / "heard.tflite"
    model.write_bytes(model_behind(front))
    project = tmp_path / "project"
    assert run(["export", str(model), "--template", "cmake", "-o", str(project), "--json"]) == 0
    sh("cmake", "-B", "out", "-DCMAKE_C_FLAGS=-Wall -Wextra -Wconversion -Werror", cwd=project)
    sh("cmake", "--build", "out", cwd=project)
    with on_terminal(project / "out" / "heard_serve") as port:
        result = validate(model, board("mps2-an386"), raw_set(front, tmp_path / "raw.npz", 3), port=port, quiet=True)
    assert result["mismatched_bytes"] == 0
    assert result["front_end"]["samples"] == 3 and result["front_end"]["mismatched_bytes"] is None
