"""The recipe from data to verdict: which stages there are, in which order, and the run's JSON from their facts."""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
import shutil
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import tinykit
from tinykit.boards import Board, board
from tinykit.errors import RecipeError, UsageError
from tinykit.files import copy_atomic, folder_atomic, remove_abandoned, write_atomic
from tinykit.learn.diagnosis import LayerError, require_accuracy
from tinykit.learn.together import Together, together
from tinykit.link.port import require_port
from tinykit.pipeline.device import MODEL, OnDevice, tool_version
from tinykit.pipeline.learning import DENSE, LIBRARIES, Learning
from tinykit.pipeline.store import Kept, Store, file_hash, version
from tinykit.pipeline.values import samples_folder
from tinykit.pipeline.verdict import verdict
from tinykit.recipe import TRAINED_METHODS, Model, Recipe

STAGES = ("data", "teacher", "control", "distilled", "pruned", "int8", "compiled", "firmware", "board")
"""What `until` may name, in order. The last is the whole run."""


def run(
    recipe: Recipe,
    output: Path,
    *,
    seeds: tuple[int, ...] | None = None,
    quiet: bool = False,
    until: str | None = None,
    port: str | None = None,
) -> dict[str, Any]:
    """Run the recipe, keeping finished stages in `output`, and write its results there.

    Writes run.json and report.html always; model.tflite, test.npz, c/ and firmware/ as far as the run goes.

    Args:
        seeds: instead of the recipe's, for control and distilled students.
        until: a name of STAGES to stop after; None for the whole run. A run that stops early has no verdict.
        port: a plugged board instead of the emulator.

    Returns the run's JSON object (docs/architecture.md).
    Raises: what the stages raise; UsageError for an unknown `until`, RecipeError where the recipe has no such stage.
    """
    _check(recipe, until)
    if port is not None:
        require_port(port)
    chosen = _board(recipe)
    who = together(recipe.train.strategy if recipe.train else None, quiet=quiet)
    who.require_shares(trained_batches(recipe))
    if who.worker > 0:
        output, until = output / f"worker-{who.worker}", _last_together(until)
    if seeds is not None:
        recipe = dataclasses.replace(recipe, seeds=tuple(seeds))
    remove_abandoned(output / "stages")
    kept = _Run(recipe, output, chosen, quiet, port, who).stages(until or STAGES[-1])
    result = _json(recipe, chosen, kept)
    result["verdict"] = verdict(result, recipe.accept) if until in (None, STAGES[-1]) else _NOT_JUDGED
    _export(kept, result, output)
    return result


def trained_batches(recipe: Recipe) -> dict[str, int]:
    """Samples a step of the sections that train: a teacher that comes trained, or a quantization after it, do not."""
    teacher, student, quantize = recipe.teacher, recipe.student, recipe.quantize
    trains = {
        "teacher": teacher is not None and bool(teacher.layers or teacher.tune),
        "student": recipe.distill is not None or student.file is None,
        "prune": recipe.prune is not None,
        "quantize": quantize.method in TRAINED_METHODS,
    }
    return {name: getattr(recipe, name).batch for name, does in trains.items() if does}


def _last_together(until: str | None) -> str:
    """The stage that workers beside the first one stop after: what follows learning is the first one's alone."""
    last = STAGES.index("int8")
    return STAGES[last if until is None else min(last, STAGES.index(until))]


_NOT_JUDGED: dict[str, Any] = {"passed": None, "reasons": []}


def _check(recipe: Recipe, until: str | None) -> None:
    if until is not None and until not in STAGES:
        raise UsageError(f"unknown stage {until!r}", expected=f"one of {', '.join(STAGES)}")
    sections = {"teacher": recipe.teacher, "distilled": recipe.distill, "pruned": recipe.prune}
    names = {"teacher": "teacher", "distilled": "distill", "pruned": "prune"}
    if until in sections and sections[until] is None:
        raise RecipeError(f"{recipe.path} has no section [{names[until]}]", next_step="Add it, or use another verb")


def _board(recipe: Recipe) -> Board:
    """The recipe's board; a path is relative to the recipe."""
    name = recipe.board.name
    return board(str(recipe.path.parent / name) if name.endswith(".toml") else name)


