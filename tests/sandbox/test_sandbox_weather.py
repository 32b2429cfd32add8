"""What the service tells of its orders may differ from the truth, and the ledger stays the truth."""

from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from sandbox_wire import ONE, THREE, TWO, accepted, ask, body, frozen, send

from iletimerkezi_async.sandbox import Sandbox, Weather

NUMBERS = [f"+90{5301230000 + position}" for position in range(20)]


def report(sandbox: Sandbox, id: int, **more: Any) -> dict[str, Any]:
    """Ask for a report that has to come."""
    code, response = ask(sandbox, "get-report", order={"id": id, **more})
    assert code == 200
    order: dict[str, Any] = response["order"]
    return order


def listed(sandbox: Sandbox, page: int = 1, day: str = "2026-05-06") -> list[dict[str, Any]]:
    """Ask for a page of the orders of one day."""
    code, response = ask(sandbox, "get-reports", filter={"start": day, "end": day, "page": page})
    assert code == 200
    orders: list[dict[str, Any]] = response["orders"]
    return orders


def rows(sandbox: Sandbox, id: int, **more: Any) -> list[str]:
    """Return the numbers in a report."""
    return [row["number"] for row in report(sandbox, id, **more)["message"]]


@pytest.mark.parametrize(
    ("weather", "submitted", "sent"),
    [
        (Weather(), "2026-05-06 12:00:07", "2026-05-06 12:00:07"),
        (Weather(time_offset=timedelta(minutes=-90)), "2026-05-06 10:30:07", "2026-05-06 10:30:07"),
        (Weather(time_zone=timezone.utc), "2026-05-06 09:00:07", "2026-05-06 09:00:07"),
        (Weather(minutes_only=True), "2026-05-06 12:00:00", "2026-05-06 12:00:00"),
        (Weather(queue=timedelta(minutes=2)), "2026-05-06 12:02:07", "2026-05-06 12:02:07"),
    ],
)
def test_times(weather: Weather, submitted: str, sent: str) -> None:
    """Times in the list and the report are off alike; the ledger's are not."""
    sandbox = frozen("2026-05-06 12:00:07", weather=weather)
    id = accepted(sandbox)
    for told in (report(sandbox, id), *listed(sandbox)):
        assert (told["submitAt"], told["sendAt"]) == (submitted, sent)
    assert sandbox.orders[0].submitted_at.isoformat() == "2026-05-06T12:00:07+03:00"


@pytest.mark.parametrize(
    "weather", [Weather(time_zone=timezone.utc), Weather(time_offset=timedelta(hours=-3))], ids=["zone", "offset"]
)
def test_days_follow_the_times(weather: Weather) -> None:
    """An order is listed on the day that its own time tells, not on the true one."""
    sandbox = frozen("2026-05-06 01:00:00", weather=weather)
    accepted(sandbox)
    assert not listed(sandbox)
    assert [order["submitAt"] for order in listed(sandbox, day="2026-05-05")] == ["2026-05-05 22:00:00"]


@pytest.mark.parametrize("minutes", [-5, 5, None])
def test_date(minutes: int | None) -> None:
    """The header is off or missing, with and without a socket, also beside a 404."""
    offset = None if minutes is None else timedelta(minutes=minutes)
    sandbox = frozen("2026-05-06 15:00:00", weather=Weather(date_offset=offset))
    with sandbox.serve() as url:
        answers = [httpx.post(f"{url}/{name}/json", content=body(), trust_env=False) for name in ("get-balance", "x")]
    told = [dict(sandbox.handle("get-balance", body()).headers).get("date")]
    told += [answer.headers.get("date") for answer in answers]
    if minutes is None:
        assert told == [None] * 3
    else:
        assert {parsedate_to_datetime(date or "").minute for date in told} == {minutes % 60}


@pytest.mark.parametrize(
    ("weather", "total"),
    [
        (Weather(), 3),
        (Weather(totals="parts"), 4),
        (Weather(total_extra=2), 5),
        (Weather(total_extra=-1), 2),
        (Weather(total_extra=-9), 0),
        (Weather(totals="absent"), None),
    ],
)
def test_totals(weather: Weather, total: int | None) -> None:
    """Totals count parts, are wrong or missing, in the list and in the report; the rows are all there."""
    sandbox = frozen(weather=weather)
    messages = [
        {"text": "Kisa", "receipents": {"number": [ONE, TWO]}},
        {"text": "a" * 156, "receipents": {"number": [THREE]}},
    ]
    id = accepted(sandbox, message=messages)
    for told in (report(sandbox, id), *listed(sandbox)):
        assert told.get("total") == told.get("waiting") == total
    assert len(rows(sandbox, id)) == 3


