"""Phone numbers: all usual spellings are read, one form is written."""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from enum import Enum
from math import isnan
from typing import TYPE_CHECKING, SupportsIndex, TypeAlias, cast

from .errors import RecipientError
from .redaction import forgetful
from .text import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

Number: TypeAlias = str | int
"""A phone number as callers have it: text in any usual spelling, or an integer.

A whole float or `Decimal`, as spreadsheets and databases give, is accepted as well. See `normalize_number`.
"""

# Separators between the digits: white space, dots, slashes, brackets, dashes; and Unicode's white space, dashes and
# invisible marks of direction and width, which spreadsheets and phone books leave.
_ASCII_SEPARATORS = "\t\n\v\f\r\x1c\x1d\x1e\x1f ./()[]-"
_UNICODE_SEPARATORS = (
    "\x85\N{NO-BREAK SPACE}\N{SOFT HYPHEN}\N{ARABIC LETTER MARK}\N{OGHAM SPACE MARK}\N{MONGOLIAN VOWEL SEPARATOR}"
    + "".join(map(chr, range(0x2000, 0x2016)))  # spaces, marks of width and direction, dashes
    + "".join(map(chr, range(0x2028, 0x2030)))  # line ends, embeddings and overrides of direction
    + "".join(map(chr, range(0x205F, 0x2065)))  # joiners and invisible operators
    + "".join(map(chr, range(0x2066, 0x206A)))  # isolates of direction
    + "\N{MINUS SIGN}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
)
_ALL_SEPARATORS = _ASCII_SEPARATORS + _UNICODE_SEPARATORS
_SEPARATOR = f"[{re.escape(_ALL_SEPARATORS)}]"
# The patterns that most numbers need; those below that are plain text are compiled on first use.
_SEPARATORS = re.compile(f"{_SEPARATOR}+")
# The end of a number that was a float: a point and zeros.
_POINT = re.compile(rf"(?<=[0-9])[.,](?P<zeros>0+){_SEPARATOR}*[\"'’]?\Z")
# Only a decimal number, apart from the marks of spreadsheets.
_DECIMAL = r"=?[\"'‘’`´]?\+?[0-9]+[.,][0-9]+[\"'’´]?"
# One with few decimals is an amount or a measure; 530.1234567 is a phone number.
_AMOUNT = re.compile(r"=?[\"'‘’`´]?\+?[0-9]{3,}\.[0-9]{1,3}[\"'’´]?")
# The marks of spreadsheets around a number that is kept as text, with or without a formula: '0530…, ="0530…".
_MARKED = re.compile(r"=?[\"'‘’`´]?(?:[tT][eE][lL]:)?([+0-9]+)[\"'’´]?")
# The country code, and the 0 of domestic calls: each may be missing, and people write both. Any ten digits that begin
# with 5 match: new prefixes appear, and the service decides.
_MOBILE = re.compile(r"(?:\+?(?:00)?900?|9000|0)?(5[0-9]{9})")
# After a plus, ten digits that begin with 5 lack the country code; the service refuses the few countries with such
# numbers.
_WITHOUT_CODE = r"\+(?:5[0-9]{9}|0[0-9]*)"
# After two zeros, numbers are excluded that may be Turkish ones with a zero too many.
_FOREIGN = r"(?:\+(?!5[0-9]{9}\Z)|00(?![2-58][0-9]{9}\Z))(?!90)([1-9][0-9]{6,14})"
# A country code: one, two or three digits.
_COUNTRY = r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}"
# The 0 of domestic calls, as people write it after the country code. (Source: ITU-T E.123, which advises against it.)
_TRUNK = r"(?:\(?\+|00)([1-9][0-9]{0,2})\)?\(0\)([0-9()]+)"
_NOT_BRACKETS = rf"(?:(?![()]){_SEPARATOR})+"
# Countries whose numbers begin with a 0 that is part of them. (Source: their numbering plans, by phonenumbers.)
_KEEP_ZERO = frozenset({"39", "225", "229", "241", "242", "378", "379"})
# Countries whose domestic calls begin with another digit than 0, and the lengths of their numbers without it.
_LENGTHS = {
    "1": (10,), "7": (10,), "36": (8, 9), "52": (10,), "54": (10, 11), "370": (8,), "371": (8,), "373": (8,),
    "374": (8,), "375": (9,), "380": (9,), "692": (7,), "992": (9,), "993": (8,), "994": (9,), "995": (9,),
    "996": (9,), "998": (9,),
}  # fmt: skip
# Separators between several numbers. Without the spaces around them: the search for these would take the square of the
# time in a long run of spaces.
_SEVERAL = r":::|[,;/|&\n]"
_SHORTENED = r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,2}"
_MOBILE_DIGITS = 10
_E164_DIGITS = 15
_BEYOND = 10**_E164_DIGITS


