"""A few bytes of firmware that say "up" on the MPS2's UART and sleep: enough for an emulator's life and death."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = """
#define UART ((volatile unsigned *)0x40004000)
static void start(void) {
    UART[4] = 16u;
    UART[2] = 1u;
    for (const char *c = "up\\n"; *c; ++c) UART[0] = (unsigned)*c;
    for (;;) __asm__ volatile("wfi");
}
__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20001000, start};
"""


@pytest.fixture(scope="session")
def hello_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ELF for mps2-an386."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("firmware")
    (folder / "up.c").write_text(SOURCE)
    elf = folder / "up.elf"
    flags = ["-mcpu=cortex-m4", "-mthumb", "-Os", "-nostdlib", "-ffreestanding"]
    link = ["-Wl,-Ttext=0x100", "-Wl,--section-start=.vectors=0", "-Wl,--entry=start", "-Wl,--build-id=none"]
    subprocess.run(["arm-none-eabi-gcc", *flags, *link, str(folder / "up.c"), "-o", str(elf)], check=True, timeout=60)
    return elf


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of the test's own; boards left running in it are ended."""
    from tinykit.flash.running import stop

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path
    stop()
