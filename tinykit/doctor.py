"""What tinykit can use on a machine, whether it is there, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tinykit.files import data_folder

if TYPE_CHECKING:
    from tinykit.boards import Board


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes: `section` of the page, `what` it is, whether it is there (`ok`), what was `found`, how to `fix` it, and
    whether it is `needed` for the default way, a recipe onto an emulated Cortex-M.
    """

    section: str
    what: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = False


COMPILERS = {
    "": "gcc",
    "arm-none-eabi-": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "riscv64-unknown-elf-": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "avr-": "gcc-avr avr-libc",
}
"""Debian packages of each target's toolchain, by its prefix."""

ECOSYSTEM_COMPILERS = {"xtensa-esp-elf-": "Install ESP-IDF, Arduino or PlatformIO for ESP32 boards: each brings it"}
"""How to get toolchains that no distribution packages."""

NEEDED_COMPILERS = ("", "arm-none-eabi-")

VERSION_WORDS = {
    "avrdude": ("-?",),
    "bossac": ("--help",),
    "stm32flash": ("/dev/null",),  # it says its version only when it cannot use the port
    "esptool": ("version",),
    "esptool.py": ("version",),
}
"""How tools that do not know --version say theirs."""

PACKAGES = (
    ("numpy", "pip install tinykit", True),
    ("pyserial", "pip install tinykit", True),
    ("jinja2", "pip install tinykit", True),
    ("tflite-micro", 'pip install "tinykit[verify]" (wheels: Linux on x86-64)', True),
    ("tensorflow", 'pip install "tinykit[train]"', True),
    ("tf-keras", 'pip install "tinykit[train]"', True),
    ("tensorflow-model-optimization", 'pip install "tinykit[train]"', True),
    ("scikit-learn", 'pip install "tinykit[train]"', True),
)

RULES = "99-tinykit.rules"
RULE_FOLDERS = (Path("/etc/udev/rules.d"), Path("/usr/lib/udev/rules.d"), Path("/lib/udev/rules.d"))

_SECONDS = 20
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")


def examine() -> list[Finding]:
    """Everything tinykit can use, looked at now; in the order of the page."""
    from tinykit.boards import all_boards

    boards = all_boards()
    looks: list[Callable[[], list[Finding]]] = [
        _python,
        *(partial(_package, *package) for package in PACKAGES),
        *_compilers(),
        *_emulators(boards),
        *_flash_tools(),
        _permissions,
        partial(_ports, boards),
    ]
    with ThreadPoolExecutor(8) as pool:  # each tool's start takes up to a second
        return [finding for found in pool.map(lambda look: look(), looks) for finding in found]


