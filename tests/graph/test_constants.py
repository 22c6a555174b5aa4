"""What no input can change is computed at compile time, and reshapes in all their forms are one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.proof import prove
from tests.support.equality import Case, assert_equal
from tests.support.models import ModelBuilder, Value, add, fully_connected, relu, reshape
from tests.support.movement import concatenation, expand_dims, integers, slice_, squeeze, strided_slice
from tests.support.shapes import broadcast_args, shape_of, zeros_like
from tinykit.graph.model import Graph
from tinykit.graph.passes import rewrite
from tinykit.graph.passes.as_reshape import as_reshapes
from tinykit.graph.passes.fold_constants import fold_constants
from tinykit.graph.reader import read_graph


def operators(graph: Graph) -> list[str]:
    return [o.op for o in graph.operators]


def dynamic_reshape(model: ModelBuilder, x: Value) -> Value:
    """What converters emit for Flatten: (batch, the rest) with the batch read from the input's shape."""
    batch = strided_slice(model, shape_of(model, x), begin=[0], end=[1], strides=[1], shrink_mask=1)
    rest = integers(model, int(np.prod(x.shape[1:])))
    both = model.operator("PACK", [batch, rest], (2,), dtype="int32", axis=0, valuesCount=2)
    return model.operator("RESHAPE", [x, both], (x.shape[0], rest_size(x)), x.scale, x.zero_point)


def rest_size(x: Value) -> int:
    return int(np.prod(x.shape[1:]))


def test_a_shape_computed_from_the_input_folds() -> None:
    model = ModelBuilder(0)
    x = relu(model, model.input((2, 3, 4)))
    data = model.finish([fully_connected(model, dynamic_reshape(model, x))])
    _, after = prove(data)
    assert operators(after) == ["RELU", "RESHAPE", "FULLY_CONNECTED"]
    folded = fold_constants(read_graph(data))
    assert operators(folded) == ["RELU", "RESHAPE", "FULLY_CONNECTED"]
    assert folded.tensor(folded.operators[1].inputs[1]).data.tolist() == [2, 12]
    assert_equal([Case("dynamic reshape", data)])


def dynamic_transpose_conv(model: ModelBuilder, x: Value) -> tuple[Value, Value]:
    """What converters emit for Conv2DTranspose of a batch that is not fixed: the layer, and its output's shape."""
    batch = strided_slice(model, shape_of(model, x), begin=[0], end=[1], strides=[1], shrink_mask=1)
    sizes = [integers(model, n) for n in (8, 6, 4)]
    shape = model.operator("PACK", [batch, *sizes], (4,), dtype="int32", axis=0, valuesCount=4)
    weights = model.constant(model.random.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8), [0.004])
    inputs = [shape, weights, x]
    return model.operator("TRANSPOSE_CONV", inputs, (1, 8, 6, 4), 0.02, 4, padding=0, strideH=2, strideW=2), shape


def test_the_shape_of_a_transposed_convolution_folds() -> None:
    model = ModelBuilder(0)
    y, shape = dynamic_transpose_conv(model, relu(model, model.input((1, 4, 3, 2))))
    assert operators(rewrite(read_graph(model.finish([y])))) == ["RELU", "TRANSPOSE_CONV"]
    asked = model.finish([y, shape])
    assert operators(rewrite(read_graph(asked))) == ["RELU", "PACK", "TRANSPOSE_CONV"]
    assert_equal([Case("shape", model.finish([y])), Case("shape as an output", asked)])


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
def test_whole_numbers_are_computed(op: str) -> None:
    rule = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "MAXIMUM": np.maximum, "MINIMUM": np.minimum}[op]
    model = ModelBuilder(0)
    x = model.input((1, 6))
    numbers = model.operator(op, [shape_of(model, x), integers(model, [2, 2**31 - 1])], (2,), dtype="int32")
    y = model.operator("RESHAPE", [x, numbers], (6,), x.scale, x.zero_point)
    folded = fold_constants(read_graph(model.finish([y])))
    expected = rule(np.array([1, 6], np.int32), np.array([2, 2**31 - 1], np.int32))
    assert folded.tensor(folded.operators[0].inputs[1]).data.tolist() == expected.tolist()


def test_zeros_fold_where_the_reader_takes_a_constant() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 4), zero_point=0)
    zeros = zeros_like(model, x)
    summed, joined = add(model, x, zeros), concatenation(model, [x, zeros], axis=1)
    data = model.finish([summed, joined])
    assert operators(rewrite(read_graph(data))) == ["ADD", "CONCATENATION"]
    assert_equal([Case("zeros", data)])


def test_zeros_stay_computed_for_other_readers() -> None:
    """The first state of an unrolled recurrent layer."""
    model = ModelBuilder(0)
    x = model.input((1, 4), zero_point=0)
    data = model.finish([fully_connected(model, zeros_like(model, x))])
    assert operators(rewrite(read_graph(data))) == ["ZEROS_LIKE", "FULLY_CONNECTED"]
    assert_equal([Case("zero state", data)])


def test_shapes_that_broadcast() -> None:
    model = ModelBuilder(0)
    x = model.input((1, 6))
    shape = broadcast_args(model, [3, 1], [1])
    y = model.operator("RESHAPE", [x, shape], (6,), x.scale, x.zero_point)
    folded = fold_constants(read_graph(model.finish([y])))
    assert folded.tensor(folded.operators[0].inputs[1]).data.tolist() == [3, 1]


def test_a_shape_that_is_a_model_output_is_still_written() -> None:
    model = ModelBuilder(0)
    x = model.input((2, 3))
    assert_equal([Case("shape", model.finish([shape_of(model, x), relu(model, x)]))])


def test_squeeze_and_expand_dims_are_reshapes() -> None:
    model = ModelBuilder(0)
    x = relu(model, model.input((1, 3, 1, 4)))
    y = expand_dims(model, squeeze(model, x), axis=-1)
    data = model.finish([relu(model, reshape(model, y, shape=(4, 3)))])
    assert operators(as_reshapes(read_graph(data))) == ["RELU", "RESHAPE", "RESHAPE", "RESHAPE", "RELU"]
    _, after = prove(data)
    assert operators(after) == ["RELU", "RESHAPE", "RELU"]


def test_a_slice_of_everything_goes() -> None:
    model = ModelBuilder(0)
    x = relu(model, model.input((2, 3)))
    _, after = prove(model.finish([relu(model, slice_(model, x, begin=(0, 0), size=(-1, -1)))]))
    assert operators(after) == ["RELU", "RELU"]
