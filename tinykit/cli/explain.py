"""`tinykit explain [PAGE]`: what an error means and what to do, from the pages that come with tinykit: no network."""

from __future__ import annotations

import argparse
import re

from tinykit.cli.outcome import Outcome

_HEADING = re.compile(r"^### (.+)$", re.M)
_ANCHOR = re.compile(r'<a id="([^"]+)"></a>\n?')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this verb."""
    parser.add_argument("page", nargs="?", metavar="PAGE", help="what an error ends with; without it, all are listed")


def run(args: argparse.Namespace) -> Outcome:
    """Print a section of docs/troubleshooting.md, or the names of all.

    Raises: UsageError for an unknown name, with the nearest.
    """
    import difflib

    from tinykit.errors import UsageError

    pages = _pages()
    if not args.page:
        return Outcome({"pages": list(pages)}, "\n".join(pages))
    if args.page not in pages:
        near = difflib.get_close_matches(args.page, pages, n=1)
        hint = f"Did you mean 'tinykit explain {near[0]}'?" if near else "'tinykit explain' lists them"
        raise UsageError(f"there is no page {args.page!r}", next_step=hint)
    text = pages[args.page]
    return Outcome({"page": args.page, "text": text}, text)


def _pages() -> dict[str, str]:
    """Section by name; a section that stands for several errors has each one's name."""
    from tinykit.files import data_folder

    whole = (data_folder("docs") / "troubleshooting.md").read_text(encoding="utf-8")
    pages: dict[str, str] = {}
    starts = [*_HEADING.finditer(whole)]
    for heading, after in zip(starts, [*starts[1:], None], strict=True):
        section = whole[heading.end() : after.start() if after else len(whole)].partition("\n## ")[0]
        text = f"{heading[1]}\n\n{_ANCHOR.sub('', section).strip()}"
        for name in (heading[1], *_ANCHOR.findall(section)):
            pages[name] = text
    return pages
