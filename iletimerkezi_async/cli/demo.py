"""The demonstration: a campaign against a sandbox that makes trouble, from its list to the last row of its reports."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import anyio
import typer
from attrs import define, field

from iletimerkezi_async import BulkResult, Order, Progress
from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.http.retry import Retry
from iletimerkezi_async.models import Iys, MessageStatus, OrderReport, OrderStatus

from .audience import Audience
from .command import run_async
from .display import show_table, track
from .messages import CommandError
from .output import write
from .settings import DEMO_HASH, DEMO_KEY, DEMO_SENDER, Verbose

__all__ = ["demo"]

_TEXT = "Siparişiniz yola çıktı."

_MOST = 1_000_000
_ORDERS = 10
# What becomes of the answers to the first orders, which are all the same taken.
_FAULTS = ("drop-answer", "html-502")
# Quick, as there is no real service to be gentle with.
_RETRY = Retry(wait_initial=0.1, wait_max=1.0)
_ONE_FAILS_IN = 50
_LONGEST = 600
_POLL_SECONDS = 0.2
_PATIENCE = 30.0
_ROWS_A_STEP = 1000


@define
class _Outcome:
    """What the demonstration saw.

    Attributes:
        reachable: Who was to get a message.
        result: What the campaign came to.
        orders: The orders' own counters, in the end.
        told: How many rows the reports have for each number.
        statuses: How many rows have each state.
        ledger: How many messages the sandbox sent to each number.
        sending: Seconds for sending.
        reading: Seconds for the reports.
    """

    reachable: frozenset[str]
    result: BulkResult
    orders: Sequence[OrderReport] = ()
    told: Counter[str] = field(factory=Counter[str])
    statuses: Counter[MessageStatus] = field(factory=Counter[MessageStatus])
    ledger: Counter[str] = field(factory=Counter[str])
    sending: float = 0.0
    reading: float = 0.0


def demo(
    *,
    recipients: Annotated[int, typer.Option(metavar="N", min=1, max=_MOST, help="How long the list is.")] = 100_000,
    seconds: Annotated[float, typer.Option(metavar="S", min=0, max=_LONGEST, help="How long delivery takes.")] = 2.0,
    _verbose: Verbose = False,
) -> None:
    """Send a campaign to a sandbox on this machine, and follow it.

    The list has mistakes, the sandbox loses answers and refuses some numbers; in the end every recipient is accounted
    for. Nothing real is sent, and no account is needed.
    """
    outcome = run_async(partial(_demonstrate, Audience(recipients), seconds))
    _show(outcome)
    _reconcile(outcome)
    write("It adds up: everybody is accounted for, and nobody was texted twice.\n")


async def _demonstrate(audience: Audience, seconds: float) -> _Outcome:
    from iletimerkezi_async.sandbox import Sandbox  # noqa: PLC0415 - as serving needs uvicorn

    service = Sandbox(
        DEMO_KEY,
        DEMO_HASH,
        balance=2 * len(audience),
        blocked=audience.blocked,
        undelivered=_fails,
        delivery_seconds=seconds,
    )
    for fault in _FAULTS:
        service.fail("send-sms", fault)
    async with (
        service.serve() as base_url,
        AsyncClient(
            DEMO_KEY, DEMO_HASH, sender=DEMO_SENDER, iys=Iys.OFF, base_url=base_url, retry=_RETRY, rate=None
        ) as client,
    ):
        write(_welcome(base_url, audience))
        outcome = await _send(client, audience)
        outcome.orders = await _follow(client, outcome.result.orders, patience=seconds + _PATIENCE)
        await _read(client, outcome)
    outcome.ledger = service.deliveries
    return outcome


def _welcome(base_url: str, audience: Audience) -> str:
    return (
        f"A sandbox on this machine, at {base_url}: nothing real is sent.\n"
        f"A list of {len(audience):,}, with numbers that are none, some twice, and {len(audience.blocked)} that the\n"
        f"sandbox refuses; and it loses the answers to {len(_FAULTS)} orders that it takes.\n"
    )


async def _send(client: AsyncClient, audience: Audience) -> _Outcome:
    """Send to everybody."""
    began = time.perf_counter()
    with track("sending ", len(audience)) as show:

        def watch(progress: Progress) -> None:
            show(progress.accepted + progress.refused + progress.duplicates + progress.failed)

        result = await client.send_bulk(_TEXT, audience, batch_size=-(-len(audience) // _ORDERS), on_progress=watch)
    sending = time.perf_counter() - began
    write(f"Taken: {result.accepted:,} messages in {len(result.orders)} orders after {sending:.2f} s.\n")
    return _Outcome(audience.reachable, result, sending=sending)


async def _follow(client: AsyncClient, orders: Sequence[Order], *, patience: float) -> list[OrderReport]:
    """Poll until all orders are finished.

    Raises:
        CommandError: They did not finish.
    """
    waiting = [order.id for order in orders]
    finished: list[OrderReport] = []
    with anyio.move_on_after(patience), track("delivery", sum(order.recipients for order in orders)) as show:
        while waiting:
            reports = [await client.get_order(order_id) for order_id in waiting]
            show(sum(map(_settled, finished)) + sum(map(_settled, reports)))
            finished += [report for report in reports if report.status is not OrderStatus.SENDING]
            waiting = [report.id for report in reports if report.status is OrderStatus.SENDING]
            await anyio.sleep(_POLL_SECONDS if waiting else 0)
        return finished
    raise CommandError(f"{len(waiting)} orders were not finished after {patience:.0f} s")


def _settled(order: OrderReport) -> int:
    return (order.delivered or 0) + (order.undelivered or 0)


async def _read(client: AsyncClient, outcome: _Outcome) -> None:
    """Read the reports of all orders."""
    began = time.perf_counter()
    rows = 0
    with track("reports ", outcome.result.accepted) as show:
        for order in outcome.result.orders:
            async for delivery in client.get_report(order.id):
                outcome.told[delivery.number] += 1
                outcome.statuses[delivery.status] += 1
                rows += 1
                # To show each row would take longer than to read it.
                if rows % _ROWS_A_STEP == 0:
                    show(rows)
        show(rows)
    outcome.reading = time.perf_counter() - began


def _fails(number: str) -> bool:
    return int(number) % _ONE_FAILS_IN == 0


def _show(outcome: _Outcome) -> None:
    result, rows = outcome.result, outcome.told.total()
    show_table(
        {
            "read": f"{result.read:,}",
            "= accepted": f"{result.accepted:,}",
            "+ refused": f"{len(result.refused):,}",
            "+ duplicates": f"{result.duplicates:,}",
            "+ failed": f"{result.failures:,}",
            "orders": f"{len(result.orders):,}",
            "rows of their reports": f"{rows:,}",
            "= delivered": f"{outcome.statuses[MessageStatus.DELIVERED]:,}",
            "+ undelivered": f"{outcome.statuses[MessageStatus.UNDELIVERED]:,}",
            "sent, by the sandbox": f"{outcome.ledger.total():,}",
            "texted twice": f"{_repeated(outcome.ledger):,}",
            "recipients a second": f"{result.read / outcome.sending:,.0f}",
            "rows a second": f"{rows / outcome.reading:,.0f}",
        }
    )


def _repeated(counts: Counter[str]) -> int:
    return sum(count > 1 for count in counts.values())


def _reconcile(outcome: _Outcome) -> None:
    """Check that everybody is accounted for, by the campaign, the reports, the orders' counters and the sandbox.

    Raises:
        CommandError: It is not so.
    """
    wrong = [claim for claim, holds in _claims(outcome).items() if not holds]
    if wrong:
        raise CommandError(f"it does not add up: {'; '.join(wrong)}")


def _claims(outcome: _Outcome) -> dict[str, bool]:
    """What must hold, by what is to be said if it does not."""
    result = outcome.result
    finals = (outcome.statuses[MessageStatus.DELIVERED], outcome.statuses[MessageStatus.UNDELIVERED])
    counted = (
        sum(order.delivered or 0 for order in outcome.orders),
        sum(order.undelivered or 0 for order in outcome.orders),
    )
    expected = Counter(dict.fromkeys(outcome.reachable, 1))
    return {
        "a recipient who was read is in no list, or in two": (
            result.read == result.accepted + len(result.refused) + result.duplicates + result.failures
        ),
        f"{result.failures:,} failed": not result.failures,
        f"{len(outcome.reachable):,} were to be reached and {result.accepted:,} were": (
            result.accepted == len(outcome.reachable)
        ),
        f"the sandbox sent to {len(outcome.ledger):,} numbers, to {_repeated(outcome.ledger):,} of them twice": (
            outcome.ledger == expected
        ),
        f"the reports have {outcome.told.total():,} rows for {len(outcome.told):,} numbers": outcome.told == expected,
        f"the reports say {finals} delivered and undelivered, the orders {counted}": (
            finals == counted and sum(finals) == result.accepted
        ),
    }
