"""The command that listens for the service's delivery reports."""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from typer import Option

from iletimerkezi_async.errors import WebhookError
from iletimerkezi_async.wire.webhook import parse_webhook

from .command import run_async, signal_code
from .messages import CommandError, WrongUsageError
from .output import Rows, complain, end_line, note
from .settings import Json, Verbose

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from iletimerkezi_async.models import DeliveryEvent

__all__ = ["webhook"]

_LAST_PORT = 65_535
# The limit of `parse_webhook`, checked here before the whole body is in memory.
_MAX_BODY = 64 * 2**10
_PATIENCE = 10.0


def webhook(
    *,
    port: Annotated[int, Option(metavar="PORT", min=0, max=_LAST_PORT, help="Where to listen; 0: any free.")] = 8026,
    host: Annotated[str, Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    path: Annotated[str, Option(metavar="PATH", help="The path that reports come to.")] = "/",
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Print delivery reports as they come, until Ctrl-C.

    The service posts reports to the address that is set in the panel, which must be https: put a proxy or a tunnel in
    front. They are not signed: choose a --path that cannot be guessed. Each line has, after tabs, the number, its
    status, the order's ID, the message's ID, and the text.
    """
    if not path.startswith("/") or "{" in path:
        raise WrongUsageError(f"--path {path!r} must begin with a slash, and have no braces")
    with closing(_listen(host, port)) as listener:
        shown = f"[{host}]" if ":" in host else host
        note(f"Listening at http://{shown}:{listener.getsockname()[1]}{path} for delivery reports. Ctrl-C ends it.")
        note("The service posts only to https addresses: put a proxy or a tunnel in front.")
        if not _is_loopback(host):
            complain(f"anyone who reaches {host} can post here: the reports are not signed")
        try:
            run_async(partial(_serve, listener, path, as_json=as_json))
        except KeyboardInterrupt:
            # The usual end of this command, and not an error.
            end_line()
            raise typer.Exit(signal_code()) from None


async def _serve(listener: socket.socket, path: str, *, as_json: bool) -> None:
    import uvicorn  # noqa: PLC0415 - takes 0.1 s

    failures: list[OSError] = []

    def fail(error: OSError) -> None:
        failures.append(error)
        server.should_exit = True

    config = uvicorn.Config(
        _make_app(path, fail, as_json=as_json),
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        # Printing takes no time, and a slow sender is not waited for.
        timeout_graceful_shutdown=0,
    )
    server = uvicorn.Server(config)
    # uvicorn handles Ctrl-C itself, and raises it again when its connections are closed.
    await server.serve([listener])
    if failures:
        raise failures[0]


def _make_app(path: str, fail: Callable[[OSError], None], *, as_json: bool) -> "Starlette":
    """The application behind the socket.

    Args:
        path: The path of the reports.
        fail: Called if a report cannot be printed.
        as_json: Whether to print JSON.
    """
    from starlette.applications import Starlette  # noqa: PLC0415 - takes 0.1 s
    from starlette.responses import Response  # noqa: PLC0415 - likewise
    from starlette.routing import Route  # noqa: PLC0415 - likewise

    rows = Rows(_fields, _plain, as_json=as_json)
    lock = anyio.Lock()

    async def show(event: "DeliveryEvent") -> int:
        try:
            async with lock:
                await rows.add(event)
                await rows.flush()
        except OSError as error:
            fail(error)
            return 503
        return 200

    async def answer(request: "Request") -> Response:
        code = 408
        with anyio.move_on_after(_PATIENCE):
            event = await _receive(request)
            code = event if isinstance(event, int) else await show(event)
        return Response(status_code=code)

    return Starlette(routes=[Route(path, answer, methods=["POST"])])


async def _receive(request: "Request") -> "DeliveryEvent | int":
    """The report in a request, or the HTTP status of the answer if it has none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY:
            complain(f"refused: a body larger than {_MAX_BODY >> 10} KiB")
            return 413
    try:
        return parse_webhook(bytes(body))
    except WebhookError as error:
        complain(f"refused: {error}")
        return 400


def _fields(event: "DeliveryEvent") -> dict[str, object]:
    return {
        "number": event.number,
        "status": event.status.name,
        "code": event.status.value,
        "order_id": event.order_id,
        "message_id": event.message_id,
        "text": event.text,
    }


def _plain(event: "DeliveryEvent") -> tuple[str, ...]:
    return event.number, event.status.name, str(event.order_id), str(event.message_id), event.text


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
