"""Folders of WAV files: PCM of 8, 16 or 24 bits, one channel, one rate; one folder a class."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinykit.data.collected import Collected
from tinykit.data.folders import Entry, list_folder
from tinykit.data.images import from_entries
from tinykit.data.spool import Spool
from tinykit.errors import DataError
from tinykit.recipe import Data


def read_sounds(data: Data, folder: Path | None = None) -> Collected:
    """Samples (n, length, 1, 1) float32 in steps of 16-bit PCM, -32768 to 32767; a large set is kept in `folder`.

    With `clip` a file is cut into clips of so many seconds, neighbours sharing `overlap` of it; one that is shorter is
    filled up with zeros, and what is left over behind the last whole clip is dropped. Clips of one file are one group,
    where [data] group does not make the groups larger.
    Raises: DataError for a file that is no such WAV, or of another rate or, without `clip`, another length.
    """
    assert data.folder is not None
    listing = list_folder(data, (".wav",))
    spools = {known: Spool(folder and folder / f"{name}.bin", data.memory, data.folder.name)
              for known, name in ((True, "labelled"), (False, "unlabelled"))}  # fmt: skip
    entries: list[Entry] = []
    length = round(data.clip * data.rate)
    first: tuple[Entry, int] | None = None
    for entry in listing.entries:
        values = read_wav(entry.path, data.rate)
        if first is None:
            first = entry, len(values)
        if not length and len(values) != first[1]:
            raise DataError(
                f"{entry.path.name} has another length than {first[0].path.name}",
                expected=f"{first[1]} samples",
                found=len(values),
                next_step="Give clip, in seconds, to cut or fill them",
                page="bad-data",
            )
        own = replace(entry, group=entry.group or (str(entry.path) if length else ""))
        for clip in cut(values, length, data.overlap):
            spools[entry.label >= 0].add(clip.reshape(-1, 1, 1))
            entries.append(own)
    return from_entries(entries, spools, data, listing.classes)


def read_wav(path: Path, rate: int) -> np.ndarray:
    """The samples of a WAV file, (n,), in steps of 16-bit PCM: 8 bits times 256, 24 bits divided by 256.

    int16 where the file has no more bits, else float32, which holds all 24.
    Raises: DataError for what is no PCM, has several channels, another rate, or ends too early.
    """
    what = f"{path.parent.name}/{path.name}"
    try:
        with wave.open(io.BytesIO(_plain(path.read_bytes())), "rb") as file:
            channels, width, found, count = file.getparams()[:4]
            raw = file.readframes(count)
    except (OSError, EOFError, wave.Error, ValueError) as error:
        raise DataError(
            f"{what} is no WAV file that can be read",
            expected="PCM of 8, 16 or 24 bits",
            found=str(error) or "a file that ends too early",
            page="bad-data",
        ) from error
    if channels != 1 or width not in _WIDTHS:
        raise DataError(
            f"{what} cannot be used",
            expected="one channel of 8, 16 or 24 bits",
            found=f"{channels} channels of {8 * width} bits",
            next_step=f"Convert it, such as with: sox {path.name} -c 1 -b 16 NEW.wav",
            page="bad-data",
        )
    if found != rate:
        raise DataError(
            f"{what} has another rate",
            expected=f"{rate} samples a second, as [data] rate says",
            found=found,
            next_step=f"Resample it, such as with: sox {path.name} -r {rate} NEW.wav; tinykit does not",
            page="bad-data",
        )
    if len(raw) != count * width or not count:
        raise DataError(
            f"{what} ends too early" if count else f"{what} is empty",
            expected=f"{count} samples" if count else "some samples",
            found=len(raw) // width,
            page="bad-data",
        )
    return _WIDTHS[width](raw)


def _plain(content: bytes) -> bytes:
    """The file with its extensible format tag made plain PCM's where that is what it means.

    Many programs write files of 24 bits so, and Python's reader knows the tag from 3.12 on. In a WAV file the chunk
    "fmt " holds the tag in its first two bytes, and at 24 the kind behind it: 1 is PCM.
    """
    at = content.find(b"fmt ", 12) + 8
    extensible = at > 8 and content[at : at + 2] == b"\xfe\xff" and content[at + 24 : at + 26] == b"\x01\x00"
    return content[:at] + b"\x01\x00" + content[at + 2 :] if extensible else content


def cut(values: np.ndarray, length: int, overlap: float) -> list[np.ndarray]:
    """Clips of `length` samples, neighbours sharing `overlap` of it; length 0: the whole."""
    if not length:
        return [values]
    if len(values) < length:
        return [np.pad(values, (0, length - len(values)))]
    step = max(1, length - round(overlap * length))
    return [values[at : at + length] for at in range(0, len(values) - length + 1, step)]


def _eight(raw: bytes) -> np.ndarray:
    return ((np.frombuffer(raw, np.uint8).astype(np.int32) - 128) * 256).astype(np.int16)


def _sixteen(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, "<i2").astype(np.int16)


def _twenty_four(raw: bytes) -> np.ndarray:
    """Three bytes each, little endian, signed."""
    low, middle, high = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32).T
    whole = low + (middle << 8) + (high << 16)
    return ((whole - ((whole >> 23) << 24)) / 256).astype(np.float32)


_WIDTHS = {1: _eight, 2: _sixteen, 3: _twenty_four}
