"""The ring of NAME_values.h: every window of a stream, byte for byte what Python makes of the same rows."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.codegen.test_values import CHANNELS, LEARNED, SCALE, ZERO_POINT, library, plan
from tinykit.codegen.values import values_header

ROWS = 7
_LOOP = """
int stream(const float *raw, int rows, int step, int8_t *inputs);
int stream(const float *raw, int rows, int step, int8_t *inputs)
{
    m_window window = {{0}, 0, 0, 0};
    int due = 0;
    for (int row = 0; row < rows; ++row) {
        if (m_window_add(&window, raw + row * M_WINDOW_CHANNELS, (uint16_t)step)) {
            m_window_read(&window, inputs + due++ * M_RAW_VALUES);
        }
    }
    return due;
}

void early(const float *raw, int rows, int8_t *input);
void early(const float *raw, int rows, int8_t *input)
{
    static m_window window;
    for (int row = 0; row < rows; ++row) {
        (void)m_window_add(&window, raw + row * M_WINDOW_CHANNELS, 1);
    }
    m_window_read(&window, input);
}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    header = values_header(plan(ROWS), LEARNED).replace("#endif /* M_VALUES_H */", f"{_LOOP}\n#endif")
    return library(tmp_path_factory.mktemp("window"), header, "-fsanitize=undefined", "-fno-sanitize-recover")


@pytest.mark.parametrize("step", [1, 3, ROWS, ROWS + 2])
@pytest.mark.parametrize("rows", [ROWS - 1, ROWS, 60])
def test_windows_of_a_stream(compiled: ctypes.CDLL, rows: int, step: int) -> None:
    random = np.random.default_rng(rows)
    raw = (LEARNED.mean + random.normal(0, 2, (rows, CHANNELS)) * LEARNED.deviation).astype(np.float32)
    found = np.zeros((rows, ROWS * CHANNELS), np.int8)
    due = compiled.stream(raw.ctypes.data_as(ctypes.c_void_p), rows, step, found.ctypes.data_as(ctypes.c_void_p))
    starts = range(0, rows - ROWS + 1, step)
    assert due == len(starts)
    quantized = LEARNED.quantize(raw, SCALE, ZERO_POINT)
    for window, start in zip(found, starts, strict=False):
        assert np.array_equal(window, quantized[start : start + ROWS].reshape(-1))


def test_before_it_is_full_the_rows_stand_in_order(compiled: ctypes.CDLL) -> None:
    raw = np.tile(LEARNED.mean, (3, 1)).astype(np.float32)
    found = np.ones(ROWS * CHANNELS, np.int8)
    compiled.early(raw.ctypes.data_as(ctypes.c_void_p), 3, found.ctypes.data_as(ctypes.c_void_p))
    assert (found[: 3 * CHANNELS] == ZERO_POINT).all() and (found[3 * CHANNELS :] == 0).all()


def test_a_single_row_needs_no_ring() -> None:
    assert "_window" not in values_header(plan(1), LEARNED)
