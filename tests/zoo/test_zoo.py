"""Whole models, byte for byte TFLM, inner tensors included: on this machine, and the compiled C of every core."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kernels.test_sanitized import CASES
from tests.support.elementwise import binary, cast, prelu, unary
from tests.support.equality import case
from tests.support.models import conv_2d, depthwise_conv_2d, fully_connected, softmax, transpose_conv
from tests.support.movement import concatenated, gather, mirror_pad, resize, split, strided_slice, transpose
from tests.support.reductions import arg_extreme, cumsum, reduction
from tests.support.tally import note
from tests.support.weighted import batch_matmul, lstm, svdf
from tests.zoo.firmware import bins, differences
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target
from tinykit.validate.emulated import emulated_board
from tinykit.validate.parity import verify

FILES = sorted((Path(__file__).parent / "models").glob("*.tflite"))
SANITIZED = (
    *("bidirectional_lstm", "dense_autoencoder_int16x8", "decoder_step", "ds_cnn_int16x8", "fusion", "lstm"),
    *("normalized_features", "resnet_int16x8", "simple_rnn", "svdf", "unrolled_lstm"),
)
"""Run under AddressSanitizer and UndefinedBehaviorSanitizer in every run; with TINYKIT_SANITIZE=1 all models do."""

BEYOND_TFLM = ("mlp_mixer", "transformer")
"""With GELU, which TFLM lacks: tensorflow judges them."""

SINGLE = (
    *CASES,
    case(concatenated, (1, 4, 5), axis=1, sizes=(2, 3)),
    case(transpose, (2, 3, 4), order=(2, 0, 1)),
    case(strided_slice, (5, 7), begin=(4, 1), end=(0, 7), strides=(-2, 3)),
    case(split, (2, 6), axis=1, parts=3),
    case(mirror_pad, (3, 4), paddings=((1, 2), (2, 0))),
    case(gather, (4, 5), indices=(3,), axis=1),
    case(resize, (1, 4, 5, 2), size=(7, 3), half_pixel_centers=True),
    case(binary, (2, 5), op="MUL", shape=(1, 5)),
    case(binary, (3, 4), op="SQUARED_DIFFERENCE"),
    case(binary, (3, 4), op="MAXIMUM", scale=0.05, other_scale=1.0, zero_point=-3),
    case(unary, (2, 30), op="L2_NORMALIZATION", scale=1 / 128, zero_point=0),
    case(unary, (2, 30), op="LOG_SOFTMAX", scale=16 / 256, zero_point=127),
    case(unary, (1, 64), op="TANH", scale=1 / 128, zero_point=0),
    case(reduction, (3, 4, 5), op="SUM", axes=(0, 2), scale=0.5),
    case(reduction, (3, 4, 5), op="REDUCE_MAX", axes=(1,)),
    case(arg_extreme, (3, 7), op="ARG_MIN"),
    case(cumsum, (3, 9), exclusive=True, reverse=True),
    case(prelu, (2, 3, 4), shape=(1, 1, 4)),
    case(softmax, (3, 17), dtype="int16", input_scale=0.2),
    case(softmax, (2, 9), input_dtype="int16", input_zero_point=0, input_scale=0.0005),
    case(conv_2d, (1, 5, 6, 3), filters=5, input_dtype="int16", input_zero_point=0, input_scale=0.0001),
    case(depthwise_conv_2d, (1, 5, 6, 3), input_dtype="int16", input_zero_point=0, input_scale=0.0001),
    case(fully_connected, (2, 700), units=5, input_dtype="int16", input_zero_point=0, input_scale=0.0001),
    case(conv_2d, (1, 5, 5, 3), filters=3, int4=True),
    case(fully_connected, (1, 33), units=5, int4=True),
    case(transpose_conv, (1, 4, 3, 5)),
    case(batch_matmul, (2, 3, 4), shape=(2, 4, 5)),
    case(lstm, (1, 5, 4)),
    case(svdf, (1, 6)),
    case(unary, (1, 64), op="RSQRT", input_zero_point=-128, scale=0.02),
    case(unary, (1, 64), op="HARD_SWISH"),
    case(unary, (1, 64), op="LEAKY_RELU", input_dtype="int16", input_zero_point=0, alpha=0.3),
    case(cast, (2, 20), dtype="int32"),
    case(binary, (3, 4), op="LESS", dtype="bool"),
    case(binary, (3, 4), op="DIV", scale=0.5, constant=True, nonzero=True),
    case(resize, (1, 4, 5, 2), size=(8, 9), op="RESIZE_NEAREST_NEIGHBOR"),
    case(resize, (1, 3, 4, 2), size=(5, 7), input_dtype="float32"),
)
"""Single operators beside the zoo, of every kind of kernel."""

TARGETS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=pytest.mark.train if p.stem in BEYOND_TFLM else ()) for p in FILES],
)
def test_equals_tflm(path: Path) -> None:
    result = verify(path, vectors=24, sanitize=path.stem in SANITIZED or bool(os.environ.get("TINYKIT_SANITIZE")))
    assert result["bit_exact"], result["first_divergent_layer"]
    assert result["tensors"] >= 0.8 * result["tensors_computed"]
    note(path.read_bytes(), vectors=24, bytes=result["bytes"])


def test_is_small_and_of_every_kind() -> None:
    assert sum(p.stat().st_size for p in FILES) < 1 << 20
    operators = {o.op for p in FILES for o in read_graph(p).operators}
    assert len(FILES) >= 25 and len(operators) >= 30


@pytest.mark.emulated
@pytest.mark.parametrize("name", TARGETS)
def test_equals_tflm_on_the_core(name: str, tmp_path: Path) -> None:
    board = emulated_board(name)
    models = {p.stem: p.read_bytes() for p in FILES if p.stem not in BEYOND_TFLM}
    models |= {f"one_{k}": one.model for k, one in enumerate(SINGLE)}
    plans = {stem: make_plan(read_graph(data, stem), target(name)) for stem, data in models.items()}
    filled = bins(plans, board)
    assert sum(map(len, filled)) >= (len(plans) if name != "cortex-m0" else 12)
    for number, stems in enumerate(filled):
        chosen = [(plans[stem], models[stem]) for stem in stems]
        assert differences(chosen, board, tmp_path / str(number)) == []
