"""The account: its balance, its senders and its blocked numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.models import Balance
from iletimerkezi_async.numbers import clean_number, find_flaw, mask, write_out

from . import OPERATIONS
from .call import Call, read_status_only
from .reading import (
    Json,
    UnreadableError,
    needed,
    read_container,
    read_decimal,
    read_int,
    read_items,
    read_number,
    read_object,
    read_string,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iletimerkezi_async.numbers import Number


def get_balance() -> Call[Balance]:
    """Ask for the balance."""
    return Call(OPERATIONS["get-balance"], {}, _read_balance)


def _read_balance(response: Json) -> Balance:
    """Read `balance: {amount, sms}`."""
    balance = read_object(response.get("balance"))
    amount = needed(read_decimal(balance.get("amount")), "an amount")
    return Balance(amount, needed(read_int(balance.get("sms")), "a number"))


def get_senders() -> Call[tuple[str, ...]]:
    """Ask for the approved senders."""
    return Call(OPERATIONS["get-sender"], {}, _read_senders)


def _read_senders(response: Json) -> tuple[str, ...]:
    """Read `senders: {sender: [..]}`. A sender stays exactly as it is approved: case and spaces matter."""
    senders = read_items(read_container(response.get("senders")).get("sender"))
    return tuple(needed(read_string(sender) or None, "a sender") for sender in senders)


def get_blacklist(page: int, row_count: int, times: Mapping[str, str] | None) -> Call[tuple[list[str], int | None]]:
    """Ask for a page (from 1) of the numbers blocked in a range of times, of `row_count` (at most 1000) rows.

    The result is the page's numbers, and how many the account has in all, whatever the range.
    """
    blacklist: dict[str, object] = {"page": page, "rowCount": row_count}
    if times is not None:
        blacklist["filter"] = times
    return Call(OPERATIONS["get-blacklist"], {"blacklist": blacklist}, _read_blacklist_page)


def _read_blacklist_page(response: Json) -> tuple[list[str], int | None]:
    """Read `blacklist: {count, number: [..]}`."""
    if "blacklist" not in response:
        raise UnreadableError("the list is missing")
    blacklist = read_container(response["blacklist"])
    numbers = [read_number(item) for item in read_items(blacklist.get("number"))]
    return numbers, read_int(blacklist.get("count"))


def change_blacklist(operation: str, given: Number) -> Call[None]:
    """Ask to block a number (`add-blacklist`) or to unblock it (`delete-blacklist`).

    Raises:
        RecipientError: It is not a number.
    """
    number = clean_number(given)
    if number is None:
        raise RecipientError(466, f"{find_flaw(given)} (see `numbers`)", operation, numbers=(write_out(given),))
    return Call(OPERATIONS[operation], {"blacklist": {"number": number}}, read_status_only, about=mask(number))
