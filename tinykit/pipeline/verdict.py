"""Did the run keep the recipe's promises? Plain comparisons of the run's JSON with [accept]."""

from __future__ import annotations

from typing import Any

from tinykit.recipe import Accept


def verdict(run: dict[str, Any], accept: Accept) -> dict[str, Any]:
    """{"passed", "reasons"}: one reason for each limit that was broken, or could not be checked."""
    mismatched = _fact(run, "validate", "mismatched_bytes")
    reasons = [
        *_at_least("accuracy on the board", _accuracy(run, "board"), accept.min_accuracy),
        *_at_least("margin of the distilled student over its control", _margin(run), accept.min_margin),
        *_at_most_lost("pruning", _lost(run, _before_pruning(run), "pruned"), accept.max_prune_loss),
        *_at_most_lost("quantization", _lost(run, _before_int8(run), "int8"), accept.max_int8_loss),
        *_at_most(
            "output bytes that differ from TFLM",
            mismatched,
            accept.max_mismatched_bytes,
        ),
        *_at_least("part that is answered", _fact(run, "refer", "test", "coverage"), accept.min_answered),
        *_at_least(
            "accuracy of what is answered", _fact(run, "refer", "test", "accuracy"), accept.min_answered_accuracy
        ),
        *_at_most("flash of the model", _bytes(run, "flash"), accept.max_flash),
        *_at_most("RAM of the model", _bytes(run, "ram"), accept.max_ram),
    ]
    if _fact(run, "bench", "bit_exact") is False:
        reasons.append("bench: the board's bytes differ from TFLM's")
    if unlike := _fact(run, "validate", "front_end", "mismatched_bytes"):
        reasons.append(f"the board's front end made {unlike:,} bytes of input that Python's did not")
    return {"passed": not reasons, "reasons": reasons}


def _at_least(what: str, found: float | None, limit: float | None) -> list[str]:
    if limit is None:
        return []
    if found is None:
        return [f"{what}: not measured, the recipe asks for at least {limit:.1%}"]
    return [] if found >= limit - 1e-9 else [f"{what}: {found:.1%}, the recipe asks for at least {limit:.1%}"]


def _at_most_lost(what: str, found: float | None, limit: float | None) -> list[str]:
    if limit is None:
        return []
    if found is None:
        return [f"{what}: its loss was not measured, the recipe allows {limit:.1%}"]
    return [] if found <= limit + 1e-9 else [f"{what} lost {found:.1%} of test accuracy, the recipe allows {limit:.1%}"]


def _at_most(what: str, found: float | None, limit: int | None) -> list[str]:
    if limit is None:
        return []
    if found is None:
        return [f"{what}: not measured, the recipe allows {limit:,}"]
    return [] if found <= limit else [f"{what}: {found:,}, the recipe allows {limit:,}"]


def _fact(run: dict[str, Any], *path: str) -> Any:
    found: Any = run
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _bytes(run: dict[str, Any], memory: str) -> int | None:
    """What the model and its front end take."""
    model = _fact(run, "bench", memory, "total")
    return None if model is None else model + (_fact(run, "bench", "front_end", memory) or 0)


def _accuracy(run: dict[str, Any], stage: str) -> float | None:
    return next((s["accuracy"]["test"] for s in run["stages"] if s["name"] == stage), None)


def _margin(run: dict[str, Any]) -> float | None:
    return _fact(run, "distillation", "margin_mean")


def _before_pruning(run: dict[str, Any]) -> str:
    if kept := _fact(run, "distillation", "kept"):
        return str(kept)
    return next((name for name in ("distilled", "student") if _accuracy(run, name) is not None), "control")


def _before_int8(run: dict[str, Any]) -> str:
    return "pruned" if _accuracy(run, "pruned") is not None else _before_pruning(run)


def _lost(run: dict[str, Any], before: str, after: str) -> float | None:
    first, second = _accuracy(run, before), _accuracy(run, after)
    return None if first is None or second is None else first - second
