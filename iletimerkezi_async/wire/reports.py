"""Reports: `get-report` and `get-reports`."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, cast

from attrs import frozen

from iletimerkezi_async.models import Delivery, MessageStatus, OrderReport, OrderStatus

from . import OPERATIONS
from .call import Call
from .reading import Json, needed, read_decimal, read_id, read_int, read_items, read_number, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

#: The most days from `start` to `end` in one request (source: the provider's documentation of `get-reports`).
REPORTS_DAYS = 10


@frozen(eq=False, repr=False)
class ReportPage:
    """A page of an order's report: the order's own state, and the rows of this page.

    Rows are created during iteration: there may be millions, and stored objects slow every run of Python's garbage
    collector.
    """

    order: OrderReport
    numbers: list[str]
    statuses: list[MessageStatus]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Delivery]:
        # The same as `Delivery(number, status)`, at half the cost.
        return map(tuple[str, MessageStatus].__new__, repeat(Delivery), zip(self.numbers, self.statuses))


def get_report(order_id: int, page: int, row_count: int, told: set[int] | None = None) -> Call[ReportPage]:
    """Ask for a page (from 1) of an order's report, of `row_count` (at most 1000) rows.

    Args:
        order_id: The order.
        page: The page.
        row_count: Its rows.
        told: The ids in all answers to requests for this order's report; extended here.
    """
    order = {"id": order_id, "page": page, "rowCount": row_count}
    ids = set[int]() if told is None else told

    def is_astray(answer: ReportPage, reused: bool) -> bool:
        """Whether it is another order's report, on a connection that is out of step."""
        is_first = answer.order.id not in ids
        ids.add(answer.order.id)
        # If the same id comes again, or over a new connection, the service itself writes it.
        return reused and is_first and answer.order.id != order_id

    return Call(OPERATIONS["get-report"], {"order": order}, read_report_page, is_astray=is_astray)


def read_report_page(response: Json) -> ReportPage:
    """Read `order: {id, status, message: [{number, status}], …}`."""
    order = read_object(response.get("order"))
    return ReportPage(_order_report(order), *_read_rows(read_items(order.get("message"))))


_MESSAGE_STATUS: dict[object, MessageStatus] = {
    key: status for status in MessageStatus for key in (int(status), str(int(status)))
}
_E164_LENGTH = len("+905301234567")


def _read_rows(items: list[object]) -> tuple[list[str], list[MessageStatus]]:
    rows = cast("list[Json]", items)
    try:
        # The usual form: three times as fast as checking each value.
        numbers = cast("list[str]", [row["number"] for row in rows])
        statuses = [_MESSAGE_STATUS[row["status"]] for row in rows]
        if _are_e164(numbers):
            return numbers, statuses
    except (LookupError, TypeError):
        pass
    rows = [read_object(item) for item in items]
    return [read_number(row.get("number")) for row in rows], [_message_status(row.get("status")) for row in rows]


def _are_e164(numbers: list[str]) -> bool:
    """Whether each is `+905` and nine characters more; raises `TypeError` if one is not text."""
    text = "".join(numbers)
    prefixes = (text[place::_E164_LENGTH] for place in range(4))
    return len(text) == _E164_LENGTH * len(numbers) and all(
        prefix == letter * len(numbers) for prefix, letter in zip(prefixes, "+905")
    )


def _message_status(code: object) -> MessageStatus:
    status = _MESSAGE_STATUS.get(code) if isinstance(code, (int, float, str)) else None
    return MessageStatus(needed(read_int(code), "a number")) if status is None else status


def get_reports(start: date, end: date, page: int) -> Call[tuple[list[OrderReport], int | None]]:
    """Ask for a page (from 1) of the orders submitted from `start` to `end`, both days included.

    The result is the page's orders, and how many there are in all, if the service says so.
    """
    where = {"start": start.isoformat(), "end": end.isoformat(), "page": page}
    return Call(OPERATIONS["get-reports"], {"filter": where}, read_orders_page)


def read_orders_page(response: Json) -> tuple[list[OrderReport], int | None]:
    """Read `count` and `orders: [{id, status, total, …}]`."""
    orders = [_order_report(read_object(item)) for item in read_items(response.get("orders"))]
    return orders, read_int(response.get("count"))


def _order_report(order: Json) -> OrderReport:
    sender = order.get("sender")
    return OrderReport(
        id=read_id(order.get("id")),
        status=OrderStatus(needed(read_int(order.get("status")), "a number")),
        total=read_int(order.get("total")),
        delivered=read_int(order.get("delivered")),
        undelivered=read_int(order.get("undelivered")),
        waiting=read_int(order.get("waiting")),
        submitted_at=read_time(order.get("submitAt")),
        sent_at=read_time(order.get("sendAt")),
        sender=sender if isinstance(sender, str) and sender else None,
        price=read_decimal(order.get("price")),
    )
