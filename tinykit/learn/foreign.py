"""Users' own model files, .keras or .h5, from Keras 2 or Keras 3. A file is data: nothing in it is executed.

Lambda layers carry code and custom classes need code, so both are refused before any framework opens the file.
"""

from __future__ import annotations

import importlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinykit.errors import ModelError, ToolMissing
from tinykit.files import DAMAGED_ARCHIVE
from tinykit.learn.backend import keras, quiet_stderr, tensorflow

_OWN_MODULES = ("keras", "tf_keras", "tensorflow.keras", "builtins")
_MAX_CONFIG = 64 * 1024 * 1024
_UNREADABLE: tuple[type[Exception], ...] = (*DAMAGED_ARCHIVE, TypeError)
"""What a damaged .keras file, or a description that is none, makes zipfile and json say."""


@dataclass(frozen=True)
class ModelFile:
    """What a file says of itself: `major` version of the Keras that wrote it, `config` the architecture's JSON."""

    path: Path
    major: int
    config: dict[str, Any]


def load_model(path: Path) -> Any:
    """The file's model in Keras 2 (tf_keras), rebuilt layer by layer where Keras 3 wrote it.

    Raises: ModelError, ToolMissing.
    """
    described = inspect(path)
    if described.major < 3:
        return _open(keras().models, described)
    from tinykit.learn.rebuild import rebuild

    return rebuild(_open(_keras3().models, described), path)


def load_any(path: Path) -> Any:
    """The file's model in the Keras that wrote it: enough where it is only called, as for conversion.

    Raises: ModelError, ToolMissing.
    """
    described = inspect(path)
    return _open((keras() if described.major < 3 else _keras3()).models, described)


def inspect(path: Path) -> ModelFile:
    """Read a file's description without loading its model, and refuse what would run code.

    Raises: ModelError for anything that is not a whole Keras model.
    """
    if not path.is_file():
        raise ModelError(f"the model file {path} does not exist")
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"PK"):
        described = _inspect_zip(path)
    elif start == b"\x89HDF\r\n\x1a\n":
        described = _inspect_h5(path)
    else:
        raise ModelError(
            f"{path} is not a Keras model file",
            expected="a .keras file (zip) or an .h5 file (HDF5)",
            found=f"a file of {path.stat().st_size} bytes that starts with {start[:4]!r}",
        )
    # How the model was compiled is left alone: files are opened with compile=False, which drops it unread.
    _refuse_code({key: value for key, value in described.config.items() if key != "compile_config"}, path)
    return described


def _inspect_zip(path: Path) -> ModelFile:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [archive.getinfo(name) for name in ("metadata.json", "config.json")]
            if any(entry.file_size > _MAX_CONFIG for entry in entries):
                raise ModelError(f"{path} has a description of unbelievable size")
            metadata, config = (json.loads(archive.read(entry)) for entry in entries)
        return ModelFile(path, _major(metadata["keras_version"]), config)
    except _UNREADABLE as error:
        raise ModelError(f"{path} is not a whole .keras file", found=str(error)) from error


def _inspect_h5(path: Path) -> ModelFile:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise ToolMissing(
            "reading .h5 files needs h5py", next_step='Install it with: pip install "tinykit[train]"'
        ) from error
    try:
        with h5py.File(path, "r") as archive:
            raw, version = archive.attrs.get("model_config"), archive.attrs.get("keras_version", "2")
        if raw is None:
            raise ModelError(
                f"{path} holds weights only, no model",
                next_step="Save the whole model: model.save(FILE), not model.save_weights(FILE)",
            )
        return ModelFile(path, _major(_text(version)), json.loads(_text(raw)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} is not a whole .h5 file", found=str(error)) from error


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _major(version: str) -> int:
    return int(version.split(".", maxsplit=1)[0])


def _refuse_code(config: Any, path: Path) -> None:
    pending = [config]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        if not isinstance(node, dict):
            continue
        pending.extend(node.values())
        name, module = node.get("class_name"), node.get("module")
        if name is None:
            continue
        if name in ("Lambda", "__lambda__", "function"):
            raise ModelError(
                f"{path} has a Lambda layer or a function, which is code in a model file; it is not run",
                next_step="Replace it with Keras's own layers and save the model again",
            )
        known = module is None or str(module).split(".")[0] in _OWN_MODULES or module in _OWN_MODULES
        if not known or ">" in str(node.get("registered_name") or ""):
            raise ModelError(
                f"{path} has a layer of its own class {name!r}, whose code is not in the file",
                next_step="Replace it with Keras's own layers and save the model again",
            )


def _open(models: Any, described: ModelFile) -> Any:
    try:
        with quiet_stderr():
            return models.load_model(described.path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(f"{described.path} cannot be loaded", found=str(error)[:300]) from error


def _keras3() -> Any:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    tensorflow()
    try:
        module = importlib.import_module("keras")
    except ImportError as error:
        raise ToolMissing(
            "this model file was written by Keras 3, which is not installed", next_step="Run: pip install keras"
        ) from error
    if _major(module.__version__) < 3:
        raise ToolMissing(
            "this model file was written by Keras 3",
            found=f"Keras {module.__version__}",
            next_step="pip install -U keras",
        )
    return module
