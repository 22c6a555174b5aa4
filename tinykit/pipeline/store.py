"""Finished stages, kept by the content of what they depend on.

Each stage has a folder `stages/NAME` with its results and a `stage.json` that holds its key: a hash of its settings,
of the keys of the stages before it, of the source files that compute it and of the libraries' versions. The same key
means the same result, so the stage is not run again. A folder appears only when its stage is done, by one rename.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinykit.files import folder_atomic, sha256

_PART = 1 << 20
_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Kept:
    """A finished stage: its folder, its key, the facts it found out, how long it took, whether it ran just now."""

    name: str
    folder: Path
    key: str
    facts: dict[str, Any]
    seconds: float
    cached: bool


class Store:
    """The stages of one output folder."""

    def __init__(self, folder: Path, agree: Callable[[str, str, bool], bool] | None = None) -> None:
        """Args: agree: asked with a stage's name, its key and whether it is kept here; false runs it again."""
        self.folder = folder
        self._agree = agree

    def stage(
        self,
        name: str,
        settings: object,
        after: tuple[Kept, ...],
        code: tuple[str, ...],
        make: Callable[[Path], dict[str, Any]],
        *,
        libraries: tuple[str, ...] = (),
        outside: dict[str, str] | None = None,
    ) -> Kept:
        """The stage of this name, run only if nothing kept has the same key.

        Args:
            settings: what the recipe says of it: dataclasses, tuples, plain values.
            after: stages whose results it reads.
            code: files and folders inside the package, relative to it, that compute it.
            make: writes the results into the folder given and returns facts that JSON can hold.
            libraries: distributions whose versions matter.
            outside: hashes or versions of anything else it reads, by name.
        """
        key = sha256(
            json.dumps(
                {
                    "stage": name,
                    "settings": plain(settings),
                    "after": {stage.name: stage.key for stage in after},
                    "code": [code_hash(part) for part in code],
                    "libraries": {library: version(library) for library in libraries},
                    "outside": outside or {},
                    "python": platform.python_version_tuple()[:2],
                },
                sort_keys=True,
            ).encode()
        )
        target = self.folder / "stages" / name
        kept = _read(name, target, key)
        if self._agree is not None and not self._agree(name, key, kept is not None):
            kept = None
        if kept is not None:
            return kept
        started = time.monotonic()
        with folder_atomic(target) as folder:
            facts = make(folder)
            seconds = round(time.monotonic() - started, 2)
            record = {"key": key, "seconds": seconds, "facts": facts}
            (folder / "stage.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return Kept(name, target, key, facts, seconds, cached=False)


def _read(name: str, folder: Path, key: str) -> Kept | None:
    try:
        record = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        if record["key"] != key:
            return None
        return Kept(name, folder, key, record["facts"], record["seconds"], cached=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def plain(value: Any) -> Any:
    """`value` as JSON can hold it. A file stands for its content, so that moving it changes nothing."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Path):
        return file_hash(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of all files in a folder; "absent" where there is none.

    A missing file is its reader's to tell.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return sha256(json.dumps([(p.relative_to(path).as_posix(), file_hash(p)) for p in files]).encode())
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(_PART):
                found.update(part)
    except OSError:
        return "absent"
    return found.hexdigest()


def code_hash(part: str) -> str:
    """Hash of a source file or of all files under a folder, relative to the package."""
    return folder_hash(_PACKAGE / part)


@functools.cache
def folder_hash(path: Path) -> str:
    """`file_hash`, asked once in a process: of what does not change meanwhile."""
    return file_hash(path)


@functools.cache
def version(library: str) -> str:
    """The installed version of a distribution, "absent" where it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
