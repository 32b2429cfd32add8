"""Finding the recipients over whom the service refuses an order (452), so that only they are left out.

What is on the account's blacklist is left out first. Then the order is sent in halves, and each half that is refused in
halves again, the largest first: most recipients are soon in orders that are taken. Where that takes too many requests,
the list is rotten, and the campaign stops.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import IletimerkeziError, RecipientError
from iletimerkezi_async.orders.paging import Blacklist
from iletimerkezi_async.orders.pieces import in_thread
from iletimerkezi_async.wire.packing import group, slices

from .orders import Task
from .seen import Seen

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.wire.draft import Draft

    from .orders import Orders
    from .tally import Tally

__all__ = ["Narrowing"]

# Orders that a campaign may send in search of refused recipients.
_MOST_ORDERS = 1000
# Parts that are paced use this share of the recipients a second that the account may send to; and of one second's at
# once. So other callers wait for a part of a second at the most.
_SHARE, _SHARE_AT_ONCE = 1 / 2, 1 / 4
# Seconds that the next thousand numbers of the blacklist may take, and how many of a longer list are used.
_PATIENCE = 15.0
_PIECE = 1000
_MOST_BLOCKED = 1_000_000


class Narrowing:
    """Sends orders that were refused without those over whom they were.

    Args:
        transport: What asks for the blacklist, and knows the rate.
        tally: The account that is kept.
        orders: What sends.
    """

    def __init__(self, transport: Transport, tally: Tally, orders: Orders) -> None:
        self._transport = transport
        self._tally = tally
        self._orders = orders
        self._one_part_at_a_time = anyio.Lock()
        self._one_reader = anyio.Lock()
        self._blocked: Seen | None = None
        self._sent = 0

    async def narrow(self, draft: Draft) -> None:
        """Send an order that was refused, without those over whom it was."""
        refused = deque([draft])
        unsent: deque[Draft] = deque()
        try:
            await self._leave_out_blocked(refused, unsent)
            while (refused or unsent) and self._orders.stop is None:
                if refused:
                    await in_thread(refused[0].recipients, self._halve, refused, unsent)
                else:
                    await self._send_next(unsent, refused)
        finally:
            for part in chain(refused, unsent):
                self._tally.fail(part, Task(part).not_sent())

    def _halve(self, refused: deque[Draft], unsent: deque[Draft]) -> None:
        rate, size = self._transport.rate, -(-refused[0].recipients // 2)
        if rate is not None and size <= rate:
            size = min(size, max(1, int(rate * _SHARE_AT_ONCE)))
        unsent += slices(refused[0], size)
        refused.popleft()

    async def _send_next(self, unsent: deque[Draft], refused: deque[Draft]) -> None:
        async with self._one_part_at_a_time:
            self._check_cost()
            self._sent += 1
            part = unsent.popleft()
            if await self._orders.send(Task(part)):
                refused.append(part)
            rate = self._transport.rate
            if rate is not None and part.recipients <= rate:
                await anyio.sleep(part.recipients / (rate * _SHARE))

    def _check_cost(self) -> None:
        """Stop the campaign where the search takes too many requests."""
        if self._sent < _MOST_ORDERS:
            return
        refused, told = self._tally.refused, self._tally.refused + self._tally.accepted
        share = f", {refused:,} of the {told:,} that could be told by then ({refused / told:.1%})" if told else ""
        reason = (
            f"so many recipients are refused{share} that finding them takes more than {_MOST_ORDERS:,} requests: see "
            "that the list is right, and send it again"
        )
        self._orders.halt(RecipientError(452, reason, "send-sms"))

    # The blacklist.

    async def _leave_out_blocked(self, refused: deque[Draft], unsent: deque[Draft]) -> None:
        async with self._one_reader:
            if self._blocked is None:
                self._blocked = await self._read_blacklist()
        blocked = await in_thread(refused[0].recipients, self._divide, self._blocked, refused, unsent)
        if blocked.recipients:
            await self._orders.note_refused(blocked)

    def _divide(self, numbers: Seen, refused: deque[Draft], unsent: deque[Draft]) -> Draft:
        """Count those on the blacklist as refused, and have the rest sent, if that is less; a draft of the former."""
        draft = refused[0]
        known = numbers.known([number for _, number in draft.pairs()])
        blocked = group(draft, [(number, text) for text, number in draft.pairs() if number in known])
        if known:
            refused.clear()
            others = group(draft, [(number, text) for text, number in draft.pairs() if number not in known])
            unsent += [others] if others.recipients else []
            self._tally.refuse(number for _, number in blocked.pairs())
        return blocked

    async def _read_blacklist(self) -> Seen:
        """Read the account's blacklist. It only spares requests: what cannot be read of it is not used."""
        blocked, piece, count = Seen(), list[str](), 0
        try:
            with anyio.move_on_after(_PATIENCE) as scope:
                async for number in Blacklist(self._transport, None):
                    piece.append(number)
                    if len(piece) == _PIECE:
                        blocked.add(piece)
                        count += len(piece)
                        piece.clear()
                        scope.deadline = anyio.current_time() + _PATIENCE
                        if count >= _MOST_BLOCKED or self._orders.stop is not None:
                            break
        except IletimerkeziError:
            pass
        blocked.add(piece)
        return blocked
