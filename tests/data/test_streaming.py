"""Sets on disk: rows read like those of an array, the same splits as in memory, and training that stays small."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import REPOSITORY
from tinykit.data import Splits, load, restore, save
from tinykit.data.rows import chunks, join, take, whole
from tinykit.errors import DataError
from tinykit.recipe import Data
from tinykit.stored import stored_npy, stored_npz, write_npz_by_parts

TINY = 0.001
"""Megabytes that nothing here fits into."""


def shards(folder: Path, sizes: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """x-0.npy, y-0.npy and so on; all of x."""
    random, xs = np.random.default_rng(1), []
    for number, size in enumerate(sizes):
        xs.append(random.normal(50, 20, (size, 3, 2)).astype(dtype))
        np.save(folder / f"x-{number}.npy", xs[-1])
        np.save(folder / f"y-{number}.npy", np.arange(size) % 2)
    return np.concatenate(xs)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data())
def test_rows_are_read_like_an_arrays(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    x = shards(folder, tuple(sizes))
    rows = whole(*(stored_npy(path) for path in sorted(folder.glob("x-*.npy"))))
    places = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), max_size=20)), np.int64)
    assert np.array_equal(rows[places], x[places])
    assert np.array_equal(rows[2:7], x[2:7]) and rows.shape == x.shape
    assert np.array_equal(np.concatenate(list(chunks(rows, 3))), x)
    first, second = take(rows, slice(0, 2)), take(rows, places)
    assert np.array_equal(join(first, second)[:], np.concatenate([x[:2], x[places]]))


def test_rows_of_npz_and_what_cannot_be_read_in_parts(tmp_path: Path) -> None:
    x = np.arange(60, dtype=np.uint8).reshape(10, 6)
    np.savez(tmp_path / "plain.npz", y=np.zeros(3), x=x)
    assert np.array_equal(whole(stored_npz(tmp_path / "plain.npz", "x"))[3:5], x[3:5])
    np.savez_compressed(tmp_path / "small.npz", x=x)
    with pytest.raises(DataError, match=r"compressed.*Save it with numpy.savez"):
        stored_npz(tmp_path / "small.npz", "x")
    write_npz_by_parts(tmp_path / "parts.npz", {"x": (x.shape, "uint8", iter([x[:4], x[4:]]))})
    with np.load(tmp_path / "parts.npz", allow_pickle=False) as file:
        assert np.array_equal(file["x"], x)
    np.save(tmp_path / "f.npy", np.asfortranarray(np.ones((3, 4))))
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "s.npy").write_bytes((tmp_path / "f.npy").read_bytes()[:-8])
    for name in ("f", "o", "s", "absent"):
        with pytest.raises(DataError, match=f"cannot read .*{name}.npy"):
            stored_npy(tmp_path / f"{name}.npy")


def test_a_compressed_npz_that_is_damaged_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, x=np.arange(240.0).reshape(60, 4), y=np.arange(60) % 3)
    whole_file = path.read_bytes()
    for place in range(40, 160, 5):
        path.write_bytes(whole_file[:place] + bytes([whole_file[place] ^ 0xFF]) + whole_file[place + 1 :])
        with contextlib.suppress(DataError):
            load(Data("npz", file=path))


def samples(splits: Splits) -> dict[str, dict[bytes, int]]:
    """Every labelled sample with its label, by split; and the pool."""
    return {
        "train": dict(zip(_keys(splits.x_labelled), splits.y_labelled.tolist(), strict=True)),
        "pool": dict.fromkeys(_keys(splits.x_pool), -1),
        "validation": dict(zip(_keys(splits.x_validation), splits.y_validation.tolist(), strict=True)),
        "test": dict(zip(_keys(splits.x_test), splits.y_test.tolist(), strict=True)),
    }


def _keys(x: object) -> list[bytes]:
    return [row.tobytes() for row in x[:]]  # type: ignore[index]


def test_labels_of_a_set_on_disk_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=np.random.default_rng(2).normal(size=(40, 4, 4, 1)), y=np.arange(40) % 2)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\x93NUMPY") + 200] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*set\.npz.*damaged"):
        load(Data("npz", file=path, memory=TINY))


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_the_splits_on_disk_are_those_in_memory(tmp_path: Path, kind: str) -> None:
    x = shards(tmp_path, (30, 50))
    if kind == "npz":
        np.savez(tmp_path / "a.npz", x=x[:30], y=np.arange(30) % 2)
        np.savez(tmp_path / "b.npz", x=x[30:], y=np.arange(50) % 2)
    data = Data(kind, folder=tmp_path, labelled=20, divide=2.0)
    small, large = load(data), load(replace(data, memory=TINY))
    assert isinstance(small.x_test, np.ndarray) and not isinstance(large.x_test, np.ndarray)
    assert samples(small) == samples(large)
    save(large, tmp_path / "kept")
    assert samples(restore(tmp_path / "kept")) == samples(small)


def test_normalization_is_learned_on_the_training_rows_alone(tmp_path: Path) -> None:
    shards(tmp_path, (40, 40))
    data = Data("npy", folder=tmp_path, normalize=True)
    small, large = load(data), load(replace(data, memory=TINY))
    assert small.normalization is not None and large.normalization is not None and large.raw_test is not None
    assert np.allclose(large.normalization.mean, small.normalization.mean, rtol=1e-6)
    assert np.allclose(large.normalization.deviation, small.normalization.deviation, rtol=1e-6)
    assert abs(np.asarray(large.x_train[:]).mean()) < 1e-6 and large.raw_test[:].mean() > 40
    save(large, tmp_path / "kept")
    again = restore(tmp_path / "kept")
    assert again.raw_test is not None and np.array_equal(again.raw_test[:], large.raw_test[:])
    assert np.array_equal(again.x_test[:], large.x_test[:])


def test_pairs_of_files_that_do_not_fit(tmp_path: Path) -> None:
    shards(tmp_path, (30, 50))
    np.save(tmp_path / "x-1.npy", np.zeros((50, 3, 3), np.float32))
    with pytest.raises(DataError, match=r"x-1.npy: x differs.*rows of \(3, 2\).*found \(3, 3\)"):
        load(Data("npy", folder=tmp_path))
    with pytest.raises(DataError, match=r"has no \*.npz files"):
        load(Data("npz", folder=tmp_path))


def test_parts_of_different_types_are_refused(tmp_path: Path) -> None:
    x = shards(tmp_path, (80,))
    np.save(tmp_path / "x_unlabelled.npy", x.astype(np.uint8))
    assert len(load(Data("npy", folder=tmp_path)).x_pool) == 80
    with pytest.raises(DataError, match=r"stored as different types.*found float32, uint8"):
        load(Data("npy", folder=tmp_path, memory=TINY))


def test_faults_are_found_on_disk_too(tmp_path: Path) -> None:
    x = shards(tmp_path, (30, 50))
    x[33, 1, 1] = np.nan
    np.save(tmp_path / "x-1.npy", x[30:])
    with pytest.raises(DataError, match="1 of 80 samples hold NaN or infinity; found the first at index 33"):
        load(Data("npy", folder=tmp_path, memory=TINY))
    x[33] = x[2]
    np.save(tmp_path / "x-1.npy", np.concatenate([x[:30], x[:20]]))
    assert "both the training and the validation split" in load(Data("npy", folder=tmp_path, memory=TINY)).warnings[0]


def test_a_file_that_has_gone_is_missed(tmp_path: Path) -> None:
    shards(tmp_path, (30, 50))
    save(load(Data("npy", folder=tmp_path, memory=TINY)), tmp_path / "kept")
    (tmp_path / "x-0.npy").unlink()
    with pytest.raises(DataError, match=r"x-0.npy have gone"):
        restore(tmp_path / "kept")


@pytest.mark.train
def test_a_gigabyte_trains_within_600_megabytes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.larger_than_memory", "1", str(tmp_path / "large")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["samples"].values()) == 16384
    assert found["peak"] - found["baseline"] < 600
    assert found["distilled"] > 0.9 and found["int8"] > 0.9
