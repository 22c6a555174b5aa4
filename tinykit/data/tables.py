"""CSV files: a header, then one row a sample, or one row a moment of a series that is cut into windows."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinykit.arrays import no_file
from tinykit.errors import DataError
from tinykit.recipe import Data


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a CSV file.

    Attributes: x (rows, features) float64; labels, the words of the label column, "" where there is none; groups, the
        words of the group column or None; features, the names of x's columns.
    """

    x: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None
    features: tuple[str, ...]


def read_table(data: Data) -> Table:
    """The CSV file that [data] names.

    Raises: DataError naming the line and the column of what cannot be used.
    """
    assert data.file is not None
    what, rows = data.file.name, _rows(data.file)
    if len(rows) < 2:
        raise DataError(f"{what} has no rows", expected="a header and at least one row", page="bad-data")
    header = [name.strip() for name in rows[0][1]]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{what}, line {rows[0][0]}: the column {twice!r} is there twice", page="bad-data")
    label, group = data.label or "label", data.group
    features = data.features or tuple(name for name in header if name not in (label, group))
    for name in (label, *((group,) if group else ()), *features):
        if name not in header:
            raise DataError(
                f"{what} has no column {name!r}",
                expected=f"one of {', '.join(header)}"[:300],
                next_step=_separated_otherwise(header),
                page="bad-data",
            )
    if not features:
        raise DataError(f"{what} has no columns beside {label!r}", page="bad-data")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{what}, line {line}: wrong number of cells",
                expected=len(header),
                found=len(row),
                next_step="Cells that hold a comma need quotes, and numbers a decimal point"
                if row[len(header) :]
                else None,
                page="bad-data",
            )
    column = {name: place for place, name in enumerate(header)}
    x = [[_number(row[column[name]], f"{what}, line {line}", name) for name in features] for line, row in rows[1:]]
    words = {name: np.array([row[column[name]].strip() for _, row in rows[1:]]) for name in (label, group) if name}
    if group:
        empty = np.flatnonzero(words[group] == "")
        if empty.size:
            raise DataError(f"{what}, line {rows[1 + empty[0]][0]}: no {group!r} is given", page="bad-data")
    return Table(np.array(x), words[label], words[group] if group else None, features)


def _separated_otherwise(header: list[str]) -> str | None:
    """What to do about a header of one cell in which another separator stands."""
    other = next((mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]), None)
    return other and f"Its cells are separated by {other!r}: save it with commas, and a decimal point in numbers"


def class_names(labels: np.ndarray, data: Data, what: str) -> tuple[str, ...]:
    """The recipe's classes, or the labels themselves in order: by number where all are numbers, else by letters.

    Raises: DataError for a label that is none of the recipe's classes, or where nothing is labelled.
    """
    found = sorted({str(word) for word in labels if word})
    if not found:
        raise DataError(f"{what} has no labels", expected="a class in each row, empty where it is unknown")
    if not data.classes:
        return tuple(sorted(found, key=int) if all(word.isdecimal() for word in found) else found)
    strange = next((word for word in found if word not in data.classes), None)
    if strange is not None:
        raise DataError(
            f"{what}: labels out of range", expected=f"one of {', '.join(data.classes)}", found=strange, page="bad-data"
        )
    return data.classes


def windows(table: Table, data: Data) -> Table:
    """The series in windows: x (windows, rows, 1, features), as images `window` high and one wide.

    A window lies within rows of one label and one group. Neighbours share `overlap` of their rows. Without a group
    column each unbroken stretch of one label is a group, so that no row comes into two splits.

    Raises: DataError where no stretch is long enough.
    """
    kinds = table.labels if table.groups is None else np.char.add(np.char.add(table.groups, "\n"), table.labels)
    starts = np.flatnonzero(np.concatenate([[True], kinds[1:] != kinds[:-1]]))
    ends = np.append(starts[1:], len(kinds))
    step = max(1, data.window - round(data.overlap * data.window))
    places = [
        (first, stretch)
        for stretch, (start, end) in enumerate(zip(starts, ends, strict=True))
        for first in range(start, end - data.window + 1, step)
    ]
    if not places:
        raise DataError(
            "no stretch of rows with one label is as long as a window",
            expected=f"{data.window} rows",
            found=f"{int((ends - starts).max())} at most",
            next_step="Use a smaller window, or sort the rows by recording and time",
        )
    first = np.array([place for place, _ in places])
    stretches = np.array([str(stretch) for _, stretch in places])
    groups = stretches if table.groups is None else table.groups[first]
    x = table.x[first[:, np.newaxis] + np.arange(data.window)][:, :, np.newaxis]
    return Table(x, table.labels[first], groups, table.features)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with its line."""
    if not path.is_file():
        raise no_file(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"cannot read {path}",
            expected="comma-separated values in UTF-8",
            found=str(error).splitlines()[0],
            page="bad-data",
        ) from error


def _number(cell: str, where: str, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan if not cell.strip() else math.inf
        if value == math.inf:
            raise DataError(f"{where}: {column!r} is not a number", found=repr(cell[:40]), page="bad-data") from None
    if not math.isfinite(value):
        raise DataError(
            f"{where}: {column!r} is NaN, infinite or empty",
            found=repr(cell[:40]),
            next_step="Remove or repair this row",
            page="bad-data",
        )
    return value
