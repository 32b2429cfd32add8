"""Waiting until an order is finished."""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import OrderNotDueError, OrderNotFoundError
from iletimerkezi_async.models import OrderReport, OrderStatus
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.reports import get_report

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport

__all__ = ["pause_after", "wait_for_order"]

_FINAL = frozenset({OrderStatus.COMPLETED, OrderStatus.FAILED})
# How many times in a row an order that was there may be "not found": it is moving from waiting to being sent.
_MOVING = 3

_SHORTEST, _LONGEST = 1.0, 30.0
_GROWTH = 1.5
# Before the time is up there is a last look.
_LAST_LOOK = 0.5


def pause_after(look: int, left: float) -> float:
    """Seconds to wait after a look at an order.

    They are drawn evenly from between

        min(20, 1.5 ** (look - 1))   and one and a half times as much,

    that is from 1 second at first to 30 in the end. Where the pause would end after the time is up, the last look comes
    half a second before that. Time that is left after it, or is too short for another look, is waited out.

    Args:
        look: The look's number, from 1.
        left: Seconds until the time is up.
    """
    # The exponent is bounded, as 1.5 ** 2000 overflows.
    shortest = min(_LONGEST / _GROWTH, _SHORTEST * _GROWTH ** min(look - 1, 64))
    pause = shortest * random.uniform(1, _GROWTH)  # noqa: S311 - jitter, not a secret
    if pause <= left - _LAST_LOOK:
        return pause
    return left - _LAST_LOOK if left >= 2 * _LAST_LOOK else max(0.0, left)


@forgetful
async def wait_for_order(transport: Transport, order_id: int, timeout: float | None) -> OrderReport:  # noqa: ASYNC109 - it is a part of the result
    """Look at an order until it is finished.

    Raises:
        OrderNotFoundError: There is no such order.
        TimeoutError: It is not finished after `timeout` seconds.
    """
    limit = math.inf if timeout is None else timeout
    deadline = anyio.current_time() + limit
    with anyio.move_on_after(limit):
        watch = _Watch(transport, order_id)
        for look in itertools.count(1):
            order = await watch.look()
            if order is not None:
                return order
            await anyio.sleep(pause_after(look, deadline - anyio.current_time()))
    raise TimeoutError(f"the order is not finished after {limit:g} s")


class _Watch:
    """Looks at one order, and remembers whether it was there."""

    def __init__(self, transport: Transport, order_id: int) -> None:
        self._transport = transport
        self._order_id = order_id
        self._patience = 0

    async def look(self) -> OrderReport | None:
        """The order, once it is finished.

        Raises:
            OrderNotFoundError: It was never there, or has not been there for several looks.
        """
        try:
            page = await self._transport.call(get_report(self._order_id, 1, 1))
        except OrderNotDueError:
            self._patience = _MOVING
            return None
        except OrderNotFoundError:
            if not self._patience:
                raise
            self._patience -= 1
            return None
        self._patience = _MOVING
        return page.order if page.order.status in _FINAL else None
