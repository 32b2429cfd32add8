"""get-report, get-reports, cancel-order, and the balance after them."""

from typing import Any

import pytest
from sandbox_wire import ONE, THREE, TWO, accepted, ask, frozen, message

from iletimerkezi_async.sandbox import Sandbox, Style


def report(sandbox: Sandbox, id: object, **more: Any) -> dict[str, Any]:
    """Ask for a report that has to come."""
    code, response = ask(sandbox, "get-report", order={"id": id, **more})
    assert code == 200
    order: dict[str, Any] = response["order"]
    return order


def test_a_delivery() -> None:
    """Messages become final one after another; the order is finished with the last of them."""
    sandbox = frozen(delivery_seconds=2, undelivered=[TWO])
    id = accepted(sandbox, ONE, TWO, THREE, ONE)
    seen = []
    for _ in range(5):
        order = report(sandbox, id)
        counters = tuple(order[name] for name in ("total", "delivered", "undelivered", "waiting"))
        seen.append((order["status"], [row["status"] for row in order["message"]], counters))
        sandbox.advance(seconds=0.5)
    assert seen == [
        (113, [110, 110, 110, 110], (4, 0, 0, 4)),
        (113, [111, 110, 110, 110], (4, 1, 0, 3)),
        (113, [111, 112, 110, 110], (4, 1, 1, 2)),
        (113, [111, 112, 111, 110], (4, 2, 1, 1)),
        (114, [111, 112, 111, 111], (4, 3, 1, 0)),
    ]


def test_whole_report() -> None:
    """A report has the first documents' fields and the later ones, with times in Turkey."""
    sandbox = frozen("2026-05-06 23:59:58", delivery_seconds=0)
    id = accepted(sandbox, ONE, TWO, text="a" * 156)
    sandbox.advance(days=1)
    assert report(sandbox, str(id)) == {
        "id": str(id),
        "status": 114,
        "total": 2,
        "delivered": 2,
        "undelivered": 0,
        "waiting": 0,
        "submitAt": "2026-05-06 23:59:58",
        "sendAt": "2026-05-06 23:59:58",
        "sender": "FIRMA",
        "price": "4,0000",
        "message": [{"number": "+905301234567", "status": 111}, {"number": "+905301234568", "status": 111}],
    }


def test_pages() -> None:
    """Pages follow each other without a gap, the order's rows in their order, until an empty one."""
    numbers = [f"+90{5301230000 + position}" for position in range(2500)]
    sandbox = frozen(delivery_seconds=10, undelivered=lambda number: number.endswith("7"))
    id = accepted(sandbox, *numbers)
    sandbox.advance(seconds=5)
    whole = [row for page in (1, 2, 3, 4) for row in report(sandbox, id, page=page)["message"]]
    assert [row["number"] for row in whole] == numbers
    finals = [112 if number.endswith("7") else 111 for number in numbers[:1250]]
    assert [row["status"] for row in whole] == finals + [110] * 1250
    small = [row for page in range(1, 25) for row in report(sandbox, id, page=str(page), rowCount="109")["message"]]
    assert small == whole
    assert len(report(sandbox, id, rowCount=5000)["message"]) == 1000
    assert report(sandbox, id, page=10**15)["message"] == []


@pytest.mark.parametrize("count", [0, -1, "0", "x", 1.5, True])
def test_bad_row_count(count: object) -> None:
    """A page without rows is 400."""
    sandbox = Sandbox()
    id = accepted(sandbox)
    assert ask(sandbox, "get-report", order={"id": id, "rowCount": count})[0] == 400


@pytest.mark.parametrize("id", [1, "1", "", None, ..., "x", -1, 1.5, [1], True, "42800001 ", "٤٢٨٠٠٠٠١", "9" * 5000])
@pytest.mark.parametrize("operation", ["get-report", "cancel-order"])
def test_unknown_order(operation: str, id: object) -> None:
    """An id that was not given out is 455."""
    sandbox = Sandbox()
    accepted(sandbox)
    assert ask(sandbox, operation, order={} if id is ... else {"id": id})[0] == 455


def test_scheduled_order() -> None:
    """A scheduled order is 456 until its minute; then it goes out."""
    sandbox = frozen(delivery_seconds=1)
    id = accepted(sandbox, sendDateTime=["06/05/2026 12:10"])
    sandbox.advance(minutes=9, seconds=59, microseconds=999_999)
    assert ask(sandbox, "get-report", order={"id": id})[0] == 456
    assert not sandbox.deliveries
    sandbox.advance(microseconds=1)
    assert report(sandbox, id)["sendAt"] == "2026-05-06 12:10:00"
    assert sandbox.deliveries == {"+905301234567": 1}


def test_cancel() -> None:
    """A cancelled order is given back, reports 115, and never goes out; it cannot be cancelled again."""
    sandbox = frozen(balance=10)
    id = accepted(sandbox, ONE, TWO, sendDateTime=["06/05/2026 12:10"])
    assert sandbox.balance == 8
    assert ask(sandbox, "cancel-order", order={"id": str(id)}) == (
        200,
        {"status": {"code": 200, "message": "İşlem tamam"}},
    )
    assert sandbox.balance == 10
    assert sandbox.orders[0].cancelled
    sandbox.advance(minutes=11)
    order = report(sandbox, id)
    assert order["status"] == 115
    assert (order["total"], order["delivered"], order["undelivered"], order["waiting"]) == (2, 0, 2, 0)
    assert [row["status"] for row in order["message"]] == [112, 112]
    assert not sandbox.deliveries
    assert ask(sandbox, "cancel-order", order={"id": id})[0] == 455


