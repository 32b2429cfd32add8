"""From a call to its outcome: attempts, repetitions, and what a lost answer leaves open."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import anyio
from attrs import frozen

from iletimerkezi_async.errors import ConfigurationError, IletimerkeziError, OutcomeUnknownError, TransportError
from iletimerkezi_async.wire.account import get_balance
from iletimerkezi_async.wire.call import (
    Answered,
    Call,
    Kind,
    Lost,
    NotSent,
    Outcome,
    RawAnswer,
    Refused,
    T,
    read_answer,
)

from .clients import borrow
from .exchange import Endpoint, NoAnswer, Pool
from .lanes import LanePool
from .pacing import Gate
from .retry import Retry, Stopwatch, check_retry, next_pause
from .settings import check_connections, check_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from iletimerkezi_async.wire.credentials import Body, Credentials

    from .clients import HttpClient
    from .pacing import Pacer
    from .settings import Timeouts

__all__ = ["RefusedAgain", "Transport"]

logger = logging.getLogger("iletimerkezi_async")

# A repetition near the end of the window must have left before the service forgets the first attempt.
_WINDOW_GRACE = 30.0
_TOO_MANY = 429


@frozen(eq=False, repr=False)
class RefusedAgain:
    """A guarded request was refused after an attempt whose answer was lost.

    Attributes:
        elapsed: Seconds since the first attempt whose answer was lost began.
        date: The time by the server's clock at the refusal, where it said so.
        refusal: `None` where the refusal tells that the earlier attempt was taken; otherwise the refusal itself, which
            leaves that open.
    """

    elapsed: float
    date: datetime | None
    refusal: Refused | None = None


class Transport:
    """Sends calls over pooled connections and repeats them as their kind allows."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: httpx.URL,
        timeout: float | Timeouts,
        max_connections: int,
        retry: Retry,
        pacer: Pacer | None,
        http_client: HttpClient | None,
    ) -> None:
        self.retry = check_retry(retry)
        self._credentials = credentials
        self._gate = Gate(pacer)
        self._endpoint = Endpoint(base_url, check_timeout(timeout))
        connections = check_connections(max_connections)
        self._pool: Pool
        if http_client is None:
            self._pool = LanePool(connections, self._endpoint)
        else:
            self._pool = borrow(http_client, self._endpoint)
        self._closed = False
        # The headers of the last answer, and when it came: they tell the service's clock.
        self._heard: tuple[RawAnswer, float] | None = None

    @property
    def longest_attempt(self) -> float:
        """Seconds after which an attempt ends, whatever happens."""
        return self._endpoint.longest

    @property
    def patience(self) -> float | None:
        """Seconds that a caller waits for an answer."""
        return self._endpoint.timeout.read

    async def clock_offset(self) -> timedelta | None:
        """Ask how far the service's clock is ahead of this machine's; `None` where it does not say."""
        asked = time.time()
        with contextlib.suppress(IletimerkeziError):
            await self.call(get_balance())
        heard = self._heard
        # An answer of the past says nothing of clocks that may have been set since.
        if heard is None or heard[1] < asked:
            return None
        date = heard[0].date
        return None if date is None else date - datetime.fromtimestamp(heard[1], timezone.utc)

    async def call(self, call: Call[T]) -> T:
        """Perform a call that is not guarded, and so has one kind of result.

        Raises:
            IletimerkeziError: As `perform`.
        """
        result = await self.perform(call)
        assert not isinstance(result, RefusedAgain)
        return result

    async def perform(
        self,
        call: Call[T],
        lost: Stopwatch | None = None,
        before: Callable[[], Awaitable[object]] | None = None,
        again: Callable[[], Awaitable[object]] | None = None,
    ) -> T | RefusedAgain:
        """Send a call, and again as its kind and the outcome allow.

        Args:
            call: What to send.
            lost: Where an earlier run sent it already and did not live to see the answer: running since then.
            before: Called before each attempt, as long as no answer was lost: the next one may be taken.
            again: Called before each attempt that follows a lost answer.

        Raises:
            ApiError: The service refused.
            TransportError: There was no usable answer.
            OutcomeUnknownError: There was none, and the call may have been taken.
            ConfigurationError: The client has been closed.
        """
        body = self._credentials.envelope(call.fields)
        outcome: Outcome[T] | None = None
        # `lost` runs from the beginning of the first attempt whose answer was lost.
        for attempt in itertools.count(1):
            obstacle = await self._wait_for_turn(call)
            limit = _time_left(call, lost)
            if limit <= 0:
                break
            if obstacle is not None:
                outcome = obstacle
                break
            prepare = before if lost is None else again
            if prepare is not None:
                await prepare()
            watch = Stopwatch()
            # The other idle connections may be as dead as one that broke: a repetition takes a new one.
            outcome = await self._attempt(call, body, limit, anew=isinstance(outcome, Lost))
            _log_attempt(call, outcome, attempt, watch)
            if isinstance(outcome, Answered):
                return outcome.value
            taken = _taken(call, outcome, lost)
            if taken is not None:
                return taken
            if isinstance(outcome, Lost):
                lost = lost or watch
            pause = next_pause(self.retry, call.kind, outcome, attempt)
            if pause is None:
                break
            logger.warning("%s; attempt %d follows in %.2f s", outcome.error, attempt + 1, pause)
            await anyio.sleep(pause)
        if outcome is None or isinstance(outcome, Answered):
            raise OutcomeUnknownError("it is too late to send it again", call.operation)
        raise _conclusion(call, outcome, in_doubt=lost is not None)

    async def _wait_for_turn(self, call: Call[T]) -> NotSent | None:
        """Wait until the call may be sent; what is in the way of it, if anything is."""
        complaint = await self._gate.wait(call.recipients, call.operation)
        if complaint is None and self._closed:
            complaint = ConfigurationError("the client has been closed")
        return None if complaint is None else NotSent(complaint)

    async def _attempt(self, call: Call[T], body: Body, limit: float, *, anew: bool) -> Outcome[T]:
        raw: RawAnswer | NoAnswer = NoAnswer("no complete answer in time", sent=True)
        with anyio.move_on_after(min(limit, self._endpoint.longest)):
            raw = await self._pool.exchange(call.operation, body, anew=anew)
        if isinstance(raw, RawAnswer):
            self._heard = RawAnswer(raw.http_status, b"", raw.headers), time.time()
            outcome = read_answer(call, raw, self._credentials.scrub)
            self._heed(call, outcome)
            return outcome
        if raw.misuse:
            return NotSent(ConfigurationError(raw.reason))
        error = TransportError(raw.reason, call.operation, raw.http_status)
        return Lost(error) if raw.sent else NotSent(error)

    def _heed(self, call: Call[T], outcome: Outcome[T]) -> None:
        """Hold everybody back where the service asks for a pause in sending, but nobody for longer than `wait_max`."""
        if call.recipients and isinstance(outcome, Refused) and outcome.error.code == _TOO_MANY and outcome.retry_after:
            self._gate.hold_back(min(outcome.retry_after, self.retry.wait_max))

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when their call ends. Twice is once."""
        self._closed = True
        await self._pool.aclose()


def _taken(call: Call[T], outcome: Outcome[T], lost: Stopwatch | None) -> RefusedAgain | None:
    """What a refusal after a lost answer tells, where it tells that the call was taken or that can be looked up."""
    if lost is None or not isinstance(outcome, Refused) or outcome.later:
        return None
    if outcome.error.code == call.taken_code:
        return RefusedAgain(lost.elapsed, outcome.date)
    return RefusedAgain(lost.elapsed, outcome.date, outcome) if call.traceable else None


def _time_left(call: Call[T], lost: Stopwatch | None) -> float:
    """Seconds that the next attempt may take; none where a repetition would come too late."""
    if lost is None or call.window is None:
        return math.inf
    left = call.window - lost.elapsed
    return left + _WINDOW_GRACE if left > 0 else 0


def _conclusion(call: Call[T], outcome: Refused | Lost | NotSent, *, in_doubt: bool) -> IletimerkeziError:
    """The error to end with, where `in_doubt` says that an answer was lost on the way."""
    if call.kind is Kind.REPEATABLE or not in_doubt:
        return outcome.error
    if isinstance(outcome, Refused) and outcome.content:
        return outcome.error
    message = f"the answer was lost, and it may or may not have been done (at last: {outcome.error})"
    http_status = getattr(outcome.error, "http_status", None)
    return OutcomeUnknownError(message, call.operation, http_status)


def _log_attempt(call: Call[T], outcome: Outcome[T], attempt: int, watch: Stopwatch) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return
    code: object = 200
    if isinstance(outcome, Refused):
        code = outcome.error.code
    elif not isinstance(outcome, Answered):
        code = str(outcome.error).removeprefix(f"{call.operation}: ")
    about = f" {call.about}" if call.about else ""
    logger.debug("%s%s: %s in %.3f s (attempt %d)", call.operation, about, code, watch.elapsed, attempt)
