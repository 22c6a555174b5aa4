"""Fixtures that every test folder shares, and clean skips where a tool is not installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import tally

# The same examples in every run, and none that fails for being slow: a test must not need luck. New examples are found
# with HYPOTHESIS_PROFILE=search.
settings.register_profile("tinykit", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tinykit"))

REPOSITORY = Path(__file__).parent.parent

# What a test marked `emulated` needs, and the package that brings it on Debian and Ubuntu.
EMULATION_TOOLS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}


def shared_folder() -> Path:
    """The folder of reference models: TINYKIT_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("TINYKIT_SHARED") or REPOSITORY.parent / "shared")


def require_tool(name: str, package: str, by: str = "sudo apt install") -> str:
    """The path of a program on PATH; skips the test, naming the package to install, where there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: {by} {package}")
    return path


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count what is compared with TFLM; the workers of pytest-xdist add to the same count."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="tinykit-tally-")
        config.add_cleanup(folder.cleanup)
        tally.start(Path(folder.name))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was compared."""
    found = tally.total(Path(os.environ["TINYKIT_TALLY"]))
    if found.models:
        models = f"{found.models:,} models ({found.single:,} of a single operator)"
        told = f"{models}, {found.vectors:,} vectors, {found.bytes:,} bytes equal to TFLM; 0 differ"
        failed = terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")
        terminalreporter.write_line(told if not failed else told.replace("; 0 differ", ""))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run: emulated boards, training, reference models."""
    if item.get_closest_marker("emulated"):
        for name, package in EMULATION_TOOLS.items():
            require_tool(name, package)
    # Importing tensorflow here would ignore the settings of learn/backend.py.
    if item.get_closest_marker("train") and importlib.util.find_spec("tensorflow") is None:
        pytest.skip('tensorflow is not installed: pip install "tinykit[train]"')
    if item.get_closest_marker("shared"):
        require_shared()


def require_shared() -> Path:
    """The folder of reference models; skips the test where it is absent."""
    folder = shared_folder()
    if not (folder / "models").is_dir():
        pytest.skip(f"no reference models in {folder}: set TINYKIT_SHARED")
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference models and measurements."""
    return require_shared()


@pytest.fixture(scope="session")
def arm_gcc() -> str:
    """The path of arm-none-eabi-gcc."""
    return require_tool("arm-none-eabi-gcc", EMULATION_TOOLS["arm-none-eabi-gcc"])


@pytest.fixture(scope="session")
def qemu() -> str:
    """The path of qemu-system-arm."""
    return require_tool("qemu-system-arm", EMULATION_TOOLS["qemu-system-arm"])


@pytest.fixture(scope="session")
def host_cc() -> str:
    """The path of the host's C compiler."""
    return require_tool("cc", "gcc")
