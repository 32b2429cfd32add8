import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from iletimerkezi_async import Order, OrderReport, OrderStatus
from iletimerkezi_async.cli.messages import WrongUsageError
from iletimerkezi_async.cli.moments import read_day, read_week
from iletimerkezi_async.cli.orders import _plain_line

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_NOW = datetime(2026, 12, 1, 22, 30, tzinfo=timezone.utc)


def test_the_senders(iletimerkezi: "Command") -> None:
    """One a line, plain or as JSON."""
    assert iletimerkezi("senders").stdout == "APITEST\nFIRMA\n"
    lines = iletimerkezi("senders", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"sender": "APITEST"}, {"sender": "FIRMA"}]


def test_the_orders_of_a_week(iletimerkezi: "Command", place: Callable[[int], Order]) -> None:
    """Each order is a line; as JSON it has every field, and a terminal gets the range that was asked for."""
    ids = [place(recipients).id for recipients in (1, 20)]
    plain = iletimerkezi("orders")
    assert (plain.returncode, plain.stderr) == (0, "")
    rows = sorted(plain.stdout.splitlines())
    assert [row.split()[0] for row in rows] == [str(id) for id in ids]
    assert re.fullmatch(rf"{ids[1]} +COMPLETED  20\d\d-\d\d-\d\d \d\d:\d\d  FIRMA +18 of 20 delivered", rows[1])
    lines = iletimerkezi("orders", "--json").stdout.splitlines()
    fields = {row["id"]: row for row in map(json.loads, lines)}[ids[1]]
    assert list(fields) == [
        "id", "status", "code", "total", "delivered", "undelivered", "waiting", "submitted_at", "sent_at", "sender",
        "price",
    ]  # fmt: skip
    assert (fields["status"], fields["code"], fields["undelivered"], fields["waiting"]) == ("COMPLETED", 114, 2, 0)
    assert fields["submitted_at"].endswith("+03:00")
    code, screen = iletimerkezi.in_terminal("orders", "--from", "2020-01-01", "--to", "2020-01-31")
    assert (code, screen) == (0, "0 orders from 2020-01-01 to 2020-01-31\r\n")


@pytest.mark.parametrize(
    ("first", "last", "week"),
    [
        ("1.10.2026", "05.10.2026", (date(2026, 10, 1), date(2026, 10, 5))),
        (None, None, (date(2026, 11, 26), date(2026, 12, 2))),
        (None, "2026-02-03", (date(2026, 1, 28), date(2026, 2, 3))),
        ("2026-10-01", None, (date(2026, 10, 1), date(2026, 12, 2))),
        (None, "0001-01-02", (date(1, 1, 1), date(1, 1, 2))),
    ],
)
def test_what_is_left_out_makes_a_week(first: str | None, last: str | None, week: tuple[date, date]) -> None:
    """The default are the last seven Turkish days, today among them."""
    assert read_week(first, last, now=_NOW) == week


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "20261201", "2026-12-01 09:00", "1.13.2026", "1.1.26"])
def test_what_is_no_day_is_refused(day: str) -> None:
    """A day is written in one way, on every Python."""
    with pytest.raises(WrongUsageError, match=r"--from .* is not a day such as"):
        read_day("--from", day)


def test_a_range_that_ends_before_it_starts(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """It is wrong usage, and the service is not asked."""
    for command in (("orders",), ("blacklist", "list")):
        result = iletimerkezi(*command, "--from", "2026-12-02", "--to", "2026-12-01")
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == "iletimerkezi: the range ends (2026-12-01) before it starts (2026-12-02)\n"
    assert not sandbox.requests


def test_an_order_that_tells_little_is_a_line() -> None:
    """What the service left out is shown as such."""
    assert _plain_line(OrderReport(7, OrderStatus(199))).split() == (
        ["7", "UNKNOWN_199", "-", "-", "?", "of", "?", "delivered"]
    )


def test_the_blacklist(iletimerkezi: "Command") -> None:
    """A number is blocked, listed and unblocked; each command reports it in words or as JSON."""
    number = "+905301234567"
    assert iletimerkezi("blacklist", "add", "0530 123 45 67").stdout == f"{number} is blocked\n"
    added = iletimerkezi("blacklist", "add", "5301234568", "--json")
    assert json.loads(added.stdout) == {"number": "+905301234568", "blocked": True}
    assert sorted(iletimerkezi("blacklist", "list").stdout.split()) == [number, "+905301234568"]
    today = datetime.now(timezone(timedelta(hours=3))).date()
    listed = iletimerkezi("blacklist", "list", "--from", str(today - timedelta(1)), "--json").stdout.splitlines()
    assert {"number": number} in map(json.loads, listed)
    assert iletimerkezi("blacklist", "remove", number).stdout == f"{number} is not blocked any more\n"
    again = iletimerkezi("blacklist", "remove", number)
    assert (again.returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"iletimerkezi: delete-blacklist: 474 .*: the number is not blocked\n", again.stderr)
    code, screen = iletimerkezi.in_terminal("blacklist", "list")
    assert (code, screen) == (0, "+905301234568\r\n1 blocked number\r\n")


def test_what_is_no_number_is_not_blocked(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """It is named, and the service is not asked."""
    result = iletimerkezi("blacklist", "add", "530123")
    assert (result.returncode, result.stderr) == (2, "iletimerkezi: '530123' is not a phone number\n")
    assert not sandbox.requests
