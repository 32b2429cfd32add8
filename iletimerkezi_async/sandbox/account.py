"""One account at the service: its settings, its books, and the operations that only show them."""

from collections.abc import Callable
from datetime import datetime

import attrs

from iletimerkezi_async.sandbox.bodies import Json
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.consents import ConsentBook
from iletimerkezi_async.sandbox.ledger import Ledger
from iletimerkezi_async.sandbox.orders import OrderBook
from iletimerkezi_async.sandbox.style import Style

__all__ = ["Account", "get_balance", "get_sender"]


@attrs.define(repr=False, eq=False, kw_only=True)
class Account:
    """What the service knows about its one customer.

    Attributes:
        key: The API key.
        hash: The hash that goes with it.
        senders: Approved sender names.
        amount: The balance in lira, as it is shown.
        brands: Brand codes with an active consent subscription.
        skip_blocked: Whether blocked recipients are left out, rather than refused with the whole order.
        refuse_unknown_consent: Whether a check of a consent that is not registered is refused, rather than empty.
        delivery_seconds: How long the delivery of an order takes.
        fails: Tells of a ``+905XXXXXXXXX`` number whether its messages end undelivered.
        style: How answers are written.
        now: When the request that is being handled arrived, in Turkish time.
        blocked: The account's blocked numbers, and when each was added; oldest first.
        ledger: The balance in SMS.
        orders: The orders.
        consents: The consents registered through this account.
    """

    key: str
    hash: str
    senders: tuple[str, ...]
    amount: str
    brands: frozenset[str]
    skip_blocked: bool
    refuse_unknown_consent: bool
    delivery_seconds: float
    fails: Callable[[str], bool] | None
    style: Style
    now: datetime
    blocked: dict[str, datetime]
    ledger: Ledger
    orders: OrderBook = attrs.field(factory=OrderBook)
    consents: ConsentBook = attrs.field(factory=ConsentBook)

    def check_credentials(self, authentication: Json) -> None:
        """Let the owner in.

        Raises:
            Refusal: 401.
        """
        if (authentication.get("key"), authentication.get("hash")) != (self.key, self.hash):
            raise Refusal(401)


def get_balance(account: Account, _: None) -> Json:
    """Answer get-balance."""
    # Strings in every style: all documents show them so.
    return {"balance": {"amount": account.amount, "sms": str(account.ledger.balance(account.now))}}


def get_sender(account: Account, _: None) -> Json:
    """Answer get-sender (documented by the provider, 2026)."""
    return {"senders": account.style.repeated("sender", account.senders)}
