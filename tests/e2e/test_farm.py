"""The farm example: a simulated season to a board that takes rows one by one and decides, as Python and TFLM would."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import REPOSITORY, require_tool
from tinykit.boards import board
from tinykit.data import load
from tinykit.data.normalization import Normalization
from tinykit.flash.emulator import Emulator
from tinykit.graph.reader import read_graph
from tinykit.link.port import SerialPort
from tinykit.pipeline import run
from tinykit.recipe import Recipe, load_recipe
from tinykit.validate.judge import Judge

EXAMPLE = REPOSITORY / "examples" / "farm"
FIELD, ROWS = 2, 240


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The example with fewer fields and days, and less training."""
    folder = tmp_path_factory.mktemp("farm") / "farm"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (folder / "simulate.py").read_text()
    assert "FIELDS, DAYS, STEPS_A_DAY = 40, 40, 48" in code
    (folder / "simulate.py").write_text(code.replace("= 40, 40, 48", "= 16, 24, 48"))
    recipe = load_recipe(folder / "recipe.toml")
    assert recipe.teacher is not None
    return replace(
        recipe,
        seeds=(0,),
        teacher=replace(recipe.teacher, members=1, steps=500),
        student=replace(recipe.student, steps=800),
    )


def simulation(recipe: Recipe) -> ModuleType:
    spec = importlib.util.spec_from_file_location("farm_simulation", recipe.path.parent / "simulate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_physics_stays_physical(small: Recipe) -> None:
    world = simulation(small)
    weather = world._weather(np.random.default_rng(0))
    daily = weather.et0.reshape(16, 24, 48).sum(axis=2)
    assert daily.min() > 1.0 and daily.max() < 9.0  # FAO 56, table 2
    south = world._radiation(np.array([246]), np.deg2rad(-20.0))[0] / 0.408
    assert round(south, 1) == 32.2  # FAO 56, example 8: MJ a square metre
    moisture, used_up = world._soil(weather, np.random.default_rng(0))
    assert moisture.min() > 13.0 and moisture.max() < 45.0  # above wilting point, below saturation
    assert moisture[used_up].max() < moisture[~used_up].max() and 0.05 < used_up.mean() < 0.6
    answers = world.simulate().answers
    shares = np.bincount(answers.reshape(-1)) / answers.size
    assert shares.min() > 0.05


def test_no_field_is_in_two_splits(small: Recipe) -> None:
    splits = load(small.data)
    assert splits.classes == ("wait", "irrigate", "sensor fault") and splits.shape == (48, 1, 3)
    assert len(splits.y_labelled) == 400 and splits.normalization is not None
    assert not any("split" in warning for warning in splits.warnings)


@pytest.mark.train
@pytest.mark.emulated
def test_it_decides_on_an_emulated_board(small: Recipe, tmp_path: Path) -> None:
    require_tool("make", "make")
    whole = run(small, tmp_path / "build", quiet=True)
    assert whole["verdict"] == {"passed": True, "reasons": []}
    tested = {row["name"]: row["accuracy"]["test"] for row in whole["stages"]}
    assert tested["board"] == tested["int8"] > 0.75

    project = tmp_path / "field"
    shutil.copytree(tmp_path / "build" / "firmware", project)
    shutil.copy(EXAMPLE / "sensor.c", project)
    rows = simulation(small).simulate().sensors[FIELD, :ROWS]
    (project / "replay.h").write_text(simulation(small).header(rows))
    subprocess.run(["make", "-s", "-C", str(project)], check=True, timeout=120)
    expected = predicted(tmp_path / "build", rows.astype(np.float32))
    assert len(expected) == (ROWS - 48) // 12 + 1
    said = b""
    with Emulator(board("stm32vldiscovery"), project / "build" / "model.elf") as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        end = port.clock() + 20
        while said.count(b"\r\n") < len(expected) and port.clock() < end:
            said += port.read(1.0)
        port.close()
    lines = said.split(b"\0")[-1].decode().split("\r\n")
    assert lines[: len(expected)] == expected


def predicted(build: Path, rows: np.ndarray) -> list[str]:
    """What the board shall say to a stream of raw rows, by Python's windows and TFLM's scores."""
    facts = json.loads((build / "stages" / "int8" / "stage.json").read_text())["facts"]["normalization"]
    learned = Normalization(*(np.array(facts[key], np.float32) for key in ("mean", "deviation")))
    model = (build / "model.tflite").read_bytes()
    graph = read_graph(model)
    entry = graph.tensor(graph.inputs[0])
    assert entry.quantization is not None
    quantized = learned.quantize(rows, entry.quantization.scale, entry.quantization.zero_point)
    windows = np.stack([quantized[at : at + 48] for at in range(0, len(rows) - 47, 12)])
    with Judge(model) as judge:
        scores = judge.run_many(windows.reshape(-1, *entry.shape)).reshape(len(windows), -1)
    words = ("wait", "irrigate", "sensor fault")
    return [f"{words[row.argmax()]}: {' '.join(map(str, row))}" for row in scores]


def test_the_readme_s_command_prints_a_field() -> None:
    said = subprocess.run(
        [sys.executable, str(EXAMPLE / "simulate.py"), "3"], capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    assert len(said) == 40 * 48 and {line.rsplit(", ", 1)[1] for line in said} <= {"wait", "irrigate", "sensor fault"}
