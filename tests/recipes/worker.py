"""A worker that sends notices, with taskiq on Redis.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    taskiq worker worker:broker

A queue delivers a task at least once. A task is done twice where its worker died before it could say that it was done,
where it takes longer than the queue's patience, or where it was queued twice. So the send has a key, the notice's own,
and the key is kept in a store: whoever does the task again gets the order that was sent, and sends nothing. What is
left to the task is to come back later, where another worker is still sending or the service is away.

The text must be whole when the task is queued. A code or a time made up within the task would be another text at each
delivery, which the key refuses.

The store is the Redis that the queue has. `appendonly yes` and `maxmemory-policy noeviction` keep what is in it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Annotated

from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from iletimerkezi_async import (
    AsyncClient,
    Iys,
    OrderAcceptedError,
    OutcomeUnknownError,
    Retry,
    SendInProgressError,
    StoreError,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.stores import RedisStore

logger = logging.getLogger(__name__)

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
QUEUE = os.environ.get("QUEUE", "notices")

#: A task that nobody has finished is delivered again after so long.
REDELIVERY_SECONDS = float(os.environ.get("REDELIVERY_SECONDS", "60"))
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "5"))
#: How often a task comes back before a person has to look.
MOST_RETURNS = 100

broker = RedisStreamBroker(
    REDIS_URL,
    queue_name=QUEUE,
    consumer_id="0",  # also what was queued before the first worker ran
    idle_timeout=int(REDELIVERY_SECONDS * 1000),
    unacknowledged_lock_timeout=30,  # a worker that dies must not keep the others from delivering again
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_client(state: TaskiqState) -> None:
    state.store = RedisStore(REDIS_URL)
    # Fewer attempts than the default: the queue repeats, too.
    state.sms = AsyncClient(iys=Iys.OFF, timeout=10, retry=Retry(attempts=2), store=state.store)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_client(state: TaskiqState) -> None:
    await state.sms.aclose()
    await state.store.aclose()


@broker.task("send_notice")
async def send_notice(notice_id: str, number: str, text: str, context: Annotated[Context, TaskiqDepends()]) -> None:
    """Send a notice, once.

    Args:
        notice_id: Of the notice, not of the task: what is queued twice has it twice.
        number: Whom to.
        text: All of it, as it was when the task was queued.
        context: Taskiq's own, which the worker puts in.
    """
    sms: AsyncClient = context.state.sms
    try:
        await sms.send_sms(text, to=number, key=f"notice-{notice_id}")
    except OrderAcceptedError:
        logger.warning("notice %s was sent, as an order whose id is not known", notice_id)
    except (SendInProgressError, StoreError, UnavailableError, TransportError, OutcomeUnknownError):
        # Another worker is at it, something is away, or nobody knows yet: the same call later finds out.
        returns = int(context.message.labels.get("X-Taskiq-requeue", 0))
        if returns >= MOST_RETURNS:
            logger.exception("notice %s: see `iletimerkezi sent notice-%s`, and the panel", notice_id, notice_id)
            return
        await asyncio.sleep(PAUSE_SECONDS)
        await context.requeue()  # which ends the task with an exception of taskiq's own
    # Any other error is one that a repetition would not mend: taskiq logs it.
