"""Exported projects: what can be compiled here is, the rest is read by the real parsers of its formats."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import subprocess
import tty
from collections.abc import Iterator
from pathlib import Path

import kconfiglib
import numpy as np
import pytest
import yaml

from tests.conftest import require_tool
from tests.support.boards import require_board
from tests.support.builder import ModelBuilder
from tests.support.models import fully_connected, softmax
from tinykit.boards import board
from tinykit.cli.main import run
from tinykit.export.render import bare_metal_project, project, write
from tinykit.export.templates import TEMPLATES, template
from tinykit.firmware.engines import model_program
from tinykit.flash.emulator import Emulator
from tinykit.graph.reader import read_graph
from tinykit.link.device import open_device
from tinykit.link.port import SerialPort
from tinykit.targets import target
from tinykit.validate.judge import Judge

STRICT = "-Wall -Wextra -Wconversion -Werror"
ARDUINO_CORE = Path("/usr/share/arduino/hardware/arduino/avr")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense classifier small enough for an Arduino Uno."""
    builder = ModelBuilder(seed=8)
    x = fully_connected(builder, builder.input((1, 12)), units=8, activation="RELU")
    path = tmp_path_factory.mktemp("model") / "net.tflite"
    path.write_bytes(builder.finish([softmax(builder, fully_connected(builder, x, units=3))]))
    return path


