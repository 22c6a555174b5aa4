"""NAME_values.h: the same input bytes and the same answers in C as in Python, for any raw values."""

from __future__ import annotations

import ctypes
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require_tool
from tests.support.models import ModelBuilder, fully_connected
from tinykit.codegen.emit import emit
from tinykit.codegen.values import values_header
from tinykit.data.normalization import Normalization, learn
from tinykit.graph.reader import read_graph
from tinykit.pipeline import referral
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.targets import target

FLAGS = ("-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SCALE, ZERO_POINT, CHANNELS = float(np.float32(0.0371)), -17, 5  # the scale as a model file holds it
random = np.random.default_rng(6)
LEARNED = Normalization(
    (random.normal(0, 1, CHANNELS) * 10.0 ** np.arange(-4, 6, 2)).astype(np.float32),
    (random.uniform(0.5, 2, CHANNELS) * 10.0 ** np.arange(-5, 5, 2)).astype(np.float32),
)


def plan(moments: int = 1, outputs: int = 4) -> Plan:
    model = ModelBuilder(1)
    x = model.input((1, moments * CHANNELS), scale=SCALE, zero_point=ZERO_POINT)
    return make_plan(read_graph(model.finish([fully_connected(model, x, units=outputs)]), "m"), target("host"))


def library(folder: Path, header: str, *flags: str) -> ctypes.CDLL:
    require_tool("gcc", "gcc")
    (folder / "m_values.h").write_text(header)
    (folder / "m.c").write_text(
        '#include "m_values.h"\n#ifdef M_RAW_VALUES\nvoid quantize(const float *raw, int8_t *input);\n'
        "void quantize(const float *raw, int8_t *input) { m_quantize(raw, input); }\n#endif\n#ifdef M_UNSURE\n"
        "int answer(const int8_t *scores);\nint answer(const int8_t *scores) { return m_answer(scores); }\n#endif\n"
    )
    command = ["gcc", "-std=c99", *FLAGS, *flags, "-shared", "-fPIC", "m.c", "-o", "m.so"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return ctypes.CDLL(str(folder / "m.so"))


def hard_values(count: int) -> np.ndarray:
    """(count, CHANNELS): usual, on and beside the edges between two steps, huge, NaN, infinite."""
    usual = LEARNED.mean + random.normal(0, 3, (count, CHANNELS)) * LEARNED.deviation
    edges = LEARNED.mean + random.integers(-300, 300, (count, CHANNELS)) * LEARNED.deviation * SCALE / 2
    near = np.nextafter(edges.astype(np.float32), np.float32(random.choice([-1e30, 1e30])))
    any_bits = random.integers(0, 2**32, (count, CHANNELS), dtype=np.uint64).astype(np.uint32).view(np.float32)
    special = random.choice(np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-45]), (count, CHANNELS))
    return np.concatenate([part.astype(np.float32) for part in (usual, edges, near, any_bits, special)])


@pytest.mark.parametrize("flags", [(), ("-O3", "-march=native", "-ffp-contract=fast")])
@pytest.mark.parametrize("moments", [1, 4])
def test_raw_values_become_the_same_bytes(tmp_path: Path, moments: int, flags: tuple[str, ...]) -> None:
    compiled = library(tmp_path, values_header(plan(moments), LEARNED, ("*/ x", "b")), *flags)
    raw = hard_values(8000).reshape(-1, moments * CHANNELS)
    found = np.zeros(raw.shape, np.int8)
    for source, place in zip(raw, found, strict=True):
        compiled.quantize(source.ctypes.data_as(ctypes.c_void_p), place.ctypes.data_as(ctypes.c_void_p))
    expected = LEARNED.quantize(raw.reshape(-1, CHANNELS), SCALE, ZERO_POINT).reshape(raw.shape)
    assert np.array_equal(found, expected)
    assert len(np.unique(expected)) == 256


ON_AN_AVR = """
#include <avr/io.h>
#include <avr/pgmspace.h>
#include "m_values.h"
static const uint32_t bits[] PROGMEM = {@};
int main(void)
{
    UCSR0B = _BV(TXEN0);
    for (uint16_t i = 0; i < sizeof bits / sizeof *bits; i += M_RAW_VALUES) {
        union { uint32_t bits; float value; } raw;
        float values[M_RAW_VALUES];
        int8_t input[M_RAW_VALUES];
        for (uint8_t j = 0; j < M_RAW_VALUES; ++j) {
            raw.bits = pgm_read_dword(&bits[i + j]);
            values[j] = raw.value;
        }
        m_quantize(values, input);
        for (uint8_t j = 0; j < M_RAW_VALUES; ++j) {
            while (!(UCSR0A & _BV(UDRE0))) {}
            UDR0 = (uint8_t)input[j];
        }
    }
    for (;;) {}
}
"""


