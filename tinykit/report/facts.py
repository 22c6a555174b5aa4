"""What a run says, drawn from its JSON once, for the HTML page and the terminal alike. No drawing and no markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from tinykit.report.words import (
    count,
    layer_names,
    listing,
    mapping,
    number,
    numbers,
    objects,
    octets,
    percent,
    plural,
    text,
)

Run = Mapping[str, Any]
INSTRUCTIONS = "instructions"
FEW_ZEROS = 0.05
"""So many weights quantization rounds to zero by itself."""
Number = float | int

STAGE_TITLES = {
    "teacher": "Teacher",
    "control": "Control (no teacher)",
    "distilled": "Distilled",
    "pruned": "Pruned",
    "int8": "int8 by TFLM",
    "board": "int8 on the board",
}
"""What each stage of the pipeline is called for people."""


@dataclass(frozen=True)
class Stage:
    """A stage of the run; accuracies are fractions of 1, absent figures None."""

    name: str
    title: str
    test: Number | None
    validation: Number | None
    parameters: Number | None
    bytes: Number | None
    sparsity: Number | None
    seconds: Number | None
    cached: bool
    note: str
    history: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a memory: its name, bytes, and whether it belongs to the model (else to the test firmware)."""

    name: str
    bytes: Number
    model: bool


@dataclass(frozen=True)
class Memory:
    """What the model costs in one memory: parts, and the model's total in bytes."""

    name: str
    parts: tuple[Part, ...]
    total: Number | None


@dataclass(frozen=True)
class Layer:
    """One layer's work: `step` its number in the plan, `work` in the unit of the table that it is in."""

    step: int
    name: str
    title: str
    op: str
    kernel: str
    macs: Number | None
    work: Number | None
    weight_bytes: Number | None

    @property
    def per_mac(self) -> float | None:
        """Work per multiply-accumulate."""
        return self.work / self.macs if self.work is not None and self.macs else None


@dataclass(frozen=True)
class LayerTable:
    """The layers in order; `unit` of their work (see `work`); `measured` on a device, else the plan's prediction."""

    layers: tuple[Layer, ...]
    unit: str
    measured: bool


@dataclass(frozen=True)
class Difference:
    """Board against TFLM: bytes that differ, over how many samples; `sentence` says it."""

    bytes: Number | None
    samples: Number | None

    @property
    def sentence(self) -> str:
        """One plain sentence without a final full stop; empty where nothing was compared."""
        if self.bytes is None:
            return ""
        over = f" over {plural(self.samples, 'sample')}" if self.samples is not None else ""
        if self.bytes == 0:
            return f"No byte differs between the board and TFLM{over}"
        return f"{plural(self.bytes, 'byte')} differ{'s' if self.bytes == 1 else ''} between the board and TFLM{over}"


def stages(run: Run) -> list[Stage]:
    """The run's stages in order, with those that only `validate` measured added at the end."""
    found = [_stage(item) for item in objects(run.get("stages"))]
    validate = mapping(run.get("validate"))
    for name, key in (("int8", "accuracy_tflm"), ("board", "accuracy")):
        accuracy = number(validate.get(key))
        if accuracy is not None and all(s.name != name for s in found):
            found.append(_stage({"name": name, "accuracy": {"test": accuracy}}))
    return found


def _stage(item: Mapping[str, Any]) -> Stage:
    name = text(item.get("name"))
    accuracy = mapping(item.get("accuracy"))
    return Stage(
        name=name,
        title=text(item.get("title")) or STAGE_TITLES.get(name, name),
        test=number(accuracy.get("test")),
        validation=number(accuracy.get("validation")),
        parameters=number(item.get("parameters")),
        bytes=number(item.get("bytes")),
        sparsity=number(item.get("sparsity")),
        seconds=number(item.get("seconds")),
        cached=item.get("cached") is True,
        note=text(item.get("note")),
        history=tuple(objects(item.get("history"))),
    )


def board_accuracy(run: Run) -> Number | None:
    """Accuracy on the board's test samples, a fraction of 1."""
    return next((s.test for s in stages(run) if s.name == "board" and s.test is not None), None)


