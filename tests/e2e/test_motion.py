"""The motion example: a simulated board prints its sensor on a port, capture records it, and the recipe learns it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tinykit.data import load
from tinykit.data.capture import Recording
from tinykit.pipeline import run
from tinykit.recipe import load_recipe

EXAMPLE = REPOSITORY / "examples" / "motion"
WINDOW = 64


@pytest.fixture(scope="module")
def imu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("motion_imu", EXAMPLE / "imu.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recorded(imu: ModuleType, path: Path, sessions: range, count: int) -> Recording:
    """What capture would have written of these sessions, without waiting for them."""
    for session in sessions:
        recording = Recording(path, WINDOW, str(session))
        for gesture in imu.GESTURES:
            lines = np.round(imu.lines(gesture, session, count * WINDOW), 4)
            for window in lines.reshape(count, WINDOW, 6):
                recording.add(gesture, [tuple(line) for line in window.tolist()])
    return recording


def test_the_sensor_obeys_physics(imu: ModuleType) -> None:
    for session in range(3):
        rest = imu.lines("rest", session, 400)
        assert abs(np.linalg.norm(rest[:, :3].mean(axis=0)) - 1.0) < 0.08  # one g, and an offset
        circle = imu.lines("circle", session, 400)[:, :3]
        spectrum = abs(np.fft.rfft(circle - circle.mean(axis=0), axis=0)).sum(axis=1)
        turns = spectrum.argmax() * imu.RATE / 400
        assert 0.8 < turns < 1.8
        felt = circle.std(axis=0) * imu._GRAVITY  # of r w^2 cos: r w^2 / sqrt(2) along each of two axes
        radius = np.sqrt((felt**2).sum()) / (2 * np.pi * turns) ** 2
        assert 0.05 < radius < 0.30
        assert abs(imu.lines("twist", session, 400)[:, 3]).max() > 100
    assert np.array_equal(imu.lines("shake", 1, 50), imu.lines("shake", 1, 50))
    assert not np.array_equal(imu.lines("shake", 1, 50), imu.lines("shake", 2, 50))


@pytest.mark.skipif(sys.platform == "win32", reason="a simulated board needs pseudo terminals")
def test_a_board_s_lines_are_captured_over_its_port(imu: ModuleType, tmp_path: Path) -> None:
    """One window for each of two gestures, at the sensor's own pace: all lines in order, as the sensor said them."""
    output = tmp_path / "gestures.npz"
    code = (
        f"import sys; sys.path.insert(0, {str(EXAMPLE)!r}); import record; from pathlib import Path\n"
        f"for gesture in ('circle', 'rest'): record.record(gesture, 5, 1, 1.0, Path({str(output)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)
    with np.load(output, allow_pickle=False) as file:
        assert file["x"].shape == (2, WINDOW, 1, 6) and file["session"].tolist() == ["5", "5"]
        assert file["classes"].tolist() == ["circle", "rest"] and file["y"].tolist() == [0, 1]
        for window, gesture in zip(file["x"][:, :, 0], ("circle", "rest"), strict=True):
            lines = np.round(imu.lines(gesture, 5, 4096), 4).astype(np.float32)
            first = np.flatnonzero((lines == window[0]).all(axis=1))[0]
            assert np.array_equal(lines[first : first + WINDOW], window)


@pytest.mark.train
@pytest.mark.emulated
def test_it_learns_what_was_captured(imu: ModuleType, tmp_path: Path) -> None:
    recorded(imu, tmp_path / "gestures.csv", range(10), 4).export(tmp_path / "gestures.npz")
    (tmp_path / "recipe.toml").write_text((EXAMPLE / "recipe.toml").read_text())
    recipe = load_recipe(tmp_path / "recipe.toml")
    splits = load(recipe.data)
    assert splits.shape == (WINDOW, 1, 6) and splits.classes == tuple(imu.GESTURES)
    whole = run(replace(recipe, seeds=(0,), student=replace(recipe.student, steps=400)), tmp_path / "build", quiet=True)
    assert whole["verdict"] == {"passed": True, "reasons": []}
    assert {row["name"]: row["accuracy"]["test"] for row in whole["stages"]}["board"] > 0.9
    assert "model_window_add" in (tmp_path / "build" / "c" / "model_values.h").read_text()


def test_without_a_recording_it_says_so() -> None:
    recipe = load_recipe(EXAMPLE / "recipe.toml")
    assert recipe.data.group == "session" and recipe.data.file == EXAMPLE / "gestures.npz"
