"""Ids of orders that are known from answers: they are never looked at, and never taken for another order."""

from __future__ import annotations

import logging
import time
from array import array
from bisect import bisect_right
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from iletimerkezi_async.errors import IletimerkeziError

from .flights import Flights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from iletimerkezi_async.stores.records import Moment
    from iletimerkezi_async.wire.draft import Draft
    from iletimerkezi_async.wire.packing import Steps

__all__ = ["KnownIds", "KnownOrder", "SharedIds", "hash_content"]

logger = logging.getLogger("iletimerkezi_async")

# A live look-up is about orders of the last ten minutes. There are two generations, so that each id is kept for at
# least this many seconds, and at most so many ids: of a hundred orders a second, all.
_GENERATION = 900.0
_MOST_IDS = 100_000
# Texts, or numbers of one text, that are hashed at one go.
_AT_ONE_GO = 2000


def hash_content(draft: Draft) -> Steps[tuple[int, int]]:
    """Two numbers that tell drafts apart in one process: by all that they carry, and by whom they go to alone."""
    # Sums, in whatever sequence: sorting takes several times as long.
    alone = len(draft.messages) == draft.recipients
    carried, numbers = yield from (_hash_pairs if alone else _hash_texts)(draft.messages)
    return hash((draft.sender, draft.send_at, carried)), hash((draft.recipients, numbers))


def _hash_pairs(messages: Mapping[str, tuple[str, ...]]) -> Steps[tuple[int, int]]:
    """Of texts that are for one number each, of which there may be very many."""
    carried = numbers = 0
    items, everybody = iter(messages.items()), chain.from_iterable(messages.values())
    for _ in range(0, len(messages), _AT_ONE_GO):
        carried += sum(map(hash, islice(items, _AT_ONE_GO)))
        numbers += sum(map(hash, islice(everybody, _AT_ONE_GO)))
        yield
    return carried, numbers


def _hash_texts(messages: Mapping[str, tuple[str, ...]]) -> Steps[tuple[int, int]]:
    """Of texts with any number of numbers."""
    carried = numbers = 0
    for count, (text, given) in enumerate(messages.items(), 1):
        own = 0
        for start in range(0, len(given), _AT_ONE_GO):
            own += sum(map(hash, given[start : start + _AT_ONE_GO]))
            if start or count % _AT_ONE_GO == 0:
                yield
        carried += hash((text, own))
        numbers += own
    return carried, numbers


class SharedIds(Protocol):
    """Where several processes tell each other of the ids that they got."""

    async def note(self, order_ids: Collection[int], /) -> object:
        """Tell of ids."""
        ...

    async def known(self, order_ids: Iterable[int], /) -> AbstractSet[int]:
        """Which of these ids anybody has told of."""
        ...


class KnownOrder(NamedTuple):
    """An order that was answered.

    Attributes:
        answered: When, by the monotonic clock; `None` where its id was found by a look-up.
        sent: The same moment by the clocks that the reports can be compared with. The monotonic one stands still while
            the machine sleeps.
        recipients: How many it was sent to.
        sender: The header that it was sent under.
        content: A hash of what it carries, and another one of the numbers alone.
        is_proven: Whether the service has said that it took what was sent, by an answer or by refusing it again. If
            not, the order may be another one to the same numbers.
    """

    answered: float | None
    sent: Moment | None
    recipients: int
    sender: str
    content: tuple[int, int]
    is_proven: bool = True


class _Generation:
    def __init__(self) -> None:
        self.began = time.monotonic()
        self.orders: dict[int, KnownOrder] = {}
        self.answers = array("d")
        self.slowest = 0.0

    @property
    def is_over(self) -> bool:
        return len(self.orders) >= _MOST_IDS or time.monotonic() - self.began >= _GENERATION


class KnownIds:
    """The ids that one client has learnt, of the last quarter of an hour at least.

    Args:
        shared: Where other processes tell of theirs; or nowhere.
    """

    def __init__(self, shared: SharedIds | None = None) -> None:
        self._shared = shared
        #: Those that are not known (yet).
        self.flights = Flights()
        self._young, self._old = _Generation(), _Generation()

    def note(
        self,
        order_id: int,
        draft: Draft,
        content: tuple[int, int],
        took: float | None = None,
        *,
        sent: Moment | None = None,
        is_proven: bool = True,
    ) -> None:
        """An answer, or a look-up, has told an order's id.

        Args:
            order_id: The id.
            draft: What it carries.
            content: The draft's `hash_content`.
            took: Seconds that the answer took; `None` where a look-up has told it.
            sent: When it came; likewise.
            is_proven: See `KnownOrder`.
        """
        if self._young.is_over:
            self._young, self._old = _Generation(), self._young
        now = None if took is None else time.monotonic()
        self._young.orders[order_id] = KnownOrder(now, sent, draft.recipients, draft.sender, content, is_proven)
        if now is not None and took is not None:
            self._young.answers.append(now)
            self._young.slowest = max(self._young.slowest, took)

    async def share(self, order_id: int) -> None:
        """Tell the other processes of an id.

        To be called after a journal or a store has the id: if this process died between the two, whoever goes on would
        look for the order, and leave it out as one that is known to be another. For the same reason nothing is told of
        an id that a look-up alone has found: where the numbers of two orders are the same, it may belong to the one
        that another process looks for. Where ours was surely taken, one of the two is ours, and the other is left.
        """
        if self._shared is None or not self.is_proven(order_id):
            return
        try:
            await self._shared.note((order_id,))
        except IletimerkeziError as error:
            # Others may have to look at one order more.
            logger.warning("an order's id could not be shared: %s", error)

    def is_proven(self, order_id: int) -> bool:
        """Whether an order is surely not one that another process looks for."""
        known = self.find(order_id)
        return known is not None and known.is_proven

    def find(self, order_id: int) -> KnownOrder | None:
        """What is known of an order, where this client had its answer."""
        return self._young.orders.get(order_id) or self._old.orders.get(order_id)

    async def known_to_others(self, order_ids: Iterable[int]) -> AbstractSet[int]:
        """Which of these ids other processes know, and this client does not."""
        asked = [order_id for order_id in order_ids if self.find(order_id) is None]
        if self._shared is None or not asked:
            return frozenset()
        try:
            return await self._shared.known(asked)
        except IletimerkeziError as error:
            # What is not known is looked at.
            logger.warning("the ids of other processes are not to be had: %s", error)
        return frozenset()

    def count_since(self, moment: float) -> int:
        """How many orders were answered after a moment of the monotonic clock: these are newer in the list."""
        return sum(len(each.answers) - bisect_right(each.answers, moment) for each in (self._young, self._old))

    @property
    def slowest(self) -> float:
        """Seconds that the slowest answer took of late."""
        return max(self._young.slowest, self._old.slowest)