def test_counters_add_up() -> None:
    """However wrong the total is, the three counters make it up."""
    for extra in range(-4, 4):
        sandbox = frozen(weather=Weather(total_extra=extra), undelivered=[TWO], delivery_seconds=3)
        id = accepted(sandbox, ONE, TWO, THREE)
        for _ in range(4):
            told = report(sandbox, id)
            assert told["total"] == told["delivered"] + told["undelivered"] + told["waiting"] == max(3 + extra, 0)
            sandbox.advance(seconds=1)


def test_total_and_rows_lag() -> None:
    """Both grow evenly from nothing to all."""
    minute = timedelta(minutes=1)
    sandbox = frozen(weather=Weather(total_lag=minute, row_lag=2 * minute))
    id = accepted(sandbox, *NUMBERS)
    seen: list[tuple[int, int]] = []
    for _ in range(5):
        seen.append((report(sandbox, id)["total"], len(rows(sandbox, id))))
        sandbox.advance(seconds=30)
    assert seen == [(0, 0), (10, 5), (20, 10), (20, 15), (20, 20)]


@pytest.mark.parametrize(("masks", "written"), [("middle", "+90530***4567"), ("end", "+90530123xxxx")])
def test_masks(masks: Any, written: str) -> None:
    """Numbers are covered in the middle or at the end, and whole in the ledger."""
    sandbox = frozen(weather=Weather(masks=masks))
    assert rows(sandbox, accepted(sandbox)) == [written]
    assert sandbox.deliveries == {"+905301234567": 1}


def test_row_order() -> None:
    """Rows come reversed or shuffled, the same in every run of a seed, and each state stays with its number."""
    told: list[list[str]] = []
    for weather in (
        Weather(row_order="reversed"),
        Weather(row_order="shuffled", seed=1),
        Weather(row_order="shuffled", seed=1),
        Weather(row_order="shuffled", seed=2),
    ):
        sandbox = frozen(weather=weather, undelivered=[NUMBERS[3]], delivery_seconds=0)
        id = accepted(sandbox, *NUMBERS)
        whole = [row for page in (1, 2, 3) for row in report(sandbox, id, page=page, rowCount=9)["message"]]
        assert [row["number"] for row in whole if row["status"] == 112] == [NUMBERS[3]]
        told.append([row["number"] for row in whole])
    assert told[0] == NUMBERS[::-1]
    assert told[1] == told[2] != told[3]
    assert all(sorted(numbers) == NUMBERS for numbers in told)


def test_rows_missing() -> None:
    """Some rows are never told, whatever the pages; the total still counts them."""
    sandbox = frozen(weather=Weather(rows_missing=3))
    id = accepted(sandbox, *NUMBERS)
    told = [number for page in (1, 2, 3) for number in rows(sandbox, id, page=page, rowCount=8)]
    assert len(set(told)) == len(told) == 17
    assert report(sandbox, id)["total"] == 20
    sandbox.weather = Weather(rows_missing=30)
    assert not rows(sandbox, id)


