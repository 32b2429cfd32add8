"""Finding an order whose answer was lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import anyio
from attrs import frozen

from iletimerkezi_async.errors import IletimerkeziError, OrderAcceptedError, OutcomeUnknownError
from iletimerkezi_async.http.transport import RefusedAgain, Transport
from iletimerkezi_async.models import TURKISH_TIME, Order, OrderReport
from iletimerkezi_async.wire.sending import send_sms

from .paging import Orders, Report
from .pieces import in_pieces

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from iletimerkezi_async.http.retry import Stopwatch
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["SKEW", "Findings", "search", "send_draft"]

# `Date` and `submitAt` have whole seconds.
_SLACK = timedelta(seconds=2)
# Where orders have no times, the last ones are named, and not a whole day's.
_MOST_TIMELESS = 20
# Of a small order, most recipients may be blocked.
_MOST_SKIPPED = 20
# One look that shows nothing may have come too soon.
_LOOKS = 2
#: How far two clocks may be apart where nothing better is known.
SKEW = timedelta(minutes=2)


@frozen(eq=False, repr=False)
class Findings:
    """What the reports tell of an order.

    Attributes:
        matches: Ids of the orders that have its very numbers.
        candidates: Ids of the orders that may be it as far as could be seen, the matches included.
        complete: Whether everything could be seen, so that no match means that there is no such order.
    """

    matches: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    complete: bool = False


async def send_draft(
    transport: Transport,
    draft: Draft,
    lost: Stopwatch | None = None,
    before: Callable[[], Awaitable[object]] | None = None,
    again: Callable[[], Awaitable[object]] | None = None,
) -> Order:
    """Send an order, and find its id where the answer is lost.

    Args:
        transport: What sends it.
        draft: The order.
        lost: Where an earlier run sent it already and did not live to see the answer: running since then.
        before: Called before each attempt, as long as no answer was lost.
        again: Called before each attempt that follows a lost answer.

    Raises:
        IletimerkeziError: As `AsyncClient.send_sms`.
    """
    call = await in_pieces(send_sms(draft))
    result = await transport.perform(call, lost, before, again)
    return await _settle(transport, draft, result) if isinstance(result, RefusedAgain) else result


async def _settle(transport: Transport, draft: Draft, taken: RefusedAgain) -> Order:
    """Find out what became of an order whose answer was lost, after its repetition was refused.

    Among the orders submitted since the first attempt began, with the same sender and the same count, it is the only
    one whose own report has the very same numbers.

    Raises:
        OrderAcceptedError: It was taken, and no order, or more than one, can be told to be it.
        ApiError: It was not taken, as its content is refused.
        OutcomeUnknownError: It was refused for a reason of the moment, or the reports do not tell for certain.
    """
    findings = await search(transport, draft, *_submitted_between(taken))
    if taken.refusal is None:
        if len(findings.matches) == 1:
            return Order(findings.matches[0], draft.recipients)
        raise OrderAcceptedError(findings.matches or findings.candidates)
    if taken.refusal.content and findings.complete and not findings.candidates:
        raise taken.refusal.error
    # An order with its very numbers may be another one, with another text: the refusal does not say.
    hint = f"; it may be order {', '.join(map(str, findings.candidates))}" if findings.candidates else ""
    reason = f"the answer was lost, and then it was refused ({taken.refusal.error}){hint}"
    raise OutcomeUnknownError(reason, "send-sms")


def _submitted_between(taken: RefusedAgain) -> tuple[datetime, datetime]:
    """The earliest and latest time, by the service's clock, at which the order can have been submitted."""
    now, doubt = (taken.date, _SLACK) if taken.date else (datetime.now(timezone.utc), SKEW)
    return now - timedelta(seconds=taken.elapsed) - doubt, now + doubt


