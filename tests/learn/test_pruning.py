"""Pruning: patterns are what they say, saliency is its formula, removed channels change nothing but the size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.learn.test_training import task
from tinykit.errors import ModelError, ToolFailed
from tinykit.learn.patterns import mask, require_pattern, rows

SHAPES = st.sampled_from([(3, 3, 5, 7), (1, 1, 8, 4), (17, 6), (2, 3)])


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, pattern=st.sampled_from(["weights", "block", "2:4", "1:4"]), seed=st.integers(0, 99))
def test_a_mask_keeps_its_pattern_and_the_most_salient(shape: tuple[int, ...], pattern: str, seed: int) -> None:
    saliency = np.random.default_rng(seed).random(shape)
    sparsity = {"2:4": 0.5, "1:4": 0.75}.get(pattern, 0.6)
    kept = mask(saliency, pattern, sparsity)
    require_pattern([np.where(kept, 1.0, 0.0)], pattern, sparsity)
    assert kept.shape == shape and mask(saliency, pattern, 0.0).all()
    assert saliency[kept].mean() > saliency.mean() or kept.all() or not kept.any()
    fewer = mask(saliency, pattern, sparsity / 2)
    assert (fewer | ~kept).all(), "what goes early does not come back"


def test_blocks_lie_along_the_inputs_of_one_output() -> None:
    saliency = np.ones((1, 1, 8, 2))
    saliency[0, 0, 4:, 1] = 0
    assert np.array_equal(rows(mask(saliency, "block", 0.25)), [[1] * 8, [1] * 4 + [0] * 4])


def test_a_pattern_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolFailed, match="fours with at most 2"):
        require_pattern([np.ones((8, 2))], "2:4", 0.5)
    with pytest.raises(ToolFailed, match="empty blocks"):
        require_pattern([np.ones((8, 2))], "block", 0.5)


@pytest.fixture(scope="module")
def residual():
    """A trained residual network for three kinds of 6x6 images, with everything that carries channels."""
    from tinykit.learn import backend, training

    backend.set_seed(0)
    layers = backend.keras().layers
    source = layers.Input((6, 6, 1))
    first = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", name="first")(source)))
    inner = layers.DepthwiseConv2D(3, padding="same", activation="relu")(first)
    inner = layers.Conv2D(12, 1, activation="relu", name="inner")(inner)
    inner = layers.Conv2D(8, 1, name="back")(inner)
    joined = layers.MaxPooling2D(2)(layers.ReLU()(layers.Add()([first, inner])))
    flat = layers.Flatten()(joined)
    answer = layers.Dense(3, name="answer")(layers.Dense(10, activation="relu", name="dense")(flat))
    model = backend.keras().Model(source, answer)
    training.fit(model, task(), training.Budget(120, 16, 0.01, 0), "Test", quiet=True)
    return model


@pytest.mark.train
def test_channels_that_do_nothing_are_removed_without_a_trace(residual) -> None:
    """Channels whose makers are all zero carry nothing on; without them every output is as it was."""
    from tinykit.learn import backend, channels, models

    model = backend.keras().models.clone_model(residual)
    model.set_weights(residual.get_weights())
    for name in ("first", "back", "inner", "dense"):  # first and back are tied by the Add
        kernel, bias = model.get_layer(name).get_weights()
        kernel[..., ::2], bias[::2] = 0, 0
        model.get_layer(name).set_weights([kernel, bias])
    norm = next(layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    norm.set_weights([norm.get_weights()[0], *(np.where(np.arange(8) % 2, v, 0) for v in norm.get_weights()[1:3]),
                      norm.get_weights()[3]])  # fmt: skip
    depthwise = next(layer for layer in model.layers if type(layer).__name__ == "DepthwiseConv2D")
    depthwise.set_weights([depthwise.get_weights()[0], np.where(np.arange(8) % 2, depthwise.get_weights()[1], 0)])

    wanted = channels.counts(model, 0.5)
    assert wanted == {"first": 4, "back": 4, "inner": 6, "dense": 5}
    importance = {layer.name: np.asarray(layer.kernel) ** 2 for layer in models.prunable(model)}
    smaller = channels.remove(model, importance, wanted, 1)
    assert [smaller.get_layer(n).kernel.shape[-1] for n in ("first", "inner", "back", "answer")] == [4, 6, 4, 3]
    x = task().x[:20]
    assert np.allclose(models.logits(smaller, x), models.logits(model, x), atol=1e-4)


@pytest.mark.train
def test_half_the_channels_cost_less_than_60_percent_of_the_instructions(residual) -> None:
    from tinykit.graph.reader import read_graph
    from tinykit.learn import convert, models, pruning
    from tinykit.learn.training import Budget
    from tinykit.plan.build import make_plan
    from tinykit.recipe import Prune
    from tinykit.targets import target

    goal = task()
    budget = Budget(100, 16, 0.005, 0)
    smaller, history = pruning.prune(residual, Prune(0.5, pattern="channels"), goal, budget, quiet=True)
    assert models.accuracy(models.logits(smaller, goal.x_validation), goal.y_validation) > 0.85 and history
    before, after = (
        make_plan(read_graph(convert.to_int8(m, goal.x[:20])), target("cortex-m4")).cost for m in (residual, smaller)
    )
    assert after.instructions < 0.6 * before.instructions and after.flash < before.flash and after.ram < before.ram


@pytest.mark.train
@pytest.mark.parametrize(("pattern", "sparsity"), [("block", 0.6), ("2:4", 0.5)])
def test_patterns_survive_training_and_quantization(residual, pattern: str, sparsity: float) -> None:
    from tinykit.graph.reader import read_graph
    from tinykit.learn import convert, models, pruning
    from tinykit.learn.training import Budget
    from tinykit.recipe import Prune

    goal, wish = task(), Prune(sparsity, pattern, saliency="obd", dense=("first", "answer"))
    pruned, _ = pruning.prune(residual, wish, goal, Budget(100, 16, 0.005, 0), quiet=True)
    assert models.accuracy(models.logits(pruned, goal.x_validation), goal.y_validation) > 0.85
    assert (np.asarray(pruned.get_layer("first").kernel) != 0).all()
    graph = read_graph(convert.to_int8(pruned, goal.x[:20]))
    kernels = [graph.tensor(o.inputs[1]).data for o in graph.operators if o.op in ("CONV_2D", "FULLY_CONNECTED")]
    # int8 weights (outputs, ...) back to Keras' order, without the layers that were left alone
    require_pattern([np.moveaxis(k, 0, -1) for k in kernels[1:-1]], pattern, sparsity)


@pytest.mark.train
def test_layers_that_are_not_there_are_named(residual) -> None:
    from tinykit.learn import channels, pruning
    from tinykit.learn.training import Budget
    from tinykit.recipe import Prune

    with pytest.raises(ModelError, match="'frist'"):
        pruning.prune(residual, Prune(0.5, dense=("frist",)), task(), Budget(1, 1, 0.1, 0), quiet=True)
    with pytest.raises(ModelError, match="no channel"):
        channels.counts(residual, 0.5, ("first", "inner", "dense"))


@pytest.mark.train
def test_second_order_saliency_is_the_curvature_of_the_loss() -> None:
    """For one dense layer the Gauss-Newton diagonal is known: x_i^2 p_j (1 - p_j)."""
    from tinykit.learn import backend
    from tinykit.learn.saliency import saliency

    backend.set_seed(0)
    layers = backend.keras().layers
    model = backend.keras().Sequential([layers.Input((4,)), layers.Dense(3, name="only")])
    x = np.tile(np.array([[0.0, 0.5, 1.0, 2.0]], np.float32), (4000, 1))
    found = saliency(model, x, "obd", seed=1, samples=4000)["only"]
    kernel = np.asarray(model.layers[0].kernel)
    scores = x[0] @ kernel
    p = np.exp(scores) / np.exp(scores).sum()
    expected = (x[0] ** 2)[:, np.newaxis] * (p * (1 - p)) * kernel**2 / 2
    assert np.allclose(found, expected, rtol=0.15, atol=1e-6)


@pytest.mark.train
def test_sensitivity_names_every_layer_and_leaves_the_model_as_it_was(residual) -> None:
    from tinykit.learn.pruning import sensitivity
    from tinykit.recipe import Prune

    before = residual.get_weights()
    found = sensitivity(residual, Prune(), task())
    assert [layer.layer for layer in found] == ["first", "inner", "back", "dense", "answer"]
    assert all(set(layer.accuracy) == {"0.50", "0.75", "0.90"} for layer in found)
    assert all(np.array_equal(a, b) for a, b in zip(before, residual.get_weights(), strict=True))
