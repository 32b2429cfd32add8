"""get-report, get-reports and cancel-order: the states of orders, and cancelling them."""

from datetime import datetime, time, timedelta
from typing import Any, Final

from iletimerkezi_async.sandbox.acceptance import add_orders
from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.bodies import Json, read_object, read_page, read_rows
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.dates import TURKEY, read_day
from iletimerkezi_async.sandbox.orders import SandboxOrder

__all__ = ["cancel_order", "get_report", "get_reports", "read_filter", "read_order"]

LONGEST_RANGE: Final = timedelta(days=10)


def read_order(request: Json) -> Json:
    """Return the order object of get-report and cancel-order.

    Raises:
        Refusal: 400.
    """
    return read_object(request, "order")


def read_filter(request: Json) -> Json:
    """Return the filter object of get-reports.

    Raises:
        Refusal: 400.
    """
    return read_object(request, "filter")


def get_report(account: Account, asked: Json) -> Json:
    """Answer get-report: one page of the messages of an order.

    Raises:
        Refusal: 464 or 400 for the page, 455 for an unknown order, 456 before its scheduled time.
    """
    page, count = read_page(asked), min(read_rows(asked), account.weather.page_limit)
    order = _find(account, asked)
    if not order.cancelled and not order.is_due(account.now):
        raise Refusal(456)
    start = (page - 1) * count
    numbers, states = account.weather.rows(order, account.orders.place(order), account.now, start, start + count)
    scalar = account.style.scalar
    rows = [
        {"number": number, "status": scalar(state)}
        for number, state in zip(account.style.write_numbers(numbers), states, strict=True)
    ]
    fields = {**_describe(account, order), "id": account.style.write_report_id(order.id)}
    if account.style.late_fields:
        fields["price"] = account.style.write_price(order.cost * account.sms_price)
    return {"order": {**fields, **account.style.repeated("message", rows)}}


def get_reports(account: Account, asked: Json) -> Json:
    """Answer get-reports: one page of the orders submitted on the days from start to end, both included.

    Documented by the provider, 2026.

    Raises:
        Refusal: 458 for the days, 464 or 400 for the page.
    """
    start, end = read_day(asked.get("start")), read_day(asked.get("end"))
    if start is None or end is None or not timedelta() <= end - start <= LONGEST_RANGE:
        raise Refusal(458)
    page = read_page(asked)
    weather = account.weather
    if page > 1 and weather.arrivals:
        add_orders(account, weather.arrivals)
    midnight = datetime.combine(start, time(), TURKEY)
    first, last = weather.true_time(midnight), weather.true_time(midnight + (end - start) + timedelta(days=1))
    ids = account.orders.between(first, min(last, weather.latest_listed(account.now)))
    listed = ids[::-1] if weather.list_order == "newest" else ids
    shown = listed[(page - 1) * weather.list_page : page * weather.list_page]
    orders = [_describe(account, account.orders[id]) for id in shown]
    return {"count": account.style.scalar(len(ids)), **account.style.repeated("orders", orders)}


def cancel_order(account: Account, asked: Json) -> Json:
    """Answer cancel-order, which only works before the order is sent. Documented by the provider, 2026.

    Raises:
        Refusal: 455 for an unknown order, for one whose sending has begun, and for one that is cancelled already.
    """
    order = _find(account, asked)
    if order.cancelled or order.is_due(account.now):
        raise Refusal(455)
    account.orders.cancel(order)
    account.ledger.give_back(order)
    return {}


def _find(account: Account, asked: Json) -> SandboxOrder:
    order = account.orders.find(asked.get("id"))
    if order is None:
        raise Refusal(455)
    return order


def _describe(account: Account, order: SandboxOrder) -> dict[str, Any]:
    scalar = account.style.scalar
    fields: dict[str, Any] = {"id": scalar(order.id), "status": scalar(order.state(account.now).value)}
    if not account.style.late_fields:
        return fields
    weather = account.weather
    return {
        **fields,
        **{name: scalar(count) for name, count in weather.counters(order, account.now).items()},
        "submitAt": weather.write_submitted(order),
        "sendAt": weather.write_sent(order),
        **weather.name_sender(order),
    }
