"""One candidate: what it would cost on the board, asked before any training; then trained, converted and judged."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.boards import Board
from tinykit.data import Splits, restore
from tinykit.firmware.fit import predict_fit
from tinykit.graph.reader import read_graph
from tinykit.pipeline.judging import judged_scores
from tinykit.pipeline.learning import Learning
from tinykit.pipeline.store import Kept
from tinykit.pipeline.values import described, keep_samples
from tinykit.plan.build import make_plan
from tinykit.plan.model import Cost
from tinykit.recipe import Prune, Recipe

History = list[dict[str, float]]
_SHOWN = 8
"""Samples that calibrate an untrained model, of which only the cost is read."""


@dataclass(frozen=True)
class Forecast:
    """The plan's cost of an untrained candidate, and how many bytes too large it is for the board and [accept]."""

    cost: Cost
    missing: int


def whole(cost: Cost) -> dict[str, int]:
    """Flash, RAM and instructions of a model and its front end."""
    found = {"flash": cost.flash, "ram": cost.ram, "instructions": cost.instructions}
    if cost.features is None:
        return found
    front = {"flash": cost.features.flash, "ram": cost.features.static, "instructions": cost.features.instructions}
    return {key: found[key] + front[key] for key in found}


def quantized(recipe: Recipe, bits: int | None) -> Recipe:
    """The recipe with activations of 8 or 16 bits; None leaves them as [quantize] says."""
    wide = recipe.quantize.method == "int16x8"
    if bits is None or (bits == 16) == wide:
        return recipe
    method = "int16x8" if bits == 16 else "ptq"
    return dataclasses.replace(recipe, quantize=dataclasses.replace(recipe.quantize, method=method))


@dataclass(frozen=True)
class Workshop:
    """Everything that candidates of one recipe share."""

    learning: Learning
    board: Board
    data: Kept
    outputs: Kept | None

    def behind(self, front_end: dict[str, Any]) -> Workshop:
        """The same with other values for some keys of [features]; the teacher's answers are to the same samples.

        Raises: RecipeError where there is no such front end.
        """
        own = self.learning.recipe.features
        if not front_end or own is None:
            return self
        name = "-".join(["features", *(f"{key}-{value:g}" for key, value in sorted(front_end.items()))])
        return dataclasses.replace(self, data=self.learning.behind(dataclasses.replace(own, **front_end), name))

    def quantized(self, bits: int | None) -> Workshop:
        """The same with activations of 8 or 16 bits; None leaves them as [quantize] says."""
        return dataclasses.replace(
            self, learning=dataclasses.replace(self.learning, recipe=quantized(self.learning.recipe, bits))
        )

    def splits(self) -> Splits:
        """The recipe's data."""
        return restore(self.data.folder)

    def forecast(self, layers: tuple[str, ...], sparsity: float) -> Forecast:
        """What these layers would cost, from an int8 model of random weights with the sparsity's zeros or channels.

        Raises: RecipeError or ModelError where there is no such model.
        """
        from tinykit.learn import backend, convert, models, pruning

        splits, recipe = self.splits(), self.learning.recipe
        backend.set_seed(recipe.seeds[0])
        student = dataclasses.replace(recipe.student, layers=layers, file=None)
        model = models.build(student, splits.shape, len(splits.classes), "student")
        if sparsity:
            model = pruning.untrained(model, self._prune(sparsity))
        softmax = models.ends_in_softmax(student)
        tflite = convert.to_int8(model, splits.x_train[:_SHOWN], softmax=softmax, wide=self._wide)
        content = described(tflite, splits)
        plan = make_plan(read_graph(content), self.board.target, recipe.board.optimize)
        fit, accept, cost = predict_fit(plan, self.board), recipe.accept, plan.cost
        over = (
            fit.flash_missing,
            fit.ram_missing,
            0 if accept.max_flash is None else whole(cost)["flash"] - accept.max_flash,
            0 if accept.max_ram is None else whole(cost)["ram"] - accept.max_ram,
        )
        return Forecast(cost, sum(max(0, amount) for amount in over))

    def train(
        self, layers: tuple[str, ...], sparsity: float, stop: Callable[[History], bool]
    ) -> tuple[History, bytes | None]:
        """Train the candidate as the recipe trains its student, prune it, convert it.

        Returns the history, and the .tflite, None where `stop` ended the training.
        """
        from tinykit.learn import backend, convert, models, pruning, training

        splits, learning = self.splits(), self._learning(layers)
        recipe, seed = learning.recipe, learning.recipe.seeds[0]
        backend.set_seed(seed)
        student = recipe.student
        model = models.build(student, splits.shape, len(splits.classes), "student")
        task = learning.lessons.task(splits, self.outputs)
        budget = training.Budget(student.steps, student.batch, student.learning_rate, seed, student.patience)
        stopped = False

        def ask(history: History) -> bool:
            nonlocal stopped
            stopped = stop(history)
            return stopped

        history = training.fit(model, task, budget, "Candidate", quiet=True, stop=ask)
        if stopped:
            return history, None
        if sparsity:
            prune = self._prune(sparsity)
            healing = training.Budget(prune.steps, prune.batch, prune.learning_rate, seed)
            model, _ = pruning.prune(model, prune, task, healing, quiet=True)
        shown = np.random.default_rng(seed).permutation(len(splits.x_train))[: recipe.quantize.representative]
        softmax = models.ends_in_softmax(student)
        content = convert.to_int8(model, splits.x_train[shown], softmax=softmax, wide=self._wide)
        return history, described(content, splits)

    def judge(self, tflite: bytes) -> tuple[Cost, float, float]:
        """The trained model's planned cost, and TFLM's accuracy on validation and test."""
        from tinykit.learn.models import accuracy

        cost = make_plan(read_graph(tflite), self.board.target, self.learning.recipe.board.optimize).cost
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            samples = folder if keep_samples(tflite, self.splits(), folder) else self.data.folder
            validation, test = (
                accuracy(*judged_scores(tflite, samples / f"{part}.npz")) for part in ("validation", "test")
            )
        return cost, validation, test

    @property
    def _wide(self) -> bool:
        return self.learning.recipe.quantize.method == "int16x8"

    def _prune(self, sparsity: float) -> Prune:
        assert self.learning.recipe.prune is not None
        return dataclasses.replace(self.learning.recipe.prune, sparsity=sparsity)

    def _learning(self, layers: tuple[str, ...]) -> Learning:
        recipe = self.learning.recipe
        student = dataclasses.replace(recipe.student, layers=layers, file=None)
        return dataclasses.replace(self.learning, recipe=dataclasses.replace(recipe, student=student))
