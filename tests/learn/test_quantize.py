"""Users' own Keras files, of both generations and both formats, to int8 models that TFLM accepts."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinykit.errors import DataError, ModelError
from tinykit.graph.reader import read_graph
from tinykit.learn.foreign import inspect, load_any, load_model
from tinykit.learn.quantize import quantize_file
from tinykit.validate.judge import Judge

SCRIPT = Path(__file__).with_name("foreign_models.py")
X = np.random.default_rng(0).random((60, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory):
    """`written(major, kind, suffix)` is a model file of that Keras; None of the frameworks is loaded here for it."""
    folder = tmp_path_factory.mktemp("foreign")

    def write(major: int, kind: str, suffix: str) -> Path:
        path = folder / f"keras{major}_{kind}{suffix}"
        if not path.exists():
            command = [sys.executable, str(SCRIPT), str(major), kind, str(path)]
            subprocess.run(command, check=True, timeout=120, capture_output=True)
        return path

    return write


def judged(tflite: Path, x: np.ndarray) -> np.ndarray:
    """Real-valued outputs by TFLM."""
    graph = read_graph(tflite)
    entry, end = (graph.tensor(i).quantization for i in (graph.inputs[0], graph.outputs[0]))
    assert entry is not None and end is not None
    quantized = np.clip(np.round(x / entry.scale) + entry.zero_point, -128, 127).astype(np.int8)
    with Judge(tflite.read_bytes()) as judge:
        outputs = judge.run_many(quantized[:, np.newaxis]).reshape(len(x), -1)
    return (outputs.astype(np.float32) - end.zero_point) * end.scale


@pytest.mark.train
@pytest.mark.parametrize("major", [2, 3])
@pytest.mark.parametrize(
    ("kind", "suffix"), [("sequential", ".keras"), ("sequential", ".h5"), ("functional", ".keras")]
)
def test_files_of_both_keras_become_int8(written, tmp_path: Path, major: int, kind: str, suffix: str) -> None:
    path = written(major, kind, suffix)
    assert inspect(path).major == major
    tflite = quantize_file(path, X, tmp_path / "out.tflite")
    graph = read_graph(tflite)
    assert graph.tensor(graph.inputs[0]).shape == (1, 8, 8, 1) and graph.tensor(graph.inputs[0]).dtype == "int8"
    assert not {"SHAPE", "PACK", "STRIDED_SLICE"} & {o.op for o in graph.operators}
    expected = np.asarray(load_any(path)(X, training=False))
    assert np.abs(judged(tflite, X) - expected).max() < 0.03


@pytest.mark.train
@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_keras_3_is_rebuilt_in_keras_2(written, kind: str) -> None:
    path = written(3, kind, ".keras")
    rebuilt, original = load_model(path), load_any(path)
    assert type(rebuilt).__module__.startswith("tf_keras")
    assert np.abs(np.asarray(rebuilt(X, training=False)) - np.asarray(original(X, training=False))).max() < 1e-5


@pytest.mark.train
@pytest.mark.parametrize(("major", "suffix"), [(2, ".h5"), (3, ".keras")])
def test_code_in_a_model_file_is_not_run(written, tmp_path: Path, major: int, suffix: str) -> None:
    with pytest.raises(ModelError, match="Lambda"):
        quantize_file(written(major, "lambda", suffix), X, tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


@pytest.mark.parametrize(
    ("config", "telling"),
    [
        ({"class_name": "system", "module": "os", "config": {}}, "own class"),
        ({"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}}, "Lambda"),
        ({"class_name": "Mine", "module": None, "registered_name": "package>Mine"}, "own class"),
    ],
)
def test_hostile_descriptions_are_refused_unopened(tmp_path: Path, config: dict, telling: str) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(ModelError, match=telling):
        inspect(path)


@pytest.mark.parametrize(("place", "value"), [(30 + len("metadata.json"), 0xFF), (6, 1), (8, 99)])
def test_a_damaged_archive_is_told_in_a_sentence(tmp_path: Path, place: int, value: int) -> None:
    """The first packed byte, the flag of encryption, the way of packing (these two in both headers of the member)."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
    content = bytearray(path.read_bytes())
    content[place] = value
    if place < 30:
        content[content.index(b"PK\x01\x02") + place + 2] = value
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a whole \.keras file"):
        inspect(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x89HDF\r\n\x1a\n broken", b"<html>", b"x" * 100])
def test_files_that_are_no_model(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        inspect(path)
    with pytest.raises(ModelError, match="does not exist"):
        inspect(tmp_path / "none.h5")


@pytest.mark.train
def test_samples_of_the_wrong_shape_or_none(written, tmp_path: Path) -> None:
    path = written(2, "sequential", ".keras")
    with pytest.raises(DataError, match="do not fit"):
        quantize_file(path, X[:, :4], tmp_path / "out.tflite")
    np.savez(tmp_path / "set.npz", images=X)
    with pytest.raises(DataError, match="no array 'x'"):
        quantize_file(path, tmp_path / "set.npz", tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()
