"""Folders of images: PNG, JPEG, PGM, PPM, BMP, brought to one size; one folder a class."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tinykit.data.collected import Collected
from tinykit.data.folders import Entry, list_folder
from tinykit.data.spool import Spool, together
from tinykit.errors import DataError, ToolMissing
from tinykit.recipe import Data

ENDINGS = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".bmp")
_FORMATS = ("PNG", "JPEG", "PPM", "BMP")
"""What a file may really be, whatever its name: Pillow would start other programs for some formats."""

_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip
"""EXIF 2.3's tag of how the camera was held, and what turns each picture upright."""


def read_images(data: Data, folder: Path | None = None) -> Collected:
    """Samples (n, height, width, 1 or 3), values 0 to 255 in uint8; those of a large set are kept in `folder`.

    Images are resized bilinearly, shrunk ones over all their pixels (Pillow's BILINEAR); grey is ITU-R 601's luma.
    Raises: DataError for a file that is no whole image; ToolMissing without Pillow.
    """
    assert data.folder is not None
    pillow, listing = _pillow(), list_folder(data, ENDINGS)
    spools = {known: Spool(folder and folder / f"{name}.bin", data.memory, data.folder.name)
              for known, name in ((True, "labelled"), (False, "unlabelled"))}  # fmt: skip
    for entry in listing.entries:
        spools[entry.label >= 0].add(_pixels(pillow, entry.path, data))
    return from_entries(listing.entries, spools, data, listing.classes)


def from_entries(
    entries: tuple[Entry, ...] | list[Entry], spools: dict[bool, Spool], data: Data, classes: tuple[str, ...]
) -> Collected:
    """The set of samples that lie in spools (labelled: True), one for each entry, in order."""
    assert data.folder is not None
    x, extra = together(spools[True], spools[False])
    known, unknown = ([e for e in entries if (e.label >= 0) == whether] for whether in (True, False))
    grouped = any(entry.group for entry in entries)
    cut = any(entry.part >= 0 for entry in entries)
    return Collected(
        x,
        np.array([entry.label for entry in known], np.int64),
        data.folder.name,
        extra if len(extra) else None,
        np.array([entry.group for entry in known], np.str_) if grouped else None,
        np.array([entry.group for entry in unknown], np.str_) if grouped else None,
        np.array([entry.part for entry in known]) if cut else None,
        classes,
    )


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ToolMissing(
            "folders of images need Pillow", next_step='Install it with: pip install "tinykit[train]"'
        ) from error


def _pixels(pillow: Any, path: Path, data: Data) -> np.ndarray:
    """One image, (height, width, channels) uint8, turned as its camera says (EXIF's orientation)."""
    height, width = data.size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(path, formats=_FORMATS) as image:
                pixels = _upright(pillow, image).convert("L" if data.color == "grey" else "RGB")
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise DataError(
            f"{path.parent.name}/{path.name} is no image that can be read",
            expected="a whole PNG, JPEG, PGM, PPM or BMP file",
            found=(str(error).splitlines() or [type(error).__name__])[0],
            next_step="Repair or remove it",
            page="bad-data",
        ) from error
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), pillow.Resampling.BILINEAR)
    return np.asarray(pixels, np.uint8).reshape(height, width, -1)


def _upright(pillow: Any, image: Any) -> Any:
    """Pillow's own exif_transpose does the same, but fails on damaged EXIF of no matter here."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION))
    return image if turn is None else image.transpose(pillow.Transpose[turn])
