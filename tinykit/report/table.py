"""What the verbs print for people: plain text, aligned, for terminals of 60 to 120 columns.

Colour only where the caller says that a terminal reads it. Names are made harmless first (`words.text`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tinykit.report import facts
from tinykit.report.words import (
    DASH,
    count,
    mapping,
    number,
    objects,
    octets,
    percent,
    plural,
    seconds,
    text,
    total,
)

Json = Mapping[str, Any]
LABEL = 20
"""Columns of the labels at the left."""
_LATENCY = (("min", "least"), ("median", "median"), ("p95", "95 %"), ("max", "most"))
GREEN, RED = "32", "31"


def render(run: Json, width: int = 80, *, report: str | None = None, colour: bool = False) -> str:
    """The closing table of a run: accuracy by stage, board against TFLM, cost, and where the report lies.

    Args: `width` columns (kept within 60 to 120); `report` the path of the HTML page (else the run's own "report");
    `colour` paints the verdict.
    """
    width = _bounded(width)
    title = text(run.get("title")) or text(run.get("recipe"))
    board, where = facts.board_words(run), text(report or run.get("report"))
    sentence, referred = facts.distillation_sentence(run), text(mapping(run.get("refer")).get("sentence"))
    rows = [("Board", board)] if board else []
    rows += _comparison_rows(run)
    rows += _work_rows(*facts.run_work(run), facts.emulated(run)) + _memory_rows(mapping(run.get("bench")))
    rows += _front_end_rows(mapping(run.get("bench")))
    rows += [("Report", where)] if where else []
    return _page(
        textwrap.wrap(title, width),
        _stage_lines(run, width),
        _wrapped("Distillation", sentence, width) if sentence else [],
        _wrapped("Unsure", referred, width) if referred else [],
        _block(rows, width),
        _verdict_lines(run, width, colour),
    )


def bench_table(bench: Json, width: int = 80) -> str:
    """What `tinykit bench` prints: instructions and kernel by layer, then flash and RAM by part."""
    width = _bounded(width)
    found = facts.layers({"bench": bench})
    whole = total(layer.work for layer in found.layers) or 0
    table = [
        (
            f"{layer.step:2} {layer.title}",
            layer.kernel or layer.op,
            count(layer.macs),
            count(layer.work),
            percent(layer.work / whole, 0) if layer.work is not None and whole else DASH,
            f"{layer.per_mac:.2f}" if layer.per_mac is not None else DASH,
        )
        for layer in found.layers
    ]
    head = (" # layer", "kernel", "MACs", found.unit, "share", "/MAC")
    rows = _work_rows(*facts.work(bench), facts.emulated({"bench": bench})) + _memory_rows(bench)
    rows += _front_end_rows(bench)
    exact = bench.get("bit_exact")
    if isinstance(exact, bool):
        rows.append(("Against TFLM", "every byte equal" if exact else "NOT equal; tinykit verify says where"))
    return _page(_heading(bench), _columns(head, table, width, words=2) if table else [], _block(rows, width))


def compare_table(compared: Json, width: int = 80) -> str:
    """What `tinykit bench --compare` prints: a column for each way to optimize."""
    width = _bounded(width)
    found = mapping(compared.get("compare"))
    ways = {text(way): mapping(one) for way, one in found.items()}
    figures: list[tuple[str, tuple[str, ...]]] = [
        ("instructions", ("instructions",)),
        ("flash: weights, B", ("flash", "weights")),
        ("flash: code, B", ("flash", "code")),
        ("flash: total, B", ("flash", "total")),
        ("RAM: arena, B", ("ram", "arena")),
        ("RAM: stack, B", ("ram", "stack")),
        ("RAM: total, B", ("ram", "total")),
    ]
    rows = [(title, *(count(_inside(one, path)) for one in ways.values())) for title, path in figures]
    said = {True: "Every byte equals TFLM's.", False: "NOT equal to TFLM; tinykit verify says where."}
    exact = compared.get("bit_exact")
    verdict = [said[exact]] if isinstance(exact, bool) else []
    return _page(_heading(compared), _columns(("optimized for", *ways), rows, width, words=1) if ways else [], verdict)


def _inside(value: object, path: Sequence[str]) -> object:
    for key in path:
        value = mapping(value).get(key)
    return value


def check_table(check: Json, width: int = 80) -> str:
    """What `tinykit check` prints: what cannot be compiled and why, whether it fits, and the predicted cost."""
    width = _bounded(width)
    problems = objects(check.get("unsupported"))
    listed = [f"{plural(len(problems), 'layer')} cannot be compiled:"] if problems else []
    for problem in problems:
        listed.append(f"  {text(problem.get('layer'))} ({text(problem.get('op'))})")
        for key in ("why", "fix"):
            listed += textwrap.wrap(text(problem.get(key)), width, initial_indent="    ", subsequent_indent="    ")
    rows = []
    if isinstance(check.get("supported"), bool):
        rows.append(("Supported", "yes, every layer" if check["supported"] else "NO"))
    if isinstance(check.get("fits"), bool):
        board = text(check.get("board"))
        rows.append(("Fits", ("yes" if check["fits"] else "NO") + (f", on {board}" if board else "")))
    rows += _memory_rows(check, predicted=True)
    instructions = number(check.get("instructions"))
    if instructions is not None:
        rows.append(("Instructions", f"{count(instructions)} per inference, predicted"))
    rows += _front_end_rows(check, predicted=True)
    bought = _bullets(facts.sparsity_lines(check.get("layers")), width)
    heading = ["What zeros among the weights bought, predicted:"] if bought else []
    return _page(_heading(check), listed, _block(rows, width), [*heading, *bought])


def verify_text(verify: Json, width: int = 80) -> str:
    """What `tinykit verify` prints: whether the generated C equals TFLM byte for byte, or where it first does not."""
    width = _bounded(width)
    known = [(number(verify.get(key)), key) for key in ("vectors", "bytes")]
    over = ", ".join(f"{count(n)} {key}" for n, key in known if n is not None)
    over = f" over {over}" if over else ""
    if verify.get("bit_exact") is True:
        is_reference = str(verify.get("judge") or "").startswith("tensorflow")
        who = "TensorFlow Lite's reference kernels (TFLM lacks an operator)" if is_reference else "TFLM"
        return _page(textwrap.wrap(f"Equal to {who} byte for byte{over}.", width))
    differing = number(verify.get("mismatched_bytes"))
    said = (
        "the outputs differ"
        if differing is None
        else f"{plural(differing, 'byte')} differ{'s' if differing == 1 else ''}"
    )
    return _page(textwrap.wrap(f"NOT equal to TFLM: {said}{over}.", width), _divergence_lines(verify, width))


def validate_text(validate: Json, width: int = 80) -> str:
    """What `tinykit validate` prints: accuracy on the device, bytes unlike TFLM's, instructions, and where it ran."""
    width = _bounded(width)
    run = {"validate": validate}
    accuracy, samples = number(validate.get("accuracy")), number(validate.get("samples"))
    rows = []
    board = facts.board_words(run)
    if board:
        port = text(validate.get("port"))
        rows.append(("Board", f"{board}, port {port}" if port else board))
    if accuracy is not None:
        right = f" ({count(accuracy * samples)} of {count(samples)})" if samples is not None else ""
        rows.append(("Board accuracy", percent(accuracy) + right))
    if number(validate.get("accuracy_tflm")) is not None:
        rows.append(("TFLM accuracy", percent(validate["accuracy_tflm"])))
    rows += _comparison_rows(run)
    unlike = number(mapping(validate.get("front_end")).get("mismatched_bytes"))
    if unlike is not None:
        looked_at = plural(int(number(validate["front_end"].get("samples")) or 0), "raw sample")
        rows.append(("Front end", f"{plural(int(unlike), 'byte')} unlike Python's over {looked_at}"))
    work, unit = facts.work(validate)
    rows += [(label, said + _spread(validate)) for label, said in _work_rows(work, unit, None)]
    latency = mapping(validate.get("latency_ms"))
    if number(latency.get("median")) is not None:
        spread = (f"{latency[key]:g} {name}" for key, name in _LATENCY if number(latency.get(key)) is not None)
        rows.append(("Latency, ms", ", ".join(spread)))
    if number(validate.get("resumed")):
        rows.append(("Resumed", f"{count(validate['resumed'])} samples were answered before"))
    if text(validate.get("model_sha256")):
        rows.append(("Model SHA-256", _cut(text(validate["model_sha256"]), width - LABEL)))
    if number(validate.get("seconds")) is not None:
        rows.append(("Took", seconds(validate["seconds"])))
    return _page(_block(rows, width), _divergence_lines(validate, width))


def _stage_lines(run: Json, width: int) -> list[str]:
    """Accuracy by stage; in a narrow terminal sizes and sparsity give way."""
    stages = facts.stages(run)
    if not stages:
        return []
    columns = [
        ("Accuracy", [stage.title for stage in stages]),
        ("test", [percent(stage.test) for stage in stages]),
        ("validation", [percent(stage.validation) for stage in stages]),
        ("zero weights", [percent(stage.sparsity) for stage in stages]),
        ("size", [octets(stage.bytes) for stage in stages]),
    ]
    columns = columns[:2] + [column for column in columns[2:] if set(column[1]) != {DASH}]
    while len(columns) > 2 and sum(2 + max(map(len, (head, *cells))) for head, cells in columns) - 2 > width:
        columns.pop()
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    return _columns([head for head, _ in columns], rows, width, words=1)


def _comparison_rows(run: Json) -> list[tuple[str, str]]:
    sentence = facts.difference(run).sentence
    return [("Board against TFLM", sentence)] if sentence else []


def _work_rows(work: float | int | None, unit: str, emulated: bool | None) -> list[tuple[str, str]]:
    if work is None:
        return []
    return [(unit.capitalize(), f"{count(work)} per inference{', emulated' if emulated else ''}")]


def _front_end_rows(source: Json, *, predicted: bool = False) -> list[tuple[str, str]]:
    sentence = facts.front_end_sentence(source)
    return [("Front end", sentence + (", predicted" if predicted else ""))] if sentence else []


def _memory_rows(source: Json, *, predicted: bool = False) -> list[tuple[str, str]]:
    """Flash and RAM by part, and what is missing on the board where the object says so."""
    rows = []
    for memory in facts.memories(source):
        rows.append((memory.name, facts.parts_sentence(memory) + (", predicted" if predicted else "")))
        apart = next((part.bytes for part in memory.parts if not part.model), None)
        if apart is not None:
            rows.append(("", f"firmware apart: {octets(apart)}"))
        key = memory.name.lower()
        size = number(mapping(source.get(key)).get("available"))
        missing = number(mapping(source.get("missing")).get(key))
        if size is not None:
            lacking = f"; {octets(missing)} MISSING" if missing else ""
            rows.append(("", f"the board has {octets(size)}{lacking}"))
    return rows


def _heading(source: Json) -> list[str]:
    names = [text(source.get(key)) for key in ("model", "board", "target", "engine")]
    return [" · ".join(name for name in names if name)] if any(names) else []


def _spread(validate: Json) -> str:
    counts = mapping(validate.get("instructions")) or mapping(validate.get("ticks"))
    low, high = number(counts.get("min")), number(counts.get("max"))
    return f" ({count(low)} to {count(high)})" if low is not None and high is not None and low != high else ""


def _divergence_lines(source: Json, width: int) -> list[str]:
    where = facts.divergence(source.get("first_divergent_layer"))
    return _wrapped("First to diverge", where, width) if where else []


def _verdict_lines(run: Json, width: int, colour: bool) -> list[str]:
    passed, reasons = facts.verdict(run)
    if passed is None:
        return ["Not judged: no acceptance limits."] if not reasons else _bullets(reasons, width)
    word, paint = ("PASSED", GREEN) if passed else ("NOT PASSED", RED)
    return [f"\033[1;{paint}m{word}\033[0m" if colour else word, *_bullets(reasons, width)]


def _bullets(lines: Sequence[str], width: int) -> list[str]:
    return [
        part for line in lines for part in textwrap.wrap(line, width, initial_indent="  - ", subsequent_indent="    ")
    ]


def _bounded(width: int) -> int:
    return min(max(width, 60), 120)


def _wrapped(label: str, value: str, width: int) -> list[str]:
    """One labelled line; what does not fit goes on under the value. A path or hash is never broken."""
    lines = textwrap.wrap(value, width - LABEL, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{label if not i else '':<{LABEL}}{line}" for i, line in enumerate(lines)]


def _block(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    return [line for label, value in rows for line in _wrapped(label, value, width)]


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, words: int) -> list[str]:
    """A table; the first `words` columns are words, the others figures at the right. Too wide: words are cut."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    over = sum(widths) + 2 * (len(widths) - 1) - width
    for i in sorted(range(words), key=lambda i: -widths[i]):
        cut = min(max(over, 0), max(widths[i] - 10, 0))
        widths[i] -= cut
        over -= cut
    lines = []
    for row in (head, *rows):
        cells = [f"{_cut(cell, w):<{w}}" for cell, w in zip(row[:words], widths[:words], strict=True)]
        cells += [f"{cell:>{w}}" for cell, w in zip(row[words:], widths[words:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"


def _page(*blocks: Sequence[str]) -> str:
    """Blocks of lines with an empty line between them; empty blocks are left out."""
    return "\n\n".join("\n".join(block) for block in blocks if block)
