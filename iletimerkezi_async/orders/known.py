"""What one client remembers of its orders: the ids that were answered, and what is on its way or was lost."""

from __future__ import annotations

import math
import time
from array import array
from bisect import bisect_right
from collections import Counter, deque
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from attrs import define, field

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import KnownId

from .rules import ONE_SKIPPED_IN, Known, is_look_alike

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
    from collections.abc import Set as AbstractSet

    from iletimerkezi_async.wire.draft import Draft

    from .rules import Wanted


# A live look-up is about orders of the last ten minutes. There are two generations, so that each id is kept for at
# least this many seconds, and at most so many ids: of a hundred orders a second, all.
_GENERATION = 900.0
_MOST_IDS = 100_000
#: Seconds: orders whose attempts are farther apart are told from each other by the times in the list.
ALIKE_SECONDS = 3600.0
# Of orders whose outcome stays unknown, so many are remembered, with so many recipients.
_MOST_LOST, _MOST_LOST_RECIPIENTS = 10_000, 500_000
# Recipients up to which an order is found by each of its numbers.
_FEW = 100


def hash_content(draft: Draft) -> int:
    """A number that tells drafts apart in one process by all that they carry."""
    # Sums, in whatever sequence: sorting takes several times as long.
    if len(draft.messages) == draft.recipients:
        carried = sum(hash(message) for message in draft.messages.items())
    else:
        carried = sum(hash((text, sum(map(hash, numbers)))) for text, numbers in draft.messages.items())
    return hash((draft.sender, draft.iys, draft.send_at, carried))


# Ids.


class SharedIds(Protocol):
    """Where several processes tell each other of the ids that they got."""

    def note(self, known: KnownId, /) -> None:
        """Tell of an id, at once or later; it delays nobody."""
        ...

    async def known(self, order_ids: Collection[int], /) -> AbstractSet[int]:
        """Which of these ids any process has told of; none where that is not to be had."""
        ...


class _KnownOrder(NamedTuple):
    """An order of this client that was surely taken.

    Attributes:
        content: Its `hash_content`.
        answered: When its id was answered; `None` where it was found in a list.
        scheduled: Whether it was to be sent later.
        since: Since when that is known, by the monotonic clock.
        began: When its first attempt began that may have been taken, likewise.
    """

    content: int
    answered: Moment | None
    scheduled: bool
    since: float
    began: float


class _Generation:
    def __init__(self) -> None:
        self.began = time.monotonic()
        self.orders: dict[int, _KnownOrder] = {}
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
        #: Orders whose ids are not known (yet).
        self.sends = LiveSends()
        #: Whether the service gives an id to several orders, as some that are there for tests do.
        self.are_reused = False
        self._young, self._old = _Generation(), _Generation()

    def note(
        self,
        order_id: int,
        content: int,
        answered: Moment | None = None,
        took: float = 0.0,
        *,
        scheduled: bool = False,
    ) -> None:
        """An order was surely taken, and has this id.

        Args:
            order_id: The id.
            content: The order's `hash_content`.
            answered: When it was answered; `None` where a look-up has told it.
            took: Seconds since the order's first attempt that may have been taken.
            scheduled: Whether the order is to be sent later.
        """
        if self._young.is_over:
            self._young, self._old = _Generation(), self._young
        now = time.monotonic()
        self._young.orders[order_id] = _KnownOrder(content, answered, scheduled, now, now - took)
        if answered is not None:
            self._young.answers.append(now)
            self._young.slowest = max(self._young.slowest, took)

    def share(self, order_id: int) -> None:
        """Tell the other processes of an id; it delays nobody.

        To be called after a journal or a store has the id: if this process died between the two, another one would look
        for the order, and leave it out as one that is known to be another. For the same reason nothing is told of an id
        that a look-up alone has found: where the numbers of two orders are the same, it may belong to the one that
        another process looks for. Where ours was surely taken, one of the two is ours, and the other is left.
        """
        if self._shared is None:
            return
        known = self.describe(order_id)
        if known is not None:
            self._shared.note(known)

    def describe(self, order_id: int) -> KnownId | None:
        """What a log is to know of an order; `None` where it may be one that another process looks for.

        One that a look-up has found may have been taken at its first attempt already: a list that has it need have
        nothing that is newer.
        """
        known = self._find(order_id)
        if known is None:
            return None
        now = time.monotonic()
        if known.answered is None:
            return KnownId(order_id, scheduled=True, age=now - known.began)
        return KnownId(order_id, Moment(0.0, known.answered.service), scheduled=known.scheduled, age=now - known.since)

    def is_of_another(self, order_id: int, content: int, before: float = math.inf) -> bool:
        """Whether an order is known to carry something else, and was before a moment of the monotonic clock.

        With the same content it may be the very order: answered, and never noted by the run that sent it.
        """
        known = self._find(order_id)
        return known is not None and known.content != content and known.since < before

    def others(self, order_ids: Iterable[int], content: int) -> dict[int, Known]:
        """What the rules need to know of those orders that carry something else."""
        found = ((order_id, self._find(order_id)) for order_id in order_ids)
        return {
            order_id: Known(known.answered, known.scheduled)
            for order_id, known in found
            if known is not None and known.content != content
        }

    async def known_to_others(self, order_ids: Iterable[int]) -> AbstractSet[int]:
        """Which of these ids other processes know, and this client does not."""
        asked = [order_id for order_id in order_ids if self._find(order_id) is None]
        return await self._shared.known(asked) if self._shared is not None and asked else frozenset()

    def count_since(self, moment: float) -> int:
        """How many orders were answered after a moment of the monotonic clock: these are newer in the list."""
        return sum(len(each.answers) - bisect_right(each.answers, moment) for each in (self._young, self._old))

    @property
    def slowest(self) -> float:
        """Seconds that the slowest answer took of late."""
        return max(self._young.slowest, self._old.slowest)

    def _find(self, order_id: int) -> _KnownOrder | None:
        return self._young.orders.get(order_id) or self._old.orders.get(order_id)


