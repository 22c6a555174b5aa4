"""Several processes on one training: the same losses as one, each with its share of every step, and clear refusals."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.learn.test_training import stripes
from tinykit.errors import RecipeError
from tinykit.learn.together import ALONE, Together, together
from tinykit.pipeline.run import trained_batches
from tinykit.pipeline.store import Store
from tinykit.recipe import load_recipe

RECIPE = """\
title = "Stripes"
seeds = [0]
[data]
kind = "npz"
file = "set.npz"
labelled = 12
[teacher]
layers = ["conv 8 3x3 relu", "pool 2x2", "dense 3"]
steps = 60
copies = 2
[student]
layers = ["conv 4 3x3 relu", "pool 2x2", "dense 3"]
steps = 60
[distill]
[board]
name = "mps2-an386"
"""
SAME = 1e-4
"""By how much losses may differ: gradients that are added in another order differ in their last bits."""


def test_without_a_strategy_nobody_is_asked() -> None:
    assert together(None) is ALONE and ALONE.described == ("alone", 1)
    assert ALONE.agree("data", "ab" * 32, True) and not ALONE.agree("data", "ab" * 32, False)


@pytest.mark.parametrize(
    ("config", "telling"),
    [
        (None, "no TF_CONFIG"),
        ("{", "JSONDecodeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "task {'type'"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', "task {'type'"),
    ],
)
def test_workers_that_are_not_described_are_refused(
    config: str | None, telling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(RecipeError, match="TF_CONFIG=") as caught:
        together("multi_worker")
    assert telling in str(caught.value)


def test_a_stage_that_another_worker_lacks_is_run_again(tmp_path: Path) -> None:
    asked: list[tuple[str, bool]] = []

    def agree(name: str, key: str, kept: bool) -> bool:
        asked.append((name, kept))
        return kept and len(asked) != 2

    store = Store(tmp_path, agree)
    made = [store.stage("a", (), (), ("errors.py",), lambda folder: {"n": 1}).cached for _ in range(3)]
    assert made == [False, False, True] and asked == [("a", False), ("a", True), ("a", True)]


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(RecipeError, match=r"batch of \[prune\].*multiple of 3.*found 32"):
        Together(Three(), 0, 3).require_shares({"student": 30, "prune": 32})
    ALONE.require_shares({"student": 31})


def test_only_what_trains_is_shared(tmp_path: Path) -> None:
    text = RECIPE.replace("steps = 60\ncopies", "batch = 30\nsteps = 60\ncopies").replace(
        "[distill]", "batch = 33\n[distill]"
    )
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text, encoding="utf-8")
    assert trained_batches(load_recipe(recipe)) == {"teacher": 30, "student": 33}
    recipe.write_text(f'{text}[quantize]\nmethod = "qat"\nbatch = 6\n', encoding="utf-8")
    assert trained_batches(load_recipe(recipe)) == {"teacher": 30, "student": 33, "quantize": 6}
    recipe.write_text(text.replace('layers = ["conv 8', 'file = "t.keras"\n# ["conv 8'), encoding="utf-8")
    assert trained_batches(load_recipe(recipe)) == {"student": 33}


@contextlib.contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Ports that the system gives to nobody else meanwhile, and that workers may listen on.

    They stay bound here without listening: SO_REUSEADDR, which gRPC's servers set, lets a listener join.
    """
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        yield [one.getsockname()[1] for one in sockets]


def workers(recipe: Path, output: Path, count: int) -> list[dict[str, Any]]:
    """What `count` processes on loopback say; one works alone."""
    with reserved_ports(count) as ports:
        return work(recipe, output, [f"127.0.0.1:{port}" for port in ports])


def work(recipe: Path, output: Path, hosts: list[str]) -> list[dict[str, Any]]:
    command = [sys.executable, str(Path(__file__).with_name("workers.py")), str(recipe), str(output)]
    started = []
    for index in range(len(hosts)):
        cluster = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment |= {"TF_CONFIG": json.dumps(cluster)} if len(hosts) > 1 else {}
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    try:
        said = [process.communicate(timeout=240) for process in started]
    finally:
        for process in started:
            process.kill()
    assert all(process.returncode == 0 for process in started), b"\n".join(error for _, error in said).decode()
    return [json.loads(out) for out, _ in said]


@pytest.mark.train
def test_two_workers_reach_the_losses_of_one(tmp_path: Path) -> None:
    x, y = stripes(150, 0)
    np.savez(tmp_path / "set.npz", x=x, y=y)
    alone, shared = tmp_path / "alone.toml", tmp_path / "shared.toml"
    alone.write_text(RECIPE, encoding="utf-8")
    shared.write_text(f'{alone.read_text()}[train]\nstrategy = "multi_worker"\n', encoding="utf-8")
    (one,), two = workers(alone, tmp_path / "one", 1), workers(shared, tmp_path / "two", 2)
    assert one["shares"] == [32] and [worker["shares"] for worker in two] == [[16], [16]]
    assert two[0]["losses"] == two[1]["losses"] and set(one["losses"]) == {"teacher", "control", "distilled"}
    for name, losses in one["losses"].items():
        assert np.allclose(two[0]["losses"][name], losses, rtol=SAME), name
    first, second = (tmp_path / "two" / part / "stages" for part in ("", "worker-1"))
    for stage in ("teacher/teacher-0.keras", "distilled-0/model.keras"):
        assert weights(first / stage) == weights(second / stage) != []


def weights(path: Path) -> list[bytes]:
    from tinykit.learn import models

    return [value.tobytes() for value in models.restore(path).get_weights()]
