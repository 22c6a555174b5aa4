"""[data]: which keys belong to which kind, each mistake with its line and what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinykit.errors import RecipeError
from tinykit.recipe import load_recipe

REST = '[student]\nlayers = ["dense 2"]\n[board]\nname = "microbit"\n'


def read(folder: Path, *keys: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text("\n".join(["[data]", *keys, REST]))
    return path


@pytest.mark.parametrize(
    ("keys", "line", "telling"),
    [
        (('kind = "images"', 'folder = "x"'), 1, r"size must be \[height, width\]"),
        (('kind = "images"', 'folder = "x"', "size = [8]"), 4, r"size must be \[height, width\]"),
        (('kind = "images"', 'folder = "x"', "size = [8, 0]"), 4, r"size must be \[height, width\]"),
        (('kind = "images"', "size = [8, 8]"), 2, "kind 'images' needs folder"),
        (('kind = "images"', 'folder = "x"', "size = [8, 8]", "rate = 8000"), 5, "is no sound"),
        (('kind = "images"', 'folder = "x"', "size = [8, 8]", 'color = "gray"'), 5, "'grey'"),
        (('kind = "wav"', 'folder = "x"'), 2, "needs rate"),
        (('kind = "wav"', 'folder = "x"', "rate = 8000", "overlap = 0.5"), 5, "overlap needs clip"),
        (('kind = "wav"', 'folder = "x"', "rate = 8000", "size = [8, 8]"), 5, "no images to resize"),
        (('kind = "npy"', 'file = "x.npy"'), 2, "kind 'npy' needs folder"),
        (('kind = "npz"', 'file = "x.npz"', 'folder = "x"'), 2, "file or folder, one of them"),
        (('kind = "csv"', 'file = "x.csv"', 'folder = "x"'), 4, "reads no folder"),
        (('kind = "csv"', 'file = "x.csv"', 'function = "mine"'), 4, "calls no function"),
        (('kind = "python"',), 2, "kind 'python' needs file"),
        (('kind = "python"', 'file = "x.py"', 'function = "a.b"'), 4, "a name in the module"),
        (('kind = "python"', 'file = "x.py"', 'group = "g"'), 4, "the function itself says the groups"),
        (('kind = "npz"', 'file = "x.npz"', "memory = 0"), 4, "0.001 to"),
    ],
)
def test_keys_that_do_not_belong(tmp_path: Path, keys: tuple[str, ...], line: int, telling: str) -> None:
    with pytest.raises(RecipeError, match=rf"recipe.toml, line {line}: .*{telling}"):
        load_recipe(read(tmp_path, *keys))


def test_files_and_folders_are_relative_to_the_recipe(tmp_path: Path) -> None:
    data = load_recipe(read(tmp_path, 'kind = "python"', 'file = "x.py"', 'folder = "raw"', 'function = "mine"')).data
    assert (data.file, data.folder, data.function) == (tmp_path / "x.py", tmp_path / "raw", "mine")
    data = load_recipe(read(tmp_path, 'kind = "images"', 'folder = "x"', "size = [8, 6]", 'color = "grey"')).data
    assert data.size == (8, 6) and data.folder == tmp_path / "x"
