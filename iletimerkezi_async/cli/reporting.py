"""Commands that tell what became of orders."""

import sys
from collections import Counter
from functools import partial
from typing import Annotated

import typer

from iletimerkezi_async.models import Delivery, MessageStatus
from iletimerkezi_async.orders.paging import Report

from .command import run_async
from .output import Rows, note
from .settings import Json, Verbose, open_client

__all__ = ["report"]


def report(
    order_id: Annotated[int, typer.Argument(metavar="ID", min=1, hidden=True)],
    *,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Show what became of each message of the order ID.

    Each line has a number and, after a tab, its status: DELIVERED, UNDELIVERED or SENDING.
    """
    summary = run_async(partial(_stream, order_id, as_json=as_json))
    if sys.stdout.isatty():
        note(summary)


async def _stream(order_id: int, *, as_json: bool) -> str:
    """Write the rows as they come, and return the summary."""
    tally: Counter[MessageStatus] = Counter()
    rows = Rows()
    async with open_client() as client:
        deliveries = client.get_report(order_id)
        async for delivery in deliveries:
            tally[delivery.status] += 1
            if as_json:
                await rows.add_json(_fields(delivery))
            else:
                await rows.add(delivery.number, delivery.status.name)
        await rows.flush()
    return _summary(order_id, deliveries, tally)


def _fields(delivery: Delivery) -> dict[str, object]:
    return {"number": delivery.number, "status": delivery.status.name, "code": delivery.status.value}


def _summary(order_id: int, deliveries: Report, tally: Counter[MessageStatus]) -> str:
    state = f" is {deliveries.order.status.name}" if deliveries.order else ""
    counts = "".join(f", {count:,} {status.name}" for status, count in sorted(tally.items()))
    return f"order {order_id}{state}: {tally.total():,} in all{counts}"
