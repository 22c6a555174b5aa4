"""Data from a user's own function, and from Python: arrays, and pairs one by one; in memory and larger than it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinykit.data import load, load_given
from tinykit.errors import DataError
from tinykit.recipe import Data, load_recipe

X = np.arange(400, dtype=np.float32).reshape(100, 4)
Y = np.arange(100) % 2
ANY = Data("python", validation=0.1, test=0.1)


def written(folder: Path, code: str, function: str = "load") -> Data:
    (folder / "samples.py").write_text("import numpy as np\n" + code)
    return Data("python", file=folder / "samples.py", function=function)


def firsts(x: object) -> set[float]:
    return set(np.asarray(x[:])[:, 0].tolist())  # type: ignore[index]


def test_a_recipe_calls_a_function_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "def mine():\n    return np.arange(400.).reshape(100, 4), np.arange(100) % 2\n", "mine")
    (tmp_path / "recipe.toml").write_text(
        '[data]\nkind = "python"\nfile = "samples.py"\nfunction = "mine"\n'
        '[student]\nlayers = ["dense 2"]\n[board]\nname = "microbit"\n'
    )
    splits = load(load_recipe(tmp_path / "recipe.toml").data)
    assert splits.shape == (4,) and firsts(splits.x_train) <= firsts(X)


def test_the_folder_is_handed_over(tmp_path: Path) -> None:
    data = written(tmp_path, "def load(folder):\n    return dict(np.load(folder / 'set.npz'))\n")
    np.savez(tmp_path / "set.npz", x=X, y=Y)
    assert load(replace(data, folder=tmp_path)).x_test.shape == (20, 4)


def test_modules_beside_it_are_in_reach(tmp_path: Path) -> None:
    (tmp_path / "beside_samples.py").write_text("SIZE = 100\n")
    code = "from beside_samples import SIZE\ndef load():\n    x = np.arange(4. * SIZE).reshape(SIZE, 4)\n"
    code += "    return x, np.arange(SIZE) % 2\n"
    before = list(sys.path)
    assert load(written(tmp_path, code)).shape == (4,) and sys.path == before


def test_groups_of_a_function(tmp_path: Path) -> None:
    splits = load_given((X, Y, np.arange(100) // 10), ANY)
    of = lambda x: {int(value) // 40 for value in firsts(x)}  # noqa: E731
    assert not of(splits.x_train) & of(splits.x_test) and not of(splits.x_validation) & of(splits.x_test)


def pairs() -> Iterator[tuple[np.ndarray, int]]:
    for row, label in zip(X, Y, strict=True):
        yield row, int(label)
    for number in range(10):
        yield np.full(4, 1000.0 + number), -1


def test_pairs_one_by_one_and_those_without_a_label() -> None:
    splits = load_given(pairs(), ANY)
    assert len(splits.y_labelled) == 80 and len(splits.x_pool) == 10 and min(firsts(splits.x_pool)) == 1000.0


def test_pairs_that_do_not_fit_memory_are_kept_in_a_file(tmp_path: Path) -> None:
    small = load_given(pairs(), ANY)
    large = load_given(pairs(), replace(ANY, memory=0.001), tmp_path)
    assert not isinstance(large.x_train, np.ndarray) and (tmp_path / "labelled.bin").stat().st_size == X.nbytes
    for name in ("x_labelled", "x_pool", "x_validation", "x_test"):
        assert firsts(getattr(large, name)) == firsts(getattr(small, name))
    again = dict(zip(np.asarray(large.x_labelled[:])[:, 0].tolist(), large.y_labelled.tolist(), strict=True))
    assert all((value // 4) % 2 == label for value, label in again.items())
    with pytest.raises(DataError, match="no folder to keep them in"):
        load_given(pairs(), replace(ANY, memory=0.001))


@pytest.mark.train
@pytest.mark.parametrize("memory", [512.0, 0.001])
def test_pairs_of_several_types_keep_their_values(tmp_path: Path, memory: float) -> None:
    pairs = [(row.astype(np.uint8) if n == 0 else row + 0.25, n % 2) for n, row in enumerate(X)]
    splits = load_given(iter(pairs), replace(ANY, memory=memory), tmp_path)
    assert {0.0, 4.25, 8.25} <= firsts(splits.x_train) | firsts(splits.x_validation) | firsts(splits.x_test)


def test_pairs_whose_type_changes_once_they_are_on_disk(tmp_path: Path) -> None:
    pairs = [(row.astype(np.uint8) if n < 99 else row + 0.25, n % 2) for n, row in enumerate(X % 200)]
    with pytest.raises(DataError, match=r"differ in type, at number 99; expected uint8.*found float32"):
        load_given(iter(pairs), replace(ANY, memory=0.001), tmp_path)


def test_a_tf_dataset() -> None:
    from tinykit.learn.backend import tensorflow

    dataset = tensorflow().data.Dataset.from_tensor_slices((X, Y))
    assert np.array_equal(load_given(dataset, ANY).x_test, load_given((X, Y), ANY).x_test)
    with pytest.raises(DataError, match="not batched"):
        load_given(dataset.batch(10), ANY)


def test_a_memory_map_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    splits = load_given((np.load(tmp_path / "x.npy", mmap_mode="r"), Y), replace(ANY, memory=0.001))
    assert not isinstance(splits.x_train, np.ndarray)
    assert firsts(splits.x_test) == firsts(load_given((X, Y), ANY).x_test)


@pytest.mark.parametrize(
    ("code", "telling"),
    [
        ("def load():\n    raise KeyError('nothing')\n", "load of samples.py failed.*KeyError.*line 3 of samples.py"),
        ("def load():\n    return 7\n", "gave no data.*found int"),
        ("def load():\n    return {'z': np.zeros(3)}\n", "has no samples"),
        ("def load():\n    yield np.zeros(3)\n", "number 0 is no sample with its label"),
        ("def load():\n    yield np.zeros(3), 0\n    yield np.zeros(4), 1\n", "differ in shape, at number 1"),
        ("def load():\n    yield np.zeros(3), 'one'\n", "number 0 is no sample with its label.*whole numbers"),
        ("def load():\n    yield [[1], [1, 2]], 0\n", "gave what is no array.*inhomogeneous"),
        ("def load():\n    yield np.array(['red']), 0\n", "samples must be numbers"),
        ("def load():\n    return [[1, 2], [3]], [0, 1]\n", "number 0 is no sample|no array"),
        ("def other():\n    pass\n", "has no function 'load'"),
        ("1 / 0\n", "load of samples.py failed.*ZeroDivisionError.*line 2 of samples.py"),
        ("def load(:\n", "load of samples.py failed.*SyntaxError"),
        ("import sys\ndef load():\n    sys.exit(0)\n", "failed.*SystemExit: 0, at line 4"),
        ("def load():\n    np.stack([])\n", "failed.*ValueError.*, at line 3 of samples.py"),
    ],
)
def test_functions_that_give_no_data(tmp_path: Path, code: str, telling: str) -> None:
    with pytest.raises(DataError, match=telling):
        load(written(tmp_path, code))


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no module"):
        load(Data("python", file=tmp_path / "none.py"))
