"""How fast recipients may be handed to the service."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
import os
import threading
import time
import weakref
from collections import OrderedDict
from typing import Protocol
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import current_token
from attrs import define, field

from iletimerkezi_async.errors import ConfigurationError, IletimerkeziError, TransportError
from iletimerkezi_async.redaction import forgetful

from .settings import to_number
from .window import Window

__all__ = ["Gate", "LoopTime", "Pacer", "TokenBucket", "choose_pacer"]

_WRONG_RATE = (
    "`rate` must be a positive number of recipients a second, an object with `async acquire(n)`, or None for no limit"
)


# What the service allows (source: its announcement of limits, in force since 2026-05-05), where a caller's own pacer
# does not tell.
_RATE = 100.0
# How many are roused at once where it takes several rounds to let them pass in order.
_TOGETHER = 16


class Pacer(Protocol):
    """Anything that makes callers wait their turn; several clients of one account can share one.

    What it raises means that nothing was sent.
    """

    async def acquire(self, n: int, /) -> object:
        """Wait until `n` recipients may be sent to; what is given is not looked at."""
        ...


def choose_pacer(rate: float | Pacer | None) -> Pacer | None:
    """What makes callers wait, for what they gave as `rate`.

    Raises:
        ConfigurationError: It is neither a positive number nor a pacer.
    """
    if rate is None:
        return None
    acquire = getattr(rate, "acquire", None)
    if acquire is None:
        return TokenBucket(rate)  # type: ignore[arg-type]  # it says itself what is no number
    if isinstance(rate, type) or not _takes_a_count(acquire):
        raise ConfigurationError(_WRONG_RATE)
    return rate  # type: ignore[return-value]  # no number has that method


def _takes_a_count(acquire: object) -> bool:
    if not callable(acquire):
        return False
    try:
        inspect.signature(acquire).bind(1)
    except TypeError:
        return False
    except ValueError:
        # What is written in C does not always tell.
        return True
    return True


class LoopTime:
    """One time for all event loops: by the clock of the running one, beside that of the others."""

    def __init__(self) -> None:
        self._ahead: WeakKeyDictionary[object, float] = WeakKeyDictionary()

    def now(self) -> float:
        """Seconds since a moment that is the same in all event loops of this process."""
        loop = current_token().native_token
        here = anyio.current_time()
        ahead = self._ahead.get(loop)
        if ahead is None:
            ahead = self._ahead[loop] = time.monotonic() - here
        return here + ahead


@forgetful
class TokenBucket:
    """Lets recipients pass in the order of asking, and in no second more than `rate` of them.

    After a quiet second `rate` recipients pass at once. Whoever gives up makes room for those behind. An order for more
    than `rate` is a bulk order and passes unpaced. (The service's limits: 100 recipients a second for transactional
    messages, 50,000 in a bulk order; source: its announcement, in force since 2026-05-05.) Clients share one by getting
    the same object, also in threads with event loops of their own.

    Args:
        rate: Recipients a second. Below 1 it is one every `1 / rate` seconds.

    Raises:
        ConfigurationError: It is not a positive number.
    """

    def __init__(self, rate: float) -> None:
        number = to_number(rate)
        if not 0 < number < math.inf:
            raise ConfigurationError(_WRONG_RATE)
        self._window = Window(number)
        self._time = LoopTime()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._queue: OrderedDict[_Turn, None] = OrderedDict()
        self._loops: WeakKeyDictionary[object, _Loop] = WeakKeyDictionary()
        self._window.leaving = 0

    async def acquire(self, n: int, /) -> None:
        """Wait until `n` recipients may be sent to."""
        if n > self._window.size:
            while (pause := self._window.held(self._time.now())) > 0:  # noqa: ASYNC110 - it ends by the clock
                await anyio.sleep(pause)
            return
        turn = self._ask(n)
        if turn is None:
            return
        try:
            await self._wait(turn)
        except GeneratorExit:
            # Thrown away by the garbage collector, at any moment, after its loop had ended: see `_let_go`.
            raise
        except BaseException:
            self._give_up(turn)
            raise

    @property
    def rate(self) -> float:
        """Recipients that may pass in a second."""
        return self._window.size

    def hold_back(self, seconds: float) -> None:
        """Let nobody pass for so many seconds: the service asked for it."""
        with self._lock:
            self._window.hold_back(self._time.now() + seconds)

    def _ask(self, n: int) -> _Turn | None:
        """Pass, where that can be at once; else a turn to be waited for."""
        loop = self._loop_here()
        with self._lock:
            now = self._time.now()
            if not self._queue and not loop.leaving and self._window.wait(n, now) <= 0:
                self._window.note(n, now)
                return None
            turn = _Turn(n, loop)
            self._queue[turn] = loop.waiting[turn] = None
            return turn

    async def _wait(self, turn: _Turn) -> None:
        while True:
            turn.roused = anyio.Event()
            with self._lock:
                pause = self._look(turn)
                if turn.loop.is_first_to_leave(turn):
                    # Noted now, and not when it was let go: until its task runs, the loop may take its time.
                    self._leave(turn)
                    self._window.note(turn.n, self._time.now())
                    return
            if pause is None:
                await turn.roused.wait()
                continue
            with anyio.move_on_after(pause):
                await turn.roused.wait()

    def _look(self, turn: _Turn) -> float | None:
        """Let go who may. Gives the seconds until the next look, or `None` where somebody else will rouse this one."""
        loop = turn.loop
        if turn in loop.leaving:
            return None
        loop.keeper = loop.keeper or turn
        if loop.keeper is not turn:
            return None
        now = self._time.now()
        self._let_go(now)
        if turn in loop.leaving:
            return None
        return self._window.wait(next(iter(self._queue)).n, now)

    def _let_go(self, now: float) -> None:
        """Let the head of the queue go, and those behind it, as many as may. They pass as soon as their tasks run."""
        while self._queue:
            turn = next(iter(self._queue))
            if turn.loop.is_dead():
                self._forget(turn.loop)
                continue
            if self._window.wait(turn.n, now) > 0:
                return
            self._unqueue(turn)
            turn.loop.leaving[turn] = None
            self._window.leaving += turn.n
            turn.loop.rouse(turn)

    def _unqueue(self, turn: _Turn) -> None:
        """Take one out of the queue; where it kept the time for its loop, the next one of that loop does."""
        loop = turn.loop
        del self._queue[turn], loop.waiting[turn]
        if loop.keeper is turn:
            loop.keeper = next(iter(loop.waiting), None)
            if loop.keeper is not None:
                loop.rouse(loop.keeper)

    def _leave(self, turn: _Turn) -> None:
        """Take one out of those that may go."""
        self._window.leaving -= turn.n
        turn.loop.forget_leaving(turn)

    def _give_up(self, turn: _Turn) -> None:
        with self._lock:
            if turn in self._queue:
                self._unqueue(turn)
            elif turn in turn.loop.leaving:
                self._leave(turn)
            self._let_go(self._time.now())
            # Who is next may have to wait for less than this one had to.
            for loop in list(self._loops.values()):
                if loop.keeper is not None:
                    loop.rouse(loop.keeper)

    def _forget(self, loop: _Loop) -> None:
        """Drop all that waited in a loop that was ended around them."""
        self._window.leaving -= sum(turn.n for turn in loop.leaving)
        for turn in loop.waiting:
            del self._queue[turn]
        loop.waiting.clear()
        loop.leaving.clear()
        loop.early.clear()

    def _loop_here(self) -> _Loop:
        if os.getpid() != self._process:
            # Forked: those who wait are in the parent.
            self._begin_anew()
        token = current_token().native_token
        with self._lock:
            loop = self._loops.get(token)
            if loop is None:
                for other in list(self._loops.values()):
                    if other.is_dead():
                        self._forget(other)
                loop = self._loops[token] = _Loop(token)
        return loop


@define(eq=False, repr=False)
class _Turn:
    """One who waits, for so many recipients."""

    n: int
    loop: _Loop
    roused: anyio.Event = field(init=False)

    def rouse(self) -> None:
        """Let it look whether it may go; in its own event loop."""
        self.roused.set()


class _Loop:
    """Those who wait in one event loop, each group in its order.

    Attributes:
        waiting: In the queue.
        leaving: Let go, and not yet passed.
        early: Those of them whose tasks ran before it was their turn: trio runs tasks in any order.
        keeper: The one in the queue that looks again when it is time.
    """

    def __init__(self, token: object) -> None:
        # Not held, so that it goes when its loop does.
        self._token = weakref.ref(token)
        self.waiting: OrderedDict[_Turn, None] = OrderedDict()
        self.leaving: OrderedDict[_Turn, None] = OrderedDict()
        self.early: set[_Turn] = set()
        self.keeper: _Turn | None = None

    def is_dead(self) -> bool:
        """Whether the loop has ended; one of trio ends only after all its tasks."""
        token = self._token()
        return token is None or getattr(token, "is_closed", bool)()

    def is_first_to_leave(self, turn: _Turn) -> bool:
        """Whether it may pass now; where others are before it, it is roused after them."""
        if turn not in self.leaving:
            return False
        if next(iter(self.leaving)) is turn:
            return True
        self.early.add(turn)
        return False

    def forget_leaving(self, turn: _Turn) -> None:
        """Take one out of those that may go, and rouse those behind it that were too early."""
        del self.leaving[turn]
        self.early.discard(turn)
        if not self.early:
            return
        # Some at a time: of those that are roused together, few may find that it is their turn.
        for each in itertools.islice(self.leaving, _TOGETHER):
            if each in self.early:
                self.early.remove(each)
                self.rouse(each)

    def rouse(self, turn: _Turn) -> None:
        """Wake one up, from any thread."""
        token = self._token()
        if token is current_token().native_token:
            turn.rouse()
            return
        call = getattr(token, "call_soon_threadsafe", None) or getattr(token, "run_sync_soon", None)
        # Where the loop has just ended, there is nobody to be woken up.
        with contextlib.suppress(RuntimeError):
            if call is not None:
                call(turn.rouse)


class Gate:
    """What calls go through before they are sent: the pacer, and the pauses that the service asks for.

    Args:
        pacer: What makes callers wait; `None` for no limit, and then no pauses either.
    """

    def __init__(self, pacer: Pacer | None) -> None:
        self._pacer = pacer
        self._time = LoopTime()
        self._held_until = -math.inf

    @property
    def rate(self) -> float | None:
        """Recipients a second that orders of at most so many recipients may have; `None` where nobody is held back."""
        return None if self._pacer is None else getattr(self._pacer, "rate", _RATE)

    async def wait(self, n: int, operation: str) -> IletimerkeziError | None:
        """Wait until `n` recipients may be sent to.

        Returns:
            What to say where the pacer failed: nothing was sent.
        """
        if self._pacer is None or not n:
            return None
        try:
            await self._pass(self._pacer, n)
        except IletimerkeziError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever a caller's pacer raises
            complaint = TransportError(f"not sent, as the pacer failed ({type(error).__name__})", operation)
            # Of ours it has passed no frame but this one, where there is nothing to hide.
            complaint.__cause__ = error
            return complaint
        return None

    async def _pass(self, pacer: Pacer, n: int) -> None:
        if hasattr(pacer, "hold_back"):
            # It keeps the pauses by itself, and the order of asking with them.
            await pacer.acquire(n)
            return
        while True:
            while (pause := self._pause()) > 0:  # noqa: ASYNC110 - likewise
                await anyio.sleep(pause)
            await pacer.acquire(n)
            # Where a pause began meanwhile, the turn is lost.
            if self._pause() <= 0:
                return

    def _pause(self) -> float:
        return self._held_until - self._time.now()

    def hold_back(self, seconds: float) -> None:
        """Let nobody pass for so many seconds: the service asked for it."""
        if self._pacer is None:
            return
        self._held_until = max(self._held_until, self._time.now() + seconds)
        hold_back = getattr(self._pacer, "hold_back", None)
        if hold_back is not None:
            hold_back(seconds)

    async def share_pause(self) -> None:
        """Tell the account's other processes of a pause, where the pacer can."""
        share_pause = getattr(self._pacer, "share_pause", None)
        if share_pause is not None:
            await share_pause()
