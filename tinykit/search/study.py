"""The search itself: Optuna proposes, the plan refuses what does not fit, training and TFLM judge the rest.

All trials are kept in a journal file (or a database), so that an interrupted search goes on, and several processes or
machines work on one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tinykit.boards import Board, board
from tinykit.errors import ModelError, RecipeError, ToolMissing, UnsupportedModel, UsageError
from tinykit.files import remove_abandoned, sha256, write_atomic
from tinykit.pipeline.learning import LIBRARIES, Learning
from tinykit.pipeline.store import Kept, Store, plain
from tinykit.progress import Progress
from tinykit.recipe import FRONT_END_CHOICES, Recipe, Search
from tinykit.search.candidate import History, Workshop, quantized, whole
from tinykit.search.front import Point, choose, front, picture, table
from tinykit.search.space import sample
from tinykit.search.storage import open_storage
from tinykit.search.text import recipe_text

_CODE = (
    "search", "features", "learn", "pipeline/lessons.py", "graph", "kernels", "plan", "validate/judge.py",
    "data/splits.py",
)  # fmt: skip

_CLEARLY = 0.01
"""So much validation accuracy is no chance: a few samples among some hundreds."""


def search(
    recipe: Recipe,
    output: Path,
    *,
    jobs: int = 1,
    number: int | None = None,
    storage: str | None = None,
    quiet: bool = False,
    worker: bool = False,
) -> dict[str, Any]:
    """Try candidates until the study has as many as the recipe says; an earlier study in `output` goes on.

    Writes search.json, search.svg and, from the chosen candidate, chosen.toml.

    Args:
        jobs: processes on this machine.
        number: of the trial that becomes chosen.toml, in place of the one that [search] describes.
        storage: a database's URL for several machines; by default the journal file `study.journal` in `output`.
        worker: only try candidates; another process writes the results.

    Returns {"recipe", "board", "trials", "front": [..], "by_hand", "chosen", "points": [..], "table", "files"}.
    Raises: RecipeError without [search]; UsageError for an unknown `number`; ToolMissing without Optuna; what the
    stages raise.
    """
    if recipe.search is None:
        raise RecipeError(f"{recipe.path} has no section [search]", next_step="docs/search.md shows one")
    name = recipe.board.name
    target_board = board(str(recipe.path.parent / name) if name.endswith(".toml") else name)
    remove_abandoned(output / "stages")
    store = Store(output)
    workshop = _workshop(recipe, store, target_board, quiet)
    study = _study(recipe, recipe.search, output, storage)
    if worker:
        _work(study, recipe.search, workshop, lambda: None)
        return {}
    by_hand = _by_hand(workshop, store)
    with _workers(recipe, output, storage, jobs - 1), Progress("Search", recipe.search.trials, quiet=quiet) as progress:
        for _ in _finished(study):
            progress.advance()
        _work(study, recipe.search, workshop, progress.advance)
    points = [_point(trial) for trial in _finished(study)]
    chosen = _chosen(points, recipe.search, number)
    return _write(recipe, target_board, output, points, by_hand, chosen)


# --- the study ----------------------------------------------------------------------------------------


def _optuna() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optuna = importlib.import_module("optuna")
    except ImportError as error:
        raise ToolMissing(
            "searching needs Optuna", next_step='Install it with: pip install "tinykit[search]"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _study(recipe: Recipe, settings: Search, output: Path, storage: str | None) -> Any:
    """The study of this recipe: its name is a hash of all that matters, so that a changed recipe starts another."""
    optuna = _optuna()
    same = plain(dataclasses.replace(recipe, title="", search=dataclasses.replace(settings, trials=1)))
    same.pop("path")  # the file's content, of which only what it says matters
    name = f"{recipe.name}-{sha256(json.dumps(same, sort_keys=True).encode())[:12]}"
    output.mkdir(parents=True, exist_ok=True)
    backend = open_storage(optuna, storage, output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of the sampler are called experimental
        first = optuna.create_study(
            storage=backend, study_name=name, load_if_exists=True, directions=["maximize", *["minimize"] * 3]
        )
        # Each process and each resumption goes on from another seed, or it would propose the same again.
        first.sampler = optuna.samplers.TPESampler(
            seed=settings.seed + len(first.trials),
            multivariate=True,
            constraints_func=lambda trial: broken_limits(trial.user_attrs, settings.min_accuracy),
        )
    return first


def broken_limits(found: dict[str, Any], min_accuracy: float | None) -> tuple[float, float]:
    """How far a trial is from what is asked for: bytes too large, and validation accuracy that it lacks.

    The sampler then looks for the cheapest students that are good enough, not for cheap ones of any accuracy.
    """
    reached = [found["validation"]] if found.get("validation") is not None else found.get("curve", [])
    short = 0.0 if min_accuracy is None or not reached else max(0.0, min_accuracy - max(reached))
    return float(found.get("missing", 0)), short


def _finished(study: Any) -> list[Any]:
    states = _optuna().trial.TrialState
    return [trial for trial in study.trials if trial.state in (states.COMPLETE, states.PRUNED)]


def _work(study: Any, settings: Search, workshop: Workshop, advance: Callable[[], None]) -> None:
    optuna = _optuna()
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    if len(_finished(study)) >= settings.trials:
        return

    def objective(trial: Any) -> tuple[float, ...]:
        return _try(trial, study, settings, workshop)

    enough = optuna.study.MaxTrialsCallback(settings.trials, states=states)
    study.optimize(objective, callbacks=[enough, lambda *_: advance()])


def _try(trial: Any, study: Any, settings: Search, workshop: Workshop) -> tuple[float, ...]:
    """One candidate. What does not fit is never trained; what a cheaper candidate is ahead of is not trained on."""
    pruned = _optuna().TrialPruned
    layers = sample(settings.layers, trial.suggest_categorical)
    sparsity = float(trial.suggest_categorical("sparsity", settings.sparsity)) if settings.sparsity else 0.0
    offered = {key: getattr(settings, key) for key in FRONT_END_CHOICES}
    front_end = {key: trial.suggest_categorical(key, values) for key, values in offered.items() if values}
    bits = int(trial.suggest_categorical("bits", settings.bits)) if settings.bits else None
    for key, value in (("layers", layers), ("sparsity", sparsity), ("front_end", front_end), ("bits", bits)):
        trial.set_user_attr(key, value)

    def end(state: str, **found: Any) -> None:
        for key, value in {"state": state, **found}.items():
            trial.set_user_attr(key, value)

    try:
        workshop = workshop.behind(front_end).quantized(bits)
        forecast = workshop.forecast(layers, sparsity)
    except (RecipeError, UnsupportedModel, ModelError) as error:
        end("impossible", why=error.what, missing=1)
        raise pruned from error
    costs = whole(forecast.cost)
    if forecast.missing:
        end("too large", **costs, missing=forecast.missing)
        raise pruned
    rivals = [
        found.user_attrs["curve"]
        for found in _finished(study)
        if found.user_attrs.get("state") == "trained" and all(found.user_attrs[key] <= costs[key] for key in costs)
    ]
    history, tflite = workshop.train(layers, sparsity, lambda so_far: is_behind(so_far, rivals))
    curve = [point["validation"] for point in history]
    if tflite is None:
        end("stopped", **costs, curve=curve)
        raise pruned
    cost, validation, test = workshop.judge(tflite)
    costs = whole(cost)
    end("trained", **costs, curve=curve, validation=validation, test=test)
    return (validation, *costs.values())


def is_behind(history: History, rivals: list[list[float]]) -> bool:
    """Whether, half of the training done, a candidate that costs no more was clearly ahead twice running."""
    at = len(history) - 1
    longest = max((len(curve) for curve in rivals), default=0)
    if at < 1 or at < longest // 2:
        return False
    return any(
        len(curve) > at and all(curve[k] > history[k]["validation"] + _CLEARLY for k in (at - 1, at))
        for curve in rivals
    )


def _point(trial: Any) -> Point:
    found = trial.user_attrs
    figures = {key: found.get(key) for key in ("flash", "ram", "instructions", "validation", "test")}
    made = (tuple(found["layers"]), found["sparsity"], found["state"])
    return Point(trial.number, *made, **figures, front_end=found["front_end"], bits=found["bits"])


# --- what surrounds it --------------------------------------------------------------------------------


def _workshop(recipe: Recipe, store: Store, target_board: Board, quiet: bool) -> Workshop:
    learning = Learning(recipe, store, quiet)
    data = learning.data()
    outputs = None
    if recipe.distill is not None:
        outputs = learning.outputs(data, learning.teacher(data))
    return Workshop(learning, target_board, data, outputs)


def _by_hand(workshop: Workshop, store: Store) -> Point:
    """The recipe's own student, in the same training: what the search has to beat."""
    recipe = workshop.learning.recipe

    def make(folder: Path) -> dict[str, Any]:
        _, tflite = workshop.train(recipe.student.layers, 0.0, lambda history: False)
        assert tflite is not None
        cost, validation, test = workshop.judge(tflite)
        return {**whole(cost), "validation": validation, "test": test}

    after: tuple[Kept, ...] = (workshop.data,) if workshop.outputs is None else (workshop.data, workshop.outputs)
    settings = (recipe.student, recipe.distill, recipe.quantize, recipe.seeds[0], workshop.board.target.name)
    kept = store.stage("by-hand", settings, after, _CODE, make, libraries=(*LIBRARIES, "tflite-micro"))
    return Point(-1, recipe.student.layers, 0.0, "trained", **kept.facts)