def clean_number(value: object) -> str | None:
    """The E.164 form of a number in any spelling that `normalize_number` takes; `None` if it is not a number."""
    written = _as_text(value)
    if len(written) == _MOBILE_DIGITS and written[0] == "5" and written.isascii() and written.isdigit():
        return "+90" + written
    inner = written.strip(_ALL_SEPARATORS)
    point = _POINT.search(inner)
    if point:
        whole = _MOBILE.fullmatch(_bare(inner[: point.start()]))
        if whole:
            return "+90" + whole[1]
        # No digit may come from the decimals. But two zeros may be the end of 0530.123.45.00.
        if len(point["zeros"]) == 1 or inner[point.start()] == "," or re.fullmatch(_DECIMAL, inner):
            return None
    elif _AMOUNT.fullmatch(inner):
        return None
    compact = _bare(written)
    mobile = _MOBILE.fullmatch(compact)
    if mobile:
        return "+90" + mobile[1]
    return _clean_foreign(written, compact)


def _clean_foreign(written: str, compact: str) -> str | None:
    """The E.164 form of another country's number; `None` if a digit is not certain to be part of it."""
    foreign = re.fullmatch(_FOREIGN, compact)
    country = foreign and re.match(_COUNTRY, foreign[1])
    if foreign is None or country is None:
        return None
    code, rest = country[0], foreign[1][country.end() :]
    trunk = re.fullmatch(_TRUNK, re.sub(_NOT_BRACKETS, "", written)) if "(" in written else None
    if trunk and trunk[1] == code:
        # In Italy and elsewhere numbers begin with a 0 of their own, so the one in brackets may be that.
        rest = "0" if code in _KEEP_ZERO else rest[1:]
    is_whole = code not in _LENGTHS or len(rest) in _LENGTHS[code]
    has_zero = rest.startswith("0") and (code not in _KEEP_ZERO or rest == "0")
    return f"+{code}{rest}" if rest and is_whole and not has_zero else None


def _bare(written: str) -> str:
    """A number without separators and marks around it; all other characters stay."""
    compact = _SEPARATORS.sub("", written)
    marked = _MARKED.fullmatch(compact)
    return marked[1] if marked else compact


def _as_text(value: object) -> str:
    """A value as text; empty if it is neither text nor a whole number that could be a phone number."""
    # Not `isinstance`: some proxies claim to be text.
    if issubclass(type(value), str):
        return cast("str", value)
    if isinstance(value, bool):
        return ""
    if isinstance(value, Decimal) and not value.is_finite():
        return ""
    if isinstance(value, (float, Decimal)):
        return str(int(value)) if 0 < value < _BEYOND and value == int(value) else ""
    try:
        # Integers of other libraries as well, such as NumPy's.
        number = operator.index(cast("SupportsIndex", value))
    except TypeError:
        return _read(value)
    return str(number) if 0 < number < _BEYOND else ""


def _read(value: object) -> str:
    """The text of a lazy string, or of an object that stands for a number; empty for numbers and containers."""
    lazy = read_text(value)
    if lazy is not None:
        return lazy
    kind = type(value)
    if kind.__str__ is object.__str__ or any(hasattr(kind, name) for name in ("__float__", "__iter__", "__getitem__")):
        return ""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any object may come, and raise anything when it is read
        return ""


