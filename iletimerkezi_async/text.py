"""What a text costs: its alphabet, its length, its parts."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

__all__ = ["MAX_PARTS", "TURKISH_LETTERS", "Encoding", "TextLength", "measure", "surely_too_long"]

#: The service refuses longer texts with 453 (source: the provider's `send-sms` page).
MAX_PARTS = 7

#: Letters that a sender may not have.
TURKISH_LETTERS = frozenset("çÇğĞıİöÖşŞüÜ")

# The alphabet of 3GPP TS 23.038, and the characters that it reaches through an escape.
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
    """The alphabet that a text needs."""

    GSM = "gsm"
    """The GSM default alphabet, 7 bits a character."""
    TURKISH = "turkish"
    """The same with the Turkish shift table, for ç Ğ ğ İ ı Ş ş."""
    UNICODE = "unicode"
    """UTF-16, for everything else."""


# How much the first part of a lone message holds, and how much each part of a longer one.
_CAPACITY = {
    Encoding.GSM: (155, 153),
    Encoding.TURKISH: (150, 149),
    Encoding.UNICODE: (65, 67),
}


@frozen
class TextLength:
    """What a text costs.

    Attributes:
        encoding: The alphabet it needs.
        units: The text's own length in that alphabet: septets (an escaped character takes two), or UTF-16 units.
        parts: How many SMS each recipient costs, the appended operator code included; 0 for an empty text.
    """

    encoding: Encoding
    units: int
    parts: int


def measure(text: str) -> TextLength:
    r"""Tell what a text costs, the operator code that the service appends included.

    One SMS holds 155 septets of the GSM default alphabet, 150 with Turkish letters outside of it, 65 units of UTF-16.
    N parts hold 153·N - 5, 149·N - 5 and 67·N - 5. The letters ç Ğ ğ İ ı Ş ş take two septets, as do
    ^ { } \ [ ~ ] | €.
    (Source: the provider's documentation on the length of an SMS.)
    """
    letters = set(text)
    if letters <= _GSM_ALL:
        encoding, units = Encoding.GSM, _septets(text, letters & _GSM_ESCAPED)
    elif letters <= _TURKISH_ALL:
        encoding, units = Encoding.TURKISH, _septets(text, letters & (_GSM_ESCAPED | _TURKISH_ESCAPED))
    else:
        encoding, units = Encoding.UNICODE, len(text.encode("utf-16-le", "surrogatepass")) // 2
    return TextLength(encoding, units, _parts(encoding, units))


def _septets(text: str, doubled: set[str]) -> int:
    return len(text) + sum(text.count(letter) for letter in doubled)


def _parts(encoding: Encoding, units: int) -> int:
    lone, each = _CAPACITY[encoding]
    if units <= lone:
        return 1 if units else 0
    return -(-(units + _OPERATOR_CODE) // each)


def surely_too_long(text: str) -> bool:
    """Whether a text is longer than seven parts by any way of counting.

    The most generous way counts every character once, escaped or not, and leaves the operator code out. Between that
    and `measure` the service decides.
    """
    _, each = _CAPACITY[Encoding.UNICODE if set(text) - _TURKISH_ALL else Encoding.GSM]
    return len(text) > each * MAX_PARTS
