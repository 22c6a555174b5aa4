"""A plan as C: `NAME.h` and `NAME.c`, which need no other file; a front end is `NAME_features.h` and `.c` beside them.

emit(plan) -> {"NAME.h": text, "NAME.c": text}
write(plan, folder) -> paths written
interface(plan) -> what the C offers, for those who write code around it
"""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2

from tinykit import __version__
from tinykit.codegen.calls import Writer
from tinykit.codegen.front_end import front_end_files
from tinykit.codegen.ports import Interface, Port, common_type, interface, port_facts
from tinykit.codegen.text import comment, string
from tinykit.errors import ModelError
from tinykit.files import folder_atomic, inside, write_atomic
from tinykit.graph.model import Tensor
from tinykit.kernels import c_source
from tinykit.plan.model import Plan
from tinykit.plan.state import state_bytes

__all__ = ["Interface", "Port", "emit", "interface", "write"]


def emit(plan: Plan) -> dict[str, str]:
    """The generated files by name. The same plan gives the same text.

    Raises: ModelError for a name that is no C identifier.
    """
    graph = plan.graph
    name = graph.name
    if not (name.isascii() and name.isidentifier()):
        raise ModelError(
            "the model's name is not a C identifier", found=repr(name), next_step="Give another with --name"
        )
    program = Writer(plan).program()
    sources = program.sources or ["common.h"]
    headers = {h for s in sources for h in c_source.system_includes(s)} - {"stdint.h"}
    facts = {
        "version": __version__,
        "plan": plan,
        "graph": graph,
        "name": name,
        "upper": name.upper(),
        "interface": interface(plan),
        "inputs": [_port_facts(plan, graph.tensor(i)) for i in graph.inputs],
        "outputs": [_port_facts(plan, graph.tensor(i)) for i in graph.outputs],
        "input_type": common_type([graph.tensor(i) for i in graph.inputs]),
        "output_type": common_type([graph.tensor(i) for i in graph.outputs]),
        "program": program,
        "state_bytes": state_bytes(graph),
        "system_includes": sorted(headers | ({"math.h"} if program.constants_need_math else set())),
        "kernel_text": "\n".join(c_source.text(s).strip() + "\n" for s in sources),
    }
    environment = _environment()
    return {
        f"{name}.h": environment.get_template("model.h.j2").render(facts),
        f"{name}.c": environment.get_template("model.c.j2").render(facts),
        **front_end_files(graph),
    }


def write(plan: Plan, folder: Path) -> list[Path]:
    """Write the generated files into `folder`, as `write_files` does.

    Raises: DiskFull, OutputError; ModelError as for `emit`.
    """
    return write_files(emit(plan), folder)


def write_files(files: dict[str, str], folder: Path) -> list[Path]:
    """Write files into `folder`: a new folder appears with all of them or not at all; in one that is there already
    each file is replaced as a whole, and other files stay.

    Raises: DiskFull, OutputError.
    """
    if folder.exists():
        return [write_atomic(inside(folder, name), text) for name, text in files.items()]
    with folder_atomic(folder) as temporary:
        for name, text in files.items():
            write_atomic(inside(temporary, name), text)
    return [folder / name for name in files]


def _port_facts(plan: Plan, tensor: Tensor) -> dict[str, object]:
    return {**port_facts(tensor), "offset": plan.buffer(tensor.index).offset}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment"] = comment
    environment.filters["string"] = string
    return environment
