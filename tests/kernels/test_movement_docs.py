"""The page about moving operators names each of them."""

from __future__ import annotations

from pathlib import Path

from tinykit.kernels.movement import OPERATORS

PAGE = Path(__file__).parents[2] / "docs" / "movement.md"


def test_every_operator_is_in_the_table() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = {name.strip() for row in rows for name in row.split(",")}
    assert set(OPERATORS) <= named
