"""What the sources that serve a model over a serial port need to know of it, in every ecosystem."""

from __future__ import annotations

from typing import Any

from tinykit.firmware.program import Program

SHARED = ("protocol.c", "protocol.h", "serve.c.j2", "serve.h")
"""Sources in firmware_templates/baremetal/ that serve a model in every ecosystem too."""

_NAME_BYTES = 63
"""Of the model's name in the hello, which has to fit one frame with the other texts."""


def serving_values(what: Program) -> dict[str, Any]:
    """Values of the templates that serve the model, the same on every board and in every ecosystem."""
    face = what.interface
    return {
        "model": face,
        "engine": what.engine,
        "serve_header": "serve.h",
        "steps": what.steps,
        "arena": f"{face.arena_bytes}u" if what.engine == "aot" else f"{face.name}_arena_used()",
        "sha256_rows": _sha256_rows(face.sha256),
        "text_name": face.name[:_NAME_BYTES],
        "model_sources": [name for name in what.sources if name.endswith((".c", ".cpp"))],
    }


def _sha256_rows(digest: str) -> list[str]:
    """The digest as C array rows of eight bytes."""
    raw = bytes.fromhex(digest)
    return [", ".join(f"0x{b:02x}" for b in raw[at : at + 8]) + "," for at in range(0, len(raw), 8)]
