"""Cancelling an order for certain, though the answer may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import IletimerkeziError, OrderNotDueError, OrderNotFoundError, OutcomeUnknownError
from iletimerkezi_async.http.transport import RefusedAgain
from iletimerkezi_async.models import OrderStatus
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.reports import get_report
from iletimerkezi_async.wire.sending import cancel_order as cancel_order_call

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport

__all__ = ["cancel_order"]

_OPERATION = "cancel-order"
_BEGUN = frozenset({OrderStatus.SENDING, OrderStatus.COMPLETED})


@forgetful
async def cancel_order(transport: Transport, order_id: int) -> None:
    """Cancel an order that has not begun to be sent.

    A 455 after a lost answer has two meanings: the first attempt cancelled the order, or the order began to be sent
    before it. The order's state tells which.

    Raises:
        OrderNotFoundError: There is no such order, or it has begun to be sent.
        OutcomeUnknownError: All answers were lost, or the order's state tells nothing.
    """
    result = await transport.perform(cancel_order_call(order_id))
    if not isinstance(result, RefusedAgain):
        return
    status = await _find_status(transport, order_id)
    if status is OrderStatus.FAILED:
        return
    if status in _BEGUN:
        # The service said so with the HTTP status that repeats its code.
        raise OrderNotFoundError(455, "it was too late for it", _OPERATION, 455)
    raise OutcomeUnknownError("the answer was lost, and the order's state tells nothing yet", _OPERATION)


async def _find_status(transport: Transport, order_id: int) -> OrderStatus | None:
    """The order's state, after several looks if need be; `None` where there is no report, or it still waits."""
    for attempt in range(1, transport.retry.attempts + 1):
        outcome = await _look(transport, order_id)
        if isinstance(outcome, OrderStatus):
            return outcome
        if not isinstance(outcome, (OrderNotDueError, OrderNotFoundError)):
            return None
        # The report lags behind, or the order is just moving from waiting to being sent.
        await anyio.sleep(transport.retry.pause(attempt))
    return None


async def _look(transport: Transport, order_id: int) -> OrderStatus | IletimerkeziError:
    try:
        page = await transport.call(get_report(order_id, 1, 1))
    except IletimerkeziError as error:
        return error
    return page.order.status
