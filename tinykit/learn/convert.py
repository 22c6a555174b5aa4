"""A Keras model to a full-int8 .tflite, with the batch fixed to 1.

A free batch makes the converter emit SHAPE, PACK and STRIDED_SLICE around reshapes; TFLM refuses some of these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinykit.errors import ModelError
from tinykit.learn.backend import quiet_stderr, tensorflow


def to_int8(model: Any, representative: np.ndarray, *, softmax: bool = False) -> bytes:
    """The .tflite's bytes: int8 input, int8 output, int8 weights, int32 biases.

    Args:
        model: a Keras model (2 or 3) with one input (batch, ...) and one output.
        representative: samples (n, ...) float32 that set the activations' ranges.
        softmax: put a softmax behind the model.

    Raises: ModelError with the converter's own reason.
    """
    tf = tensorflow()
    shape = tuple(int(size) for size in representative.shape[1:])

    def infer(x: Any) -> Any:
        scores = model(x, training=False)
        return tf.nn.softmax(scores) if softmax else scores

    with quiet_stderr():
        try:
            function = tf.function(infer).get_concrete_function(tf.TensorSpec([1, *shape], tf.float32))
            # The converter freezes the variables that it finds on an object; it does not look into Keras 3 models.
            holder = tf.Module()
            holder.held = list(function.graph.variables)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([row[np.newaxis]] for row in representative)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            return bytes(converter.convert())
        except Exception as error:
            raise ModelError(
                "the converter cannot turn this model into int8", found=_first_lines(str(error))
            ) from error


def _first_lines(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())[:400]
