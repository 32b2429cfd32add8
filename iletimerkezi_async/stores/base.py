"""What every store does, and how its blocking driver is called from asyncio and trio.

A store keeps what several processes of one account must share: what became of each keyed send, when the next
recipients may be let through, and which order ids are known. The drivers are the blocking ones, as their asynchronous
ones know no trio. They run in worker threads that no other part of the application uses.

A keyed send is in one of these states:

```
        claim           begin            settle
(none) ------> claimed ------> begun ------------> sent      taken by the service
   ^              |              |
   |   withdraw   |              +---------------> unknown   nobody can tell: claimed again, or resolved by a person
   +--------------+--------------+
```

Whoever claims a key gets a lease and a token. When the lease is over, another may claim it, with a new token. From then
on the old token opens nothing: its owner can neither begin nor withdraw. What it may still do is to say that the order
was taken, as that is true whoever says it.
"""

from __future__ import annotations

import math
import os
import secrets
import threading
import time
import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled
from attrs import frozen

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.models import SendState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from iletimerkezi_async.models import Send

__all__ = ["KNOWN_SECONDS", "Claim", "Resolved", "Store", "Ticket", "Verdict"]

T = TypeVar("T")

#: For how long an order's id is remembered as known: longer than anybody looks for a lost one.
KNOWN_SECONDS = 11 * 86_400.0
# Blocking calls of one store at once, in each event loop: threads, and connections.
_CALLS = 8
# What the driver's own limit gets on top, so that it is the driver that gives up, and says why.
_GRACE = 1.0
# How often what is too old is deleted, where the engine does not do it itself.
_SWEEP_SECONDS = 600.0


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _after_fork() -> None:
    for store in tuple(_stores):
        store._leave_to_parent()  # noqa: SLF001 - the stores' own affair


if hasattr(os, "register_at_fork"):
    # At once, as a thread of the parent may hold a lock that nobody will ever release in the child.
    os.register_at_fork(after_in_child=_after_fork)


class Verdict(str, Enum):
    """What became of a claim."""

    GRANTED = "granted"
    """The key is the caller's, until the lease is over."""
    SENT = "sent"
    """The order was taken already."""
    BUSY = "busy"
    """Another holds the lease."""
    CONFLICT = "conflict"
    """The key belongs to other content."""


@frozen
class Ticket:
    """A keyed send, as the store is told of it.

    Attributes:
        account: A hash of the API key.
        key: The caller's key.
        fingerprint: A keyed hash of what is sent.
        token: Made for one claim; whoever claims later has another.
    """

    account: str
    key: str
    fingerprint: str
    token: str

    @classmethod
    def draw(cls, account: str, key: str, fingerprint: str) -> Ticket:
        """A ticket for a new claim."""
        return cls(account, key, fingerprint, secrets.token_hex(8))


@frozen
class Claim:
    """The answer to a claim.

    Attributes:
        verdict: Whether it was granted, or why not.
        elapsed: Where it was granted, and an attempt of an earlier owner may have been taken: seconds since that
            attempt began.
        order_id: Where it was sent: the order's id, if it is known.
        recipients: Where it was sent: how many recipients the order has.
        lease_left: Where it is busy: seconds until the lease is over.
    """

    verdict: Verdict
    elapsed: float | None = None
    order_id: int | None = None
    recipients: int = 0
    lease_left: float = 0.0


class Resolved(str, Enum):
    """What became of a person's decision about a key."""

    DONE = "done"
    """It is noted."""
    UNUSED = "unused"
    """Nothing is known of the key."""
    BUSY = "busy"
    """Another holds the lease."""
    SENT = "sent"
    """It was sent already, as another order."""