def test_cancel_too_late() -> None:
    """From its minute on an order cannot be cancelled."""
    sandbox = frozen()
    at_once = accepted(sandbox, text="Bir")
    later = accepted(sandbox, text="Iki", sendDateTime=["06/05/2026 12:10"])
    assert ask(sandbox, "cancel-order", order={"id": at_once})[0] == 455
    sandbox.advance(minutes=10)
    assert ask(sandbox, "cancel-order", order={"id": later})[0] == 455
    assert sandbox.deliveries == {"+905301234567": 2}


def test_undelivered_is_not_billed() -> None:
    """What did not arrive is given back when its order is finished; it was sent all the same."""
    sandbox = frozen(balance=10, delivery_seconds=2, undelivered=[TWO])
    accepted(sandbox, message=[message(ONE, TWO), message(TWO, text="a" * 156)])
    sandbox.advance(seconds=1.9)
    assert sandbox.balance == 6
    sandbox.advance(seconds=0.1)
    assert sandbox.balance == sandbox.balance == 9
    assert sandbox.deliveries == {"+905301234567": 1, "+905301234568": 2}


def test_cancelled_refund_is_given_once() -> None:
    """A cancelled order is given back once, whatever would have become of it."""
    sandbox = frozen(balance=10, undelivered=[ONE])
    waiting = accepted(sandbox, text="Bir", sendDateTime=["06/05/2026 12:10"])
    accepted(sandbox, text="Iki", sendDateTime=["06/05/2026 12:20"])
    assert ask(sandbox, "cancel-order", order={"id": waiting})[0] == 200
    assert sandbox.balance == 9
    sandbox.advance(days=1)
    assert sandbox.balance == 10


def listed(sandbox: Sandbox, start: str, end: str, **more: Any) -> tuple[int, list[int]]:
    """Ask for the orders of some days; return their count and the ids on this page."""
    code, response = ask(sandbox, "get-reports", filter={"start": start, "end": end, **more})
    assert code == 200
    return int(response["count"]), [order["id"] for order in response["orders"]]


def test_orders_of_some_days() -> None:
    """The days are Turkish calendar days, both included, newest order first."""
    sandbox = frozen("2026-05-06 23:59:59")
    first = accepted(sandbox, text="Bir")
    sandbox.advance(seconds=1)
    second = accepted(sandbox, text="Iki")
    sandbox.advance(hours=23, minutes=59, seconds=59)
    third = accepted(sandbox, text="Uc")
    assert listed(sandbox, "2026-05-06", "2026-05-07") == (3, [third, second, first])
    assert listed(sandbox, "2026-05-06", "2026-05-06") == (1, [first])
    assert listed(sandbox, "2026-05-07", "2026-05-17") == (2, [third, second])
    assert listed(sandbox, "2026-04-27", "2026-05-05") == (0, [])


def test_orders_come_by_thirties() -> None:
    """A page holds 30 orders; the count is that of all."""
    sandbox = frozen()
    ids = [accepted(sandbox, text=f"Mesaj {position}") for position in range(65)][::-1]
    pages = [listed(sandbox, "2026-05-06", "2026-05-06", page=page) for page in (1, "2", 3, 4)]
    assert pages == [(65, ids[:30]), (65, ids[30:60]), (65, ids[60:]), (65, [])]


def test_listed_order() -> None:
    """A listed order has the report's fields, but no price and no rows; waiting and cancelled ones are listed, too."""
    sandbox = frozen()
    waiting = accepted(sandbox, ONE, TWO, sendDateTime=["07/05/2026 09:00"])
    cancelled = accepted(sandbox, text="Iki", sendDateTime=["07/05/2026 09:00"])
    assert ask(sandbox, "cancel-order", order={"id": cancelled})[0] == 200
    _, response = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06", "page": 1})
    assert [order["status"] for order in response["orders"]] == [115, 113]
    assert response["orders"][1] == {
        "id": waiting,
        "status": 113,
        "total": 2,
        "delivered": 0,
        "undelivered": 0,
        "waiting": 2,
        "submitAt": "2026-05-06 12:00:00",
        "sendAt": "2026-05-07 09:00:00",
        "sender": "FIRMA",
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-07", "2026-05-06"),
        ("2026-05-01", "2026-05-12"),
        ("01/05/2026", "02/05/2026"),
        ("2026-5-1", "2026-05-02"),
        ("2026-02-30", "2026-03-01"),
        ("2026-05-01 00:00:00", "2026-05-02"),
        ("2026-05-01", None),
        (20260501, 20260502),
        ("", ""),
    ],
)
def test_bad_range(start: object, end: object) -> None:
    """Days that are reversed, more than ten apart, or no days are 458."""
    assert ask(Sandbox(), "get-reports", filter={"start": start, "end": end})[0] == 458


def test_without_late_fields() -> None:
    """In the older style reports have the first documents' fields only."""
    sandbox = frozen(style=Style(late_fields=False), delivery_seconds=0)
    id = accepted(sandbox)
    assert set(report(sandbox, id)) == {"id", "status", "message"}
    _, response = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})
    assert response["orders"] == [{"id": id, "status": 114}]
