"""Labelled data: everything wrong with it is said before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.models import model_behind
from tests.support.models import ModelBuilder, add, fully_connected, single
from tinykit.errors import DataError, UsageError
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Statistics
from tinykit.graph.model import Quantization, Tensor
from tinykit.graph.reader import read_graph
from tinykit.validate.samples import load_samples, predict

GRAPH = read_graph(single(fully_connected, (1, 6), units=4))
X = np.zeros((5, 6), np.int8)
Y = np.array([0, 1, 2, 3, 0])


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "set.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("x", [X, X.reshape(5, 1, 6)])
@pytest.mark.parametrize("y", [Y, Y.astype(np.uint8), Y.reshape(5, 1)])
def test_a_good_set(tmp_path: Path, x: np.ndarray, y: np.ndarray) -> None:
    samples = load_samples(saved(tmp_path, x=x, y=y), GRAPH)
    assert (samples.x.shape, samples.x.dtype) == ((5, 1, 6), np.int8)
    assert samples.y.tolist() == Y.tolist()
    assert len(load_samples(saved(tmp_path, x=x, y=y), GRAPH, limit=2)) == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, r"has no y; .*found x.*np\.savez"),
        ({"y": Y}, "has no x"),
        ({}, "has no x and no y"),
        ({"x": X[:0], "y": Y[:0]}, "is empty"),
        ({"x": X, "y": Y[:4]}, r"labels in .* expected y of shape \(5,\), found \(4,\)"),
        ({"x": X, "y": np.eye(5, 4)}, r"y\.argmax"),
        ({"x": X, "y": Y + 0.5}, "not class numbers.*found float64"),
        ({"x": X, "y": Y + 1}, "out of range; expected 0 to 3.*found 1 to 4"),
        ({"x": X, "y": Y - 1}, "out of range"),
        ({"x": X[:, :5], "y": Y}, r"another shape.*\(n, 6\), found \(5, 5\)"),
        ({"x": X.astype(np.int32), "y": Y}, "another type.*int8, or float32.*found int32"),
        ({"x": np.full((5, 6), np.nan, np.float32), "y": Y}, "NaN or infinity; found 5 such samples.* number 0"),
        ({"x": np.array([[0.0] * 6] * 4 + [[np.inf] * 6]), "y": Y}, "found 1 such samples.* number 4"),
        ({"x": np.array([{}] * 5, dtype=object), "y": Y}, "cannot read"),
    ],
)
def test_a_bad_set(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_samples(saved(tmp_path, **arrays), GRAPH)
    assert caught.value.exit_status == 2


def test_raw_samples_are_counted_from_the_sets_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinykit.data.rows.CHUNK", 64)
    front = FrontEnd(Statistics(10, ("mean", "rms", "max")), hop=10, samples=20)
    graph = read_graph(model_behind(front.learned(np.ones((2, 20, 1), np.int16))))
    x = np.ones((9, 20), np.float32)
    assert len(load_samples(saved(tmp_path, x=x, y=np.zeros(9, int)), graph)) == 9
    x[7, 3] = np.nan
    with pytest.raises(DataError, match="1 such samples, the first is number 7"):
        load_samples(saved(tmp_path, x=x, y=np.zeros(9, int)), graph)


def test_files_that_are_no_set(tmp_path: Path) -> None:
    whole = saved(tmp_path, x=X, y=Y).read_bytes()
    for content in (b"", b"hello", whole[:100], whole[: len(whole) // 2]):
        bad = tmp_path / "bad.npz"
        bad.write_bytes(content)
        with pytest.raises(DataError, match="cannot read"):
            load_samples(bad, GRAPH)
    with pytest.raises(DataError, match="no data file at"):
        load_samples(tmp_path / "absent.npz", GRAPH)
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(DataError, match="single array"):
        load_samples(tmp_path / "one.npy", GRAPH)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_damaged_archive_never_escapes_our_errors(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("set")
    whole = saved(folder, x=X, y=Y).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    (folder / "bad.npz").write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    try:
        assert len(load_samples(folder / "bad.npz", GRAPH)) == 5
    except DataError as error:
        assert str(error)


def test_a_large_float_set_with_damaged_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinykit.validate.samples._MOST_BYTES", 100)
    path = saved(tmp_path, x=np.zeros((5, 6), np.float32), y=Y)
    assert len(load_samples(path, GRAPH)) == 5
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\x93NUMPY") + 130] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*set\.npz.*damaged"):
        load_samples(path, GRAPH)


def test_floats_are_quantized_with_the_models_scale(tmp_path: Path) -> None:
    tensor = GRAPH.tensor(GRAPH.inputs[0])
    assert tensor.quantization is not None
    scale, zero = tensor.quantization.scale, tensor.quantization.zero_point
    quanta = np.array([[-128, -3, 0, 2, 127, 500]] * 5)
    samples = load_samples(saved(tmp_path, x=(quanta - zero) * scale, y=Y), GRAPH)
    assert samples.x[0].reshape(-1).tolist() == [-128, -3, 0, 2, 127, 127]


def test_limit_and_several_inputs(tmp_path: Path) -> None:
    path = saved(tmp_path, x=X, y=Y)
    with pytest.raises(UsageError, match="at least 1"):
        load_samples(path, GRAPH, limit=0)
    builder = ModelBuilder()
    two = builder.finish([add(builder, builder.input((1, 6)), builder.input((1, 6)))])
    with pytest.raises(UsageError, match="found 2 inputs"):
        load_samples(path, read_graph(two))


def test_predictions() -> None:
    tensor = GRAPH.tensor(GRAPH.outputs[0])
    assert predict(np.array([[1, 7, 7, -3]], np.int8), tensor) == 1
    sigmoid = Tensor(0, "p", (1, 1), "int8", Quantization(np.array([1 / 256], np.float32), np.array([-128])))
    assert [predict(np.array([q], np.int8), sigmoid) for q in (-128, -1, 0, 127)] == [0, 0, 1, 1]
