"""One account at the service: its settings, its state, and the operations that only show them."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Literal, TypeAlias

import attrs

from iletimerkezi_async.sandbox.bodies import Json
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.orders import OrderBook, SandboxOrder
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Account", "ConsentKey", "Ledger", "get_balance", "get_sender"]

ConsentKey: TypeAlias = tuple[str, str, str, str]
"""Brand code, recipient, recipient type, type."""


class Ledger:
    """Charges accepted orders, and refunds what is not billed in the end.

    A cancelled order is refunded at once. Undelivered messages are not billed either (documented by the provider,
    2026): they are refunded when their whole order is finished.

    Not thread-safe: the service holds the lock.

    Args:
        balance: SMS at the start.
    """

    def __init__(self, balance: int) -> None:
        self._balance = balance
        self._refunds: deque[SandboxOrder] = deque()

    def charge(self, order: SandboxOrder) -> None:
        """Subtract the cost of an order."""
        self._balance -= order.cost
        if order.refund:
            self._refunds.append(order)

    def give_back(self, order: SandboxOrder) -> None:
        """Refund a cancelled order completely."""
        self._balance += order.cost
        if order.refund:
            self._refunds.remove(order)

    def balance(self, now: datetime) -> int:
        """Return the SMS that are left."""
        for _ in range(len(self._refunds)):
            order = self._refunds.popleft()
            if now >= order.finished_at:
                self._balance += order.refund
            else:
                self._refunds.append(order)
        return self._balance


@attrs.define(repr=False, eq=False, kw_only=True)
class Account:
    """Settings and state of the only account.

    Attributes:
        key: The API key.
        hash: The hash that goes with it.
        user: A user name and a password that are accepted instead of key and hash, or None.
        senders: Approved sender names.
        amount: The balance in lira that answers show.
        sms_price: The price of one SMS, for the prices that answers show.
        brands: Brand codes with an active consent subscription.
        refuse_past: Whether a schedule in the past is refused, rather than sent at once.
        take_missing_iys: Whether an order without ``iys`` is taken as one with ``"0"``.
        skip_blocked: Whether blocked recipients are left out, rather than refused with the whole order.
        refuse_unknown_consent: Whether the check of an unregistered consent is refused, rather than answered with
            an empty one.
        duplicates: ``"set"`` if the same numbers in any sequence are a duplicate, ``"sequence"`` if only in the same.
        duplicate_window: The time in which a duplicate is refused.
        delivery_seconds: The seconds that the delivery of an order takes.
        fails: Returns for a ``+905XXXXXXXXX`` number whether its messages end undelivered.
        style: The form of the answer to the current request.
        weather: The deviations of answers from the truth.
        now: The arrival time of the current request, in Turkish time.
        blocked: The account's blocked numbers, with the time when each was added; oldest first.
        ledger: The balance in SMS.
        orders: The orders.
        consents: The consents registered by this account: the latest record for each key, as it was received.
        strangers: Numbers for the orders of other programs, each once.
    """

    key: str
    hash: str
    user: tuple[str, str] | None
    senders: tuple[str, ...]
    amount: str
    sms_price: Decimal
    brands: frozenset[str]
    refuse_past: bool
    take_missing_iys: bool
    skip_blocked: bool
    refuse_unknown_consent: bool
    duplicates: Literal["set", "sequence"]
    duplicate_window: timedelta
    delivery_seconds: float
    fails: Callable[[str], bool] | None
    style: Style
    weather: Weather
    now: datetime
    blocked: dict[str, datetime]
    ledger: Ledger
    orders: OrderBook
    consents: dict[ConsentKey, Json] = attrs.field(factory=dict[ConsentKey, Json])
    strangers: Iterator[str] = attrs.field(factory=lambda: map("+90{}".format, count(5_000_000_000)))

    def check_credentials(self, authentication: Json) -> None:
        """Check the credentials.

        Raises:
            Refusal: 401.
        """
        named = (authentication.get("username"), authentication.get("password"))
        if (authentication.get("key"), authentication.get("hash")) != (self.key, self.hash) and named != self.user:
            raise Refusal(401, detail="not the key and hash of this sandbox")


def get_balance(account: Account, _: None) -> Json:
    """Answer get-balance."""
    return {"balance": account.style.write_balance(account.amount, account.ledger.balance(account.now))}


def get_sender(account: Account, _: None) -> Json:
    """Answer get-sender (documented by the provider, 2026)."""
    return {"senders": account.style.repeated("sender", account.senders)}
