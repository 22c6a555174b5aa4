"""The C of the kernels, read for what codegen needs: which file holds a function, what it includes, what it takes.

The `.h` files are the only description of a kernel's parameters: generated instances repeat its prototype.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

_LOCAL_INCLUDE = re.compile(r'^#include "([a-z0-9_]+\.h)"\n+', re.MULTILINE)
_SYSTEM_INCLUDE = re.compile(r"^#include <([a-z0-9_/.]+)>\n+", re.MULTILINE)
_KERNEL = re.compile(r"^TK_INLINE void (tk_\w+)\(const (tk_\w+_shape) \*s, ([^)]*)\) \{", re.MULTILINE)
_PARAMETER = re.compile(r"^(.*?[ *])(\w+)$")


@dataclass(frozen=True)
class Parameter:
    """A run-time parameter of a kernel: `type` as C writes it ("const int8_t *"), `name`."""

    type: str
    name: str


@dataclass(frozen=True)
class Kernel:
    """A kernel in C.

    Attributes: `shape_type` the struct of its compile-time shape; `parameters` what follows the shape; `sources` the
    headers to paste, in order.
    """

    function: str
    shape_type: str
    parameters: tuple[Parameter, ...]
    sources: tuple[str, ...]


@functools.cache
def text(source: str) -> str:
    """A header's own text, without its #include lines."""
    return _SYSTEM_INCLUDE.sub("", _LOCAL_INCLUDE.sub("", _raw(source)))


@functools.cache
def system_includes(source: str) -> tuple[str, ...]:
    """The system headers that a kernel header asks for itself."""
    return tuple(_SYSTEM_INCLUDE.findall(_raw(source)))


@functools.cache
def _raw(source: str) -> str:
    return (FOLDER / source).read_text(encoding="utf-8")


@functools.cache
def _kernels() -> dict[str, Kernel]:
    found = {}
    for path in sorted(FOLDER.glob("*.h")):
        for function, shape_type, rest in _KERNEL.findall(_raw(path.name)):
            parameters = tuple(_parameter(p) for p in rest.split(","))
            found[function] = Kernel(function, shape_type, parameters, _with_includes(path.name))
    return found


def _parameter(declaration: str) -> Parameter:
    match = _PARAMETER.match(" ".join(declaration.split()))
    assert match is not None, declaration
    return Parameter(match[1].strip(), match[2])


def _with_includes(source: str) -> tuple[str, ...]:
    """`source` behind everything that it includes, each once."""
    order: list[str] = []
    for name in _LOCAL_INCLUDE.findall(_raw(source)):
        order += [s for s in _with_includes(name) if s not in order]
    return (*order, source)


def kernel(function: str) -> Kernel:
    """The kernel with this C name.

    Raises: KeyError.
    """
    return _kernels()[function]
