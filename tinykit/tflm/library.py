"""TFLM on bare metal: the static library and headers in the folder that TINYKIT_TFLM_DIR names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tinykit.errors import ToolMissing

VARIABLE = "TINYKIT_TFLM_DIR"
LIBRARY = "libtensorflow-microlite.a"
_DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
_HEADER_FOLDERS = (
    ".",
    "include",
    *(f"{top}/{part}" for top in ("third_party", _DOWNLOADS) for part in ("flatbuffers/include", "gemmlowp", "ruy")),
)
_NEEDED = ("tensorflow/lite/micro/micro_interpreter.h", "flatbuffers/flatbuffers.h")
_CMSIS_NN = b"arm_convolve_wrapper_s8"
_MESSAGES = b"_Z11MicroPrintfPKcz"


@dataclass(frozen=True)
class TflmLibrary:
    """TFLM, built.

    Attributes: `file` the archive; `includes` folders for its headers, relative to `folder`; `defines` that code
    which includes its headers needs.
    """

    folder: Path
    file: Path
    includes: tuple[str, ...]
    defines: tuple[str, ...]


def find_library() -> TflmLibrary:
    """The library that TINYKIT_TFLM_DIR names.

    Raises: ToolMissing where the variable is not set, or its folder holds no library or no headers.
    """
    named = os.environ.get(VARIABLE)
    how = f"Build TFLM with its own makefile, and name the folder of {LIBRARY} and the headers with {VARIABLE}"
    if not named:
        raise ToolMissing(
            "on bare metal the tflm engine needs TFLM's static library",
            expected=f"the environment variable {VARIABLE}",
            next_step=how,
            page="tflm-missing",
        )
    folder = Path(named).resolve()
    file = folder / LIBRARY
    includes = tuple(i for i in _HEADER_FOLDERS if (folder / i).is_dir())
    missing = [n for n in _NEEDED if not any((folder / i / n).is_file() for i in includes)]
    if not file.is_file() or missing:
        raise ToolMissing(
            f"{VARIABLE}={named} does not hold TFLM",
            expected=f"{LIBRARY}, and headers of TFLM and flatbuffers there or in include/",
            found=f"no {missing[0] if file.is_file() else LIBRARY}",
            next_step=how,
            page="tflm-missing",
        )
    return TflmLibrary(folder, file, includes, _defines(file.read_bytes()))


def _defines(archive: bytes) -> tuple[str, ...]:
    """What TFLM's headers want defined as it was when the library was built, told by the symbols in it."""
    defines = ["NDEBUG"]
    if _CMSIS_NN in archive:
        defines.append("CMSIS_NN")  # declares the int8 registrations
    if _MESSAGES not in archive:
        defines.append("TF_LITE_STRIP_ERROR_STRINGS")
    return tuple(defines)
