"""The places of marks: shares, offsets and occupied bytes follow from the data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.report.charts import curves, matrix, memory_picture, seed_picture, stacked
from tinykit.report.words import kibibytes, layer_names, moment, percent, short, text


def _plan(*buffers: tuple[int, int, int, int], lower: int | None = None) -> dict[str, object]:
    keys = ("offset", "size", "first", "last")
    return {
        "lower_bound": lower,
        "buffers": [{"tensor": f"t{i}", **dict(zip(keys, b, strict=True))} for i, b in enumerate(buffers)],
    }


def test_blocks_lie_where_the_plan_says() -> None:
    picture = memory_picture(_plan((0, 100, 0, 1), (100, 300, 1, 3), lower=400))
    assert picture is not None
    low, high = picture.blocks
    assert (low.x, low.width) == (0, 50)
    assert (high.x, high.width) == (25, 75)
    assert low.y + low.height == pytest.approx(picture.height)
    assert high.y == pytest.approx(0)
    assert high.height == pytest.approx(3 * low.height)
    assert picture.lower_bound_y == pytest.approx(0)
    assert (picture.arena, picture.peak, picture.peak_first) == (400, 400, 1)


def test_shared_bytes_are_counted_once() -> None:
    picture = memory_picture(_plan((0, 100, 0, 0), (50, 100, 0, 0)))
    assert picture is not None
    assert picture.peak == 150


def test_absurd_plans_are_left_out() -> None:
    assert memory_picture({}) is None
    assert memory_picture(_plan((0, 10, 0, 10**9))) is None
    assert memory_picture(_plan((-5, 10, 0, 1), (0, 10, 3, 1))) is None


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(1, 999), st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_every_block_lies_inside_the_picture(rows: list[tuple[int, int, int, int]]) -> None:
    picture = memory_picture(_plan(*((o, s, min(a, b), max(a, b)) for o, s, a, b in rows)))
    assert picture is not None
    for block in picture.blocks:
        assert block.x >= 0 and block.x + block.width <= 100 + 1e-9
        assert block.y >= -1e-9 and block.y + block.height <= picture.height + 1
    assert 0 < picture.peak <= picture.arena


def test_confusion_shares_are_of_the_row() -> None:
    found = matrix("Board", [[3, 1], [0, 0]], ["cat"])
    assert found is not None
    assert [cell.share for cell in found.rows[0]] == [0.75, 0.25]
    assert (found.right, found.samples, found.labels) == (3, 4, ("cat", "1"))
    assert found.worst == (("cat", "1", 1),)


def test_a_ragged_matrix_is_no_matrix() -> None:
    assert matrix("Board", [[1, 2], [3]], []) is None
    assert matrix("Board", None, []) is None


def test_curves_share_one_axis_and_skip_gaps() -> None:
    history = [{"loss": 2.0, "validation": 0.55}, {"loss": None, "validation": 0.75}, {"loss": 1.0, "validation": 1.0}]
    (curve,), floor = curves([("A", history), ("too short", history[:1])])
    assert floor == 0.5
    assert curve.validation == "0.00,90.00 50.00,50.00 100.00,0.00"
    assert curve.loss == "0.00,0.00 100.00,50.00"
    assert (curve.validation_best, curve.loss_last) == (1.0, 1.0)


def test_seeds_lie_on_a_stated_axis() -> None:
    picture = seed_picture({"control": [0.85, 0.87], "distilled": [0.96]})
    assert picture is not None
    assert picture.low < 0.85 and picture.high >= 0.96
    assert all(0 <= place <= 100 for row in picture.rows for place in row.places)
    assert picture.rows[0].mean == pytest.approx(0.86)


def test_stacked_bars_fill_the_width() -> None:
    segments = stacked([("weights", 300, True), ("code", 100, True), ("firmware", 0, False)])
    assert [(s.x, s.width) for s in segments] == [(0, 75), (75, 25), (100, 0)]


@pytest.mark.parametrize(
    ("value", "said"),
    [(412345, "412 k"), (7847197, "7.85 M"), (9999, "9,999"), (99_960, "100 k"), (999_700, "1.00 M"), (None, "–")],
)
def test_large_counts_in_three_figures(value: object, said: str) -> None:
    assert short(value) == said


def test_words() -> None:
    assert percent(0.901) == "90.1 %"
    assert percent(float("nan")) == "–"
    assert percent(True) == "–"
    assert kibibytes(12506) == "12.2 KiB"
    assert kibibytes(512) == "512 B"
    assert text("a\x1b[31m\nb") == "a [31m b"
    assert moment("2026-11-20T08:00:00Z") == "2026-11-20 08:00 UTC"
    assert moment("yesterday") == "yesterday"


def test_layer_names_lose_the_model_s_own() -> None:
    names = ["m/conv/Relu;m/conv/BiasAdd", "m/pool/MaxPool", "out:0"]
    assert layer_names(names) == ["conv/Relu", "pool/MaxPool", "out:0"]
    assert layer_names(["conv/Relu"]) == ["conv/Relu"]
