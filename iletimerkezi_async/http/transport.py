"""From a call to its outcome: attempts, repetitions and lost answers."""

from __future__ import annotations

import itertools
import logging
import math
from typing import TYPE_CHECKING
from weakref import WeakSet

import anyio
import anyio.lowlevel

from iletimerkezi_async.clocks import Clocks, Stopwatch
from iletimerkezi_async.errors import ConfigurationError, IletimerkeziError, OutcomeUnknownError
from iletimerkezi_async.wire.arguments import check_whole
from iletimerkezi_async.wire.call import (
    Answered,
    AttemptOutcome,
    Call,
    Kind,
    Lost,
    NotSent,
    RawAnswer,
    Refused,
    T,
    read_answer,
)
from iletimerkezi_async.wire.draft import find_obstacle

from .clients import borrow
from .exchange import Content, Exchanged, Pool
from .lanes import LanePool
from .pacing import Gate
from .retry import Retry, next_pause
from .settings import check_timeout, longest_attempt
from .telemetry import Observation, begin_attempt, describe_attempt, end_attempt, note_paced, start_telemetry

if TYPE_CHECKING:
    import httpx

    from iletimerkezi_async.wire.credentials import Body, Credentials

    from .clients import HttpClient
    from .pacing import Pacer
    from .settings import Timeouts

logger = logging.getLogger("iletimerkezi_async")

# A repetition near the end of the window must have left before the service forgets the first attempt.
_WINDOW_GRACE = 30.0
_TOO_MANY = 429
# Bytes.
_LARGE = 2**20


class Trail:
    """The attempts of a call that may have been taken, including those of an earlier call with the same content.

    Attributes:
        first: A stopwatch from the start of the first one; of an earlier call's only within the operation's window.
        last: A stopwatch from the end of the last one.
        is_doubted: Whether an earlier call may have been taken, however long ago. A refusal as a duplicate then shows
            that it was.
    """

    first: Stopwatch | None = None
    last: Stopwatch | None = None
    is_doubted = False

    async def before(self) -> None:
        """Awaited before each attempt. If it raises, the attempt does not leave."""

    def may_leave(self) -> bool:
        """Whether an attempt may still leave; asked when its body is handed over."""
        return True


