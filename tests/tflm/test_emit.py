"""The tflm engine's files: what they register, how much arena, and that they compile behind the same interface."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builder import ModelBuilder
from tests.support.models import (
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    quantize,
    softmax,
)
from tinykit.cli.main import run
from tinykit.errors import ModelError, ToolMissing, UnsupportedModel, UsageError
from tinykit.firmware.engines import model_program
from tinykit.graph.reader import read_graph
from tinykit.targets import target
from tinykit.tflm.arena import arena_bytes, arena_use, helium_margin
from tinykit.tflm.emit import emit
from tinykit.tflm.library import find_library
from tinykit.tflm.operators import registrations

# Bytes that TFLM's arena held on emulated 32-bit boards: reference kernels, CMSIS-NN on M4, CMSIS-NN on M55.
MEASURED = {
    "ad01": (2260, 2580, 9268),
    "kws01": (22772, 22820, 27348),
    "ic01": (54340, 54996, 55028),
    "vww01": (100660, 100708, 100772),
}


def network(*, float_ends: bool = False) -> bytes:
    """A small classifier, with float32 input and output on request."""
    model = ModelBuilder(seed=6)
    x = model.input((1, 6, 6, 2), dtype="float32" if float_ends else "int8")
    x = quantize(model, x) if float_ends else x
    y = conv_2d(model, x, filters=3)
    y = add(model, y, depthwise_conv_2d(model, y))
    y = softmax(model, fully_connected(model, average_pool_2d(model, y), units=4))
    return model.finish([dequantize(model, y) if float_ends else y])


def test_exactly_the_operators_that_are_used() -> None:
    raw = network()
    source = emit(read_graph(raw, "net"), raw, 4096)["net.cpp"]
    assert "MicroMutableOpResolver<6>" in source
    assert re.findall(r"resolver->(\w+)\((.*?)\) ==", source) == [
        ("AddAdd", "tflite::Register_ADD_INT8()"),
        ("AddAveragePool2D", "tflite::Register_AVERAGE_POOL_2D_INT8()"),
        ("AddConv2D", "tflite::Register_CONV_2D_INT8()"),
        ("AddDepthwiseConv2D", "tflite::Register_DEPTHWISE_CONV_2D_INT8()"),
        ("AddFullyConnected", "tflite::Register_FULLY_CONNECTED_INT8()"),
        ("AddSoftmax", "tflite::Register_SOFTMAX_INT8()"),
    ]


def test_the_general_kernel_where_values_are_not_int8() -> None:
    graph = read_graph(network(), "net")
    softmax_operator = next(o for o in graph.operators if o.op == "SOFTMAX")
    index = softmax_operator.outputs[0]
    wide = {**graph.tensors, index: replace(graph.tensor(index), dtype="int16")}
    found = {r.op: r.argument for r in registrations(graph.with_changes(tensors=wide))}
    assert found["SOFTMAX"] == ""
    assert found["CONV_2D"] == "tflite::Register_CONV_2D_INT8()"


def test_an_operator_that_tflm_lacks() -> None:
    graph = read_graph(network(), "net")
    odd = (replace(graph.operators[0], op="STABLEHLO_ADD"), *graph.operators[1:])
    with pytest.raises(UnsupportedModel, match="STABLEHLO_ADD"):
        registrations(graph.with_changes(operators=odd))


def test_the_array_holds_the_file(host_cc: str, tmp_path: Path) -> None:
    raw = network()
    for name, text in emit(read_graph(raw, "net"), raw, 4096).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(
        "#include <stdio.h>\nextern const unsigned char net_tflite[];\n"
        f"int main(void) {{ return fwrite(net_tflite, 1, {len(raw)}, stdout) != {len(raw)}; }}\n"
    )
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    sources = [tmp_path / "net_data.c", tmp_path / "main.c"]
    subprocess.run([host_cc, *flags, *sources, "-o", tmp_path / "p"], check=True, timeout=60)
    assert subprocess.run([tmp_path / "p"], capture_output=True, check=True, timeout=10).stdout == raw


def test_the_same_interface_as_compiled_models(tmp_path: Path) -> None:
    raw = network(float_ends=True)
    graph = read_graph(raw, "net")
    (tmp_path / "net.tflite").write_bytes(raw)
    made = [model_program(graph, tmp_path / "net.tflite", target("cortex-m4"), e) for e in ("aot", "tflm")]
    headers = [program.sources["net.h"] for program in made]
    offered = [set(re.findall(r"^(?:#define NET_\w+ .*|.*\bnet_\w+\(.*\);)$", h, re.M)) for h in headers]
    differing = {line for line in offered[0] ^ offered[1] if not re.search("ARENA|STEPS|_step|arena", line)}
    assert not differing
    assert "float *net_input(void);" in offered[1]


@pytest.mark.shared
@pytest.mark.parametrize("name", MEASURED)
def test_the_arena_covers_what_32_bit_cores_took(shared: Path, name: str) -> None:
    raw = (shared / "models" / f"{name}_int8.tflite").read_bytes()
    graph = read_graph(raw, name)
    reference, cmsis, helium = MEASURED[name]
    on_m4 = arena_bytes(graph, raw, target("cortex-m4"))
    assert max(reference, cmsis) <= on_m4 <= max(reference * 1.07, reference + 2048)
    assert helium <= arena_bytes(graph, raw, target("cortex-m55")) <= helium * 1.2 + 2048


def test_arena_parts_add_up() -> None:
    raw = network()
    use = arena_use(read_graph(raw, "net"), raw)
    assert use.total == use.head + use.tail
    assert use.head >= 6 * 6 * 3 * 2  # both operands of the addition are alive


def test_the_margin_for_helium_counts_weights() -> None:
    assert helium_margin(read_graph(network(), "net")) == (4 * 4 + 16) + 4 * 124 * 9 + 16


def test_a_model_that_tflm_refuses() -> None:
    raw = network()
    graph = read_graph(raw, "net")
    with pytest.raises(ModelError, match="TFLM cannot run the model"):
        arena_use(graph, raw[:200] + bytes(200))


def test_an_unknown_engine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown engine 'magic'; expected one of aot, tflm"):
        model_program(read_graph(network(), "net"), tmp_path / "x", target("cortex-m4"), "magic")


def test_where_tflm_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINYKIT_TFLM_DIR", raising=False)
    with pytest.raises(ToolMissing, match="TINYKIT_TFLM_DIR"):
        find_library()
    monkeypatch.setenv("TINYKIT_TFLM_DIR", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"found no libtensorflow-microlite\.a"):
        find_library()
    (tmp_path / "libtensorflow-microlite.a").write_bytes(b"!<arch>\n")
    with pytest.raises(ToolMissing, match=r"found no tensorflow/lite/micro/micro_interpreter\.h"):
        find_library()
    for header in ("tensorflow/lite/micro/micro_interpreter.h", "include/flatbuffers/flatbuffers.h"):
        (tmp_path / header).parent.mkdir(parents=True)
        (tmp_path / header).touch()
    found = find_library()
    assert found.includes == (".", "include")
    assert found.defines == ("NDEBUG", "TF_LITE_STRIP_ERROR_STRINGS")


def test_the_verbs_take_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TINYKIT_TFLM_DIR", raising=False)
    model = tmp_path / "net.tflite"
    model.write_bytes(network())
    assert run(["compile", str(model), "--engine", "tflm", "-o", str(tmp_path / "c"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert sorted(Path(f).name for f in result["files"]) == ["net.cpp", "net.h", "net_data.c"]
    assert (result["engine"], result["macs"]) == ("tflm", None)
    assert result["flash"]["weights"] == model.stat().st_size
    assert run(["build", str(model), "--engine", "tflm", "-o", str(tmp_path / "f")]) == 3
    assert "TINYKIT_TFLM_DIR" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()
