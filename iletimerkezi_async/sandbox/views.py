"""What a person is shown of the sandbox, as plain values that are taken under the lock at one moment."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, islice, repeat
from typing import Final

import attrs

from iletimerkezi_async.sandbox.dates import write_second
from iletimerkezi_async.sandbox.orders import Counters, MessageState, OrderState, SandboxOrder
from iletimerkezi_async.sandbox.service import Request, Service
from iletimerkezi_async.sandbox.webhooks import Call, Webhooks

__all__ = ["OrderView", "Overview", "view_order", "view_overview"]

ORDERS_A_PAGE: Final = 50
MESSAGES_A_PAGE: Final = 1000
MOST_BLOCKED: Final = 200
MOST_LINES: Final = 50

_MESSAGE_WORDS: Final = {
    int(MessageState.ON_ITS_WAY): "on its way",
    int(MessageState.DELIVERED): "delivered",
    int(MessageState.UNDELIVERED): "undelivered",
}
_ORDER_WORDS: Final = {
    OrderState.SENDING: "sending",
    OrderState.FINISHED: "finished",
    OrderState.NOT_SENT: "cancelled",
}


@attrs.frozen
class Line:
    """One order in the list, or at the head of its own page."""

    id: int
    state: str
    sender: str
    iys: str
    text: str
    texts: int
    counters: Counters
    cost: int
    submitted_at: str
    send_at: str


@attrs.frozen
class Row:
    """One message of an order."""

    id: int
    number: str
    state: str
    text: str


@attrs.frozen
class FaultLine:
    """A fault that waits for its requests."""

    operation: str
    word: str
    times: str
    retry_after: float | None


@attrs.frozen
class Leaf:
    """One page of many.

    Attributes:
        number: Which, from 1 on.
        last: The number of the last one.
    """

    number: int
    last: int


@attrs.frozen(kw_only=True)
class Overview:
    """All but the single messages; lists are cut, and their whole lengths told beside them."""

    now: str
    balance: int
    amount: str
    senders: tuple[str, ...]
    orders: list[Line]
    order_count: int
    message_count: int
    leaf: Leaf
    blocked: list[tuple[str, str]]
    blocked_count: int
    faults: list[FaultLine]
    requests: Sequence[Request]
    request_count: int
    webhook: str | None
    calls: Sequence[Call]
    call_count: int


@attrs.frozen(kw_only=True)
class OrderView:
    """One order with one page of its messages."""

    now: str
    order: Line
    rows: list[Row]
    leaf: Leaf


def view_overview(service: Service, webhooks: Webhooks | None, page: str | None) -> Overview:
    """Look at everything but the single messages."""
    with service.lock:
        account = service.look()
        leaf = _leaf(page, len(account.orders), ORDERS_A_PAGE)
        # Newest first. Only these are looked at, as a page that is open asks for them all the time.
        last = len(account.orders) - (leaf.number - 1) * ORDERS_A_PAGE
        ids = account.orders.since(max(last - ORDERS_A_PAGE, 0))[: min(last, ORDERS_A_PAGE)]
        return Overview(
            now=write_second(account.now),
            balance=account.ledger.balance(account.now),
            amount=account.amount,
            senders=account.senders,
            orders=[_line(account.orders[id], account.now) for id in ids[::-1]],
            order_count=len(account.orders),
            message_count=account.orders.message_count,
            leaf=leaf,
            blocked=[(number, write_second(at)) for number, at in islice(account.blocked.items(), MOST_BLOCKED)],
            blocked_count=len(account.blocked),
            faults=[
                FaultLine(operation, planned.word, _times(times), planned.retry_after)
                for operation, planned, times in service.faults()
            ],
            requests=service.last_requests(MOST_LINES),
            request_count=service.counts.total(),
            # What stands behind the question mark may be a secret of the endpoint.
            webhook=None if webhooks is None else webhooks.url.partition("?")[0],
            calls=() if webhooks is None else webhooks.last_calls(MOST_LINES),
            call_count=0 if webhooks is None else webhooks.count,
        )


def view_order(service: Service, id: str, page: str | None) -> OrderView | None:
    """Look at one order; None when there is none with this id."""
    with service.lock:
        account = service.look()
        order = account.orders.find(id)
        if order is None:
            return None
        leaf = _leaf(page, order.recipients, MESSAGES_A_PAGE)
        first = (leaf.number - 1) * MESSAGES_A_PAGE
        message_id = account.orders.first_message_id(order.id) + first
        return OrderView(
            now=write_second(account.now),
            order=_line(order, account.now),
            rows=_rows(order, account.now, first, message_id),
            leaf=leaf,
        )


def _rows(order: SandboxOrder, now: datetime, first: int, message_id: int) -> list[Row]:
    numbers, states = order.rows(now, first, first + MESSAGES_A_PAGE)
    texts = chain.from_iterable(repeat(text, count) for text, count in order.texts)
    shown = islice(texts, first, first + len(numbers))
    return [
        Row(message_id + position, number, _MESSAGE_WORDS[state], text)
        for position, (number, state, text) in enumerate(zip(numbers, states, shown, strict=True))
    ]


def _line(order: SandboxOrder, now: datetime) -> Line:
    state = order.state(now)
    scheduled = state == OrderState.SENDING and not order.is_due(now)
    return Line(
        id=order.id,
        state="scheduled" if scheduled else _ORDER_WORDS[state],
        sender=order.sender,
        iys=order.iys_list or "off",
        text=order.texts[0][0],
        texts=len(order.texts),
        counters=order.counters(now),
        cost=order.cost,
        submitted_at=write_second(order.submitted_at),
        send_at=write_second(order.send_at),
    )


def _leaf(page: str | None, entries: int, size: int) -> Leaf:
    """Read a page's number; what is none becomes the nearest one."""
    last = max(-(-entries // size), 1)
    asked = int(page) if page and page.isascii() and page.isdigit() and len(page) <= len(str(last)) else 1
    return Leaf(min(max(asked, 1), last), last)


def _times(times: float) -> str:
    return "all" if times == math.inf else f"{times:.0f}"
