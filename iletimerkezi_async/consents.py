"""What `consent/create` and `consent/show` are to carry, after every check that needs no question to the service.

As in `draft`, what sees recipients and brand codes returns its complaint; it is raised where no variable holds them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from .errors import ConsentError, RecipientError
from .models import Consent, ConsentType, Number, RecipientType, choose_word
from .numbers import clean_number, spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

__all__ = ["MAX_CONSENTS", "Question", "Registration", "ask", "find_flaw", "fits"]

#: The most records of one request (source: the provider's documentation of `consent/create`).
MAX_CONSENTS = 5_000
# Older ones are refused (same source).
_OLDEST = timedelta(days=3)
_CREATE, _SHOW = "consent/create", "consent/show"
# No address is longer (RFC 5321, 4.5.3.1.3, less the brackets).
_LONGEST_EMAIL = 254

Complaint: TypeAlias = RecipientError | ConsentError | ValueError


@frozen(eq=False, repr=False)
class Question:
    """Whose consent is asked for, and which, in the words of the wire. Its `repr` shows nothing of it."""

    brand_code: str
    recipient: str
    recipient_type: str
    type: str


def ask(
    brand_code: str, recipient: Number, recipient_type: RecipientType | str, type: ConsentType | str
) -> Question | Complaint:
    """The question to the registry, or the complaint about a part of it."""
    as_what = choose_word(RecipientType, "recipient_type", recipient_type)
    if isinstance(as_what, ValueError):
        return as_what
    about = choose_word(ConsentType, "type", type)
    if isinstance(about, ValueError):
        return about
    address = clean_number(recipient) or spell(recipient)
    if not fits(address, about):
        return _recipient_complaint((address,), 1, _SHOW)
    return _brand_complaint(brand_code, _SHOW) or Question(brand_code, address, *map(_plain, (as_what, about)))


def _plain(word: str) -> str:
    """The word of a member; `str` would give the member's name."""
    return "".join(word)


class Registration:
    """The consents to be registered under a brand code, and the complaint about them, if any.

    Args:
        brand_code: The brand code.
        consents: What is to be registered; read to its end, so that nothing is registered where anything is wrong.
        now: An aware time, against which the dates are checked.
    """

    def __init__(self, brand_code: str, consents: Iterable[Consent], now: datetime) -> None:
        self._brand_code = brand_code
        self._consents = tuple(consents)
        self._complaint = self._find_complaint(now)

    def check(self) -> None:
        """Raise the complaint. It is not part of the constructor, whose frame holds the brand code.

        Raises:
            RecipientError: Some recipients are wrong; all of them are in `numbers`.
            ConsentError: The date of a consent, or the brand code, is wrong.
        """
        if self._complaint is not None:
            raise self._complaint

    @property
    def brand_code(self) -> str:
        """The brand code."""
        return self._brand_code

    def batches(self) -> Iterator[tuple[Consent, ...]]:
        """The consents, as many at a time as one request takes."""
        for start in range(0, len(self._consents), MAX_CONSENTS):
            yield self._consents[start : start + MAX_CONSENTS]

    def __repr__(self) -> str:
        return f"<Registration of {len(self._consents)} consents>"

    def _find_complaint(self, now: datetime) -> RecipientError | ConsentError | None:
        bad = tuple(consent.recipient for consent in self._consents if not fits(consent.recipient, consent.type))
        if bad:
            return _recipient_complaint(bad, len(self._consents), _CREATE)
        for position, consent in enumerate(self._consents, 1):
            flaw = find_flaw(consent.consent_date, now)
            if flaw:
                return ConsentError(422, f"the date of record {position} of {len(self._consents)} {flaw}", _CREATE)
        return _brand_complaint(self._brand_code, _CREATE)


def fits(recipient: str, type: ConsentType | str) -> bool:
    """Whether an address is one at which the consent's type can reach anybody."""
    if type == ConsentType.EPOSTA:
        return _is_email(recipient)
    return recipient.startswith("+905") and clean_number(recipient) is not None


def _is_email(address: str) -> bool:
    """Whether it looks like one: the service has the last word."""
    name, _, domain = address.partition("@")
    if not name or not domain or "@" in domain or len(address) > _LONGEST_EMAIL:
        return False
    # Neither spaces nor control characters, nor the half characters that JSON cannot carry.
    return address.isprintable() and " " not in address


def find_flaw(date: datetime | None, now: datetime) -> str | None:
    """What is wrong with the date of a consent, in words that follow its name; `None` where nothing is."""
    if date is None:
        return "is missing"
    if date.utcoffset() is None:
        return "has no time zone"
    if date > now:
        return "is in the future"
    return f"is older than {_OLDEST.days} days" if date < now - _OLDEST else None


def _recipient_complaint(bad: tuple[str, ...], total: int, operation: str) -> RecipientError:
    message = (
        f"{len(bad)} of {total} recipients are neither Turkish mobile numbers nor, with the type EPOSTA, "
        "e-mail addresses (see `numbers`)"
    )
    return RecipientError(422, message, operation, numbers=bad)


def _brand_complaint(brand_code: str, operation: str) -> ConsentError | None:
    if any("\ud800" <= letter <= "\udfff" for letter in brand_code):
        return ConsentError(422, "the brand code holds half a character, which JSON cannot carry", operation)
    return None
