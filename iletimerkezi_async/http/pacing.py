"""Paces orders by the generic cell rate algorithm.

Each account has one number, in memory or in a store: the next free moment. An order takes that moment, and moves it on
by the time that its recipients take. So each order has a stretch of time of its own, and leaves when that begins.
"""

from __future__ import annotations

import inspect
import logging
import math
import os
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import anyio
from anyio.lowlevel import RunVar

from iletimerkezi_async.errors import ConfigurationError, IletimerkeziError, StoreError, TransportError
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.arguments import to_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.stores.base import Store

logger = logging.getLogger("iletimerkezi_async")

_WRONG_RATE = (
    "`rate` must be a positive number of recipients a second, an object with `async acquire(n)`, or None for no limit"
)
# The service's limit (source: its announcement of limits, in force since 2026-05-05), for a caller's own pacer that has
# no `rate`.
_RATE = 100.0

# The part of the rate at which recipients follow one another. No order leaves more than `_LATE` after its stretch
# began. So the stretches of all that leave within a second began within 1 + 1/9 seconds: 0.9 * (1 + 1/9) = 1.
_STEADY = 0.9
# Seconds. An order that is later than this asks once more.
_LATE = 1 / _STEADY - 1
# Seconds by which a stretch may begin before it is reserved: so much leaves at once after a quiet time. It must be
# below `_LATE`; with a store far below, as the store's answer takes time.
_CREDIT = 0.1
_CREDIT_OF_STORE = 0.05
# Seconds that a process reserves ahead. They are lost when it dies, or when its callers are cancelled.
_AHEAD = 0.25
# Seconds of the longest pause that is shared.
_LONGEST_PAUSE = 120.0
# Seconds to wait for the store; fewer where it was away. After that it is not asked for a while.
_PATIENCE = 2.0
_PATIENCE_AWAY = 0.5
_AWAY = 5.0


class Pacer(Protocol):
    """An object that makes callers wait their turn; several clients of one account can share one.

    What it raises means that nothing was sent.
    """

    async def acquire(self, n: int, /) -> object:
        """Wait until `n` recipients may be sent to; the result is ignored."""
        ...


def choose_pacer(rate: float | Pacer | None, store: Store | None, account: str) -> Pacer | None:
    """Return the pacer for what was given as `rate`; a number is for all processes of the account, if there is a store.

    Raises:
        ConfigurationError: It is neither a positive number nor a pacer.
    """
    if rate is None:
        return None
    acquire = getattr(rate, "acquire", None)
    if acquire is None:
        # They check the number.
        number = cast("float", rate)
        return TokenBucket(number) if store is None else StorePacer(number, store, account)
    if isinstance(rate, type) or not _takes_a_count(acquire):
        raise ConfigurationError(_WRONG_RATE)
    return rate  # type: ignore[return-value]  # it has the method


def _takes_a_count(acquire: Callable[..., object]) -> bool:
    # Functions in C may have no signature.
    with suppress(ValueError):
        try:
            inspect.signature(acquire).bind(1)
        except TypeError:
            return False
    return True


