"""A front end as JSON, and in the model's own file: what its input expects travels with the model.

The description is a text file in a zip archive behind the flatbuffer, where TFLite's metadata tools keep label files;
interpreters do not look there.
"""

from __future__ import annotations

import dataclasses
import io
import json
import typing
import zipfile
from typing import Any

from tinykit.errors import ModelError, RecipeError
from tinykit.features.frontend import FrontEnd
from tinykit.features.limits import require_sound
from tinykit.features.transforms import KINDS, Transform
from tinykit.files import DAMAGED_ARCHIVE

FILE = "tinykit_features.json"
LARGEST = 1 << 18
"""Bytes of a description that are read."""

_END = b"PK\x05\x06"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def describe(front: FrontEnd) -> dict[str, Any]:
    """All of it as JSON can hold it."""
    fields = {**dataclasses.asdict(front), "version": 1}
    fields["transform"] = {"kind": front.transform.kind, **dataclasses.asdict(front.transform)}  # type: ignore[call-overload]
    return fields


def parse(described: Any) -> FrontEnd:
    """What `describe` made.

    Raises: ModelError for anything else.
    """
    try:
        fields = dict(described)
        if fields.pop("version") != 1:
            raise ValueError("another version")
        inner = dict(fields.pop("transform"))
        transform: Transform = _built(KINDS[inner.pop("kind")], inner)
        return require_sound(_built(FrontEnd, {**fields, "transform": transform}))
    except (TypeError, ValueError, KeyError, OverflowError, RecipeError) as error:
        raise ModelError(
            "the model's description of its front end is damaged",
            found=error.what if isinstance(error, RecipeError) else str(error),
            next_step="Convert the model again with tinykit run",
            page="front-end",
        ) from error


def _built(cls: type, fields: dict[str, Any]) -> Any:
    """An instance from fields whose types are checked; integers stand for floats."""
    types = typing.get_type_hints(cls)
    unknown = set(fields) - {f.name for f in dataclasses.fields(cls)}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(map(str, unknown)))}")
    return cls(**{name: _typed(name, value, types[name]) for name, value in fields.items()})


def _typed(name: str, value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name} is no list")
        return tuple(_typed(name, item, typing.get_args(kind)[0]) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if kind in (int, float, str, bool) and type(value) is not kind:
        raise TypeError(f"{name} is no {kind.__name__}")
    return value


def attach(model: bytes, front: FrontEnd) -> bytes:
    """The model's file with a front end's description behind it, and whatever files were there already."""
    content = io.BytesIO(model)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(FILE, _FIRST_DAY), json.dumps(describe(front)))
    return content.getvalue()


def attached(model: bytes) -> FrontEnd | None:
    """The front end that a model's file describes, None where it describes none.

    Raises: ModelError for a description that is damaged.
    """
    if _END not in model[-65_557:]:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            if FILE not in archive.namelist()[:64]:
                return None
            with archive.open(FILE) as file:
                text = file.read(LARGEST + 1)
    except DAMAGED_ARCHIVE:
        return None
    try:
        return parse(json.loads(text[:LARGEST]))
    except (ValueError, RecursionError) as error:
        raise ModelError("the model's description of its front end is damaged", found="no JSON") from error
