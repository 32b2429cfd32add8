"""Read request bodies. In all operations, missing structure is refused with 400."""

import re
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl

import orjson

from iletimerkezi_async.sandbox.codes import Refusal

__all__ = [
    "MOST_ROWS",
    "Json",
    "is_empty",
    "parse_json",
    "parse_query",
    "read_object",
    "read_page",
    "read_rows",
    "read_whole",
]

Json: TypeAlias = dict[str, Any]

MOST_ROWS: Final = 1000
"""The default and the maximum of ``rowCount``, from the provider's get-report page."""

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


def parse_json(body: bytes) -> Json:
    """Return the object inside ``{"request": ...}``.

    Raises:
        Refusal: 400, when the body is not such JSON.
    """
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, detail="not JSON") from None
    if not isinstance(document, dict):
        raise Refusal(400, detail="no JSON object")
    return read_object(cast("Json", document), "request")


def parse_query(query: bytes) -> Json:
    """Parse an order in a query string into the objects of a body; numbers are separated by commas.

    Raises:
        Refusal: 400, when it is not UTF-8.
    """
    try:
        fields: Json = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise Refusal(400) from None
    # The service spells it so.
    numbers = [number for number in map(str.strip, fields.get("receipents", "").split(",")) if number]
    message = {"text": fields.get("text"), "receipents": {"number": numbers}}
    return {"authentication": fields, "order": {**fields, "message": message}}


def read_object(parent: Json, name: str) -> Json:
    """Return the object of that name.

    Raises:
        Refusal: 400, when it is absent or something else.
    """
    value = parent.get(name)
    if not isinstance(value, dict):
        raise Refusal(400, detail=f"no object {name}")
    return cast("Json", value)


def is_empty(value: object) -> bool:
    """Tell whether a value is one of the forms in which clients write an empty value."""
    return value is None or value in ("", [], {})


def read_whole(value: object, default: int) -> int:
    """Read a whole number, as an integer or as a string of digits; absent, null and empty mean the default.

    Raises:
        Refusal: 400, when it is anything else.
    """
    if value is None or value == "":
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise Refusal(400)


def read_page(container: Json) -> int:
    """Read ``page``, 1 when absent.

    Raises:
        Refusal: 464 below 1, 400 when it is not a number.
    """
    page = read_whole(container.get("page"), 1)
    if page < 1:
        raise Refusal(464)
    return page


def read_rows(container: Json) -> int:
    """Read ``rowCount``, the maximum when absent or above it.

    Raises:
        Refusal: 400 below 1 or when it is not a number. The documents name no code for that.
    """
    rows = read_whole(container.get("rowCount"), MOST_ROWS)
    if rows < 1:
        raise Refusal(400)
    return min(rows, MOST_ROWS)
