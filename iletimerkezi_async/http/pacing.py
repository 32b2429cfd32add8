"""Paces orders by the generic cell rate algorithm.

Each account has one number, in memory or in a store: the next free moment. An order takes that moment, and moves it on
by the time that its recipients take. So each order has its own time slot, and leaves when the slot begins.
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
# The service's limit (source: its announcement of limits, in force since 2026-05-05): the rate of a caller's own pacer
# that has no `rate`.
_RATE = 100.0

# The part of the rate that slots use. No order leaves more than `_LATE` after its slot began. So the slots of all
# orders that leave within a second began within 1 + 1/9 seconds: 0.9 * (1 + 1/9) = 1.
_STEADY = 0.9
# Seconds. An order that is later than this reserves another slot.
_LATE = 1 / _STEADY - 1
# Seconds by which a slot may begin before it is reserved: so much may leave at once after a quiet time. It must be
# below `_LATE`; with a store far below, as the store's answer takes time.
_CREDIT = 0.1
_CREDIT_OF_STORE = 0.05
# Seconds that a process reserves ahead. They are lost when it dies, or when its callers are cancelled.
_AHEAD = 0.25
# Seconds of the longest pause that is shared.
_LONGEST_PAUSE = 120.0
# Seconds to wait for the store: usually, and when it was unavailable before; and seconds in which it is then not asked.
_PATIENCE = 2.0
_PATIENCE_AWAY = 0.5
_AWAY = 5.0


class Pacer(Protocol):
    """An object that makes callers wait their turn; several clients of one account can share one.

    If it raises, nothing was sent.
    """

    async def acquire(self, n: int, /) -> object:
        """Wait until `n` recipients may be sent to; the result is ignored."""
        ...


def choose_pacer(rate: float | Pacer | None, store: Store | None, account: str) -> Pacer | None:
    """Return the pacer for the argument `rate`; with a store, a number is for all processes of the account.

    Raises:
        ConfigurationError: It is neither a positive number nor a pacer.
    """
    if rate is None:
        return None
    acquire = getattr(rate, "acquire", None)
    if acquire is None:
        # These classes check the number.
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
    """A caller that waits in the line of its event loop.

    Attributes:
        n: Its number of recipients.
        moment: The reserved moment at which it may go, by the monotonic clock; `None` until it is reserved.
        roused: Set when it has a moment, or is the head of the line.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.moment: float | None = None
        self.roused = anyio.Event()


#: The callers of one event loop that have no moment yet, in the order of asking.
_Line: TypeAlias = "OrderedDict[_Turn, None]"


