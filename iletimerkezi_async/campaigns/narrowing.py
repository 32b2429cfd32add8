"""Finding the recipients over whom the service refuses an order (452), so that only they are left out.

What is on the account's blacklist is left out first. Then the order is sent in parts, and each part that is refused in
parts again, the largest first: most recipients are soon in orders that are taken, and what such a search would cost is
soon known. Where it would take too many requests, the list is rotten, and the campaign stops.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
from attrs import define

from iletimerkezi_async.errors import RecipientError
from iletimerkezi_async.orders.pieces import in_pieces
from iletimerkezi_async.wire.packing import group, slices

from .blocked import Blocked
from .orders import Outcome, Task

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.wire.draft import Draft
    from iletimerkezi_async.wire.packing import Pair, Steps

    from .orders import Orders
    from .tally import Tally

__all__ = ["Narrowing"]

# Orders that a campaign may send in search of refused recipients.
_MOST_ORDERS = 1000
# After so many it is stopped where it would take some times as many as it may.
_ENOUGH_TO_TELL = 100
_FAR_TOO_MANY = 3 * _MOST_ORDERS
# Of the recipients a second that the account may send to, so much is left to others, and so much at any moment.
_SHARE, _SHARE_AT_ONCE = 1 / 2, 1 / 4


@define(eq=False, repr=False)
class _Siblings:
    """The parts of an order that was refused.

    Attributes:
        untried: How many have not been sent yet.
        all_taken: Whether those that were sent have been taken. The last one then is the one that is refused.
    """

    untried: int
    all_taken: bool = True


@define(eq=False, repr=False)
class _Part:
    """A part of an order."""

    draft: Draft
    siblings: _Siblings | None = None
    is_refused: bool = False

    @property
    def must_be_refused(self) -> bool:
        """Whether it need not be sent to be known to be refused; never so of a single recipient."""
        siblings = self.siblings
        return siblings is not None and siblings.untried == 1 and siblings.all_taken and self.draft.recipients > 1

    def note(self, outcome: Outcome) -> None:
        """Take note of what became of it."""
        self.is_refused = outcome is Outcome.REFUSED and self.draft.recipients > 1
        if self.siblings is not None:
            self.siblings.untried -= 1
            self.siblings.all_taken &= outcome is Outcome.TAKEN


class Narrowing:
    """Sends orders that were refused without those over whom they were.

    Args:
        transport: What asks for the blacklist.
        tally: The account that is kept.
        orders: What sends.
        under_way: Limits how many orders are under way at once.
        concurrency: How many those are.
    """

    def __init__(
        self, transport: Transport, tally: Tally, orders: Orders, under_way: anyio.Semaphore, concurrency: int
    ) -> None:
        self._tally = tally
        self._orders = orders
        self._under_way = under_way
        # The other half is left to whole orders.
        self._turns = anyio.Semaphore(max(1, concurrency // 2))
        self._trickle = _Trickle(transport.rate)
        self._blocked = Blocked(transport, lambda: orders.stop is None)
        # Orders sent in the search; and recipients: searched in all, of whom it is known by now, and those refused.
        self._sent = 0
        self._searched = 0
        self._known = 0
        self._refused = 0

    async def narrow(self, draft: Draft) -> None:
        """Send an order that was refused, without those over whom it was."""
        parts = deque([_Part(draft, is_refused=True)])
        try:
            await self._leave_out_blocked(parts)
            self._searched += sum(part.draft.recipients for part in parts)
            while parts and self._orders.stop is None:
                part = parts[0]
                if part.is_refused or part.must_be_refused:
                    await self._split(parts)
                else:
                    await self._send(parts)
        finally:
            for part in parts:
                self._tally.fail(part.draft, Task(part.draft).not_sent())

    async def _leave_out_blocked(self, parts: deque[_Part]) -> None:
        draft = parts[0].draft
        numbers = await self._blocked.among(draft)
        if not numbers:
            return
        blocked, others = await in_pieces(_divide(draft, numbers))
        parts.clear()
        if others.recipients:
            parts.append(_Part(others))
        self._tally.refuse(number for _, number in blocked.pairs())
        await self._orders.note_refused(blocked)

    async def _split(self, parts: deque[_Part]) -> None:
        drafts = await in_pieces(slices(parts[0].draft, self._trickle.part_size(parts[0].draft.recipients)))
        parts.popleft()
        siblings = _Siblings(len(drafts))
        parts.extend(_Part(draft, siblings) for draft in drafts)

    async def _send(self, parts: deque[_Part]) -> None:
        part = parts[0]
        await self._trickle.wait(part.draft.recipients)
        async with self._turns, self._under_way:
            self._check_cost()
            if self._orders.stop is not None:
                return
            parts.popleft()
            self._sent += 1
            outcome = await self._orders.send(Task(part.draft))
        part.note(outcome)
        if part.is_refused:
            parts.append(part)
            return
        self._known += part.draft.recipients
        self._refused += outcome is Outcome.REFUSED

    def _check_cost(self) -> None:
        """Stop the campaign where the search takes, or would take, too many requests."""
        is_hopeless = self._sent >= _ENOUGH_TO_TELL and self._sent * self._searched > _FAR_TOO_MANY * self._known
        if self._sent < _MOST_ORDERS and not is_hopeless:
            return
        share = f", which is {self._refused / self._known:.1%}" if self._known else ""
        reason = (
            f"so many recipients are refused that finding them would take more than {_MOST_ORDERS:,} requests: "
            f"{self._refused:,} of the {self._known:,} that could be told after {self._sent:,}{share}; "
            "see that the list is right, and send it again"
        )
        self._orders.halt(RecipientError(452, reason, "send-sms"))


class _Trickle:
    """Leaves to others most of the recipients a second that small orders may have.

    Args:
        rate: How many those are; `None` where there is no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free_at = 0.0

    def part_size(self, recipients: int) -> int:
        """How large the parts of a refused order are to be: half of it; or less, where they are paced."""
        half = -(-recipients // 2)
        if self._rate is None or half > self._rate:
            return half
        return min(half, max(1, int(self._rate * _SHARE_AT_ONCE)))

    async def wait(self, recipients: int) -> None:
        """Wait until an order of so many recipients may ask for its turn."""
        if self._rate is None or recipients > self._rate:
            return
        now = time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + recipients / (self._rate * _SHARE)
        await anyio.sleep(begin - now)


def _divide(draft: Draft, numbers: set[str]) -> Steps[tuple[Draft, Draft]]:
    """Two drafts: of what goes to the numbers, and of the rest; either may be empty."""
    theirs: list[Pair] = []
    others: list[Pair] = []
    for count, (text, number) in enumerate(draft.pairs(), 1):
        (theirs if number in numbers else others).append((number, text))
        if count % 2000 == 0:
            yield
    return (yield from group(draft, theirs)), (yield from group(draft, others))
