"""Class names that TFLite's metadata tools append to a model: a text file in a zip archive behind the flatbuffer."""

from __future__ import annotations

import io
import zipfile

from tinykit.files import DAMAGED_ARCHIVE

LARGEST = 1 << 16
"""Bytes of a label file that are read; longer ones are not class names."""


def read_labels(data: bytes, classes: int) -> tuple[str, ...]:
    """The labels in the file, or () where there are none or not one for each of `classes`."""
    if b"PK\x05\x06" not in data[-65_557:]:
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [f for f in archive.infolist()[:64] if _is_label_file(f)]
            if not files:
                return ()
            with archive.open(files[0]) as file:
                lines = file.read(LARGEST).decode("utf-8").splitlines()
    except DAMAGED_ARCHIVE:
        return ()
    labels = tuple(line.strip() for line in lines if line.strip())
    return labels if len(labels) == classes else ()


def _is_label_file(file: zipfile.ZipInfo) -> bool:
    name = file.filename.lower()
    plain = file.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return plain and "label" in name and name.endswith(".txt")