_COMMA = b","
# Replaces the comma before a number whose prefix was removed, so that no second prefix is removed.
_STRIPPED = b"\x00"
_PREFIXES = (b",+90", b",0090", b",90", b",0")
_AS_COMMA = bytes.maketrans(_STRIPPED, _COMMA)
_ODD = re.compile(rb",(?!5[0-9]{9}(?![^,]))[^,]*")
_DOT = "."
_NOT_DOTS = _ASCII_SEPARATORS.replace(_DOT, "").encode("ascii")
# The end of a possible decimal number: zeros after a point, or the few decimals of an amount.
_DECIMALS = re.compile(rb"(?:\.0+|(?<=,)\+?[0-9]{3,}\.[0-9]{1,3})(?=,|\Z)")
# Marks a number that must be cleaned alone.
_ODDITY = b"x"


def clean_numbers(values: Sequence[object]) -> Sequence[str | None]:
    """Do the same as `clean_number` for each value, several times as fast.

    All values are joined into one text: a few passes over its bytes remove separators and prefixes, and one check of
    lengths tells whether every number is right. Those that are not are cleaned alone. Call it with some hundred values
    at a time: unusual values slow down the others of the same call.
    """
    joined = _join(values)
    if joined.count(",") != len(values) or "\x00" in joined or not joined.isascii():
        return [clean_number(value) for value in values]
    data = joined.encode("ascii").translate(None, _NOT_DOTS)
    if _DOT in joined:
        data = _DECIMALS.sub(_ODDITY, data).replace(b".", b"")
    for prefix in _PREFIXES:
        data = data.replace(prefix, _STRIPPED)
    data = data.translate(_AS_COMMA)
    if _all_mobile(data, len(values)):
        return _international(data)
    return _clean_odd_ones(data, values)


def _clean_odd_ones(data: bytes, values: Sequence[object]) -> Sequence[str | None]:
    """The numbers of `data`; those that are not ten digits beginning with 5 are cleaned alone."""
    odd: list[int] = []

    def leave_out(match: re.Match[bytes]) -> bytes:
        odd.append(data.count(_COMMA, 0, match.start()))
        return b""

    usual = _ODD.sub(leave_out, data)
    numbers: list[str | None] = [*_international(usual)] if usual else []
    for index in odd:
        numbers.insert(index, clean_number(values[index]))
    return numbers


def _international(data: bytes) -> list[str]:
    return data.replace(_COMMA, b",+90").decode("ascii")[1:].split(",")


def _join(values: Sequence[object]) -> str:
    """All values as one text, each after a comma; in ASCII, if that is possible."""
    try:
        # Usually all are text; `join` raises if not.
        joined = "," + ",".join(cast("Sequence[str]", values))
    except TypeError:
        joined = "," + ",".join(map(_as_text, values))
    if joined.isascii():
        return joined
    for separator in _UNICODE_SEPARATORS:
        # Looking costs less than replacing, which makes a copy.
        if separator in joined:
            joined = joined.replace(separator, "")
    return joined


def _all_mobile(data: bytes, count: int) -> bool:
    """Whether the text is `count` times a comma, a five and nine digits."""
    stride = _MOBILE_DIGITS + 1
    commas = _COMMA * count
    return (
        len(data) == stride * count
        and data[::stride] == commas
        and data[1::stride] == b"5" * count
        and data.translate(None, b"0123456789") == commas
    )


