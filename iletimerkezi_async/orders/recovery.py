"""The life of an order: sent, and sent again where its answer is lost, until it is known what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve

from iletimerkezi_async.errors import (
    ApiError,
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
)
from iletimerkezi_async.http.retry import Stopwatch
from iletimerkezi_async.http.transport import RefusedAgain
from iletimerkezi_async.models import Order
from iletimerkezi_async.wire.packing import finish
from iletimerkezi_async.wire.sending import MEMORY, is_overdue, proves_refusal, send_sms

from .enquiry import Enquiry
from .evidence import Attempt, moment
from .flights import Flight
from .known import hash_content
from .live import LiveSearch
from .pieces import in_pieces

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from iletimerkezi_async.wire.draft import Draft

    from .enquiry import Earlier
    from .lookup import Lookups
    from .search import Findings

__all__ = ["send_draft"]


async def send_draft(
    lookups: Lookups,
    draft: Draft,
    lost: Stopwatch | None = None,
    before: Callable[[], Awaitable[object]] | None = None,
    again: Callable[[], Awaitable[object]] | None = None,
    *,
    may_leave: Callable[[], bool] | None = None,
    doubted: bool = False,
    earlier: Earlier | None = None,
    owner: Hashable = None,
    elsewhere: Callable[[float], Awaitable[int]] | None = None,
) -> Order:
    """Send an order, and find its id where the answer is lost.

    Args:
        lookups: What sends it, and looks for it.
        draft: The order.
        lost: Where an earlier run sent it already and did not live to see the answer: running since then.
        before: Called before each attempt, as long as no answer was lost.
        again: Called before each attempt that follows a lost answer.
        may_leave: Asked again when a body is handed over: whether it still may leave.
        doubted: Whether an earlier call may have sent it: a refusal as a duplicate then tells that it did.
        earlier: Where an earlier run may have sent it longer ago than that. A refusal as a duplicate then tells that it
            did; another one is of this attempt alone.
        owner: What keeps account of orders to the same numbers, so that they need not be counted for it.
        elsewhere: Counts the orders of other processes that cannot be told from this one, so many seconds after it
            left.

    Raises:
        IletimerkeziError: As `AsyncClient.send_sms`.
    """
    # Before it is sent: nothing may wait, and be cancelled, between an answer and what is made of it.
    flight = Flight(await in_pieces(hash_content(draft)), owner, elsewhere)
    flights = lookups.known.flights
    is_in_doubt = earlier is not None and not earlier.is_certain

    async def depart() -> None:
        if before is not None:
            await before()
        flights.depart(flight)

    if lost is not None or is_in_doubt:
        flights.depart(flight)
    try:
        order, is_known = await _send(
            lookups, draft, flight,
            lost=lost, before=depart, again=again, may_leave=may_leave, doubted=doubted, earlier=earlier,
        )  # fmt: skip
    except BaseException as error:
        is_unknown = is_in_doubt or isinstance(error, (OutcomeUnknownError, OrderAcceptedError))
        (flights.lose if is_unknown or not isinstance(error, IletimerkeziError) else flights.land)(flight)
        raise
    (flights.land if is_known else flights.lose)(flight)
    return order


async def _send(
    lookups: Lookups,
    draft: Draft,
    flight: Flight,
    *,
    lost: Stopwatch | None,
    before: Callable[[], Awaitable[object]],
    again: Callable[[], Awaitable[object]] | None,
    may_leave: Callable[[], bool] | None,
    doubted: bool,
    earlier: Earlier | None,
) -> tuple[Order, bool]:
    """The order, and whether it surely is the one that was sent."""
    call = await in_pieces(send_sms(draft))
    watch = Stopwatch()
    since = None if earlier is None else earlier.since
    doubted = doubted or earlier is not None
    result = await lookups.transport.perform(
        call, lost, before, again, may_leave=may_leave, doubted=doubted, since=since
    )
    if not isinstance(result, RefusedAgain):
        lookups.known.note(result.id, draft, flight.content, watch.elapsed, sent=lookups.transport.clocks.now())
        return result, True
    if result.lost is None and earlier is not None:
        rivals = lookups.known.flights.count_rivals(flight.content, earlier.began.here)
        findings = await Enquiry(lookups).find(draft, earlier.began, alike=1 + rivals)
        return _identify(lookups, draft, findings if not rivals else evolve(findings, matches=()), is_proven=True), True
    if result.lost is None and result.refusal is None:
        # Taken by an earlier call, whose order the reports did not show.
        raise OrderAcceptedError
    return await _settle(lookups, draft, result, flight)


async def _settle(lookups: Lookups, draft: Draft, refused: RefusedAgain, flight: Flight) -> tuple[Order, bool]:
    """Find out what became of an order whose answer was lost, after its repetition was refused.

    Returns:
        The order, and whether it surely is the one that was sent.

    Raises:
        OrderAcceptedError: It was taken, and no order, or more than one, can be told to be it.
        ApiError: It was not taken, as the order itself is refused.
        OutcomeUnknownError: It was refused for a reason of the moment, or the reports do not tell for certain.
    """
    refusal = refused.refusal
    findings = await _look_up(lookups, draft, refused, flight, whole=refusal is not None and proves_refusal(refusal))
    if len(findings.matches) == 1 and await flight.count_rivals_elsewhere():
        findings = evolve(findings, matches=())
    if refusal is None or (_leaves_open(refusal) and len(findings.matches) == 1):
        return _identify(lookups, draft, findings, is_proven=refusal is None), refusal is None
    if findings.absent and proves_refusal(refusal):
        raise refusal
    raise _in_doubt(refusal, findings)


def _leaves_open(refusal: ApiError) -> bool:
    """Whether a refusal does not speak against an order with its very numbers: its time, or a 451 without a body."""
    return is_overdue(refusal) or isinstance(refusal, DuplicateOrderError)


def _identify(lookups: Lookups, draft: Draft, findings: Findings, *, is_proven: bool) -> Order:
    """The order that was taken, with its id; `is_proven` where a refusal as a duplicate has told so.

    Raises:
        OrderAcceptedError: No order, or more than one, can be told to be it.
    """
    if len(findings.matches) != 1:
        raise OrderAcceptedError(findings.matches or findings.candidates)
    order = Order(findings.matches[0], draft.recipients)
    lookups.known.note(order.id, draft, finish(hash_content(draft)), is_proven=is_proven)
    return order


def _in_doubt(refusal: ApiError, findings: Findings) -> OutcomeUnknownError:
    # An order with its very numbers may be another one, with another text: the refusal does not say.
    hint = f"; it may be order {', '.join(map(str, findings.candidates))}" if findings.candidates else ""
    return OutcomeUnknownError(f"the answer was lost, and it was not taken again ({refusal.reason}){hint}", "send-sms")


async def _look_up(lookups: Lookups, draft: Draft, refused: RefusedAgain, flight: Flight, *, whole: bool) -> Findings:
    """Look for an order among those that were submitted since its first attempt; `whole` asks for its absence."""
    assert refused.lost is not None
    elapsed, monotonic = refused.lost.elapsed, time.monotonic()
    # One that an earlier run sent may have been taken at any time since.
    until = monotonic if refused.until is None else refused.until
    now = lookups.transport.clocks.now()
    clock = now.here if now.there is None else now.there
    attempt = Attempt(moment(clock - elapsed), moment(clock - (monotonic - until)), now.there is not None)
    with lookups.live(attempt.began, moment(clock)) as (catalogue, budget):
        began = monotonic - min(elapsed, MEMORY)
        search = LiveSearch(lookups, catalogue, draft, attempt, flight, budget=budget, began=began, until=until)
        findings = await search.find()
        if whole and not findings.candidates:
            return await search.find_all()
        return findings
