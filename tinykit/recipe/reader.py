"""Reads a recipe strictly: every wrong line is answered with its number, a misspelt key with the nearest right one."""

from __future__ import annotations

import dataclasses
import difflib
import sys
import typing
from pathlib import Path
from typing import Any

from tinykit.errors import RecipeError
from tinykit.learn.layers import parse_layer
from tinykit.recipe.lines import key_lines
from tinykit.recipe.rules import rules
from tinykit.recipe.schema import REQUIRED, SECTIONS, TOP, Recipe
from tinykit.search.space import readings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KIND: dict[type, str] = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe. File names in it are relative to the recipe's own folder.

    Raises: RecipeError, with the line where there is one.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise RecipeError(
            f"the recipe {path} does not exist", next_step="Start one with: tinykit new FOLDER", page="recipe-typo"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} cannot be read as text", found=str(error)) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML", found=str(error), page="recipe-typo") from error
    return _Reader(path, text).recipe(table)


class _Reader:
    """Checks the parsed table of one file; knows where each key stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.places = key_lines(text)

    def fail(self, section: str, key: str, what: str, **facts: Any) -> RecipeError:
        line = self.places.get((section, key)) or self.places.get((section, ""))
        where = f"{self.path}, line {line}" if line else str(self.path)
        return RecipeError(f"{where}: {what}", page="recipe-typo", **facts)

    def recipe(self, table: dict[str, Any]) -> Recipe:
        for key, value in table.items():
            if key not in SECTIONS and key not in TOP:
                raise self.unknown("", key, (*TOP, *SECTIONS))
            if key in SECTIONS and not isinstance(value, dict):
                raise self.fail("", key, f"{key} must be a section", expected=f"[{key}]", found=_show(value))
        for key in REQUIRED:
            if key not in table:
                raise RecipeError(f"{self.path}: the section [{key}] is missing", page="recipe-typo")
        parts = {name: self.section(name, table[name]) for name in SECTIONS if name in table}
        recipe = Recipe(
            name=self.path.resolve().parent.name if self.path.stem == "recipe" else self.path.stem,
            path=self.path,
            title=self.value("", "title", table.get("title", self.path.stem), str),
            seeds=self.value("", "seeds", table.get("seeds", [0]), tuple[int, ...]),
            **parts,
        )
        for wrong, section, key, what in rules(recipe):
            if wrong:
                raise self.fail(section, key, what)
        return recipe

    def section(self, name: str, table: dict[str, Any]) -> Any:
        cls = SECTIONS[name]
        types = typing.get_type_hints(cls)
        fields = {f.name: f for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for key, raw in table.items():
            if key not in fields:
                raise self.unknown(name, key, tuple(fields))
            values[key] = self.value(name, key, raw, types[key])
            self.check_range(name, key, values[key], fields[key].metadata)
        for key, spec in fields.items():
            required = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
            if required and key not in values:
                raise self.fail(name, "", f"[{name}] needs {key}")
        for layer in values.get("layers", ()):
            self.check_layer(name, layer)
        return cls(**values)

    def unknown(
        self, section: str, key: str, known: tuple[str, ...], section_key: bool = False, **_: Any
    ) -> RecipeError:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        where = f" in [{section}]" if section else ""
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}"
        place = (key, "") if (key, "") in self.places and not section else (section, key)
        return self.fail(*place, f"unknown key {key!r}{where}", next_step=hint)

    def value(self, section: str, key: str, raw: Any, kind: Any) -> Any:
        """`raw` as `kind`; only what TOML itself calls the same type passes (an integer may stand for a float)."""
        options = [k for k in typing.get_args(kind) if k is not type(None)] if _is_union(kind) else [kind]
        kind = options[0]
        if typing.get_origin(kind) is tuple:
            item = typing.get_args(kind)[0]
            if not isinstance(raw, list):
                raise self.fail(section, key, f"{key} has the wrong type", expected="a list", found=_show(raw))
            return tuple(self.value(section, key, entry, item) for entry in raw)
        if kind is Path:
            name = self.value(section, key, raw, str)
            return self.path.parent / name
        if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
            return float(raw)
        if type(raw) is not kind:
            raise self.fail(section, key, f"{key} has the wrong type", expected=_KIND[kind], found=_show(raw))
        return raw

    def check_range(self, section: str, key: str, value: Any, rules: Any) -> None:
        if "words" in rules and value not in rules["words"]:
            near = difflib.get_close_matches(str(value), rules["words"], n=1)
            raise self.fail(
                section,
                key,
                f"{key} is not a known word",
                expected=f"one of {', '.join(rules['words'])}",
                found=_show(value),
                next_step=f"Did you mean {near[0]!r}?" if near else None,
            )
        if "low" in rules and not rules["low"] <= value <= rules["high"]:
            raise self.fail(
                section,
                key,
                f"{key} is out of range",
                expected=f"{rules['low']} to {rules['high']}",
                found=_show(value),
            )

    def check_layer(self, section: str, text: str) -> None:
        try:
            for reading in readings(text) if section == "search" else (text,):
                parse_layer(reading)
        except RecipeError as error:
            first = self.places.get((section, "layers"), 1)
            line = next((n for n, s in enumerate(self.lines, 1) if n >= first and text in s), first)
            raise RecipeError(
                f"{self.path}, line {line}: {error.what}",
                expected=error.expected,
                found=error.found,
                next_step=error.next_step,
                page="recipe-typo",
            ) from error


def _is_union(kind: Any) -> bool:
    return type(None) in typing.get_args(kind)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
