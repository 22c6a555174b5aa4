"""rp2040js: the RP2040, cycle by cycle. An npm package that a small program of ours runs in Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.errors import BoardError, ToolFailed, ToolMissing
from tinykit.files import write_atomic
from tinykit.flash.kinds import EmulatorKind
from tinykit.flash.runner import RUNNERS, cache_folder, on_terminal
from tinykit.flash.uf2 import blocks

if TYPE_CHECKING:
    from tinykit.boards import Board

VERSION = "1.4.1"
"""Of rp2040js, the one that the tests ran with."""

FOLDER_VARIABLE = "TINYKIT_RP2040JS"
"""Names a folder whose node_modules holds rp2040js, where it is not to be installed into the cache."""

_INSTALL_SECONDS = 180.0


def _node(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise ToolMissing(
            "cannot emulate RP2040 boards",
            expected=f"Node.js with npm ({program} on PATH)",
            next_step="sudo apt install nodejs npm",
            page="emulator-missing",
        )
    return path


def package_folder() -> Path:
    """A folder whose node_modules holds rp2040js; installed by npm into the cache at the first use.

    Raises: ToolMissing, ToolFailed.
    """
    folder = Path(os.environ.get(FOLDER_VARIABLE) or cache_folder() / f"rp2040js-{VERSION}")
    if (folder / "node_modules" / "rp2040js" / "package.json").is_file():
        return folder
    npm = _node("npm")
    write_atomic(folder / "package.json", json.dumps({"private": True, "dependencies": {"rp2040js": VERSION}}))
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        said = done.stderr.strip()[-300:] if done.returncode else ""
    except subprocess.TimeoutExpired:
        said = f"npm did not end within {_INSTALL_SECONDS:.0f} s"
    if said:
        raise ToolFailed(
            f"npm could not install rp2040js {VERSION}",
            found=said,
            next_step=f"Check the network, or name a folder that has it in the environment variable {FOLDER_VARIABLE}",
            page="emulator-missing",
        )
    return folder


def _command(board: Board, elf: Path, control: Path, counting: bool) -> list[str]:
    family = board.flash_options.get("uf2", {}).get("family")
    if family is None:
        raise BoardError(f"{board.source} does not say `family` in [flash.uf2]")
    node, folder = _node("node"), package_folder()
    program = control.with_suffix(".uf2")
    image = elf.with_suffix(".bin")
    if not image.is_file():
        raise ToolFailed(f"the program's image {image} is missing", next_step="Build the firmware again")
    write_atomic(program, blocks(image.read_bytes(), board.flash.origin, int(family, 0)))
    return on_terminal(node, str(RUNNERS / "rp2040js.mjs"), str(folder), str(program), str(control))


RP2040JS = EmulatorKind(_command, lambda board: None, lambda board: "node")
