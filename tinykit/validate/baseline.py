"""Our costs beside those of TFLM with CMSIS-NN, measured on the same emulated cores: ratios, and how far they may go.

The reference is a table of counts (`reference/tflm_baseline.csv` in the folder of shared material) with TFLM's default
build flags: instructions and RAM of the usual resolver, flash of the smallest one.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinykit.errors import InputError

BOARDS = {"m3": "mps2-an385", "m4": "mps2-an386", "m7": "mps2-an500", "m33": "mps2-an505", "m55": "mps3-an547"}
"""The emulated board of each core."""

ALIKE = {"m33": "m4"}
"""Cores that the reference does not hold, and the one to compare them with: our kernels use the same instructions."""

MODELS = ("ad01", "ic01", "kws01", "vww01")


@dataclass(frozen=True)
class Reference:
    """What TFLM costs: instructions of an inference, and bytes.

    Attributes: `code` flash without the model, `model` the .tflite, `ram` arena, static data and stack.
    """

    instructions: int
    code: int
    model: int
    ram: int


@dataclass(frozen=True)
class Limit:
    """Ratios to the reference: one that must be met, and one to aim at."""

    must: float
    aim: float


def _limits(*pairs: tuple[float, float]) -> dict[str, Limit]:
    return {model: Limit(*pair) for model, pair in zip(MODELS, pairs, strict=True)}


_DSP = _limits((0.62, 0.52), (0.52, 0.42), (0.50, 0.38), (0.32, 0.20))

INSTRUCTIONS: dict[str, dict[str, Limit]] = {
    "m3": _limits((0.80, 0.65), (0.80, 0.65), (0.75, 0.60), (0.40, 0.30)),
    **dict.fromkeys(("m4", "m7", "m33"), _DSP),
    "m55": _limits((0.60, 0.35), (0.65, 0.40), (0.55, 0.35), (0.35, 0.20)),
}
"""By core and model."""

BYTES: dict[str, dict[str, Limit]] = {
    "ram": _limits((0.50, 0.30), (0.60, 0.38), (0.45, 0.38), (0.45, 0.33)),
    "code": _limits((0.30, 0.12), (0.35, 0.15), (0.35, 0.15), (0.40, 0.18)),
    "weights": _limits((0.99, 0.98), (0.85, 0.82), (0.52, 0.48), (0.20, 0.13)),
}
"""By figure and model, on every core."""


def read_reference(path: Path) -> dict[tuple[str, str], Reference]:
    """The reference by (model, core).

    Raises: InputError where the file is missing or is another table.
    """
    try:
        with path.open(newline="") as file:
            rows = {
                (row["model"], row["cpu"], row["resolver"]): row
                for row in csv.DictReader(file)
                if (row["kernels"], row["opt"]) == ("cmsisnn", "default")
            }
        if not rows:
            raise ValueError("it has no row of CMSIS-NN in its default build")
        return {(model, core): _reference(rows, model, core) for model, core, _ in rows}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"cannot read the reference at {path}",
            found=str(error),
            expected="the table of TFLM's counts, tflm_baseline.csv",
        ) from error


def _reference(rows: Mapping[tuple[str, str, str], Mapping[str, str]], model: str, core: str) -> Reference:
    usual, smallest = rows[model, core, "gen"], rows[model, core, "int8"]
    ram = ("arena_used", "data_bss_other_than_arena", "stack_peak_invoke")
    return Reference(
        instructions=int(usual["instructions"]),
        code=int(smallest["flash_other_than_model"]),
        model=int(usual["flash_model"]),
        ram=sum(int(usual[part]) for part in ram),
    )


def compare(model: str, core: str, ours: Mapping[str, Any], theirs: Reference) -> dict[str, Any]:
    """One model on one core: our figures, and of each its ratio to the reference, what it must be, and the aim.

    Args: `ours` the JSON of `tinykit bench`.
    """
    figures = {
        "instructions": (ours["instructions"], theirs.instructions, INSTRUCTIONS[core][model]),
        "ram": (ours["ram"]["total"], theirs.ram, BYTES["ram"][model]),
        "code": (ours["flash"]["code"], theirs.code, BYTES["code"][model]),
        "weights": (ours["flash"]["weights"], theirs.model, BYTES["weights"][model]),
    }
    return {
        "model": model,
        "core": core,
        "board": ours["board"],
        "bit_exact": ours["bit_exact"],
        "figures": {name: _figure(*figure) for name, figure in figures.items()},
        "layers": ours["layers"],
    }


def _figure(ours: int, theirs: int, limit: Limit) -> dict[str, Any]:
    ratio = ours / theirs
    return {
        "ours": ours,
        "tflm": theirs,
        "ratio": round(ratio, 4),
        "must": limit.must,
        "aim": limit.aim,
        "met": ratio <= limit.must,
        "aimed": ratio <= limit.aim,
    }


TITLES = {
    "instructions": "instructions",
    "ram": "RAM total, B",
    "code": "flash other than weights, B",
    "weights": "weights in flash, B",
}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of Markdown: a row for each model, core and figure; bold where it is above what it must be."""
    lines = ["| | core | ours | TFLM | ratio | must | aim |", "|---|---|---|---|---|---|---|"]
    for name, title in TITLES.items():
        for row in rows:
            found = row["figures"][name]
            ratio = f"{found['ratio']:.3f}"[1 if found["ratio"] < 1 else 0 :]
            ratio = ratio if found["met"] else f"**{ratio}**"
            limits = (f"{found[key]:.2f}"[1:] for key in ("must", "aim"))
            cells = (f"{row['model']}, {title}", row["core"], f"{found['ours']:,}", f"{found['tflm']:,}", ratio)
            lines.append("| " + " | ".join((*cells, *limits)) + " |")
    return lines
