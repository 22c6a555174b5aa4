"""Strings of a model in C source: a layer's name may hold anything, and none of it may become code."""

from __future__ import annotations

import re

_LONGEST = 60

KEYWORDS = frozenset(
    [
        "alignas",
        "alignof",
        "and",
        "and_eq",
        "asm",
        "auto",
        "bitand",
        "bitor",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "compl",
        "const",
        "constexpr",
        "continue",
        "decltype",
        "default",
        "delete",
        "do",
        "double",
        "dynamic_cast",
        "else",
        "enum",
        "explicit",
        "export",
        "extern",
        "false",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "mutable",
        "namespace",
        "new",
        "noexcept",
        "not",
        "not_eq",
        "nullptr",
        "operator",
        "or",
        "or_eq",
        "private",
        "protected",
        "public",
        "register",
        "reinterpret_cast",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "static_cast",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typedef",
        "typeid",
        "typename",
        "union",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "wchar_t",
        "while",
        "xor",
        "xor_eq",
        "main",
    ]
)
"""Words that C or C++ keep for themselves."""


def comment(text: str) -> str:
    """Text that is safe inside a /* comment */: printable ASCII, no comment signs, no backslash, no trigraph."""
    plain = "".join(c if " " <= c <= "~" and c not in "*\\?" else "_" for c in text)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def identifier(text: str, otherwise: str = "layer") -> str:
    """A C identifier that resembles the text."""
    plain = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", text)).strip("_")[:_LONGEST].rstrip("_")
    if not plain:
        plain = otherwise
    if plain[0].isdigit() or plain in KEYWORDS:
        plain = f"{otherwise}_{plain}"
    return plain


def string(text: str) -> str:
    """A C string literal with the text's UTF-8 bytes."""
    escaped = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8", "replace")
    )
    return f'"{escaped}"'


def unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number behind it where it is taken; it is taken afterwards."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name