@pytest.mark.emulated
def test_the_same_bytes_by_an_avr_s_software_floats(tmp_path: Path) -> None:
    require_tool("avr-gcc", "gcc-avr avr-libc")
    require_tool("qemu-system-avr", "qemu-system-misc")
    raw = hard_values(250)
    words = ", ".join(f"0x{word:08x}" for word in raw.view(np.uint32).reshape(-1))
    (tmp_path / "m_values.h").write_text(values_header(plan(), LEARNED))
    (tmp_path / "m.c").write_text(ON_AN_AVR.replace("@", words))
    command = ["avr-gcc", "-mmcu=atmega328p", "-std=gnu99", "-Os", "m.c", "-lm", "-o", "m.elf"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    emulator = ["qemu-system-avr", "-M", "uno", "-display", "none", "-monitor", "none", "-serial", "stdio"]
    with subprocess.Popen([*emulator, "-bios", "m.elf"], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        assert process.stdout is not None
        said = process.stdout.read(raw.size)
        watchdog.cancel()
        process.kill()
    found = np.frombuffer(said, np.int8)
    assert np.array_equal(found.reshape(-1, CHANNELS), LEARNED.quantize(raw, SCALE, ZERO_POINT))


def test_it_is_the_int8_of_the_normalized_values_but_for_ties() -> None:
    raw = hard_values(8000)[:8000]
    exact = (raw.astype(np.float64) - LEARNED.mean) / LEARNED.deviation / SCALE
    difference = LEARNED.quantize(raw, SCALE, 0) - np.clip(exact, -128, 127)
    assert abs(difference).max() < 0.5001


def test_a_channel_that_never_changes_is_carried() -> None:
    x = np.stack([np.full(50, 7.25), np.arange(50)], axis=1)
    learned = learn(x)
    assert learned.deviation[0] == 1 and np.isfinite(learned.factors(0.01)).all()
    assert (learned.quantize(x[:, :1].repeat(2, axis=1), 0.01, 3)[:, 0] == 3).all()


@pytest.mark.parametrize(("outputs", "margin"), [(2, 0), (2, 9), (4, 30), (4, referral.MOST)])
def test_answers_are_those_of_the_margin(tmp_path: Path, outputs: int, margin: int) -> None:
    compiled = library(tmp_path, values_header(plan(outputs=outputs), None, margin=margin))
    scores = random.integers(-128, 128, (1000, outputs)).astype(np.int8)
    scores[::3] = random.integers(0, 4, scores[::3].shape)  # with ties
    scores[1] = [-128] * (outputs - 1) + [127]
    found = [compiled.answer(row.ctypes.data_as(ctypes.c_void_p)) for row in scores]
    sure = referral.margins(scores) >= margin
    assert found == np.where(sure, scores.argmax(axis=1), -1).tolist()


@pytest.mark.parametrize("compiler", ["g++", "arm-none-eabi-gcc", "avr-gcc"])
def test_it_compiles_elsewhere_beside_the_model(tmp_path: Path, compiler: str) -> None:
    require_tool(compiler, compiler)
    here = plan(2)
    header = values_header(here, LEARNED, margin=12, step=0.03)
    for name, text in {**emit(here), "m_values.h": header, "u.c": '#include "m.h"\n#include "m_values.h"\n'}.items():
        (tmp_path / name).write_text(text)
    language = ["-std=c++11", "-x", "c++"] if compiler == "g++" else ["-std=c99", "-pedantic"]
    subprocess.run([compiler, *language, *FLAGS, "-c", "u.c"], cwd=tmp_path, check=True, timeout=60)


def test_the_margin_is_the_smallest_that_keeps_the_promise() -> None:
    scores = np.array([[50, 0], [40, 0], [0, 30], [5, 0], [0, 4], [0, 20]], np.int8)
    y = np.array([0, 0, 1, 1, 1, 0])
    assert referral.choose(scores, y, 0.5) == 0
    assert referral.choose(scores, y, 1.0) == 21
    facts = referral.measure(scores, y, 21)
    assert facts == {"samples": 6, "referred": 3, "coverage": 0.5, "accuracy": 1.0}
    assert referral.choose(scores, 1 - y, 1.0) in (5, referral.MOST)
    nothing = referral.choose(np.array([[9, 0]], np.int8), np.array([1]), 0.5)
    assert nothing == referral.MOST and referral.measure(scores, y, nothing)["accuracy"] is None
