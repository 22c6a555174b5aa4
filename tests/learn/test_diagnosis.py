"""Diagnosis of quantization: a layer whose range was made wrong is named, a sound model has nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.learn.test_training import LAYERS, task
from tinykit.errors import ModelError
from tinykit.learn.diagnosis import LayerError, require_accuracy
from tinykit.recipe import Model

LAYER = LayerError("conv_1", "CONV_2D", 0.5, 0.4, 0.2, 1.0, "20% of its values are clipped")


def test_a_loss_beyond_the_limit_stops_with_the_layers_to_blame() -> None:
    require_accuracy(0.5, None, [LAYER])
    require_accuracy(0.01, 0.01, [LAYER])
    with pytest.raises(ModelError, match=r"conv_1 adds 40\.0%: 20% of its values are clipped") as caught:
        require_accuracy(0.02, 0.01, [LAYER])
    assert caught.value.facts["layers"][0]["name"] == "conv_1"


@pytest.mark.train
def test_clipping_is_found_where_it_begins_and_int16_is_finer() -> None:
    from tinykit.graph.reader import read_graph
    from tinykit.learn import backend, convert, diagnosis, models, training

    goal = task()
    backend.set_seed(1)
    model = models.build(Model(layers=LAYERS), (6, 6, 1), 3, "student")
    training.fit(model, goal, training.Budget(100, 16, 0.01, 0), "Test", quiet=True)
    sound = convert.to_int8(model, goal.x_validation, softmax=True)
    layers = diagnosis.diagnose(model, sound, goal.x_validation, softmax=True)
    assert {o.op for o in read_graph(sound).operators} == {layer.op for layer in layers}
    assert max(layer.error for layer in layers) < 0.1 and not any(layer.clipped > 0.001 for layer in layers)

    narrow = convert.to_int8(model, goal.x * np.float32(0.2), softmax=True)
    worst = diagnosis.diagnose(model, narrow, goal.x_validation, softmax=True)
    first = next(layer for layer in worst if layer.name == "student_00_conv")
    assert first.clipped > 0.01 and "clipped" in first.advice
    assert max(layer.error for layer in worst) > 3 * max(layer.error for layer in layers)

    wide = convert.to_int8(model, goal.x_validation, softmax=True, wide=True)
    graph = read_graph(wide)
    assert graph.tensor(graph.inputs[0]).dtype == "int16"
    finer = diagnosis.diagnose(model, wide, goal.x_validation, softmax=True)
    assert max(layer.error for layer in finer) < max(layer.error for layer in layers)
