"""A worker that sends notices, with Celery on Redis.

To try it, with `pip install 'celery[redis]'`, `iletimerkezi sandbox` in another terminal and what that prints exported
here:

    celery --app celery_worker worker
    python -c "from celery_worker import send_notice; send_notice.delay('77', '5301234567', 'Siparisiniz yolda')"

A task may be done more than once: its worker died, it took longer than the broker's patience, it was queued twice. The
send has a key, the notice's own, and so goes out once. What is left to the task is to come back later, where another
worker is still sending, something is away, or nobody knows yet. What the account itself is refused (a wrong key, an
empty balance, the same text within ten minutes) ends the task: it has to be queued again.

What a worker had that was killed as a whole comes back when the broker's patience is over, `visibility_timeout`: an
hour by Celery's default. With a key that may be short.

Tasks are plain functions in processes without an event loop, so each runs one, with a client of its own. The store is
made once: it connects in the process that uses it. Its Redis is the broker's; `appendonly yes` and `maxmemory-policy
noeviction` keep what is in it.
"""

from __future__ import annotations

import logging
import os

import anyio
from celery import Celery

from iletimerkezi_async import (
    AsyncClient,
    Iys,
    OrderAcceptedError,
    OutcomeUnknownError,
    SendInProgressError,
    StoreError,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.stores import RedisStore

logger = logging.getLogger(__name__)

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "5"))
#: What a later try mends, or settles.
LATER = (SendInProgressError, StoreError, UnavailableError, TransportError, OutcomeUnknownError)

app = Celery("notices", broker=REDIS_URL, backend=REDIS_URL)
app.conf.broker_transport_options = {"visibility_timeout": 300}
app.conf.task_default_queue = os.environ.get("QUEUE", "notices")
store = RedisStore(REDIS_URL)


@app.task(
    acks_late=True,
    reject_on_worker_lost=True,
    autoretry_for=LATER,
    default_retry_delay=PAUSE_SECONDS,
    max_retries=100,  # then a person has to look: `iletimerkezi sent notice-…`
)
def send_notice(notice_id: str, number: str, text: str) -> int | None:
    """Send a notice, once; the order's id, where it is known.

    Args:
        notice_id: Of the notice, not of the task: what is queued twice has it twice.
        number: Whom to.
        text: All of it, as it was when the task was queued: another text under the same key is refused.
    """

    async def send() -> int:
        async with AsyncClient(iys=Iys.OFF, timeout=10, store=store) as client:
            order = await client.send_sms(text, to=number, key=f"notice-{notice_id}")
            return order.id

    try:
        return anyio.run(send)
    except OrderAcceptedError:
        logger.warning("notice %s was sent, as an order whose id is not known", notice_id)
        return None
