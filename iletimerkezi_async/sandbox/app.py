"""The service as an ASGI application."""

from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.guard import find_objection
from iletimerkezi_async.sandbox.pages import Pages
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.service import BIGGEST_BODY

__all__ = ["Answer", "Hangup", "build_app"]

Answer = Callable[[str, str, bytes, bytes], Reply]
"""The service's answer to method, path, query and body."""

Hangup = Callable[[Any], None]
"""Closes the connection to a client, given its address from the ASGI scope; data written before is still sent."""


def build_app(answer: Answer, hang_up: Hangup, pages: Pages) -> Starlette:
    """Build the application.

    Args:
        answer: The service's answer.
        hang_up: How to close a connection, which ASGI cannot express.
        pages: The pages for a browser.
    """

    async def show_overview(request: Request) -> Response:
        return pages.overview(request.query_params.get("page"))

    async def show_order(request: Request) -> Response:
        return pages.order(request.path_params["id"], request.query_params.get("page"))

    async def show_icon(_: Request) -> Response:
        # Browsers request it automatically. There is none, and the service's log must not contain the request.
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/", show_overview, methods=["GET"]),
            Route("/favicon.ico", show_icon, methods=["GET"]),
            Route("/orders/{id}", show_order, methods=["GET"]),
            Route("/{path:path}", _Endpoint(answer, hang_up)),
        ],
        middleware=[Middleware(_Guard)],
    )


class _Guard:
    """Refuses requests that do not come from programs on this machine; the service and its log never see them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        objection = find_objection(scope["method"], scope["path"], headers)
        if objection is None:
            await self._app(scope, receive, send)
        elif await _read(receive) is not None:
            status, reason = objection
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, send)


class _Endpoint:
    """Reads a request, asks the service, and acts on the reply's fault."""

    def __init__(self, answer: Answer, hang_up: Hangup) -> None:
        self._answer = answer
        self._hang_up = hang_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        reply = self._answer(scope["method"], scope["path"], scope["query_string"], body)
        if reply.fault in (Fault.DROP_REQUEST, Fault.DROP_ANSWER):
            self._hang_up(scope["client"])
            await _wait_for_end(receive)
        elif reply.fault == Fault.STALL:
            await _wait_for_end(receive)
        elif reply.fault == Fault.HALF_ANSWER:
            await send(_start(reply))
            await send(_body(reply.body[: len(reply.body) // 2], more=True))
            self._hang_up(scope["client"])
            await _wait_for_end(receive)
        else:
            await send(_start(reply))
            await send(_body(reply.body, more=False))
            if reply.fault == Fault.CLOSE_IDLE:
                self._hang_up(scope["client"])


async def _read(receive: Receive) -> bytes | None:
    """Return the body, cut off just above the limit; None if the peer disconnects before its end."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece: bytes = message.get("body", b"")
        # Read and drop the rest: a peer that is still sending would not see an early answer.
        if size <= BIGGEST_BODY:
            pieces.append(piece)
            size += len(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(reply: Reply) -> MutableMapping[str, Any]:
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in reply.headers]
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


def _body(body: bytes, *, more: bool) -> MutableMapping[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
