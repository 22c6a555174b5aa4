"""The operators that tinykit knows, one module each: every module here with a `DEFINITION` registers itself."""

from __future__ import annotations

import importlib
import pkgutil

from tinykit.graph.definition import Definition


def _scan() -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        names = vars(importlib.import_module(module.name))
        definitions = names.get("DEFINITIONS", ()) or (names["DEFINITION"],)
        for definition in definitions:
            found[definition.op] = definition
    return found


REGISTRY: dict[str, Definition] = _scan()
"""Definitions by TFLite operator name."""
