"""Rendering a template: the ecosystem's files, the model's, and the sources that serve it.

project(program, template, target) -> {path: text}
"""

from __future__ import annotations

import functools
from pathlib import Path, PurePosixPath

import jinja2

from tinykit.boards import IDENTITY, Board, all_boards
from tinykit.errors import OutputError, UsageError
from tinykit.export.templates import TFLM_SOURCES, Template
from tinykit.files import data_folder, folder_atomic, inside, write_atomic
from tinykit.firmware.program import Program
from tinykit.firmware.project import MARKER, sources
from tinykit.firmware.serving import SHARED, serving_values
from tinykit.targets import TARGETS, Target

_SERVING = "tinykit"
_LIBRARY = "library"
_AUTHOR = "you <you@example.com>"
_DEFAULT_CROSS = "cortex-m4"
_BARE_METAL_README = """# {name}: firmware for {board}

`make` builds build/{name}.elf, .bin and .hex; `make TOOLCHAIN=prefix-` chooses the compiler. CMake does the same:
`cmake -B out -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && cmake --build out`. sensor.c is where your sensor goes.
"""


def board_id(template: Template, board: Board | None, chosen: str | None) -> str:
    """The ecosystem's name of the board: `chosen`, or that in the board's file; without a board the template's default.

    Raises: UsageError for a name that no ecosystem has, and for a board that this one is not known to serve.
    """
    if chosen and not IDENTITY.fullmatch(chosen):
        raise UsageError("the board's name in the ecosystem cannot be used", expected="letters, digits and -_.:/@=,")
    if chosen:
        return chosen
    if board is None or not template.default_id:
        return template.default_id
    if template.name not in board.ecosystems:
        raise UsageError(
            f"no name of {board.name} is known for the template {template.name!r}",
            expected=f"--id, or a template of {', '.join(['cmake', *board.ecosystems])}",
            next_step="Give the board's name there with --id, if it is served there",
        )
    return board.ecosystems[template.name]


def project(
    what: Program, template: Template, target: Target, *, board: Board | None = None, identity: str = ""
) -> dict[str, str]:
    """All files of the project, by path.

    Args: `target` that the model was compiled for; `identity` the ecosystem's name of the board.
    """
    name = what.interface.name
    root = PurePosixPath(template.library.replace("NAME", name))
    own = _tree(template.name)
    shared = {f"{_LIBRARY}/{_SERVING}/{n}": _read("baremetal", n) for n in SHARED}
    shared |= {f"{_LIBRARY}/{_SERVING}/{n}": text for n, text in _tree("ecosystem").items()}
    if template.device:
        borrowed = {n: text for n, text in _tree(template.device).items() if n.startswith(f"{_LIBRARY}/")}
        shared |= borrowed
    texts = {**shared, **own, template.sensor + ".j2": _read("baremetal", "sensor.c.j2")}
    serving = sorted(PurePosixPath(n).name.removesuffix(".j2") for n in texts if f"{_LIBRARY}/{_SERVING}/" in n)
    values = {
        **serving_values(what),
        "steps": False,
        "stack": False,
        "serve_header": f"{_SERVING}/serve.h",
        "serving_sources": [n for n in serving if n.endswith((".c", ".cpp"))],
        "board_name": board.name if board else identity or template.name,
        "target": target,
        "cross": target if target.toolchain else TARGETS[_DEFAULT_CROSS],
        "id": identity.rpartition("/")[2] if template.name == "platformio" else identity,
        "platform": _platform(identity, template),
        "author": _AUTHOR,
        "tflm": TFLM_SOURCES,
    }
    files = {}
    for path, text in texts.items():
        place = PurePosixPath(path.replace("NAME", name))
        if place.parts[0] == _LIBRARY:
            place = root.joinpath(*place.parts[1:])
        rendered = place.suffix == ".j2"
        files[str(place.with_suffix("") if rendered else place)] = (
            _environment().from_string(text).render(values) if rendered else text
        )
    return files | {str(root / n): text for n, text in what.sources.items()}


def _platform(identity: str, template: Template) -> str:
    """PlatformIO's development platform: the first part of PLATFORM/BOARD, or that of a known board of this name.

    Raises: UsageError for a board alone that is not known.
    """
    if template.name != "platformio":
        return ""
    known = (board.ecosystems.get("platformio", "") for board in all_boards())
    names = [identity, *(name for name in known if name.endswith(f"/{identity}"))]
    found = next((name.rpartition("/")[0] for name in names if "/" in name), "")
    if not found:
        raise UsageError(
            f"the platform of the board {identity!r} is not known",
            expected=f"--id PLATFORM/BOARD, such as {template.default_id}",
        )
    return found


def bare_metal_project(what: Program, board: Board) -> dict[str, str]:
    """All files of a bare-metal project, by path: those of a build, in a folder that no build replaces.

    Raises: as `firmware.project.sources`.
    """
    files = {name: text for name, text in sources(what, board).items() if name != MARKER}
    return files | {"README.md": _BARE_METAL_README.format(name=what.interface.name, board=board.title)}


def write(files: dict[str, str], folder: Path) -> list[Path]:
    """Write a project as the new folder `folder`, whole or not at all.

    Raises: OutputError where the folder holds anything already: what the user filled in is never replaced; DiskFull.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(
            f"{folder} exists already, and an export never replaces files",
            expected="a new or empty folder",
            next_step="Choose another --output folder; 'tinykit compile -o' renews the model's own files in a project",
        )
    with folder_atomic(folder) as temporary:
        for name, text in files.items():
            write_atomic(inside(temporary, name), text)
    return [folder / name for name in files]


def _tree(name: str) -> dict[str, str]:
    """The texts of a template's folder by path."""
    folder = data_folder("firmware_templates") / name
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in files}


def _read(template: str, name: str) -> str:
    return (data_folder("firmware_templates") / template / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
