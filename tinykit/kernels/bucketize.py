"""BUCKETIZE in portable C."""

from __future__ import annotations

import numpy as np

from tinykit.graph.model import Graph, Operator
from tinykit.kernels.elementwise import elementwise
from tinykit.kernels.registry import lowering
from tinykit.plan.model import Constant, Step
from tinykit.targets import Target


@lowering("BUCKETIZE")
def lower(graph: Graph, operator: Operator, target: Target) -> list[Step]:
    """A search by halves for each value."""
    boundaries = np.array(operator.options.boundaries, np.float32)
    whole = graph.tensor(operator.inputs[0]).dtype == "int32"
    function = "tk_bucketize_int32" if whole else "tk_bucketize"
    arguments = [Constant("boundaries", boundaries, 4)]
    shape = {"boundaries": len(boundaries)}
    return [elementwise(graph, operator, target, function, arguments, in_place=whole, shape=shape)]
