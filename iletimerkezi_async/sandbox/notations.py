"""The notations of requests and answers (JSON, XML, query string). The content is the same in all of them.

Public clients post XML as ``text/xml`` or ``application/xml``, with the content type of a form, or in the form field
``data``. So the content type is ignored: the body shows the format. XML answers have one element per line and no white
space around a value, as clients that read line by line expect.
"""

import re
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import parse_qs
from xml.parsers import expat
from xml.sax.saxutils import escape

import attrs
import orjson

from iletimerkezi_async.sandbox.bodies import Json, parse_json, parse_query, read_object
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.style import Style

__all__ = ["JSON", "QUERY", "XML", "Notation", "parse_xml"]

MOST_ELEMENTS: Final = 300_000
"""An order of 50,000 texts to 50,000 numbers has fewer elements."""
DEEPEST: Final = 16

_FIELD: Final = "data"
_MOST_FIELDS: Final = 16
_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = " \t\r\n"
_PART_NAME: Final = b'name="data"'
# The only element whose value keeps leading and trailing white space.
_VERBATIM: Final = "text"
# Always a list: in a consent request, one record alone would look like an object.
_ALWAYS_REPEATED: Final = "list"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# XML 1.0 cannot represent these characters.
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@attrs.frozen
class Notation:
    """A format of requests and answers.

    Attributes:
        content_type: The content type of answers.
        parse: Reads a request, and returns its content; raises a ``Refusal`` (400).
        write: Writes an answer.
        adapt: Adapts a style to the notation.
    """

    content_type: str
    parse: Callable[[bytes], Json]
    write: Callable[[Json], bytes]
    adapt: Callable[[Style], Style]


def parse_xml(body: bytes) -> Json:
    """Return the content of ``<request>``.

    An element with child elements becomes an object, a repeated element a list, any other element its text.
    Attributes, comments and processing instructions are ignored. Only UTF-8 is read.

    Raises:
        Refusal: 400, when the body is not such XML, or has a document type declaration (DTD), the source of all
            dangers of XML.
    """
    reader = _Reader()
    # The encoding is fixed, whatever the document declares.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        document = _unwrap(body)
        # The parser would detect UTF-16, where every second byte is 0, by itself. XML in UTF-8 has no 0 bytes.
        if b"\x00" in document:
            raise Refusal(400)
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError):
        raise Refusal(400, detail="not XML") from None
    return read_object(reader.document, "request")


def _refuse(*_: object) -> None:
    raise Refusal(400)


class _Reader:
    """Builds objects from the events of the parser."""

    def __init__(self) -> None:
        self.document: Json = {}
        self._open: list[Json] = [self.document]
        self._texts: list[list[str]] = [[]]
        self._elements = 0

    def start(self, _: str, __: object) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._open) > DEEPEST:
            raise Refusal(400)
        self._open.append({})
        self._texts.append([])

    def end(self, name: str) -> None:
        inner, text = self._open.pop(), "".join(self._texts.pop())
        if inner and text.strip(_BLANK):
            # The service's documents have no element with both text and child elements.
            raise Refusal(400)
        value: Any = inner or (text if name == _VERBATIM else text.strip(_BLANK))
        _put(self._open[-1], name, value)

    def text(self, data: str) -> None:
        self._texts[-1].append(data)


def _put(parent: Json, name: str, value: Any) -> None:
    if name not in parent:
        parent[name] = [value] if name == _ALWAYS_REPEATED else value
    elif isinstance(parent[name], list):
        parent[name].append(value)
    else:
        parent[name] = [parent[name], value]


def _unwrap(body: bytes) -> bytes:
    """Return the XML itself, without a byte order mark or line ends before its declaration.

    Raises:
        ValueError: The body is neither XML nor a readable form.
    """
    bare = _strip(body)
    if bare.startswith(b"<"):
        return bare
    field = _read_part(bare) if bare.startswith(b"--") else _read_field(bare)
    return _strip(field)


def _strip(body: bytes) -> bytes:
    return body.lstrip().removeprefix(_MARK).lstrip()


def _read_field(body: bytes) -> bytes:
    fields = parse_qs(body.decode("utf-8"), strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS)
    return fields.get(_FIELD, [""])[0].encode("utf-8")


def _read_part(body: bytes) -> bytes:
    """Read the field from a ``multipart/form-data`` body, which begins with its own boundary."""
    boundary, _, rest = body.partition(b"\r\n")
    for part in rest.split(b"\r\n" + boundary, _MOST_FIELDS):
        head, _, content = part.partition(b"\r\n\r\n")
        if _PART_NAME in head:
            return content
    return b""


def write_xml(document: Json) -> bytes:
    """Write an answer. Fields become elements, a list repeats its element, and null is an empty element."""
    lines: list[str] = []
    for name, value in document.items():
        _write_element(lines, name, value)
    return (_DECLARATION + "\n".join(lines) + "\n").encode()


def _write_element(lines: list[str], name: str, value: Any) -> None:
    if isinstance(value, (list, tuple)):
        for entry in cast("list[Any]", value):
            _write_element(lines, name, entry)
    elif isinstance(value, dict):
        lines.append(f"<{name}>")
        for inner, entry in cast("Json", value).items():
            _write_element(lines, inner, entry)
        lines.append(f"</{name}>")
    else:
        lines.append(f"<{name}>{'' if value is None else _escape(str(value))}</{name}>")


def _escape(text: str) -> str:
    return escape(_UNWRITABLE.sub("\ufffd", text))


JSON: Final = Notation("application/json", parse_json, orjson.dumps, lambda style: style)
XML: Final = Notation("text/xml; charset=utf-8", parse_xml, write_xml, Style.in_xml)
QUERY: Final = Notation(XML.content_type, parse_query, write_xml, Style.in_xml)
