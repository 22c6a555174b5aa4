"""Writes the zoo's .tflite files: Keras models with random weights, converted as `tinykit quantize` does.

Run from the repository's root, with tensorflow: python -m tests.zoo.make [--output FOLDER] [NAME ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.zoo import images, sequences
from tinykit.learn.backend import keras, quiet_stderr, tensorflow, tfmot
from tinykit.learn.loops import unrolled

FOLDER = Path(__file__).parent / "models"
SAMPLES = 24
"""Random inputs that set the ranges."""

MODELS: tuple[Callable[[], Any], ...] = (
    images.ds_cnn,
    images.mobilenet_v1,
    images.mobilenet_v2,
    images.mobilenet_v3,
    images.resnet,
    images.unet,
    images.dense_autoencoder,
    images.convolutional_autoencoder,
    images.tcn,
    images.mlp_mixer,
    sequences.lstm,
    sequences.unrolled_lstm,
    sequences.bidirectional_lstm,
    sequences.gru,
    sequences.simple_rnn,
    sequences.svdf,
    sequences.transformer,
    sequences.decoder_step,
    sequences.fusion,
    sequences.heads,
    sequences.normalized_features,
)
AWARE = (images.ds_cnn, images.mobilenet_v2, images.resnet, images.dense_autoencoder)
"""Trained with int8's rounding in the loop, too."""

INT16 = (images.ds_cnn, images.dense_autoencoder, images.resnet)
"""Converted with int16 activations, too."""

FLOAT_EDGES = (images.dense_autoencoder,)
"""Converted with float32 inputs and outputs, too."""


def variants() -> dict[str, Callable[[], bytes]]:
    """Every file of the zoo by name, and what makes it."""
    found: dict[str, Callable[[], bytes]] = {}
    for model in MODELS:
        found[model.__name__] = lambda m=model: convert(_made(m))
    for model in AWARE:
        found[f"{model.__name__}_qat"] = lambda m=model: convert(_aware(_made(m)))
    for model in INT16:
        found[f"{model.__name__}_int16x8"] = lambda m=model: convert(_made(m), activations="int16")
    for model in FLOAT_EDGES:
        found[f"{model.__name__}_float_edges"] = lambda m=model: convert(_made(m), edges="float32")
    return found


def convert(model: Any, activations: str = "int8", edges: str | None = None) -> bytes:
    """The .tflite of a Keras model of any number of inputs and outputs, batch 1.

    Args: `activations` "int8" or "int16"; `edges` the type of floats' inputs and outputs, `activations` by default.
    """
    tf = tensorflow()
    specs = [tf.TensorSpec([1, *x.shape[1:]], x.dtype, name=f"input_{i}") for i, x in enumerate(model.inputs)]
    function = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False))
    with unrolled(model):
        functions = [function.get_concrete_function(*specs)]
    order = _order(functions, model) if len(specs) > 1 else [0]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(functions, model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([given[i][n : n + 1] for i in order] for n in range(SAMPLES))
    given = samples(model)
    wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [wide if activations == "int16" else tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    kind = {"int8": tf.int8, "int16": tf.int16, "float32": tf.float32}[edges or activations]
    converter.inference_input_type = converter.inference_output_type = kind
    with quiet_stderr():
        return bytes(converter.convert())


def _order(functions: list[Any], model: Any) -> list[int]:
    """Which of our inputs each input of the file is: the converter puts them in the order of use."""
    lite = tensorflow().lite
    floats = lite.TFLiteConverter.from_concrete_functions(functions, model).convert()
    details = lite.Interpreter(model_content=floats).get_input_details()
    return [int(port["name"].rsplit("_", 1)[1].split(":")[0]) for port in details]


def samples(model: Any) -> list[np.ndarray]:
    """Random inputs (SAMPLES, ...), one array an input of the model."""
    random = np.random.default_rng(1)
    return [
        random.normal(size=(SAMPLES, *x.shape[1:])).astype(np.float32)
        if x.dtype.is_floating
        else random.integers(0, sequences.WORDS, (SAMPLES, *x.shape[1:])).astype(np.int32)
        for x in model.inputs
    ]


def _made(build: Callable[[], Any]) -> Any:
    """The model, with biases and statistics that are not the zeros and ones of a new layer."""
    keras().backend.clear_session()
    keras().utils.set_random_seed(7)
    model = build()
    random = np.random.default_rng(7)
    for weight in model.weights:
        if len(weight.shape) == 1:
            positive = "gamma" in weight.name or "variance" in weight.name
            values = random.uniform(0.5, 1.5, weight.shape) if positive else random.normal(0, 0.2, weight.shape)
            weight.assign(values)
    return model


def _aware(model: Any) -> Any:
    """The model after a little training that keeps int8's rounding in mind."""
    aware = tfmot().quantization.keras.quantize_model(model)
    aware.compile("sgd", "mse")
    inputs = samples(model)[0]
    aware.fit(inputs, np.zeros((SAMPLES, *aware.output_shape[1:])), epochs=1, batch_size=8, verbose=0)
    return aware


def main() -> None:
    """Write all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--output", type=Path, default=FOLDER)
    asked = parser.parse_args()
    asked.output.mkdir(exist_ok=True)
    everything = variants()
    for name in asked.names or everything:
        data = everything[name]()
        (asked.output / f"{name}.tflite").write_bytes(data)
        print(f"{name}: {len(data)} bytes", flush=True)


if __name__ == "__main__":
    main()
