"""What the byte-equality suites vary: quantizations, windows, activations, shapes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def activations() -> st.SearchStrategy[str]:
    """Fused clamps."""
    return st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])


@st.composite
def quantizations(draw: st.DrawFn) -> dict[str, Any]:
    """Scale and zero point of an input, and the seed of the model's weights."""
    return {
        "input_scale": draw(st.sampled_from([0.003921569, 0.02, 0.05, 0.117, 0.5847])),
        "input_zero_point": draw(st.sampled_from([-128, 127, 0]) | st.integers(-128, 127)),
        "seed": draw(st.integers(0, 1 << 16)),
    }


@st.composite
def window(draw: st.DrawFn, padding: str, most_dilation: int = 3) -> tuple[int, int, int, int]:
    """Size, kernel, stride and dilation of one axis, such that a VALID window fits."""
    kernel = draw(st.integers(1, 4))
    dilation = draw(st.integers(1, most_dilation))
    least = 1 if padding == "SAME" else (kernel - 1) * dilation + 1
    return draw(st.integers(least, least + 7)), kernel, draw(st.integers(1, 3)), dilation


def shapes(least_rank: int = 1, most_rank: int = 4, most: int = 6) -> st.SearchStrategy[tuple[int, ...]]:
    """Small tensor shapes."""
    return st.lists(st.integers(1, most), min_size=least_rank, max_size=most_rank).map(tuple)
