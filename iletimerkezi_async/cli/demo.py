"""The demonstration: a campaign against a sandbox with faults, from the list to the last row of the reports."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

import anyio
from attrs import define, field, frozen
from typer import Option

from iletimerkezi_async import BulkResult, Order, Progress
from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.http.retry import Retry
from iletimerkezi_async.models import Iys, MessageStatus, OrderReport, OrderStatus

from .command import run_async
from .display import show_table, track, working
from .messages import CommandError
from .output import write
from .settings import DEMO_HASH, DEMO_KEY, DEMO_SENDER, Verbose

__all__ = ["Audience", "demo"]

_TEXT = "Siparişiniz yola çıktı."

_MOST = 1_000_000
_ORDERS = 10
# Faults of the answers to the first orders; the sandbox accepts these orders.
_FAULTS = ("drop-answer", "html-502")
# Short pauses, as there is no real service to protect.
_RETRY = Retry(wait_initial=0.1, wait_max=1.0)
_ONE_FAILS_IN = 50
_LONGEST = 600
_POLL_SECONDS = 0.2
_PATIENCE = 30.0

# The list: the spellings, and the shares of bad and repeated numbers.
_FIRST_NUMBER = 5301000000
_MISTAKES = ("530 123", "0212 555 12 34", "yok", "5301234567 / 5301234568")
_SPELLINGS = ("{}{}{}{}", "0{} {} {} {}", "+90 {} {} {}{}", "90{}{}{}{}", "(0{}) {}-{}-{}")
_ONE_IS_BAD_IN = 100
_ONE_IS_REPEATED_IN = 40
_BLOCKED = 2
_SHORT = 100


@frozen
class Audience:
    """A list like those of customers: numbers in mixed spellings, some of them bad, some repeated.

    Attributes:
        size: The number of entries.
    """

    size: int

    def __iter__(self) -> Iterator[str]:
        return map(_entry, range(self.size))

    def __len__(self) -> int:
        return self.size

    @property
    def blocked(self) -> frozenset[str]:
        """The account's blocked numbers: a few from the middle of the list, none if the list is short."""
        if self.size < _SHORT:
            return frozenset()
        middle = self.size // 2
        return frozenset(f"+90{number}" for number in _numbers(middle, min(self.size, middle + _BLOCKED)))

    @property
    def reachable(self) -> frozenset[str]:
        """The numbers that should get a message."""
        return frozenset(f"+90{number}" for number in _numbers(0, self.size)) - self.blocked


@define
class _Outcome:
    """Everything that the demonstration counts.

    Attributes:
        reachable: The numbers that should get a message.
        result: The campaign's result.
        orders: The counters of the orders, at the end.
        told: Rows of the reports by number.
        statuses: Rows of the reports by state.
        ledger: Messages that the sandbox sent, by number.
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
    recipients: Annotated[int, Option(metavar="N", min=1, max=_MOST, help="Recipients in the list.")] = 100_000,
    seconds: Annotated[float, Option(metavar="S", min=0, max=_LONGEST, help="Seconds until delivery.")] = 2.0,
    _verbose: Verbose = False,
) -> None:
    """Send a campaign to a sandbox on this machine, and follow it.

    The list has mistakes, the sandbox loses answers and refuses some numbers; in the end every recipient is accounted
    for. Nothing real is sent, and no account is needed.
    """
    outcome = run_async(partial(_demonstrate, Audience(recipients), seconds))
    _show(outcome)
    _reconcile(outcome)
    write("It adds up: every recipient is accounted for, and none was texted twice.\n")


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
        f"A list of {len(audience):,}, with bad numbers, repeated ones, and {len(audience.blocked)} that the sandbox\n"
        f"refuses; and it loses the answers to {len(_FAULTS)} orders that it takes.\n"
    )


async def _send(client: AsyncClient, audience: Audience) -> _Outcome:
    """Send to all of the list."""
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
    with anyio.move_on_after(patience), track("delivery", sum(order.recipients for order in orders)) as show:
        while True:
            reports = [await client.get_order(order.id) for order in orders]
            show(sum(map(_settled, reports)))
            if all(report.status is not OrderStatus.SENDING for report in reports):
                return reports
            await anyio.sleep(_POLL_SECONDS)
    raise CommandError(f"the orders were not finished after {patience:.0f} s")


def _settled(order: OrderReport) -> int:
    return (order.delivered or 0) + (order.undelivered or 0)


async def _read(client: AsyncClient, outcome: _Outcome) -> None:
    """Read the reports of all orders."""
    began = time.perf_counter()
    with working("reading the reports"):
        for order in outcome.result.orders:
            async for delivery in client.get_report(order.id):
                outcome.told[delivery.number] += 1
                outcome.statuses[delivery.status] += 1
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
    """Check each recipient against the campaign, the reports, the orders' counters and the sandbox.

    Raises:
        CommandError: The counts do not match.
    """
    result, orders, ledger = outcome.result, outcome.orders, outcome.ledger
    expected = Counter(dict.fromkeys(outcome.reachable, 1))
    finals = (outcome.statuses[MessageStatus.DELIVERED], outcome.statuses[MessageStatus.UNDELIVERED])
    counted = (sum(order.delivered or 0 for order in orders), sum(order.undelivered or 0 for order in orders))
    wrong = {
        "a recipient of the list failed, or is in no list, or in two": (
            result.read != result.accepted + len(result.refused) + result.duplicates
        ),
        f"the sandbox sent to {len(ledger):,} of {len(expected):,} numbers, to {_repeated(ledger):,} of them twice": (
            ledger != expected
        ),
        f"the reports have {outcome.told.total():,} rows for {len(outcome.told):,} numbers": outcome.told != expected,
        f"the reports say {finals} delivered and undelivered, the orders {counted}": (
            finals != counted or sum(finals) != result.accepted
        ),
    }
    if any(wrong.values()):
        raise CommandError(f"it does not add up: {'; '.join(claim for claim, is_so in wrong.items() if is_so)}")


def _entry(index: int) -> str:
    if _is_bad(index):
        return _MISTAKES[index // _ONE_IS_BAD_IN % len(_MISTAKES)]
    # The number of an earlier entry with an even index, and so of a good one.
    digits = str(_FIRST_NUMBER + (index - _ONE_IS_REPEATED_IN + 1 if _is_repeated(index) else index))
    return _SPELLINGS[index % len(_SPELLINGS)].format(digits[:3], digits[3:6], digits[6:8], digits[8:])


def _numbers(first: int, last: int) -> Iterator[int]:
    """The good numbers of the entries from `first` to before `last`, without repeated ones."""
    return (_FIRST_NUMBER + index for index in range(first, last) if not (_is_bad(index) or _is_repeated(index)))


def _is_bad(index: int) -> bool:
    return index % _ONE_IS_BAD_IN == _ONE_IS_BAD_IN - 1


def _is_repeated(index: int) -> bool:
    return index % _ONE_IS_REPEATED_IN == _ONE_IS_REPEATED_IN - 1
