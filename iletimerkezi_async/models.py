"""The values that callers give and get. All are immutable; no `repr` shows a text or a whole phone number."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from attrs import field, frozen

from .errors import ConfigurationError
from .numbers import Number, clean_number, is_one, mask, write_out
from .redaction import forgetful
from .text import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from typing_extensions import Self

__all__ = [
    "Balance",
    "Consent",
    "ConsentSource",
    "ConsentStatus",
    "ConsentType",
    "Delivery",
    "DeliveryEvent",
    "Iys",
    "Message",
    "MessageStatus",
    "Order",
    "OrderReport",
    "OrderStatus",
    "RecipientType",
    "Send",
    "SendState",
]

#: The service's clock: UTC+3 all year round since 2016, so that no time zone database is needed.
TURKISH_TIME = timezone(timedelta(hours=3))


class Iys(str, Enum):
    """The list of the national consent registry (İYS) that is checked before sending, if any.

    Commercial messages must by law be checked; sending them with `OFF` can be fined. One-time passwords, notices about
    an order or a delivery and reminders of a debt need no consent. (Source: the provider's `send-sms` page, tags
    `iys` and `iysList`.)
    """

    OFF = "OFF"
    """No check: for messages that need no consent."""
    BIREYSEL = "BIREYSEL"
    """Checked against the list of individuals."""
    TACIR = "TACIR"
    """Checked against the list of merchants."""


class _Status(IntEnum):
    """An integer enum that keeps unknown codes, with the number as the name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        # Not kept in the class: codes that a broken server makes up must not fill the memory.
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    # Python 3.10 shows the class as well, later ones the number.
    def __str__(self) -> str:
        return self.name

    def __format__(self, format_spec: str) -> str:
        return format(int(self), format_spec) if format_spec else self.name


class MessageStatus(_Status):
    """The state of one message (source: the provider's `get-report` page). Unknown codes are kept as their number."""

    SENDING = 110
    """On its way."""
    DELIVERED = 111
    """Delivered; only these are billed."""
    UNDELIVERED = 112
    """Could not be delivered."""

    @property
    def is_final(self) -> bool:
        """Whether the state can no longer change: delivered or not delivered. An unknown state may still change."""
        return self in {MessageStatus.DELIVERED, MessageStatus.UNDELIVERED}


class OrderStatus(_Status):
    """The state of an order (source: the provider's `get-report` page). Unknown codes are kept as their number."""

    SENDING = 113
    """Being sent."""
    COMPLETED = 114
    """Every message is `DELIVERED` or `UNDELIVERED`; it does not mean that all were delivered."""
    FAILED = 115
    """Could not be sent, or was cancelled."""


@frozen
class Balance:
    """The account's balance. An account uses one of the two units; the other is usually zero.

    Attributes:
        amount: Lira. (Source of both: the provider's `get-balance` page.)
        sms: Messages.
    """

    amount: Decimal
    sms: int


def _recipients(to: Number | Iterable[Number]) -> tuple[Number, ...]:
    can_be_read = hasattr(type(to), "__iter__") or hasattr(type(to), "__getitem__")
    # An async iterable is refused when the message is read, as every other bad value.
    return tuple(cast("Iterable[Number]", to)) if can_be_read and not is_one(to) else (cast("Number", to),)


@forgetful
@frozen(repr=False)
class Message:
    r"""One text and its recipients, for `AsyncClient.send_messages`.

    Attributes:
        text: The text, kept as it is sent, the cheapest form: composed (NFC), line ends as `\n`, none at the end.
        to: One number or an iterable of numbers, in any spelling that `normalize_number` takes; kept as a tuple.
    """

    text: str = field(converter=clean_text)
    to: tuple[Number, ...] = field(converter=_recipients)

    def __repr__(self) -> str:
        text = cast("object", self.text)
        # A value that is not text is refused when the message is read; until then it needs a `repr`.
        size = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
        return f"<Message of {size} to {len(self.to)} recipients>"


