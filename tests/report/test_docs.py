"""Every anchor that an error or a page refers to exists in the troubleshooting page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text()
ANCHORS = set(re.findall(r'^#+ ([a-z-]+)$|<a id="([a-z-]+)">', TROUBLESHOOTING, re.MULTILINE))
KNOWN = {name for pair in ANCHORS for name in pair if name}


def test_every_page_that_an_error_names_exists() -> None:
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "tinykit").rglob("*.py")))
    named = set(re.findall(r'page="([^"]+)"', sources))
    assert named
    assert named <= KNOWN


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for name, anchor in re.findall(r"\]\(([a-z]*(?:\.md)?)#?([a-z-]*)\)", text):
        target = page.with_name(name) if name else page
        assert target.is_file(), name
        if anchor and target.name == "troubleshooting.md":
            assert anchor in KNOWN
