"""The one place where tensorflow is imported: quiet, seeded, with Keras 2 (tf_keras), because TFMOT knows no other.

Training runs on few threads on purpose: the models are tiny, so that threads cost more than they give, and one
thread a process makes every run repeat bit for bit.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from tinykit.errors import ToolMissing

_INSTALL = 'Install it with: pip install "tinykit[train]"'


@cache
def tensorflow(*, gpus: bool = False) -> Any:
    """The tensorflow module, with Keras 2 behind `tf.keras`, one thread and no chatter.

    Args: gpus: may be used; what is asked first decides.
    Raises: ToolMissing when the train extra is not installed.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    if not gpus and "tensorflow" not in sys.modules:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    warnings.filterwarnings("ignore", module=r"(tensorflow|tf_keras|keras|tensorflow_model_optimization).*")
    with quiet_stderr():
        tf = _import("tensorflow")
        _import("tf_keras")
    tf.get_logger().setLevel("ERROR")
    tf.autograph.set_verbosity(0)
    with contextlib.suppress(RuntimeError):  # a notebook that has used tensorflow already keeps its threads
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


@cache
def keras() -> Any:
    """Keras 2, as the `tf_keras` module.

    Raises: ToolMissing when the train extra is not installed.
    """
    tensorflow()
    return _import("tf_keras")


@cache
def tfmot() -> Any:
    """The TensorFlow Model Optimization toolkit.

    Raises: ToolMissing when the train extra is not installed.
    """
    tensorflow()
    return _import("tensorflow_model_optimization")


def set_seed(seed: int) -> None:
    """Start every random generator that training uses from `seed`."""
    keras().utils.set_random_seed(seed)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ToolMissing(
            f"training needs {name}, which cannot be imported", found=str(error), next_step=_INSTALL
        ) from error


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to file descriptor 2: TensorFlow greets there, whatever its log level."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        saved = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
