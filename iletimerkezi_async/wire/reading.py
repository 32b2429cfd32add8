"""Readers of values whose types vary in answers: integers or strings; a list, a single value or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TypeAlias, TypeVar, cast

from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.numbers import clean_number

# Digits of an amount, before or after the point: more than any account has.
_MOST_DIGITS = 30
_WITH_COMMA = r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]+"
_WITH_THOUSANDS = r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+"
_DAY_FIRST = r"^([0-9]{2})/([0-9]{2})/([0-9]{4})"

T = TypeVar("T")
Json: TypeAlias = Mapping[str, object]


class UnreadableError(ValueError):
    """A part of an answer is not as documented. It never reaches a caller."""


def read_object(value: object) -> Json:
    """Read an object.

    Raises:
        UnreadableError: It is something else.
    """
    if isinstance(value, dict):
        return cast("Json", value)
    raise UnreadableError("an object is missing")


def read_items(value: object) -> list[object]:
    """Read a repeated element: a list, a single value, or one of the empty values."""
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if is_empty(value) else [value]


def is_empty(value: object) -> bool:
    """Whether a value is one of the empty values that the service writes."""
    return value is None or value in ("", [], {})


def read_container(value: object) -> Json:
    """Read an object, for which the service writes an empty value if it has no fields.

    Raises:
        UnreadableError: It is something else.
    """
    return {} if is_empty(value) else read_object(value)


def needed(value: T | None, what: str) -> T:
    """Give a value that an answer must have.

    Raises:
        UnreadableError: It is missing or unreadable.
    """
    if value is None:
        raise UnreadableError(f"{what} is missing")
    return value


def read_int(value: object) -> int | None:
    """Read a whole number, an integer or its digits; `None` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # The service's ids have up to ten digits; a number of more than 64 bits is not an id.
    if isinstance(value, str) and len(value) <= 20 and value.strip().isdecimal() and value.isascii():  # noqa: PLR2004
        return int(value)
    return None


def read_id(value: object) -> int:
    """Read the id of an order or a message.

    Raises:
        UnreadableError: It is not a whole number of at least 1.
    """
    id = read_int(value)
    if id is None or id <= 0:
        raise UnreadableError("an id is missing")
    return id


def read_decimal(value: object) -> Decimal | None:
    """Read an amount: a number, or its digits with a decimal point or, as in Turkish, a comma.

    If it has both, the last one is the decimal mark, and the other separates thousands. `None` for anything else.
    """
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = Decimal(_with_point(str(value).strip()))
        except InvalidOperation:
            number = Decimal("NaN")
        # Written out, a larger exponent would fill the memory.
        if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS:
            return number
    return None


def _with_point(digits: str) -> str:
    """Write an amount with a decimal point, and without marks between thousands."""
    if re.fullmatch(_WITH_COMMA, digits):
        return digits.replace(".", "").replace(",", ".")
    return digits.replace(",", "") if re.fullmatch(_WITH_THOUSANDS, digits) else digits


def read_time(value: object) -> datetime | None:
    """Read a time; it is Turkish time unless it has an offset. `None` for anything else."""
    if isinstance(value, str):
        # `send-sms` writes the day first.
        written = re.sub(_DAY_FIRST, r"\3-\2-\1", value.strip())
        try:
            time = datetime.fromisoformat(written)
            return time.replace(tzinfo=TURKISH_TIME) if time.tzinfo is None else time.astimezone(TURKISH_TIME)
        except (ValueError, OverflowError):
            pass
    return None


def read_string(value: object) -> str | None:
    """Read text, which may come as a number if it has only digits; `None` for anything else."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def read_number(value: object) -> str:
    """Read a phone number as E.164; any other text stays as it is, so that no row is lost.

    Raises:
        UnreadableError: It is neither text nor a whole number.
    """
    written = needed(read_string(value), "a number")
    number = clean_number(value)
    # The form of foreign numbers in answers is not documented: without a plus no country code is assumed.
    is_abroad = written.startswith("00") and not (number or "").startswith("+90")
    return written if is_abroad or number is None else number
