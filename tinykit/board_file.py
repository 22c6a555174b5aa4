"""A board as its TOML file describes it, checked against a schema.

A board adds to a target (see targets.py) what a datasheet says: memories, UART, clock, and how to put a program there.
"""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinykit.errors import BoardError
from tinykit.targets import TARGETS, Target
from tinykit.toml_schema import TomlFile, read_table, rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ECOSYSTEM = "ecosystem"
"""The UART driver of boards that only an ecosystem's template serves: its own."""

UART_DRIVERS = (
    *("16550", "avr", "cmsdk", "nrf51", "rp2040", "rp2350", "sifive"),
    *("stm32f1", "stm32f4", "stm32v1", "stm32v2", ECOSYSTEM),
)
IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@=,-]{0,79}")
"""What an ecosystem's name of a board looks like."""

FLASH_METHODS: dict[str, tuple[str, ...]] = {
    "emulator": (),
    "gdb": ("remote", "restart"),
    "openocd": ("config",),
    "pyocd": ("target",),
    "st-flash": ("chip_id",),
    "dfu": ("id",),
    "uf2": ("board_id", "family"),
    "avrdude": ("part", "programmer", "baud"),
    "bossac": ("device", "offset"),
    "esptool": ("chip", "baud", "offset", "arguments"),
    "stm32flash": ("device_id", "baud", "mode"),
}
"""Ways to put a program on a board, and the keys of each one's own table [flash.METHOD]; see docs/flashing.md."""


@dataclass(frozen=True)
class Memory:
    """A memory the linker may fill: `origin` its address and `length` its size in bytes, `kind` "flash" or "ram"."""

    name: str = field(metadata=rule("text"))
    kind: str = field(metadata=rule("text", "flash", "ram"))
    origin: int = field(metadata=rule("number"))
    length: int = field(metadata=rule("number", low=1024))

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.origin + self.length


@dataclass(frozen=True)
class Uart:
    """The serial port that carries the protocol.

    Attributes: `driver` names firmware_templates/baremetal/uart_<driver>.c, `base` the registers' address, `irq` the
    number of the receive interrupt, `clock_hz` the peripheral's input clock, `tx_pin` and `rx_pin` where the chip
    routes the port to any pin or the driver has to be told: numbered through all ports (32 a port on nRF52, 16 on
    STM32, where PB6 is 22). The drivers stm32v1 and stm32v2 also have to be told `gpio_base`, the address of port A;
    the `alternate_function` of both pins; `enable`, the bits that switch on clocks and supplies, in order, as
    "ADDRESS.BIT"; `divider_scale`, 256 for an LPUART.
    """

    driver: str = field(metadata=rule("text", *UART_DRIVERS))
    base: int = field(metadata=rule("number"))
    irq: int = field(metadata=rule("number", high=479))
    clock_hz: int = field(metadata=rule("number", low=1_000_000))
    baud: int = field(default=115200, metadata=rule("number", low=9600, high=3_000_000))
    tx_pin: int | None = field(default=None, metadata=rule("number", high=255))
    rx_pin: int | None = field(default=None, metadata=rule("number", high=255))
    gpio_base: int | None = field(default=None, metadata=rule("number"))
    alternate_function: int | None = field(default=None, metadata=rule("number", high=15))
    enable: tuple[str, ...] = field(default=(), metadata=rule("texts"))
    divider_scale: int = field(default=1, metadata=rule("number", low=1, high=256))

    @property
    def enable_bits(self) -> tuple[tuple[int, int], ...]:
        """`enable` as pairs of a register's address and a bit's number."""
        return tuple((int(address, 16), int(bit)) for address, bit in (one.split(".") for one in self.enable))


