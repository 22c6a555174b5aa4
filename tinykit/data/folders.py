"""Files in folders, one folder a class; a folder named "unlabelled" joins the pool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tinykit.data.collected import PARTS
from tinykit.errors import DataError
from tinykit.recipe import Data

UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Entry:
    """A file, the place of its class in the classes (-1: none), its group ("" where groups are not asked for) and the
    place in PARTS of the part that it lies in (-1: to be split)."""

    path: Path
    label: int
    group: str
    part: int


@dataclass(frozen=True)
class Listing:
    """What a data folder holds: its files in order of their names, and the classes."""

    entries: tuple[Entry, ...]
    classes: tuple[str, ...]


def list_folder(data: Data, endings: tuple[str, ...]) -> Listing:
    """The files under [data] folder: CLASS/FILE, or train/CLASS/FILE and test/CLASS/FILE (validation/ may be there).

    Hidden files are passed over.
    Raises: DataError for a folder without classes, a class without files, a file of another ending, or one whose name
    has no group.
    """
    assert data.folder is not None
    root = data.folder
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", expected="a folder with one folder a class", page="bad-data")
    top = _folders(root)
    cut = {"train", "test"} <= {folder.name for folder in top}
    halves = [(PARTS.index(f.name), f) for f in top if f.name in PARTS] if cut else [(-1, root)]
    loose = [f for f in top if cut and f.name not in (*PARTS, UNLABELLED)]
    if loose:
        raise DataError(f"{root.name} holds train and test, and {loose[0].name} beside them", page="bad-data")
    named = {folder.name for _, half in halves for folder in _folders(half)} - {UNLABELLED}
    classes = data.classes or tuple(sorted(named))
    strange = sorted(named - set(classes))
    if not named or strange:
        raise DataError(
            f"{root.name} has the folder {strange[0]!r}, which is no class"
            if strange
            else f"{root.name} has no classes",
            expected=f"{', '.join(classes)} or {UNLABELLED}" if strange else "one folder a class",
            page="bad-data",
        )
    entries: list[Entry] = []
    for part, half in halves:
        for label, name in enumerate(classes):
            entries += _entries(half / name, label, part, data, endings)
    extra = root / UNLABELLED
    if extra.is_dir():
        entries += _entries(extra, -1, -1, data, endings)
    return Listing(tuple(entries), classes)


def _entries(folder: Path, label: int, part: int, data: Data, endings: tuple[str, ...]) -> list[Entry]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    if not paths:
        raise DataError(
            f"the folder {folder.name!r} in {folder.parent.name} has no files"
            if folder.is_dir()
            else f"{folder.parent.name} has no folder {folder.name!r}",
            expected=f"{', '.join(endings)} files of this class",
            page="bad-data",
        )
    wrong = next((path for path in paths if path.suffix.lower() not in endings), None)
    if wrong is not None:
        raise DataError(
            f"{folder.name}/{wrong.name} is no file of this kind",
            expected=", ".join(endings),
            next_step="Take it out of the data folder",
            page="bad-data",
        )
    return [Entry(path, label, _group(path, data), part) for path in paths]


def _group(path: Path, data: Data) -> str:
    if data.group is None:
        return ""
    try:
        pattern = re.compile(data.group)
    except re.error as error:
        raise DataError("[data] group is no regular expression", found=str(error)) from error
    if pattern.groups != 1:
        raise DataError(
            "[data] group must mark the group in a file's name with one pair of parentheses",
            expected="such as '^([a-z]+)_'",
            found=data.group,
        )
    match = pattern.search(path.name)
    if match is None or not match[1]:
        raise DataError(f"the name {path.name!r} has no group", expected=f"one that {data.group!r} finds")
    return match[1]


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
