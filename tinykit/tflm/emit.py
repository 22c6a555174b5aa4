"""A .tflite for TFLM's interpreter: `NAME.h` with the interface that compiled models have, `NAME.cpp`, `NAME_data.c`.

emit(graph, raw, arena_bytes) -> {file name: text}
"""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from tinykit import __version__
from tinykit.codegen.front_end import front_end_files
from tinykit.codegen.ports import Interface, common_type, graph_interface, port_facts
from tinykit.codegen.text import string
from tinykit.errors import ModelError
from tinykit.graph.model import Graph
from tinykit.tflm.operators import registrations

_ROW = 16


def interface(graph: Graph, arena_bytes: int) -> Interface:
    """What the files offer to C."""
    return graph_interface(graph, arena_bytes, 0)


def emit(graph: Graph, raw: bytes, arena_bytes: int) -> dict[str, str]:
    """The files by name.

    Args: `graph` as it was read, `raw` the .tflite it was read from, `arena_bytes` to reserve.
    Raises: UnsupportedModel for operators that TFLM does not have; ModelError for a name that is no C identifier.
    """
    name = graph.name
    if not (name.isascii() and name.isidentifier()):
        raise ModelError("the model's name is not a C identifier", found=repr(name), next_step="Rename the file")
    wanted = registrations(graph)
    inputs = [graph.tensor(i) for i in graph.inputs]
    outputs = [graph.tensor(i) for i in graph.outputs]
    facts = {
        "version": __version__,
        "graph": graph,
        "name": name,
        "upper": name.upper(),
        "arena_bytes": arena_bytes,
        "inputs": [port_facts(t) for t in inputs],
        "outputs": [port_facts(t) for t in outputs],
        "input_type": common_type(inputs),
        "output_type": common_type(outputs),
        "registrations": wanted,
        "headers": sorted({r.header for r in wanted if r.header}),
        "rows": [", ".join(map(str, raw[at : at + _ROW])) for at in range(0, len(raw), _ROW)],
        "size": len(raw),
    }
    templates = {f"{name}.h": "tflm.h.j2", f"{name}.cpp": "tflm.cpp.j2", f"{name}_data.c": "data.c.j2"}
    files = {file: _environment().get_template(template).render(facts) for file, template in templates.items()}
    return files | front_end_files(graph)


@functools.cache
def _environment() -> jinja2.Environment:
    here = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([here / "templates", here.parent / "codegen" / "templates"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["string"] = string
    return environment