@dataclass(frozen=True)
class Emulator:
    """How to run the board without hardware: `machine` and extra `arguments` of the emulator `kind`.

    `machine` is the chip's name for simavr and rp2040js. `counter` is what the firmware counts with there.
    """

    kind: str = field(metadata=rule("text", "qemu", "simavr", "rp2040js"))
    machine: str = field(metadata=rule("text"))
    counter: str = field(metadata=rule("text", "systick", "minstret", "timer1"))
    arguments: tuple[str, ...] = field(default=(), metadata=rule("texts"))


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes:
        name, title: for the command line and for people.
        target: its instruction set.
        clock_hz: the core's clock when our firmware runs.
        memories: in the order of the file; the first of each kind is used.
        uart: the serial port.
        flash_methods: ways to put a program there, the preferred first.
        references: the documents that the numbers are from.
        crystal_hz: the external oscillator, where the firmware starts it.
        emulator: None where there is none.
        usb_ids: "vid:pid" of what shows up when it is plugged in.
        source: the TOML file.
        flash_options: what a method must know of the board, by method and key.
        ecosystems: what ecosystems of firmware_templates/ that serve the board call it, the preferred first.
        nmi: what raises the core's non-maskable interrupt, where that is a fault's cause of its own: "watchdog".
    """

    name: str
    title: str
    target: Target
    clock_hz: int
    memories: tuple[Memory, ...]
    uart: Uart
    flash_methods: tuple[str, ...]
    references: tuple[str, ...]
    crystal_hz: int | None
    emulator: Emulator | None
    usb_ids: tuple[str, ...]
    source: Path
    flash_options: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)
    ecosystems: dict[str, str] = field(default_factory=dict, hash=False)
    nmi: str | None = None

    @property
    def is_bare_metal(self) -> bool:
        """Whether firmware of our own runs on it; otherwise one of its `ecosystems` serves it."""
        return self.uart.driver != ECOSYSTEM

    @property
    def flash(self) -> Memory:
        """The memory that holds the program."""
        return next(m for m in self.memories if m.kind == "flash")

    @property
    def ram(self) -> Memory:
        """The memory that holds data and stack."""
        return next(m for m in self.memories if m.kind == "ram")

    def describe(self) -> str:
        """The board for people, a few lines."""
        memories = [f"  {m.kind:<5}  {m.name:<6} {m.length:>9,} bytes at {m.origin:#010x}" for m in self.memories]
        emulator = f"{self.emulator.kind}, {self.emulator.machine}" if self.emulator else "none"
        pins = "" if self.uart.tx_pin is None else f", TX on pin {self.uart.tx_pin}, RX on pin {self.uart.rx_pin}"
        served = ["bare metal"] * self.is_bare_metal + [f"{one} ({name})" for one, name in self.ecosystems.items()]
        return "\n".join(
            [
                f"{self.name}: {self.title}",
                f"  target {self.target.name}, {self.clock_hz / 1e6:g} MHz",
                *memories,
                f"  UART   {self.uart.driver} at {self.uart.base:#010x}, {self.uart.baud} baud{pins}",
                f"  served by {', '.join(served)}; USB ids {', '.join(self.usb_ids) or 'none of its own'}",
                f"  flash by {', '.join(self.flash_methods) or 'its ecosystem'}; emulator: {emulator}",
                *(f"  source: {r}" for r in self.references),
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """The board as `--json` prints it."""
        return {
            "name": self.name,
            "title": self.title,
            "target": self.target.name,
            "clock_hz": self.clock_hz,
            "flash": self.flash.length,
            "ram": self.ram.length,
            "memories": [vars(m) for m in self.memories],
            "uart": vars(self.uart),
            "flash_methods": list(self.flash_methods),
            "flash_options": self.flash_options,
            "emulator": None if self.emulator is None else vars(self.emulator),
            "usb_ids": list(self.usb_ids),
            "ecosystems": dict(self.ecosystems),
            "bare_metal": self.is_bare_metal,
            "references": list(self.references),
        }


@dataclass(frozen=True)
class _BoardFile:
    """The top level of the TOML."""

    name: str = field(metadata=rule("text"))
    title: str = field(metadata=rule("text"))
    target: str = field(metadata=rule("text", *(n for n in TARGETS if n != "host")))
    clock_hz: int = field(metadata=rule("number", low=1_000_000))
    memory: Any = field(metadata=rule("table"))
    uart: Any = field(metadata=rule("table"))
    references: tuple[str, ...] = field(metadata=rule("texts"))
    flash: Any = field(default=None, metadata=rule("table"))
    crystal_hz: int | None = field(default=None, metadata=rule("number", low=1_000_000))
    ecosystems: Any = field(default=None, metadata=rule("table"))
    nmi: str | None = field(default=None, metadata=rule("text", "watchdog"))
    usb: Any = field(default=None, metadata=rule("table"))
    emulator: Any = field(default=None, metadata=rule("table"))


@dataclass(frozen=True)
class _EcosystemsTable:
    arduino: str | None = field(default=None, metadata=rule("text"))
    platformio: str | None = field(default=None, metadata=rule("text"))
    espidf: str | None = field(default=None, metadata=rule("text"))
    zephyr: str | None = field(default=None, metadata=rule("text"))


@dataclass(frozen=True)
class _FlashTable:
    methods: tuple[str, ...] = field(metadata=rule("texts", *FLASH_METHODS))


@dataclass(frozen=True)
class _UsbTable:
    ids: tuple[str, ...] = field(metadata=rule("texts"))


def _usb_ids(file: TomlFile, values: Any) -> tuple[str, ...]:
    """The ids of [usb], as "vid:pid" in lower case hexadecimal."""
    ids = () if values is None else tuple(read_table(file, _UsbTable, "usb", values).ids)
    for one in ids:
        if not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", one):
            wanted = '"vid:pid" in lower case, such as "2e8a:0003"'
            raise file.error("'ids' in [usb] cannot be used", file.line("usb", "ids"), expected=wanted, found=one)
    return ids


def _ecosystems(file: TomlFile, values: Any) -> dict[str, str]:
    """The names of [ecosystems], in the file's order."""
    if values is None:
        return {}
    read_table(file, _EcosystemsTable, "ecosystems", values)
    for key, name in values.items():
        if not IDENTITY.fullmatch(name):
            wanted = "letters, digits and -_.:/@=,"
            raise file.error(f"{key!r} in [ecosystems] cannot be used", file.line("ecosystems", key), expected=wanted)
    if "/" not in values.get("platformio", "/"):
        line = file.line("ecosystems", "platformio")
        raise file.error("'platformio' in [ecosystems] cannot be used", line, expected="PLATFORM/BOARD")
    return dict(values)


