"""What a campaign's journal holds of an order."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Moment", "Record", "State", "fingerprint"]


# The service tells its time in whole seconds, so that two moments may be as far apart the other way round.
_GRAIN = 2.0


class State(str, Enum):
    """What is known of an order."""

    BEGUN = "begun"
    """It was about to be sent, or was sent."""
    TAKEN = "taken"
    """The service has it; its id may be unknown."""
    REFUSED = "refused"
    """The service refuses its one recipient."""
    DUPLICATE = "duplicate"
    """The service refused it as a duplicate of somebody else's."""


@frozen
class Moment:
    """A moment by two clocks, as either may be set between two runs.

    Attributes:
        here: By this machine's, in seconds since 1970.
        there: By the service's, where it is known.
    """

    here: float
    there: float | None

    def is_within(self, seconds: float, now: Moment) -> bool:
        """Whether less than so much time has passed since then, by each clock that is known."""
        if not 0 <= now.here - self.here < seconds:
            return False
        if self.there is None or now.there is None:
            # A service that never tells its time leaves this machine's; one that has stopped telling it, a doubt.
            return self.there == now.there
        return -_GRAIN <= now.there - self.there < seconds

    def age(self, now: Moment) -> float:
        """Seconds since then by the service's clock, or by this machine's where that is not known."""
        if self.there is None or now.there is None:
            return now.here - self.here
        return now.there - self.there

    def elapsed(self, now: Moment) -> float:
        """Seconds since then, by the clock that tells more."""
        here = now.here - self.here
        if self.there is None or now.there is None:
            return here
        return max(here, now.there - self.there)


@frozen(repr=False)
class Record:
    """An order in the journal.

    Attributes:
        id: Its number in the journal.
        state: What is known of it.
        began: When the attempt that may have been taken began.
        entries: Its recipients as integers: the number's digits, followed by the text's fingerprint where a campaign
            has several texts.
        order_id: The service's id, where it is known.
    """

    id: int
    state: State
    began: Moment
    entries: Sequence[int]
    order_id: int | None


def fingerprint(text: str, salt: bytes) -> int:
    """64 bits that tell a text from others, and say nothing of it without the salt."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")
