"""The recipe: one TOML file that says how data become a model on a board. Read strictly, into frozen dataclasses.

Every wrong line is answered with its number, and a misspelt key with the nearest right one. A recipe is data: models
are lists of layers in words (see learn/layers.py) or files; nothing in it is ever executed.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinykit.errors import RecipeError
from tinykit.learn.layers import parse_layer
from tinykit.search.space import readings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA_KINDS = ("sklearn-digits", "sklearn-breast-cancer", "npz", "csv", "csv-series")
PATTERNS = ("weights", "block", "2:4", "1:4", "channels")
_FOURS = {"2:4": 0.5, "1:4": 0.75}
"""The sparsity that these patterns are."""
OPTIMIZATIONS = ("speed", "size", "ram")
METHODS = ("ptq", "qat", "prune-preserving-qat", "int16x8")


def _number(low: float, high: float, default: Any = dataclasses.MISSING) -> Any:
    """A field whose value must lie in low..high, both included."""
    return field(default=default, metadata={"low": low, "high": high})


def _word(words: tuple[str, ...], default: Any = dataclasses.MISSING) -> Any:
    """A field whose value is one of `words`."""
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class Data:
    """[data]: where samples come from and how they are split.

    Attributes:
        kind: one of DATA_KINDS; docs/data.md.
        file: the .npz or the CSV file.
        x, y: names of the arrays in the .npz.
        label, features: names of columns in the CSV file; by default "label" and all others.
        group: a column, or an array of the .npz: samples of one group are never in two splits.
        window, overlap: of a series: rows a sample, and the part of them that neighbours share.
        normalize: each channel less its mean and divided by its deviation, learned on the training split.
        divide: every sample is divided by this, once, at loading.
        validation, test: parts of all samples, 0 to 1.
        labelled: how many training labels are kept; 0 keeps all. The rest becomes the unlabelled pool.
        seed: of the splits.
        classes: names of the classes, in order; default "0", "1", ...
    """

    kind: str = _word(DATA_KINDS)
    file: Path | None = None
    x: str = "x"
    y: str = "y"
    divide: float = _number(1e-9, 1e9, 1.0)
    validation: float = _number(0.01, 0.8, 0.15)
    test: float = _number(0.01, 0.8, 0.2)
    labelled: int = _number(0, 10**9, 0)
    seed: int = _number(0, 2**31 - 1, 0)
    classes: tuple[str, ...] = ()
    label: str | None = None
    features: tuple[str, ...] = ()
    group: str | None = None
    window: int = _number(0, 10**6, 0)
    overlap: float = _number(0.0, 0.95, 0.0)
    normalize: bool = False


@dataclass(frozen=True)
class Model:
    """[teacher] and [student]: a model and its training.

    Attributes:
        layers: in words, such as "conv 16 3x3 relu"; see learn/layers.py.
        file: a .keras or .h5 file instead of `layers`: a trained teacher, or the student's architecture
            (and its weights, where the recipe has no [distill]).
        members: how many teachers are trained and averaged.
        files: several trained teachers in place of one, averaged.
        answers: a teacher that is no model: an .npz with samples x and, for each, logits, probabilities or labels.
        tune: the teacher's file is trained further on the labels; freeze: so many of its first layers with weights,
            or of a student's file, stay as they are.
        patience: training ends when validation accuracy has not risen for so many reports (of about 100 steps), and
            the best weights are taken; 0 trains to the end.
        steps: gradient steps; batch: samples a step; learning_rate: at the start, decays to 0 along a cosine.
        copies: warped copies of each training image that are added; shift: moved by up to so many pixels;
            turn: by up to so many degrees; zoom: by up to this fraction.
    """

    layers: tuple[str, ...] = ()
    file: Path | None = None
    files: tuple[Path, ...] = ()
    answers: Path | None = None
    members: int = _number(1, 16, 1)
    tune: bool = False
    freeze: int = _number(0, 10000, 0)
    patience: int = _number(0, 10**6, 0)
    steps: int = _number(1, 10**7, 2000)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.002)
    copies: int = _number(0, 100, 0)
    shift: float = _number(0.0, 64.0, 1.0)
    turn: float = _number(0.0, 180.0, 0.0)
    zoom: float = _number(0.0, 0.9, 0.0)


@dataclass(frozen=True)
class Distill:
    """[distill]: the student learns from the teacher's outputs.

    Attributes:
        temperature: softens both outputs; alpha: weight of the true labels, 1 - alpha is the teacher's.
        control: also train the same student without a teacher, on the same labels and steps, for comparison; the
            better of the two, by mean validation accuracy, ships.
        confidence: unlabelled samples of which the teacher is at least so sure take its answer as their label, beside
            its softened answer; 1 takes none.
        hints: pairs "TEACHER LAYER -> STUDENT LAYER" whose outputs shall agree, the student's through a 1x1
            convolution of its own (FitNets, Romero 2015); attention: pairs whose squared activations, summed over
            channels, shall (Zagoruyko 2017); beta: weight of both.
    """

    temperature: float = _number(0.1, 100.0, 4.0)
    alpha: float = _number(0.0, 1.0, 0.1)
    control: bool = True
    confidence: float = _number(0.0, 1.0, 1.0)
    hints: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    beta: float = _number(0.0, 1e6, 1.0)


@dataclass(frozen=True)
class Prune:
    """[prune]: weights that matter least go while training goes on.

    Attributes:
        sparsity: the part of each kernel's weights that becomes zero; with pattern "channels" the part of its channels
            that is removed.
        pattern: "weights" one by one; "block" four at a time that lie side by side; "2:4" or "1:4", so many of every
            four stay; "channels" removes whole channels from the model.
        saliency: what matters least: "magnitude", or "obd", by the loss's second derivative.
        dense: names of layers that are left alone, as the run's sensitivity lists them.
        steps, batch, learning_rate: of the training meanwhile.
    """

    sparsity: float = _number(0.0, 0.99, 0.5)
    pattern: str = _word(PATTERNS, "weights")
    saliency: str = _word(("magnitude", "obd"), "magnitude")
    dense: tuple[str, ...] = ()
    steps: int = _number(1, 10**7, 1000)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.001)


@dataclass(frozen=True)
class Quantize:
    """[quantize]: to int8.

    Attributes:
        method: "ptq" (after training), "qat" (trained for it), "prune-preserving-qat" (and keeps pruned zeros),
            "int16x8" (after training, activations of 16 bits).
        representative: training samples that set the ranges of activations.
        steps, batch, learning_rate: of the training that the two qat methods do.
        max_loss: validation accuracy that quantization may cost; beyond it the run stops, with the layers to blame.
    """

    method: str = _word(METHODS, "ptq")
    representative: int = _number(1, 10**6, 200)
    steps: int = _number(1, 10**7, 600)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.0005)
    max_loss: float | None = _number(-1.0, 1.0, None)


@dataclass(frozen=True)
class BoardChoice:
    """[board]: `name` of a board, or the path of a board's TOML file; what to `optimize`: speed, size or ram."""

    name: str
    optimize: str = _word(OPTIMIZATIONS, "speed")


