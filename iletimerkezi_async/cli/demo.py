"""The demonstration: one order, from sending it to the last row of its report."""

import time
from functools import partial
from typing import Annotated

import anyio
import typer
from attrs import frozen

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.draft import MAX_RECIPIENTS
from iletimerkezi_async.models import Delivery, Iys, MessageStatus, OrderReport, OrderStatus

from .command import run_async
from .display import show_table, track
from .messages import CommandError
from .output import write
from .settings import DEMO_HASH, DEMO_KEY, DEMO_SENDER, Verbose

__all__ = ["demo"]

_TEXT = "Siparişiniz yola çıktı."

_FIRST_NUMBER = 5301234567
_ONE_FAILS_IN = 50
_LONGEST = 600
_POLL_SECONDS = 0.1
_PATIENCE = 10.0
_ROWS_A_STEP = 500


@frozen
class _Outcome:
    """What the demonstration saw.

    Attributes:
        recipients: Whom the order was sent to.
        order: The order's own counters, in the end.
        rows: The rows of its report.
        seconds: From sending to the last row.
        reading: Of these, for the report.
    """

    recipients: list[str]
    order: OrderReport
    rows: list[Delivery]
    seconds: float
    reading: float

    def count(self, status: MessageStatus) -> int:
        """How many rows have this state."""
        return sum(row.status is status for row in self.rows)


def demo(
    *,
    recipients: Annotated[int, typer.Option(metavar="N", min=1, max=MAX_RECIPIENTS, help="How many get it.")] = 5000,
    seconds: Annotated[float, typer.Option(metavar="S", min=0, max=_LONGEST, help="How long it takes.")] = 3.0,
    _verbose: Verbose = False,
) -> None:
    """Send an order to a sandbox on this machine, and follow it.

    Nothing real is sent, and no account is needed.
    """
    outcome = run_async(partial(_demonstrate, recipients, seconds))
    show_table(
        {
            "recipients": f"{recipients:,}",
            "delivered": f"{outcome.count(MessageStatus.DELIVERED):,}",
            "undelivered": f"{outcome.count(MessageStatus.UNDELIVERED):,}",
            "seconds": f"{outcome.seconds:.2f}",
            "rows a second": f"{len(outcome.rows) / outcome.reading:,.0f}",
        }
    )
    _reconcile(outcome)


async def _demonstrate(recipients: int, seconds: float) -> _Outcome:
    from iletimerkezi_async.sandbox import Sandbox  # noqa: PLC0415 - as serving needs uvicorn

    service = Sandbox(DEMO_KEY, DEMO_HASH, undelivered=_fails, delivery_seconds=seconds)
    async with (
        service.serve() as base_url,
        AsyncClient(DEMO_KEY, DEMO_HASH, sender=DEMO_SENDER, iys=Iys.OFF, base_url=base_url) as client,
    ):
        write(f"A demonstration against a sandbox on this machine, at {base_url}: nothing real is sent.\n")
        numbers = [f"+90{_FIRST_NUMBER + offset}" for offset in range(recipients)]
        began = time.perf_counter()
        order = await client.send_sms(_TEXT, numbers)
        write(f"Order {order.id} was taken after {time.perf_counter() - began:.2f} s.\n")
        final = await _follow(client, order.id, recipients, patience=seconds + _PATIENCE)
        read_from = time.perf_counter()
        rows = await _read(client, order.id, recipients)
        ended = time.perf_counter()
    return _Outcome(numbers, final, rows, ended - began, ended - read_from)


async def _follow(client: AsyncClient, order_id: int, recipients: int, *, patience: float) -> OrderReport:
    """Poll until the order is finished.

    Raises:
        CommandError: It did not finish.
    """
    with anyio.move_on_after(patience), track("delivery", recipients) as show:
        while True:
            order = await client.get_order(order_id)
            show((order.delivered or 0) + (order.undelivered or 0))
            if order.status is not OrderStatus.SENDING:
                return order
            await anyio.sleep(_POLL_SECONDS)
    raise CommandError(f"the order was not finished after {patience:.0f} s")


async def _read(client: AsyncClient, order_id: int, recipients: int) -> list[Delivery]:
    rows: list[Delivery] = []
    with track("report  ", recipients) as show:
        async for row in client.get_report(order_id):
            rows.append(row)
            # To show each row would take longer than to read it.
            if len(rows) % _ROWS_A_STEP == 0:
                show(len(rows))
        show(len(rows))
    return rows


def _fails(number: str) -> bool:
    return int(number) % _ONE_FAILS_IN == 0


def _reconcile(outcome: _Outcome) -> None:
    """Check that every recipient is in the report once, with a final state, and that the order's counters agree.

    Raises:
        CommandError: It is not so.
    """
    delivered, undelivered = outcome.count(MessageStatus.DELIVERED), outcome.count(MessageStatus.UNDELIVERED)
    recipients, order = len(outcome.recipients), outcome.order
    told = sorted(row.number for row in outcome.rows)
    counted = (order.total, order.delivered, order.undelivered)
    complete = told == outcome.recipients and delivered + undelivered == recipients
    if complete and counted == (recipients, delivered, undelivered):
        return
    raise CommandError(
        f"the report does not add up: {recipients} recipients, {len(told)} rows for {len(set(told))} numbers, "
        f"{delivered} delivered and {undelivered} undelivered (by the order's own counters: "
        f"{order.total}, {order.delivered} and {order.undelivered})"
    )
