"""A recipe written out as TOML again, with another student."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from tinykit.recipe import SECTIONS, Recipe


def recipe_text(
    recipe: Recipe, layers: tuple[str, ...], sparsity: float, folder: Path, front_end: dict[str, Any] | None = None
) -> str:
    """The recipe with this student, sparsity and keys of [features], for a file in `folder`; [search] is left out.

    Only what differs from a default is written. A sparsity of 0 leaves [prune] out.
    """
    student = dataclasses.replace(recipe.student, layers=layers, file=None)
    prune = dataclasses.replace(recipe.prune, sparsity=sparsity) if recipe.prune is not None and sparsity else None
    quantize = recipe.quantize
    if prune is None and quantize.method == "prune-preserving-qat":
        quantize = dataclasses.replace(quantize, method="qat")
    features = dataclasses.replace(recipe.features, **(front_end or {})) if recipe.features is not None else None
    recipe = dataclasses.replace(recipe, features=features)
    changed = dataclasses.replace(recipe, student=student, prune=prune, quantize=quantize, search=None)
    lines = [f"title = {_value(changed.title)}", f"seeds = {_value(changed.seeds)}"]
    for name in SECTIONS:
        section = getattr(changed, name)
        if section is not None:
            lines += ["", f"[{name}]", *_section(section, folder)]
    return "\n".join(lines) + "\n"


def _section(section: Any, folder: Path) -> list[str]:
    lines = []
    for spec in dataclasses.fields(section):
        value = getattr(section, spec.name)
        if value is None or value == spec.default:
            continue
        if isinstance(value, Path):
            value = Path(os.path.relpath(value, folder)).as_posix()
        lines.append(f"{spec.name} = {_value(value)}")
    return lines


def _value(value: Any) -> str:
    """A TOML value; JSON's strings, numbers and booleans are TOML's."""
    if isinstance(value, tuple):
        if any(isinstance(item, str) for item in value):
            return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
