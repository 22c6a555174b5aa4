"""Whether a model can be compiled, whether it fits a board, and what it will cost: predicted, without a toolchain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinykit.boards import Board
from tinykit.errors import UnsupportedModel
from tinykit.firmware.fit import predict_fit
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.plan.model import Plan
from tinykit.plan.sparsity import sparsity


def check(model: Path, board: Board, optimize: str = "speed") -> dict[str, Any]:
    """The JSON of `tinykit check` (docs/check.md); flash, RAM and instructions are null where it cannot be compiled.

    Args: `optimize` as for `plan.build.make_plan`.
    Raises: ModelError when the file is no sound int8 model; UsageError.
    """
    graph = read_graph(model)
    found: dict[str, Any] = {
        "model": model.name,
        "model_sha256": graph.sha256,
        "board": board.name,
        "target": board.target.name,
        "optimize": optimize,
        "supported": True,
        "unsupported": [],
        "fits": None,
        "missing": None,
        "flash": None,
        "ram": None,
        "macs": None,
        "instructions": None,
        "front_end": None,
        "layers": [],
    }
    try:
        plan = make_plan(graph, board.target, optimize)
    except UnsupportedModel as error:
        return {**found, "supported": False, "unsupported": [vars(p) for p in error.problems]}
    fit = predict_fit(plan, board)
    bought = sparsity(graph, plan)
    cost = plan.cost
    return {
        **found,
        "fits": fit.fits,
        "missing": {"flash": fit.flash_missing, "ram": fit.ram_missing},
        "flash": {
            "weights": cost.weights,
            "code": cost.code,
            "total": cost.flash,
            "firmware": fit.flash["firmware"],
            "available": fit.flash_size,
        },
        "ram": {
            "arena": cost.arena,
            "lower_bound": plan.lower_bound,
            "static": cost.static,
            "stack": cost.stack,
            "total": cost.ram,
            "firmware": sum(fit.ram.values()) - cost.ram - fit.ram.get("front end", 0),
            "available": fit.ram_size,
        },
        "macs": cost.macs,
        "instructions": cost.instructions,
        "front_end": forecast_front_end(plan),
        "layers": [
            {
                "name": s.name,
                "op": s.op,
                "kernel": s.kernel,
                "macs": s.macs,
                "instructions": s.instructions,
                "weights": s.weight_bytes,
                "sparsity": asdict(bought[s.name]) if s.name in bought else None,
            }
            for s in plan.steps
            if not s.alias
        ],
    }


def forecast_front_end(plan: Plan) -> dict[str, Any] | None:
    """What the model's front end will cost, beside the model; None where it has none."""
    cost, front = plan.cost.features, plan.graph.features
    if cost is None or front is None:
        return None
    return {
        "kind": front.transform.kind,
        "flash": cost.flash,
        "ram": cost.static,
        "stack": cost.stack,
        "instructions": cost.instructions,
        "windows": front.frames,
    }
