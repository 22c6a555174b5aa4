"""The generated C: valid everywhere, deterministic, self-contained, and deaf to hostile names."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool
from tests.support.models import ModelBuilder, add, conv_2d, depthwise_conv_2d, dequantize, mean, pad, quantize, softmax
from tinykit.codegen.emit import emit, interface, write
from tinykit.errors import ModelError, OutputError
from tinykit.firmware.architectures import architecture
from tinykit.firmware.toolchain import PACKAGES
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import TARGETS, target

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-fno-move-loop-stores", "-DTINYKIT_STEPS=1")
HOSTILE = ["*/ int main(void) { /*", "a\\\nb", "??/", 'say "no"', "/* \u202e", "int", "7up", "", "%s%n", "x" * 500]


def every_kernel() -> bytes:
    """A model with floats at the edges, two inputs, two outputs and most kernels between."""
    model = ModelBuilder(1)
    x = quantize(model, model.input((1, 9, 8, 3), dtype="float32"))
    y = depthwise_conv_2d(model, conv_2d(model, x, filters=8), multiplier=2, strides=(2, 2))
    z = add(model, pad(model, y, paddings=[(0, 0), (1, 0), (0, 1), (0, 0)]), model.input((1, 6, 5, 16)))
    probabilities = softmax(model, mean(model, z, scale=0.03, zero_point=9))
    return model.finish([dequantize(model, probabilities), z])


def plan_of(model: bytes, name: str = "m", on: str = "host") -> Plan:
    return make_plan(read_graph(model, name), target(on))


def compile_files(files: dict[str, str], folder: Path, command: list[str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    source = next(n for n in files if n.endswith(".c"))
    known = [w for w in WARNINGS if "avr" not in command[0] or w != "-fno-move-loop-stores"]
    done = subprocess.run(
        [*command, *known, "-c", source, "-o", "out.o"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_same_plan_gives_the_same_text() -> None:
    assert emit(plan_of(every_kernel())) == emit(plan_of(every_kernel()))


@pytest.mark.parametrize("language", [["gcc", "-std=c99", "-pedantic"], ["g++", "-std=c++11", "-x", "c++"]])
def test_compiles_as_c_and_cpp(tmp_path: Path, language: list[str]) -> None:
    require_tool(language[0], language[0])
    compile_files(emit(plan_of(every_kernel())), tmp_path, language)


def test_compiles_with_clang(tmp_path: Path) -> None:
    require_tool("clang", "clang")
    compile_files(emit(plan_of(every_kernel())), tmp_path, ["clang", "-std=c99", "-Wno-ignored-optimization-argument"])


@pytest.mark.parametrize("name", [t.name for t in TARGETS.values() if t.toolchain and t.name != "xtensa"])
def test_compiles_for_every_target(tmp_path: Path, name: str) -> None:
    """But Xtensa, whose compiler no distribution brings."""
    chosen = target(name)
    core = architecture(chosen)
    compiler = require_tool(f"{chosen.toolchain}gcc", PACKAGES[chosen.toolchain])
    flags = [f"-std={core.standard}", *chosen.flags, *core.compiler.split()]
    compile_files(emit(plan_of(every_kernel(), on=name)), tmp_path, [compiler, *flags])


def test_needs_no_other_file_of_ours() -> None:
    files = emit(plan_of(every_kernel()))
    included = {i for text in files.values() for i in re.findall(r'#include "([^"]+)"', text)}
    assert included == {"m.h"}
    assert set(files) == {"m.h", "m.c"}


def test_passes_cppcheck(tmp_path: Path) -> None:
    cppcheck = require_tool("cppcheck", "cppcheck")
    write(plan_of(every_kernel()), tmp_path)
    # Fields of a shape that its kernel does not read stay unset; cppcheck then doubts them all.
    options = ["--enable=warning,portability,performance", "--suppress=ctuuninitvar", "--suppress=shiftNegativeLHS"]
    done = subprocess.run(
        [cppcheck, *options, "--suppress=shiftTooManyBitsSigned", "--error-exitcode=1", "--inline-suppr", "-q", "m.c"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_kernels_follow_the_project_style() -> None:
    clang_format = require_tool("clang-format", "clang-format")
    kernels = sorted((Path(__file__).parents[2] / "tinykit" / "kernels").glob("*.h"))
    done = subprocess.run(
        [clang_format, "--dry-run", "-Werror", *map(str, kernels)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_and_labels_stay_text(tmp_path: Path, hostile: str) -> None:
    plan = plan_of(every_kernel())
    graph = plan.graph
    tensors = {i: replace(t, name=hostile) for i, t in graph.tensors.items()}
    steps = tuple(replace(s, name=hostile) for s in plan.steps)
    plan = replace(plan, steps=steps, graph=graph.with_changes(tensors=tensors, labels=(hostile, hostile)))
    compile_files(emit(plan), tmp_path, [require_tool("gcc", "gcc"), "-std=c99", "-pedantic"])


@pytest.mark.parametrize("name", ["", "a b", "../evil", "1st", "naïve"])
def test_a_name_that_is_no_identifier_is_refused(name: str, tmp_path: Path) -> None:
    plan = plan_of(every_kernel())
    plan = replace(plan, graph=plan.graph.with_changes(name=name))
    with pytest.raises((ModelError, OutputError)):
        write(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_interface_tells_what_the_header_says() -> None:
    plan = plan_of(every_kernel())
    face, header = interface(plan), emit(plan)["m.h"]
    assert [p.pointer for p in face.inputs] == ["m_input(0u)", "m_input(1u)"]
    assert [(p.ctype, p.bytes) for p in face.inputs] == [("float", 864), ("int8_t", 480)]
    assert [(p.ctype, p.bytes) for p in face.outputs] == [("float", 64), ("int8_t", 480)]
    assert f"#define M_ARENA_BYTES {face.arena_bytes}" in header
    assert f"#define M_STEPS {face.steps}" in header
    assert face.sha256 in header and "void *m_input(unsigned index);" in header


def test_equal_constants_and_shapes_are_written_once() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4, 4, 4))
    y = conv_2d(model, x, filters=4, scale=x.scale, zero_point=x.zero_point)
    plan = plan_of(model.finish([conv_2d(model, y, filters=4, scale=x.scale, zero_point=x.zero_point)]))
    text = emit(plan)["m.c"]
    assert len(plan.steps) == 2
    assert text.count("TK_NOINLINE void tk_conv_2d_") == 1
    twin = replace(plan, steps=(plan.steps[0], replace(plan.steps[1], arguments=plan.steps[0].arguments)))
    assert emit(twin)["m.c"].count("_weights[") == 1


def test_written_files_are_whole_and_leave_others_alone(tmp_path: Path) -> None:
    plan, folder = plan_of(every_kernel()), tmp_path / "deep" / "er"
    paths = write(plan, folder)
    assert [p.read_text() for p in paths] == list(emit(plan).values())
    (folder / "mine.c").write_text("int mine;")
    paths[0].write_text("")
    assert write(plan, folder) == paths and paths[0].read_text() == emit(plan)["m.h"]
    assert sorted(p.name for p in folder.iterdir()) == ["m.c", "m.h", "mine.c"]


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="another folder"):
        write(plan_of(every_kernel()), tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_scales_in_the_header_read_back_exactly() -> None:
    header = emit(plan_of(every_kernel()))["m.h"]
    scales = [np.float32(s) for s in re.findall(r"_SCALE (\S+)", header)]
    plan = plan_of(every_kernel())
    quantized = [plan.graph.tensor(i).quantization for i in (*plan.graph.inputs, *plan.graph.outputs)]
    assert scales == [np.float32(q.scale) for q in quantized if q is not None]


def test_what_all_calls_pass_alike_is_not_passed() -> None:
    """Zero points and sizes that layers share are constants of their kernel; what differs stays an argument."""
    model = ModelBuilder(2)
    x = conv_2d(model, model.input((1, 6, 6, 4)), filters=4, kernel=(1, 1), zero_point=-7)
    x = conv_2d(model, x, filters=4, kernel=(1, 1), zero_point=-7)
    one = emit(plan_of(model.finish([x])))["m.c"]
    prototype = re.search(r"^TK_NOINLINE void tk_conv_2d_1\((.*)\) \{", one, re.MULTILINE)
    assert prototype is not None
    assert "output_zero_point" not in prototype[1] and "weights" in prototype[1] and "input_zero_point" in prototype[1]
    assert re.search(r"tk_conv_2d\(&s, .*input_zero_point, -7, -128, 127\);", one)