@frozen
class Order:
    """An order that the service has taken.

    Attributes:
        id: Its number, for `get_report`, `get_order` and the panel. (Source: the provider's `send-sms` page.)
        recipients: How many messages it has: each recipient counts once for each text.
        replayed: Whether an earlier call with the same key sent it, and this one sent nothing.
    """

    id: int
    recipients: int
    replayed: bool = False


class SendState(str, Enum):
    """The state of a send with a key, as a store knows it; see `iletimerkezi_async.stores`."""

    CLAIMED = "claimed"
    """A call is about to send it, or died before it did. Nothing was sent."""
    BEGUN = "begun"
    """A call is sending it, or died while it did."""
    SENT = "sent"
    """The service has taken it; its id may be unknown."""
    UNKNOWN = "unknown"
    """It may or may not have been taken. Repeating the call may find out; `mark_sent` or `mark_not_sent` decides."""
    NOT_SENT = "not_sent"
    """A person decided, by `mark_not_sent`, that it was not sent. The key is free again."""

    def __str__(self) -> str:
        return self.value


@frozen
class Send:
    """A send with a key, as a store knows it.

    Attributes:
        key: The key.
        state: Its state.
        order_id: The order's id, if known.
        recipients: How many recipients it has.
        first_attempt: The start of the first attempt that may have been taken, by the store's clock, in Turkish time.
        version: The version of the store's row: `mark_sent` and `mark_not_sent` refuse if the row has changed since.
    """

    key: str
    state: SendState
    order_id: int | None
    recipients: int
    first_attempt: datetime | None
    version: str = field(default="", repr=False, eq=False)


class Delivery(NamedTuple):
    """A row of a report: one message, and its state. A tuple, as a report may have millions of them.

    Attributes:
        number: The recipient, as `+905XXXXXXXXX`. (Source of both: the provider's `get-report` page.)
        status: The message's state.
    """

    number: str
    status: MessageStatus

    def __repr__(self) -> str:
        return f"Delivery(number={mask(self.number)!r}, status={self.status!r})"


@frozen
class OrderReport:
    """An order's own state and counters. Fields that the service left out are `None`; times are Turkish (`+03:00`).

    Attributes:
        id: The order's number. (Source of all: the provider's `get-report` and `get-reports` pages.)
        status: Its state; the counters are final at `OrderStatus.COMPLETED`.
        total: Messages in the order.
        delivered: … of these, delivered.
        undelivered: … that could not be delivered.
        waiting: … still on their way.
        submitted_at: When the service took the order.
        sent_at: When sending began or is to begin.
        sender: The header it is sent under.
        price: What it costs, in the account's currency.
    """

    id: int
    status: OrderStatus
    total: int | None = None
    delivered: int | None = None
    undelivered: int | None = None
    waiting: int | None = None
    submitted_at: datetime | None = None
    sent_at: datetime | None = None
    sender: str | None = None
    price: Decimal | None = None


# Consents. The words are the wire's (source: the provider's `consent` pages).


class RecipientType(str, Enum):
    """The role in which a recipient has consented (source: the provider's `consent` pages)."""

    BIREYSEL = "BIREYSEL"
    """As an individual."""
    TACIR = "TACIR"
    """As a merchant."""


class ConsentType(str, Enum):
    """The subject of a consent (source: the provider's `consent` pages)."""

    MESAJ = "MESAJ"
    """Text messages."""
    EPOSTA = "EPOSTA"
    """E-mails."""
    ARAMA = "ARAMA"
    """Calls."""


class ConsentStatus(str, Enum):
    """The recipient's answer (source: the provider's `consent` pages)."""

    ONAY = "ONAY"
    """Yes."""
    RET = "RET"
    """No."""


class ConsentSource(str, Enum):
    """The way a consent was given, as a code of the national registry. Give its other codes as plain words."""

    HS_WEB = "HS_WEB"
    """On a web site."""
    HS_EORTAM = "HS_EORTAM"
    """By some other electronic way."""
    HS_FIZIKSEL_ORTAM = "HS_FIZIKSEL_ORTAM"
    """On paper."""
    HS_KARAR = "HS_KARAR"
    """By a decision of an authority."""


