"""TFLM as judge, parity, accuracy over serial, bench. The package itself can be called: `tinykit.validate(...)`."""

from __future__ import annotations

import sys
import types
from typing import Any


class _Verb(types.ModuleType):
    """A package that answers as the verb of its name, so that Python's names are the command line's."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from tinykit import api

        return api.validate(*arguments, **options)


sys.modules[__name__].__class__ = _Verb
