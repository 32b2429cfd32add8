"""Finding an order whose answer was lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import anyio
from attrs import frozen

from .errors import IletimerkeziError, OrderAcceptedError, OutcomeUnknownError
from .models import TURKISH_TIME, Order, OrderReport
from .operations import send_sms
from .paging import Orders, Report
from .transport import Taken, Transport

if TYPE_CHECKING:
    from .draft import Draft
    from .retry import Stopwatch

__all__ = ["SKEW", "Findings", "search", "send_draft"]

# `Date` and `submitAt` have whole seconds.
_SLACK = timedelta(seconds=2)
#: How far two clocks may be apart where nothing better is known.
SKEW = timedelta(minutes=2)


@frozen
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


async def send_draft(transport: Transport, draft: Draft, lost: Stopwatch | None = None) -> Order:
    """Send an order, and find its id where the answer is lost.

    Args:
        transport: What sends it.
        draft: The order.
        lost: Where an earlier run sent it already and did not live to see the answer: running since then.

    Raises:
        IletimerkeziError: As `AsyncClient.send_sms`.
    """
    result = await transport.perform(send_sms(draft), lost)
    return await _settle(transport, draft, result) if isinstance(result, Taken) else result


async def _settle(transport: Transport, draft: Draft, taken: Taken) -> Order:
    """Find out what became of an order whose answer was lost, after its repetition was refused.

    Among the orders submitted since the first attempt began, with the same sender and the same count, it is the only
    one whose own report has the very same numbers. The reports may lag behind, so they are looked at several times.

    Raises:
        OrderAcceptedError: It was taken, and no order, or more than one, can be told to be it.
        ApiError: It was not taken, as its content is refused.
        OutcomeUnknownError: It was refused for a reason of the moment, or the reports cannot be had.
    """
    findings = Findings()
    since, until = _submitted_between(taken)
    for attempt in range(1, transport.retry.attempts + 1):
        findings = await search(transport, draft, since, until)
        if findings.matches:
            break
        await anyio.sleep(transport.retry.pause(attempt))
    if len(findings.matches) == 1:
        return Order(findings.matches[0], draft.recipients)
    if findings.matches or taken.refusal is None:
        raise OrderAcceptedError(findings.matches or findings.candidates)
    if taken.refusal.content and findings.complete:
        raise taken.refusal.error
    raise OutcomeUnknownError(f"the answer was lost, and then it was refused ({taken.refusal.error})", "send-sms")


def _submitted_between(taken: Taken) -> tuple[datetime, datetime]:
    """The earliest and latest time, by the service's clock, at which the order can have been submitted."""
    now, doubt = (taken.date, _SLACK) if taken.date else (datetime.now(timezone.utc), SKEW)
    return now - timedelta(seconds=taken.elapsed) - doubt, now + doubt


async def search(transport: Transport, draft: Draft, since: datetime, until: datetime) -> Findings:
    """Look once for the orders submitted between two times that are like a draft.

    It raises nothing that the service says: what could not be seen is told by `Findings.complete`.
    """
    try:
        candidates = await _find_candidates(transport, draft, since.astimezone(TURKISH_TIME), until)
    except IletimerkeziError:
        return Findings()
    wanted = Counter(number for _, number in draft.pairs())
    verdicts = {id: await _has_numbers(transport, id, wanted) for id in candidates}
    return Findings(
        tuple(id for id, verdict in verdicts.items() if verdict),
        tuple(id for id, verdict in verdicts.items() if verdict is not False),
        complete=None not in verdicts.values(),
    )


async def _find_candidates(transport: Transport, draft: Draft, since: datetime, until: datetime) -> list[int]:
    candidates: list[int] = []
    newest_first = _NewestFirst()
    async for order in Orders(transport, since.date(), until.astimezone(TURKISH_TIME).date()):
        if _is_like(order, draft) and not _is_older(order, since) and not _is_newer(order, until):
            candidates.append(order.id)
        if newest_first.so_far(order) and _is_older(order, since):
            break
    return candidates


def _is_like(order: OrderReport, draft: Draft) -> bool:
    return order.sender in {None, draft.sender} and order.total in {None, draft.recipients}


def _is_older(order: OrderReport, since: datetime) -> bool:
    # Without a time, an order cannot be told from the many of the past.
    if order.submitted_at is None:
        return True
    # A time without seconds may stand for any second of its minute.
    return order.submitted_at < (since if order.submitted_at.second else since.replace(second=0, microsecond=0))


def _is_newer(order: OrderReport, until: datetime) -> bool:
    return order.submitted_at is not None and order.submitted_at > until


async def _has_numbers(transport: Transport, order_id: int, wanted: Counter[str]) -> bool | None:
    """Whether an order has these very numbers; `None` where its report is not to be had (yet)."""
    missing = wanted.copy()
    try:
        async for delivery in Report(transport, order_id):
            if not missing[delivery.number]:
                return False
            missing[delivery.number] -= 1
    except IletimerkeziError:
        return None
    # Of an order that was just taken, some rows may not be there yet.
    return None if any(missing.values()) else True


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
