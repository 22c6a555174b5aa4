"""Teachers that come trained: model files of any Keras, alone or several, and answers without a model.

Each is a callable from samples (n, ...) to logits (n, classes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn import models
from tinykit.learn.answers import Answers
from tinykit.learn.foreign import load_any
from tinykit.recipe import Model


def given(teacher: Model, shape: tuple[int, ...], classes: int, divide: float) -> list[Any]:
    """The teachers that `teacher` names by file, files or answers; none where it describes layers.

    Raises: ModelError for a file that cannot be used or does not fit the data; DataError for unusable answers.
    """
    if teacher.answers is not None:
        return [Answers(teacher.answers, classes, divide)]
    files = teacher.files or ((teacher.file,) if teacher.file is not None else ())
    return [_open(path, shape, classes) for path in files]


def _open(path: Path, shape: tuple[int, ...], classes: int) -> Any:
    """The file's model in Keras 2; one with layers that Keras 2 has not, in its own."""
    original = load_any(path)
    found = tuple(original.input_shape[1:]), tuple(original.output_shape[1:])
    if found != (shape, (classes,)):
        raise ModelError(
            f"the teacher {path} does not fit the data",
            expected=f"input {shape} and {classes} classes",
            found=f"input {found[0]} and output {found[1]}",
        )
    try:
        return models.build(Model(file=path), shape, classes, "teacher")
    except ModelError:
        return Foreign(original)


class Foreign:
    """A Keras 3 model that is only asked; a final softmax is undone by its logarithm."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __call__(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        scores = np.asarray(self._original(x, training=False))
        return np.log(np.maximum(scores, 1e-7)) if models.is_softmax(self._original.layers[-1]) else scores

    def count_params(self) -> int:
        """Parameters, as Keras counts them."""
        return int(self._original.count_params())
