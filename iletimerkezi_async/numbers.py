"""Phone numbers: every usual spelling in, one form out."""

from __future__ import annotations

import re

from .errors import RecipientError

__all__ = ["clean_number", "mask", "normalize_number", "spell"]

# Spaces of every kind, the invisible marks that spreadsheets and phone books leave, dashes, dots, slashes, brackets.
_SEPARATORS = re.compile(
    r"[\s./()\[\]\-"
    "\N{SOFT HYPHEN}\N{ARABIC LETTER MARK}\N{MONGOLIAN VOWEL SEPARATOR}"
    "\N{ZERO WIDTH SPACE}-\N{RIGHT-TO-LEFT MARK}"
    "\N{HYPHEN}-\N{HORIZONTAL BAR}"
    "\N{LEFT-TO-RIGHT EMBEDDING}-\N{RIGHT-TO-LEFT OVERRIDE}"
    "\N{WORD JOINER}-\N{INVISIBLE PLUS}"
    "\N{LEFT-TO-RIGHT ISOLATE}-\N{POP DIRECTIONAL ISOLATE}"
    "\N{MINUS SIGN}\N{ZERO WIDTH NO-BREAK SPACE}]+"
)
# Any ten digits from 5 on: prefixes change hands and new ones appear, the service has the last word.
_MOBILE = re.compile(r"(?:\+90|0090|90|0)?(5[0-9]{9})")
_FOREIGN = re.compile(r"\+(?!90)[1-9][0-9]{6,14}")
# No spelling of one number is longer; it bounds the work that a broken input can cause.
_LONGEST = 64
_MOBILE_DIGITS = 10
_E164_DIGITS = 15


def clean_number(value: object) -> str | None:
    """The E.164 form of a number in any spelling that `normalize_number` takes, or `None` where it is not one."""
    if isinstance(value, str):
        if len(value) == _MOBILE_DIGITS and value[0] == "5" and value.isascii() and value.isdigit():
            return "+90" + value
        if len(value) > _LONGEST:
            return None
        compact = _SEPARATORS.sub("", value)
    elif isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**_E164_DIGITS:
        compact = str(value)
    else:
        return None
    mobile = _MOBILE.fullmatch(compact)
    if mobile:
        return "+90" + mobile[1]
    return compact if _FOREIGN.fullmatch(compact) else None


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
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        # Python refuses to write out integers of thousands of digits.
        return "an integer of more than 64 digits"
    return str(value)
