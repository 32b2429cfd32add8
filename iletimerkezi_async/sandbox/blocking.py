"""get-blacklist, add-blacklist and delete-blacklist: the account's blocked numbers.

All three are documented by the provider, 2026.
"""

from datetime import datetime

from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.bodies import Json, is_empty, read_object, read_page, read_rows
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.dates import read_second
from iletimerkezi_async.sandbox.phones import read_phone

__all__ = ["add_blacklist", "delete_blacklist", "get_blacklist", "read_blacklist", "read_entry"]


def read_blacklist(request: Json) -> Json:
    """Return the blacklist object of get-blacklist, which may be left out, as may its filter.

    Raises:
        Refusal: 400.
    """
    if is_empty(request.get("blacklist")):
        return {}
    asked = read_object(request, "blacklist")
    if not is_empty(asked.get("filter")):
        read_object(asked, "filter")
    return asked


def read_entry(request: Json) -> Json:
    """Return the blacklist object of add-blacklist and delete-blacklist.

    Raises:
        Refusal: 400.
    """
    return read_object(request, "blacklist")


def get_blacklist(account: Account, asked: Json) -> Json:
    """Answer get-blacklist: one page of the numbers, oldest first; ``count`` always counts all numbers.

    Raises:
        Refusal: 464 or 400 for the page, 400 for a filter that is not a date; the documents name no code for that.
    """
    page, count = read_page(asked), min(read_rows(asked), account.weather.page_limit)
    window: Json = asked.get("filter") or {}
    start, end = _read_bound(window, "start"), _read_bound(window, "end")
    numbers = [
        number
        for number, added_at in account.blocked.items()
        if (start is None or start <= added_at) and (end is None or added_at <= end)
    ]
    shown = account.style.write_numbers(numbers[(page - 1) * count : page * count])
    total = account.style.scalar(len(account.blocked))
    return {"blacklist": {"count": total, **account.style.repeated("number", shown)}}


def add_blacklist(account: Account, asked: Json) -> Json:
    """Answer add-blacklist. A number that is blocked already keeps the time when it was added.

    Raises:
        Refusal: 466.
    """
    # Whole seconds, as in the filter.
    account.blocked.setdefault(_read_number(asked), account.now.replace(microsecond=0))
    return {}


def delete_blacklist(account: Account, asked: Json) -> Json:
    """Answer delete-blacklist.

    Raises:
        Refusal: 466, or 474 for a number that is not blocked.
    """
    if account.blocked.pop(_read_number(asked), None) is None:
        raise Refusal(474)
    return {}


def _read_number(asked: Json) -> str:
    number = read_phone(asked.get("number"))
    if number is None:
        raise Refusal(466)
    return number


def _read_bound(window: Json, name: str) -> datetime | None:
    value = window.get(name)
    if value is None or value == "":
        return None
    bound = read_second(value)
    if bound is None:
        raise Refusal(400)
    return bound