def difference(run: Run) -> Difference:
    """How many output bytes of the board differ from TFLM's."""
    validate = mapping(run.get("validate"))
    return Difference(number(validate.get("mismatched_bytes")), number(validate.get("samples")))


def memories(source: Run) -> list[Memory]:
    """Flash and RAM by part, from an object that holds "flash" and "ram" (a `bench` or a `check`)."""
    kinds = (("Flash", "flash", ("weights", "code")), ("RAM", "ram", ("arena", "static", "stack")))
    found = []
    for title, key, names in kinds:
        sizes = mapping(source.get(key))
        known = [(name, number(sizes.get(name)), name != "firmware") for name in (*names, "firmware")]
        parts = tuple(Part(name, size, model) for name, size, model in known if size is not None)
        own = [p.bytes for p in parts if p.model]
        whole = number(sizes.get("total"))
        if parts or whole is not None:
            found.append(Memory(title, parts, whole if whole is not None else (sum(own) if own else None)))
    return found


def work(source: Run) -> tuple[Number | None, str]:
    """What one inference took, and the unit, from a `bench` or a `validate`.

    Instructions where they were counted; else what the board's counter said: "cycles" of the core's own cycle counter,
    or "ticks" of a timer. None of them is a time.
    """
    counted = _typical(source.get("instructions"))
    if counted is not None:
        return counted, INSTRUCTIONS
    return _typical(source.get("ticks")), text(source.get("tick_unit"), "ticks")


def run_work(run: Run) -> tuple[Number | None, str]:
    """What one inference of this run took, and the unit."""
    counted = work(mapping(run.get("bench")))
    return counted if counted[0] is not None else work(mapping(run.get("validate")))


def _typical(value: object) -> Number | None:
    """A number, or the mean of an object with "min", "mean" and "max"."""
    return number(value.get("mean")) if isinstance(value, Mapping) else number(value)


def emulated(run: Run) -> bool | None:
    """Whether the board was an emulator; None where the run does not say."""
    for key in ("validate", "bench"):
        said = mapping(run.get(key)).get("emulated")
        if isinstance(said, bool):
            return said
    return None


def board_name(run: Run) -> str:
    """The board's name, empty if unknown."""
    places = (run, mapping(run.get("bench")), mapping(run.get("validate")))
    return next((name for name in (text(p.get("board")) for p in places) if name), "")


def board_words(run: Run) -> str:
    """The board with how real it was: "mps2-an386, emulated"."""
    name, kind = board_name(run), emulated(run)
    return ", ".join(word for word in (name, {True: "emulated", False: "hardware", None: ""}[kind]) if word)


def layers(run: Run) -> LayerTable:
    """The layers as `bench` counted them, with what only the plan knows; the plan's prediction without a `bench`."""
    bench = mapping(run.get("bench"))
    steps = objects(mapping(run.get("plan")).get("steps"))
    places = {text(step.get("name")): place for place, step in enumerate(steps)}
    measured = objects(bench.get("layers"))
    rows = measured or steps
    counted = any(number(row.get("instructions")) is not None for row in rows)
    key, unit = ("instructions", INSTRUCTIONS) if counted or not measured else ("ticks", work(bench)[1])
    titles = layer_names(row.get("name") for row in rows)
    found = []
    for index, (row, title) in enumerate(zip(rows, titles, strict=True)):
        place = places.get(text(row.get("name")))
        step = steps[place] if place is not None else {}
        found.append(_layer(row, step, index if place is None else place, title, key))
    return LayerTable(tuple(found), unit, bool(measured))


def _layer(row: Mapping[str, Any], step: Mapping[str, Any], place: int, title: str, key: str) -> Layer:
    return Layer(
        step=place,
        name=text(row.get("name")),
        title=title,
        op=text(row.get("op")),
        kernel=text(row.get("kernel") or step.get("kernel")),
        macs=number(row.get("macs")),
        work=number(row.get(key)),
        weight_bytes=number(row.get("weight_bytes", step.get("weight_bytes"))),
    )