class _Turn:
    """A caller in the line of its event loop.

    Attributes:
        n: For how many recipients it waits.
        moment: When it may go, once that is reserved; by the monotonic clock.
        roused: It has a moment, or is the head of the line.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.moment: float | None = None
        self.roused = anyio.Event()


#: The callers of one event loop that have no moment yet, in the order of asking.
_Line: TypeAlias = "OrderedDict[_Turn, None]"


@forgetful
class TokenBucket:
    """Lets recipients pass in the order of asking: in no second more than `rate` of them, an order of n at most n more.

    After a quiet time a tenth of the rate passes at once, the rest evenly at nine tenths of it. An order for more than
    `rate` is a bulk order and passes unpaced. (The service's limits: 100 recipients a second for transactional
    messages, 50,000 in a bulk order; source: its announcement, in force since 2026-05-05.) Clients share one by getting
    the same object, also in threads with event loops of their own. An event loop that is busy for longer than a tenth
    of a second at a time cannot keep the rate exactly, but it sends everything.

    Args:
        rate: Recipients a second; of 2.5 the half is not used. Below 1 it is one every `1.1 / rate` seconds.

    Raises:
        ConfigurationError: It is not a positive number.
    """

    def __init__(self, rate: float) -> None:
        number = to_number(rate)
        if not 0 < number < math.inf:
            raise ConfigurationError(_WRONG_RATE)
        whole = int(number)
        #: Recipients that may pass in a second. An order of more is a bulk order.
        self.rate = max(1, whole)
        # Seconds that a recipient takes.
        self._interval = 1 / (_STEADY * (whole or number))
        # By the monotonic clock.
        self._free_at = self._held_until = -math.inf
        # Each event loop has its own line; all share the moments.
        self._lines: RunVar[_Line] = RunVar("callers that wait for a rate")
        self._lock, self._process = threading.Lock(), os.getpid()

    async def acquire(self, n: int, /) -> None:
        """Wait until `n` recipients may be sent to."""
        if n > self.rate:
            await self._sleep_until(self._held_until)
            return
        if self._goes_at_once(n):
            return
        moment = await self._stand_in_line(n)
        await self._sleep_until(moment)
        was_late = False
        # An order that is late again leaves all the same, but not at the end of a pause, when many would leave at once.
        while time.monotonic() - moment > _LATE and (not was_late or moment < self._held_until):
            was_late = True
            moment = await self._reserve(n * self._interval)
            await self._sleep_until(moment)

    def hold_back(self, seconds: float) -> None:
        """Let no order pass for so many seconds: the service asked for it."""
        with self._own_lock():
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def _goes_at_once(self, n: int) -> bool:
        """Take the next stretch if it is free by now and no caller of this event loop waits."""
        if self._line():
            return False
        with self._own_lock():
            now = time.monotonic()
            begin = self._next_begin(now)
            if begin > now:
                return False
            self._free_at = begin + n * self._interval
        return True

    async def _stand_in_line(self, n: int) -> float:
        """Wait until a moment is reserved for `n` recipients.

        Only the head of the line reserves, for itself and some behind it, and little ahead: callers that give up have
        reserved nothing, and a pause of another process is noticed soon.
        """
        line = self._line()
        turn = _Turn(n)
        line[turn] = None
        try:
            if next(iter(line)) is not turn:
                await turn.roused.wait()
            while turn.moment is None:
                await self._serve(line)
        except BaseException as error:
            line.pop(turn, None)
            # Then the garbage collector closes a coroutine whose event loop has ended, and there is no line any more.
            if not isinstance(error, GeneratorExit):
                _rouse_head(line)
            raise
        return turn.moment

    async def _serve(self, line: _Line) -> None:
        """Reserve moments for the head of a line, and for those behind it that follow soon."""
        await self._sleep_until(self._free_at - _AHEAD)
        turns: list[_Turn] = []
        room = _AHEAD / self._interval
        for turn in line:
            room -= turn.n
            if turns and room < 0:
                break
            turns.append(turn)
        moment = await self._reserve(sum(turn.n for turn in turns) * self._interval)
        for turn in turns:
            turn.moment = moment
            moment += turn.n * self._interval
            # It may be gone: callers can be cancelled meanwhile.
            line.pop(turn, None)
            turn.roused.set()
        _rouse_head(line)

    async def _reserve(self, seconds: float) -> float:
        """Reserve the next free stretch of time, and tell when it begins."""
        with self._own_lock():
            begin = self._next_begin(time.monotonic())
            self._free_at = begin + seconds
        return begin

    def _next_begin(self, now: float) -> float:
        return max(self._free_at, self._held_until, now - _CREDIT)

    async def _sleep_until(self, moment: float) -> None:
        """Sleep until a moment, and until the pauses that begin meanwhile are over."""
        while (pause := max(moment, self._held_until) - time.monotonic()) > 0:  # noqa: ASYNC110 - it ends by the clock
            await anyio.sleep(pause)

    def _line(self) -> _Line:
        line: _Line | None = self._lines.get(None)
        if line is None:
            line = OrderedDict[_Turn, None]()
            self._lines.set(line)
        return line

    def _own_lock(self) -> threading.Lock:
        """The lock; a new one in a process that was forked off, as a thread of the parent may have held the old one."""
        if os.getpid() != self._process:
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock


def _rouse_head(line: _Line) -> None:
    if line:
        next(iter(line)).roused.set()


class StorePacer(TokenBucket):
    """Keeps one rate for all processes of an account, by the number that a store keeps.

    After a quiet time a twentieth of the rate passes at once. Where the store is away each process paces by itself.

    Args:
        rate: Recipients a second.
        store: Where moments are reserved.
        account: Whose rate it is.

    Raises:
        ConfigurationError: The rate is not a positive number.
    """

    def __init__(self, rate: float, store: Store, account: str) -> None:
        super().__init__(rate)
        self._store = store
        self._account = account
        self._away_until = 0.0

    async def share_pause(self, seconds: float) -> None:
        """Tell the account's other processes of a pause. Where the store is away, they learn of it by themselves."""
        with anyio.move_on_after(_PATIENCE):
            try:
                await self._store.reserve(self._account, 0.0, min(seconds, _LONGEST_PAUSE))
            except StoreError as error:
                logger.warning("a pause that the service asked for could not be shared: %s", error)

    def _goes_at_once(self, n: int) -> bool:  # noqa: ARG002 - the store has to be asked
        return False

    async def _reserve(self, seconds: float) -> float:
        if time.monotonic() >= self._away_until:
            try:
                with anyio.fail_after(_PATIENCE_AWAY if self._away_until else _PATIENCE):
                    moment = await self._store.reserve(self._account, seconds, -_CREDIT_OF_STORE)
            except (StoreError, TimeoutError) as error:
                if not self._away_until:
                    complaint = str(error) if isinstance(error, StoreError) else "the store is slow"
                    logger.warning("%s; until it is back, each process keeps to the rate by itself", complaint)
                self._away_until = time.monotonic() + _AWAY
            else:
                if self._away_until:
                    logger.info("the store is back: the rate is that of all processes again")
                self._away_until, self._free_at = 0.0, moment + seconds
                return moment
        return await super()._reserve(seconds)


