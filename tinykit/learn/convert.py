"""A Keras model to a full-integer .tflite, with the batch fixed to 1.

A free batch makes the converter emit SHAPE, PACK and STRIDED_SLICE around reshapes; TFLM refuses some of these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn.backend import quiet_stderr, tensorflow
from tinykit.learn.loops import unrolled


def to_int8(model: Any, representative: np.ndarray, *, softmax: bool = False, wide: bool = False) -> bytes:
    """The .tflite's bytes: int8 input, int8 output, int8 weights, int32 biases.

    Args:
        model: a Keras model (2 or 3) with one input (batch, ...) and one output.
        representative: samples (n, ...) float32 that set the activations' ranges.
        softmax: put a softmax behind the model.
        wide: int16 activations, input and output, int64 biases ("int16x8").

    Raises: ModelError with the converter's own reason.
    """
    tf = tensorflow()

    def settle(converter: Any) -> None:
        operators = tf.lite.OpsSet
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[np.newaxis]] for row in representative)
        converter.target_spec.supported_ops = [
            operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if wide
            else operators.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.int16 if wide else tf.int8

    shape = tuple(int(size) for size in representative.shape[1:])
    return _convert(model, shape, softmax, settle, "int16x8" if wide else "int8")


def to_float(model: Any, shape: tuple[int, ...], *, softmax: bool = False) -> bytes:
    """The float .tflite's bytes, for comparison; `shape` of one sample.

    Raises: ModelError with the converter's own reason.
    """
    return _convert(model, shape, softmax, lambda converter: None, "a .tflite")


def _convert(model: Any, shape: tuple[int, ...], softmax: bool, settle: Callable[[Any], None], wanted: str) -> bytes:
    tf = tensorflow()

    def infer(x: Any) -> Any:
        scores = model(x, training=False)
        return tf.nn.softmax(scores) if softmax else scores

    with quiet_stderr(), unrolled(model):
        try:
            function = tf.function(infer).get_concrete_function(tf.TensorSpec([1, *shape], tf.float32))
            # The converter freezes the variables that it finds on an object; it does not look into Keras 3 models.
            holder = tf.Module()
            holder.held = list(function.graph.variables)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
            settle(converter)
            return bytes(converter.convert())
        except Exception as error:
            raise ModelError(
                f"the converter cannot turn this model into {wanted}", found=_first_lines(str(error))
            ) from error


def _first_lines(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())[:400]
