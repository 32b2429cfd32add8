"""Blocked numbers: `get-blacklist`, `add-blacklist` and `delete-blacklist`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.numbers import clean_number, find_flaw, mask, spell

from .arguments import wire_time
from .call import read_status_only
from .operations import OPERATIONS
from .reading import Json, UnreadableError, optional, read_container, read_int, read_items, read_number

if TYPE_CHECKING:
    from iletimerkezi_async.models import Number

    from .arguments import TimeRange
    from .call import Call

__all__ = ["BlacklistPage", "add_blacklist", "delete_blacklist", "get_blacklist", "read_blacklist_page"]


@frozen(eq=False, repr=False)
class BlacklistPage:
    """A page of the blocked numbers: how many the account has in all, whatever the window, and those of the page."""

    count: int | None
    numbers: list[str]


def get_blacklist(page: int, row_count: int, window: TimeRange | None) -> Call[BlacklistPage]:
    """Ask for a page (from 1) of the numbers blocked within a window, of `row_count` (at most 1000) rows."""
    blacklist: dict[str, object] = {"page": page, "rowCount": row_count}
    if window is not None:
        blacklist["filter"] = {"start": wire_time(window.start), "end": wire_time(window.end)}
    return OPERATIONS["get-blacklist"].call({"blacklist": blacklist}, read_blacklist_page)


def read_blacklist_page(response: Json) -> BlacklistPage:
    """Read `blacklist: {count, number: [..]}`."""
    if "blacklist" not in response:
        raise UnreadableError("the list is missing")
    blacklist = read_container(response["blacklist"])
    numbers = [read_number(item) for item in read_items(blacklist.get("number"))]
    return BlacklistPage(optional(read_int, blacklist.get("count")), numbers)


def add_blacklist(number: Number) -> Call[None]:
    """Ask for a number to be blocked.

    Raises:
        RecipientError: It is no number.
    """
    return _blacklist_call("add-blacklist", number)


def delete_blacklist(number: Number) -> Call[None]:
    """Ask for a number to be blocked no longer.

    Raises:
        RecipientError: It is no number.
    """
    return _blacklist_call("delete-blacklist", number)


def _blacklist_call(operation: str, given: Number) -> Call[None]:
    number = clean_number(given)
    if number is None:
        raise RecipientError(466, f"{find_flaw(given)} (see `numbers`)", operation, numbers=(spell(given),))
    return OPERATIONS[operation].call({"blacklist": {"number": number}}, read_status_only, about=mask(number))
