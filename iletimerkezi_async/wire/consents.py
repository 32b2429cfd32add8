"""Consents: `consent/create` and `consent/show`, and all their checks that need no request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from iletimerkezi_async.errors import ConfigurationError, ConsentError, RecipientError
from iletimerkezi_async.models import AsRead, Consent, ConsentType, RecipientType, choose_word
from iletimerkezi_async.numbers import Number, clean_number, write_out

from . import OPERATIONS
from .arguments import check_brand_code, find_moment_flaw, is_iterable, name_type, wire_time
from .call import Call, read_status_only
from .reading import Json, is_empty, needed, read_items, read_number, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

#: The most records of one request (source: the provider's documentation of `consent/create`).
MAX_CONSENTS = 5_000
# Older ones are refused (same source).
_OLDEST = timedelta(days=3)
_CREATE, _SHOW = "consent/create", "consent/show"
# No address is longer (RFC 5321, 4.5.3.1.3, less the brackets).
_LONGEST_EMAIL = 254


def register_consents(
    brand_code: object, consents: Iterable[Consent], now: datetime
) -> Iterator[tuple[int, Call[None]]]:
    """Ask to register consents, in as many requests as needed. Each request registers all of its consents, or none.

    All are checked first, so that none is registered if anything is wrong.

    Args:
        brand_code: The code of their brand.
        consents: The consents; read to the end.
        now: An aware time, against which the dates are checked.

    Returns:
        The number of consents in each request, and the request.

    Raises:
        ConfigurationError: An item is not a `Consent`.
        RecipientError: Some recipients are wrong; all of them are in `numbers`.
        ConsentError: The brand code, or the date of a consent, is wrong.
    """
    brand = check_brand_code(brand_code, _CREATE)
    if not is_iterable(consents):
        raise _no_consents(consents)
    records = tuple(consents)
    for position, given in enumerate(cast("tuple[object, ...]", records), 1):
        if not isinstance(given, Consent):
            raise _no_consents(given, f": record {position} of {len(records)}")
    bad = tuple(consent.recipient for consent in records if not is_reachable(consent.recipient, consent.type))
    if bad:
        raise _recipient_complaint(bad, len(records), _CREATE)
    for position, consent in enumerate(records, 1):
        flaw = find_date_flaw(consent.consent_date, now)
        if flaw:
            raise ConsentError(422, f"the date of record {position} of {len(records)} {flaw}", _CREATE)
    batches = (records[start : start + MAX_CONSENTS] for start in range(0, len(records), MAX_CONSENTS))
    return ((len(batch), _register(brand, batch)) for batch in batches)


def _register(brand_code: str, consents: Sequence[Consent]) -> Call[None]:
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
    fields = {"consent": {"brandCode": brand_code, "list": records}}
    return Call(OPERATIONS[_CREATE], fields, read_status_only, about=f"of {len(records)} records")


def _no_consents(given: object, where: str = "") -> ConfigurationError:
    return ConfigurationError(f"`consents` must be an iterable of Consent, not {name_type(given)}{where}")


def is_reachable(recipient: str, type: ConsentType | str) -> bool:
    """Whether an address fits a consent's type: an e-mail address, or a Turkish mobile number."""
    if type == ConsentType.EPOSTA:
        return _is_email(recipient)
    return recipient.startswith("+905") and clean_number(recipient) is not None


def _is_email(address: str) -> bool:
    """Whether it looks like an e-mail address. The service decides."""
    name, _, domain = address.partition("@")
    if not name or not domain or "@" in domain or len(address) > _LONGEST_EMAIL:
        return False
    # Neither spaces nor control characters, nor lone surrogates, which JSON cannot carry.
    return address.isprintable() and " " not in address


def find_date_flaw(date: datetime | None, now: datetime) -> str | None:
    """The flaw of a consent's date, in words to put after its name; `None` if there is none."""
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


def check_consent(
    brand_code: object, recipient: Number, recipient_type: RecipientType | str, type: ConsentType | str
) -> Call[Consent | None]:
    """Ask for a recipient's consent; `None` if the answer has none.

    Raises:
        ConfigurationError: A word is not one of the allowed ones.
        RecipientError: The recipient does not fit the type.
        ConsentError: The brand code is invalid.
    """
    as_what = choose_word(RecipientType, "recipient_type", recipient_type)
    about = choose_word(ConsentType, "type", type)
    address = clean_number(recipient) or write_out(recipient)
    if not is_reachable(address, about):
        raise _recipient_complaint((address,), 1, _SHOW)
    brand = check_brand_code(brand_code, _SHOW)
    fields = {"brandCode": brand, "recipient": address, "recipientType": as_what, "type": about}

    def read_consent(response: Json) -> Consent | None:
        """Read `consent: {recipient, recipientType, type, status, source, consentDate}`, or nothing in its place."""
        records = read_items(response.get("consent"))
        if not records:
            return None
        told = {name: value for name, value in read_object(records[0]).items() if not is_empty(value)}
        return _consent({**fields, **told})

    return Call(OPERATIONS[_SHOW], {"consent": fields}, read_consent)


def _consent(record: Json) -> Consent:
    return Consent(
        read_number(record.get("recipient")),
        needed(_word(record.get("recipientType")), "a word"),
        needed(_word(record.get("type")), "a word"),
        needed(_word(record.get("status")), "a word"),
        _word(record.get("source")) or AsRead(""),
        read_time(record.get("consentDate")),
    )


def _word(value: object) -> AsRead | None:
    # The value of an enum's member: `str()` would give its name.
    return AsRead(str.__str__(value)) if isinstance(value, str) and value else None
