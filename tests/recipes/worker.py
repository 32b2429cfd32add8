"""A worker that sends notices, with taskiq on Redis.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    taskiq worker worker:broker

A queue delivers a task at least once. A task is done twice where its worker died before it could say that it was done,
where it takes longer than the queue's patience, or where it was queued twice. For sending this means:

1. The task carries the whole text. A code or a time made up within the task would be another text at each delivery,
   and another text is another SMS.
2. Within 10 minutes the service itself refuses the same text to the same number: `DuplicateOrderError` means that it
   was sent, by this delivery's predecessor. So the queue has to deliver again well within the 10 minutes.
3. After 10 minutes the service sends it again. From there on a record of our own protects, in which is written
   *before* sending that it begins, and *after* it that it is done. A beginning without an end, 10 minutes old, is
   the one case that nobody can tell: it is left to a person, who looks into the panel.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Annotated

from redis.asyncio import Redis
from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    Iys,
    OrderAcceptedError,
    OutcomeUnknownError,
    Retry,
    TransportError,
    UnavailableError,
)

logger = logging.getLogger(__name__)

BASE_URL = os.environ.get("ILETIMERKEZI_BASE_URL", "https://api.iletimerkezi.com/v1")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
QUEUE = os.environ.get("QUEUE", "notices")

#: A task that nobody has finished is delivered again after so long. The default, 10 minutes, would be too late.
REDELIVERY_SECONDS = float(os.environ.get("REDELIVERY_SECONDS", "60"))

#: Since the beginning of the first attempt. The service protects for 10 minutes, in which the last one has to arrive.
#: The client below may have an attempt of 90 seconds before it, a pause of 30, and 60 until it is connected.
SAFE_SECONDS = 7 * 60

#: Records are kept for longer than any task can stay in the queue.
RECORD_SECONDS = 7 * 24 * 3600

PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "5"))

broker = RedisStreamBroker(
    REDIS_URL,
    queue_name=QUEUE,
    consumer_id="0",  # also what was queued before the first worker ran
    idle_timeout=int(REDELIVERY_SECONDS * 1000),
    unacknowledged_lock_timeout=30,  # a worker that dies must not keep the others from delivering again
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_client(state: TaskiqState) -> None:
    # Fewer attempts than the default: the queue repeats, too.
    state.sms = AsyncClient(iys=Iys.OFF, base_url=BASE_URL, retry=Retry(attempts=2))
    state.redis = Redis.from_url(REDIS_URL, decode_responses=True)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_client(state: TaskiqState) -> None:
    await state.sms.aclose()
    await state.redis.aclose()


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
    redis: Redis = context.state.redis
    record = f"{QUEUE}:notice:{notice_id}"

    # Before sending. Where there is a record already, it keeps the time of the first attempt.
    is_first = await redis.set(record, f"begun {time.time()}", nx=True, ex=RECORD_SECONDS)
    word, _, began = (await redis.get(record) or "").partition(" ")
    if word in {"sent", "doubtful"}:
        return
    if time.time() - float(began) > SAFE_SECONDS:
        # Here ends what the service's 10 minutes can do: to send it now might be to send it twice.
        await redis.set(record, "doubtful", ex=RECORD_SECONDS)
        logger.error("notice %s may or may not have been sent: look into the panel", notice_id)
        return

    try:
        await sms.send_sms(text, to=number)
    except (DuplicateOrderError, OrderAcceptedError):
        logger.info("notice %s was sent by an earlier delivery", notice_id)
    except OutcomeUnknownError:
        # It may have been taken. The same text within the 10 minutes is safe, and tells; the record is the clock.
        await put_back(context)
    except (UnavailableError, TransportError):
        # Surely not taken by this attempt; an earlier one may have been.
        if is_first:
            await redis.delete(record)
        await put_back(context)

    # After sending. Any other error is one that a repetition would not mend: taskiq logs it, and the record stays.
    await redis.set(record, "sent", ex=RECORD_SECONDS)


async def put_back(context: Context) -> None:
    """Queue the task anew, after a pause. A worker that dies in the pause has it delivered again."""
    await asyncio.sleep(PAUSE_SECONDS)
    await context.requeue()  # which ends the task with an exception of taskiq's own
