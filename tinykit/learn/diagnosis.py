"""Where quantization hurts: every layer's output as float computes it, beside what TFLM computes with integers.

Both sides come from one converter, which gives the same names to the same tensors, so that layers are matched by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinykit.data.rows import Samples
from tinykit.errors import ModelError
from tinykit.graph.model import Tensor
from tinykit.graph.reader import read_graph
from tinykit.learn.backend import quiet_stderr, tensorflow
from tinykit.learn.convert import to_float
from tinykit.validate.judge import Judge
from tinykit.validate.samples import quantize_input

SAMPLES = 32
"""Samples that every layer is compared on, at most."""

_CLIPPED = 0.001
_UNUSED = 0.25
_STRETCHED = 4.0
_USUAL = 0.999
"""When advice is given: more than this part of the values clipped, less than this part of the range used, a largest
value so many times the 99.9 % one."""


@dataclass(frozen=True)
class LayerError:
    """One layer's output, quantized against float.

    Attributes:
        name, op: of the operator in the .tflite.
        error: root mean square of the difference, as a part of the float values' root mean square; errors of the
            layers before are in it.
        own: how much the layer adds to the largest error among its inputs, at least 0.
        clipped: the part of float values that the quantized range cannot hold.
        used: the part of the range that float values reach.
        advice: what would help, empty where nothing stands out.
    """

    name: str
    op: str
    error: float
    own: float
    clipped: float
    used: float
    advice: str


def diagnose(model: Any, tflite: bytes, x: Samples, *, softmax: bool = False) -> list[LayerError]:
    """Every matched layer, the one that adds the largest error first.

    Args:
        model: the float Keras model that `tflite` was made from. x: samples (n, ...) float32, `SAMPLES`
            of which are used at most. softmax: as for the conversion.
    """
    shown = x[:SAMPLES]
    graph = read_graph(tflite)
    floats = _float_tensors(to_float(model, tuple(x.shape[1:]), softmax=softmax), shown)
    with Judge(tflite) as judge:
        entry = graph.tensor(graph.inputs[0])
        runs = [judge.tensors(quantize_input(row.reshape(entry.shape), entry)) for row in shown]
    errors: dict[int, float] = {}
    found = []
    for operator in graph.operators:
        tensor = graph.tensor(operator.outputs[0])
        true = floats.get(tensor.name)
        if true is None or tensor.quantization is None or tensor.index not in runs[0]:
            continue
        quantized = np.stack([run[tensor.index].reshape(-1) for run in runs])
        if quantized.shape != true.shape:
            continue
        before = max((errors.get(index, 0.0) for index in operator.inputs), default=0.0)
        layer = _compare(operator.name, operator.op, tensor, quantized, true, before)
        errors[tensor.index] = layer.error
        found.append(layer)
    return sorted(found, key=lambda layer: -layer.own)


def blame(layers: list[LayerError], count: int = 3) -> str:
    """The worst layers in words."""
    worst = [
        f"{layer.name} adds {layer.own:.1%}{': ' + layer.advice if layer.advice else ''}" for layer in layers[:count]
    ]
    return "; ".join(worst) or "no layer could be compared"


def require_accuracy(lost: float, limit: float | None, layers: list[LayerError]) -> None:
    """Quantization costs no more validation accuracy than the recipe's limit.

    Raises: ModelError with the layers to blame.
    """
    if limit is None or lost <= limit + 1e-9:
        return
    raise ModelError(
        f"quantization lost {lost:.1%} of validation accuracy",
        expected=f"at most {limit:.1%}, as [quantize] max_loss says",
        found=f"the largest errors by layer: {blame(layers)}",
        next_step='Follow the advice, or use method "prune-preserving-qat", "qat" or "int16x8"',
        facts={"layers": [vars(layer) for layer in layers]},
    )


def _compare(name: str, op: str, tensor: Tensor, quantized: np.ndarray, true: np.ndarray, before: float) -> LayerError:
    assert tensor.quantization is not None
    scale, zero = tensor.quantization.scale, tensor.quantization.zero_point
    limits = np.iinfo(tensor.dtype)
    low, high = (limits.min - zero) * scale, (limits.max - zero) * scale
    difference = (quantized.astype(np.float64) - zero) * scale - true
    size = float(np.sqrt((true.astype(np.float64) ** 2).mean()))
    error = float(np.sqrt((difference**2).mean())) / size if size else 0.0
    # A step is left: softmax's fixed range ends one step below 1.
    beyond = float(((true < low - 1.001 * scale) | (true > high + 1.001 * scale)).mean())
    used = float(min(1.0, (min(float(true.max()), high) - max(float(true.min()), low)) / max(high - low, 1e-30)))
    return LayerError(name, op, error, max(0.0, error - before), beyond, max(0.0, used), _advice(beyond, used, true))


def _advice(clipped: float, used: float, true: np.ndarray) -> str:
    usual = float(np.quantile(np.abs(true), _USUAL))
    if clipped > _CLIPPED:
        return f"{clipped:.1%} of its values are clipped; more representative samples would widen its range"
    if used < _UNUSED:
        return f"only {used:.0%} of its range is used; representative samples with extremes widen it in vain"
    if usual and float(np.abs(true).max()) > _STRETCHED * usual:
        return "a few values stretch its range; relu6 in place of relu, or clipped samples, would narrow it"
    return ""


def _float_tensors(tflite: bytes, x: np.ndarray) -> dict[str, np.ndarray]:
    """Values (n, elements) of every computed tensor of a float .tflite, by name."""
    tf = tensorflow()
    with quiet_stderr():
        interpreter = tf.lite.Interpreter(
            model_content=tflite,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    details = interpreter.get_tensor_details()
    values: dict[str, list[np.ndarray]] = {}
    for row in x:
        interpreter.set_tensor(entry["index"], row[np.newaxis])
        interpreter.invoke()
        for detail in details:
            if detail["dtype"] is np.float32 and detail["name"]:
                try:
                    value = interpreter.get_tensor(detail["index"])
                except ValueError:  # a tensor without a value
                    continue
                values.setdefault(detail["name"], []).append(value.reshape(-1))
    return {name: np.stack(rows) for name, rows in values.items() if len(rows) == len(x)}
