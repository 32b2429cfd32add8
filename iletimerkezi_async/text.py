"""The cost of a text: its alphabet, its length, its parts."""

from __future__ import annotations

import re
from enum import Enum
from typing import cast
from unicodedata import normalize

from attrs import field, frozen

from .errors import ApiError, EmptyTextError
from .redaction import forgetful

#: The service refuses longer texts with 453 (source: the provider's `send-sms` page).
MAX_PARTS = 7

#: Letters that a sender may not have.
TURKISH_LETTERS = frozenset("çÇğĞıİöÖşŞüÜ")

# The alphabet of 3GPP TS 23.038, and the characters beyond it that need an escape.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = frozenset("\f^{}\\[~]|€")
_TURKISH_ESCAPED = frozenset("çĞğİıŞş")
_GSM_ALL = _GSM | _GSM_ESCAPED
_TURKISH_ALL = _GSM_ALL | _TURKISH_ESCAPED

# The code (" B186") that the operator appends to every message; its septets or units count.
_OPERATOR_CODE = 5


class Encoding(str, Enum):
    """The alphabet that a text needs (source: 3GPP TS 23.038; the provider's page on the length of an SMS)."""

    GSM = "gsm"
    """The GSM default alphabet, 7 bits a character."""
    TURKISH = "turkish"
    """The same with the Turkish shift table, for ç Ğ ğ İ ı Ş ş."""
    UNICODE = "unicode"
    """UTF-16, for everything else."""


# Line ends of Windows, of old Macs, of word processors and of Unicode. The last would make the whole text Unicode.
_LINE_END = re.compile("\r\n?|[\v\x85\u2028\u2029]")


def read_text(value: object) -> str | None:
    """Read the text of a `str` or of a lazy string, such as Django's translations; `None` for anything else.

    Lazy strings are not a `str`. They are recognized by its methods.
    """
    if issubclass(type(value), str):
        # The plain text of a subclass, such as NumPy's; for an enum this is its value.
        return str.__str__(cast("str", value))
    try:
        return str(value) if callable(getattr(value, "casefold", None)) else None
    except Exception:  # noqa: BLE001 - any object may come, and raise anything when it is read
        return None


def find_complaint(text: object) -> ApiError | None:
    """The error for a value that is not text; `None` if it is text."""
    if read_text(text) is not None:
        return None
    if text is None:
        return EmptyTextError(454, "there is no text: it is None", "send-sms")
    return ApiError(422, f"the text must be a str, not {type(text).__name__}", "send-sms")


def clean_text(text: str) -> str:
    """Make a text as it is sent: composed (NFC), with plain line ends, and none at the end. Idempotent.

    A value that is neither text nor a lazy string stays as it is; reading the message refuses it.
    """
    written = read_text(text)
    if written is None:
        return text
    if written.isascii():
        if "\r" not in written and "\v" not in written:
            return written.rstrip("\n")
    else:
        written = normalize("NFC", written)
    return _LINE_END.sub("\n", written).rstrip("\n")


# The capacity of a single SMS, and of each part of a longer message.
_CAPACITY = {
    Encoding.GSM: (155, 153),
    Encoding.TURKISH: (150, 149),
    Encoding.UNICODE: (65, 67),
}


@frozen
class TextLength:
    """The cost of a text.

    Attributes:
        encoding: The alphabet it needs.
        units: The text's own length in that alphabet: septets (an escaped character takes two), or UTF-16 units.
        parts: How many SMS each recipient costs, the appended operator code included; 0 for an empty text.
        costly: The characters that raise the cost, each once, in their order: with `UNICODE` those that no other
            alphabet has, such as ’ … ₺ and the no-break space; with the others those that take two septets. Comparisons
            ignore it.
    """

    encoding: Encoding
    units: int
    parts: int
    costly: tuple[str, ...] = field(default=(), eq=False, repr=False)


@forgetful
def measure(text: str) -> TextLength:
    r"""Measure the cost of a text, including the operator code that the service appends.

    One SMS holds 155 septets of the GSM default alphabet, 150 with Turkish letters outside of it, 65 units of UTF-16.
    N parts hold 153·N - 5, 149·N - 5 and 67·N - 5. The letters ç Ğ ğ İ ı Ş ş take two septets, as do
    ^ { } \ [ ~ ] | €. The text is measured as it is sent (see `Message`).
    (Source: the provider's documentation on the length of an SMS.)

    Args:
        text: The text, of any length; `AsyncClient.send_sms` takes no more than seven parts.

    Returns:
        Its alphabet, its length and its parts.

    Raises:
        ApiError: It is not text.
    """
    complaint = find_complaint(text)
    if complaint:
        raise complaint
    text = clean_text(text)
    letters = set(text)
    if letters <= _GSM_ALL:
        encoding, costly = Encoding.GSM, letters & _GSM_ESCAPED
    elif letters <= _TURKISH_ALL:
        encoding, costly = Encoding.TURKISH, letters & (_GSM_ESCAPED | _TURKISH_ESCAPED)
    else:
        encoding, costly = Encoding.UNICODE, letters - _TURKISH_ALL
    if encoding is Encoding.UNICODE:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    else:
        units = len(text) + sum(text.count(letter) for letter in costly)
    lone, each = _CAPACITY[encoding]
    parts = min(units, 1) if units <= lone else -(-(units + _OPERATOR_CODE) // each)
    return TextLength(encoding, units, parts, tuple(sorted(costly, key=text.index)))


def surely_too_long(text: str) -> bool:
    """Whether a text is longer than seven parts, however its length is counted.

    The most generous count takes every character once, escaped or not, and leaves the operator code out. If only
    `measure` finds a text too long, the service decides.
    """
    _, each = _CAPACITY[Encoding.UNICODE if set(text) - _TURKISH_ALL else Encoding.GSM]
    return len(text) > each * MAX_PARTS
