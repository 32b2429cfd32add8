"""Finds the recipients that the service refuses (452), and sends to the rest of their order.

Numbers on the account's blacklist are left out first. Then the order is sent in halves, and each refused half in halves
again, the largest first, so that most recipients are reached soon. A campaign that needs more than 1,000 requests for
that stops: its list is bad.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import IletimerkeziError, RecipientError
from iletimerkezi_async.orders.paging import Blacklist
from iletimerkezi_async.orders.pieces import in_thread
from iletimerkezi_async.wire.packing import group, slices

from .seen import Seen

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport

    from .orders import Orders, Task
    from .tally import Tally

# Limit of parts that one campaign may send.
_MOST_ORDERS = 1000
# The share of the rate that paced parts use, and the largest part as a share of one second's recipients: other callers
# wait only for a fraction of a second.
_SHARE, _SHARE_AT_ONCE = 1 / 2, 1 / 4
# Seconds for which the blacklist is read.
_PATIENCE = 60.0


class Narrowing:
    """Sends refused orders to all recipients but the refused ones.

    Args:
        transport: Reads the blacklist, and knows the rate.
        tally: Counts outcomes.
        orders: Sends the parts.
    """

    def __init__(self, transport: Transport, tally: Tally, orders: Orders) -> None:
        self._transport = transport
        self._tally = tally
        self._orders = orders
        self._one_part_at_a_time = anyio.Lock()
        self._one_reader = anyio.Lock()
        self._blocked: Seen | None = None
        self._sent = 0

    async def narrow(self, task: Task) -> None:
        """Send a refused order to all of its recipients but the refused ones."""
        refused, unsent = await self._leave_out_blocked(task)
        while (refused or unsent) and self._orders.stop is None:
            if not refused:
                await self._send_next(unsent, refused)
                continue
            part = refused.popleft()
            unsent += await in_thread(part.draft.recipients, self._halve, part)

    def _halve(self, task: Task) -> list[Task]:
        rate, size = self._transport.rate, -(-task.draft.recipients // 2)
        if rate is not None and size <= rate:
            size = min(size, max(1, int(rate * _SHARE_AT_ONCE)))
        return self._orders.split(task, slices(task.draft, size))

    async def _send_next(self, unsent: deque[Task], refused: deque[Task]) -> None:
        async with self._one_part_at_a_time:
            if self._sent >= _MOST_ORDERS:
                self._orders.halt(self._explain_stop())
            self._sent += 1
            part = unsent.popleft()
            if await self._orders.send(part):
                refused.append(part)
            rate, recipients = self._transport.rate, part.draft.recipients
            if rate is not None and recipients <= rate:
                await anyio.sleep(recipients / (rate * _SHARE))

    def _explain_stop(self) -> RecipientError:
        refused, known = self._tally.refused, self._tally.refused + self._tally.accepted
        share = f" ({refused:,} of {known:,} so far, {refused / known:.1%})" if known else ""
        reason = (
            f"so many recipients are refused{share} that finding them takes more than {_MOST_ORDERS:,} requests: "
            "check the list, and send it again"
        )
        return RecipientError(452, reason, "send-sms")

    # The blacklist.

    async def _leave_out_blocked(self, task: Task) -> tuple[deque[Task], deque[Task]]:
        """Leave out blacklisted recipients; give the order as refused if it had none, else the rest of it as unsent."""
        async with self._one_reader:
            if self._blocked is None:
                self._blocked = await self._read_blacklist()
        parts = await in_thread(task.draft.recipients, self._divide, self._blocked, task)
        if not parts:
            return deque([task]), deque()
        if self._orders.stop is None:
            # Otherwise the journal may still have the whole order, if it could not strike it.
            await self._orders.note_refused(parts[0])
        return deque(), deque(parts[1:])

    def _divide(self, numbers: Seen, task: Task) -> list[Task]:
        """Count blacklisted recipients as refused; give an order of them and one of the others; nothing if none are."""
        draft = task.draft
        known = numbers.known([number for number, _ in draft.pairs()])
        if not known:
            return []
        blocked = group(draft, [pair for pair in draft.pairs() if pair[0] in known])
        others = group(draft, [pair for pair in draft.pairs() if pair[0] not in known])
        parts = self._orders.split(task, [blocked, others] if others.recipients else [blocked])
        self._tally.refuse(blocked)
        return parts

    async def _read_blacklist(self) -> Seen:
        """Read the account's blacklist, as far as possible: it only saves requests."""
        blocked = Seen()
        with suppress(IletimerkeziError), anyio.move_on_after(_PATIENCE):
            async for number in Blacklist(self._transport, None):
                blocked.add([number])
                if self._orders.stop is not None:
                    break
        return blocked
