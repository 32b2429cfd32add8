"""The notations of the wire. What is asked and answered is the same in all of them."""

from collections.abc import Callable
from typing import Final

import attrs
import orjson

from iletimerkezi_async.sandbox.bodies import Json, parse_json, parse_query
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.xml_reader import parse_xml
from iletimerkezi_async.sandbox.xml_writer import write_xml

__all__ = ["JSON", "QUERY", "XML", "Notation"]


@attrs.frozen
class Notation:
    """A way to write requests and answers down.

    Attributes:
        content_type: Of the answers.
        parse: Reads what is inside a request; raises a ``Refusal`` (400).
        write: Writes an answer.
        adapt: Makes a style fit.
    """

    content_type: str
    parse: Callable[[bytes], Json]
    write: Callable[[Json], bytes]
    adapt: Callable[[Style], Style]


JSON: Final = Notation("application/json", parse_json, orjson.dumps, lambda style: style)
XML: Final = Notation("text/xml; charset=utf-8", parse_xml, write_xml, Style.in_xml)
QUERY: Final = Notation(XML.content_type, parse_query, write_xml, Style.in_xml)
