"""Targets: instruction sets that code is generated for. What a board adds (memories, UART) is in boards/."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.errors import UsageError


@dataclass(frozen=True)
class Target:
    """An instruction set and how to compile for it.

    Attributes:
        name: as the user writes it.
        toolchain: prefix of the compiler's tools ("" for the host).
        flags: compiler flags that choose the core and the ABI.
        features: what kernels may use: "dsp" (SMLAD, SXTB16), "mve", "fpu", "thumb2", "mul32x32" ...
        pointer_bytes: size of a pointer, in bytes.
        description: one line for people.
    """

    name: str
    toolchain: str
    flags: tuple[str, ...]
    features: frozenset[str]
    pointer_bytes: int
    description: str

    def has(self, feature: str) -> bool:
        """Whether kernels may use this feature."""
        return feature in self.features


def _arm(name: str, cpu: tuple[str, ...], features: str, description: str) -> Target:
    return Target(name, "arm-none-eabi-", ("-mthumb", *cpu), frozenset(features.split()), 4, description)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _arm("cortex-m0", ("-mcpu=cortex-m0",), "thumb", "Cortex-M0: Thumb, no 32x32->64 multiply"),
        _arm("cortex-m0plus", ("-mcpu=cortex-m0plus",), "thumb", "Cortex-M0+: as cortex-m0, with a shorter pipeline"),
        _arm("cortex-m3", ("-mcpu=cortex-m3",), "thumb thumb2 mul64", "Cortex-M3: Thumb-2"),
        _arm(
            "cortex-m4",
            ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
            "thumb thumb2 mul64 dsp fpu",
            "Cortex-M4F: Thumb-2 with DSP and single-precision FPU",
        ),
        _arm(
            "cortex-m7",
            ("-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
            "thumb thumb2 mul64 dsp fpu",
            "Cortex-M7: Thumb-2 with DSP and FPU",
        ),
        _arm(
            "cortex-m33",
            ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
            "thumb thumb2 mul64 dsp fpu",
            "Cortex-M33: ARMv8-M with DSP and FPU",
        ),
        _arm(
            "cortex-m55",
            ("-mcpu=cortex-m55", "-mfloat-abi=hard"),
            "thumb thumb2 mul64 dsp fpu mve",
            "Cortex-M55: ARMv8.1-M with Helium (MVE)",
        ),
        Target(
            "rv32imc",
            "riscv64-unknown-elf-",
            ("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2"),  # 2.2: CSR instructions without _zicsr
            frozenset({"mul64"}),
            4,
            "RISC-V, 32 bits, with multiplication and compressed instructions",
        ),
        Target("avr", "avr-", ("-mmcu=avr5",), frozenset(), 2, "8-bit AVR with 16 to 64 KB of flash (ATmega328P)"),
        Target(
            "xtensa",
            "xtensa-esp-elf-",
            (),
            frozenset({"mul64", "fpu"}),
            4,
            "Xtensa LX6 and LX7 (ESP32, ESP32-S3), compiled by the chip's own ecosystem",
        ),
        Target(
            "host",
            "",
            (),
            frozenset({"mul64", "fpu"}),
            8,
            "this machine's own compiler, for proofs",
        ),
    )
}


def target(name: str) -> Target:
    """The target of this name.

    Raises: UsageError for an unknown one, with the known names.
    """
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}", expected=f"one of {', '.join(TARGETS)}")
    return TARGETS[name]
