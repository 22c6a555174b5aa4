"""What a firmware serves, by engine: compiled C, or TFLM's interpreter with the .tflite as an array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tinykit.errors import UsageError
from tinykit.firmware.program import Program, program
from tinykit.graph.model import Graph
from tinykit.plan.model import Cost
from tinykit.targets import Target

# TFLM's cost, predicted from builds with reference kernels for Cortex-M4 of models with one and six kinds of operator.
_TFLM_CODE = 16 * 1024
_TFLM_CODE_OF_OPERATOR = 4 * 1024
_TFLM_STATIC = 512
_TFLM_STACK = 1536


def aot_program(graph: Graph, raw: bytes, target: Target, optimize: str) -> Program:
    """The model compiled ahead of time; `optimize` as for `plan.build.make_plan`.

    Raises: UnsupportedModel, ModelError, UsageError.
    """
    from tinykit.plan.build import make_plan

    return program(make_plan(graph, target, optimize))


def tflm_program(graph: Graph, raw: bytes, target: Target, optimize: str) -> Program:
    """The model for TFLM's interpreter, whose kernels are as they are built.

    Raises: UnsupportedModel, ModelError; ToolMissing without the tflite-micro package.
    """
    from tinykit.tflm.arena import arena_bytes
    from tinykit.tflm.emit import emit, interface
    from tinykit.tflm.operators import registrations

    arena = arena_bytes(graph, raw, target)
    cost = Cost(
        instructions=0,
        macs=0,
        weights=len(raw),
        code=_TFLM_CODE + _TFLM_CODE_OF_OPERATOR * len(registrations(graph)),
        arena=arena,
        static=_TFLM_STATIC,
        stack=_TFLM_STACK,
    )
    return Program(interface(graph, arena), emit(graph, raw, arena), cost, engine="tflm", steps=False)


ENGINES: dict[str, Callable[[Graph, bytes, Target, str], Program]] = {"aot": aot_program, "tflm": tflm_program}


def model_program(graph: Graph, model: Path, target: Target, engine: str, optimize: str = "speed") -> Program:
    """What the model at `model`, read as `graph`, becomes on `target`.

    Raises: UsageError for an unknown engine, and as the engine's own function.
    """
    if engine not in ENGINES:
        raise UsageError(f"unknown engine {engine!r}", expected=f"one of {', '.join(ENGINES)}")
    return ENGINES[engine](graph, model.read_bytes(), target, optimize)
