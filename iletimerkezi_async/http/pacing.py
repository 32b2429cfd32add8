"""How fast recipients may be handed to the service."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["Pacer", "TokenBucket"]


class Pacer(Protocol):
    """Anything that makes callers wait their turn; several clients of one account can share one."""

    async def acquire(self, n: int, /) -> object:
        """Wait until `n` recipients may be sent to."""
        ...


class TokenBucket:
    """Lets `rate` recipients a second pass, and as many at once after a quiet second.

    Turns are given in the order of asking. An order larger than the bucket is a bulk order and passes unpaced. (The
    service's limits: 100 recipients a second for transactional messages, 50,000 in a bulk order; source: its
    announcement, in force since 2026-05-05.)
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate)
        # The moment at which the bucket is, or will be, full again: all the state that there is.
        self._full_at = 0.0

    async def acquire(self, n: int, /) -> None:
        """Take `n` tokens, waiting for them if need be."""
        if n > self._size:
            return
        now = time.monotonic()
        self._full_at = max(self._full_at, now) + n / self._rate
        wait = self._full_at - now - self._size / self._rate
        if wait <= 0:
            return
        try:
            await anyio.sleep(wait)
        except BaseException:
            # Given up: those who ask later need not wait for tokens that nobody used.
            self._full_at -= n / self._rate
            raise
