"""The run as one HTML page that stands alone: no network, no scripts, readable on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinykit.report import charts, facts, learned, words


@dataclass(frozen=True)
class Tile:
    """A headline figure: what it is, the figure, and one line that makes it exact."""

    label: str
    value: str
    detail: str
    tone: str = ""


def render(run: Mapping[str, Any]) -> str:
    """The whole page for a run's JSON (docs/architecture.md), as HTML text.

    Any part of the run may be absent or null: its section is left out. Every name is escaped.
    """
    passed, reasons = facts.verdict(run)
    stages = facts.stages(run)
    table = facts.layers(run)
    savings, measured = learned.savings(run)
    curves, curve_floor = charts.curves([(stage.title, stage.history) for stage in stages])
    context = {
        "title": _title(run),
        "subtitle": _subtitle(run),
        "emulated": facts.emulated(run),
        "passed": passed,
        "reasons": reasons,
        "difference": facts.difference(run),
        "divergence": facts.divergence(words.mapping(run.get("validate")).get("first_divergent_layer")),
        "tiles": tiles(run),
        "stages": stages,
        "sentence": facts.distillation_sentence(run),
        "referred": words.text(words.mapping(run.get("refer")).get("sentence")),
        "seeds_picture": charts.seed_picture(words.mapping(run.get("distillation"))),
        "savings": savings,
        "savings_measured": measured,
        "errors": learned.errors(run),
        "curves": curves,
        "curve_floor": curve_floor,
        "matrices": _matrices(run),
        "memory": charts.memory_picture(words.mapping(run.get("plan"))),
        "table": table,
        "sparsity": facts.sparsity_lines(words.mapping(run.get("plan")).get("steps")),
        "totals": {
            "most": max((layer.work or 0 for layer in table.layers), default=0),
            "work": words.total(layer.work for layer in table.layers),
            "macs": words.total(layer.macs for layer in table.layers),
            "weights": words.total(layer.weight_bytes for layer in table.layers),
        },
        "memories": [
            (memory, charts.stacked([(p.name, p.bytes, p.model) for p in memory.parts])) for memory in _memories(run)
        ],
        "front_end": facts.front_end_sentence(words.mapping(run.get("bench"))),
        "provenance": _provenance(run),
    }
    return _environment().get_template("page.html.j2").render(context)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=words.percent, count=words.count, octets=words.octets, kib=words.kibibytes, duration=words.seconds
    )
    return environment


def tiles(run: Mapping[str, Any]) -> list[Tile]:
    """The headline figures that the run holds."""
    found = []
    board = facts.board_words(run)
    accuracy, differing = facts.board_accuracy(run), facts.difference(run)
    if accuracy is not None:
        samples = differing.samples
        over = f"{words.plural(samples, 'test sample')}" if samples is not None else "test split"
        found.append(Tile("Accuracy on the board", words.percent(accuracy), over))
    if differing.bytes is not None:
        tone = "good" if differing.bytes == 0 else "bad"
        found.append(Tile("Differing bytes", words.count(differing.bytes), "board against TFLM", tone))
    work, unit = facts.run_work(run)
    if work is not None:
        exact = f"{words.count(work)} counted" if words.short(work) != words.count(work) else ""
        found.append(Tile(f"{unit.capitalize()} per inference", words.short(work), exact or board))
    for memory in _memories(run):
        if memory.total is not None:
            own = " + ".join(part.name for part in memory.parts if part.model)
            found.append(Tile(f"{memory.name} for the model", words.kibibytes(memory.total), own))
    return found


def _memories(run: Mapping[str, Any]) -> list[facts.Memory]:
    return facts.memories(words.mapping(run.get("bench"))) or facts.memories(words.mapping(run.get("check")))


def _title(run: Mapping[str, Any]) -> str:
    return words.text(run.get("title")) or words.text(run.get("recipe")) or "tinykit report"


def _subtitle(run: Mapping[str, Any]) -> list[str]:
    bench = words.mapping(run.get("bench"))
    target = words.text(run.get("target")) or words.text(bench.get("target"))
    created = words.moment(run.get("created"))
    return [word for word in (facts.board_words(run), target, created) if word]


def _matrices(run: Mapping[str, Any]) -> list[charts.Matrix]:
    confusion = words.mapping(run.get("confusion"))
    validate = words.mapping(run.get("validate"))
    labels = [words.text(label) for label in words.listing(run.get("labels")) or words.listing(validate.get("labels"))]
    counts = (
        ("Teacher", confusion.get("teacher")),
        ("Student", confusion.get("student")),
        ("Board", confusion.get("board") or validate.get("confusion")),
    )
    found = [charts.matrix(title, rows, labels) for title, rows in counts]
    return [one for one in found if one is not None]


def _provenance(run: Mapping[str, Any]) -> dict[str, Any]:
    """What made this run: pairs to list, and commands; empty parts left out."""
    said = words.mapping(run.get("provenance"))
    validate = words.mapping(run.get("validate"))
    seeds = ", ".join(words.text(seed) for seed in words.listing(run.get("seeds")))
    pairs = (
        ("Recipe", words.text(run.get("recipe"))),
        ("Created", words.moment(run.get("created"))),
        ("Board", facts.board_words(run)),
        ("Engine", words.text(words.mapping(run.get("bench")).get("engine"))),
        ("Port", words.text(validate.get("port"))),
        ("Seeds", seeds),
    )
    hashes = [(words.text(k), words.text(v)) for k, v in words.mapping(said.get("hashes")).items()]
    if words.text(validate.get("model_sha256")):
        hashes.append(("model that the device named", words.text(validate.get("model_sha256"))))
    return {
        "facts": [(name, value) for name, value in pairs if value],
        "hashes": [(name, value) for name, value in hashes if value],
        "versions": [(words.text(k), words.text(v)) for k, v in words.mapping(said.get("versions")).items() if v],
        "commands": [words.text(command) for command in words.listing(said.get("commands")) if words.text(command)],
    }
