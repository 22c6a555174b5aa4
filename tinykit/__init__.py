"""tinykit: from a Keras model to a proven int8 model on a microcontroller.

The verbs are functions, too: `tinykit.distill(...)`, `prune`, `quantize`, `check`, `compile`, `verify`, `bench`,
`validate`; see docs/api.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinykit.api import bench, check, compile, distill, prune, quantize, verify

__version__ = "0.1.0"
__all__ = ["bench", "check", "compile", "distill", "prune", "quantize", "verify"]


def __getattr__(name: str) -> Any:
    """The verbs, loaded when they are asked for, so that `import tinykit` stays quick."""
    if name == "validate":
        return importlib.import_module("tinykit.validate")
    if name in __all__:
        return getattr(importlib.import_module("tinykit.api"), name)
    raise AttributeError(f"module 'tinykit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "validate"])
