"""Writing: all or nothing, inside the folder, with our errors."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from tinykit.errors import DiskFull, OutputError
from tinykit.files import copy_atomic, folder_atomic, inside, write_atomic


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = write_atomic(tmp_path / "a.c", "old")
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(DiskFull, match="no space left"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.c"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    source = write_atomic(tmp_path / "a.c", "old")
    monkeypatch.setattr(shutil, "copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        copy_atomic(source, tmp_path / "b.c")
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(source, "new")
    assert source.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.c"]


def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with folder_atomic(target) as folder:
        (folder / "a").write_text("1")
    with pytest.raises(KeyError), folder_atomic(target) as folder:
        (folder / "b").write_text("2")
        raise KeyError
    assert [p.name for p in target.iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_in_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), folder_atomic(tmp_path / "out"):
        full_disk()
    assert list(tmp_path.iterdir()) == []


def test_errors_about_other_files_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), folder_atomic(tmp_path / "out" / "inner"):
        Path("/nowhere/at/all").read_text()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_names_stay_inside(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="outside"):
        inside(tmp_path, name)


def test_a_folder_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError), folder_atomic(tmp_path / "file" / "out"):
        pass
