"""What distillation, pruning and quantization-aware training cost beside plain Keras `fit` of the same models.

python scripts/training_cost.py [--steps N] [--repeats N]

Each stage of the digits example is trained for the same steps and batches twice: as tinykit does it, the teacher's
answers known, and by `fit` as Keras does it by default, with labels alone. Processor time, not time on the wall, the
least of some repeats: other work on the machine counts little. The aim is 1.15 for all stages together.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data import load
from tinykit.learn import backend, direct, models, pruning, qat, training
from tinykit.recipe import Distill, load_recipe

RECIPE = Path(__file__).parents[1] / "examples" / "digits" / "recipe.toml"
AIM = 1.15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    found = measure(args.steps, args.repeats)
    print(f"{'stage':<28}{'tinykit':>10}{'plain fit':>12}{'ratio':>8}    CPU seconds, {args.steps} steps of 32")
    for name, (ours, plain) in found.items():
        print(f"{name:<28}{ours:>9.2f}s{plain:>11.2f}s{ours / plain:>8.2f}")
    ours, plain = (sum(times) for times in zip(*found.values(), strict=True))
    print(f"{'all':<28}{ours:>9.2f}s{plain:>11.2f}s{ours / plain:>8.2f}    aim: at most {AIM}")
    sys.exit(ours > AIM * plain)


def measure(steps: int, repeats: int) -> dict[str, tuple[float, float]]:
    """CPU seconds of each stage: tinykit's, and plain Keras's on the same model."""
    recipe = load_recipe(RECIPE)
    splits = load(recipe.data)
    random = np.random.default_rng(0)
    answers = random.normal(0, 3, (len(splits.x_train), 10)).astype(np.float32)  # what they say costs nothing
    given = direct.Sets(
        splits.x_labelled, splits.y_labelled, splits.x_pool, splits.x_validation, splits.y_validation, 10, answers
    )
    assert recipe.prune is not None
    task, prune = direct.task(given, Distill()), recipe.prune
    budget = training.Budget(steps, 32, 0.002, 0)
    backend.set_seed(0)
    student = models.build(recipe.student, splits.shape, 10, "student")

    def copy() -> Any:
        model = backend.keras().models.clone_model(student)
        model.set_weights(student.get_weights())
        return model

    def aware(model: Any) -> Any:
        tool = backend.tfmot()
        scheme = tool.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
        return tool.quantization.keras.quantize_apply(tool.quantization.keras.quantize_annotate_model(model), scheme)

    stages: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "distilled": (lambda: training.fit(copy(), task, budget, "", quiet=True), lambda: plain(copy(), task, budget)),
        "pruned": (lambda: pruning.prune(copy(), prune, task, budget, quiet=True), lambda: plain(copy(), task, budget)),
        "prune-preserving qat": (
            lambda: qat.quantization_aware(copy(), task, budget, keep_zeros=True, quiet=True),
            lambda: plain(aware(copy()), task, budget),
        ),
    }
    return {name: (least(ours, repeats), least(theirs, repeats)) for name, (ours, theirs) in stages.items()}


def plain(model: Any, task: training.Task, budget: training.Budget) -> None:
    """The same number of steps by Keras alone, validated once each hundred steps, as tinykit reports."""
    x, y = task.x, task.targets[:, :10].argmax(axis=1)
    order = training.batches(len(x), budget, budget.steps).reshape(-1)
    model.compile("adam", backend.keras().losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    epochs = max(1, budget.steps // 100)
    data = backend.tensorflow().data.Dataset.from_tensor_slices((x[order], y[order])).batch(budget.batch)
    validation = (task.x_validation, task.y_validation)
    model.fit(data, epochs=epochs, steps_per_epoch=budget.steps // epochs, validation_data=validation, verbose=0)


def least(run: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of the quickest of some runs."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
