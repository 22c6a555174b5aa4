"""The verbs as Python functions, for notebooks and scripts: `tinykit.distill(...)` to `tinykit.validate(...)`.

They take Keras models (2 or 3), numpy arrays and tf.data as they are, keep everything in memory, and give back the
plain dataclasses of results.py. A recipe does the same with files, caching and a verdict: `tinykit run`. docs/api.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from numbers import Real
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from tinykit.data.given import array, rows, samples
from tinykit.errors import ModelError, UsageError
from tinykit.recipe import Distill, Model, Prune, Quantize
from tinykit.results import Benched, Checked, Compiled, Distilled, Pruned, Quantized, Validated, Verified

BOARD = "mps2-an386"
"""The emulated Cortex-M4 board: everything can be tried without hardware."""


def distill(
    student: Any,
    teacher: Any,
    x: Any,
    y: Any = None,
    *,
    pool: Any = None,
    validation: Any = None,
    temperature: float = 4.0,
    alpha: float = 0.1,
    confidence: float = 1.0,
    hints: Sequence[str] = (),
    attention: Sequence[str] = (),
    beta: float = 1.0,
    control: bool = True,
    seeds: Sequence[int] = (0,),
    steps: int = 2000,
    batch: int = 32,
    learning_rate: float = 0.002,
    quiet: bool = False,
) -> Distilled:
    """Train a student on labels and a teacher's answers, and beside it, with the same steps, on the labels alone.

    Args:
        student: a Keras model, whose layers are taken with fresh weights for each seed; or layers in words.
        teacher: a trained Keras model, a list of them (averaged), any callable from samples to logits, or an array of
            logits for x followed by pool.
        x, y: samples (n, ...) and labels (n,), arrays; or x a batched tf.data.Dataset of both.
        pool: samples without labels. validation: (x, y) or such a dataset; None holds back a fifth of x.
        temperature, alpha, confidence, hints, attention, beta, control: as in a recipe's [distill].
        seeds: one control and one distilled student each.
        steps, batch, learning_rate: of each training.

    Raises: DataError, ModelError, UsageError before anything is trained; ToolMissing without the train extra.
    """
    settings = _checked(Distill(temperature, alpha, control, confidence, tuple(hints), tuple(attention), beta))
    _checked(Model(steps=steps, batch=batch, learning_rate=learning_rate))
    if teacher is None:
        raise UsageError("distill needs a teacher", next_step="Without one, train the student with Keras itself")
    from tinykit.learn import backend, direct, models, training  # fmt: skip
    from tinykit.learn import hints as features

    if not seeds:
        raise UsageError("seeds must hold at least one number")
    given = direct.sets(x, y, pool, validation, teacher)
    first = direct.adopt(_model(student), given.x.shape[1:], given.classes, "student")
    named = features.pairs(settings.hints, settings.attention)
    inner = _hinting(teacher, given) if named else None
    task = direct.task(given, settings, features.shaped(named, inner, first) if named else (), inner)
    plain = direct.task(dataclasses.replace(given, answers=None), settings)
    found: dict[str, list[tuple[float, Any, Any]]] = {"distilled": [], "control": []}
    for kind, goal in (("control", plain), ("distilled", task)):
        for seed in seeds if kind == "distilled" or control else ():
            backend.set_seed(seed)
            model = backend.keras().models.clone_model(first)
            budget = training.Budget(steps, batch, learning_rate, seed)
            history = training.fit(model, goal, budget, f"{kind.capitalize()} student, seed {seed}", quiet=quiet)
            found[kind].append((_accuracy(model, given), model, history))
    scores = {kind: tuple(score for score, *_ in students) for kind, students in found.items()}
    kept = max((kind for kind in found if found[kind]), key=lambda kind: mean(scores[kind]))
    accuracy, best, history = max(found[kept], key=lambda student: student[0])
    judges = [] if isinstance(teacher, np.ndarray) else [direct.as_teacher(m) for m in direct.teacher_list(teacher)]
    known = models.accuracy(models.averaged(judges, given.x_validation), given.y_validation) if judges else None
    finished = direct.with_softmax(best) if direct.gives_probabilities(_model(student)) else best
    sentence = _helped(scores["distilled"], scores["control"])
    return Distilled(finished, kept, accuracy, scores["distilled"], scores["control"], known, sentence, tuple(history))


def prune(
    student: Any,
    x: Any,
    y: Any = None,
    *,
    teacher: Any = None,
    pool: Any = None,
    validation: Any = None,
    sparsity: float = 0.5,
    pattern: str = "weights",
    saliency: str = "magnitude",
    dense: Sequence[str] = (),
    temperature: float = 4.0,
    alpha: float = 0.1,
    steps: int = 1000,
    batch: int = 32,
    learning_rate: float = 0.001,
    seed: int = 0,
    quiet: bool = False,
) -> Pruned:
    """Take weights away from a trained student while training goes on, its teacher kept on where one is given.

    Args:
        student: a trained Keras model, or what `distill` gave.
        x, y, pool, validation, teacher, temperature, alpha: as for `distill`.
        sparsity, pattern, saliency, dense, steps, batch, learning_rate: as in a recipe's [prune].

    Raises: as `distill`; ToolFailed where the sparsity was not reached.
    """
    settings = _checked(Prune(sparsity, pattern, saliency, tuple(dense), steps, batch, learning_rate))
    kept_on = _checked(Distill(temperature, alpha))
    from tinykit.learn import backend, direct, models, pruning, training

    given = direct.sets(x, y, pool, validation, teacher, seed)
    model = direct.adopt(_model(student), given.x.shape[1:], given.classes, "student")
    task = direct.task(given, kept_on)
    backend.set_seed(seed)
    layers = pruning.sensitivity(model, settings, task)
    budget = training.Budget(steps, batch, learning_rate, seed)
    smaller, history = pruning.prune(model, settings, task, budget, quiet=quiet)
    return Pruned(
        model=direct.with_softmax(smaller) if direct.gives_probabilities(_model(student)) else smaller,
        accuracy=_accuracy(smaller, given),
        accuracy_before=_accuracy(model, given),
        sparsity=models.sparsity(smaller),
        parameters=int(smaller.count_params()),
        parameters_before=int(model.count_params()),
        sensitivity=tuple(layers),
        history=tuple(history),
    )


def quantize(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    validation: Any = None,
    method: str = "ptq",
    teacher: Any = None,
    pool: Any = None,
    temperature: float = 4.0,
    alpha: float = 0.1,
    steps: int = 600,
    batch: int = 32,
    learning_rate: float = 0.0005,
    seed: int = 0,
    quiet: bool = False,
) -> Quantized:
    """A Keras model as a full-integer .tflite; with labels, judged by TFLM and diagnosed layer by layer.

    Args:
        model: a Keras model, a .keras or .h5 file, or what `distill` or `prune` gave.
        x, y: typical samples to calibrate with; labels, without which nothing is judged and no "qat" done.
        validation, teacher, pool, temperature, alpha: as for `distill`; the teacher is kept on in "qat".
        method: "ptq", "int16x8", "qat" or "prune-preserving-qat"; the last two train for `steps` steps.

    Raises: as `distill`.
    """
    settings = _checked(Quantize(method, steps=steps, batch=batch, learning_rate=learning_rate))
    kept_on = _checked(Distill(temperature, alpha))
    from tinykit.learn import backend, convert, diagnosis, direct, models, qat, training
    from tinykit.learn.quantize import typical

    source, wide = _opened(_model(model)), method == "int16x8"
    if method in ("ptq", "int16x8") and validation is None and y is None and rows(x)[1] is None:
        return Quantized(convert.to_int8(source, typical(samples(x, "x")), wide=wide), method, None, None, ())
    given = direct.sets(x, y, pool, validation, teacher, seed)
    plain = direct.adopt(source, given.x.shape[1:], given.classes, "model")
    softmax, aware = direct.gives_probabilities(source), plain
    backend.set_seed(seed)
    if method in ("qat", "prune-preserving-qat"):
        budget = training.Budget(settings.steps, settings.batch, settings.learning_rate, seed)
        keep_zeros = method == "prune-preserving-qat"
        task = direct.task(given, kept_on)
        aware, _ = qat.quantization_aware(plain, task, budget, keep_zeros=keep_zeros, quiet=quiet)
    content = convert.to_int8(aware, typical(given.x), softmax=softmax, wide=wide)
    layers = diagnosis.diagnose(plain, content, given.x_validation, softmax=softmax)
    scores = _judged(content, given.x_validation)
    accuracy = models.accuracy(scores, given.y_validation)
    return Quantized(content, method, accuracy, _accuracy(plain, given), tuple(layers))


def compile(
    model: Any,
    *,
    board: str | None = None,
    target: str | None = None,
    name: str | None = None,
    optimize: str = "speed",
) -> Compiled:
    """A .tflite as C sources.

    Args:
        model: what `quantize` gave, a .tflite file, or its bytes.
        board: compile for its core, and refuse what does not fit; or `target`, an instruction set (default cortex-m4).
        name: prefix of the generated C names (default: the file's, or "model"). optimize: "speed", "size" or "ram".

    Raises: UnsupportedModel, ModelError, DoesNotFit, BoardError, UsageError.
    """
    from tinykit.boards import board as find
    from tinykit.codegen.emit import emit
    from tinykit.firmware.fit import require_fit
    from tinykit.graph.reader import read_graph
    from tinykit.plan.build import make_plan
    from tinykit.targets import target as core

    if board is not None and target is not None:
        raise UsageError("a board decides the target", next_step="Give board or target, not both")
    chosen = find(board) if board is not None else None
    plan = make_plan(
        read_graph(_tflite(model), name), chosen.target if chosen else core(target or "cortex-m4"), optimize
    )
    if chosen is not None:
        require_fit(plan, chosen)
    cost = plan.cost
    return Compiled(plan.graph.name, plan.target.name, emit(plan), cost.flash, cost.ram, cost.instructions)


def check(model: Any, board: str = BOARD, *, optimize: str = "speed") -> Checked:
    """Whether a .tflite can be compiled and fits a board, and what it will cost: predicted, without a toolchain.

    Args: model: as for `compile`. Raises: ModelError for no sound model; BoardError.
    """
    from tinykit.boards import board as find
    from tinykit.validate.check import check as run

    with _on_disk(model) as (path, _):
        said = run(path, find(board), optimize)
    flash, ram = ((said[key] or {}).get("total") for key in ("flash", "ram"))
    return Checked(said["supported"], said["fits"], flash, ram, said["instructions"], said)


def verify(model: Any, *, vectors: int = 200, seed: int = 0, target: str = "host") -> Verified:
    """Whether the compiled C equals TFLM byte for byte on random and boundary inputs.

    Args: model: as for `compile`. Raises: as validate.parity.verify.
    """
    from tinykit.validate.parity import verify as run

    said = run(_tflite(model), vectors, seed, target)
    return Verified(said["bit_exact"], said)


def bench(model: Any, board: str = BOARD, *, port: str | None = None, optimize: str = "speed") -> Benched:
    """Instructions, flash and RAM as they are on a board: emulated, or one that runs this model's firmware on `port`.

    Args: model: as for `compile`. Raises: as validate.bench.bench.
    """
    from tinykit.boards import board as find
    from tinykit.validate.bench import bench as run

    with _on_disk(model) as (path, folder):
        said = run(path, find(board), port=port, folder=folder / "firmware", optimize=optimize)
    return Benched(said["bit_exact"], said["flash"]["total"], said["ram"]["total"], said["instructions"], said)


def validate(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    board: str = BOARD,
    port: str | None = None,
    limit: int | None = None,
    quiet: bool = False,
) -> Validated:
    """Labelled samples through a board over its serial port, every byte that comes back compared with TFLM's.

    Args: model: as for `compile`; x, y: arrays or a batched tf.data.Dataset; limit: only the first so many.
    Raises: as validate.serial.validate.
    """
    from tinykit.arrays import write_npz
    from tinykit.boards import board as find
    from tinykit.validate.serial import validate as run

    found, labels = rows(x) if y is None else (array(x), array(y))
    with _on_disk(model) as (path, folder):
        data = write_npz(folder / "samples.npz", x=found, **({} if labels is None else {"y": labels}))
        said = run(path, find(board), data, port=port, limit=limit, quiet=quiet, folder=folder / "firmware")
    return Validated(said["accuracy"], said["samples"], said["mismatched_bytes"], said)


# --- parts -----------------------------------------------------------------------------------------


def _checked(settings: Any) -> Any:
    """`settings`, each field within the limits that a recipe has for it. Raises: UsageError."""
    for spec in dataclasses.fields(settings):
        value, limits = getattr(settings, spec.name), spec.metadata
        if "words" in limits and value not in limits["words"]:
            known = ", ".join(limits["words"])
            raise UsageError(f"{spec.name} is not a known word", expected=f"one of {known}", found=value)
        if "low" in limits and not isinstance(value, (Real, type(None))):
            raise UsageError(f"{spec.name} has the wrong type", expected="a number", found=repr(value))
        if "low" in limits and value is not None and not limits["low"] <= value <= limits["high"]:
            within = f"{limits['low']} to {limits['high']}"
            raise UsageError(f"{spec.name} is out of range", expected=within, found=value)
    return settings


def _model(given: Any) -> Any:
    return given.model if isinstance(given, Distilled | Pruned) else given


def _opened(model: Any) -> Any:
    """The Keras model of a file, anything else as it is."""
    if not isinstance(model, str | Path):
        return model
    from tinykit.learn.foreign import load_any

    return load_any(Path(model))


def _hinting(teacher: Any, given: Any) -> Any:
    from tinykit.learn import direct

    return direct.adopt(direct.teacher_list(teacher)[0], given.x.shape[1:], given.classes, "teacher")


def _accuracy(model: Any, given: Any) -> float:
    from tinykit.learn import models

    return models.accuracy(models.logits(model, given.x_validation), given.y_validation)


def _helped(distilled: tuple[float, ...], control: tuple[float, ...]) -> str:
    if not control:
        return "No student without a teacher was trained beside it."
    margins = [100 * (one - other) for one, other in zip(distilled, control, strict=True)]
    spread = f" ({min(margins):+.1f} to {max(margins):+.1f})" if len(margins) > 1 else ""
    said = "helped" if min(margins) > 0 else "helped on average" if mean(margins) > 0 else "did not help"
    return (
        f"The same student without the teacher: {mean(control):.1%}, with it {mean(distilled):.1%}, "
        f"{mean(margins):+.1f} points{spread} over {len(margins)} seed{'s' if len(margins) > 1 else ''}. It {said}."
    )


def _judged(tflite: bytes, x: np.ndarray) -> np.ndarray:
    """TFLM's quantized outputs (n, classes) for samples (n, ...)."""
    from tinykit.graph.reader import read_graph
    from tinykit.validate.judge import Judge
    from tinykit.validate.samples import quantize_input

    graph = read_graph(tflite)
    entry = graph.tensor(graph.inputs[0])
    with Judge(tflite) as judge:
        return judge.run_many(quantize_input(x.reshape(len(x), *entry.shape), entry)).reshape(len(x), -1)


def _tflite(model: Any) -> bytes | Path:
    if isinstance(model, Quantized):
        return model.tflite
    if isinstance(model, bytes):
        return model
    if isinstance(model, str | Path):
        return Path(model)
    raise ModelError("this is no .tflite", expected="what tinykit.quantize gave, a path, or bytes", found=type(model))


@contextlib.contextmanager
def _on_disk(model: Any) -> Iterator[tuple[Path, Path]]:
    """The model as a file, and a folder for what is made from it, gone at the end."""
    content = _tflite(model)
    with tempfile.TemporaryDirectory(prefix="tinykit-") as name:
        folder = Path(name)
        if isinstance(content, bytes):
            (folder / "model.tflite").write_bytes(content)
            content = folder / "model.tflite"
        yield content, folder
