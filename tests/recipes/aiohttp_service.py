"""An aiohttp application that sends notices about orders.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    python -m aiohttp.web aiohttp_service:make_app
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator

from aiohttp import web

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    Iys,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    TransportError,
    UnavailableError,
    WebhookError,
    parse_webhook,
)

#: The service signs its reports with nothing, so their address is the password. It is set in the panel.
WEBHOOK_PATH = os.environ.get("WEBHOOK_PATH") or f"/{secrets.token_urlsafe(32)}"

SMS = web.AppKey("SMS", AsyncClient)
DELIVERED = web.AppKey("DELIVERED", set[int])


async def sms_client(app: web.Application) -> AsyncGenerator[None]:
    """The client lives as long as the application: what comes after `yield` runs at its end."""
    async with AsyncClient(iys=Iys.OFF) as client:
        app[SMS] = client
        yield


async def notify(request: web.Request) -> web.Response:
    """Tell a customer that a parcel is on its way. The parcel's number makes the text its own."""
    parcel = request.match_info["parcel"]
    fields = await request.post()
    try:
        await request.app[SMS].send_sms(f"{parcel} numaralı kargonuz yola çıktı.", to=str(fields.get("number", "")))
    except RecipientError:
        raise web.HTTPUnprocessableEntity(text="Telefon numarası yanlış") from None
    except (DuplicateOrderError, OrderAcceptedError):
        return web.json_response({"status": "sent"})
    except (UnavailableError, TransportError, OutcomeUnknownError):
        # Where it may have been taken (`OutcomeUnknownError`) the same request again is no second SMS.
        raise web.HTTPServiceUnavailable(text="Birazdan tekrar deneyin") from None
    return web.json_response({"status": "sent"})


async def note_delivery(request: web.Request) -> web.Response:
    """Hear what became of a message."""
    try:
        event = parse_webhook(await request.read())
    except WebhookError:
        raise web.HTTPBadRequest from None
    if event.status.name == "DELIVERED":
        request.app[DELIVERED].add(event.message_id)
    return web.Response(status=204)


def make_app(_arguments: list[str] | None = None) -> web.Application:
    # `client_max_size` keeps whoever posts without end out of the memory.
    app = web.Application(client_max_size=64 * 2**10)
    app[DELIVERED] = set()
    app.cleanup_ctx.append(sms_client)
    app.router.add_post("/parcels/{parcel}/notice", notify)
    app.router.add_post(WEBHOOK_PATH, note_delivery)
    return app