@pytest.fixture(scope="session")
def projects(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every template's project, for both engines: "cmake", "cmake-tflm" and so on."""
    made = {}
    for engine, suffix in (("aot", ""), ("tflm", "-tflm")):
        for name in TEMPLATES:
            made[name + suffix] = tmp_path_factory.mktemp("export") / "with space" / name
            command = ["export", str(model), "--template", name, "--engine", engine, "-o", str(made[name + suffix])]
            assert run([*command, "--json"]) == 0
    return made


def sh(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints; fails with it when the command does."""
    env = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@contextlib.contextmanager
def on_terminal(program: Path, await_byte: bool = False) -> Iterator[str]:
    """The program with a pseudo terminal as standard input and output; gives the other end's path.

    `await_byte`: once it has written something to standard error.
    """
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    process = subprocess.Popen([program], stdin=ours, stdout=ours, stderr=subprocess.PIPE if await_byte else None)
    try:
        if process.stderr is not None:
            process.stderr.read(1)
        yield os.ttyname(theirs)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


# --- compiled -------------------------------------------------------------------------------------


def test_all_show_the_same_interface_and_the_same_serving_sources(projects: dict[str, Path], model: Path) -> None:
    for file in ("protocol.c", "serve.c", "tinykit.c", "net.c", "net.h", "sensor.*"):
        texts = {n: [p.read_text() for p in folder.rglob(file)] for n, folder in projects.items() if "-" not in n}
        assert all(len(t) == 1 for t in texts.values()), (file, texts.keys())
        assert len({t[0] for t in texts.values()}) == 1, file


def test_the_cmake_library_builds_and_answers_as_tflm(projects: dict[str, Path], model: Path) -> None:
    require_tool("cmake", "cmake")
    folder = projects["cmake"]
    sh("cmake", "-B", "out", f"-DCMAKE_C_FLAGS={STRICT}", cwd=folder)
    sh("cmake", "--build", "out", cwd=folder)
    assert "100% tests passed" in sh("ctest", "--test-dir", "out", cwd=folder)
    x = np.random.default_rng(3).integers(-128, 128, (4, 1, 12), dtype=np.int8)
    with (
        Judge(model.read_bytes()) as judge,
        on_terminal(folder / "out" / "net_serve") as port,
        open_device(board("mps2-an386"), port=port) as device,
    ):
        hello = device.require_model(read_graph(model).sha256)
        assert (hello.engine, hello.model, hello.counter, hello.counter_hz) == ("aot", "net", "microseconds", 1_000_000)
        for vector in x:
            assert device.infer(vector) == [judge.run([vector])[0].tobytes()]


def test_the_sensor_runs_until_a_host_asks(model: Path, tmp_path: Path) -> None:
    """Its first inputs are answered; after the first request the model is the host's alone."""
    require_tool("cmake", "cmake")
    folder = tmp_path / "mine"
    program = model_program(read_graph(model), model, target("host"), "aot")
    files = project(program, template("cmake"), target("host"))
    files["sensor.c"] = """
#include <stdio.h>
#include "net.h"
#include "tinykit/serve.h"
static int asked;
int tinykit_read_input(void) { net_input()[0] = (int8_t)++asked; return 1; }
void tinykit_use_output(void) { if (asked == 2) { fputc('x', stderr); } }
"""
    write(files, folder)
    sh("cmake", "-B", "out", cwd=folder)
    sh("cmake", "--build", "out", cwd=folder)
    program_path = folder / "out" / "net_serve"
    with on_terminal(program_path, await_byte=True) as port, open_device(board("microbit"), port=port) as device:
        x = np.full((1, 12), 7, np.int8)
        first = device.infer(x)
        assert all(device.infer(x) == first for _ in range(5))


def test_the_cmake_library_cross_compiles(projects: dict[str, Path], arm_gcc: str) -> None:
    require_tool("cmake", "cmake")
    folder = projects["cmake"]
    sh("cmake", "-B", "arm", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake", f"-DCMAKE_C_FLAGS={STRICT}", cwd=folder)
    sh("cmake", "--build", "arm", cwd=folder)
    listed = sh("arm-none-eabi-readelf", "-A", folder / "arm" / "libnet.a", cwd=folder)
    assert "Tag_CPU_arch_profile: Microcontroller" in listed


def test_bare_metal_builds_alike_by_make_and_by_cmake(model: Path, arm_gcc: str, tmp_path: Path) -> None:
    require_tool("cmake", "cmake")
    chosen = board("microbit")
    program = model_program(read_graph(model), model, chosen.target, "aot")
    write(bare_metal_project(program, chosen), tmp_path / "p")
    assert not (tmp_path / "p" / "README.txt").exists()  # by which a build knows a folder that it may replace
    sh("make", "-s", cwd=tmp_path / "p")
    sh("cmake", "-B", "out", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake", cwd=tmp_path / "p")
    sh("cmake", "--build", "out", cwd=tmp_path / "p")
    sizes = [
        sh("arm-none-eabi-size", tmp_path / "p" / place / "net.elf", cwd=tmp_path).splitlines()[1].split()[:3]
        for place in ("build", "out")
    ]
    assert abs(int(sizes[0][0]) - int(sizes[1][0])) <= 16  # objects in another order: other padding
    assert sizes[0][1:] == sizes[1][1:]
    assert (tmp_path / "p" / "out" / "net.hex").is_file()


@pytest.fixture(scope="session")
def uno_sketch(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sketch, linked with the real Arduino core for the Uno."""
    tmp_path = tmp_path_factory.mktemp("uno")
    require_tool("avr-gcc", "gcc-avr avr-libc")
    if not ARDUINO_CORE.is_dir():
        pytest.skip("the Arduino core is not installed: sudo apt install arduino-core-avr")
    core = target("avr")
    program = model_program(read_graph(model), model, core, "aot")
    folder = tmp_path / "book"
    write(project(program, template("arduino"), core, identity="arduino:avr:uno"), folder)
    library = folder / "libraries" / "net" / "src"
    cores = ARDUINO_CORE / "cores" / "arduino"
    used = ["main.cpp", "HardwareSerial.cpp", "HardwareSerial0.cpp", "Print.cpp", "wiring.c", "hooks.c", "abi.cpp"]
    own = [library / "net.c", *library.glob("tinykit/*.c*"), folder / "net_serve" / "sensor.cpp"]
    sketch = tmp_path / "sketch.cpp"  # as the Arduino builder does it: prepend Arduino.h, compile as C++
    sketch.write_text("#include <Arduino.h>\n" + (folder / "net_serve" / "net_serve.ino").read_text())
    defines = ["-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_AVR_UNO", "-DARDUINO_ARCH_AVR"]
    flags = ["-mmcu=atmega328p", "-Os", "-Wall", *defines]
    includes = [f"-I{p}" for p in (cores, ARDUINO_CORE / "variants" / "standard", library)]
    sections = ["-ffunction-sections", "-fdata-sections"]
    objects = []
    for source in [*own, sketch, *(cores / n for n in used)]:
        objects.append(tmp_path / f"{source.name}.o")
        cxx = ["-std=gnu++11", "-fno-exceptions"] if source.suffix == ".cpp" else ["-std=gnu11"]
        strict = ["-Werror"] if source in own else ["-w"]
        compiler = "avr-g++" if source.suffix == ".cpp" else "avr-gcc"
        sh(compiler, *flags, *cxx, *strict, *sections, *includes, "-c", source, "-o", objects[-1], cwd=tmp_path)
    elf = tmp_path / "net.elf"
    sh("avr-gcc", "-mmcu=atmega328p", "-Wl,--gc-sections", *objects, "-lm", "-o", elf, cwd=tmp_path)
    sh("avr-objcopy", "-O", "binary", elf, elf.with_suffix(".bin"), cwd=tmp_path)
    return elf


def test_the_arduino_sketch_fits_the_uno(uno_sketch: Path) -> None:
    text, data, bss = map(int, sh("avr-size", uno_sketch, cwd=uno_sketch.parent).splitlines()[1].split()[:3])
    assert text + data < 32256  # the Uno's flash without its boot loader
    assert data + bss < 2048


@pytest.mark.emulated
def test_the_arduino_sketch_answers_as_tflm_on_an_emulated_uno(uno_sketch: Path, model: Path) -> None:
    chosen = require_board("arduino-uno")
    x = np.random.default_rng(4).integers(-128, 128, (3, 1, 12), dtype=np.int8)
    with Judge(model.read_bytes()) as judge, Emulator(chosen, uno_sketch) as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        with open_device(chosen, port=port) as device:
            device.require_model(read_graph(model).sha256)
            for vector in x:
                assert device.infer(vector) == [judge.run([vector])[0].tobytes()]


@pytest.mark.emulated
def test_the_sensor_of_a_bare_metal_board(model: Path, tmp_path: Path) -> None:
    """It is asked, and what is done with its outputs, reaches the UART."""
    chosen = board("microbit")
    program = model_program(read_graph(model), model, chosen.target, "aot")
    files = bare_metal_project(program, chosen)
    files["sensor.c"] = """
#include "net.h"
#include "serve.h"
#include "uart.h"
static int8_t asked;
int tinykit_read_input(void) {
    for (int i = 0; i < NET_INPUT_SIZE; ++i) { net_input()[i] = asked; }
    return ++asked < 4;
}
void tinykit_use_output(void) {
    for (int i = 0; i < NET_OUTPUT_SIZE; ++i) { uart_put((uint8_t)net_output()[i]); }
}
"""
    write(files, tmp_path / "p")
    sh("make", "-s", cwd=tmp_path / "p")
    samples = [np.full((1, 12), value, np.int8) for value in range(3)]
    with Judge(model.read_bytes()) as judge:
        expected = b"".join(judge.run([x])[0].tobytes() for x in samples)
    received = b""
    with Emulator(chosen, tmp_path / "p" / "build" / "net.elf") as emulator:
        port = SerialPort(emulator.port)
        emulator.run()
        end = port.clock() + 10
        while expected not in received and port.clock() < end:
            received += port.read(1.0)
        port.close()
    assert expected in received


# --- rendered, and read by their formats' own parsers -----------------------------------------------


@pytest.mark.parametrize("suffix", ["", "-tflm"])
def test_platformio_and_arduino_files(projects: dict[str, Path], suffix: str) -> None:
    ini = configparser.ConfigParser()
    ini.read(projects["platformio" + suffix] / "platformio.ini")
    (section,) = ini.sections()
    assert section == f"env:{ini[section]['board']}"
    assert ini[section]["framework"] == "arduino"
    assert ("lib_deps" in ini[section]) == bool(suffix)
    properties = (projects["arduino" + suffix] / "libraries" / "net" / "library.properties").read_text()
    pairs = dict(line.split("=", 1) for line in properties.splitlines() if line)
    needed = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert needed <= pairs.keys()


@pytest.mark.parametrize("suffix", ["", "-tflm"])
def test_yaml_and_kconfig(projects: dict[str, Path], suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    idf, zephyr = projects["espidf" + suffix], projects["zephyr" + suffix]
    manifest = yaml.safe_load((idf / "components" / "net" / "idf_component.yml").read_text())
    assert ("espressif/esp-tflite-micro" in manifest["dependencies"]) == bool(suffix)
    module = yaml.safe_load((zephyr / "net" / "zephyr" / "module.yml").read_text())
    assert (zephyr / "net" / module["build"]["kconfig"]).is_file()
    options = kconfiglib.Kconfig(str(idf / "components" / "net" / "Kconfig"))
    assert options.syms["TINYKIT_BAUD"].str_value == "115200"
    # Zephyr's own symbols, which the module's option depends on and selects.
    around = zephyr / "Kconfig.around"
    names = ("SERIAL", "UART_INTERRUPT_DRIVEN", "REBOOT", "CPP", "STD_CPP17", "TENSORFLOW_LITE_MICRO", "CONSOLE")
    rest = ("REQUIRES_FULL_LIBCPP", "UART_CONSOLE", "BOOT_BANNER", "SPEED_OPTIMIZATIONS")
    bools = "".join(f'config {n}\n\tbool "{n}"\n' for n in (*names, *rest))
    stack = 'config MAIN_STACK_SIZE\n\tint "stack"\n'
    around.write_text(f'{bools}{stack}source "{zephyr / "net" / "Kconfig"}"\n')
    whole = kconfiglib.Kconfig(str(around), warn_to_stderr=False)
    whole.load_config(str(zephyr / "app" / "prj.conf"))
    assert not whole.warnings
    assert whole.syms["TINYKIT_MODEL"].str_value == "y"
    assert whole.syms["UART_INTERRUPT_DRIVEN"].str_value == "y"
    assert whole.syms["TENSORFLOW_LITE_MICRO"].str_value == ("y" if suffix else "n")


CHECK_SOURCES = """
function(check)
  foreach(name ${ARGN})
    if(name MATCHES "\\\\.(c|cpp)$" AND NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name})
      message(FATAL_ERROR "no file ${name} in ${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
  endforeach()
  message(STATUS "checked ${ARGN}")
endfunction()
"""


@pytest.mark.parametrize("suffix", ["", "-tflm"])
def test_espidf_and_zephyr_cmake_files(projects: dict[str, Path], suffix: str, tmp_path: Path) -> None:
    """CMake itself reads them, with a few lines in the place of ESP-IDF and Zephyr: all sources named are there."""
    require_tool("cmake", "cmake")
    idf = tmp_path / "idf" / "tools" / "cmake"
    idf.mkdir(parents=True)
    (idf / "project.cmake").write_text(
        CHECK_SOURCES
        + "macro(idf_component_register)\n  check(${ARGN})\nendmacro()\nmacro(project name)\n"
        + "  _project(${name} NONE)\n  add_subdirectory(components/net)\n  add_subdirectory(main)\nendmacro()\n"
    )
    told = sh("cmake", "-B", "out", cwd=projects["espidf" + suffix], IDF_PATH=str(tmp_path / "idf"))
    assert "tinykit/device.c" in told and "main.c;sensor.c" in told
    cmake = tmp_path / "zephyr" / "share" / "zephyr-package" / "cmake"
    cmake.mkdir(parents=True)
    (cmake / "ZephyrConfig.cmake").write_text(
        CHECK_SOURCES
        + "foreach(name zephyr_library_named zephyr_include_directories)\n"
        + '  cmake_language(EVAL CODE "function(${name})\\nendfunction()")\nendforeach()\n'
        + "function(zephyr_library_sources)\n  check(${ARGN})\nendfunction()\n"
        + "set(CONFIG_TINYKIT_MODEL y)\nfile(WRITE ${CMAKE_BINARY_DIR}/none.c)\n"
        + "add_library(app OBJECT ${CMAKE_BINARY_DIR}/none.c)\n"
        + "foreach(module ${ZEPHYR_EXTRA_MODULES})\n  add_subdirectory(${module} module)\nendforeach()\n"
    )
    app = projects["zephyr" + suffix] / "app"
    told = sh("cmake", "-B", "out", f"-DZephyr_DIR={cmake}", cwd=app)
    assert "tinykit/device.c" in told
    assert all((app / n).is_file() for n in re.findall(r"src/\w+\.c", (app / "CMakeLists.txt").read_text()))


# --- the verb ---------------------------------------------------------------------------------------


def test_what_the_user_filled_in_is_never_replaced(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert run(["export", str(model), "--template", "baremetal", "--board", "microbit", "-o", str(folder)]) == 0
    assert run(["export", str(model), "--template", "cmake", "-o", str(folder)]) == 2
    assert "never replaces files" in capsys.readouterr().err
    assert run(["build", str(model), "--board", "microbit", "-o", str(folder)]) == 2
    assert (folder / "sensor.c").is_file()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--template", "arduno"], "Did you mean 'arduino'?"),
        (["--template", "baremetal", "--target", "cortex-m4"], "bare metal is for one of tinykit's boards"),
        (["--template", "cmake", "--target", "cortex-m4", "--board", "microbit"], "--board decides the target"),
        (["--template", "espidf", "--id", 'x"\n)'], "cannot be used"),
        (["--template", "zephyr", "--board", "mibrobit"], "Did you mean microbit"),
        (["--template", "platformio", "--id", "someboard"], "expected --id PLATFORM/BOARD"),
        (["--template", "espidf", "--board", "microbit"], "expected --id, or a template of cmake, zephyr"),
    ],
)
def test_refusals(
    model: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(model), *arguments, "-o", str(tmp_path / "x")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_the_board_chooses_core_and_name(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "z"
    assert run(["export", str(model), "--template", "zephyr", "--board", "microbit", "-o", str(folder)]) == 0
    assert "west build -b bbc_microbit app" in capsys.readouterr().out
    assert "cortex-m0" in (folder / "net" / "tinykit" / "board.h").read_text()


@pytest.mark.parametrize(
    ("chosen", "platform", "name"),
    [
        ([], "ststm32", "nucleo_f446re"),
        (["--board", "esp32"], "espressif32", "esp32dev"),
        (["--id", "teensy41"], "teensy", "teensy41"),  # a board of ours by its ecosystem's name
        (["--id", "atmelavr/megaatmega2560"], "atmelavr", "megaatmega2560"),  # none of ours
    ],
)
def test_platformio_gets_platform_and_board(
    model: Path, tmp_path: Path, chosen: list[str], platform: str, name: str
) -> None:
    assert run(["export", str(model), "--template", "platformio", *chosen, "-o", str(tmp_path / "p")]) == 0
    ini = configparser.ConfigParser()
    ini.read(tmp_path / "p" / "platformio.ini")
    assert dict(ini[f"env:{name}"]).items() >= {"platform": platform, "board": name}.items()