def version(path: str, words: tuple[str, ...] = ("--version",)) -> str | None:
    """The version that a program says, or the first line of what it says; None when it does not run."""
    try:
        ran = subprocess.run(
            [path, *words], capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    found = next((m[0] for line in lines if "onfiguration" not in line and (m := _VERSION.search(line))), None)
    return found or lines[0][:60]


def _tool(section: str, names: tuple[str, ...], note: str, fix: str, needed: bool) -> list[Finding]:
    """A program under the first of its `names` that is there, with its version and a `note` on what it is for."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            said = version(path, VERSION_WORDS.get(name, ("--version",)))
            found = f"{said}, {path}{note}" if said else f"{path} does not run"
            return [Finding(section, name, said is not None, found, fix, needed)]
    return [Finding(section, names[0], False, f"not found{note}", fix, needed)]


def _python() -> list[Finding]:
    fits = (3, 10) <= sys.version_info[:2] < (3, 14)
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Finding("Python", "python", fits, found, "Use Python 3.10 to 3.13", True)]


def _package(name: str, fix: str, needed: bool) -> list[Finding]:
    try:
        return [Finding("Python", name, True, importlib.metadata.version(name), fix, needed)]
    except importlib.metadata.PackageNotFoundError:
        return [Finding("Python", name, False, "not installed", fix, needed)]


def _compilers() -> list[Callable[[], list[Finding]]]:
    from tinykit.targets import TARGETS

    served: dict[str, list[str]] = {}
    for target in TARGETS.values():
        served.setdefault(target.toolchain, []).append(target.name)
    looks = [
        partial(
            _tool,
            "Compilers",
            ((f"{prefix}gcc",) if prefix else ("cc", "gcc")),
            f", for {', '.join(names)}",
            f"sudo apt install {COMPILERS[prefix]}" if prefix in COMPILERS else ECOSYSTEM_COMPILERS[prefix],
            prefix in NEEDED_COMPILERS,
        )
        for prefix, names in served.items()
    ]
    return [*looks, partial(_tool, "Compilers", ("make",), "", "sudo apt install make", True)]


def _emulators(boards: tuple[Board, ...]) -> list[Callable[[], list[Finding]]]:
    from tinykit.flash.qemu import PACKAGES as QEMU_PACKAGES

    machines: dict[str, set[str]] = {}
    for board in boards:
        if board.emulator is not None and board.emulator.kind == "qemu":
            program = "qemu-system-riscv32" if board.target.name.startswith("rv32") else "qemu-system-arm"
            machines.setdefault(program, set()).add(board.emulator.machine)
    kinds = {board.emulator.kind: board.name for board in boards if board.emulator is not None}
    others = [
        *([partial(_simavr, kinds["simavr"])] if "simavr" in kinds else []),
        *(
            partial(
                _tool,
                "Emulators",
                (name,),
                f", for rp2040js: {kinds['rp2040js']}",
                f"sudo apt install {package}",
                False,
            )
            for name, package in (("node", "nodejs"), ("npm", "npm"))
            if "rp2040js" in kinds
        ),
    ]
    return [
        *others,
        *(
            partial(_qemu, program, frozenset(wanted), f"sudo apt install {QEMU_PACKAGES[program]}")
            for program, wanted in sorted(machines.items())
        ),
    ]


def _simavr(board: str) -> list[Finding]:
    """libsimavr, which our runner is compiled against."""
    from tinykit.flash.simavr import PACKAGES as SIMAVR_PACKAGES
    from tinykit.flash.simavr import has_library

    compiler = shutil.which("cc")
    ok = compiler is not None and has_library(compiler)
    found = f"{'its headers are there' if ok else 'no headers of it'}, for {board}"
    return [Finding("Emulators", "libsimavr", ok, found, f"sudo apt install {SIMAVR_PACKAGES}")]


def _qemu(program: str, wanted: frozenset[str], fix: str) -> list[Finding]:
    """QEMU, and whether it knows every board's machine."""
    needed = program == "qemu-system-arm"
    (found,) = _tool("Emulators", (program,), f", for {len(wanted)} boards", fix, needed)
    path = shutil.which(program)
    if not found.ok or path is None:
        return [found]
    try:
        ran = subprocess.run([path, "-M", "help"], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return [found]
    lacking = sorted(wanted - {line.split(" ")[0] for line in ran.stdout.splitlines()})
    if not lacking:
        return [found]
    what = f"{found.found}; does not know {', '.join(lacking)}"
    return [Finding("Emulators", found.what, False, what, "Install QEMU 7.2 or newer", needed)]


def _flash_tools() -> list[Callable[[], list[Finding]]]:
    from tinykit.flash import TOOLS

    return [partial(_tool, "Flash tools", tool.programs, "", tool.install, False) for tool in TOOLS]


def _permissions() -> list[Finding]:
    """Whether this user may reach USB devices and serial ports (Linux), and may open pseudo terminals."""
    if sys.platform != "linux":
        return []
    section, is_root = "Permissions", os.geteuid() == 0
    source = data_folder("boards") / "udev" / RULES
    installed = next((folder / RULES for folder in RULE_FOLDERS if (folder / RULES).is_file()), None)
    commands = "sudo udevadm control --reload && sudo udevadm trigger"
    fix = f"sudo cp {source} /etc/udev/rules.d/ && {commands}"
    is_current = installed is not None and installed.read_bytes() == source.read_bytes()
    said = "not installed" if installed is None else f"{installed}{'' if is_current else ', an older version'}"
    findings = [Finding(section, "udev rules", is_current or is_root, f"{said}{' (root)' if is_root else ''}", fix)]
    pts = Path("/dev/pts").is_dir() and Path("/dev/ptmx").exists()
    return [
        *findings,
        Finding(section, "pseudo terminals", pts, "/dev/pts" if pts else "none", "Mount /dev/pts (devpts)", True),
    ]


def _ports(boards: tuple[Board, ...]) -> list[Finding]:
    """Each serial port: whose it is by its USB ids, whether this user may open it, and who holds it."""
    from tinykit.flash.usb import serial_ports, usb_id
    from tinykit.link.holder import holder
    from tinykit.link.port import permission_fix

    findings = []
    for port in serial_ports():
        names = [board.name for board in boards if usb_id(port) in board.usb_ids]
        found = ", ".join(
            filter(None, (port.description, usb_id(port), f"could be {' or '.join(names)}" * bool(names)))
        )
        may = os.access(port.device, os.R_OK | os.W_OK)
        held = holder(port.device)
        findings.append(
            Finding(
                "Ports",
                port.device,
                may and held is None,
                found + (f", held by {held}" if held else "") + ("" if may else ", no permission"),
                "Close that program" if may else permission_fix(port.device),
            )
        )
    return findings or [Finding("Ports", "serial ports", True, "none; emulated boards need none")]
