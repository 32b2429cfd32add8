"""The rule of pacing, without a clock and without waiting."""

from __future__ import annotations

from collections import deque

__all__ = ["Window"]

# Two moments a second apart differ, as fractions of a binary number, by a little less or more.
_ROUNDING = 1e-6


class Window:
    """Who was let through in the last second: in no second may it be more than `rate` recipients.

    A rate below 1 is one recipient every `1 / rate` seconds. Of a rate like 2.5 the half cannot be used.

    Args:
        rate: Recipients a second.
    """

    def __init__(self, rate: float) -> None:
        #: The most recipients that can pass at once. An order of more is a bulk order, which nobody paces.
        self.size = max(1, int(rate))
        #: Recipients who may go, but have not yet gone: when they do, their second begins.
        self.leaving = 0
        self._seconds = max(1.0, 1 / rate) + _ROUNDING
        # When how many passed, oldest first: at most `size` entries, as each holds at least one recipient.
        self._passed: deque[tuple[float, int]] = deque()
        self._used = 0
        self._held_until = float("-inf")

    def wait(self, n: int, now: float) -> float:
        """Seconds until `n` recipients may pass, at the earliest; 0 where they may now."""
        self._forget(now)
        held = self.held(now)
        excess = self._used + self.leaving + n - self.size
        if excess <= 0:
            return held
        for moment, passed in self._passed:
            excess -= passed
            if excess <= 0:
                return max(held, moment + self._seconds - now)
        return max(held, self._seconds)

    def note(self, n: int, now: float) -> None:
        """Write down that `n` recipients have passed."""
        self._passed.append((now, n))
        self._used += n

    def held(self, now: float) -> float:
        """Seconds for which nobody may pass."""
        return max(0.0, self._held_until - now)

    def hold_back(self, until: float) -> None:
        """Let nobody pass until then."""
        self._held_until = max(self._held_until, until)

    def _forget(self, now: float) -> None:
        while self._passed and self._passed[0][0] + self._seconds <= now:
            self._used -= self._passed.popleft()[1]
