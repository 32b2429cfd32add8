"""The rule of the rate: when the next recipients may be let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FAR", "WINDOW", "next_slot", "room_at", "scale"]

#: Seconds. The hundredth above one covers what processes sleep too long or too short.
WINDOW = 1.01
#: Seconds. No process reserves so far ahead: a moment beyond it is left of a clock that was set back.
FAR = 120.0


def scale(rate: float) -> tuple[float, float]:
    """A window in seconds, and how many recipients it may hold; below one a second, a longer window holds one."""
    return (WINDOW, rate) if rate >= 1 else (WINDOW / rate, 1.0)


def next_slot(slots: Sequence[tuple[float, int]], now: float, n: int, window: float, most: float) -> float:
    """The first moment, not before any that was given, at which `n` recipients fit.

    The window that ends at that moment holds, with them, at most `most`. As moments never go back, so do all others.

    Args:
        slots: The moments given so far and their recipients, oldest first.
        now: The present.
        n: How many; at most `most`.
        window: Seconds.
        most: Recipients in a window.
    """
    moment = max(now, slots[-1][0]) if slots else now
    total = n
    for slot, count in reversed(slots):
        total += count
        if total > most:
            return max(moment, slot + window)
    return moment


def room_at(moment: float, slots: Sequence[tuple[float, int]], window: float, most: float) -> int:
    """How many recipients more fit into the window that ends at a moment, which is the last that was given."""
    return int(most) - sum(count for slot, count in slots if slot > moment - window)