@contextlib.contextmanager
def _workers(recipe: Recipe, output: Path, storage: str | None, count: int) -> Iterator[None]:
    """So many more processes on the same study."""
    command = [sys.executable, "-m", "tinykit", "search", str(recipe.path), "-o", str(output), "--worker", "--quiet"]
    command += ["--storage", storage] if storage else []
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
        for process in started:
            process.wait()
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _chosen(points: list[Point], settings: Search, number: int | None) -> Point | None:
    if number is None:
        return choose(points, settings.min_accuracy)
    for point in points:
        if point.number == number and point.state == "trained":
            return point
    trained = [str(point.number) for point in points if point.state == "trained"]
    raise UsageError(f"there is no trained trial {number}", expected=f"one of {', '.join(trained) or 'none'}")


def _write(
    recipe: Recipe, target_board: Board, output: Path, points: list[Point], by_hand: Point, chosen: Point | None
) -> dict[str, Any]:
    files = {"json": output / "search.json", "picture": output / "search.svg"}
    if chosen is not None:
        files["recipe"] = output / "chosen.toml"
        wanted = quantized(recipe, chosen.bits)
        write_atomic(files["recipe"], recipe_text(wanted, chosen.layers, chosen.sparsity, output, chosen.front_end))
    result = {
        "recipe": recipe.name,
        "board": target_board.name,
        "trials": len(points),
        "front": [point.as_json() for point in front(points)],
        "by_hand": by_hand.as_json(),
        "chosen": chosen.as_json() if chosen else None,
        "points": [point.as_json() for point in points],
        "table": table(points, chosen, by_hand),
        "files": {kind: str(path) for kind, path in files.items()},
    }
    write_atomic(files["picture"], picture(points, chosen, by_hand, f"{recipe.title}, {target_board.name}"))
    write_atomic(files["json"], json.dumps(result, indent=1) + "\n")
    return result
