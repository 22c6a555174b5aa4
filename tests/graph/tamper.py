"""Sound models made unsound, one field at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema


def tampered(model: bytes, change: Callable[[Any], None]) -> bytes:
    """The model with `change` applied to its object form (schema.ModelT)."""
    record = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    change(record)
    builder = flatbuffers.Builder(1024)
    builder.Finish(record.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