class Transport:
    """Sends calls over pooled connections and repeats them as their kind allows.

    A copy (by `copy.copy`) uses the same connections, and is closed with the original; its settings can be changed.

    Attributes:
        base_url: The base of the operations' addresses.
        host: The service's host.
        address: The same, with its port unless that is the default.
        retry: How often calls are repeated.
        rate: The most recipients a second, for orders of at most this many; `None` for no limit.
        patience: Seconds that a caller waits for an answer; `None` for no limit.
        longest_attempt: Seconds after which an attempt ends, whatever happens.
        clocks: The time by both clocks; the service's is read from its answers.
        telemetry: The observer of calls, if there is one.
        observes_calls: Whether each `call` has its own span, as the pages of a list do, and is not part of another one.
    """

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
        self.set_retry(retry)
        self._credentials = credentials
        #: Those of this transport and its copies: a pause that the service asks for holds for all.
        self._gates: WeakSet[Gate] = WeakSet()
        self.set_pacer(pacer)
        self.set_timeout(timeout)
        connections = check_whole("max_connections", max_connections, 1)
        pool: Pool = LanePool(connections, base_url) if http_client is None else borrow(http_client, base_url)
        self._pool = pool
        self.base_url, self.host, self.address = pool.base_url, pool.host, pool.address
        self.clocks = Clocks()
        self.telemetry = start_telemetry()
        self.observes_calls = False

    def set_retry(self, retry: object) -> None:
        """Set how often calls are repeated.

        Raises:
            ConfigurationError: It is not a `Retry`.
        """
        if not isinstance(retry, Retry):
            raise ConfigurationError("`retry` must be a Retry, such as Retry(attempts=3)")
        self.retry = retry

    def set_timeout(self, timeout: float | Timeouts) -> None:
        """Set the limits of an attempt.

        Raises:
            ConfigurationError: They are invalid.
        """
        self._timeout = check_timeout(timeout)
        self.patience = self._timeout.read
        self.longest_attempt = longest_attempt(self._timeout)

    def set_pacer(self, pacer: Pacer | None) -> None:
        """Set the pacer."""
        self._gate = Gate(pacer)
        self._gates.add(self._gate)
        self.rate = self._gate.rate

    async def call(self, call: Call[T]) -> T:
        """Perform a call that is not guarded, so that its result is always an answer.

        Raises:
            IletimerkeziError: As `perform`.
        """
        if self.observes_calls and self.telemetry is not None:
            with Observation(self.telemetry, self.host, call.operation) as observation:
                result = await self.perform(call)
                assert isinstance(result, Answered)
                observation.result = result.value
        else:
            result = await self.perform(call)
            assert isinstance(result, Answered)
        return result.value

    async def perform(self, call: Call[T], trail: Trail | None = None) -> Answered[T] | Refused | None:
        """Send a call, and repeat it as its kind and the outcome allow.

        Args:
            call: What to send.
            trail: Its attempts that may have been taken; updated here.

        Returns:
            The answer. Of a guarded call after an attempt that may have been taken: the refusal of a repetition, which
            does not show whether it was; or `None` if the refusal shows that it was.

        Raises:
            ApiError: The service refused.
            TransportError: There was no usable answer.
            OutcomeUnknownError: There was no usable answer, and the call may have been taken.
            ConfigurationError: The client has been closed.
        """
        trail = trail or Trail()
        body = self._credentials.envelope(call.fields)
        if len(body) > _LARGE:
            # Copying it took milliseconds: let other tasks run.
            await anyio.lowlevel.checkpoint()
        outcome: Refused | Lost | NotSent | None = None
        for number in itertools.count(1):
            turned_away = await self._wait_for_turn(call)
            limit = _time_left(call, trail)
            if limit <= 0:
                break
            if turned_away is not None:
                outcome = turned_away
                break
            await trail.before()
            # After a lost answer take a new connection: the idle ones may be broken, too.
            anew = isinstance(outcome, Lost)
            ended = await self._attempt(call, trail, body, limit, number, anew=anew)
            if isinstance(ended, Answered):
                return ended
            outcome = ended
            if isinstance(outcome, Refused):
                await self._hold_back(call, outcome)
            pause = next_pause(self.retry, call.operation.kind, outcome, number)
            if pause is None or find_obstacle(call.send_at):
                break
            extra = describe_attempt(call, outcome, number, self.host)
            logger.warning("%s; attempt %d follows in %.2f s", outcome.error.reason, number + 1, pause, extra=extra)
            await anyio.sleep(pause)
        return _conclude(call, trail, outcome)

    async def _wait_for_turn(self, call: Call[T]) -> NotSent | None:
        """Wait until the call may be sent; or return the reason why it cannot be sent."""
        if call.recipients:
            # The loop's clock is read first, as its first use loads parts of anyio, which must not count as a wait.
            began = anyio.current_time()
            try:
                await self._gate.wait(call.recipients, call.operation.name)
            except IletimerkeziError as error:
                return NotSent(error)
            if self.rate is not None:
                note_paced(call, anyio.current_time() - began)
        return NotSent(ConfigurationError("the client has been closed")) if self._pool.is_closed else None

    async def _attempt(
        self, call: Call[T], trail: Trail, body: Body, limit: float, number: int, *, anew: bool
    ) -> AttemptOutcome[T]:
        """Send the call once.

        Args:
            call: What to send.
            trail: The attempts so far.
            body: The body of the request.
            limit: Seconds that the attempt may take.
            number: Its number, from 1.
            anew: Whether to use a new connection.
        """
        watch = Stopwatch()
        raw: Exchanged | None = None
        # Checked again when the body is handed over, as the machine may have slept meanwhile.
        content = Content(body, self._timeout, lambda: _time_left(call, trail) > 0 and trail.may_leave())
        begin_attempt(call)
        with anyio.move_on_after(min(limit, self.longest_attempt)):
            raw = await self._pool.exchange(call.operation.name, content, anew=anew)
        outcome = self._read(call, raw)
        # If the HTTP client itself sent it more than once, the first answer is lost.
        if isinstance(outcome, Lost) or content.times > 1:
            trail.first = trail.first or watch
            trail.last = Stopwatch()
        if isinstance(outcome, Lost) and outcome.out_of_step:
            await self._pool.distrust()
        end_attempt(call, outcome, number)
        if logger.isEnabledFor(logging.DEBUG):
            _log_attempt(call, outcome, number, watch, self.host)
        return outcome

    def _read(self, call: Call[T], raw: Exchanged | None) -> AttemptOutcome[T]:
        if raw is None:
            return self._pool.lost(call.operation.name, "no complete answer within the time limit")
        if not isinstance(raw, RawAnswer):
            return raw
        outcome = read_answer(call, raw, self._credentials.scrub, self.address)
        if isinstance(outcome, Answered) or (isinstance(outcome, Refused) and outcome.date is not None):
            # Only from the service's own answers: a gateway may have another clock.
            self.clocks.hear(raw.date)
        return outcome

    async def _hold_back(self, call: Call[T], refused: Refused) -> None:
        """Delay all sends if the service asks for a pause, but none for longer than `wait_max`."""
        if not call.recipients or refused.error.code != _TOO_MANY or not refused.retry_after:
            return
        pause = min(refused.retry_after, self.retry.wait_max)
        for gate in list(self._gates):
            gate.hold_back(pause)
        await self._gate.share_pause(pause)

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when their call ends. Idempotent."""
        await self._pool.aclose()


def _time_left(call: Call[T], trail: Trail) -> float:
    """Seconds that the next attempt may take; 0 if its schedule or its window has passed."""
    if find_obstacle(call.send_at):
        return 0
    if trail.first is None or call.operation.window is None:
        return math.inf
    left = call.operation.window - trail.first.elapsed
    return left + _WINDOW_GRACE if left > 0 else 0


def _conclude(call: Call[T], trail: Trail, outcome: Refused | Lost | NotSent | None) -> Refused | None:
    """Return or raise the final outcome, after the last attempt.

    Args:
        call: The call.
        trail: Its attempts that may have been taken.
        outcome: The last attempt's; `None` if none was made.

    Raises:
        IletimerkeziError: As `Transport.perform`.
    """
    operation = call.operation
    in_doubt = trail.first is not None
    if isinstance(outcome, Refused):
        is_as_if_taken = outcome.error.code == operation.taken_code and (in_doubt or trail.is_doubted)
        if is_as_if_taken and outcome.is_its_own:
            return None
        if in_doubt and operation.traceable and not outcome.later:
            return outcome
        in_doubt = not outcome.content and (in_doubt or is_as_if_taken)
    else:
        obstacle = find_obstacle(call.send_at)
        if obstacle is not None and not in_doubt:
            raise obstacle
        if obstacle is not None and operation.traceable:
            return Refused(obstacle)
    if outcome is None:
        raise OutcomeUnknownError("the time in which it may be sent again has passed", operation.name)
    if operation.kind is Kind.REPEATABLE or not in_doubt:
        raise outcome.error
    message = f"the answer was lost, and the outcome is unknown (last error: {outcome.error.reason})"
    raise OutcomeUnknownError(message, operation.name, getattr(outcome.error, "http_status", None))


def _log_attempt(call: Call[T], outcome: AttemptOutcome[T], attempt: int, watch: Stopwatch, host: str) -> None:
    code: object = 200
    if isinstance(outcome, Refused):
        code = outcome.error.code
    elif not isinstance(outcome, Answered):
        code = outcome.error.reason.removeprefix(f"{call.operation.name}: ")
    about = f" {call.about}" if call.about else ""
    extra = describe_attempt(call, outcome, attempt, host)
    logger.debug(
        "%s%s: %s in %.3f s (attempt %d)", call.operation.name, about, code, watch.elapsed, attempt, extra=extra
    )