class Store(ABC):
    """Where the processes and machines of an account meet. Use `SqliteStore`, `PostgresStore` or `RedisStore`.

    One store may serve several accounts and several clients. It may be made outside of a running event loop, used in
    several, and used after a fork. It connects on first use, and is closed by `aclose` or `async with`; a client never
    closes it.

    Args:
        keep: For how long a key is remembered after its last change.
        timeout: Seconds that one question to the store may take. After that it counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument cannot work.
    """

    def __init__(self, *, keep: timedelta, timeout: float) -> None:
        self._keep = _check_keep(keep)
        self._timeout = _check_timeout(timeout)
        self._closed = False
        self._sweep_at = 0.0
        # A limiter belongs to an event loop.
        self._limiters: RunVar[anyio.CapacityLimiter] = RunVar("calls of a store")
        _stores.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Later calls raise `StoreError`. Twice is once."""
        if not self._closed:
            self._closed = True
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._close, limiter=self._limiter())

    # Once, under a key.

    async def claim(self, ticket: Ticket, recipients: int, lease: float) -> Claim:
        """Ask for the right to send under a key.

        A claim that was granted while its caller gave up is withdrawn.

        Args:
            ticket: Key and content, with a token of its own.
            recipients: How many recipients the order has.
            lease: Seconds after which another may claim the key.

        Raises:
            StoreError: The store is away.
        """

        def undo(claim: Claim) -> None:
            if claim.verdict is Verdict.GRANTED and claim.elapsed is None:
                self._withdraw(ticket)
            elif claim.verdict is Verdict.GRANTED:
                self._settle(ticket, SendState.UNKNOWN, None)

        return await self._run(partial(self._claim, ticket, recipients, lease), undo=undo)

    async def begin(self, ticket: Ticket, lease: float, *, first: bool) -> bool:
        """Write down that an attempt begins, and renew the lease.

        Args:
            ticket: The claim.
            lease: Seconds from now.
            first: No earlier attempt can have been taken, so that the time of the first attempt is now.

        Returns:
            Whether the claim still holds. If not, nothing may be sent.

        Raises:
            StoreError: The store is away.
        """
        holds = await self._run(partial(self._begin, ticket, lease, first), shield=True)
        try:
            await checkpoint_if_cancelled()
        except BaseException:
            # Given up before anything left.
            if first and holds:
                with suppress(StoreError):
                    await self.withdraw(ticket)
            raise
        return holds

    async def settle(self, ticket: Ticket, state: SendState, order_id: int | None = None) -> bool:
        """Write down what became of a send, and end the lease. It is done also when the caller is cancelled.

        Args:
            ticket: The claim.
            state: Sent, or unknown.
            order_id: The order's id, where it is known.

        Returns:
            Whether it was noted; not where another holds the key and `state` is unknown, nor where the key is gone.

        Raises:
            StoreError: The store is away.
        """
        return await self._run(partial(self._settle, ticket, state, order_id), shield=True)

    async def withdraw(self, ticket: Ticket) -> bool:
        """Strike out a send that was surely not taken. It is done also when the caller is cancelled.

        Returns:
            Whether the claim still held.

        Raises:
            StoreError: The store is away.
        """
        return await self._run(partial(self._withdraw, ticket), shield=True)

    async def find(self, account: str, key: str) -> Send | None:
        """What is known of a key.

        Raises:
            StoreError: The store is away.
        """
        return await self._run(partial(self._find, account, key))

    async def resolve(self, account: str, key: str, order_id: int | None) -> tuple[Resolved, Send | None]:
        """Note a person's decision about a key: it was sent as this order, or (`None`) was not sent.

        Returns:
            What became of it, and what was known of the key before.

        Raises:
            StoreError: The store is away.
        """
        return await self._run(partial(self._resolve, account, key, order_id), shield=True)

    # One rate.

    async def reserve(self, account: str, n: int, rate: float) -> float:
        """Reserve the next free moment for `n` recipients, in the order of asking.

        In no second are more than `rate` recipients let through.

        Returns:
            Seconds until then.

        Raises:
            StoreError: The store is away.
        """
        return await self._run(partial(self._reserve, account, n, rate))

    # Known ids.

    async def note(self, account: str, order_ids: Collection[int]) -> None:
        """Tell that these orders are known: nobody has to look whether one of them is a lost one.

        Raises:
            StoreError: The store is away.
        """
        if order_ids:
            await self._run(partial(self._note, account, tuple(order_ids)))

    async def known(self, account: str, order_ids: Iterable[int]) -> frozenset[int]:
        """Which of these orders any process has told of.

        Raises:
            StoreError: The store is away.
        """
        asked = tuple(order_ids)
        return await self._run(partial(self._known, account, asked)) if asked else frozenset()

    # In the worker threads. Each is one transaction, or one script.

    @abstractmethod
    def _claim(self, ticket: Ticket, recipients: int, lease: float) -> Claim: ...

    @abstractmethod
    def _begin(self, ticket: Ticket, lease: float, first: bool) -> bool: ...

    @abstractmethod
    def _settle(self, ticket: Ticket, state: SendState, order_id: int | None) -> bool: ...

    @abstractmethod
    def _withdraw(self, ticket: Ticket) -> bool: ...

    @abstractmethod
    def _find(self, account: str, key: str) -> Send | None: ...

    @abstractmethod
    def _resolve(self, account: str, key: str, order_id: int | None) -> tuple[Resolved, Send | None]: ...

    @abstractmethod
    def _reserve(self, account: str, n: int, rate: float) -> float: ...

    @abstractmethod
    def _note(self, account: str, order_ids: tuple[int, ...]) -> None: ...

    @abstractmethod
    def _known(self, account: str, order_ids: tuple[int, ...]) -> frozenset[int]: ...

    @abstractmethod
    def _close(self) -> None: ...

    @abstractmethod
    def _leave_to_parent(self) -> None:
        """After a fork, in the child: forget locks and connections, and touch none of them. They are the parent's."""

    def _interrupt(self, thread: int) -> None:  # noqa: B027 - most drivers' own limits are enough
        """End what a thread is waiting for, where the driver's own limits do not."""

    def _is_sweep_due(self) -> bool:
        """Whether what is too old should be deleted now."""
        now = time.monotonic()
        if now < self._sweep_at:
            return False
        self._sweep_at = now + _SWEEP_SECONDS
        return True

    # Threads.

    def _limiter(self) -> anyio.CapacityLimiter:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(_CALLS)
            self._limiters.set(limiter)
        return limiter

    async def _run(
        self, work: Callable[[], T], *, shield: bool = False, undo: Callable[[T], object] | None = None
    ) -> T:
        """Run a blocking call in a thread.

        Args:
            work: The call.
            shield: It is waited for also when the caller is cancelled.
            undo: Takes back what was done, where nobody is left to be told.
        """
        if self._closed:
            raise StoreError("the store has been closed")
        job = _Job(work, undo)
        with anyio.CancelScope(shield=shield):
            await self._wait_for(job)
        if job.error is not None:
            # The driver's own error is left behind: it may hold the statement with its values.
            raise StoreError(job.error)
        return job.result

    async def _wait_for(self, job: _Job[Any]) -> None:
        try:
            with anyio.move_on_after(self._timeout + _GRACE) as scope:
                await anyio.to_thread.run_sync(job.run, limiter=self._limiter(), abandon_on_cancel=True)
        except BaseException:
            if job.abandon():
                with anyio.move_on_after(self._timeout, shield=True):
                    await anyio.to_thread.run_sync(job.take_back, limiter=self._limiter(), abandon_on_cancel=True)
            raise
        if scope.cancelled_caught:
            job.abandon()
            job.error = f"the store did not answer within {self._timeout:g} s"
            if job.thread is not None:
                self._interrupt(job.thread)


