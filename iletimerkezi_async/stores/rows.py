"""What the engines answer, made into values."""

from __future__ import annotations

import math
from datetime import datetime

from iletimerkezi_async.models import TURKISH_TIME, Send, SendState

__all__ = ["make_send", "read_id", "seconds_since", "spell"]


def make_send(key: str, state: str, order_id: str | None, recipients: int, first_attempt: float | None) -> Send:
    """A send, of what an engine keeps of it.

    Args:
        key: The key.
        state: The word of its state.
        order_id: The order's id in digits, where it is known: it may be larger than an engine's integers.
        recipients: How many recipients it has.
        first_attempt: When the first attempt began, in seconds since 1970.
    """
    began = None if first_attempt is None else datetime.fromtimestamp(first_attempt, TURKISH_TIME)
    return Send(key, SendState(state), read_id(order_id), recipients, began)


def seconds_since(moment: float, now: float) -> float:
    """Seconds from a moment until now; infinity where the clock was set back, as nobody knows how many they are."""
    return now - moment if moment <= now else math.inf


def spell(order_id: int | None) -> str | None:
    """An id in digits."""
    return None if order_id is None else str(order_id)


def read_id(digits: str | None) -> int | None:
    """The id that digits tell, if there are any."""
    return int(digits) if digits else None