def test_short_pages() -> None:
    """A page is shorter than asked for, and the next one begins where it ended."""
    sandbox = frozen(weather=Weather(page_limit=7), blocked=NUMBERS)
    id = accepted(sandbox, ONE, *[f"+90{5301240000 + position}" for position in range(19)])
    pages = [rows(sandbox, id, page=page, rowCount=1000) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [7, 7, 6, 0]
    assert len({number for page in pages for number in page}) == 20
    assert len(ask(sandbox, "get-blacklist", blacklist={})[1]["blacklist"]["number"]) == 7


def test_list_lag() -> None:
    """An order is in the list a while after it was taken, and counted from then on; its report is there at once."""
    sandbox = frozen(weather=Weather(list_lag=timedelta(minutes=1)))
    id = accepted(sandbox)
    assert (len(rows(sandbox, id)), listed(sandbox)) == (1, [])
    sandbox.advance(seconds=59.999)
    assert not listed(sandbox)
    sandbox.advance(seconds=0.001)
    assert [order["id"] for order in listed(sandbox)] == [id]


def test_list_order() -> None:
    """The oldest order comes first, on pages of another size."""
    sandbox = frozen(weather=Weather(list_order="oldest", list_page=2))
    ids = [accepted(sandbox, text=f"Mesaj {position}") for position in range(5)]
    assert [[order["id"] for order in listed(sandbox, page)] for page in (1, 2, 3)] == [ids[:2], ids[2:4], ids[4:]]


def test_arrivals_shift_the_pages() -> None:
    """Orders that arrive between two pages push those that were seen onto the next page."""
    sandbox = frozen(weather=Weather(list_page=2, arrivals=1))
    ids = [accepted(sandbox, text=f"Mesaj {position}") for position in range(3)]
    pages = [[order["id"] for order in listed(sandbox, page)] for page in (1, 2, 3)]
    assert pages == [[ids[2], ids[1]], [ids[1], ids[0]], [ids[0]]]
    assert len(sandbox.orders) == 5


@pytest.mark.parametrize(("sender", "told"), [("own", "FIRMA"), ("absent", None), ("BASKA", "BASKA")])
def test_sender(sender: str, told: str | None) -> None:
    """The sender is left out, or another one's."""
    sandbox = frozen(weather=Weather(sender=sender))
    id = accepted(sandbox)
    assert [order.get("sender") for order in (report(sandbox, id), *listed(sandbox))] == [told] * 2
    assert sandbox.orders[0].sender == "FIRMA"


def test_duplicates_in_sequence() -> None:
    """Where the sequence decides, the same numbers in another one are another order."""
    assert [send(frozen(), ONE, TWO), send(frozen(), TWO, ONE)] == [200, 200]
    for duplicates, code in (("set", 451), ("sequence", 200)):
        options: dict[str, Any] = {"duplicates": duplicates}
        sandbox = frozen(**options)
        assert [send(sandbox, ONE, TWO), send(sandbox, TWO, ONE), send(sandbox, ONE, TWO)] == [200, code, 451]


def test_duplicate_window() -> None:
    """The window can be of another length."""
    sandbox = frozen(duplicate_window=timedelta(minutes=2))
    assert send(sandbox) == 200
    sandbox.advance(minutes=2, microseconds=-1)
    assert send(sandbox) == 451
    sandbox.advance(microseconds=1)
    assert send(sandbox) == 200


def test_orders_of_another_program() -> None:
    """They are in the ledger, the list and the reports like any other, and no request was made for them."""
    sandbox = frozen(balance=100)
    mine = accepted(sandbox)
    theirs = sandbox.add_orders(3, recipients=2)
    (same,) = sandbox.add_orders(to=[ONE], sender="APITEST", text="a" * 156)
    assert [order["id"] for order in listed(sandbox)] == [same, *theirs[::-1], mine]
    assert [len(rows(sandbox, id)) for id in (*theirs, same)] == [2, 2, 2, 1]
    assert sandbox.deliveries.total() == 8
    assert sandbox.deliveries["+905301234567"] == 2
    assert (sandbox.balance, sandbox.orders[-1].sender) == (91, "APITEST")
    assert "send-sms" in sandbox.request_counts
    assert sandbox.request_counts["send-sms"] == 1
    assert send(sandbox) == 451
    with pytest.raises(ValueError, match="at least one"):
        sandbox.add_orders(recipients=0)
    with pytest.raises(ValueError, match="to: not a Turkish"):
        sandbox.add_orders(to=["kedi"])


def test_other_orders_come_by_thousands() -> None:
    """Ten thousand orders have ids of their own, and go to ten thousand people."""
    sandbox = frozen()
    assert len(set(sandbox.add_orders(10_000))) == 10_000
    assert set(sandbox.deliveries.values()) == {1}
    assert len(sandbox.deliveries) == 10_000


def test_request_counts() -> None:
    """Requests are counted by operation, faulty and unknown ones, too; the counter is the caller's own."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "drop-request")
    for _ in range(2):
        ask(sandbox, "get-sender")
    with pytest.raises(ValueError, match=r"."):
        ask(sandbox, "get-balance")
    sandbox.request_counts.clear()
    assert sandbox.request_counts == {"get-sender": 2, "get-balance": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"queue": timedelta(seconds=-1)},
        {"list_lag": timedelta(seconds=-1)},
        {"rows_missing": -1},
        {"page_limit": 0},
        {"list_page": 0},
        {"masks": "kedi"},
        {"totals": "kedi"},
        {"row_order": "kedi"},
        {"list_order": "kedi"},
    ],
)
def test_bad_weather(options: dict[str, Any]) -> None:
    """Values that make no sense are refused by the attribute's name."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Weather(**options)


def test_bad_duplicates() -> None:
    """So is an unknown way of telling duplicates."""
    options: dict[str, Any] = {"duplicates": "kedi"}
    with pytest.raises(ValueError, match="duplicates"):
        Sandbox(**options)


def test_no_two_orders_of_other_programs_have_a_number_in_common() -> None:
    """Of whatever sizes they are, and whatever was sent in between."""
    sandbox = frozen(balance=100)
    for count, recipients in ((2, 1), (1, 3), (3, 2)):
        sandbox.add_orders(count, recipients=recipients)
        accepted(sandbox, text=f"Metin {recipients}")
    assert all(count == 1 for number, count in sandbox.deliveries.items() if number.startswith("+9050"))
