"""Class names that TFLite's metadata tools append to a model: a text file in a zip archive behind the flatbuffer."""

from __future__ import annotations

import io
import zipfile

LARGEST = 1 << 16
"""Bytes of a label file that are read; longer ones are not class names."""


def read_labels(data: bytes, classes: int) -> tuple[str, ...]:
    """The labels in the file, or () where there are none or not one for each of `classes`."""
    if b"PK\x05\x06" not in data[-65_557:]:
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [n for n in archive.namelist()[:64] if "label" in n.lower() and n.endswith(".txt")]
            if not names:
                return ()
            with archive.open(names[0]) as file:
                lines = file.read(LARGEST).decode("utf-8").splitlines()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return ()
    labels = tuple(line.strip() for line in lines if line.strip())
    return labels if len(labels) == classes else ()
