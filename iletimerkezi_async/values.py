"""Values of rows as text, for `fill_template` and for the command.

A value is written as the author of the list sees it. If that is not certain, it is refused.
"""

from __future__ import annotations

import operator
import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from math import isfinite
from typing import SupportsFloat, SupportsIndex, cast

from .models import TURKISH_TIME
from .text import read_text


class Flaw(str):
    """The reason why a value has no text, in words that show no part of it."""

    __slots__ = ()


class Unshown(str):
    """The content of a cell that the spreadsheet displays differently.

    It can be read as a phone number, but not as a text.
    """

    __slots__ = ()


# White space and invisible marks: the padding of fixed-width columns, and characters copied by accident.
_PADDING = (
    "\0\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\N{NO-BREAK SPACE}\N{OGHAM SPACE MARK}\N{IDEOGRAPHIC SPACE}\ufeff"
    + "".join(map(chr, range(0x2000, 0x2010)))
    + "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069"
)
# Words for a missing value. Nil and Na are not among them, as they are people's names.
_NOTHING = frozenset(
    form(word)
    for word in ("null", "none", "nan", "n/a", "undefined", "-nan", "inf", "-inf")
    for form in (str, str.upper, str.capitalize)
) | {
    "NaN", "-NaN", "NaT", "NA", "\\N", "Infinity", "-Infinity", "1.#QNAN", "-1.#IND",
    *(f"{begin}{word}{end}" for begin, end in ("<>", "()", "[]", "{}")
      for word in ("NULL", "null", "Null", "NA", "na", "None", "none", "nil", "NaN", "nan", "NaT", "missing", "empty",
                   "blank", "Blank", "boş", "Boş")),
}  # fmt: skip
# Errors that spreadsheets show, in English and in Turkish.
_ERRORS = frozenset({
    "#N/A", "#NA", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!",
    "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#GETTING_DATA", "#ERROR!",
    "#YOK", "#DEĞER!", "#BAŞV!", "#SAYI/0!", "#BÖL/0!", "#SAYI!", "#AD?", "#BOŞ!", "#TAŞMA!", "#HESAPLA!", "#ALAN!",
    "#HATA!",
})  # fmt: skip
_TOO_NARROW = "#{3,}"
_OF_CALC = r"Err:[0-9]{3}"
# A formula whose result is a text or a number, as spreadsheets write it into a CSV.
_WRAPPED = r'(?s)="((?:[^"]|"")*)"|=([+-]?[0-9]+(?:[.,][0-9]+)?)'
_FORMULA = r"=[+-]?[$A-Za-zÇĞİÖŞÜçğıöşü0-9(\"'{]"
# Spreadsheets put an apostrophe before a text, and programs before a text that would be a formula.
_APOSTROPHE = r"'([^']+)"
_SHORTENED = r"-?[0-9](?:[.,][0-9]+)?E\+[0-9]{2,3}"

_NO_VALUE = Flaw("there is no value")
_ERROR = Flaw("there is a spreadsheet error")
_NO_RESULT = Flaw("there is a formula without its result")
_SHORT = Flaw("a spreadsheet has shortened a number (E+)")
_OTHERWISE = Flaw("there is a value with an unsupported cell format")
_TOO_LONG = Flaw("there is a number with more digits than its type holds")
_TOO_SMALL = Flaw("there is a number too close to 0 to be written out")

# A float has 15 exact decimal digits; the digits after them are its binary tail. NumPy's 32-bit float has 7.
_DIGITS = 15
_DIGITS_OF_HALF = 7
_EXACT = 2**53
# Characters that spreadsheets display of a number without a format, besides its sign.
_ROOM = 11
_MONEY = 2
_LONGEST = 100


def read_value(value: object, *, comma: bool = True) -> str | Flaw:
    """Write a value as text for readers.

    Text stays as it is, without padding and the marks of spreadsheets around it. Numbers have no binary tail and no
    more decimals than a spreadsheet displays; a day is 31.12.2026, a time 09:05, a duration 30:00; a time with a zone
    is written in Turkish time.

    Args:
        value: The value.
        comma: Whether numbers have a decimal comma.

    Returns:
        Its text; or the reason why it has none.
    """
    if type(value) is str:
        return _read_text(value)
    if type(value) is Unshown:
        return _OTHERWISE
    try:
        text = read_text(value)
        shown = _write(value, comma=comma) if text is None else _read_text(text)
    except Exception:  # noqa: BLE001 - any object may come, and raise anything; a date of NumPy claims to be a number
        shown = None
    return Flaw(f"a value of type {type(value).__name__} has no text form") if shown is None else shown