@forgetful
class TokenBucket:
    """Lets at most `rate` recipients pass in any second, first come, first served; an order of n adds at most n more.

    After a quiet time a tenth of the rate passes at once, the rest evenly at nine tenths of it. An order for more than
    `rate` is a bulk order and passes unpaced. (The service's limits: 100 recipients a second for transactional
    messages, 50,000 in a bulk order; source: its announcement, in force since 2026-05-05.) Several clients share one if
    they get the same object, also in threads with their own event loops. If an event loop is blocked for longer than a
    tenth of a second at a time, it cannot keep the rate exactly, but it sends everything.

    Args:
        rate: Recipients a second, rounded down (2.5 to 2). Below 1 it is one every `1.1 / rate` seconds.

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
        # An order that is late again leaves anyway, but not at the end of a pause, when many would leave at once.
        while time.monotonic() - moment > _LATE and (not was_late or moment < self._held_until):
            was_late = True
            moment = await self._reserve(n * self._interval)
            await self._sleep_until(moment)

    def hold_back(self, seconds: float) -> None:
        """Let no order pass for some seconds, as the service asked."""
        with self._own_lock():
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def _goes_at_once(self, n: int) -> bool:
        """Take the next slot if it has begun and no caller of this event loop waits."""
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

        Only the head of the line reserves, for itself and some callers behind it, and only a short time ahead. So
        callers that give up have reserved nothing, and a pause of another process is noticed soon.
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
            # On `GeneratorExit` the garbage collector closes a coroutine whose event loop has ended: the line is gone.
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
            # It may have left the line: callers can be cancelled meanwhile.
            line.pop(turn, None)
            turn.roused.set()
        _rouse_head(line)

    async def _reserve(self, seconds: float) -> float:
        """Reserve the next free slot, and return its begin."""
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
    """Keeps one rate for all processes of an account; the next free moment is in a store.

    After a quiet time a twentieth of the rate passes at once. While the store is unavailable, each process paces by
    itself.

    Args:
        rate: Recipients a second.
        store: Where moments are reserved.
        account: The account that the rate is for.

    Raises:
        ConfigurationError: The rate is not a positive number.
    """

    def __init__(self, rate: float, store: Store, account: str) -> None:
        super().__init__(rate)
        self._store = store
        self._account = account
        self._away_until = 0.0

    async def share_pause(self, seconds: float) -> None:
        """Tell the account's other processes of a pause. Without the store they learn it from the service."""
        with anyio.move_on_after(_PATIENCE):
            try:
                await self._store.reserve(self._account, 0.0, min(seconds, _LONGEST_PAUSE))
            except StoreError as error:
                logger.warning("the other processes could not be told of the service's pause: %s", error)

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
                    logger.warning("%s; until the store is back, each process limits its own rate", complaint)
                self._away_until = time.monotonic() + _AWAY
            else:
                if self._away_until:
                    logger.info("the store is back: all processes share one rate again")
                self._away_until, self._free_at = 0.0, moment + seconds
                return moment
        return await super()._reserve(seconds)


def _read_rate(pacer: object) -> float | None:
    """The pacer's `rate`, or `None` if it has no limit.

    If a caller's own pacer has no such attribute, or means something else by the name, it is the service's.
    """
    rate = getattr(pacer, "rate", _RATE)
    number = to_number(rate)
    if rate is None or number == math.inf:
        return None
    return number if number > 0 else _RATE


class Gate:
    """The wait before a call is sent: for the pacer, and for the pauses that the service asks for.

    Args:
        pacer: Makes callers wait; `None` for no limit, and then no pauses either.

    Attributes:
        rate: The most recipients a second, for orders of at most this many; `None` for no limit.
    """

    def __init__(self, pacer: Pacer | None) -> None:
        self.rate = None if pacer is None else _read_rate(pacer)
        self._pacer = pacer
        # The end of a pause, for a pacer without `hold_back`.
        self._held_until = -math.inf

    async def wait(self, n: int, operation: str) -> None:
        """Wait until `n` recipients may be sent to, if there is a pacer.

        Raises:
            IletimerkeziError: The pacer failed.
        """
        pacer = self._pacer
        if pacer is None:
            return
        try:
            while True:
                while (pause := self._held_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it ends by the clock
                    await anyio.sleep(pause)
                await pacer.acquire(n)
                # A turn given during a pause is not used: ask for another one.
                if time.monotonic() >= self._held_until:
                    return
        except IletimerkeziError:
            raise
        except Exception as error:  # noqa: BLE001 - a caller's pacer may raise anything
            complaint = TransportError(f"not sent, as the pacer failed ({type(error).__name__})", operation)
            # Chained: the only frame of ours that it has passed is this one, which holds no secret.
            complaint.__cause__ = error
        raise complaint

    def hold_back(self, seconds: float) -> None:
        """Let no order pass for some seconds, as the service asked."""
        hold_back = getattr(self._pacer, "hold_back", None)
        if hold_back is not None:
            # It also keeps callers in their order.
            hold_back(seconds)
        else:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    async def share_pause(self, seconds: float) -> None:
        """Tell the account's other processes of a pause, if there is a store."""
        if isinstance(self._pacer, StorePacer):
            await self._pacer.share_pause(seconds)
