"""The values that go in and come out. All are immutable, and none prints a text or a whole phone number."""

from __future__ import annotations

from datetime import timedelta, timezone
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from attrs import field, frozen

from .numbers import mask

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from typing_extensions import Self

__all__ = [
    "TURKISH_TIME",
    "Balance",
    "Delivery",
    "Iys",
    "Message",
    "MessageStatus",
    "Number",
    "Order",
    "OrderReport",
    "OrderStatus",
]

#: The service's clock: UTC+3 all year round since 2016, so that no time zone database is needed.
TURKISH_TIME = timezone(timedelta(hours=3))

#: A phone number as callers have it: text in any usual spelling, or an integer.
Number: TypeAlias = str | int


class Iys(str, Enum):
    """Whether, and against which list, the national consent registry (İYS) is asked before sending.

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
    """An integer enum that keeps a code it does not know visible as its number."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        # Not kept in the class: whatever a broken server invents must not grow our memory.
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class MessageStatus(_Status):
    """The state of one message (source: the provider's `get-report` page). Unknown codes are kept as their number."""

    SENDING = 110
    """On its way."""
    DELIVERED = 111
    """Delivered; only these are billed."""
    UNDELIVERED = 112
    """Could not be delivered."""


class OrderStatus(_Status):
    """The state of an order (source: the provider's `get-report` page). Unknown codes are kept as their number."""

    SENDING = 113
    """Being sent."""
    COMPLETED = 114
    """Every message has reached `DELIVERED` or `UNDELIVERED`; it does not mean that all were delivered."""
    FAILED = 115
    """Could not be sent, or was cancelled."""


@frozen
class Balance:
    """What the account holds. An account works with one of the two; the other is then usually zero.

    Attributes:
        amount: Lira.
        sms: Messages.
    """

    amount: Decimal
    sms: int


def _recipients(to: Number | Iterable[Number]) -> tuple[Number, ...]:
    return (to,) if isinstance(to, (str, int)) else tuple(to)


@frozen(repr=False)
class Message:
    """One text and those who get it, for `AsyncClient.send_messages`.

    Attributes:
        text: The text, as it is to be read.
        to: One number or an iterable of numbers, in any spelling that `normalize_number` takes; kept as a tuple.
    """

    text: str
    to: tuple[Number, ...] = field(converter=_recipients)

    def __repr__(self) -> str:
        return f"<Message of {len(self.text)} characters to {len(self.to)} recipients>"


@frozen
class Order:
    """An order that the service has taken.

    Attributes:
        id: Its number, for `get_report`, `get_order` and the panel.
        recipients: How many messages it holds, each recipient counted once for each text.
    """

    id: int
    recipients: int


class Delivery(NamedTuple):
    """What became of one message of an order.

    It is a tuple, as reports bring them by the million.

    Attributes:
        number: The recipient, as `+905XXXXXXXXX`.
        status: Where the message is.
    """

    number: str
    status: MessageStatus

    def __repr__(self) -> str:
        return f"Delivery(number={mask(self.number)!r}, status={self.status!r})"


@frozen
class OrderReport:
    """An order's own state and counters. What the service left out is `None`; times are Turkish (`+03:00`).

    Attributes:
        id: The order's number.
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
