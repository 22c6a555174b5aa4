"""The parts of TFLite's schema that tinykit reads: numbers to names, and field positions.

Taken from `schema.fbs` (version 3a) of TFLite: an enum's number is an index into the tuples here; a table's field has
the position in which the schema lists it, a union taking two (its kind, then its table).
"""

from __future__ import annotations

_OPERATORS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP
FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX
SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX
DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER
GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL
LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT
LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N
GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF
WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE
READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM
ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD
STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP
STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE
STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL
STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER
STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER
STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD
STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE
STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""
OPERATORS = tuple(_OPERATORS.split())
"""Names of the builtin operators by code."""

CUSTOM = OPERATORS.index("CUSTOM")

_TENSOR_TYPES = """
float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64 resource
variant uint32 uint16 int4 bfloat16 int2 uint4 float8_e4m3fn float8_e5m2
"""
TENSOR_TYPES = tuple(_TENSOR_TYPES.split())
"""Names of the element types by number."""

PADDINGS = ("SAME", "VALID")

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
"""Fused activations by number."""


class MODEL:
    """Positions in table Model."""

    version, operator_codes, subgraphs, description, buffers, metadata_buffer, metadata = range(7)


class OPERATOR_CODE:
    """Positions in table OperatorCode. The real code is the greater of the two."""

    deprecated_builtin_code, custom_code, version, builtin_code = range(4)


class SUBGRAPH:
    """Positions in table SubGraph."""

    tensors, inputs, outputs, operators, name = range(5)


class TENSOR:
    """Positions in table Tensor."""

    shape, type, buffer, name, quantization, is_variable, sparsity, shape_signature = range(8)
    external_buffer = 10


class QUANTIZATION:
    """Positions in table QuantizationParameters."""

    min, max, scale, zero_point, details_kind, details, quantized_dimension = range(7)


class BUFFER:
    """Positions in table Buffer."""

    data, offset, size = range(3)


class OPERATOR:
    """Positions in table Operator."""

    opcode_index, inputs, outputs, options_kind, options = range(5)


class OPTIONS:
    """Kinds of option tables: positions in union BuiltinOptions, from 1."""

    CONV_2D, DEPTHWISE_CONV_2D, POOL_2D, FULLY_CONNECTED, SOFTMAX = 1, 2, 5, 8, 9
    ADD, RESHAPE, PAD, REDUCER, DEQUANTIZE, PADV2, QUANTIZE = 11, 17, 22, 27, 38, 43, 89
    SVDF, TRANSPOSE_CONV, LSTM, BATCH_MATMUL, CALL_ONCE, VAR_HANDLE = 6, 49, 71, 101, 103, 111
    L2_NORM, MUL, SUB, DIV, LEAKY_RELU, CUMSUM, GELU, BUCKETIZE = 12, 21, 28, 29, 75, 102, 116, 115
    CONCATENATION, RESIZE_BILINEAR, SPACE_TO_DEPTH, GATHER, SQUEEZE, STRIDED_SLICE = 10, 15, 19, 23, 30, 32
    SPLIT, PACK, UNPACK, RESIZE_NEAREST_NEIGHBOR, MIRROR_PAD, SPLIT_V, DEPTH_TO_SPACE = 35, 59, 64, 74, 77, 79, 94


class CONV_2D_OPTIONS:
    """Positions in table Conv2DOptions."""

    padding, stride_w, stride_h, activation, dilation_w, dilation_h, bias_type = range(7)


class DEPTHWISE_CONV_2D_OPTIONS:
    """Positions in table DepthwiseConv2DOptions."""

    padding, stride_w, stride_h, depth_multiplier, activation, dilation_w, dilation_h = range(7)


class FULLY_CONNECTED_OPTIONS:
    """Positions in table FullyConnectedOptions."""

    activation, weights_format, keep_num_dims, _, bias_type = range(5)


class TRANSPOSE_CONV_OPTIONS:
    """Positions in table TransposeConvOptions."""

    padding, stride_w, stride_h, activation = range(4)


class BATCH_MATMUL_OPTIONS:
    """Positions in table BatchMatMulOptions."""

    adj_x, adj_y = range(2)


class LSTM_OPTIONS:
    """Positions in table UnidirectionalSequenceLSTMOptions."""

    activation, cell_clip, projection_clip, time_major = range(4)


class SVDF_OPTIONS:
    """Positions in table SVDFOptions."""

    rank, activation = range(2)


class CALL_ONCE_OPTIONS:
    """Positions in table CallOnceOptions."""

    subgraph = 0


class VAR_HANDLE_OPTIONS:
    """Positions in table VarHandleOptions."""

    container, shared_name = range(2)


class POOL_2D_OPTIONS:
    """Positions in table Pool2DOptions."""

    padding, stride_w, stride_h, filter_width, filter_height, activation = range(6)


class SOFTMAX_OPTIONS:
    """Positions in table SoftmaxOptions."""

    beta = 0


class ADD_OPTIONS:
    """Positions in table AddOptions."""

    activation = 0


class ARITHMETIC_OPTIONS:
    """Positions in tables SubOptions, MulOptions, DivOptions and L2NormOptions."""

    activation = 0


class LEAKY_RELU_OPTIONS:
    """Positions in table LeakyReluOptions."""

    alpha = 0


class CUMSUM_OPTIONS:
    """Positions in table CumsumOptions."""

    exclusive, reverse = range(2)


class GELU_OPTIONS:
    """Positions in table GeluOptions."""

    approximate = 0


class BUCKETIZE_OPTIONS:
    """Positions in table BucketizeOptions."""

    boundaries = 0


class REDUCER_OPTIONS:
    """Positions in table ReducerOptions."""

    keep_dims = 0


class CONCATENATION_OPTIONS:
    """Positions in table ConcatenationOptions."""

    axis, activation = range(2)


class SQUEEZE_OPTIONS:
    """Positions in table SqueezeOptions."""

    axes = 0


class PACK_OPTIONS:
    """Positions in tables PackOptions and UnpackOptions."""

    count, axis = range(2)


class STRIDED_SLICE_OPTIONS:
    """Positions in table StridedSliceOptions."""

    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset = range(6)


class MIRROR_PAD_OPTIONS:
    """Positions in table MirrorPadOptions."""

    mode = 0


class GATHER_OPTIONS:
    """Positions in table GatherOptions."""

    axis, batch_dims = range(2)


class BLOCK_OPTIONS:
    """Positions in tables SpaceToDepthOptions and DepthToSpaceOptions."""

    size = 0


class RESIZE_BILINEAR_OPTIONS:
    """Positions in table ResizeBilinearOptions."""

    align_corners, half_pixel_centers = 2, 3


class RESIZE_NEAREST_NEIGHBOR_OPTIONS:
    """Positions in table ResizeNearestNeighborOptions."""

    align_corners, half_pixel_centers = range(2)
