"""A FastAPI service that sends one-time passwords and hears what became of them.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    uvicorn fastapi_service:app

and with several processes, which keep to one rate and send each code once between them:

    CODE_SECRET=… STORE_PATH=codes.sqlite uvicorn --workers 4 fastapi_service:app
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, TypeVar

from fastapi import Body, Depends, FastAPI, HTTPException, Request, Response

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    Iys,
    MessageStatus,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    SendInProgressError,
    StoreError,
    TransportError,
    UnavailableError,
    WebhookError,
    normalize_number,
    parse_webhook,
)
from iletimerkezi_async.stores import SqliteStore

T = TypeVar("T")


#: Codes are derived from it. It must be the same in all processes of the service.
SECRET = os.environ.get("CODE_SECRET", "").encode() or secrets.token_bytes(32)

#: The service signs its reports with nothing, so their address is the password. It is set in the panel.
WEBHOOK_PATH = os.environ.get("WEBHOOK_PATH") or f"/{secrets.token_urlsafe(32)}"

#: Where the processes of the service on this machine meet. On several machines it is a PostgresStore or RedisStore.
STORE_PATH = os.environ.get("STORE_PATH")

CODE_SECONDS = int(os.environ.get("CODE_SECONDS", "180"))

#: How long anybody waits for a code to be sent.
SEND_SECONDS = float(os.environ.get("SEND_SECONDS", "10"))

#: What became of the messages, by their ids. A real service has a table for this.
states: dict[int, MessageStatus] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    # One client for the whole service: it holds the connections, and the pace that the account is allowed.
    async with AsyncExitStack() as stack:
        store = None
        if STORE_PATH:
            store = await stack.enter_async_context(SqliteStore(STORE_PATH, timeout=SEND_SECONDS))
        client = AsyncClient(iys=Iys.OFF, store=store, timeout=SEND_SECONDS)
        app.state.sms = await stack.enter_async_context(client)
        yield


def get_sms(request: Request) -> AsyncClient:
    client: AsyncClient = request.app.state.sms
    return client


Sms = Annotated[AsyncClient, Depends(get_sms)]

# In the body, as the addresses of requests end up in logs.
Field = Annotated[str, Body(embed=True)]


def make_code(number: str, window: int) -> str:
    """The code of a number for a while: the same for all who ask, so that a second request has the same text.

    This is what makes a repetition harmless: the provider refuses the same text to the same number for 10 minutes. A
    new random code for each request would be a new text, and a second SMS.
    """
    digest = hmac.digest(SECRET, f"{number} {window}".encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


def make_key(number: str, window: int) -> str | None:
    """Under which the code is sent once by all processes. It does not show the number."""
    if not STORE_PATH:
        return None
    return f"code-{hmac.digest(SECRET, f'key {number} {window}'.encode(), hashlib.sha256).hex()}"


def current_window() -> int:
    return int(time.time()) // CODE_SECONDS


app = FastAPI(lifespan=lifespan)


@app.post("/codes")
async def send_code(number: Field, sms: Sms, request: Request) -> dict[str, str]:
    """Send a code. Whoever asks again, because of impatience or a lost connection, gets no second SMS."""
    try:
        number = normalize_number(number)
        window = current_window()
        text = f"Kodunuz {make_code(number, window)}"
        await unless_hung_up(request, sms.send_sms(text, to=number, key=make_key(number, window)))
    except RecipientError:
        raise HTTPException(422, "Telefon numarası yanlış") from None
    except (DuplicateOrderError, OrderAcceptedError):
        # It is on its way already.
        return {"status": "sent"}
    except OutcomeUnknownError:
        # It may or may not be on its way. The user may press the button again: the same text is no second SMS.
        raise HTTPException(503, "Birazdan tekrar deneyin") from None
    except (UnavailableError, TransportError, SendInProgressError, StoreError):
        # It was surely not sent.
        raise HTTPException(503, "Birazdan tekrar deneyin") from None
    return {"status": "sent"}


async def unless_hung_up(request: Request, call: Coroutine[object, object, T]) -> T:
    """What a call gives; it is cancelled when nobody waits for the answer any more.

    The order may have been taken all the same: whoever comes back asks for the same text, and gets no second SMS.
    """
    work = asyncio.ensure_future(call)
    gone = asyncio.ensure_future(hang_up(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise HTTPException(499)
        return work.result()
    finally:
        work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@app.post("/codes/check")
async def check_code(number: Field, code: Field) -> dict[str, bool]:
    """Whether a code is right, also just after the next window began. A real service counts the attempts, too."""
    try:
        number = normalize_number(number)
    except RecipientError:
        raise HTTPException(422, "Telefon numarası yanlış") from None
    window = current_window()
    fitting = [hmac.compare_digest(code.encode(), make_code(number, w).encode()) for w in (window, window - 1)]
    return {"right": any(fitting)}


@app.post(WEBHOOK_PATH, include_in_schema=False)  # the schema is for everybody
async def note_delivery(request: Request) -> Response:
    """Hear what became of a message. A report may come twice, or after one that it should precede."""
    try:
        event = parse_webhook(await read_body(request))
    except WebhookError:
        return Response(status_code=400)
    known = states.get(event.message_id)
    if known is None or not known.is_final:
        states[event.message_id] = event.status
    return Response(status_code=204)


async def read_body(request: Request) -> bytes:
    """The body, as far as it is of any interest: whoever posts without end is not listened to."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > 64 * 2**10:
            raise WebhookError("the body is too large")
    return bytes(body)
