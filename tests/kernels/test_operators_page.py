"""docs/operators.md is what scripts/operators.py makes of the code as it stands."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tinykit.graph.ops import REGISTRY

SCRIPT = Path(__file__).parents[2] / "scripts" / "operators.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("operators_page", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script: ModuleType) -> None:
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), "run: python scripts/operators.py"


def test_every_operator_has_types(script: ModuleType) -> None:
    assert all(script.types(op) for op in REGISTRY)


@pytest.mark.parametrize(("op", "dtype", "holds"), [("CONV_2D", "int8", True), ("DIV", "int16", False)])
def test_types_are_those_of_the_checks(script: ModuleType, op: str, dtype: str, holds: bool) -> None:
    assert script.takes(op, dtype) is holds
