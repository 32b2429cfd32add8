"""Planned faults between the service and its client."""

import math
import re
from collections import deque
from collections.abc import Collection
from enum import Enum
from typing import Final

import attrs

__all__ = ["ANY", "Fault", "FaultPlan", "Planned"]

ANY: Final = "*"
"""Stands for every operation."""


class Fault(str, Enum):
    """The named faults. Any other three-digit code, such as ``"402"``, is a refusal with that code.

    *Processed* means that the request took effect, although the client cannot know this.
    """

    DROP_REQUEST = "drop-request"
    """Not processed; the connection is closed without an answer."""
    DROP_ANSWER = "drop-answer"
    """Processed; the connection is closed without a byte."""
    HALF_ANSWER = "half-answer"
    """Processed; the connection is closed after the headers and half of the body."""
    GARBAGE = "garbage"
    """Processed; HTTP 200 with a body that is not JSON."""
    NOT_OBJECT = "not-object"
    """Processed; HTTP 200 with a JSON list as the body."""
    HTML_502_BEFORE = "html-502-before"
    """Not processed; a gateway's HTML page."""
    HTML_502 = "html-502"
    """Processed; a gateway's HTML page."""
    EMPTY_504 = "empty-504"
    """Processed; HTTP 504 with an empty body."""
    EMPTY_503 = "empty-503"
    """Not processed; HTTP 503 with an empty body, and ``Retry-After`` when one is given."""
    JSON_503 = "503"
    """Not processed; the service's own 503, and ``Retry-After`` when one is given."""
    EMPTY_429 = "empty-429"
    """Not processed; HTTP 429 with an empty body, and ``Retry-After`` when one is given."""
    JSON_429 = "429"
    """Not processed; 429 as JSON, and ``Retry-After`` when one is given."""
    STALL = "stall"
    """Processed; no answer until the caller gives up or the server stops."""
    CLOSE_IDLE = "close-idle"
    """Processed and answered; then the connection is closed without a warning."""


_PROCESSED: Final = frozenset(
    {
        Fault.DROP_ANSWER,
        Fault.HALF_ANSWER,
        Fault.GARBAGE,
        Fault.NOT_OBJECT,
        Fault.HTML_502,
        Fault.EMPTY_504,
        Fault.STALL,
        Fault.CLOSE_IDLE,
    }
)
_LATER: Final = frozenset({Fault.EMPTY_503, Fault.JSON_503, Fault.EMPTY_429, Fault.JSON_429})
_CODE: Final = re.compile(r"[1-9][0-9]{2}")


@attrs.frozen
class Planned:
    """A planned fault that has not happened yet.

    Attributes:
        word: A fault's name, or a three-digit code.
        retry_after: Seconds for the ``Retry-After`` header.
    """

    word: str
    retry_after: float | None = None

    @property
    def processed(self) -> bool:
        """Whether the request takes effect nevertheless."""
        return self.word in _PROCESSED


class FaultPlan:
    """A queue of faults for each operation, and one for all operations. A request takes from its own queue first.

    Args:
        operations: The names of the operations that faults can be planned for.
    """

    def __init__(self, operations: Collection[str]) -> None:
        self._queues: dict[str, deque[tuple[Planned, float]]] = {name: deque() for name in (*operations, ANY)}

    def add(self, operation: str, fault: Fault | str, times: float, retry_after: float | None) -> None:
        """Plan a fault for the next requests of an operation.

        Raises:
            ValueError: An unknown operation or fault, ``times`` below 1, or ``retry_after`` without a 429 or 503 fault.
        """
        if operation not in self._queues:
            raise ValueError(f"unknown operation {operation!r}: take one of {', '.join(self._queues)}")
        word = _word(fault)
        if not (times == math.inf or (times >= 1 and times == int(times))):
            raise ValueError("times is a whole number from 1 on, or math.inf")
        if retry_after is not None and (word not in _LATER or retry_after < 0):
            raise ValueError(f"retry_after is a number of seconds, and goes with {', '.join(sorted(_LATER))} only")
        self._queues[operation].append((Planned(word, retry_after), times))

    def take(self, operation: str) -> Planned | None:
        """Take the fault that this request meets, if any."""
        queue = self._queues.get(operation) or self._queues[ANY]
        if not queue:
            return None
        planned, left = queue.popleft()
        if left > 1:
            queue.appendleft((planned, left - 1))
        return planned

    def waiting(self) -> list[tuple[str, Planned, float]]:
        """Return the planned faults, next ones first: the operation, the fault, the number of requests."""
        return [(name, planned, times) for name, queue in self._queues.items() for planned, times in queue]

    def clear(self) -> None:
        """Remove all planned faults."""
        for queue in self._queues.values():
            queue.clear()


def _word(fault: Fault | str) -> str:
    try:
        return Fault(fault).value
    except ValueError:
        if _CODE.fullmatch(fault):
            return fault
        known = ", ".join(member.value for member in Fault)
        raise ValueError(f"unknown fault {fault!r}: take one of {known}, or a three-digit code") from None