class _Job(Generic[T]):
    """A blocking call, whose caller may go away before it ends."""

    __slots__ = ("_done", "_gone", "_lock", "_undo", "_work", "error", "result", "thread")

    def __init__(self, work: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()
        self._done = False
        self._gone = False
        #: What went wrong, in words.
        self.error: str | None = None
        #: The thread that it runs in.
        self.thread: int | None = None
        self.result: T

    def run(self) -> None:
        """In the thread: do it; where the caller has gone meanwhile, take it back."""
        with self._lock:
            if self._gone:
                return
            self.thread = threading.get_ident()
        try:
            result = self._work()
        except StoreError as error:
            self.error = self.error or str(error)
            return
        finally:
            with self._lock:
                self.thread = None
        with self._lock:
            self.result = result
            self._done = True
            gone = self._gone
        if gone:
            self.take_back()

    def abandon(self) -> bool:
        """The caller goes away; whether it is left to it to take back what was done."""
        with self._lock:
            self._gone = True
            return self._done and self._undo is not None

    def take_back(self) -> None:
        """In a thread: undo it."""
        if self._undo is not None:
            with suppress(StoreError):
                self._undo(self.result)


def _check_keep(keep: object) -> float:
    if isinstance(keep, timedelta) and keep >= timedelta(hours=1):
        return keep.total_seconds()
    raise ConfigurationError("`keep` must be a timedelta of at least an hour, such as timedelta(days=30)")


def _check_timeout(timeout: object) -> float:
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 < timeout < math.inf:
        return float(timeout)
    raise ConfigurationError("`timeout` must be a positive number of seconds")
