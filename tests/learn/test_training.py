"""Learning: the loss is the formula, batches repeat, warps stay in place, sparsity is real."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tinykit.errors import InputError, RecipeError, ToolFailed
from tinykit.learn.augment import augment
from tinykit.learn.patterns import require_pattern
from tinykit.learn.training import Budget, Task, batches, one_hot, pack
from tinykit.recipe import Model, Prune

RANDOM = np.random.default_rng(0)
LAYERS = ("conv 8 3x3 relu", "depthwise 3x3 relu", "pool 2x2", "dropout 0.1", "dense 16 relu", "dense 3")


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def stripes(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three kinds of 6x6 images that a small network tells apart: dark, left half lit, upper half lit; with noise."""
    random = np.random.default_rng(seed)
    x, y = random.normal(0, 0.2, (samples, 6, 6, 1)), random.integers(0, 3, samples)
    x[y == 1, :, :3] += 1
    x[y == 2, :3] += 1
    return x.astype(np.float32), y


def task(seed: int = 0) -> Task:
    x, y = stripes(120, seed)
    return Task(x, one_hot(y, 3), *stripes(60, seed + 1), classes=3)


def test_batches_use_every_sample_equally_often() -> None:
    order = batches(30, Budget(steps=12, batch=10, learning_rate=0.1, seed=5), 12)
    assert order.shape == (12, 10)
    assert np.bincount(order.ravel()).tolist() == [4] * 30
    assert np.array_equal(order, batches(30, Budget(12, 10, 0.1, 5), 12))
    assert not np.array_equal(order, batches(30, Budget(12, 10, 0.1, 6), 12))


def test_small_sets_fill_large_batches() -> None:
    assert batches(3, Budget(steps=2, batch=8, learning_rate=0.1, seed=0), 2).max() == 2


def test_warps_keep_the_original_first_and_the_mass_inside() -> None:
    x = np.zeros((5, 9, 9, 1), np.float32)
    x[:, 4, 4] = 1
    moved = augment(x, Model(copies=3, shift=2.0, turn=30.0, zoom=0.2), seed=1)
    assert moved.shape == (20, 9, 9, 1) and np.array_equal(moved[:5], x)
    assert (np.abs(moved.sum(axis=(1, 2, 3)) - 1) < 0.7).all() and not np.array_equal(moved[5:10], x)
    assert moved[:, 0].max() == 0 and moved.max() <= 1.0


def test_a_whole_pixel_shift_is_exact_and_no_warp_changes_nothing() -> None:
    x = RANDOM.random((4, 6, 7, 2)).astype(np.float32)
    still = augment(x, Model(copies=1, shift=0.0), seed=0)
    assert np.allclose(still[4:], x, atol=1e-6)


@pytest.mark.train
@pytest.mark.parametrize(("temperature", "alpha"), [(1.0, 0.0), (4.0, 0.1), (2.0, 1.0)])
def test_distillation_loss_is_its_formula(temperature: float, alpha: float) -> None:
    from tinykit.learn.training import distillation_loss

    teacher, student = RANDOM.normal(0, 3, (2, 6, 4)).astype(np.float32)
    labels = one_hot(np.array([0, 1, 2, 3, 0, 0]), 4)
    labels[4:] = 0  # two samples without a label
    found = np.asarray(distillation_loss(4, temperature, alpha)(pack(labels, teacher), student))
    hard = -(labels * np.log(softmax(student))).sum(axis=1)
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    soft = (p * np.log(p / q)).sum(axis=1)
    assert np.allclose(found, alpha * hard + (1 - alpha) * temperature**2 * soft, rtol=1e-4, atol=1e-4)


@pytest.mark.train
def test_without_a_teacher_the_loss_is_cross_entropy() -> None:
    from tinykit.learn.training import distillation_loss

    labels, student = one_hot(np.array([1, 0]), 3), RANDOM.normal(0, 1, (2, 3)).astype(np.float32)
    found = np.asarray(distillation_loss(3, 4.0, 0.1)(labels, student))
    assert np.allclose(found, -(labels * np.log(softmax(student))).sum(axis=1), rtol=1e-5)


def test_sparsity_is_asserted_kernel_by_kernel() -> None:
    sparse = np.array([0, 0, 0, 1.0])
    require_pattern([sparse[:, np.newaxis]], "weights", 0.75)
    with pytest.raises(ToolFailed, match="kernel 1"):
        require_pattern([sparse[:, np.newaxis], np.ones((20, 2))], "weights", 0.75)


@pytest.mark.train
def test_layers_that_do_not_fit_the_data_are_refused() -> None:
    from tinykit.learn.models import build

    with pytest.raises(RecipeError, match="dense 3"):
        build(Model(layers=("dense 4",)), (6, 6, 1), 3, "student")
    with pytest.raises(RecipeError, match="height, width, channels"):
        build(Model(layers=("conv 4 3x3", "dense 3")), (6,), 3, "student")
    with pytest.raises(RecipeError, match="fit together"):
        build(Model(layers=("pool 9x9", "conv 2 3x3 valid", "dense 3")), (6, 6, 1), 3, "student")


@pytest.mark.train
def test_training_that_diverges_says_so_instead_of_giving_a_model_of_nan() -> None:
    from tinykit.learn import models, training

    goal = dataclasses.replace(task(), x=task().x * np.float32(1e38))
    model = models.build(Model(layers=("dense 3",)), (6, 6, 1), 3, "student")
    with pytest.raises(InputError, match=r"Control student.*found nan.*learning_rate"):
        training.fit(model, goal, Budget(100, 16, 1.0, seed=0), "Control student, seed 0", quiet=True)


@pytest.mark.train
def test_training_pruning_and_both_ways_of_qat_keep_their_word(tmp_path) -> None:
    """One small model through everything: learns, repeats bit for bit, is pruned, and stays so under the scheme."""
    from tinykit.learn import backend, convert, models, pruning, qat, training
    from tinykit.pipeline.judging import int8_sparsity

    goal, budget = task(), Budget(steps=150, batch=16, learning_rate=0.01, seed=0)

    def trained():
        backend.set_seed(1)
        model = models.build(Model(layers=LAYERS), (6, 6, 1), 3, "student")
        return model, training.fit(model, goal, budget, "Test", quiet=True)

    (model, history), (again, _) = trained(), trained()
    assert models.accuracy(models.logits(model, goal.x_validation), goal.y_validation) > 0.9
    assert history[-1]["validation"] > 0.9 and history[-1]["loss"] < 1.0
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))

    pruned, _ = pruning.prune(model, Prune(0.75), goal, budget, quiet=True)
    assert 0.74 <= models.sparsity(pruned) <= 0.78 and models.sparsity(model) < 0.01
    assert models.accuracy(models.logits(pruned, goal.x_validation), goal.y_validation) > 0.85

    models.save(pruned, tmp_path / "pruned.keras")
    restored = models.restore(tmp_path / "pruned.keras")
    assert np.array_equal(models.logits(restored, goal.x), models.logits(pruned, goal.x))

    plain, _ = qat.quantization_aware(pruned, goal, budget, keep_zeros=False, quiet=True)
    keeping, _ = qat.quantization_aware(pruned, goal, budget, keep_zeros=True, quiet=True)
    sparsities = [int8_sparsity(convert.to_int8(m, goal.x[:50])) for m in (plain, keeping, pruned)]
    assert sparsities[0] < 0.7, "plain QAT is known to bring weights back"
    assert sparsities[1] >= 0.74 and sparsities[2] >= 0.74
