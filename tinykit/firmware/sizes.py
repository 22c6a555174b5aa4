"""What the model costs in the linked program, and what our firmware adds: from the link map and the object files.

The model is everything that its interface functions reach through relocations: its own sections, and the sections of
the libraries. Single steps and the look into the arena serve our protocol only and count to the firmware.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinykit.firmware.elf import ALLOCATED, NO_BITS, Elf, Symbol, archive_members
from tinykit.firmware.linkmap import Piece, read_map

_STACK = ".stack"
_CONSTANTS = (".rodata", ".srodata", ".progmem")
_Place = tuple[str, str]  # an object (file and member), and a section in it


@dataclass(frozen=True)
class Sizes:
    """Bytes in the linked program.

    Attributes:
        weights: the model's constants.
        code: its code, the library routines that it needs with their constants, and initial values of its data.
        firmware_flash: the rest of flash.
        arena: the model's arena.
        static: its other data, and that of its library routines.
        firmware_ram: the rest of RAM, without the stack.
        stack_reserved: the place reserved for the stack.
        front_end_flash, front_end_ram: what the front end takes beyond what the model takes already.
    """

    weights: int
    code: int
    firmware_flash: int
    arena: int
    static: int
    firmware_ram: int
    stack_reserved: int
    front_end_flash: int = 0
    front_end_ram: int = 0

    @property
    def flash(self) -> int:
        """Flash that the model costs."""
        return self.weights + self.code

    def as_json(self) -> dict[str, dict[str, int]]:
        """As in the JSON of `bench`; what the stack really takes is measured on the device, not here."""
        return {
            "flash": {
                "weights": self.weights,
                "code": self.code,
                "total": self.flash,
                "firmware": self.firmware_flash,
            },
            "ram": {
                "arena": self.arena,
                "static": self.static,
                "firmware": self.firmware_ram,
                "stack_reserved": self.stack_reserved,
            },
        }


class _Link:
    """The linked pieces, their object files, and who defines which global symbol."""

    def __init__(self, folder: Path, pieces: tuple[Piece, ...]) -> None:
        self.sizes: dict[_Place, int] = {}
        for piece in pieces:
            place = (_object_name(piece), piece.section)
            self.sizes[place] = self.sizes.get(place, 0) + piece.size
        self.objects = _read_objects(folder, pieces)
        self._defined: dict[str, _Place] = {}
        for name, elf in self.objects.items():
            for symbol in elf.symbols:
                if not symbol.is_local and 0 < symbol.section < len(elf.sections):
                    place = (name, elf.sections[symbol.section].name)
                    if place in self.sizes and (symbol.name not in self._defined or not symbol.is_weak):
                        self._defined[symbol.name] = place

    def place(self, name: str, symbol: Symbol) -> _Place | None:
        """Where a symbol that the object `name` mentions lives; None where it is no section (a linker's symbol)."""
        if symbol.section == 0:
            return self._defined.get(symbol.name)
        sections = self.objects[name].sections
        return (name, sections[symbol.section].name) if symbol.section < len(sections) else None

    def reached(self, roots: set[_Place], stop: set[str]) -> set[_Place]:
        """All linked sections that `roots` reach, themselves included, without entering the objects in `stop`."""
        seen: set[_Place] = set()
        waiting = [r for r in roots if r in self.sizes]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            name, section = place
            for symbol in self.objects[name].references.get(section, ()):
                target = self.place(name, symbol)
                if target is not None and target in self.sizes and target[0] not in stop:
                    waiting.append(target)
        return seen

    def offered(self, names: set[str], without: set[str]) -> set[_Place]:
        """Where the global symbols of these objects live, but for those named in `without`."""
        return {
            (name, self.objects[name].sections[s.section].name)
            for name in names
            for s in self.objects[name].symbols
            if not s.is_local and 0 < s.section < len(self.objects[name].sections) and s.name not in without
        }


def _object_name(piece: Piece) -> str:
    return f"{piece.file}({piece.member})" if piece.member else piece.file


def _read_objects(folder: Path, pieces: tuple[Piece, ...]) -> dict[str, Elf]:
    archives: dict[str, dict[str, bytes]] = {}
    objects: dict[str, Elf] = {}
    for piece in pieces:
        name = _object_name(piece)
        if name in objects:
            continue
        if piece.member:
            if piece.file not in archives:
                archives[piece.file] = archive_members((folder / piece.file).read_bytes())
            data = archives[piece.file][piece.member]
        else:
            data = (folder / piece.file).read_bytes()
        objects[name] = Elf(data, name)
    return objects


def _symbol_size(elf: Elf, name: str) -> int:
    return next((s.size for s in elf.symbols if s.name == name and s.section), 0)


def measure(folder: Path, elf: Path, link_map: Path, name: str, model: str = "build/model/") -> Sizes:
    """The sizes of the linked program `elf`.

    Args:
        folder: where the linker ran; paths in the map start there.
        link_map: the map that it wrote.
        name: prefix of the model's C names.
        model: objects whose path starts so are the model's own.
    Raises: ToolFailed when a file is damaged.
    """
    program = Elf(elf.read_bytes(), str(elf))
    loaded = {s.name: s for s in program.sections if s.flags & ALLOCATED and s.size}
    pieces = tuple(p for p in read_map(link_map.read_text(errors="replace")) if p.output in loaded)
    link = _Link(folder, pieces)
    own = {o for o in link.objects if o.startswith(model)}
    firmware = {o for o in link.objects if o.endswith(".o") and o not in own}
    ours_only = {f"{name}_step", f"{name}_arena_bytes"}
    front_end = {o for o in own if o.endswith(f"/{name}_features.o")}
    reached = link.reached(link.offered(own - front_end, ours_only), firmware)
    beside = link.reached(link.offered(front_end, ours_only), firmware) - reached
    flash = sum(s.size for s in loaded.values() if s.kind != NO_BITS)
    stack = loaded[_STACK].size if _STACK in loaded else 0
    ram = sum(s.size for s in loaded.values() if s.kind == NO_BITS or s.name == ".data") - stack
    arena = _symbol_size(program, f"{name}_arena")
    outputs = {(_object_name(p), p.section): p.output for p in pieces}
    weights = sum(link.sizes[p] for p in reached if p[0] in own and p[1].startswith(_CONSTANTS))
    in_flash, front_end_flash = (
        sum(link.sizes[p] for p in places if loaded[outputs[p]].kind != NO_BITS) for places in (reached, beside)
    )
    in_ram, front_end_ram = (
        sum(link.sizes[p] for p in places if loaded[outputs[p]].kind == NO_BITS or outputs[p] == ".data")
        for places in (reached, beside)
    )
    return Sizes(
        weights=weights,
        code=in_flash - weights,
        firmware_flash=flash - in_flash - front_end_flash,
        arena=arena,
        static=in_ram - arena,
        firmware_ram=ram - in_ram - front_end_ram,
        stack_reserved=stack,
        front_end_flash=front_end_flash,
        front_end_ram=front_end_ram,
    )
