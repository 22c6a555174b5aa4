"""What bare-metal firmware is made of on each kind of core: start-up, faults, counters, linker script, flags."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.errors import UsageError
from tinykit.targets import Target


@dataclass(frozen=True)
class Architecture:
    """A kind of core.

    Attributes:
        header: its own in firmware_templates/baremetal/, which core.h includes.
        sources: its own there.
        linker: the linker script's template there.
        standard: of C.
        compiler: flags that its compiler alone knows.
        linking: flags that its linker alone knows.
        flash, ram, stack: bytes that the firmware itself takes, measured on linked ELFs and rounded up.
        step: bytes of flash for each step of the model, which can be run alone.
    """

    header: str
    sources: tuple[str, ...]
    linker: str
    standard: str
    compiler: str
    linking: str
    flash: int
    ram: int
    stack: int
    step: int = 40


DRIVER_FLASH = {"rp2040": 512, "rp2350": 256, "stm32f1": 256, "stm32f4": 256, "stm32v1": 256, "stm32v2": 384}
"""Bytes that a UART's driver takes beyond the smallest: boot stages, clocks, pins; measured like the rest."""

# GCC 12 repeats volatile stores at a loop's exit without -fno-move-loop-stores.
_MOVE_LOOP_STORES = "-fno-move-loop-stores"

CORTEX_M = Architecture(
    header="cortex_m.h",
    sources=("startup_cortex_m.c", "counter_cortex_m.c", "fault_cortex_m.c"),
    linker="linker.ld",
    standard="c99",
    compiler=_MOVE_LOOP_STORES,
    linking="--specs=nano.specs -Wl,--no-warn-rwx-segments",
    flash=3584,
    ram=640,
    stack=256,
)
RISCV = Architecture(
    header="riscv.h",
    sources=("startup_riscv.c", "counter_riscv.c", "fault_riscv.c"),
    linker="linker.ld",
    standard="c99",
    compiler=f"{_MOVE_LOOP_STORES} --specs=picolibc.specs",
    linking="--specs=picolibc.specs -Wl,--no-warn-rwx-segments",
    flash=3584,
    ram=640,
    stack=256,
)
AVR = Architecture(
    header="avr.h",
    sources=("startup_avr.c", "counter_avr.c", "fault_avr.c"),
    linker="linker_avr.ld",
    standard="gnu99",  # named address spaces (ISO/IEC TR 18037) are no part of strict C99
    compiler="",
    linking="",
    flash=5120,
    ram=768,
    stack=192,
)

# Built by its ecosystem alone: the shares are those of the sources that serve the protocol there.
XTENSA = Architecture("", (), "", "c99", "", "", flash=4096, ram=640, stack=256, step=0)

_ARCHITECTURES = {"xtensa-esp-elf-": XTENSA, "arm-none-eabi-": CORTEX_M, "riscv64-unknown-elf-": RISCV, "avr-": AVR}


def architecture(target: Target) -> Architecture:
    """The architecture that `target` belongs to.

    Raises: UsageError for one that no firmware is made for.
    """
    if target.toolchain not in _ARCHITECTURES:
        raise UsageError(f"no firmware is made for the target {target.name}", expected="a microcontroller's target")
    return _ARCHITECTURES[target.toolchain]
