"""What tinykit needs on a machine, whether it is there, and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked for: `what`, whether it is there, what was `found`, and the `fix`."""

    what: str
    ok: bool
    found: str
    fix: str


TOOLS = (
    ("cc", "sudo apt install gcc"),
    ("arm-none-eabi-gcc", "sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    ("qemu-system-arm", "sudo apt install qemu-system-arm"),
    ("make", "sudo apt install make"),
)

PACKAGES = (
    ("numpy", "pip install tinykit"),
    ("pyserial", "pip install tinykit"),
    ("jinja2", "pip install tinykit"),
    ("tflite-micro", 'pip install "tinykit[verify]" (wheels: Linux on x86-64)'),
    ("tensorflow", 'pip install "tinykit[train]"'),
    ("tf-keras", 'pip install "tinykit[train]"'),
    ("tensorflow-model-optimization", 'pip install "tinykit[train]"'),
)


def _tool(name: str, fix: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, False, "not found", fix)
    try:
        ran = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
        version = (ran.stdout or ran.stderr).strip().splitlines()[:1]
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, False, f"{path} does not run: {error}", fix)
    return Finding(name, ran.returncode == 0, version[0] if version else path, fix)


def _package(name: str, fix: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name), fix)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", fix)


def _ports() -> Finding:
    from serial.tools import list_ports

    ports = [f"{p.device} ({p.description})" for p in list_ports.comports()]
    return Finding("serial ports", True, ", ".join(ports) or "none; emulated boards need none", "")


def examine() -> list[Finding]:
    """Everything tinykit can need, looked at now."""
    python = Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}", "")
    return [python, *(_tool(*t) for t in TOOLS), *(_package(*p) for p in PACKAGES), _ports()]
