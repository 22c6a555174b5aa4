"""What the Python interface gives back: plain dataclasses whose repr says in words or a table what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinykit.files import write_atomic

History = tuple[Mapping[str, float], ...]
"""Points of a training: epoch (a report of about 100 steps), loss, validation accuracy."""


@dataclass(frozen=True, eq=False, repr=False)
class Distilled:
    """A student that learned from a teacher.

    Attributes: accuracies are on the validation samples, 0 to 1.
        model: a Keras 2 model, of the better kind the best seed.
        kept: "distilled", or "control" where students without the teacher did better on average.
        distilled, control: accuracy by seed; teacher: its own.
        sentence: whether the teacher helped, and by how much.
        history: of `model`.
    """

    model: Any
    kept: str
    accuracy: float
    distilled: tuple[float, ...]
    control: tuple[float, ...]
    teacher: float | None
    sentence: str
    history: History

    def __repr__(self) -> str:
        return f"Distilled: {self.accuracy:.1%} on validation. {self.sentence}"


@dataclass(frozen=True, eq=False, repr=False)
class Pruned:
    """A student with fewer weights. `model` is a Keras 2 model; accuracies are on the validation samples.

    `sparsity` is the part of its convolution and dense weights that is zero; `parameters` and `before` (parameters of
    the student) show what removing channels took away. `sensitivity`: each layer's accuracy when it alone is pruned.
    """

    model: Any
    accuracy: float
    accuracy_before: float
    sparsity: float
    parameters: int
    parameters_before: int
    sensitivity: tuple[Any, ...]
    history: History

    def __repr__(self) -> str:
        left = f"{self.parameters:,} of {self.parameters_before:,} parameters are left"
        zero = f"{self.sparsity:.1%} of its weights are zero" if self.sparsity else left
        return f"Pruned: {self.accuracy:.1%} on validation, {self.accuracy_before:.1%} before; {zero}."


@dataclass(frozen=True, eq=False, repr=False)
class Quantized:
    """A full-integer model.

    Attributes:
        tflite: the .tflite's bytes; `save(path)` writes them.
        method: "ptq", "qat", "prune-preserving-qat" or "int16x8".
        accuracy: on the validation samples by TFLM, and `accuracy_float` of the model before; None without labels.
        layers: each layer's error (learn.diagnosis.LayerError), the one that adds most first.
    """

    tflite: bytes
    method: str
    accuracy: float | None
    accuracy_float: float | None
    layers: tuple[Any, ...]

    def save(self, path: Path | str) -> Path:
        """Write the .tflite, all or nothing. Raises: DiskFull, OutputError."""
        return write_atomic(Path(path), self.tflite)

    def __repr__(self) -> str:
        said = f"Quantized: {len(self.tflite):,} B by {self.method}"
        if self.accuracy is not None and self.accuracy_float is not None:
            said += f"; {self.accuracy:.1%} on validation by TFLM, {self.accuracy_float:.1%} in float"
        worst = next((layer for layer in self.layers if layer.own > 0), None)
        return f"{said}. Most error comes from {worst.name}: {worst.own:.1%}." if worst else f"{said}."


@dataclass(frozen=True, eq=False, repr=False)
class Compiled:
    """C sources by file name, for one target; `save(folder)` writes them. `flash` and `ram` in bytes, predicted."""

    name: str
    target: str
    sources: Mapping[str, str]
    flash: int
    ram: int
    instructions: int

    def save(self, folder: Path | str) -> list[Path]:
        """Write the files, all or nothing each. Raises: DiskFull, OutputError."""
        from tinykit.codegen.emit import write_files

        return write_files(dict(self.sources), Path(folder))

    def __repr__(self) -> str:
        return (
            f"Compiled: {', '.join(sorted(self.sources))} for {self.target}; predicted {self.flash:,} B of flash, "
            f"{self.ram:,} B of RAM, {self.instructions:,} instructions."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Checked:
    """What `tinykit check` says; `json` is its whole object (docs/check.md), `repr` its table."""

    supported: bool
    fits: bool | None
    flash: int | None
    ram: int | None
    instructions: int | None
    json: Mapping[str, Any]

    def __repr__(self) -> str:
        from tinykit.report.table import check_table

        return check_table(self.json)


@dataclass(frozen=True, eq=False, repr=False)
class Verified:
    """Whether the generated C equals TFLM byte for byte; `json` as `tinykit verify` (docs/verify.md)."""

    bit_exact: bool
    json: Mapping[str, Any]

    def __repr__(self) -> str:
        from tinykit.report.table import verify_text

        return verify_text(self.json)


@dataclass(frozen=True, eq=False, repr=False)
class Benched:
    """What a board counted; `json` as `tinykit bench` (docs/bench.md). Instructions are None on hardware."""

    bit_exact: bool
    flash: int
    ram: int | None
    instructions: int | None
    json: Mapping[str, Any]

    def __repr__(self) -> str:
        from tinykit.report.table import bench_table

        return bench_table(self.json)


@dataclass(frozen=True, eq=False, repr=False)
class Validated:
    """A labelled set through a board; `json` as `tinykit validate` (docs/validate.md)."""

    accuracy: float
    samples: int
    mismatched_bytes: int
    json: Mapping[str, Any]

    def __repr__(self) -> str:
        from tinykit.report.table import validate_text

        return validate_text(self.json)
