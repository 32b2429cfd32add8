"""Attempts with an order, and what follows where the answer to one is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve

from iletimerkezi_async.clocks import Stopwatch
from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
)
from iletimerkezi_async.http.transport import RefusedAgain
from iletimerkezi_async.models import Order
from iletimerkezi_async.wire.sending import is_overdue, proves_refusal, send_sms

from .known import LiveSend, hash_content
from .pieces import in_thread
from .search import find_live

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from iletimerkezi_async.errors import ApiError
    from iletimerkezi_async.http.transport import Before
    from iletimerkezi_async.wire.draft import Draft

    from .known import KnownIds
    from .lookup import Lookups


async def send_draft(
    lookups: Lookups,
    draft: Draft,
    lost: Stopwatch | None = None,
    before: Before | None = None,
    *,
    last: Stopwatch | None = None,
    may_leave: Callable[[], bool] | None = None,
    doubted: bool = False,
    owner: Hashable = None,
    elsewhere: Callable[[float], Awaitable[int]] | None = None,
) -> Order:
    """Send an order, and find its id where the answer is lost.

    Args:
        lookups: What sends it, and looks for it.
        draft: The order.
        lost: Where an earlier call sent it already and did not live to see the answer: running since its first attempt.
        before: Asked before each attempt, and told whether an earlier one may have been taken; nothing leaves where it
            raises.
        last: Running since the last attempt of that earlier call; without it, that may have been a moment ago.
        may_leave: Asked again when a body is handed over: whether it still may leave.
        doubted: Whether an earlier call may have sent it: a refusal as a duplicate then tells that it did.
        owner: The log that counts the order's look-alikes by itself, if one does.
        elsewhere: Counts the orders of other processes that cannot be told from this one, so many seconds after it
            left.

    Raises:
        IletimerkeziError: As `AsyncClient.send_sms`.
    """
    # Before it is sent: nothing may wait, and be cancelled, between an answer and what is made of it.
    send = LiveSend(draft, await in_thread(draft.recipients, hash_content, draft), owner, elsewhere)
    sends = lookups.known.sends

    attempts = _Attempts(lookups.known, send, before)
    if lost is not None:
        sends.depart(send)
    try:
        order, is_known = await _send(
            lookups, send, attempts, lost=lost, last=last, may_leave=may_leave, doubted=doubted
        )
    except BaseException as error:
        is_unknown = isinstance(error, (OutcomeUnknownError, OrderAcceptedError))
        (sends.lose if is_unknown or not isinstance(error, IletimerkeziError) else sends.land)(send)
        raise
    (sends.land if is_known else sends.lose)(send)
    return order


async def _send(
    lookups: Lookups,
    send: LiveSend,
    attempts: _Attempts,
    *,
    lost: Stopwatch | None,
    last: Stopwatch | None,
    may_leave: Callable[[], bool] | None,
    doubted: bool,
) -> tuple[Order, bool]:
    """The order, and whether it surely is the one that was sent."""
    call = evolve(await in_thread(send.draft.recipients, send_sms, send.draft), is_astray=attempts.is_astray)
    watch = Stopwatch()
    result = await lookups.transport.perform(call, attempts.before, lost=lost, may_leave=may_leave, doubted=doubted)
    if isinstance(result, RefusedAgain):
        return await _settle(lookups, send, evolve(result, last=result.last or last))
    now = lookups.transport.clocks.now()
    lookups.known.note(result.id, send.content, now, watch.elapsed, scheduled=send.draft.send_at is not None)
    return result, True


class _Attempts:
    """What is done before each attempt with an order, and whether an answer is its own.

    On a connection that is out of step, each request gets the answer of the one before. A new connection cannot be: an
    id that comes over one, or comes again, is of a service that gives it to several orders.

    Args:
        known: What the client remembers.
        send: The order.
        before: Asked before each attempt.
    """

    def __init__(self, known: KnownIds, send: LiveSend, before: Before | None) -> None:
        self._known, self._send = known, send
        self._before = before
        self._began = 0.0
        self._disputed: int | None = None

    async def before(self, *, lost: bool) -> None:
        """Get ready for an attempt."""
        if self._before is not None:
            await self._before(lost=lost)
        self._known.sends.depart(self._send)
        self._began = time.monotonic()

    def is_astray(self, order: Order, reused: bool) -> bool:
        """Whether an answer is that to another request."""
        known = self._known
        if known.are_reused or not known.is_of_another(order.id, self._send.content, self._began):
            return False
        if reused and order.id != self._disputed:
            self._disputed = order.id
            return True
        known.are_reused = True
        return False


async def _settle(lookups: Lookups, send: LiveSend, refused: RefusedAgain) -> tuple[Order, bool]:
    """Find out what became of an order that may have been taken, after its repetition was refused.

    Returns:
        The order, and whether it surely is the one that was sent.

    Raises:
        OrderAcceptedError: It was taken, and no order, or more than one, can be told to be it.
        ApiError: It was not taken, as the order itself is refused.
        OutcomeUnknownError: It was refused for a reason of the moment, and the reports do not show it.
    """
    refusal = refused.refusal
    if refusal is not None and proves_refusal(refusal):
        raise refusal
    if refused.first is None:
        # Taken by an earlier call, whose order the reports did not show.
        raise OrderAcceptedError
    found = await find_live(lookups, send, refused.first, refused.last or Stopwatch())
    if found.order_id is None:
        if refusal is None:
            raise OrderAcceptedError(found.candidates)
        raise _in_doubt(refusal, found.candidates)
    if refusal is None:
        lookups.known.note(found.order_id, send.content, took=refused.first.elapsed)
    elif not _leaves_open(refusal):
        raise _in_doubt(refusal, found.candidates)
    return Order(found.order_id, send.draft.recipients), refusal is None


def _leaves_open(refusal: ApiError) -> bool:
    """Whether a refusal does not speak against an order with its very numbers: its time, or a 451 without a body."""
    return is_overdue(refusal) or isinstance(refusal, DuplicateOrderError)


def _in_doubt(refusal: ApiError, candidates: tuple[int, ...]) -> OutcomeUnknownError:
    # An order with its very numbers may be another one, with another text: the refusal does not say.
    hint = f"; it may be order {', '.join(map(str, candidates))}" if candidates else ""
    return OutcomeUnknownError(f"the answer was lost, and it was not taken again ({refusal.reason}){hint}", "send-sms")