def sparsity_lines(rows: object) -> list[str]:
    """What zeros among its weights bought each layer, predicted, a line a layer; none for layers without a word of it.

    Args: `rows` the layers of a `check`, or the steps of a run's plan.
    """
    found = []
    for row in objects(rows):
        bought = mapping(row.get("sparsity"))
        zeros, octets_saved = number(bought.get("zeros")), number(bought.get("saved_bytes"))
        if zeros is None or (zeros <= FEW_ZEROS and not octets_saved):
            continue
        saved = f"saved {octets(octets_saved)} and {count(bought.get('saved_instructions'))} instructions: "
        said = (saved if octets_saved else "") + text(bought.get("note"))
        found.append(f"{text(row.get('name'), 'unnamed layer')}: {percent(zeros, 0)} zeros; {said}")
    return found


def distillation_sentence(run: Run) -> str:
    """Distilled against control in one sentence: the run's own, or one made from the accuracies; empty if unknown."""
    facts = mapping(run.get("distillation"))
    if text(facts.get("sentence")):
        return text(facts.get("sentence"))
    control, distilled = numbers(facts.get("control")), numbers(facts.get("distilled"))
    if not control or not distilled:
        return ""
    margin = mean(distilled) - mean(control)
    seeds = min(len(control), len(distilled))
    each = [100 * (d - c) for c, d in zip(control, distilled, strict=False)]
    spread = (
        f" ({min(each):.1f} to {max(each):.1f} seed by seed)" if seeds > 1 and len(control) == len(distilled) else ""
    )
    return (
        f"Distilled scores {abs(margin) * 100:.1f} points {'more' if margin >= 0 else 'less'} than the control without"
        f" a teacher, on average over {plural(seeds, 'seed')}{spread}."
    )


def verdict(run: Run) -> tuple[bool | None, list[str]]:
    """Passed, not passed, or None where the run was not judged; and the reasons."""
    said = mapping(run.get("verdict"))
    passed = said.get("passed")
    reasons = [text(reason) for reason in listing(said.get("reasons")) if text(reason)]
    return (passed if isinstance(passed, bool) else None), reasons


def divergence(value: object) -> str:
    """The first layer that diverges, in words; it may be a name or an object with what was found there."""
    if not isinstance(value, Mapping):
        return text(value)
    name = text(value.get("layer") or value.get("name"), "unnamed layer")
    details = [text(value.get(key)) for key in ("op", "kernel") if text(value.get(key))]
    words = f"{name} ({', '.join(details)})" if details else name
    if value.get("index") is not None:
        words += f" at index {text(value['index'])}"
    board = next((value[key] for key in ("board", "device", "found") if value.get(key) is not None), None)
    judge = next((value[key] for key in ("tflm", "judge", "expected") if value.get(key) is not None), None)
    if board is not None and judge is not None:
        words += f": found {text(board)}, TFLM has {text(judge)}"
    return words


def parts_sentence(memory: Memory) -> str:
    """A memory in one line: "weights 6,144 + code 5,120 = 11,264 B"."""
    own = " + ".join(f"{part.name} {count(part.bytes)}" for part in memory.parts if part.model)
    if not own:
        return octets(memory.total)
    return f"{own} = {octets(memory.total)}"


def front_end_sentence(source: Mapping[str, Any]) -> str:
    """What a front end costs beside the model, from the JSON of bench or check; "" where there is none."""
    found = mapping(source.get("front_end"))
    work, unit = number(found.get("instructions")), "instructions"
    if work is None:
        work, unit = number(found.get("ticks")), text(source.get("tick_unit")) or "ticks"
    flash, ram, windows = (number(found.get(key)) for key in ("flash", "ram", "windows"))
    if work is None or flash is None or ram is None or windows is None:
        return ""
    made = f"{count(work)} {unit} an input of {plural(int(windows), 'window')}"
    return f"{text(found.get('kind'))}: {made}; flash {octets(flash)}, RAM {octets(ram)}"
