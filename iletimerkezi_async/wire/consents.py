"""Consents: `consent/create` and `consent/show`, and every check of theirs that needs no question to the service.

As in `draft`, functions that are given recipients and brand codes return an error; it is raised where no variable holds
them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import frozen

from iletimerkezi_async.errors import ConfigurationError, ConsentError, RecipientError
from iletimerkezi_async.models import AsRead, Consent, ConsentType, Number, RecipientType, choose_word
from iletimerkezi_async.numbers import clean_number, spell

from .arguments import BrandCode, find_moment_flaw, is_iterable, name_type, read_brand_code
from .call import Call, Kind, dump_fields, read_status_only
from .dates import wire_time
from .reading import Json, UnreadableError, is_empty, optional, read_items, read_number, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

__all__ = [
    "MAX_CONSENTS",
    "Question",
    "Registration",
    "ask",
    "check_consent",
    "choose_brand",
    "find_flaw",
    "fits",
    "register_consents",
]

#: The most records of one request (source: the provider's documentation of `consent/create`).
MAX_CONSENTS = 5_000
# Older ones are refused (same source).
_OLDEST = timedelta(days=3)
_CREATE, _SHOW = "consent/create", "consent/show"
# No address is longer (RFC 5321, 4.5.3.1.3, less the brackets).
_LONGEST_EMAIL = 254

Complaint: TypeAlias = RecipientError | ConsentError | ConfigurationError


@frozen(eq=False, repr=False)
class Question:
    """Whose consent is asked for, and which, in the words of the wire. Its `repr` shows nothing of it."""

    brand_code: str
    recipient: str
    recipient_type: str
    type: str


def ask(
    brand_code: object, recipient: Number, recipient_type: RecipientType | str, type: ConsentType | str
) -> Question | Complaint:
    """The question to the registry, or the complaint about a part of it."""
    as_what = choose_word(RecipientType, "recipient_type", recipient_type)
    if isinstance(as_what, ConfigurationError):
        return as_what
    about = choose_word(ConsentType, "type", type)
    if isinstance(about, ConfigurationError):
        return about
    address = clean_number(recipient) or spell(recipient)
    if not fits(address, about):
        return _recipient_complaint((address,), 1, _SHOW)
    brand = read_brand_code(brand_code, _SHOW)
    if isinstance(brand, ConsentError):
        return brand
    return Question(brand, address, *map(_plain, (as_what, about)))


def choose_brand(brand_code: object) -> BrandCode | ConsentError:
    """The brand code to register consents under, or the complaint about it."""
    return read_brand_code(brand_code, _CREATE)


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

    def __init__(self, brand_code: BrandCode, consents: Iterable[Consent], now: datetime) -> None:
        self._brand_code = brand_code
        # Here already, as a source that raises has this object among the variables of its traceback.
        self._consents: tuple[Consent, ...] = ()
        self._complaint: Complaint | None
        if is_iterable(consents):
            self._consents = tuple(consents)
            self._complaint = self._find_complaint(now)
        else:
            self._complaint = _no_consents(consents)

    def check(self) -> None:
        """Raise the complaint. It is not part of the constructor, whose frame holds what was given.

        Raises:
            ConfigurationError: Something is no `Consent`.
            RecipientError: Some recipients are wrong; all of them are in `numbers`.
            ConsentError: The date of a consent is wrong.
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

    def _find_complaint(self, now: datetime) -> Complaint | None:
        for position, given in enumerate(cast("tuple[object, ...]", self._consents), 1):
            if not isinstance(given, Consent):
                return _no_consents(given, f": record {position} of {len(self._consents)}")
        bad = tuple(consent.recipient for consent in self._consents if not fits(consent.recipient, consent.type))
        if bad:
            return _recipient_complaint(bad, len(self._consents), _CREATE)
        for position, consent in enumerate(self._consents, 1):
            flaw = find_flaw(consent.consent_date, now)
            if flaw:
                return ConsentError(422, f"the date of record {position} of {len(self._consents)} {flaw}", _CREATE)
        return None


def _no_consents(given: object, where: str = "") -> ConfigurationError:
    return ConfigurationError(f"`consents` must be an iterable of Consent, not {name_type(given)}{where}")


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
    flaw = find_moment_flaw(date)
    if flaw is not None:
        return flaw
    if date > now:
        return "is in the future"
    return f"is older than {_OLDEST.days} days" if date < now - _OLDEST else None


def _recipient_complaint(bad: tuple[str, ...], total: int, operation: str) -> RecipientError:
    message = (
        f"{len(bad)} of {total} recipients are neither Turkish mobile numbers nor, with the type EPOSTA, "
        "e-mail addresses (see `numbers`)"
    )
    return RecipientError(422, message, operation, numbers=bad)


def register_consents(brand_code: str, consents: Sequence[Consent]) -> Call[None]:
    """Ask for consents, 1 to 5,000 that were checked, to be registered: all or none."""
    records = [
        {
            "recipient": consent.recipient,
            "recipientType": consent.recipient_type,
            "type": consent.type,
            "status": consent.status,
            "source": consent.source,
            "consentDate": wire_time(consent.consent_date),
        }
        for consent in consents
        if consent.consent_date is not None
    ]
    fields = dump_fields({"consent": {"brandCode": brand_code, "list": records}})
    return Call("consent/create", Kind.ONCE, fields, read_status_only, about=f"of {len(records)} records")


def check_consent(question: Question) -> Call[Consent | None]:
    """Ask for a recipient's consent; `None` where the answer holds none."""
    fields = {
        "brandCode": question.brand_code,
        "recipient": question.recipient,
        "recipientType": question.recipient_type,
        "type": question.type,
    }

    def read_consent(response: Json) -> Consent | None:
        """Read `consent: {recipient, recipientType, type, status, source, consentDate}`, or nothing in its place."""
        records = read_items(response.get("consent"))
        if not records:
            return None
        told = {name: value for name, value in read_object(records[0]).items() if not is_empty(value)}
        return _consent({**fields, **told})

    return Call("consent/show", Kind.REPEATABLE, dump_fields({"consent": fields}), read_consent)


def _consent(record: Json) -> Consent:
    return Consent(
        read_number(record.get("recipient")),
        _word(record.get("recipientType")),
        _word(record.get("type")),
        _word(record.get("status")),
        optional(_word, record.get("source")) or AsRead(""),
        optional(read_time, record.get("consentDate")),
    )


def _word(value: object) -> AsRead:
    if isinstance(value, str) and value:
        return AsRead(value)
    raise UnreadableError("a word is missing")
