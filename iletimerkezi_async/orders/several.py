"""Calls of several requests: cancelling with certainty, waiting for an order, registering consents."""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import (
    ApiError,
    IletimerkeziError,
    OrderNotDueError,
    OrderNotFoundError,
    OutcomeUnknownError,
)
from iletimerkezi_async.models import OrderReport, OrderStatus
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.call import Answered
from iletimerkezi_async.wire.reports import get_report
from iletimerkezi_async.wire.sending import cancel_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import Consent
    from iletimerkezi_async.wire.call import Call


_OPERATION = "cancel-order"
_BEGUN = frozenset({OrderStatus.SENDING, OrderStatus.COMPLETED})
_FINAL = frozenset({OrderStatus.COMPLETED, OrderStatus.FAILED})
# Limit of looks in a row at which a known order may be "not found", as it moves from waiting to being sent.
_MOVING = 3

_SHORTEST, _LONGEST = 1.0, 30.0
_GROWTH = 1.5
# Seconds between the last look and the end of the time.
_LAST_LOOK = 0.5
# The service also uses this code for values that it refuses.
_NO_RECORD = 422


# Cancelling.


@forgetful
async def cancel_and_confirm(transport: Transport, order_id: int) -> None:
    """Cancel an order that has not begun to be sent.

    A 455 after a lost answer has two meanings: the first attempt cancelled the order, or sending had begun before it.
    The order's state decides.

    Raises:
        OrderNotFoundError: There is no such order, or sending has begun.
        OutcomeUnknownError: All answers were lost, or the order's state does not decide.
    """
    if isinstance(await transport.perform(cancel_order(order_id)), Answered):
        return
    status = await _find_status(transport, order_id)
    if status is OrderStatus.FAILED:
        return
    if status in _BEGUN:
        # Like the service's own refusal, whose HTTP status is its code.
        raise OrderNotFoundError(455, "too late", _OPERATION, 455)
    raise OutcomeUnknownError("the answer was lost, and the order's state does not show the outcome yet", _OPERATION)


async def _find_status(transport: Transport, order_id: int) -> OrderStatus | None:
    """Read the order's state, with several looks if needed; `None` if there is no report, or the order still waits."""
    told = set[int]()
    for attempt in range(1, transport.retry.attempts + 1):
        try:
            page = await transport.call(get_report(order_id, 1, 1, told))
        except (OrderNotDueError, OrderNotFoundError):
            # The report lags, or the order is moving from waiting to being sent.
            pass
        except IletimerkeziError:
            return None
        else:
            return page.order.status
        await anyio.sleep(transport.retry.pause(attempt))
    return None


# Waiting.


def pause_after(look: int, left: float) -> float:
    """Give the seconds to wait after a look at an order.

    They are random, between

        min(20, 1.5 ** (look - 1))   and one and a half times as much,

    that is from 1 second at first to 30 in the end. A pause that would end after the time is up is shortened, so that
    the last look comes half a second before the end. If the time left is too short for another look, it is waited out.

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
async def poll_order(transport: Transport, order_id: int, timeout: float | None) -> OrderReport:  # noqa: ASYNC109 - it is a part of the result
    """Wait until an order is finished, with looks at its report.

    Raises:
        OrderNotFoundError: There is no such order.
        TimeoutError: It is not finished after `timeout` seconds.
    """
    limit = math.inf if timeout is None else timeout
    # Further looks at which the order may be missing.
    patience = 0
    told = set[int]()
    # Without time to wait, one look is made all the same.
    with anyio.move_on_after(limit if limit > 0 else math.inf) as scope:
        for look in itertools.count(1):
            try:
                page = await transport.call(get_report(order_id, 1, 1, told))
            except OrderNotFoundError:
                if not patience:
                    raise
                patience -= 1
            except OrderNotDueError:
                patience = _MOVING
            else:
                patience = _MOVING
                if page.order.status in _FINAL:
                    return page.order
            if limit <= 0:
                break
            await anyio.sleep(pause_after(look, scope.deadline - anyio.current_time()))
    raise TimeoutError(f"the order is not finished after {limit:g} s")


# Consents.


async def register_batches(transport: Transport, batches: Iterable[tuple[int, Call[None]]]) -> None:
    """Register consents, one batch after the other. An error's `registered` is the number registered before it.

    Args:
        transport: The client's transport.
        batches: The number of consents in each request, and the request.

    Raises:
        IletimerkeziError: As `AsyncClient.register_consents`.
    """
    registered = 0
    for count, call in batches:
        try:
            await transport.call(call)
        except IletimerkeziError as error:
            error.registered = registered
            raise
        registered += count


async def find_consent(transport: Transport, call: Call[Consent | None]) -> Consent | None:
    """Read a recipient's consent; `None` if there is no record, which the service tells in two ways.

    Raises:
        IletimerkeziError: As `AsyncClient.check_consent`.
    """
    try:
        return await transport.call(call)
    except ApiError as error:
        if error.code != _NO_RECORD:
            raise
    return None
