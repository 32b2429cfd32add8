"""Phone numbers: every usual spelling in, one form out."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, SupportsIndex, cast

from .errors import RecipientError
from .redaction import forgetful

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["clean_number", "clean_numbers", "mask", "normalize_number", "spell"]

# What may stand between the digits: white space, dots, slashes, brackets, dashes; and of Unicode its white space, its
# dashes, and the invisible marks of direction and width that spreadsheets and phone books leave.
_ASCII_SEPARATORS = "\t\n\v\f\r\x1c\x1d\x1e\x1f ./()[]-"
_UNICODE_SEPARATORS = (
    "\x85\N{NO-BREAK SPACE}\N{SOFT HYPHEN}\N{ARABIC LETTER MARK}\N{OGHAM SPACE MARK}\N{MONGOLIAN VOWEL SEPARATOR}"
    + "".join(map(chr, range(0x2000, 0x2016)))  # spaces, marks of width and direction, dashes
    + "".join(map(chr, range(0x2028, 0x2030)))  # line ends, embeddings and overrides of direction
    + "".join(map(chr, range(0x205F, 0x2065)))  # joiners and invisible operators
    + "".join(map(chr, range(0x2066, 0x206A)))  # isolates of direction
    + "\N{MINUS SIGN}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
)
_SEPARATORS = re.compile(f"[{re.escape(_ASCII_SEPARATORS + _UNICODE_SEPARATORS)}]+")
# Any ten digits from 5 on: prefixes change hands and new ones appear, the service has the last word.
_MOBILE = re.compile(r"(?:\+90|0090|90|0)?(5[0-9]{9})")
_FOREIGN = re.compile(r"\+(?!90)[1-9][0-9]{6,14}")
_MOBILE_DIGITS = 10
_E164_DIGITS = 15


def clean_number(value: object) -> str | None:
    """The E.164 form of a number in any spelling that `normalize_number` takes, or `None` where it is not one."""
    written = _written(value)
    if len(written) == _MOBILE_DIGITS and written[0] == "5" and written.isascii() and written.isdigit():
        return "+90" + written
    compact = _SEPARATORS.sub("", written)
    mobile = _MOBILE.fullmatch(compact)
    if mobile:
        return "+90" + mobile[1]
    return compact if _FOREIGN.fullmatch(compact) else None


def _written(value: object) -> str:
    """A value as text; empty where it is neither text nor an integer that could be a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ""
    try:
        # Integers of other libraries as well, such as NumPy's.
        number = operator.index(cast("SupportsIndex", value))
    except TypeError:
        return ""
    return str(number) if 0 < number < 10**_E164_DIGITS else ""


_COMMA = b","
# Stands for the comma before a number whose prefix was taken off, so that no second one is taken off behind it.
_STRIPPED = b"\x00"
_PREFIXES = (b",+90", b",0090", b",90", b",0")
_AS_COMMA = bytes.maketrans(_STRIPPED, _COMMA)
_ODD = re.compile(rb",(?!5[0-9]{9}(?![^,]))[^,]*")


def clean_numbers(values: Sequence[object]) -> Sequence[str | None]:
    """The same as `clean_number` for each value, several times as fast.

    It works on all values as one text: separators and prefixes are taken off with a few passes over its bytes, and one
    check of lengths tells whether every number came out right. What did not is cleaned by itself. Best called with some
    hundred values at a time: the odd ones cost their neighbours a closer look.
    """
    joined = _join(values)
    if joined.count(",") != len(values) or "\x00" in joined or not joined.isascii():
        return [clean_number(value) for value in values]
    data = joined.encode("ascii").translate(None, _ASCII_SEPARATORS.encode("ascii"))
    for prefix in _PREFIXES:
        data = data.replace(prefix, _STRIPPED)
    data = data.translate(_AS_COMMA)
    if _all_mobile(data, len(values)):
        return _international(data)
    return _clean_odd_ones(data, values)


def _clean_odd_ones(data: bytes, values: Sequence[object]) -> Sequence[str | None]:
    """The numbers of `data`, with those by themselves that did not come out as ten digits from 5 on."""
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
    """All values as one text, of ASCII where that can be had, each behind a comma."""
    try:
        # Whether all are text is what is asked here; most often they are.
        joined = "," + ",".join(cast("Sequence[str]", values))
    except TypeError:
        joined = "," + ",".join(map(_written, values))
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
def normalize_number(value: str | int) -> str:
    """Bring a phone number into the form `+905XXXXXXXXX`.

    Spaces, dashes, dots, slashes, brackets and the invisible marks that spreadsheets leave are ignored; `+90`, `0090`,
    `90` and `0` in front are all fine, and so are integers. Any ten digits that begin with 5 pass, as the service has
    the last word on prefixes. A number with `+` and another country code passes as E.164.

    Raises:
        RecipientError: It is anything else; the value is in `numbers`, not in the text.
    """
    number = clean_number(value)
    if number is not None:
        return number
    error = RecipientError(452, "not a Turkish mobile number", "normalize_number", numbers=(spell(value),))
    # Error trackers print the variables of the frame that raised.
    del value
    raise error


def mask(number: str) -> str:
    """The form in which numbers may be shown: `+90530***4567`."""
    if len(number) >= len("+90") + _MOBILE_DIGITS - 1:
        return f"{number[:6]}***{number[-4:]}"
    return f"{number[:2]}***"


def spell(value: object) -> str:
    """A refused value as text, for `RecipientError.numbers`."""
    if isinstance(value, int) and abs(value) >= 10**100:
        # Python refuses to write out integers of thousands of digits.
        return "an integer of more than 100 digits"
    return str(value)