@dataclass(frozen=True)
class Refer:
    """[refer]: "unsure" instead of a guess, where the two highest scores lie too near each other.

    Attributes: min_accuracy: that the answered validation samples shall have; the margin is the smallest that does.
    """

    min_accuracy: float = _number(0.0, 1.0)


@dataclass(frozen=True)
class Accept:
    """[accept]: limits of the verdict; those absent are not judged.

    Attributes:
        min_accuracy: on the board, test split. min_margin: distilled over control, mean over seeds.
        max_prune_loss, max_int8_loss: test accuracy that pruning and quantization may cost.
        max_mismatched_bytes: output bytes that differ between board and TFLM.
        max_flash, max_ram: bytes that the model costs on the board.
        min_answered, min_answered_accuracy: with [refer], the part of test samples that is not referred, and how often
            the int8 model is right about these.
    """

    min_accuracy: float | None = _number(0.0, 1.0, None)
    min_margin: float | None = _number(-1.0, 1.0, None)
    max_prune_loss: float | None = _number(-1.0, 1.0, None)
    max_int8_loss: float | None = _number(-1.0, 1.0, None)
    max_mismatched_bytes: int = _number(0, 10**12, 0)
    max_flash: int | None = _number(0, 2**32, None)
    max_ram: int | None = _number(0, 2**32, None)
    min_answered: float | None = _number(0.0, 1.0, None)
    min_answered_accuracy: float | None = _number(0.0, 1.0, None)


