"""The account: `get-balance` and `get-sender`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iletimerkezi_async.models import Balance

from .operations import OPERATIONS
from .reading import Json, UnreadableError, read_container, read_decimal, read_int, read_items, read_object

if TYPE_CHECKING:
    from .call import Call

__all__ = ["get_balance", "get_senders", "read_balance", "read_senders"]


def get_balance() -> Call[Balance]:
    """Ask for the balance."""
    return OPERATIONS["get-balance"].call({}, read_balance)


def read_balance(response: Json) -> Balance:
    """Read `balance: {amount, sms}`."""
    balance = read_object(response.get("balance"))
    return Balance(read_decimal(balance.get("amount")), read_int(balance.get("sms")))


def get_senders() -> Call[tuple[str, ...]]:
    """Ask for the approved senders."""
    return OPERATIONS["get-sender"].call({}, read_senders)


def read_senders(response: Json) -> tuple[str, ...]:
    """Read `senders: {sender: [..]}`. A sender stays exactly as it is approved: case and spaces matter."""
    return tuple(map(_sender, read_items(read_container(response.get("senders")).get("sender"))))


def _sender(value: object) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
        return str(value)
    raise UnreadableError("a sender is missing")
