"""A client's memory of its orders: the ids of answered orders, and the orders under way or lost."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

import anyio

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.stores.log import KnownId
from iletimerkezi_async.wire.packing import in_turns

from .rules import ONE_SKIPPED_IN, OpenOrder, is_look_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from collections.abc import Set as AbstractSet

    from iletimerkezi_async.stores.base import StoreLog
    from iletimerkezi_async.wire.draft import Draft


logger = logging.getLogger("iletimerkezi_async")

# Limits of the ids in memory: seconds (a live search covers the last ten minutes), and number (a hundred orders a
# second).
_KEPT = 1800.0
_MAX_IDS = 200_000
# Seconds that a search waits for the ids of other processes.
_PATIENCE = 1.0
#: Seconds between the attempts of two orders from which their times in the list distinguish them.
ALIKE_SECONDS = 3600.0
# Limits of the lost orders in memory, and of their recipients.
_MAX_LOST, _MAX_LOST_RECIPIENTS = 10_000, 500_000
# Limit of recipients for indexing an order by each of its numbers.
_FEW = 100
# The one key for all larger orders.
_LARGE = ("",)


def hash_content(draft: Draft) -> int:
    """Hash all contents of a draft, to tell drafts apart within one process."""
    # Sums do not depend on the sequence; sorting would take several times as long.
    messages = in_turns(draft.messages.items())
    if len(draft.messages) == draft.recipients:
        carried = sum(map(hash, messages))
    else:
        carried = sum(hash((text, sum(map(hash, numbers)))) for text, numbers in messages)
    return hash((draft.sender, draft.iys, draft.send_at, carried))


class _KnownOrder(NamedTuple):
    """An order of this client that surely was taken.

    Attributes:
        content: Its `hash_content`.
        answered: The time of its answer; `None` if its id was found in a list.
        scheduled: Whether it is scheduled.
        since: The time when its id became known, by the monotonic clock.
        began: The beginning of the first attempt that may have been taken, likewise.
    """

    content: int
    answered: Moment | None
    scheduled: bool
    since: float
    began: float


class OrderMemory:
    """A client's memory of its orders: those of the last half hour whose ids are known, and the open ones.

    Open orders are under way or lost, and reports may show them. They are counted, so that a search for one of them
    does not find another.

    Args:
        log: The store by which the account's processes share their ids, if there is one.
        account: The account's name in it.
    """

    def __init__(self, log: StoreLog | None = None, account: str = "") -> None:
        self._log = log
        self._account = account
        #: Whether the service gives one id to several orders, as some services for tests do.
        self.are_reused = False
        self._orders: dict[int, _KnownOrder] = {}
        #: The same with their ids, the oldest first.
        self._by_age: deque[tuple[int, _KnownOrder]] = deque()
        # Open orders: small ones under each of their numbers, all large ones under one key.
        self._by_key: dict[str, list[OpenOrder]] = {}
        self._lost: deque[OpenOrder] = deque()
        self._lost_recipients = 0

    # Known ids.

    def note(
        self,
        order_id: int,
        content: int,
        answered: Moment | None = None,
        took: float = 0.0,
        *,
        scheduled: bool = False,
    ) -> None:
        """Remember the id of an order that surely was taken.

        Args:
            order_id: The id.
            content: The order's `hash_content`.
            answered: The time of its answer; `None` if its id was found in a list.
            took: Seconds since the first attempt that may have been taken.
            scheduled: Whether the order is scheduled.
        """
        now = time.monotonic()
        self._orders[order_id] = order = _KnownOrder(content, answered, scheduled, now, now - took)
        self._by_age.append((order_id, order))
        while len(self._by_age) > _MAX_IDS or self._by_age[0][1].since < now - _KEPT:
            old_id, old = self._by_age.popleft()
            if self._orders.get(old_id) is old:
                self._orders.pop(old_id, None)

    def share(self, order_id: int) -> None:
        """Share an id with the account's other processes; it never delays the caller.

        Call this after the id was written into the journal or the store. In the other sequence, after a crash in
        between, another process would look for the order and rule it out as known.
        """
        if self._log is None:
            return
        known = self.describe(order_id)
        if known is not None:
            self._log.note_later(self._account, known)

    def describe(self, order_id: int) -> KnownId | None:
        """Describe an order for a log; `None` if its id is not certain.

        An order that was found in a list may have been taken at its first attempt, so it does not prove that a list has
        newer orders.
        """
        known = self._orders.get(order_id)
        if known is None:
            return None
        now = time.monotonic()
        if known.answered is None:
            return KnownId(order_id, scheduled=True, age=now - known.began)
        return KnownId(order_id, Moment(0.0, known.answered.service), scheduled=known.scheduled, age=now - known.since)

    def is_of_another(self, order_id: int, content: int, before: float = math.inf) -> bool:
        """Whether an id was known for other content before a moment by the monotonic clock.

        An order with the same content may be the wanted one: it was answered, but the run that sent it did not write it
        down.
        """
        known = self._orders.get(order_id)
        return known is not None and known.content != content and known.since < before

    def others(self, order_ids: Iterable[int], content: int, convert: Callable[[Moment], Moment]) -> dict[int, KnownId]:
        """Select the orders that are known for other content.

        Args:
            order_ids: The orders.
            content: The wanted order's `hash_content`.
            convert: Converts the time of an answer to the clocks that the search uses.
        """
        others: dict[int, KnownId] = {}
        for order_id in order_ids:
            known = self._orders.get(order_id)
            if known is None or known.content == content:
                continue
            others[order_id] = KnownId(order_id, scheduled=True)
            if known.answered is not None:
                others[order_id] = KnownId(order_id, convert(known.answered), known.scheduled)
        return others

    async def known_to_others(self, order_ids: Iterable[int]) -> AbstractSet[int]:
        """Select the ids that other processes know and this client does not; none if the store is away."""
        log, asked = self._log, [order_id for order_id in order_ids if order_id not in self._orders]
        if log is None or not asked or log.is_away:
            return frozenset()
        reason: object = f"the store did not answer within {_PATIENCE:g} s"
        with anyio.move_on_after(_PATIENCE):
            try:
                return await log.known(self._account, asked)
            except StoreError as error:
                reason = error
        log.note_away()
        # Only a warning: without these ids, more reports are read.
        logger.warning("the order ids of other processes could not be read: %s", reason)
        return frozenset()

    def rank(self, began: float, ended: float) -> int:
        """Count the orders that probably are newer in the list than a lost one.

        Args:
            began: The beginning of its first attempt, by the monotonic clock.
            ended: The end of its last one.
        """
        # Of a copy, as another thread may note an order meanwhile.
        newest_first = (each for _, each in reversed([*self._by_age]))
        newer = takewhile(lambda each: each.since > began, newest_first)
        answered = [each for each in newer if each.answered is not None]
        # An attempt that timed out was most likely taken early.
        slowest = max((each.since - each.began for each in answered), default=0.0)
        return sum(each.since > min(ended, began + slowest) for each in answered)

    # Open orders.

    def add(self, send: OpenOrder) -> None:
        """Add an order, as an attempt is about to leave."""
        if send.began is not None:
            return
        send.began = time.time()
        is_small = send.draft.recipients <= _FEW
        send.keys = frozenset(chain.from_iterable(send.draft.messages.values())) if is_small else _LARGE
        for key in send.keys:
            self._by_key.setdefault(key, []).append(send)

    def remove(self, send: OpenOrder) -> None:
        """Remove an order whose id is known, or that surely was not taken."""
        for key in send.keys:
            alike = self._by_key.get(key, [])
            if send in alike:
                alike.remove(send)
            if not alike:
                self._by_key.pop(key, None)

    def mark_lost(self, send: OpenOrder) -> None:
        """Keep an order whose outcome or id stays unknown; drop the oldest ones if there are too many."""
        if send.began is None:
            return
        self._lost.append(send)
        self._lost_recipients += send.draft.recipients
        while self._lost and self._is_too_much():
            oldest = self._lost.popleft()
            self._lost_recipients -= oldest.draft.recipients
            self.remove(oldest)

    def _is_too_much(self) -> bool:
        is_old = (self._lost[0].began or 0.0) < time.time() - 2 * ALIKE_SECONDS
        return is_old or len(self._lost) > _MAX_LOST or self._lost_recipients > _MAX_LOST_RECIPIENTS

    def count_alike(self, wanted: OpenOrder, *, owner: object = None, blacklist: Collection[str] = ()) -> int:
        """Count the orders that cannot be distinguished from the wanted one, as the service may skip numbers.

        Args:
            wanted: The wanted order. Of orders with the same content the service takes only one.
            owner: A log that counts its own orders itself.
            blacklist: Numbers that may all be skipped.
        """
        # A look-alike has at least one of the first `limit` numbers.
        limit = len(wanted.numbers) if blacklist else wanted.draft.recipients // ONE_SKIPPED_IN + 1
        keys = chain(_LARGE, islice(wanted.numbers, limit))
        near = {id(send): send for key in keys for send in self._by_key.get(key, ())}
        return sum(
            other.content != wanted.content
            and wanted.began is not None
            and other.began is not None
            and abs(other.began - wanted.began) <= ALIKE_SECONDS
            and (owner is None or other.owner != owner)
            and is_look_alike(wanted, other.numbers, blacklist)
            for other in near.values()
        )