@dataclass(frozen=True)
class Search:
    """[search]: students that `tinykit search` tries in place of [student]'s layers; docs/search.md.

    Attributes:
        layers: as in [student], with choices in braces: "conv {8|16} 3x3 relu".
        sparsity: of [prune], to choose from; 0 is unpruned. Empty: nothing is pruned.
        trials: how many candidates. seed: of the sampler.
        min_accuracy: on validation; the cheapest candidate that reaches it is chosen.
    """

    layers: tuple[str, ...]
    sparsity: tuple[float, ...] = ()
    trials: int = _number(1, 10**6, 30)
    seed: int = _number(0, 2**31 - 1, 0)
    min_accuracy: float | None = _number(0.0, 1.0, None)


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. `name` is the file's stem, or its folder's where the file is called recipe.toml."""

    name: str
    path: Path
    title: str
    seeds: tuple[int, ...]
    data: Data
    student: Model
    board: BoardChoice
    teacher: Model | None = None
    distill: Distill | None = None
    prune: Prune | None = None
    quantize: Quantize = field(default_factory=Quantize)
    accept: Accept = field(default_factory=Accept)
    refer: Refer | None = None
    search: Search | None = None


SECTIONS: dict[str, type] = {
    "data": Data,
    "teacher": Model,
    "student": Model,
    "distill": Distill,
    "prune": Prune,
    "quantize": Quantize,
    "board": BoardChoice,
    "accept": Accept,
    "refer": Refer,
    "search": Search,
}
_REQUIRED = ("data", "student", "board")
_TOP = ("title", "seeds")


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
            if key not in SECTIONS and key not in _TOP:
                raise self.unknown("", key, (*_TOP, *SECTIONS))
            if key in SECTIONS and not isinstance(value, dict):
                raise self.fail("", key, f"{key} must be a section", expected=f"[{key}]", found=_show(value))
        for key in _REQUIRED:
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
        self.check_whole(recipe)
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

    def check_whole(self, recipe: Recipe) -> None:
        """What no single key can get wrong alone."""
        rules: list[tuple[bool, str, str, str]] = [
            (not recipe.seeds, "", "seeds", "seeds must hold at least one number"),
            (any(s < 0 for s in recipe.seeds), "", "seeds", "seeds must not be negative"),
            (len(set(recipe.seeds)) != len(recipe.seeds), "", "seeds", "seeds must differ"),
            *self.data_rules(recipe.data),
            *(
                (not recipe.refer and getattr(recipe.accept, key) is not None, "accept", key, f"{key} needs [refer]")
                for key in ("min_answered", "min_answered_accuracy")
            ),
            (recipe.data.validation + recipe.data.test > 0.9, "data", "test", "validation and test leave no data"),
            (recipe.distill is not None and recipe.teacher is None, "distill", "", "[distill] needs a [teacher]"),
            (
                recipe.quantize.method == "prune-preserving-qat" and recipe.prune is None,
                "quantize",
                "method",
                "prune-preserving-qat needs a [prune] section",
            ),
            (
                recipe.quantize.method == "int16x8" and recipe.data.normalize,
                "quantize",
                "method",
                "normalize makes int8 samples; int16x8 has no int8 input",
            ),
            (
                recipe.quantize.method == "qat" and recipe.prune is not None and recipe.prune.pattern != "channels",
                "quantize",
                "method",
                "qat brings pruned weights back; prune-preserving-qat keeps them",
            ),
            (
                recipe.search is not None and bool(recipe.search.sparsity) and recipe.prune is None,
                "search",
                "sparsity",
                "sparsity to choose from needs a [prune] section",
            ),
            (
                recipe.search is not None and any(not 0 <= part <= 0.99 for part in recipe.search.sparsity),
                "search",
                "sparsity",
                "sparsity must lie in 0 to 0.99",
            ),
            *(
                (
                    recipe.prune is not None and recipe.prune.pattern == pattern and recipe.prune.sparsity != part,
                    "prune",
                    "sparsity",
                    f"the pattern {pattern!r} is a sparsity of {part}",
                )
                for pattern, part in _FOURS.items()
            ),
        ]
        for name, model in (("teacher", recipe.teacher), ("student", recipe.student)):
            if model is not None:
                ways = (bool(model.layers), model.file is not None, bool(model.files), model.answers is not None)
                rules += [
                    (sum(ways) != 1, name, "", f"[{name}] needs either layers or file"),
                    (name == "student" and any(ways[2:]), name, "", "[student] needs either layers or file"),
                    (model.tune and model.file is None, name, "tune", "tune needs file"),
                    (model.freeze > 0 and model.file is None, name, "freeze", "freeze needs file"),
                ]
        if recipe.distill is not None and recipe.teacher is not None:
            rules += self.distill_rules(recipe, recipe.distill, recipe.teacher)
        for wrong, section, key, what in rules:
            if wrong:
                raise self.fail(section, key, what)

    @staticmethod
    def distill_rules(recipe: Recipe, distill: Distill, teacher: Model) -> list[tuple[bool, str, str, str]]:
        """What a teacher cannot give."""
        shapeless = [key for key in ("hints", "attention") for pair in getattr(distill, key) if pair.count("->") != 1]
        return [
            (bool(shapeless), "distill", (shapeless or [""])[0], 'a pair is written "TEACHER LAYER -> STUDENT LAYER"'),
            (
                teacher.answers is not None and bool(distill.hints or distill.attention),
                "distill",
                "hints" if distill.hints else "attention",
                "a teacher of answers has no layers",
            ),
            (
                teacher.answers is not None and recipe.student.copies > 0,
                "student",
                "copies",
                "a teacher of answers has none for warped copies",
            ),
        ]

    @staticmethod
    def data_rules(data: Data) -> list[tuple[bool, str, str, str]]:
        """Which keys each kind of data needs, and which it does not know."""
        kind, table = data.kind, data.kind in ("csv", "csv-series")
        filed = table or kind == "npz"
        repeated = {name for name in (data.label or "label", data.group) if name in data.features}
        return [
            (filed and data.file is None, "data", "kind", f"kind {kind!r} needs file"),
            (not filed and data.file is not None, "data", "file", f"kind {kind!r} reads no file"),
            (not filed and data.group is not None, "data", "group", f"kind {kind!r} has no groups"),
            (not table and data.label is not None, "data", "label", f"kind {kind!r} has no columns"),
            (not table and bool(data.features), "data", "features", f"kind {kind!r} has no columns"),
            (table and data.group == (data.label or "label"), "data", "group", "group and label are the same column"),
            (table and bool(repeated), "data", "features", "label and group are no features"),
            (len(set(data.features)) != len(data.features), "data", "features", "features must differ"),
            (kind == "csv-series" and data.window == 0, "data", "kind", "kind 'csv-series' needs window"),
            (kind != "csv-series" and data.window > 0, "data", "window", f"kind {kind!r} has no windows"),
            (kind != "csv-series" and data.overlap > 0, "data", "overlap", f"kind {kind!r} has no windows"),
        ]


_KIND: dict[type, str] = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')\s*(\.|=)")
_STRINGS: Callable[[str], str] = lambda line: re.sub(r"\"(\\.|[^\"\\])*\"|'[^']*'", "", line)  # noqa: E731


def key_lines(text: str) -> dict[tuple[str, str], int]:
    """The line, from 1, of each (section, key); (section, "") is the section's header.

    Good enough for plain recipes: keys inside inline tables are found at their table's line.
    """
    places: dict[tuple[str, str], int] = {}
    section, depth, quotes = "", 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            quotes = "" if quotes in line else quotes
            continue
        if depth == 0 and (header := _HEADER.match(line)):
            section = header[1].strip("\"'")
            places.setdefault((section, ""), number)
            continue
        if depth == 0 and (key := _KEY.match(line)):
            places.setdefault((section, key[1].strip("\"'")), number)
        opened = next((q for q in ('"""', "'''") if line.count(q) == 1), "")
        quotes = opened
        bare = _STRINGS(line).split("#")[0]
        depth = max(0, depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"))
    return places


def _is_union(kind: Any) -> bool:
    return type(None) in typing.get_args(kind)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
