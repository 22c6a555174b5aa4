"""One study, several processes: in a journal file or a database; and databases that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.test_search import RECIPE, recipe
from tinykit.errors import EnvironmentFailure, ToolMissing, UsageError
from tinykit.recipe import load_recipe
from tinykit.search.storage import open_storage

__all__ = ["recipe"]  # a fixture


@pytest.mark.parametrize(
    ("url", "kind", "telling"),
    [
        ("study.db", UsageError, "postgresql://USER"),
        ("what://127.0.0.1/x", UsageError, "postgresql://USER"),
        ("sqlite:////no/such/folder/study.db", EnvironmentFailure, "unable to open"),
        ("postgresql://me:secret@127.0.0.1:1/study", EnvironmentFailure, "pip install .*psycopg|cannot be used"),
    ],
)
def test_databases_that_cannot_be_used(url: str, kind: type, telling: str, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    with pytest.raises(kind, match=telling) as caught:
        open_storage(optuna, url, tmp_path)
    assert "secret" not in str(caught.value)
    assert issubclass(ToolMissing, EnvironmentFailure)


def test_a_database_that_fails_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optuna = pytest.importorskip("optuna")
    errors = pytest.importorskip("sqlalchemy.exc")

    def silent(url: str) -> None:
        raise errors.SQLAlchemyError("")

    monkeypatch.setattr(optuna.storages, "RDBStorage", silent)
    with pytest.raises(EnvironmentFailure, match=r"cannot be used.*found SQLAlchemyError"):
        open_storage(optuna, "postgresql://127.0.0.1/study", tmp_path)


@pytest.mark.train
def test_two_processes_work_on_one_study(recipe: Path) -> None:
    """Both try candidates, none is tried twice, and a third run finds the study finished."""
    pytest.importorskip("optuna")
    from tinykit.search.study import search

    text = RECIPE.replace("trials = 5", "trials = 4").replace("steps = 60", "steps = 10").replace("max_ram = 900", "")
    for part in ('[prune]\npattern = "channels"\nsteps = 20\n', "sparsity = [0, 0.5]\n"):
        text = text.replace(part, "")
    recipe.write_text(text, encoding="utf-8")
    output = recipe.parent / "out"
    command = [sys.executable, "-m", "tinykit", "search", str(recipe), "-o", str(output), "--worker", "--quiet"]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for worker in workers:
        _, said = worker.communicate(timeout=240)
        assert worker.returncode == 0, said.decode()
    records = [json.loads(line) for line in (output / "study.journal").read_text().splitlines()]
    assert len({record["worker_id"] for record in records if "trial_id" in record}) == 2
    whole = search(load_recipe(recipe), output, quiet=True)
    assert 4 <= whole["trials"] <= 5, "each process may be at its last one when the other ends"
    assert len({point["number"] for point in whole["points"]}) == whole["trials"] and whole["front"]
