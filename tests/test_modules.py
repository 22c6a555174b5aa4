"""Every module imports, and only learn/ needs tensorflow."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import tinykit

MODULES = sorted(m.name for m in pkgutil.walk_packages(tinykit.__path__, "tinykit.") if not m.name.endswith("__main__"))


@pytest.mark.parametrize("name", [m for m in MODULES if not m.startswith("tinykit.learn")])
def test_module_imports(name: str) -> None:
    assert importlib.import_module(name).__doc__ or name.count(".") <= 2


def test_no_room_but_learn_imports_tensorflow() -> None:
    modules = [m for m in MODULES if not m.startswith("tinykit.learn")]
    script = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
        "sys.exit(any(m.split('.')[0] in ('tensorflow', 'tf_keras', 'keras') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