def _memories(file: TomlFile, values: Any) -> tuple[Memory, ...]:
    if not isinstance(values, list):
        raise file.error("memories are written as [[memory]] tables", file.line("", "memory"))
    memories = tuple(read_table(file, Memory, "memory", value, i) for i, value in enumerate(values))
    for kind in ("flash", "ram"):
        if not any(m.kind == kind for m in memories):
            raise file.error(f"no [[memory]] of kind {kind!r}")
    ordered = sorted(memories, key=lambda m: m.origin)
    for low, high in itertools.pairwise(ordered):
        if high.origin < low.end:
            raise file.error(
                f"memories {low.name!r} and {high.name!r} overlap",
                file.line("memory", "origin", memories.index(high)),
                found=f"{low.origin:#x} to {low.end:#x} and {high.origin:#x} to {high.end:#x}",
            )
    return memories


def _flash(file: TomlFile, values: Any) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """The methods of [flash], and the options in its tables [flash.METHOD]."""
    tables = {k: v for k, v in values.items() if k in FLASH_METHODS} if isinstance(values, dict) else {}
    for method, options in tables.items():
        table = f"flash.{method}"
        if not isinstance(options, dict):
            raise file.error(f"[{table}] is not a table", file.line("flash", method), found=repr(options))
        for key, value in options.items():
            if key not in FLASH_METHODS[method]:
                known = ", ".join(FLASH_METHODS[method]) or "nothing"
                raise file.error(f"unknown key {key!r} in [{table}]", file.line(table, key), expected=known)
            if not isinstance(value, str) or not value or not value.isprintable():
                wanted = "a printable text in quotes"
                raise file.error(f"{key!r} in [{table}] cannot be used", file.line(table, key), expected=wanted)
    rest = {k: v for k, v in values.items() if k not in tables} if isinstance(values, dict) else values
    return read_table(file, _FlashTable, "flash", rest).methods, tables


_NEEDED_BY_DRIVER = {
    "nrf51": ("tx_pin", "rx_pin"),
    "rp2040": ("tx_pin", "rx_pin"),
    "rp2350": ("tx_pin", "rx_pin"),
    "sifive": ("tx_pin", "rx_pin"),
    "stm32v1": ("tx_pin", "rx_pin", "gpio_base", "alternate_function", "enable"),
    "stm32v2": ("tx_pin", "rx_pin", "gpio_base", "alternate_function", "enable"),
}


def _uart(file: TomlFile, values: Any, ecosystems: dict[str, str]) -> Uart:
    """The [uart], with all that its driver needs."""
    uart: Uart = read_table(file, Uart, "uart", values)
    if uart.driver == ECOSYSTEM and not ecosystems:
        raise file.error("a board without a UART driver of ours needs [ecosystems]", file.line("uart", "driver"))
    for name in _NEEDED_BY_DRIVER.get(uart.driver, ()):
        if getattr(uart, name) in (None, ()):
            raise file.error(f"the driver {uart.driver!r} needs {name!r} in [uart]", file.line("uart", "driver"))
    for one in uart.enable:
        if not re.fullmatch(r"0x[0-9A-Fa-f]{1,8}\.([12]?[0-9]|3[01])", one):
            wanted = '"ADDRESS.BIT", such as "0x40023830.0"'
            raise file.error(
                "'enable' in [uart] cannot be used", file.line("uart", "enable"), expected=wanted, found=one
            )
    return uart


def read_board(path: Path) -> Board:
    """The board that a TOML file describes.

    Raises: BoardError with file, line and the nearest key when the file breaks the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise BoardError(f"cannot read {path}", found=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"{path} is not TOML", found=error) from error
    file = TomlFile(path, text)
    top = read_table(file, _BoardFile, "", values)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", top.name):
        raise file.error(
            "the name cannot be used", file.line("", "name"), expected="letters, digits, '.', '_', '-'", found=top.name
        )
    ecosystems = _ecosystems(file, top.ecosystems)
    methods, options = ((), {}) if top.flash is None else _flash(file, top.flash)
    return Board(
        name=top.name,
        title=top.title,
        target=TARGETS[top.target],
        clock_hz=top.clock_hz,
        memories=_memories(file, top.memory),
        uart=_uart(file, top.uart, ecosystems),
        flash_methods=methods,
        references=top.references,
        crystal_hz=top.crystal_hz,
        emulator=None if top.emulator is None else read_table(file, Emulator, "emulator", top.emulator),
        usb_ids=_usb_ids(file, top.usb),
        source=path,
        flash_options=options,
        ecosystems=ecosystems,
        nmi=top.nmi,
    )
