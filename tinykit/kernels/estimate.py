"""Predicted instructions, code and stack of kernels, by target.

A call costs `per_mac * macs + per_run * runs + per_output * outputs + fixed` instructions; a run is one stretch of
contiguous values, such as a kernel row. The numbers are fitted to counts on emulated boards (QEMU -icount, mps2-an386
and microbit) and to `arm-none-eabi-nm -S` at -O2 on the reference models, where they are within about 15 %. They
choose between kernels and fill `check`'s forecast; they are no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.targets import Target


@dataclass(frozen=True)
class Coefficients:
    """Instructions a multiply-accumulate (or value read), a run, an output and a call; bytes of code and of stack.

    `varying` are more bytes of code for each number that differs between the calls of an instance.
    """

    per_mac: float
    per_run: float
    per_output: float
    fixed: int
    code: int
    stack: int = 60
    varying: int = 12


ROWS_CODE = 80
"""Code of a stage of a row-by-row step without its kernel and the call of it."""

COPIED_BYTE = 0.8
"""Instructions to copy a byte within the arena, four at a time."""

COEFFICIENTS = {
    "tk_conv_2d": Coefficients(2.55, 13.0, 34.0, 60, 1050, 176),
    "tk_conv_2d_whole": Coefficients(2.55, 0.0, 32.0, 60, 420, 128),
    "tk_conv_2d_any": Coefficients(2.65, 14.0, 35.0, 60, 1000, 176, 45),
    "tk_conv_2d_any_pixel": Coefficients(2.6, 2.0, 42.0, 60, 720, 140, 45),
    "tk_conv_2d_dsp_pointwise": Coefficients(0.0, 0.0, 0.0, 60, 280, 156, 35),
    "tk_depthwise_conv_2d_dsp": Coefficients(0.0, 0.0, 0.0, 60, 1420, 165),
    "tk_depthwise_conv_2d_dsp_any": Coefficients(0.0, 0.0, 0.0, 60, 940, 160, 80),
    "tk_fully_connected_dsp": Coefficients(0.0, 0.0, 0.0, 60, 175, 96, 0),
    "tk_conv_2d_sparse_dsp": Coefficients(0.0, 0.0, 0.0, 60, 1550, 230),
    "tk_sparse_rows": Coefficients(6.8, 0.0, 50.0, 60, 350, 100),
    "tk_fully_connected_sparse_dsp": Coefficients(0.0, 0.0, 0.0, 60, 1570, 76),
    "tk_fully_connected_blocks_dsp": Coefficients(0.0, 0.0, 0.0, 60, 760, 76),
    "tk_add_dsp": Coefficients(0.0, 0.0, 7.2, 30, 126, 32, 0),
    "tk_average_all_dsp": Coefficients(1.9, 0.0, 14.0, 40, 250, 32),
    "tk_conv_2d_thumb2_pointwise": Coefficients(0.0, 0.0, 0.0, 60, 324, 176, 45),
    "tk_fully_connected_thumb2": Coefficients(0.0, 0.0, 0.0, 60, 112, 104, 0),
    "tk_conv_2d_mve": Coefficients(0.0, 0.0, 0.0, 60, 800, 270),
    "tk_conv_2d_mve_strip": Coefficients(0.0, 0.0, 0.0, 60, 640, 250),
    "tk_conv_2d_mve_pointwise": Coefficients(0.0, 0.0, 0.0, 60, 305, 190),
    "tk_conv_2d_mve_pointwise_any": Coefficients(0.0, 0.0, 0.0, 60, 520, 190),
    "tk_depthwise_plane_dsp": Coefficients(0.0, 0.0, 0.0, 60, 545, 116, 50),
    "tk_depthwise_conv_2d_mve": Coefficients(0.0, 0.0, 0.0, 60, 480, 340),
    "tk_depthwise_conv_2d_thumb2": Coefficients(0.0, 0.0, 0.0, 60, 1040, 150, 100),
    "tk_fully_connected_blocks_mve": Coefficients(0.0, 0.0, 0.0, 60, 260, 140),
    "tk_fully_connected_mve": Coefficients(0.0, 0.0, 0.0, 60, 230, 160),
    "tk_add_mve": Coefficients(0.0, 0.0, 2.5, 20, 54, 16, 0),
    "tk_average_all_mve": Coefficients(0.0, 0.0, 0.0, 40, 170, 40),
    "tk_conv_2d_dsp": Coefficients(0.0, 0.0, 0.0, 60, 650, 184, 75),
    "tk_conv_2d_thumb2": Coefficients(0.0, 0.0, 0.0, 60, 640, 200, 60),
    "tk_conv_2d_float": Coefficients(6.0, 0.0, 56.0, 60, 360, 128),
    "tk_depthwise_conv_2d_float": Coefficients(9.0, 0.0, 34.0, 60, 330, 128),
    "tk_transpose_conv_float": Coefficients(6.0, 0.0, 47.0, 60, 400, 128),
    "tk_pool_2d_float": Coefficients(7.0, 0.0, 35.0, 60, 240, 96),
    "tk_batch_matmul_float": Coefficients(7.0, 0.0, 24.0, 60, 150, 96),
    "tk_floor_mod": Coefficients(0.0, 0.0, 104.0, 60, 110),
    "tk_clamp_bytes": Coefficients(0.0, 0.0, 7.0, 12, 36, 16),
    "tk_depthwise_conv_2d": Coefficients(3.6, 0.0, 42.0, 60, 610, 120),
    "tk_depthwise_conv_2d_any": Coefficients(3.8, 0.0, 44.0, 60, 700, 150, 45),
    "tk_variable": Coefficients(0.0, 0.0, 0.6, 20, 24, 16),
    "tk_conv_int4": Coefficients(11.0, 0.0, 60.0, 60, 420, 128),
    "tk_svdf": Coefficients(5.0, 0.0, 60.0, 60, 460, 112),
    "tk_lstm": Coefficients(2.55, 0.0, 420.0, 60, 1300, 160),
    "tk_lstm_int16": Coefficients(5.0, 0.0, 460.0, 60, 1200, 160),
    "tk_batch_matmul": Coefficients(6.0, 0.0, 34.0, 60, 240, 96),
    "tk_batch_matmul_int16": Coefficients(6.0, 0.0, 40.0, 60, 220, 96),
    "tk_logistic_int16": Coefficients(0.0, 0.0, 26.0, 20, 110, 40),
    "tk_tanh_int16": Coefficients(0.0, 0.0, 26.0, 20, 110, 40),
    "tk_softmax_int16": Coefficients(0.0, 0.0, 60.0, 120, 330, 64),
    "tk_conv_int16": Coefficients(4.5, 0.0, 60.0, 60, 520, 144),
    "tk_transpose_conv": Coefficients(4.5, 0.0, 80.0, 60, 560, 144),
    "tk_transpose_conv_int16": Coefficients(4.5, 0.0, 100.0, 60, 600, 160),
    "tk_fully_connected": Coefficients(2.55, 0.0, 25.0, 40, 335, 88),
    "tk_average_pool_2d": Coefficients(5.0, 0.0, 15.0, 60, 105, 24),
    "tk_max_pool_2d": Coefficients(3.0, 0.0, 8.0, 60, 105, 24),
    "tk_mean": Coefficients(4.5, 0.0, 30.0, 60, 200),
    "tk_add": Coefficients(0.0, 0.0, 31.0, 60, 140, 48),
    "tk_softmax_to_int16": Coefficients(0.0, 0.0, 36.0, 120, 370, 60),
    "tk_softmax_float": Coefficients(8.0, 0.0, 100.0, 200, 100),
    "tk_softmax": Coefficients(0.0, 0.0, 36.0, 120, 370, 60),
    "tk_lookup": Coefficients(0.0, 0.0, 4.0, 12, 32, 16),
    "tk_lookup_int16": Coefficients(0.0, 0.0, 4.0, 12, 34, 16),
    "tk_clamp_values": Coefficients(0.0, 0.0, 7.0, 12, 36, 16),
    "tk_requantize_values": Coefficients(0.0, 0.0, 26.0, 20, 110, 48),
    "tk_quantize_float": Coefficients(0.0, 0.0, 40.0, 20, 180, 32),
    "tk_quantize_float_int16": Coefficients(0.0, 0.0, 40.0, 20, 180, 32),
    "tk_dequantize": Coefficients(0.0, 0.0, 9.0, 20, 60, 16),
    "tk_dequantize_uint8": Coefficients(0.0, 0.0, 9.0, 20, 60, 16),
    "tk_dequantize_int16": Coefficients(0.0, 0.0, 9.0, 20, 60, 16),
    "tk_function_float": Coefficients(0.0, 0.0, 60.0, 20, 40, 40),
    "tk_rsqrt_int16": Coefficients(0.0, 0.0, 260.0, 40, 420, 60),
    "tk_cast_to_bool": Coefficients(0.0, 0.0, 6.0, 20, 24, 16),
    "tk_cast_float_to_bool": Coefficients(0.0, 0.0, 9.0, 20, 28, 16),
    "tk_slopes_int16": Coefficients(0.0, 0.0, 32.0, 30, 80, 48),
    "tk_prelu": Coefficients(0.0, 0.0, 40.0, 60, 160),
    "tk_prelu_float": Coefficients(0.0, 0.0, 14.0, 60, 100),
    "tk_sum_int16": Coefficients(5.0, 0.0, 30.0, 60, 110),
    "tk_reduce_extreme": Coefficients(6.0, 0.0, 12.0, 60, 40),
    "tk_reduce_extreme_int16": Coefficients(6.0, 0.0, 12.0, 60, 40),
    "tk_reduce_float": Coefficients(8.0, 0.0, 20.0, 60, 50),
    "tk_arg_extreme": Coefficients(7.0, 0.0, 12.0, 40, 60),
    "tk_arg_extreme_float": Coefficients(9.0, 0.0, 12.0, 40, 60),
    "tk_cumsum": Coefficients(0.0, 0.0, 30.0, 40, 105),
    "tk_cumsum_float": Coefficients(0.0, 0.0, 14.0, 40, 45),
    "tk_l2_normalization": Coefficients(5.0, 0.0, 30.0, 700, 490),
    "tk_l2_normalization_float": Coefficients(6.0, 0.0, 24.0, 80, 90),
    "tk_log_softmax": Coefficients(8.0, 0.0, 40.0, 700, 1850),
    "tk_log_softmax_float": Coefficients(8.0, 0.0, 100.0, 200, 100),
    "tk_cast": Coefficients(0.0, 0.0, 5.0, 20, 20, 16),
    "tk_cast_to_float": Coefficients(0.0, 0.0, 7.0, 20, 28, 16),
    "tk_cast_to_int64": Coefficients(0.0, 0.0, 7.0, 20, 28, 16),
    "tk_cast_from_int64": Coefficients(0.0, 0.0, 6.0, 20, 24, 16),
    "tk_bucketize": Coefficients(0.0, 0.0, 40.0, 20, 60, 24),
    "tk_bucketize_int32": Coefficients(0.0, 0.0, 44.0, 20, 64, 24),
    "tk_cast_from_float": Coefficients(0.0, 0.0, 10.0, 20, 110, 16),
    "tk_mul": Coefficients(0.0, 0.0, 34.0, 60, 110),
    "tk_div": Coefficients(0.0, 0.0, 160.0, 60, 400),
    "tk_extreme": Coefficients(0.0, 0.0, 12.0, 60, 60),
    "tk_extreme_int64": Coefficients(0.0, 0.0, 18.0, 60, 90),
    "tk_arithmetic_int32": Coefficients(0.0, 0.0, 14.0, 60, 60),
    "tk_arithmetic_float": Coefficients(0.0, 0.0, 20.0, 60, 110),
    "tk_compare": Coefficients(0.0, 0.0, 12.0, 60, 90),
    "tk_compare_int64": Coefficients(0.0, 0.0, 18.0, 60, 100),
    "tk_compare_float": Coefficients(0.0, 0.0, 16.0, 60, 100),
    "tk_compare_quantized": Coefficients(0.0, 0.0, 44.0, 60, 180),
    "tk_select": Coefficients(0.0, 0.0, 12.0, 60, 90),
    "tk_select_float": Coefficients(0.0, 0.0, 12.0, 60, 90),
    "tk_copy": Coefficients(7.0, 0.0, 0.5, 40, 90, 64),
    "tk_move": Coefficients(0.0, 0.0, COPIED_BYTE, 12, 110, 16),
    "tk_gather": Coefficients(14.0, 0.0, 0.5, 40, 100, 48),
    "tk_gather_float": Coefficients(10.0, 0.0, 2.5, 40, 110, 48),
    "tk_gather_nd": Coefficients(24.0, 0.0, 0.5, 40, 110, 48),
    "tk_resize_bilinear": Coefficients(0.0, 0.0, 22.0, 80, 260, 120),
    "tk_resize_bilinear_float": Coefficients(0.0, 0.0, 60.0, 80, 420, 144),
    "tk_resize_nearest": Coefficients(10.0, 0.0, 0.5, 60, 120, 64),
    "tk_fill": Coefficients(0.0, 0.0, 0.3, 30, 24, 16),
}
"""On Thumb-2."""

_THUMB1_MAC, _THUMB1_OUTPUT = 2.4, 3.0
"""Cores without Thumb-2 address less freely, and call a library routine for each 64-bit product."""

_AVR_MAC, _AVR_OUTPUT, _AVR_CODE = 6.0, 13.0, 2.1
"""An 8-bit core takes a 32-bit sum in four steps and a 64-bit product in many: fitted to cycles of arduino-uno in
simavr at 1.6 cycles an instruction, and to linked sizes."""

REMAINDER_BYTES = 240
"""More code where the output channels do not divide into blocks."""

LIBRARY_BYTES = {
    "__aeabi_lmul": 80,
    **{f"tk_conv_pixels_{shift}": 1100 for shift in (6, 9, 12, 15)},
    **{f"tk_conv_pixels_two_sided_{shift}": 1110 for shift in (6, 9, 12, 15)},
    **{f"tk_conv_doubles_{shift}": 620 for shift in (6, 9, 12, 15)},
    **{f"tk_conv_doubles_two_sided_{shift}": 665 for shift in (6, 9, 12, 15)},
    "tk_mve_strips": 444,
    "tk_dot_four": 584,
    "tk_dot_eight": 616,
    "memset": 160,
    "memcpy": 140,
    **{"sqrtf": 128, "expf": 664, "logf": 652, "sinf": 4156, "cosf": 4152, "floorf": 156, "ceilf": 148},
    **{"expm1f": 768, "tanhf": 968, "fmodf": 530},
}
"""Code of library routines, newlib-nano and libgcc for Thumb; float functions as on a core with an FPU."""

_CALL_BYTES, _ARGUMENT_BYTES = 6, 4


def instructions(target: Target, entry: str, macs: int, outputs: int, runs: int = 0) -> int:
    """Predicted instructions of one call."""
    cost = COEFFICIENTS[entry]
    is_small = target.has("thumb") and not target.has("thumb2")
    mac, output = (_THUMB1_MAC, _THUMB1_OUTPUT) if is_small else (1.0, 1.0)
    if is_8_bit(target):
        mac, output = _AVR_MAC, _AVR_OUTPUT
    loops = mac * (cost.per_mac * macs + cost.per_run * runs)
    return round(loops + cost.per_output * output * outputs) + cost.fixed


def is_8_bit(target: Target) -> bool:
    """Whether the core's registers hold one byte."""
    return target.pointer_bytes < 4


def code_bytes(entry: str, *, has_remainder: bool = False, target: Target | None = None) -> int:
    """Predicted bytes of one specialised instance of a kernel."""
    code = COEFFICIENTS[entry].code + REMAINDER_BYTES * has_remainder
    return round(_AVR_CODE * code) if target is not None and is_8_bit(target) else code


def varying_bytes(function: str) -> int:
    """Predicted bytes of code, in an instance of a kernel, for each number that differs between its calls."""
    return COEFFICIENTS[function].varying if function in COEFFICIENTS else Coefficients.varying


def call_bytes(arguments: int) -> int:
    """Predicted bytes of the call itself in NAME_invoke, with so many arguments passed."""
    return _CALL_BYTES + _ARGUMENT_BYTES * arguments