class AsRead(str):
    """A word that the service sent. It is kept even if this library does not know it."""

    __slots__ = ()


E = TypeVar("E", bound=Enum)

_SOURCE = r"[A-Z][A-Z0-9_]{1,63}"


def choose_word(kind: type[E], name: str, word: object) -> E | str:
    """Find the member of an enum for a word of the service.

    Args:
        kind: The enum.
        name: The name of the argument or field.
        word: A member or a plain word. An unknown word that the service sent stays a plain word.

    Raises:
        ConfigurationError: There is no such member.
    """
    known = _find_word(kind, word)
    if known is None:
        # The word itself is not shown: if arguments were mixed up, it may be a phone number.
        raise ConfigurationError(f"`{name}` must be one of {', '.join(str(member.value) for member in kind)}")
    return known


def _find_word(kind: type[E], word: object) -> E | str | None:
    known = {member.value: member for member in kind}.get(word) if isinstance(word, str) else None
    return str(word) if known is None and isinstance(word, AsRead) else known


def _read_recipient(recipient: Number) -> str:
    return clean_number(recipient) or write_out(recipient)


def _read_recipient_type(word: RecipientType | str) -> RecipientType | str:
    return choose_word(RecipientType, "recipient_type", word)


def _read_type(word: ConsentType | str) -> ConsentType | str:
    return choose_word(ConsentType, "type", word)


def _read_status(word: ConsentStatus | str) -> ConsentStatus | str:
    return choose_word(ConsentStatus, "status", word)


def _read_source(source: ConsentSource | str) -> ConsentSource | str:
    known = _find_word(ConsentSource, source)
    if known is None and not (isinstance(cast("object", source), str) and re.fullmatch(_SOURCE, source)):
        raise ConfigurationError("`source` must be a code of the registry, such as HS_WEB")
    return source if known is None else known


def _mask_recipient(recipient: str) -> str:
    name, at, domain = recipient.partition("@")
    return repr(f"{name[:1]}***@{domain}" if at and name and "@" not in domain else mask(recipient))


@forgetful
@frozen
class Consent:
    """One recipient's answer about one kind of message, for `AsyncClient.register_consents`.

    Each word may be given as a member of its enum or as a plain word; a plain word that the enum lists becomes its
    member. A consent read from the service may have unlisted words; they stay plain words.

    Attributes:
        recipient: A Turkish mobile number, kept as `+905XXXXXXXXX`, or an e-mail address.
        recipient_type: The role in which the recipient has consented.
        type: The subject of the consent; `EPOSTA` goes with e-mail addresses, the others with numbers.
        status: The recipient's answer.
        source: The way it was given.
        consent_date: The date: an aware time, to be registered at most 3 days ago; `None` only if the service sent
            none.

    `register_consents` checks recipient and date, for all consents together.

    Raises:
        ConfigurationError: A word is not one of the allowed ones; the message lists these.
    """

    recipient: str = field(converter=_read_recipient, repr=_mask_recipient)
    recipient_type: RecipientType | str = field(converter=_read_recipient_type)
    type: ConsentType | str = field(converter=_read_type)
    status: ConsentStatus | str = field(converter=_read_status)
    source: ConsentSource | str = field(converter=_read_source)
    consent_date: datetime | None


@frozen
class DeliveryEvent:
    """A report that the service posts about one message, as `parse_webhook` reads it.

    Attributes:
        message_id: The message's id, the same in all its reports. (Source: the provider's page on webhooks.)
        order_id: The id of its order: `Order.id`.
        number: The recipient, as `+905XXXXXXXXX`; as the service wrote it if that is not a complete number.
        status: The message's state.
        text: The message's text; empty if the service left it out.
    """

    message_id: int
    order_id: int
    number: str = field(repr=lambda number: repr(mask(number)))
    status: MessageStatus
    text: str = field(repr=False)
