"""Values for the pages, all read at one moment under the lock."""

import math
from datetime import datetime
from itertools import chain, islice, repeat
from typing import Any, Final

from iletimerkezi_async.sandbox.dates import write_second
from iletimerkezi_async.sandbox.orders import MessageState, OrderState, SandboxOrder
from iletimerkezi_async.sandbox.service import Service
from iletimerkezi_async.sandbox.webhooks import Webhooks

__all__ = ["view_order", "view_overview"]

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


def view_overview(service: Service, webhooks: Webhooks | None, page: str | None) -> dict[str, Any]:
    """Describe everything except single messages. Long lists are cut, but their full lengths are given."""
    with service.account() as account:
        leaf = _leaf(page, len(account.orders), ORDERS_A_PAGE)
        # Newest first. Only these orders are read, as an open page requests them all the time.
        last = len(account.orders) - (leaf["number"] - 1) * ORDERS_A_PAGE
        ids = account.orders.since(max(last - ORDERS_A_PAGE, 0))[: min(last, ORDERS_A_PAGE)]
        return {
            "now": write_second(account.now),
            "balance": account.ledger.balance(account.now),
            "amount": account.amount,
            "senders": account.senders,
            "orders": [_line(account.orders[id], account.now) for id in ids[::-1]],
            "order_count": len(account.orders),
            "message_count": account.orders.message_count,
            "leaf": leaf,
            "blocked": [(number, write_second(at)) for number, at in islice(account.blocked.items(), MOST_BLOCKED)],
            "blocked_count": len(account.blocked),
            "faults": [
                ("any" if operation == "*" else operation, planned, "all" if times == math.inf else int(times))
                for operation, planned, times in service.faults.waiting()
            ],
            "requests": service.last_requests(MOST_LINES),
            "request_count": service.counts.total(),
            # The query string may be a secret of the endpoint.
            "webhook": None if webhooks is None else webhooks.url.partition("?")[0],
            "calls": () if webhooks is None else webhooks.last_calls(MOST_LINES),
            "call_count": 0 if webhooks is None else webhooks.count,
        }


def view_order(service: Service, id: str, page: str | None) -> dict[str, Any] | None:
    """Describe one order with one page of its messages; None when there is none with this id."""
    with service.account() as account:
        order = account.orders.find(id)
        if order is None:
            return None
        leaf = _leaf(page, order.recipients, MESSAGES_A_PAGE)
        first = (leaf["number"] - 1) * MESSAGES_A_PAGE
        numbers, states = order.rows(account.now, first, first + MESSAGES_A_PAGE)
        message_id = account.orders.first_message_id(order.id) + first
        texts = chain.from_iterable(repeat(text, count) for text, count in order.texts)
        ids, words = range(message_id, message_id + len(numbers)), [_MESSAGE_WORDS[state] for state in states]
        rows = list(zip(ids, numbers, words, islice(texts, first, None)))
        return {"order": _line(order, account.now), "rows": rows, "leaf": leaf}


def _line(order: SandboxOrder, now: datetime) -> dict[str, Any]:
    """Describe an order, in the list or at the head of its own page."""
    state = order.state(now)
    scheduled = state == OrderState.SENDING and not order.is_due(now)
    return {
        "id": order.id,
        "state": "scheduled" if scheduled else _ORDER_WORDS[state],
        "sender": order.sender,
        "iys": order.iys_list or "off",
        "text": order.texts[0][0],
        "texts": len(order.texts),
        "counters": order.counters(now),
        "cost": order.cost,
        "submitted_at": write_second(order.submitted_at),
        "send_at": write_second(order.send_at),
    }


def _leaf(page: str | None, entries: int, size: int) -> dict[str, int]:
    """Read the number of a page, from 1 on; replace an invalid one by that of an existing page."""
    last = max(-(-entries // size), 1)
    asked = int(page) if page and page.isascii() and page.isdigit() and len(page) <= len(str(last)) else 1
    return {"number": min(max(asked, 1), last), "last": last}
