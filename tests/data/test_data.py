"""Data: honest splits, hidden labels, and one clear sentence for data that cannot be trained on."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.data import load, restore, save
from tinykit.data.splits import hide_labels, stratified
from tinykit.errors import DataError
from tinykit.recipe import Data


def blobs(samples: int = 120, classes: int = 3) -> dict[str, np.ndarray]:
    """Sample i is full of the number i, so that it can be recognised."""
    x = np.repeat(np.arange(samples, dtype=np.float32), 16).reshape(samples, 4, 4, 1)
    return {"x": x, "y": np.arange(samples) % classes}


def from_npz(folder: Path, **arrays: np.ndarray) -> Data:
    np.savez(folder / "set.npz", **arrays)
    return Data("npz", file=folder / "set.npz")


def test_digits_are_split_without_overlap_and_keep_100_labels() -> None:
    pytest.importorskip("sklearn")
    splits = load(Data("sklearn-digits", labelled=100))
    parts = [splits.x_labelled, splits.x_pool, splits.x_validation, splits.x_test]
    assert sum(len(part) for part in parts) == 1797
    assert len(splits.y_labelled) == 100 and np.bincount(splits.y_labelled).min() >= 9
    assert splits.shape == (8, 8, 1) and splits.x_test.max() == 1.0
    rows = np.concatenate([part.reshape(len(part), -1) for part in parts])
    assert len(np.unique(rows, axis=0)) == 1797


def test_splits_depend_on_the_seed_alone(tmp_path: Path) -> None:
    data = from_npz(tmp_path, **blobs())
    first, again = load(data), load(data)
    other = load(Data("npz", file=data.file, seed=1))
    assert np.array_equal(first.x_test, again.x_test)
    assert not np.array_equal(first.x_test, other.x_test)


@given(
    labels=st.lists(st.integers(0, 4), min_size=30, max_size=200),
    counts=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 1000),
)
def test_groups_partition_the_samples(labels: list[int], counts: tuple[int, int], seed: int) -> None:
    groups = stratified(np.array(labels), counts, seed)
    assert len(groups) == 3
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(labels)))


def test_every_class_keeps_a_label() -> None:
    y = np.array([0] * 90 + [1] * 8 + [2] * 2)
    keep, hidden = hide_labels(y, 10, seed=0)
    assert set(y[keep]) == {0, 1, 2} and len(keep) + len(hidden) == 100
    with pytest.raises(DataError, match="labelled"):
        hide_labels(y, 2, seed=0)


def test_splits_survive_saving(tmp_path: Path) -> None:
    splits = load(from_npz(tmp_path, **blobs()))
    save(splits, tmp_path)
    again = restore(tmp_path)
    assert again.classes == ("0", "1", "2") and np.array_equal(again.x_pool, splits.x_pool)
    with np.load(tmp_path / "test.npz", allow_pickle=False) as test:
        assert test["x"].dtype == np.float32 and np.array_equal(test["y"], splits.y_test)


def test_sets_that_come_already_split_stay_so(tmp_path: Path) -> None:
    whole = blobs()
    named = {
        "x_train": whole["x"][:90],
        "y_train": whole["y"][:90],
        "x_test": whole["x"][90:],
        "y_test": whole["y"][90:],
    }
    splits = load(from_npz(tmp_path, **named, x_unlabelled=whole["x"][:7] + 1000))
    assert np.array_equal(splits.x_test, whole["x"][90:])
    assert splits.x_labelled.max() < 90 and splits.x_validation.max() < 90
    assert splits.x_pool.min() >= 1000 and len(splits.x_pool) == 7


def test_samples_are_divided_once(tmp_path: Path) -> None:
    data = from_npz(tmp_path, x=(blobs()["x"] % 256).astype(np.uint8), y=blobs()["y"])
    assert load(Data("npz", file=data.file, divide=255.0)).x_train.max() <= 1.0


def spoiled(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    return {name: value for name, value in {**blobs(), **changes}.items() if value is not None}


NOT_A_NUMBER = np.full((120, 4, 4, 1), np.nan)


@pytest.mark.parametrize(
    ("arrays", "telling"),
    [
        (spoiled(x=NOT_A_NUMBER), "NaN"),
        (spoiled(x=np.full((120, 4), np.inf)), "infinity"),
        (spoiled(x=np.zeros(120)), "wrong shape"),
        (spoiled(x=np.zeros((0, 4))), "wrong shape"),
        (spoiled(x=np.array(["a"] * 120).reshape(120, 1)), "numbers"),
        (spoiled(y=None), "no labels"),
        (spoiled(x=None), "no samples"),
        (spoiled(y=np.zeros(119, int)), "labels have the wrong shape"),
        (spoiled(y=np.eye(3)[np.arange(120) % 3]), "argmax"),
        (spoiled(y=np.full(120, 0.5)), "whole numbers"),
        (spoiled(y=np.arange(120) % 3 - 1), "out of range"),
        (spoiled(y=np.zeros(120, int)), "two classes"),
        (spoiled(y=(np.arange(120) % 3) * 2), "no sample of class 1"),
        (spoiled(y=np.arange(120) % 3 + 10**12), "no sample of class 0"),
    ],
)
def test_bad_data_are_refused_in_words(tmp_path: Path, arrays: dict[str, np.ndarray], telling: str) -> None:
    with pytest.raises(DataError) as caught:
        load(from_npz(tmp_path, **arrays))
    assert telling in str(caught.value)


def test_labels_beyond_the_named_classes(tmp_path: Path) -> None:
    data = from_npz(tmp_path, **blobs())
    with pytest.raises(DataError, match="out of range"):
        load(Data("npz", file=data.file, classes=("a", "b")))


@pytest.mark.parametrize(
    ("content", "telling"),
    [
        (b"", "found an empty file"),
        (b"PK\x03\x04 no zip", "cut off or damaged"),
        (b"\x93NUMPY", "found a file that begins with"),
        (b"\x89PNG\r\n\x1a\n", "found a file that begins with b'\\x89PNG"),
    ],
)
def test_files_that_are_no_npz(tmp_path: Path, content: bytes, telling: str) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(Data("npz", file=path))
    assert telling in str(caught.value) and "pickle" not in str(caught.value)


def test_files_in_an_npz_that_are_no_arrays(tmp_path: Path) -> None:
    data = from_npz(tmp_path, **blobs())
    assert data.file is not None
    with zipfile.ZipFile(data.file, "a") as archive:
        archive.writestr("notes.txt", "about the sensor")
    assert len(load(data).x_train) > 0
    with zipfile.ZipFile(data.file, "w") as archive:
        archive.writestr("x", "no array")
        archive.writestr("y", "no array")
    with pytest.raises(DataError, match="has no samples"):
        load(data)


def test_a_folder_is_no_npz(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found a folder"):
        load(Data("npz", file=tmp_path))


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.array([{"a": 1}], dtype=object), y=np.zeros(1))
    with pytest.raises(DataError, match="plain arrays"):
        load(Data("npz", file=tmp_path / "set.npz"))
