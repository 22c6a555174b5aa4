"""What the verbs print: the figures are there, and every line fits its terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import sample
from tinykit.report.table import bench_table, check_table, render, validate_text, verify_text

CHECK: dict[str, Any] = {
    "model": "speech.tflite",
    "board": "microbit",
    "target": "cortex-m0",
    "supported": False,
    "unsupported": [
        {"layer": "model/lstm", "op": "LSTM", "why": "a recurrent operator " * 6, "fix": "Unroll it"},
        {"layer": "model/gelu", "op": "GELU", "why": "no kernel", "fix": "Use RELU"},
    ],
    "fits": False,
    "flash": {"weights": 1000, "code": 2000, "total": 3000},
    "ram": {"arena": 40000, "static": 8, "stack": 500, "total": 40508, "firmware": 896, "available": 16384},
    "missing": {"flash": 0, "ram": 25020},
    "instructions": 123456,
}


def _widest(page: str) -> int:
    return max((len(line) for line in page.splitlines()), default=0)


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120])
@pytest.mark.parametrize("run", [sample.full_run(), sample.failed_run(), sample.bench_only_run(), sample.wide_run()])
def test_every_table_fits(width: int, run: dict[str, Any]) -> None:
    validate = run.get("validate", {})
    for page in (render(run, width), bench_table(run["bench"], width), validate_text(validate, width)):
        assert _widest(page) <= width
    assert _widest(check_table(CHECK, width)) <= width


def test_the_closing_table_holds_every_stage_and_cost() -> None:
    page = render(sample.full_run(), 80, report="build/digits/report.html")
    for title in ("Teacher", "Control", "Distilled", "Pruned", "int8 by TFLM", "int8 on the board"):
        assert title in page
    for words in (
        "10.3 points more",
        "No byte differs between the board and TFLM over 360 samples",
        "weights 5,592 + code 6,914 = 12,506 B",
        "arena 3,072 + static 8 + stack 412 = 3,492 B",
        "195,289 per inference, emulated",
        "build/digits/report.html",
    ):
        assert words in page
    assert page.endswith("PASSED")
    assert "\033" not in page


def test_a_failed_run_gives_its_reasons() -> None:
    page = render(sample.failed_run(), 100)
    assert "NOT PASSED\n  - 42 bytes differ" in page


def test_colour_only_on_demand() -> None:
    assert "\033[1;32mPASSED\033[0m" in render(sample.full_run(), 80, colour=True)


def test_names_cannot_steer_the_terminal() -> None:
    run = sample.full_run()
    run["title"] = "a\033[2Jb\r\nc"
    run["bench"]["layers"][0]["kernel"] = "k\033]0;x\007"
    assert "\033" not in render(run, 80) + bench_table(run["bench"])


def test_an_empty_run_is_not_judged() -> None:
    assert render({}, 80) == "Not judged: no acceptance limits."


def test_bench_says_layer_by_layer_what_ran() -> None:
    page = bench_table(sample.bench())
    assert any(
        line.split() == ["2", "pw3/Relu", "conv_1x1", "32,768", "60,871", "31", "%", "1.86"]
        for line in page.splitlines()
    )
    assert "every byte equal" in page


def test_hardware_without_an_instruction_count_shows_its_own_unit() -> None:
    bench = sample.bench() | {"instructions": None, "ticks": 812345, "tick_unit": "cycles", "emulated": False}
    bench["layers"] = [layer | {"instructions": None, "ticks": 9} for layer in bench["layers"]]
    page = bench_table(bench)
    assert "Cycles              812,345 per inference" in page
    assert "nstructions" not in page


def test_check_lists_every_problem_with_its_fix() -> None:
    page = check_table(CHECK)
    assert "2 layers cannot be compiled" in page
    for words in (
        "model/lstm (LSTM)",
        "Unroll it",
        "model/gelu (GELU)",
        "Use RELU",
        "NO, on microbit",
        "25,020 B MISSING",
    ):
        assert words in page


def test_verify_says_equal_or_where_not() -> None:
    exact = {"bit_exact": True, "vectors": 200, "bytes": 2400, "mismatched_bytes": 0, "first_divergent_layer": None}
    assert verify_text(exact) == "Equal to TFLM byte for byte over 200 vectors, 2,400 bytes."
    told = verify_text({**exact, "judge": "tensorflow 2.19.1, reference kernels"}, 120)
    assert told.startswith("Equal to TensorFlow Lite's reference kernels (TFLM lacks an operator) byte for byte")
    wrong = exact | {"bit_exact": False, "mismatched_bytes": 1, "first_divergent_layer": "conv_3"}
    assert "NOT equal to TFLM: 1 byte differs over 200 vectors" in verify_text(wrong)
    assert "First to diverge    conv_3" in verify_text(wrong)


def test_validate_says_accuracy_bytes_and_place() -> None:
    page = validate_text(sample.failed_run()["validate"], 100)
    for words in ("91.4 % (329 of 360)", "42 bytes differ", "port /dev/pts/5", "found -12, TFLM has 17"):
        assert words in " ".join(page.split())


KEYS = st.sampled_from(
    ["board", "samples", "accuracy", "flash", "ram", "layers", "bit_exact", "instructions", "unsupported", "fits"]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.just([])
    | st.just([{}])
    | st.just({})
)


@given(st.dictionaries(KEYS, VALUES))
def test_partial_objects_are_printed_without_complaint(partial: dict[str, Any]) -> None:
    for show in (bench_table, check_table, verify_text, validate_text):
        assert all(len(line) <= 80 for line in show(partial, 80).splitlines())
