"""A stage's key stands for every byte of a data folder, and large files are copied whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinykit.errors import OutputError
from tinykit.files import copy_atomic
from tinykit.pipeline.store import file_hash, plain


def test_a_folder_s_hash_is_of_names_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "a").write_bytes(b"1")
    seen = {file_hash(folder)}
    (folder / "cat" / "b").write_bytes(b"2")
    seen.add(file_hash(folder))
    (folder / "cat" / "b").rename(folder / "cat" / "c")
    seen.add(file_hash(folder))
    (folder / "cat" / "c").write_bytes(b"3")
    seen.add(file_hash(folder))
    assert len(seen) == 4 and plain(folder) in seen
    folder.rename(tmp_path / "moved")
    assert file_hash(tmp_path / "moved") in seen and file_hash(folder) == "absent"


def test_copies_are_whole(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 5000)
    assert copy_atomic(source, tmp_path / "copy").read_bytes() == source.read_bytes()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        copy_atomic(source, tmp_path / "folder")
    with pytest.raises(OutputError):
        copy_atomic(tmp_path / "absent", tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "folder", "source"]