@dataclasses.dataclass(frozen=True)
class _Run:
    recipe: Recipe
    output: Path
    board: Board
    quiet: bool
    port: str | None
    who: Together

    def stages(self, until: str) -> dict[str, Kept]:
        """Every stage up to `until`, by name; controls and distilled students as control-SEED, distilled-SEED."""
        shared = Store(self.output, self.who.agree if self.who.workers > 1 else None)
        learning = Learning(self.recipe, shared, self.quiet, self.who)
        kept: dict[str, Kept] = {"data": learning.data()}
        for warning in () if self.quiet else kept["data"].facts["warnings"]:
            print(f"Warning: {warning}.", file=sys.stderr)
        goes = lambda stage: STAGES.index(stage) <= STAGES.index(until)  # noqa: E731
        if goes("teacher") and self.recipe.teacher is not None:
            kept["teacher"] = learning.teacher(kept["data"])
        if goes("control"):
            kept |= self._controls(learning, kept)
        if goes("distilled") and self.recipe.distill is not None:
            kept["outputs"] = learning.outputs(kept["data"], kept["teacher"])
            for seed in self.recipe.seeds:
                kept[f"distilled-{seed}"] = learning.distilled(kept["data"], kept["outputs"], seed)
        if not goes("pruned"):
            return kept
        student = shipped(self.recipe, kept)
        # A control that is the better student is pruned and quantized without the teacher, too.
        outputs = None if student.name.startswith("control") else kept.get("outputs")
        if self.recipe.prune is not None:
            dense, student = student, learning.pruned(kept["data"], outputs, student)
            kept["pruned"] = student
            kept["bought"] = learning.bought(kept["data"], dense, student, self.board.target)
        if goes("int8"):
            kept["int8"] = learning.int8(kept["data"], outputs, student)
            kept["judged"] = learning.judged(kept["data"], kept["int8"])
            kept["diagnosed"] = learning.diagnosed(kept["data"], student, kept["int8"])
            require_accuracy(
                _validation(student) - _validation(kept["judged"]),
                self.recipe.quantize.max_loss,
                [LayerError(**layer) for layer in kept["diagnosed"].facts["layers"]],
            )
        device = OnDevice(Store(self.output), self.board, self.port, self.quiet, self.recipe.board.optimize)
        if goes("compiled"):
            kept["compiled"] = device.compiled(kept["int8"], kept["judged"] if self.recipe.refer else None)
        if goes("firmware"):
            kept["firmware"] = device.firmware(kept["int8"], kept["compiled"])
        if goes("board"):
            kept["board"] = device.validated(kept["data"], kept["int8"], kept["firmware"])
            kept["bench"] = device.benched(kept["int8"], kept["firmware"])
            if "bought" in kept and self.port is None:
                kept["dense"] = device.dense(kept["bought"], DENSE)
        return kept

    def _controls(self, learning: Learning, kept: dict[str, Kept]) -> dict[str, Kept]:
        """Students without a teacher: for comparison, or as the student itself where nothing is distilled."""
        if self.recipe.distill is None and self.recipe.student.file is not None:
            return {"student": learning.given(kept["data"])}
        seeds = self.recipe.seeds if self.recipe.distill is None or self.recipe.distill.control else ()
        return {f"control-{seed}": learning.control(kept["data"], seed) for seed in seeds}


def shipped(recipe: Recipe, kept: dict[str, Kept]) -> Kept:
    """The student that ships: distilled or control, whichever is better on validation; of its seeds the best one.

    The test split has no say.
    """
    if "student" in kept:
        return kept["student"]
    groups = [_students(recipe, kept, kind) for kind in ("distilled", "control")]
    best = max((group for group in groups if group), key=lambda group: mean(map(_validation, group)))
    return max(best, key=_validation)


def _students(recipe: Recipe, kept: dict[str, Kept], kind: str) -> list[Kept]:
    return [kept[f"{kind}-{seed}"] for seed in recipe.seeds if f"{kind}-{seed}" in kept]


def _validation(student: Kept) -> float:
    return float(student.facts["accuracy"]["validation"])


_TITLES = {
    "teacher": "Teacher",
    "control": "Student without a teacher",
    "student": "Student",
    "distilled": "Distilled student",
    "pruned": "Pruned",
    "int8": "int8 by TFLM",
    "board": "int8 on the board",
}