# What has no id.


@define(eq=False, repr=False)
class LiveSend:
    """An order on its way.

    Attributes:
        draft: The order.
        content: Its `hash_content`.
        owner: The log that counts its look-alikes by itself, if one does.
        elsewhere: Counts those of other processes, so many seconds after it left, where these meet.
        began: When it left, by this machine's clock; `None` where it has not.
    """

    draft: Draft
    content: int
    owner: Hashable = None
    elsewhere: Callable[[float], Awaitable[int]] | None = None
    began: float | None = None
    #: Its numbers, each once, where they are few.
    few: frozenset[str] | None = field(init=False)
    _numbers: Counter[str] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        messages = self.draft.messages
        self.few = frozenset(chain.from_iterable(messages.values())) if self.draft.recipients <= _FEW else None

    @property
    def numbers(self) -> Counter[str]:
        """Its numbers, each with how many messages it gets."""
        if self._numbers is None:
            self._numbers = Counter(chain.from_iterable(self.draft.messages.values()))
        return self._numbers

    async def count_elsewhere(self) -> int:
        """How many orders of other processes may be in the reports that cannot be told from this one."""
        if self.elsewhere is None or self.began is None:
            return 0
        return await self.elsewhere(time.time() - self.began)


class LiveSends:
    """The orders that the reports may have without their ids being known: those on their way, and those that were lost.

    None of them is to be taken for another.
    """

    def __init__(self) -> None:
        # Small ones by each of their numbers.
        self._small: dict[str, list[LiveSend]] = {}
        self._large: list[LiveSend] = []
        self._lost: deque[LiveSend] = deque()
        self._lost_recipients = 0

    def depart(self, send: LiveSend) -> None:
        """From now on the reports may have it."""
        if send.began is not None:
            return
        send.began = time.time()
        if send.few is None:
            self._large.append(send)
            return
        for number in send.few:
            self._small.setdefault(number, []).append(send)

    def land(self, send: LiveSend) -> None:
        """Its id is known, or it was surely not taken."""
        if send.began is None:
            return
        if send.few is None and send in self._large:
            self._large.remove(send)
        for number in send.few or ():
            alike = self._small.get(number, [])
            if send in alike:
                alike.remove(send)
            if not alike:
                self._small.pop(number, None)

    def lose(self, send: LiveSend) -> None:
        """Which order it is cannot be told, if it is any."""
        if send.began is None:
            return
        self._lost.append(send)
        self._lost_recipients += send.draft.recipients
        while self._lost and self._is_too_much():
            oldest = self._lost.popleft()
            self._lost_recipients -= oldest.draft.recipients
            self.land(oldest)

    def _is_too_much(self) -> bool:
        is_old = (self._lost[0].began or 0.0) < time.time() - 2 * ALIKE_SECONDS
        return is_old or len(self._lost) > _MOST_LOST or self._lost_recipients > _MOST_LOST_RECIPIENTS

    def count_alike(
        self, wanted: Wanted, content: int, began: float, *, owner: object = None, blacklist: Collection[str] = ()
    ) -> int:
        """How many orders cannot be told from one that is looked for, as the service may skip numbers.

        Args:
            wanted: The order that is looked for.
            content: Its `hash_content`: with the same the service takes only one.
            began: When it left, by this machine's clock.
            owner: The log that has counted its own.
            blacklist: Numbers that may be skipped, however many they are.
        """
        # As many may be missing as make one of the first ones there in any case.
        most = len(wanted.numbers) if blacklist else wanted.recipients // ONE_SKIPPED_IN + 1
        first = islice(wanted.numbers, most)
        near = {id(send): send for number in first for send in self._small.get(number, ())}
        near |= {id(send): send for send in self._large}
        return sum(
            other.content != content
            and other.began is not None
            and abs(other.began - began) <= ALIKE_SECONDS
            and (owner is None or other.owner != owner)
            and is_look_alike(wanted, other.numbers, blacklist)
            for other in near.values()
        )
