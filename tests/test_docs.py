"""The pages say what is there: links and anchors resolve, options exist, errors point at a section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tinykit.cli.main import VERBS, build_parser

PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / "examples").glob("*/README.md")),
]
TROUBLESHOOTING = REPOSITORY / "docs" / "troubleshooting.md"


def named(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, as GitHub makes them, and those that stand in it."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    made = {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_have_the_options_that_they_are_shown_with(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for verb, rest in re.findall(r"\btinykit ([a-z]+)([^\n`]*)", text):
        if verb not in VERBS:
            continue
        known = {name for action in build_parser(verb)[1]._actions for name in action.option_strings}
        used = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest.partition("#")[0]))
        assert used <= known, f"tinykit {verb}{rest}"


def test_errors_point_at_a_section() -> None:
    known = anchors(TROUBLESHOOTING)
    for source in sorted((REPOSITORY / "tinykit").rglob("*.py")):
        text = source.read_text(encoding="utf-8")
        assert set(re.findall(r'\bpage="([^"]+)"', text)) <= known, source
        assert all((REPOSITORY / page).is_file() for page in re.findall(r"docs/[a-z0-9-]+\.md", text)), source