@forgetful
def normalize_number(value: Number) -> str:
    """Convert a phone number to the form `+905XXXXXXXXX`.

    Spaces, dashes, dots, slashes, brackets and the marks that spreadsheets leave (invisible ones, an apostrophe in
    front, `="…"` around it, `.0` after ten digits) are ignored. The prefixes `+90`, `0090`, `90` and `0` are accepted,
    also one after another, and so are integers, floats and Decimals that are whole numbers. Any ten digits that begin
    with 5 are accepted, as the service decides about prefixes. A number with `+` or `00` and another country code is
    returned in E.164, without the `(0)` that people write after the code. (Source of the spellings: the provider's
    `send-sms` page, and lists in practice.)

    Args:
        value: The number, in any such spelling.

    Returns:
        The number in E.164.

    Raises:
        RecipientError: It is anything else. The error's text tells what is wrong; the value is only in `numbers`.
    """
    number = clean_number(value)
    if number is None:
        raise RecipientError(452, find_flaw(value), "normalize_number", numbers=(write_out(value),))
    return number


#: The flaw of a value if nothing more is known.
NO_NUMBER = "not a phone number"


def find_flaw(value: object) -> str:
    """The reason why a value is not a phone number, in words without any part of the value."""
    written = value if isinstance(value, str) else read_text(value)
    return f"{NO_NUMBER} but {_name(value)}" if written is None else f"{NO_NUMBER}{_find_slip(str(written))}"


def _find_slip(written: str) -> str:
    """The likely mistake in a number, if it can be recognized."""
    bare = _bare(written)
    if not bare:
        return ": it is empty" if not written.strip() else ""
    if re.fullmatch(_WITHOUT_CODE, bare):
        return ": the plus has no country code after it; write +90, or leave out the plus"
    several = re.split(_SEVERAL, written), written.split()
    if any(len(parts) > 1 and all(map(clean_number, parts)) for parts in several):
        return ": there is more than one number"
    if re.fullmatch(_SHORTENED, written.strip()):
        return ": a spreadsheet has shortened it (E+); format the column there as a number without decimals"
    inner = written.strip(_ALL_SEPARATORS)
    if _AMOUNT.fullmatch(inner) or (_POINT.search(inner) and re.fullmatch(_DECIMAL, inner)):
        return ": there are not ten digits before its decimal point"
    return ""


def _name(value: object) -> str:
    """The type of a value that is not text, with advice."""
    kind = type(value).__name__
    if value is None or kind in {"NAType", "NaTType"}:
        return f"{kind}: a value is missing"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{kind}: decode it first"
    if isinstance(value, Enum):
        return f"{kind}: give its value"
    if hasattr(type(value), "columns"):
        return f"{kind}: give one of its columns"
    if hasattr(type(value), "__aiter__"):
        return f"{kind}: give an asynchronous source to send_bulk"
    if hasattr(type(value), "__iter__") or hasattr(type(value), "keys"):
        return f"{kind}: give the value in the row's column"
    if isinstance(value, (float, Decimal)):
        is_missing = value.is_nan() if isinstance(value, Decimal) else isnan(value)
        return f"{kind}: a value is missing (NaN)" if is_missing else f"{kind} that is none"
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        return kind
    return f"{kind} that is none" if hasattr(type(value), "__index__") else f"{kind}: give int or str"


def is_one(given: object) -> bool:
    """Whether a value stands for one recipient, good or bad, and not for several."""
    kind = type(given)
    if issubclass(kind, (str, int, float, bytes, bytearray, memoryview, Enum)) or given is None:
        # A member of an enum has no items, though its class has.
        return True
    if hasattr(kind, "columns") or getattr(given, "ndim", 1) == 0:
        # A table is one bad value, as no column is named; an array without axes is one number.
        return True
    several = any(hasattr(kind, name) for name in ("__iter__", "__aiter__", "__getitem__"))
    return not several or read_text(given) is not None


def mask(number: str) -> str:
    """The form in which numbers may be shown: `+90530***4567`."""
    if len(number) >= len("+90") + _MOBILE_DIGITS - 1:
        return f"{number[:6]}***{number[-4:]}"
    return f"{number[:2]}***"


def write_out(value: object) -> str:
    """A refused value as text, for `RecipientError.numbers`."""
    if isinstance(value, int) and abs(value) >= 10**100:
        # Python refuses to write out integers of thousands of digits.
        return "an integer of more than 100 digits"
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any object may come, and raise anything when it is read
        return f"a {type(value).__name__} that cannot be read"
