"""A worker that sends notices, with procrastinate on PostgreSQL.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    export DATABASE_URL=postgresql://…
    procrastinate --app postgres_worker.app schema --apply
    procrastinate --app postgres_worker.app worker

The queue and the store are in the same database, which the application has anyway. A job may be done more than once:
the send has a key, and so goes out once. What is left to the job is to come back later, where another worker is still
sending or the service is away.
"""

from __future__ import annotations

import os

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

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
from iletimerkezi_async.stores import PostgresStore

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///app")
PAUSE_SECONDS = int(os.environ.get("PAUSE_SECONDS", "5"))

app = App(connector=PsycopgConnector(conninfo=DATABASE_URL))
#: Both connect when they are first used, and serve all jobs of this process.
store = PostgresStore(DATABASE_URL)
sms = AsyncClient(iys=Iys.OFF, timeout=10, store=store)

LATER = RetryStrategy(
    max_attempts=100,
    wait=PAUSE_SECONDS,
    # The last one too: under its key, the same job again finds out, and sends nothing twice.
    retry_exceptions={SendInProgressError, StoreError, UnavailableError, TransportError, OutcomeUnknownError},
)


@app.task(name="send_notice", queue="notices", retry=LATER, pass_context=True)
async def send_notice(context: JobContext, notice_id: str, number: str, text: str) -> int | None:
    """Send a notice, once; its order's id.

    Args:
        context: The job's own, which the worker puts in.
        notice_id: Of the notice, not of the job: what is queued twice has it twice.
        number: Whom to.
        text: All of it, as it was when the job was queued.
    """
    try:
        order = await sms.send_sms(text, to=number, key=f"notice-{notice_id}")
    except OrderAcceptedError:
        # It was sent; only its id is not known.
        return None
    return order.id
