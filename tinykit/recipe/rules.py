"""What no single key of a recipe can get wrong alone: keys that need, exclude or contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

from tinykit.recipe.schema import FOURS, FRONT_END_CHOICES, Data, Distill, Features, Model, Recipe, Search


class Rule(NamedTuple):
    """Whether it is `broken`, the place (a section, "" for the file's top, and a key, "" for the header), and why."""

    broken: bool
    section: str
    key: str
    what: str


def rules(recipe: Recipe) -> Iterator[Rule]:
    """Every rule for this recipe, in the order in which a user should hear of them."""
    yield from _seeds(recipe.seeds)
    yield from _data(recipe.data)
    for key in ("min_answered", "min_answered_accuracy"):
        yield Rule(not recipe.refer and getattr(recipe.accept, key) is not None, "accept", key, f"{key} needs [refer]")
    if recipe.refer is not None:
        asked = recipe.refer.min_accuracy is not None or recipe.refer.min_confidence is not None
        yield Rule(not asked, "refer", "", "[refer] needs min_accuracy or min_confidence")
    if recipe.features is not None:
        yield from _features(recipe, recipe.features)
    yield Rule(recipe.distill is not None and recipe.teacher is None, "distill", "", "[distill] needs a [teacher]")
    yield from _quantize(recipe)
    yield from _search(recipe)
    yield from _prune(recipe)
    for name, model in (("teacher", recipe.teacher), ("student", recipe.student)):
        if model is not None:
            yield from _model(name, model)
    if recipe.distill is not None and recipe.teacher is not None:
        yield from _distill(recipe, recipe.distill, recipe.teacher)


def _seeds(seeds: tuple[int, ...]) -> Iterator[Rule]:
    yield Rule(not seeds, "", "seeds", "seeds must hold at least one number")
    yield Rule(any(s < 0 for s in seeds), "", "seeds", "seeds must not be negative")
    yield Rule(len(set(seeds)) != len(seeds), "", "seeds", "seeds must differ")


def _data(data: Data) -> Iterator[Rule]:
    """Which keys each kind of data needs, and which it does not know."""
    kind, table = data.kind, data.kind in ("csv", "csv-series")
    repeated = {name for name in (data.label or "label", data.group) if name in data.features}
    series, sound, image = kind == "csv-series", kind == "wav", kind == "images"
    either = kind == "npz"
    filed, foldered = table or kind == "python", kind in ("npy", "images", "wav")
    given = (data.file is not None, data.folder is not None)
    for broken, key, what in (
        (filed and not given[0], "kind", f"kind {kind!r} needs file"),
        (either and sum(given) != 1, "kind", f"kind {kind!r} needs file or folder, one of them"),
        (foldered and not given[1], "kind", f"kind {kind!r} needs folder"),
        (given[0] and not filed and not either, "file", f"kind {kind!r} reads no file"),
        (given[1] and not foldered and not either and kind != "python", "folder", f"kind {kind!r} reads no folder"),
        (kind.startswith("sklearn") and data.group is not None, "group", f"kind {kind!r} has no groups"),
        (kind == "python" and data.group is not None, "group", "the function itself says the groups"),
        (not table and data.label is not None, "label", f"kind {kind!r} has no columns"),
        (not table and bool(data.features), "features", f"kind {kind!r} has no columns"),
        (table and data.group == (data.label or "label"), "group", "group and label are the same column"),
        (table and bool(repeated), "features", "label and group are no features"),
        (len(set(data.features)) != len(data.features), "features", "features must differ"),
        (series and data.window == 0, "kind", "kind 'csv-series' needs window"),
        (not series and data.window > 0, "window", f"kind {kind!r} has no windows"),
        (not series and not sound and data.overlap > 0, "overlap", f"kind {kind!r} has no windows"),
        (sound and data.overlap > 0 and data.clip == 0, "overlap", "overlap needs clip"),
        (not sound and (data.rate > 0 or data.clip > 0), "rate" if data.rate else "clip", f"kind {kind!r} is no sound"),
        (sound and data.rate == 0, "kind", "kind 'wav' needs rate, in samples a second"),
        (not image and bool(data.size), "size", f"kind {kind!r} has no images to resize"),
        (image and (len(data.size) != 2 or min(data.size, default=0) < 1), "size", "size must be [height, width]"),
        (kind != "python" and data.function != "load", "function", f"kind {kind!r} calls no function"),
        (not data.function.isidentifier(), "function", "function must be a name in the module"),
        (data.validation + data.test > 0.9, "test", "validation and test leave no data"),
    ):
        yield Rule(broken, "data", key, what)


def _features(recipe: Recipe, features: Features) -> Iterator[Rule]:
    """Keys that the kind of front end does not read, and sections that make other inputs of the samples."""
    spectral, banded = features.kind != "statistics", features.kind in ("mel", "mfcc", "micro")
    given = {f.name for f in fields(features) if getattr(features, f.name) != f.default}
    for key, read in (
        ("low", spectral), ("high", spectral), ("bands", banded), ("coefficients", features.kind == "mfcc"),
        ("gain_control", features.kind == "micro"), ("statistics", not spectral),
    ):  # fmt: skip
        yield Rule(key in given and not read, "features", key, f"kind {features.kind!r} does not read {key}")
    sound = recipe.data.kind == "wav" and recipe.data.rate != features.rate
    yield Rule(sound, "features", "rate", f"rate is {features.rate:g}, in [data] {recipe.data.rate}: they must agree")
    yield Rule(recipe.data.normalize, "data", "normalize", "[features] normalizes what it makes; leave normalize out")
    answered = recipe.teacher is not None and recipe.teacher.answers is not None
    yield Rule(answered, "teacher", "answers", "a teacher of answers knows raw samples, and [features] changes them")
    wide = recipe.quantize.method == "int16x8"
    yield Rule(wide, "quantize", "method", "[features] makes int8 samples; int16x8 has no int8 input")


def _quantize(recipe: Recipe) -> Iterator[Rule]:
    method, prune = recipe.quantize.method, recipe.prune
    for broken, what in (
        (method == "prune-preserving-qat" and prune is None, "prune-preserving-qat needs a [prune] section"),
        (
            method == "int16x8" and recipe.data.normalize,
            "normalize makes int8 samples; int16x8 has no int8 input",
        ),
        (
            method == "qat" and prune is not None and prune.pattern != "channels",
            "qat brings pruned weights back; prune-preserving-qat keeps them",
        ),
    ):
        yield Rule(broken, "quantize", "method", what)


def _search(recipe: Recipe) -> Iterator[Rule]:
    sparsity = recipe.search.sparsity if recipe.search is not None else ()
    yield Rule(
        bool(sparsity) and recipe.prune is None,
        "search",
        "sparsity",
        "sparsity to choose from needs a [prune] section",
    )
    if recipe.search is not None:
        yield from _search_front_end(recipe, recipe.search)
        bits = recipe.search.bits
        yield Rule(not set(bits) <= {8, 16}, "search", "bits", "bits must be 8 or 16")
        narrow = recipe.data.normalize or recipe.features is not None
        yield Rule(16 in bits and narrow, "search", "bits", "normalize and [features] make int8 samples: bits are 8")
    out = any(not 0 <= part <= 0.99 for part in sparsity)
    yield Rule(out, "search", "sparsity", "sparsity must lie in 0 to 0.99")


def _search_front_end(recipe: Recipe, search: Search) -> Iterator[Rule]:
    """A choice of front ends needs one to change, and a teacher whose answers stay true of other features."""
    chosen = [key for key in FRONT_END_CHOICES if getattr(search, key)]
    hinted = recipe.distill is not None and bool(recipe.distill.hints or recipe.distill.attention)
    copied = recipe.distill is not None and recipe.student.copies > 0
    for key in chosen:
        yield Rule(recipe.features is None, "search", key, f"{key} to choose from needs a [features] section")
        yield Rule(any(value <= 0 for value in getattr(search, key)), "search", key, f"{key} must be above 0")
        yield Rule(hinted, "search", key, "hints and attention need one front end for teacher and students")
        yield Rule(copied, "search", key, "copies of samples need one front end for teacher and students")


def _prune(recipe: Recipe) -> Iterator[Rule]:
    if recipe.prune is not None and recipe.prune.pattern in FOURS:
        part, pattern = FOURS[recipe.prune.pattern], recipe.prune.pattern
        wrong = recipe.prune.sparsity != part
        yield Rule(wrong, "prune", "sparsity", f"the pattern {pattern!r} is a sparsity of {part}")


def _model(name: str, model: Model) -> Iterator[Rule]:
    ways = (bool(model.layers), model.file is not None, bool(model.files), model.answers is not None)
    either = f"[{name}] needs either layers or file"
    yield Rule(sum(ways) != 1 or (name == "student" and any(ways[2:])), name, "", either)
    yield Rule(model.tune and model.file is None, name, "tune", "tune needs file")
    yield Rule(model.freeze > 0 and model.file is None, name, "freeze", "freeze needs file")


def _distill(recipe: Recipe, distill: Distill, teacher: Model) -> Iterator[Rule]:
    """What a teacher cannot give."""
    pairs = {key: getattr(distill, key) for key in ("hints", "attention")}
    for key, texts in pairs.items():
        shapeless = any(pair.count("->") != 1 for pair in texts)
        yield Rule(shapeless, "distill", key, 'a pair is written "TEACHER LAYER -> STUDENT LAYER"')
    if teacher.answers is not None:
        for key, texts in pairs.items():
            yield Rule(bool(texts), "distill", key, "a teacher of answers has no layers")
        warped = recipe.student.copies > 0
        yield Rule(warped, "student", "copies", "a teacher of answers has none for warped copies")
