"""Predicted instructions and code bytes of kernels, by target.

A kernel's cost is modelled as `per_mac * macs + per_output * outputs + fixed`. The numbers are fitted to counts on
emulated boards (QEMU -icount) and to `arm-none-eabi-size` at -O2; they choose between kernels and fill `check`'s
forecast, and are no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.targets import Target


@dataclass(frozen=True)
class Coefficients:
    """Instructions a multiply-accumulate (or value read), an output value, and a call; bytes of code."""

    per_mac: float
    per_output: float
    fixed: int
    code: int


_THUMB2 = {
    "tk_conv_2d": Coefficients(4.2, 34.0, 60, 620),
    "tk_conv_2d_whole": Coefficients(4.2, 34.0, 60, 240),
    "tk_depthwise_conv_2d": Coefficients(6.5, 34.0, 60, 560),
    "tk_fully_connected": Coefficients(4.2, 30.0, 40, 170),
    "tk_average_pool_2d": Coefficients(4.0, 24.0, 60, 300),
    "tk_max_pool_2d": Coefficients(5.0, 20.0, 60, 260),
    "tk_mean": Coefficients(4.0, 36.0, 60, 220),
    "tk_add": Coefficients(0.0, 48.0, 60, 260),
    "tk_mul": Coefficients(0.0, 34.0, 60, 240),
    "tk_div": Coefficients(0.0, 160.0, 60, 460),
    "tk_extreme": Coefficients(0.0, 12.0, 60, 120),
    "tk_extreme_int64": Coefficients(0.0, 18.0, 60, 140),
    "tk_arithmetic_int32": Coefficients(0.0, 14.0, 60, 140),
    "tk_arithmetic_float": Coefficients(0.0, 20.0, 60, 180),
    "tk_compare": Coefficients(0.0, 12.0, 60, 120),
    "tk_compare_int64": Coefficients(0.0, 18.0, 60, 140),
    "tk_compare_float": Coefficients(0.0, 16.0, 60, 150),
    "tk_compare_quantized": Coefficients(0.0, 44.0, 60, 260),
    "tk_select": Coefficients(0.0, 12.0, 60, 120),
    "tk_select_float": Coefficients(0.0, 12.0, 60, 120),
    "tk_pad": Coefficients(0.0, 1.0, 120, 160),
    "tk_softmax": Coefficients(0.0, 40.0, 260, 420),
    "tk_lookup": Coefficients(0.0, 5.0, 12, 32),
    "tk_lookup_int16": Coefficients(0.0, 6.0, 12, 34),
    "tk_requantize_int16": Coefficients(0.0, 26.0, 20, 110),
    "tk_quantize_float_int16": Coefficients(0.0, 40.0, 20, 180),
    "tk_dequantize_uint8": Coefficients(0.0, 9.0, 20, 60),
    "tk_dequantize_int16": Coefficients(0.0, 9.0, 20, 60),
    "tk_clamp_values": Coefficients(0.0, 7.0, 12, 36),
    "tk_quantize_float": Coefficients(0.0, 40.0, 20, 180),
    "tk_dequantize": Coefficients(0.0, 9.0, 20, 60),
}

# Cores without a 32 x 32 -> 64 multiply call a library routine for each requantization, and address less freely.
_THUMB1_MAC, _THUMB1_OUTPUT = 1.5, 3.5

_CALL_BYTES = 14
"""A call of an instance: loading its arguments, less the constants themselves."""

_ARGUMENT_BYTES = 6
"""Loading one argument and its literal."""


def instructions(target: Target, function: str, macs: int, outputs: int) -> int:
    """Predicted instructions of one call."""
    cost = _THUMB2[function]
    mac, output = (1.0, 1.0) if target.has("mul64") else (_THUMB1_MAC, _THUMB1_OUTPUT)
    return round(cost.per_mac * mac * macs + cost.per_output * output * outputs) + cost.fixed


def code_bytes(function: str) -> int:
    """Predicted bytes of one specialised instance of a kernel."""
    return _THUMB2[function].code


def call_bytes(arguments: int) -> int:
    """Predicted bytes of the call itself in NAME_invoke."""
    return _CALL_BYTES + _ARGUMENT_BYTES * arguments


LIBRARY_BYTES = {"__aeabi_lmul": 80, "memset": 120, "memcpy": 140}
"""Code of library routines, newlib-nano and libgcc for Thumb."""
