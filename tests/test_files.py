"""Writing: all or nothing, inside the folder, with our errors."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinykit.errors import DiskFull, OutputError
from tinykit.files import copy_atomic, folder_atomic, inside, remove_abandoned, write_atomic


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


KILLED = """
import os, sys
from pathlib import Path
from tinykit.files import folder_atomic
with folder_atomic(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("done")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked by flock")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "teacher")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        left = Path(maker.stdout.readline().strip())
        for name in (".hidden", ".teacher.xyz", "teacher.abcdefgh"):
            (tmp_path / name).mkdir()
        (tmp_path / ".link.abcdefgh").symlink_to(tmp_path / ".hidden")
        before = set(tmp_path.iterdir())
        remove_abandoned(tmp_path)
        assert set(tmp_path.iterdir()) == before, "its maker lives"
        maker.kill()
    with folder_atomic(tmp_path / "student") as mine:
        remove_abandoned(tmp_path)
        assert mine.is_dir() and not left.exists()
    assert set(tmp_path.iterdir()) == before - {left} | {tmp_path / "student"}
    remove_abandoned(tmp_path / "absent")


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
