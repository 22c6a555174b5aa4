"""What docs/kernels.md shows of adding an operator is in the files that it names."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_example_of_an_operator_is_real() -> None:
    page = (REPOSITORY / "docs" / "kernels.md").read_text("utf-8")
    section = page.split("## Adding one")[1]
    shown = re.findall(r"^`([\w/.]+)`: .*?\n\n    (\S[^\n]*)$", section, re.MULTILINE | re.DOTALL)
    assert len(shown) == 4
    for path, line in shown:
        assert line in (REPOSITORY / path).read_text("utf-8"), (path, line)