async def search(transport: Transport, draft: Draft, since: datetime, until: datetime) -> Findings:
    """Look for the orders submitted between two times that are like a draft.

    The reports may lag behind, so they are looked at several times. It raises nothing that the service says: what could
    not be seen is told by `Findings.complete`.
    """
    findings = await _search_once(transport, draft, since, until)
    for look in range(1, max(_LOOKS, transport.retry.attempts)):
        if findings.matches:
            break
        await anyio.sleep(transport.retry.pause(look))
        findings = await _search_once(transport, draft, since, until)
    return findings


async def _search_once(transport: Transport, draft: Draft, since: datetime, until: datetime) -> Findings:
    since, until = since.astimezone(TURKISH_TIME), until.astimezone(TURKISH_TIME)
    try:
        listed = await _find_listed(transport, draft, since, until)
    except IletimerkeziError:
        return Findings()
    wanted = Counter(number for _, number in draft.pairs())
    # Without its time, an order cannot be told from the many of the past.
    timeless = {order.id for order in listed if order.submitted_at is None}
    verdicts = {
        order.id: await _has_numbers(transport, order.id, wanted) for order in listed if order.id not in timeless
    }
    return Findings(
        tuple(id for id, verdict in verdicts.items() if verdict),
        (*(id for id, verdict in verdicts.items() if verdict is not False), *sorted(timeless)[-_MOST_TIMELESS:]),
        complete=None not in verdicts.values() and not timeless,
    )


async def _find_listed(transport: Transport, draft: Draft, since: datetime, until: datetime) -> list[OrderReport]:
    """The orders that may be it, as far as the list tells."""
    orders: list[OrderReport] = []
    newest_first = _NewestFirst()
    to_the_minute = since.replace(second=0, microsecond=0)
    async for order in Orders(transport, since.date(), until.date()):
        orders.append(order)
        if newest_first.so_far(order) and _is_older(order, to_the_minute):
            break
    # Where no time has seconds, each may stand for any second of its minute.
    if not any(order.submitted_at.second for order in orders if order.submitted_at):
        since = to_the_minute
    return [
        order
        for order in orders
        if _is_like(order, draft) and not _is_older(order, since) and not _is_newer(order, until)
    ]


def _is_like(order: OrderReport, draft: Draft) -> bool:
    if order.sender not in {None, draft.sender}:
        return False
    # Blocked numbers may be skipped, and then do not count: but not most of a large order.
    return order.total is None or 0 <= draft.recipients - order.total <= max(order.total, _MOST_SKIPPED)


def _is_older(order: OrderReport, since: datetime) -> bool:
    return order.submitted_at is not None and order.submitted_at < since


def _is_newer(order: OrderReport, until: datetime) -> bool:
    return order.submitted_at is not None and order.submitted_at > until


async def _has_numbers(transport: Transport, order_id: int, wanted: Counter[str]) -> bool | None:
    """Whether an order has these very numbers; `None` where its report is not to be had (yet)."""
    missing = wanted.copy()
    foreign = any(_is_foreign(number) for number in wanted)
    try:
        async for delivery in Report(transport, order_id):
            if missing[delivery.number]:
                missing[delivery.number] -= 1
            elif not (foreign and _is_foreign(delivery.number)):
                return False
    except IletimerkeziError:
        return None
    # Some may have been skipped as blocked; and of an order that was just taken, rows may not be there yet.
    return None if any(missing.values()) else True


def _is_foreign(number: str) -> bool:
    # In which form the reports bring numbers of other countries is not documented: no proof that it is another one.
    return not number.startswith("+905")


class _NewestFirst:
    """Whether orders have come newest first so far, so that the first that is too old ends the search.

    The documentation does not tell the order; a page's worth of evidence is asked for.
    """

    _EVIDENCE = 30

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._steps = 0
        self._broken = False

    def so_far(self, order: OrderReport) -> bool:
        """Take note of the next order, and tell."""
        if order.submitted_at is None or (self._last and order.submitted_at > self._last):
            self._broken = True
        self._last = order.submitted_at
        self._steps += 1
        return self._steps > self._EVIDENCE and not self._broken
