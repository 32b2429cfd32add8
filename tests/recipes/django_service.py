"""A Django project that sends notices, from views of both kinds, and hears what became of them.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    uvicorn --no-access-log django_service:application

and under WSGI, where each call has an event loop of its own:

    python django_service.py runserver --noreload

In a project of your own the parts go where theirs are: the client into an `apps.py`, the views into `views.py`,
`application` into `asgi.py`.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    Iys,
    MessageStatus,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    TokenBucket,
    TransportError,
    UnavailableError,
    WebhookError,
    parse_webhook,
)

#: The service signs its reports with nothing, so their address is the password. It is set in the panel.
WEBHOOK_PATH = (os.environ.get("WEBHOOK_PATH") or f"/{secrets.token_urlsafe(32)}").lstrip("/")

settings.configure(
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY") or secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    # Whoever posts without end is not listened to.
    DATA_UPLOAD_MAX_MEMORY_SIZE=64 * 2**10,
    # Django notes the address of each request that it refuses, and that of the webhook is secret.
    LOGGING={"version": 1, "disable_existing_loggers": False, "loggers": {"django.request": {"level": "ERROR"}}},
)

#: The pace that the account is allowed, for all clients of this process.
PACE = TokenBucket(100)

#: What became of the messages, by their ids. A real project has a model for this.
states: dict[int, MessageStatus] = {}

_clients: list[AsyncClient] = []


def make_client() -> AsyncClient:
    return AsyncClient(iys=Iys.OFF, rate=PACE)


@asynccontextmanager
async def sms_client() -> AsyncGenerator[AsyncClient]:
    """The client of this process; under WSGI one for this call, whose event loop ends with it."""
    if _clients:
        yield _clients[0]
        return
    async with make_client() as client:
        yield client


async def tell(number: str, text: str) -> HttpResponse:
    """Send a text, and answer the request that it is for."""
    try:
        async with sms_client() as sms:
            await sms.send_sms(text, to=number)
    except RecipientError:
        return JsonResponse({"error": "Telefon numarası yanlış"}, status=422)
    except (DuplicateOrderError, OrderAcceptedError):
        # It is on its way already.
        return JsonResponse({"status": "sent"})
    except (UnavailableError, TransportError, OutcomeUnknownError):
        # Where it may have been taken (`OutcomeUnknownError`) the same request again is no second SMS.
        return JsonResponse({"error": "Birazdan tekrar deneyin"}, status=503)
    return JsonResponse({"status": "sent"})


# The number comes in the form, as addresses end up in logs; and the decorator keeps it out of Django's error reports.


@require_POST
@sensitive_post_parameters("number")
async def notify(request: HttpRequest, parcel: int) -> HttpResponse:
    """Tell a customer that a parcel is on its way. The parcel's number makes the text its own."""
    return await tell(request.POST.get("number", ""), f"{parcel} numaralı kargonuz yola çıktı.")


@require_POST
@sensitive_post_parameters("number")
def remind(request: HttpRequest, invoice: int) -> HttpResponse:
    """The same from a view that is not async: under ASGI it is sent by the event loop that all share."""
    text = f"{invoice} numaralı faturanızın son ödeme günü yarın."
    response: HttpResponse = async_to_sync(tell)(request.POST.get("number", ""), text)
    return response


@csrf_exempt  # the service has no page of ours to take a token from
@require_POST
async def note_delivery(request: HttpRequest) -> HttpResponse:
    """Hear what became of a message. A report may come twice, or after one that it should precede."""
    try:
        event = parse_webhook(request.body)
    except WebhookError:
        return HttpResponse(status=400)
    known = states.get(event.message_id)
    if known is None or not known.is_final:
        states[event.message_id] = event.status
    return HttpResponse(status=204)


urlpatterns = [
    path("parcels/<int:parcel>/notice", notify),
    path("invoices/<int:invoice>/reminder", remind),
    path(WEBHOOK_PATH, note_delivery),
]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

django = get_asgi_application()


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Django, and what it leaves to others: the beginning and the end of the process."""
    if scope["type"] == "lifespan":
        await live(receive, send)
    else:
        await django(scope, receive, send)


async def live(receive: Receive, send: Send) -> None:
    """One client as long as the server lives, closed in the loop that it was used in."""
    await receive()
    async with make_client() as client:
        _clients.append(client)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        _clients.clear()
    await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    execute_from_command_line(sys.argv)
