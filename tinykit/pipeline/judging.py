"""The int8 model as it ships: what TFLM says of samples, what a step of its scores is worth, how many zeros it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinykit.errors import ModelError


def judged_scores(model: bytes, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """TFLM's int8 outputs (n, classes) for the samples of an .npz, quantized as they are for the board; and labels."""
    from tinykit.graph.reader import read_graph
    from tinykit.validate.judge import Judge
    from tinykit.validate.samples import load_samples

    samples = load_samples(data, read_graph(model))
    with Judge(model) as judge:
        return judge.run_many(samples.x).reshape(len(samples), -1), samples.y


def logit_scale(model: bytes) -> float | None:
    """What one step of the output is worth; None where it is no logit, but a softmax's probability."""
    from tinykit.graph.reader import read_graph

    graph = read_graph(model)
    quantization = graph.tensor(graph.outputs[0]).quantization
    ends = next(operator.op for operator in graph.operators if graph.outputs[0] in operator.outputs)
    return None if quantization is None or ends in ("SOFTMAX", "LOGISTIC") else quantization.scale


def int8_sparsity(model: bytes) -> float:
    """The part of the .tflite's convolution and dense weights that is zero: what really ships."""
    from tinykit.graph.reader import read_graph

    graph = read_graph(model)
    operators = [o for o in graph.operators if o.op in ("CONV_2D", "FULLY_CONNECTED")]
    weights = [data for o in operators if (data := graph.tensor(o.inputs[1]).data) is not None]
    total = sum(kernel.size for kernel in weights)
    return float(sum(int((kernel == 0).sum()) for kernel in weights) / total) if total else 0.0


def require_int8_sparsity(found: float, wanted: float) -> None:
    """Quantization must not have brought pruned weights back; one per cent is left to rounding.

    Raises: ModelError.
    """
    if found < wanted - 0.01:
        raise ModelError(
            "quantization brought pruned weights back",
            expected=f"a sparsity of {wanted:.1%}",
            found=f"{found:.1%}",
        )