def _json(recipe: Recipe, board: Board, kept: dict[str, Kept]) -> dict[str, Any]:
    facts = {name: stage.facts for name, stage in kept.items()}
    return {
        "recipe": recipe.name,
        "title": recipe.title,
        "board": board.name,
        "target": board.target.name,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "labels": facts["data"]["classes"],
        "data": {"samples": facts["data"]["samples"], "warnings": facts["data"]["warnings"]},
        "refer": facts.get("judged", {}).get("refer"),
        "seeds": list(recipe.seeds),
        "stages": _stage_rows(recipe, kept),
        "distillation": _distillation(recipe, kept),
        "confusion": {
            "teacher": facts.get("teacher", {}).get("confusion"),
            "student": facts.get("judged", {}).get("confusion"),
            "board": facts.get("board", {}).get("confusion"),
        },
        "bench": facts.get("bench"),
        "validate": facts.get("board"),
        "plan": facts.get("compiled", {}).get("plan"),
        "provenance": _provenance(recipe, board, kept),
    }


def _stage_rows(recipe: Recipe, kept: dict[str, Kept]) -> list[dict[str, Any]]:
    rows = []
    samples = kept["data"].facts["samples"]
    if "teacher" in kept:
        assert recipe.teacher is not None
        rows.append(_row("teacher", kept["teacher"], note=_teacher_note(recipe.teacher, samples["labelled"])))
    if "student" in kept:
        rows.append(_row("student", kept["student"], note="as its file holds it"))
    best = shipped(recipe, kept).name.partition("-")[2] if _has_students(recipe, kept) else str(recipe.seeds[0])
    for kind, words in (
        ("control", f"{samples['labelled']} labels, same steps"),
        ("distilled", f"{samples['labelled']} labels and the teacher's answers for {samples['pool']} more"),
    ):
        if f"{kind}-{best}" in kept:
            rows.append(_row(kind, kept[f"{kind}-{best}"], note=f"{words}; seed {best}"))
    if "pruned" in kept:
        assert recipe.prune is not None
        bought = _bought(kept)
        note = f"pattern {recipe.prune.pattern}, by {recipe.prune.saliency}; {_saved(bought)}"
        rows.append({**_row("pruned", kept["pruned"], note=note), "bought": bought})
    if "int8" in kept:
        rows.append({**_int8_row(recipe, kept), "errors": kept["diagnosed"].facts["layers"]})
    if "board" in kept:
        test = kept["board"].facts["accuracy"]
        row = _row("board", kept["board"], accuracy={"validation": None, "test": test})
        rows.append({**row, "bytes": None})  # the facts count compared bytes, not the model's
    return rows


def _has_students(recipe: Recipe, kept: dict[str, Kept]) -> bool:
    kind = "distilled" if recipe.distill is not None else "control"
    return all(f"{kind}-{seed}" in kept for seed in recipe.seeds)


def _row(name: str, stage: Kept, note: str | None = None, accuracy: Any = None) -> dict[str, Any]:
    facts = stage.facts
    return {
        "name": name,
        "title": _TITLES[name],
        "accuracy": accuracy or facts["accuracy"],
        "parameters": facts.get("parameters"),
        "bytes": facts.get("bytes"),
        "sparsity": facts.get("sparsity") if name in ("pruned", "int8") else None,
        "seconds": stage.seconds,
        "cached": stage.cached,
        "note": note,
        "history": facts.get("history") or [],
    }


def _teacher_note(teacher: Model, labels: int) -> str:
    if teacher.answers is not None:
        return f"answers of {teacher.answers.name}"
    count = len(teacher.files) or teacher.members
    averaged = f"{count} models averaged; " if count > 1 else ""
    given = not teacher.layers and not teacher.tune
    return averaged + ("as its file holds it" if given else f"trained on {labels} labels")


def _bought(kept: dict[str, Kept]) -> dict[str, Any]:
    """Costs without pruning and with it: counted on the emulated board where the run came so far, else planned."""
    if "dense" not in kept:
        return {**kept["bought"].facts, "measured": False}
    counted = {"before": kept["dense"].facts, "after": kept["bench"].facts}
    return {
        "measured": True,
        **{
            name: {"flash": one["flash"]["total"], "ram": one["ram"]["total"], "instructions": one["instructions"]}
            for name, one in counted.items()
        },
    }


