"""One account at the service: its settings, its books, and the operations that only show them."""

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
    """Charges orders when they are accepted, and gives back what is not billed in the end.

    A cancelled order is given back at once. Undelivered messages are not billed either (documented by the provider,
    2026): they are given back when their whole order is finished.

    Not locked: the service has the lock.

    Args:
        balance: SMS at the start.
    """

    def __init__(self, balance: int) -> None:
        self._balance = balance
        self._refunds: deque[SandboxOrder] = deque()

    def charge(self, order: SandboxOrder) -> None:
        """Take what an order costs."""
        self._balance -= order.cost
        if order.refund:
            self._refunds.append(order)

    def give_back(self, order: SandboxOrder) -> None:
        """Give back the whole of a cancelled order."""
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
    """Settings and books of the one customer.

    Attributes:
        key: The API key.
        hash: The hash that goes with it.
        user: A user name and a password that are let in instead, or None.
        senders: Approved sender names.
        amount: The balance in lira, as it is shown.
        sms_price: What one SMS costs, in the prices that are shown.
        brands: Brand codes with an active consent subscription.
        refuse_past: Whether a schedule in the past is refused, rather than sent at once.
        take_missing_iys: Whether an order without ``iys`` is taken as one with ``"0"``.
        skip_blocked: Whether blocked recipients are left out, rather than refused with the whole order.
        refuse_unknown_consent: Whether a check of a consent that is not registered is refused, rather than empty.
        duplicates: Whether an order whose numbers come in another sequence is a duplicate.
        duplicate_window: For how long a duplicate is refused.
        delivery_seconds: How long the delivery of an order takes.
        fails: Tells of a ``+905XXXXXXXXX`` number whether its messages end undelivered.
        style: How the answer to the request that is being handled is written.
        weather: How the answers deviate from the truth.
        now: When the request that is being handled arrived, in Turkish time.
        blocked: The account's blocked numbers, and when each was added; oldest first.
        ledger: The balance in SMS.
        orders: The orders.
        consents: The consents registered through this account: the latest record for each key, as it came.
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
        """Let the owner in.

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
