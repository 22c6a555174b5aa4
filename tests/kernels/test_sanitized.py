"""A sample of every portable kernel under AddressSanitizer and UndefinedBehaviorSanitizer, equal to TFLM there too."""

from __future__ import annotations

from tests.support.equality import assert_equal, case
from tests.support.models import (
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    logistic,
    max_pool_2d,
    mean,
    pad,
    quantize,
    relu,
    softmax,
)

CASES = (
    case(conv_2d, (2, 5, 7, 3), filters=7, kernel=(3, 2), strides=(2, 1), input_zero_point=127),
    case(conv_2d, (1, 4, 4, 4), filters=6, groups=2, dilation=(2, 3), input_zero_point=-128),
    case(conv_2d, (1, 2, 2, 2), filters=4, kernel=(5, 5), dilation=(3, 3), activation="RELU6"),
    case(conv_2d, (1, 3, 3, 9), filters=8, kernel=(1, 1), bias=False),
    case(depthwise_conv_2d, (2, 5, 6, 3), multiplier=2, strides=(2, 2), input_zero_point=127),
    case(depthwise_conv_2d, (1, 3, 3, 4), kernel=(4, 5), dilation=(2, 2), per_channel=False),
    case(fully_connected, (3, 33), units=7, weights_zero_point=-128, input_zero_point=127),
    case(fully_connected, (2, 2, 9), units=4, per_channel=True, keep_dims=True),
    case(average_pool_2d, (2, 5, 5, 3), window=(3, 4), strides=(2, 1), padding="SAME"),
    case(max_pool_2d, (1, 6, 5, 3), window=(4, 3), padding="SAME"),
    case(mean, (2, 3, 4, 5), axes=(1, 3), scale=0.02, zero_point=-128),
    case(add, (1, 3, 1, 4), shape=(2, 1), constant=True, activation="RELU"),
    case(add, (1, 5, 3), scale=0.001),
    case(pad, (2, 3, 3, 2), paddings=[(1, 0), (0, 2), (3, 1), (0, 1)], value=-9),
    case(softmax, (3, 17), input_scale=0.2),
    case(logistic, (1, 64)),
    case(relu, (1, 64), scale=0.031, zero_point=-7),
    case(quantize, (1, 64), input_dtype="float32", zero_point=-128),
    case(quantize, (1, 64), input_dtype="int16", input_zero_point=0, scale=0.0007),
    case(dequantize, (1, 64), input_dtype="uint8", input_zero_point=128),
)


def test_kernels_are_clean_and_equal() -> None:
    assert_equal(CASES, sanitize=True)
