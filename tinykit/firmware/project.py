"""A self-contained firmware project: the model's C, the bare-metal sources for a board, a linker script, a Makefile."""

from __future__ import annotations

from pathlib import Path

import jinja2

from tinykit.boards import Board
from tinykit.errors import BoardError, UsageError
from tinykit.files import data_folder, folder_atomic, inside, write_atomic
from tinykit.firmware.architectures import architecture
from tinykit.firmware.fit import stack_bytes
from tinykit.firmware.program import Program, program
from tinykit.firmware.serving import serving_values
from tinykit.plan.model import Plan
from tinykit.tflm.library import find_library

_TEMPLATES = (
    "board.h", "main.c", "serve.c", "sensor.c", "Makefile", "CMakeLists.txt", "toolchain.cmake",
)  # fmt: skip
_HEADERS = ("core.h", "counter.h", "fault.h", "protocol.h", "receive.h", "serve.h", "stack.h", "uart.h")
_SOURCES = ("fault.c", "protocol.c", "receive.c", "stack.c")
_BESIDE_DRIVER = {
    "rp2040": ("boot_rp2040.c", "uart_rp2.h"),
    "rp2350": ("boot_rp2350.c", "uart_rp2.h"),
    "stm32v1": ("uart_stm32_any.h", "uart_stm32.h"),
    "stm32v2": ("uart_stm32_any.h",),
    "stm32f1": ("uart_stm32.h",),
    "stm32f4": ("uart_stm32.h",),
}
"""Files that come with a UART's driver."""

MARKER = "README.txt"
"""In every project, so that a folder is known as ours before it is replaced."""

_README = """Firmware that runs the model {name} on the board {board}, made by tinykit.

`make` builds build/{name}.elf, .bin and .hex; `make TOOLCHAIN=prefix-` chooses the compiler. CMake does the same:
`cmake -B out -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && cmake --build out`.
The next `tinykit build` into this folder replaces everything in it.
"""


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder("firmware_templates") / "baremetal"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )


def require_bare_metal(board: Board) -> None:
    """Raises: BoardError for a board that only an ecosystem's template serves."""
    if not board.is_bare_metal:
        raise BoardError(
            f"no bare-metal firmware of ours runs on {board.name}",
            expected=f"a project of its ecosystem: {', '.join(board.ecosystems)}",
            next_step=f"tinykit export MODEL.tflite --template {next(iter(board.ecosystems))} --board {board.name} "
            "-o FOLDER",
        )


def sources(what: Program, board: Board) -> dict[str, str]:
    """All files of the project, by name.

    Raises: BoardError for a board that only an ecosystem's template serves; UsageError for a model whose name the
        firmware needs itself; ToolMissing for the tflm engine without TFLM's library.
    """
    require_bare_metal(board)
    folder = data_folder("firmware_templates") / "baremetal"
    uart = f"uart_{board.uart.driver}.c"
    core = architecture(board.target)
    plain = [*_HEADERS, core.header, *_SOURCES, *core.sources, uart, *_BESIDE_DRIVER.get(board.uart.driver, ())]
    library = find_library() if what.engine == "tflm" else None
    if library is not None:
        plain.append("cxx.c")
    values = {
        **serving_values(what),
        "board": board,
        "target": board.target,
        "flash": board.flash,
        "ram": board.ram,
        "stack_bytes": stack_bytes(what.cost, board),
        "stack": True,
        "library": library,
        "core": core,
        "firmware_sources": ["main.c", "serve.c", "sensor.c", *(name for name in plain if name.endswith(".c"))],
    }
    environment = _environment()
    files = {name: (folder / name).read_text(encoding="utf-8") for name in plain}
    files |= {name: environment.get_template(f"{name}.j2").render(values) for name in _TEMPLATES}
    files["linker.ld"] = environment.get_template(f"{core.linker}.j2").render(values)
    taken = {Path(name).stem for name in files}
    if what.interface.name in taken:
        raise UsageError(
            f"the firmware has a file named {what.interface.name!r} of its own",
            expected="another name for the model",
            next_step="Rename the model's file, from which the name is made",
        )
    files[MARKER] = _README.format(name=what.interface.name, board=board.name)
    return {**files, **what.sources}


def write(files: dict[str, str], folder: Path) -> Path:
    """Write the project's files as `folder`, replacing it as a whole.

    Raises: DiskFull, OutputError.
    """
    with folder_atomic(folder) as temporary:
        for name, text in files.items():
            write_atomic(inside(temporary, name), text)
    return folder


def render(plan: Plan, board: Board, folder: Path) -> Path:
    """Write the whole project for `plan` on `board` into `folder`: `make` there builds it.

    Raises: UsageError for a name that the firmware needs itself; DiskFull, OutputError.
    """
    return write(sources(program(plan), board), folder)
