"""Answers that no sandbox would give: a server of raw bytes, and a transport of canned answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.abc
import httpcore
import httpx
from anyio.streams.tls import TLSListener

from iletimerkezi_async import AsyncClient, Iys, Retry

QUICK = Retry(wait_initial=0.001, wait_max=0.01)
#: For clients that speak plain HTTP alone: loading the trusted authorities takes longer than most tests.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def ok(**payload: object) -> dict[str, object]:
    return {"response": {"status": {"code": 200, "message": "İşlem başarılı"}, **payload}}


def refusal(code: object, message: str = "Olmaz") -> dict[str, object]:
    return {"response": {"status": {"code": code, "message": message}}}


def never_left(name: str = "ConnectError") -> httpx.TransportError:
    """What httpx raises where httpcore found no connection, or none in time."""
    error: httpx.TransportError = getattr(httpx, name)("refused")
    error.__cause__ = getattr(httpcore, name)("refused")
    return error


class Canned:
    """A client whose HTTP client gives the answers in turn (the last one for ever), and notes the requests.

    An answer may be a function of the request.
    """

    def __init__(self, *answers: object, **options: object) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
        self.client = AsyncClient("demo", "demo", http_client=self.http, **(settings | options))  # type: ignore[arg-type]

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(request.content)["request"] for request in self.requests]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if isinstance(answer, bytes):
            return httpx.Response(200, content=answer)
        return httpx.Response(200, json=answer)


@asynccontextmanager
async def raw_server(
    answer: Callable[[anyio.abc.ByteStream, bytes], object], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve on loopback: `answer` gets the stream and each request, and does as it likes; "close" ends a connection."""
    requests: list[bytes] = []

    async def serve(stream: anyio.abc.ByteStream) -> None:
        # Whoever hangs up ends one connection, and not the server.
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                buffer = b""
                while True:
                    buffer += await stream.receive()
                    head, separator, rest = buffer.partition(b"\r\n\r\n")
                    if not separator:
                        continue
                    length = int(next(x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:"))[15:])
                    if len(rest) < length:
                        continue
                    requests.append(head + separator + rest[:length])
                    buffer = rest[length:]
                    if await answer(stream, requests[-1]) == "close":  # type: ignore[misc]  # an async function
                        return

    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp.extra(anyio.abc.SocketAttribute.local_port)
    listener = tcp if tls is None else TLSListener(tcp, tls, standard_compatible=False)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            try:
                yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}/v1", requests
            finally:
                tasks.cancel_scope.cancel()
    finally:
        # Also where a test fails, which would otherwise take the next one with it.
        with anyio.CancelScope(shield=True):
            await listener.aclose()


def http(body: bytes, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
