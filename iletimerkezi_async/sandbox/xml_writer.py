"""Writing answers in XML: one element a line and nothing around a value, as those who read by line expect it."""

import re
from typing import Any, Final, cast
from xml.sax.saxutils import escape

from iletimerkezi_async.sandbox.bodies import Json

__all__ = ["write_xml"]

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# XML 1.0 has no way to write these.
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_xml(document: Json) -> bytes:
    """Write an answer. An object's fields are elements, a list is its name repeated, and null is empty."""
    lines: list[str] = []
    for name, value in document.items():
        _write(lines, name, value)
    return (_DECLARATION + "\n".join(lines) + "\n").encode()


def _write(lines: list[str], name: str, value: Any) -> None:
    if isinstance(value, (list, tuple)):
        for entry in cast("list[Any]", value):
            _write(lines, name, entry)
    elif isinstance(value, dict):
        lines.append(f"<{name}>")
        for inner, entry in cast("Json", value).items():
            _write(lines, inner, entry)
        lines.append(f"</{name}>")
    else:
        lines.append(f"<{name}>{'' if value is None else _escape(str(value))}</{name}>")


def _escape(text: str) -> str:
    return escape(_UNWRITABLE.sub("\ufffd", text))