def _saved(bought: dict[str, Any]) -> str:
    """What pruning saves, in words."""
    before, after = bought["before"], bought["after"]
    found = "as counted on this board" if bought["measured"] else "as planned for this board"
    known = [key for key in before if before[key] is not None and after[key] is not None]
    saved = {key: before[key] - after[key] for key in known}
    if not any(saved.values()):
        return f"{found} it saves nothing: no kernel here skips these zeros"
    units = {"flash": "B of flash", "ram": "B of RAM", "instructions": "instructions"}
    words = {key: f"{abs(saved[key]):,} {units[key]} ({abs(saved[key]) / before[key]:.0%})" for key in known}
    less, more = [words[key] for key in known if saved[key] > 0], [words[key] for key in known if saved[key] < 0]
    said = [f"{verb} {_listed(parts)}" for verb, parts in (("saves", less), ("costs", more)) if parts]
    return f"{found} it {' and '.join(said)}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _int8_row(recipe: Recipe, kept: dict[str, Kept]) -> dict[str, Any]:
    row = _row("int8", kept["int8"], note=recipe.quantize.method, accuracy=kept["judged"].facts["accuracy"])
    row["parameters"] = (kept.get("pruned") or shipped(recipe, kept)).facts["parameters"]
    return row


def _distillation(recipe: Recipe, kept: dict[str, Kept]) -> dict[str, Any] | None:
    """Control against distilled over all seeds, test split; None where there is no such pair."""
    pairs = [(kept.get(f"control-{seed}"), kept.get(f"distilled-{seed}")) for seed in recipe.seeds]
    tests = [(a.facts["accuracy"]["test"], b.facts["accuracy"]["test"]) for a, b in pairs if a and b]
    if not tests:
        return None
    margins = [distilled - control for control, distilled in tests]
    control, distilled = mean(c for c, _ in tests), mean(d for _, d in tests)
    over = f"over {len(tests)} seeds" if len(tests) > 1 else "with one seed"
    spread = f" ({min(margins) * 100:+.1f} to {max(margins) * 100:+.1f})" if len(tests) > 1 else ""
    chosen = shipped(recipe, kept).name.partition("-")[0]
    helped = "It helped" if min(margins) > 0 else "It helped on average" if mean(margins) > 0 else "It did not help"
    return {
        "kept": chosen,
        "control": [c for c, _ in tests],
        "distilled": [d for _, d in tests],
        "margin_mean": round(mean(margins), 6),
        "margin_spread": round(max(margins) - min(margins), 6),
        "sentence": (
            f"On the test split the distilled student scores {distilled:.1%} and the same student without a teacher "
            f"{control:.1%}, {over}: {mean(margins) * 100:+.1f} points{spread}, with the same labels and steps. "
            f"{helped}; by validation the {chosen} student is kept."
        ),
    }


def _provenance(recipe: Recipe, board: Board, kept: dict[str, Kept]) -> dict[str, Any]:
    tools = {"python": platform.python_version(), "compiler": tool_version(f"{board.target.toolchain}gcc")}
    hashes = {"recipe": file_hash(recipe.path), "test data": file_hash(_test_samples(kept))}
    commands = [f"tinykit run {recipe.path.name}"]
    if "int8" in kept:
        hashes["model"] = file_hash(kept["int8"].folder / MODEL)
        commands += [
            f"tinykit verify {MODEL}",
            f"tinykit validate {MODEL} --board {recipe.board.name} --data test.npz",
            f"tinykit bench {MODEL} --board {recipe.board.name}",
        ]
    return {
        "versions": {
            "tinykit": tinykit.__version__,
            **{library: version(library) for library in (*LIBRARIES, "tflite-micro")},
            **tools,
        },
        "hashes": hashes,
        "commands": commands,
    }


def _test_samples(kept: dict[str, Kept]) -> Path:
    """The test split as the last model reads it."""
    folder = samples_folder(kept["data"], kept["int8"]) if "int8" in kept else kept["data"].folder
    return folder / "test.npz"


def _export(kept: dict[str, Kept], result: dict[str, Any], output: Path) -> None:
    """Copy what users open out of the stages' folders, and write the run."""
    from tinykit.report.html import render

    copy_atomic(_test_samples(kept), output / "test.npz")
    if "int8" in kept:
        write_atomic(output / MODEL, (kept["int8"].folder / MODEL).read_bytes())
    for stage, folder in (("compiled", "c"), ("firmware", "firmware")):
        if stage in kept:
            with folder_atomic(output / folder) as target:
                shutil.copytree(kept[stage].folder / folder, target, dirs_exist_ok=True)
    write_atomic(output / "run.json", json.dumps(result, indent=1) + "\n")
    write_atomic(output / "report.html", render(result))
