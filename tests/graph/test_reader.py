"""The reader takes sound models and names what is wrong with others."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinykit.errors import ModelError
from tinykit.graph.flatbuffer import Source, empty_table
from tinykit.graph.names import c_identifier, layer_name, unique
from tinykit.graph.reader import read_graph
from tinykit.graph.schema import OPERATORS, TENSOR_TYPES

pytest.importorskip("tflite_micro", reason='model building needs the verify extra: pip install "tinykit[verify]"')

from tests.graph.tamper import tampered
from tests.support.models import ModelBuilder, add, conv_2d, fully_connected, relu, single, softmax

SHAPES = {"ad01": ((1, 640), (1, 640)), "ic01": ((1, 32, 32, 3), (1, 10)), "kws01": ((1, 49, 10, 1), (1, 12)),
          "vww01": ((1, 96, 96, 3), (1, 2))}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", SHAPES)
def test_real_models_are_read(shared: Path, name: str) -> None:
    path = shared / "models" / f"{name}_int8.tflite"
    graph = read_graph(path)
    x, y = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    assert graph.name == f"{name}_int8"
    assert (x.elements, y.shape) == (int(np.prod(SHAPES[name][0])), SHAPES[name][1])
    assert graph.size == path.stat().st_size
    assert len({o.name for o in graph.operators}) == len(graph.operators)
    assert graph.sha256 == read_graph(path.read_bytes()).sha256


@pytest.mark.shared
def test_layers_have_the_names_that_people_gave_them(shared: Path) -> None:
    names = [o.name for o in read_graph(shared / "models" / "ic01_int8.tflite").operators]
    assert names[:4] == ["conv2d", "conv2d_1", "conv2d_2", "add"]
    assert names[-4:] == ["average_pooling2d", "flatten", "dense", "softmax"]


# --- files that are no models ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"TFL", "only 3 bytes"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\n\n <html>", "web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "tinykit quantize"),
        (b"PK\x03\x04" + bytes(20), "tinykit quantize"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (bytes(100), "TFL3"),
        (struct.pack("<I", 0xFFFFFFF0) + b"TFL3" + bytes(40), "truncated or corrupt"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_graph(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        read_graph(tmp_path / "absent.tflite")
    with pytest.raises(ModelError, match="is a folder"):
        read_graph(tmp_path)
    with pytest.raises(ModelError):
        read_graph(Path("a\0b"))


def test_every_truncation_is_refused() -> None:
    model = single(fully_connected, (1, 6))
    whole = read_graph(model)
    for length in range(len(model)):
        try:
            graph = read_graph(model[:length])
        except ModelError:
            continue
        # Only bytes that nothing refers to may be missing.
        assert [o.op for o in graph.operators] == [o.op for o in whole.operators]


# --- inconsistent models --------------------------------------------------------------------------


def set_tensor(index: int, field: str, value: Any) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].tensors[index], field, value)


def set_quantization(index: int, field: str, value: Any) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].tensors[index].quantization, field, value)


def set_operator(index: int, field: str, value: Any) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0].operators[index], field, value)


def set_graph(field: str, value: Any) -> Callable[[Any], None]:
    return lambda m: setattr(m.subgraphs[0], field, value)


def set_bias_bytes(m: Any) -> None:
    m.buffers[2].data = m.buffers[2].data[:-1]


def clear(field: str) -> Callable[[Any], None]:
    return lambda m: setattr(m, field, [])


# The model: tensors 0 input, 1 weights, 2 bias, 3 dense output, 4 relu output.
BROKEN = {
    "another schema version": lambda m: setattr(m, "version", 2),
    "holds no graph": clear("subgraphs"),
    "no operator code": clear("operatorCodes"),
    "a buffer that does not exist": set_tensor(1, "buffer", 99),
    "wrong size": set_bias_bytes,
    "no fixed shape": set_tensor(0, "shape", [-1, 6]),
    "too large": set_tensor(0, "shape", [65536, 65536]),
    "too many dimensions": set_tensor(0, "shape", [1] * 9),
    "unknown type": set_tensor(0, "type", 99),
    "does not exist": set_operator(0, "inputs", [77, 1, 2]),
    "does not exist ": set_operator(0, "inputs", [-2, 1, 2]),
    "before it is computed": set_operator(0, "inputs", [4, 1, 2]),
    "written elsewhere": set_operator(1, "outputs", [3]),
    "written elsewhere ": set_operator(1, "outputs", [0]),
    "or constant": set_operator(1, "outputs", [2]),
    "no sound list of inputs": set_graph("inputs", [0, 0]),
    "no sound list of outputs": set_graph("outputs", []),
    "is a constant": set_graph("inputs", [1]),
    "no operator computes output": set_graph("outputs", [0]),
    "computes nothing": set_graph("operators", []),
    "scales along dimension": set_quantization(1, "scale", [0.1, 0.2]),
    "zero points": set_quantization(0, "zeroPoint", [0, 0]),
    "not a positive number": set_quantization(0, "scale", [float("nan")]),
    "not a positive number ": set_quantization(0, "scale", [-0.5]),
    "zero point outside int8": set_quantization(0, "zeroPoint", [128]),
    "options of another operator": set_operator(0, "builtinOptionsType", 9),
    "outside the file": set_tensor(0, "externalBuffer", 1),
    "keeps state": lambda m: (set_tensor(0, "isVariable", True)(m), set_graph("inputs", [4])(m)),
}


def two_layers() -> bytes:
    model = ModelBuilder(0)
    return model.finish([relu(model, fully_connected(model, model.input((1, 6)), units=6))])


@pytest.mark.parametrize("words", BROKEN)
def test_inconsistencies_are_named(words: str) -> None:
    broken = tampered(two_layers(), BROKEN[words])
    with pytest.raises(ModelError) as caught:
        read_graph(broken)
    assert words.strip() in str(caught.value)


def test_unread_tensors_do_not_matter() -> None:
    def add_odd_tensor(m: Any) -> None:
        m.subgraphs[0].tensors.append(type(m.subgraphs[0].tensors[0])())
        m.subgraphs[0].tensors[-1].shape = [-1, 0]

    assert len(read_graph(tampered(two_layers(), add_odd_tensor)).tensors) == 5


def test_a_second_subgraph_that_nothing_calls_is_tolerated() -> None:
    graph = read_graph(tampered(two_layers(), lambda m: m.subgraphs.append(m.subgraphs[0])))
    assert [o.op for o in graph.operators] == ["FULLY_CONNECTED", "RELU"]


def test_vectors_named_again_and_again_are_refused() -> None:
    """A file of many tables that share one long vector must cost neither time nor memory."""
    long = np.ones(50_000, "<f4").tobytes()
    with pytest.raises(ModelError, match="over and over"):
        source = Source(struct.pack("<I", 8) + b"TFL3" + struct.pack("<I", 50_000) + long, b"TFL3")
        for _ in range(1000):
            source.span(8, 4)


def test_an_empty_table_has_defaults() -> None:
    table = empty_table()
    assert (table.integer(0, "i", 5), table.real(3), table.flag(1), table.text(2), len(table.tables(9))) == (
        5,
        0,
        False,
        "",
        0,
    )


# --- names and labels -----------------------------------------------------------------------------


def test_a_name_is_a_c_identifier() -> None:
    model = single(relu, (1, 4))
    assert read_graph(model).name == "model"
    assert read_graph(model, "my model-v2").name == "my_model_v2"
    assert c_identifier("2bits") == "model_2bits"
    assert c_identifier("int") == "model_int"
    assert c_identifier("*/ //") == "model"
    assert len(c_identifier("x" * 500)) < 70


def test_layer_names_are_short_and_telling() -> None:
    fused = (
        "net/act/Relu;net/bn/FusedBatchNormV3;net/conv_b/BiasAdd/ReadVariableOp;net/conv_b/BiasAdd;net/conv_a/Conv2D"
    )
    assert layer_name(fused, "CONV_2D") == "conv_b"
    assert layer_name("model/dense/MatMul", "FULLY_CONNECTED") == "dense"
    assert layer_name("StatefulPartitionedCall:0", "SOFTMAX") == "softmax"
    assert layer_name("Identity_int8", "SOFTMAX") == "softmax"
    assert layer_name("", "ADD") == "add"
    assert layer_name("a/*/b\nc", "ADD") != ""
    assert unique(["a", "a", "b", "a", "a_2"]) == ["a", "a_3", "b", "a_4", "a_2"]


def test_repeated_layer_names_are_numbered() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4))
    first = model.operator("RELU", [x], (1, 4), x.scale, x.zero_point, name="a/same/Relu")
    model.operator("RELU", [first], (1, 4), x.scale, x.zero_point, name="b/same/Relu")
    assert [o.name for o in read_graph(model.finish()).operators] == ["same", "same_2"]


def with_archive(model: bytes, text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("labels.txt", text)
    return model + archive.getvalue()


def test_labels_are_read_from_the_metadata_archive() -> None:
    model = single(softmax, (1, 3))
    assert read_graph(model).labels == ()
    assert read_graph(with_archive(model, "cat\ndog\nbird\n")).labels == ("cat", "dog", "bird")
    assert read_graph(with_archive(model, "cat\ndog\n")).labels == ()
    assert read_graph(model + b"PK\x05\x06" + bytes(18)).labels == ()


def test_the_schema_is_whole() -> None:
    assert (OPERATORS[3], OPERATORS[9], OPERATORS[114], OPERATORS[206]) == (
        "CONV_2D",
        "FULLY_CONNECTED",
        "QUANTIZE",
        "STABLEHLO_COMPOSITE",
    )
    assert (TENSOR_TYPES[0], TENSOR_TYPES[9], TENSOR_TYPES[17]) == ("float32", "int8", "int4")


def test_options_are_read_with_resolved_padding() -> None:
    graph = read_graph(single(conv_2d, (1, 6, 7, 2), kernel=(3, 4), strides=(2, 3), dilation=(1, 1)))
    vertical, horizontal = graph.operators[0].options.vertical, graph.operators[0].options.horizontal
    assert (vertical.stride, vertical.before, vertical.after) == (2, 0, 1)
    assert (horizontal.stride, horizontal.before, horizontal.after) == (3, 1, 2)
    assert read_graph(single(add, (1, 3), activation="RELU6")).operators[0].options.activation == "RELU6"
