"""The account's blacklist, as far as a campaign needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import IletimerkeziError
from iletimerkezi_async.orders.paging import Blacklist
from iletimerkezi_async.orders.pieces import Breath

from .seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Blocked"]

# Seconds that the next thousand numbers may take.
_PATIENCE = 15.0
_PIECE = 1000
# Of a longer list the first ones are used.
_MOST = 1_000_000


class Blocked:
    """The numbers on the account's blacklist, read once, when they are first asked for.

    It only spares requests: where the list cannot be read to its end, what was read of it is used.

    Args:
        transport: What asks.
        is_wanted: Whether it is of any use to read on.
    """

    def __init__(self, transport: Transport, is_wanted: Callable[[], bool]) -> None:
        self._transport = transport
        self._is_wanted = is_wanted
        self._numbers = Seen()
        self._is_read = False
        self._one_reader = anyio.Lock()

    async def among(self, draft: Draft) -> set[str]:
        """The numbers of a draft that are on the blacklist."""
        async with self._one_reader:
            if not self._is_read:
                await self._read()
                self._is_read = True
        blocked: set[str] = set()
        breath = Breath()
        for numbers in draft.messages.values():
            for start in range(0, len(numbers), _PIECE):
                blocked |= self._numbers.known(numbers[start : start + _PIECE])
                await breath.take()
        return blocked

    async def _read(self) -> None:
        piece: list[str] = []
        try:
            with anyio.move_on_after(_PATIENCE) as scope:
                async for number in Blacklist(self._transport, None):
                    piece.append(number)
                    if len(piece) == _PIECE:
                        self._numbers.add(piece)
                        piece.clear()
                        scope.deadline = anyio.current_time() + _PATIENCE
                        if len(self._numbers) >= _MOST or not self._is_wanted():
                            break
        except IletimerkeziError:
            pass
        self._numbers.add(piece)
