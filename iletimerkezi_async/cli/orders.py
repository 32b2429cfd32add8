"""Commands about orders."""

import sys
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from itertools import count
from math import inf
from typing import Annotated

import anyio
import typer
from typer import Option

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.errors import IletimerkeziError, OrderNotDueError
from iletimerkezi_async.models import Delivery, MessageStatus, OrderReport, OrderStatus
from iletimerkezi_async.orders.several import pause_after

from .display import working
from .messages import FAILED, CommandError, explain
from .moments import read_week
from .output import Rows, complain, is_terminal, note, write, write_json, write_pairs
from .settings import Json, Verbose, Word, call

__all__ = ["cancel", "orders", "report", "wait"]

_OrderId = Annotated[int, typer.Argument(metavar="ID", min=1, hidden=True)]


def orders(
    *,
    first: Annotated[Word, Option("--from", metavar="DAY", help="The first day.")] = None,
    last: Annotated[Word, Option("--to", metavar="DAY", help="The last day. Default: today.")] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """List the orders of the last 7 days, or of other days.

    Each line has the order's ID, its status, when it was submitted, its sender, and how many of its messages are
    delivered. Days are written as 2026-12-01 and are Turkish.
    """
    start, end = read_week(first, last, now=datetime.now(timezone.utc))
    rows = Rows[OrderReport](_fields, lambda order: [_plain_line(order)], as_json=as_json)
    seen = call(lambda client: rows.add_all(client.get_reports(start, end)))
    if sys.stdout.isatty():
        note(f"{seen:,} {'order' if seen == 1 else 'orders'} from {start} to {end}")


def wait(
    order_id: _OrderId,
    *,
    timeout: Annotated[float | None, Option(metavar="S", min=0, help="Seconds to wait. Default: no limit.")] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Wait until the order ID is finished.

    The exit code is 0 when every message is delivered or undeliverable, and 1 when the order could not be sent or the
    time is up.
    """
    order = call(partial(_wait, order_id, timeout))
    failure = None
    if order.status is not OrderStatus.COMPLETED:
        failure = CommandError(f"order {order_id} could not be sent, or was cancelled")
    code = FAILED if failure else 0
    if as_json:
        write_json({**_fields(order), **(explain(failure, code) if failure else {})})
    else:
        write_pairs(_summary(order))
    if failure:
        complain(str(failure))
        raise typer.Exit(code)


async def _wait(order_id: int, timeout: float | None, client: AsyncClient) -> OrderReport:  # noqa: ASYNC109 - the library's own
    ends: list[OrderReport | Exception] = []
    async with anyio.create_task_group() as tasks:
        if is_terminal(sys.stderr):
            tasks.start_soon(_show_progress, client, order_id)
        ends.append(await _end(client, order_id, timeout))
        tasks.cancel_scope.cancel()
    # Errors are returned and not raised in the task group, which would wrap them in an exception group.
    (end,) = ends
    if isinstance(end, Exception):
        raise end
    return end


async def _end(client: AsyncClient, order_id: int, timeout: float | None) -> OrderReport | Exception:  # noqa: ASYNC109 - likewise
    try:
        return await client.wait_for_order(order_id, timeout=timeout)
    except TimeoutError:
        return CommandError(f"order {order_id} is not finished after {timeout:g} s")
    except IletimerkeziError as error:
        return error


async def _show_progress(client: AsyncClient, order_id: int) -> None:
    """Update one line of the terminal until cancelled. Ignore errors, as the wait itself reports them."""
    with working(f"order {order_id}") as show:
        for look in count(1):
            with suppress(IletimerkeziError):
                show(f"order {order_id}: {await _look(client, order_id)}")
            await anyio.sleep(pause_after(look, inf))


async def _look(client: AsyncClient, order_id: int) -> str:
    try:
        order = await client.get_order(order_id)
    except OrderNotDueError:
        return "its time has not come"
    done = (order.delivered or 0) + (order.undelivered or 0)
    return f"{order.status.name}, {done:,} of {order.total:,} final" if order.total else order.status.name


def cancel(order_id: _OrderId, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Cancel the order ID, which is scheduled for later."""
    call(lambda client: client.cancel_order(order_id))
    if as_json:
        write_json({"id": order_id, "cancelled": True})
    else:
        write(f"order {order_id} is cancelled\n")


def report(order_id: _OrderId, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Show the status of each message of the order ID.

    Each line has a number and, after a tab, its status: DELIVERED, UNDELIVERED or SENDING.
    """
    summary = call(partial(_report, order_id, as_json=as_json))
    if sys.stdout.isatty():
        note(summary)


async def _report(order_id: int, client: AsyncClient, *, as_json: bool) -> str:
    """Write the rows as they come, and return the summary."""
    tally: Counter[MessageStatus] = Counter()
    rows = Rows(_delivery_fields, lambda delivery: (delivery.number, delivery.status.name), as_json=as_json)
    deliveries = client.get_report(order_id)
    async for delivery in deliveries:
        tally[delivery.status] += 1
        await rows.add(delivery)
    await rows.flush()
    state = f" is {deliveries.order.status.name}" if deliveries.order else ""
    counts = "".join(f", {count:,} {status.name}" for status, count in sorted(tally.items()))
    return f"order {order_id}{state}: {tally.total():,} in all{counts}"


def _delivery_fields(delivery: Delivery) -> dict[str, object]:
    return {"number": delivery.number, "status": delivery.status.name, "code": delivery.status.value}


def _fields(order: OrderReport) -> dict[str, object]:
    return {
        "id": order.id,
        "status": order.status.name,
        "code": order.status.value,
        "total": order.total,
        "delivered": order.delivered,
        "undelivered": order.undelivered,
        "waiting": order.waiting,
        "submitted_at": order.submitted_at,
        "sent_at": order.sent_at,
        "sender": order.sender,
        # As text: a JSON number would lose its decimals.
        "price": None if order.price is None else str(order.price),
    }


def _plain_line(order: OrderReport) -> str:
    submitted = f"{order.submitted_at:%Y-%m-%d %H:%M}" if order.submitted_at else "-"
    counts = f"{_count(order.delivered)} of {_count(order.total)} delivered"
    return f"{order.id:<10}  {order.status.name:<9}  {submitted:<16}  {order.sender or '-':<11}  {counts}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _summary(order: OrderReport) -> dict[str, object]:
    names = ("status", "total", "delivered", "undelivered", "waiting", "price")
    told = {name: value for name, value in _fields(order).items() if name in names and value is not None}
    return {"order": order.id, **told}