def _read_text(text: str) -> str | Flaw:
    text = text.strip(_PADDING)
    first = text[:1]
    if first == "'" and (marked := re.fullmatch(_APOSTROPHE, text)):
        text = marked[1].strip(_PADDING)
        first = "" if marked[1][0] == "=" else text[:1]
    if first == "=":
        if wrapped := re.fullmatch(_WRAPPED, text):
            text = (wrapped[2] or wrapped[1].replace('""', '"')).strip(_PADDING)
        elif re.match(_FORMULA, text):
            return _NO_RESULT
    if text in _NOTHING:
        return _NO_VALUE
    if (first == "#" and (text in _ERRORS or re.fullmatch(_TOO_NARROW, text))) or (
        first == "E" and re.fullmatch(_OF_CALC, text)
    ):
        return _ERROR
    return _SHORT if "E+" in text and re.fullmatch(_SHORTENED, text) else text


def _write(value: object, *, comma: bool) -> str | Flaw | None:
    """The text for a value of another type; `None` if it would mean nothing to a reader."""
    plain = getattr(value, "as_py", None)
    if plain is not None:
        # A value of Arrow.
        return read_value(plain(), comma=comma)
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return _NO_VALUE
    if isinstance(value, (bool, complex)):
        return None
    if isinstance(value, (date, time)):
        return _write_moment(value)
    if isinstance(value, timedelta):
        return _write_duration(value)
    if isinstance(value, Decimal):
        return _write_decimal(value, comma=comma)
    if hasattr(type(value), "__index__"):
        return str(operator.index(cast("SupportsIndex", value)))
    if hasattr(type(value), "__float__"):
        return _write_float(value, comma=comma)
    return _write_other(value)


def _write_moment(value: date | time) -> str | Flaw | None:
    if value != value:  # noqa: PLR0124 - pandas has a date that is none
        return _NO_VALUE
    if isinstance(value, time):
        if value.tzinfo is None:
            return f"{value:%H:%M}"
        # The offset of a time zone depends on the day.
        if value.utcoffset() is None:
            return None
        return f"{datetime.combine(date(2000, 1, 2), value).astimezone(TURKISH_TIME):%H:%M}"
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(TURKISH_TIME)
    # Python's `strftime` pads years differently on each system.
    shown = f"{value.day:02}.{value.month:02}.{value.year:04}"
    has_time = isinstance(value, datetime) and (value.hour or value.minute or value.second)
    return f"{shown} {value:%H:%M}" if has_time else shown


def _write_duration(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    minutes, rest = divmod(abs(seconds), 60)
    shown = f"{minutes // 60}:{minutes % 60:02}" + (f":{rest:02}" if rest else "")
    return f"-{shown}" if seconds < 0 else shown


def _write_decimal(value: Decimal, *, comma: bool) -> str | Flaw:
    if not value.is_finite():
        return _NO_VALUE
    if abs(value.adjusted()) > _LONGEST:
        return _TOO_LONG
    has_decimals = value != value.to_integral_value()
    if has_decimals and len(value.normalize().as_tuple().digits) > _DIGITS:
        # The result of a float, or of a division.
        return write_general(value, comma=comma)
    return _with_decimal_mark(f"{value or abs(value):f}", comma=comma)


def _write_float(value: object, *, comma: bool) -> str | Flaw:
    number = float(cast("SupportsFloat", value))
    if not isfinite(number):
        return _NO_VALUE
    if abs(number) >= _EXACT:
        return _TOO_LONG
    if isinstance(value, float) and number == int(number):
        return str(int(number))
    if isinstance(value, float):
        return write_general(round_float(number), comma=comma)
    written = Decimal(str(value)) if getattr(value, "itemsize", 8) < 8 else None  # noqa: PLR2004 - bytes of a float
    if written is not None and len(written.normalize().as_tuple().digits) > _DIGITS_OF_HALF:
        return _TOO_LONG
    return write_general(round_float(number) if written is None else written, comma=comma)


def round_float(number: float) -> Decimal:
    """A finite float without its binary tail."""
    return Decimal(f"{number:.{_DIGITS}g}")


def write_general(number: Decimal, *, comma: bool) -> str | Flaw:
    """A finite number as spreadsheets display it without a format."""
    whole = f"{abs(int(number))}"
    if number == int(number):
        return f"-{whole}" if number < 0 else whole
    decimals = max(_ROOM - len(whole) - 1, _MONEY)
    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return _with_decimal_mark(f"{rounded:f}".rstrip("0").rstrip("."), comma=comma) if rounded else _TOO_SMALL


def _with_decimal_mark(written: str, *, comma: bool) -> str:
    return written.replace(".", ",") if comma else written


def _write_other(value: object) -> str | Flaw | None:
    """The object's own text, if that says more than its type."""
    kind = type(value)
    is_plain = kind.__str__ not in {object.__str__, Enum.__str__} and not any(
        hasattr(kind, name) for name in ("__iter__", "__getitem__", "__buffer__", "dtype")
    )
    return _read_text(str(value)) if is_plain and kind.__name__ != "bytes" else None