class Gate:
    """The wait before a call is sent: for the pacer, and for the pauses that the service asks for.

    Args:
        pacer: What makes callers wait; `None` for no limit, and then no pauses either.

    Attributes:
        rate: Recipients a second for orders of at most so many recipients; `None` where there is no limit.
    """

    def __init__(self, pacer: Pacer | None) -> None:
        self.rate: float | None = None if pacer is None else getattr(pacer, "rate", _RATE)
        self._pacer = pacer
        # For a pacer that keeps no pauses by itself.
        self._held_until = -math.inf

    async def wait(self, n: int, operation: str) -> IletimerkeziError | None:
        """Wait until `n` recipients may be sent to.

        Returns:
            The error where the pacer failed: nothing was sent.
        """
        pacer = self._pacer
        if pacer is None or not n:
            return None
        try:
            while True:
                while (pause := self._held_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it ends by the clock
                    await anyio.sleep(pause)
                await pacer.acquire(n)
                # A turn that came during a pause is lost.
                if time.monotonic() >= self._held_until:
                    return None
        except IletimerkeziError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a caller's pacer may raise anything
            complaint = TransportError(f"not sent, as the pacer failed ({type(error).__name__})", operation)
            # Chained: of our frames it has passed this one alone, which holds no secret.
            complaint.__cause__ = error
            return complaint

    def hold_back(self, seconds: float) -> None:
        """Let no order pass for so many seconds: the service asked for it."""
        hold_back = getattr(self._pacer, "hold_back", None)
        if hold_back is not None:
            # It keeps the order of asking, too.
            hold_back(seconds)
        else:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    async def share_pause(self, seconds: float) -> None:
        """Tell the account's other processes of a pause, where there is a store."""
        if isinstance(self._pacer, StorePacer):
            await self._pacer.share_pause(seconds)
