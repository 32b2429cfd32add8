"""Servers on real sockets that behave badly, each in a thread of its own, so that the client may run on any loop."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.abc
import trustme
from anyio.from_thread import start_blocking_portal
from canned import http, raw_server

from iletimerkezi_async.sandbox.replies import Reply

#: Gets the stream and the request, and does as it likes; "close" ends the connection.
Answer = Callable[[anyio.abc.ByteStream, bytes], Awaitable[object]]

#: What every operation's reader can make something of.
FINE = b'{"response":{"status":{"code":200},"order":{"id":5},"balance":{"amount":"0","sms":"1"}}}'


@contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve raw answers; gives the base URL."""
    with start_blocking_portal("asyncio") as portal:
        with portal.wrap_async_context_manager(raw_server(answer, tls=tls)) as (url, _):
            yield url


def authority() -> tuple[trustme.CA, ssl.SSLContext]:
    """An authority to trust, and a server's context with a certificate of it."""
    trusted = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.issue_cert("127.0.0.1").configure_cert(context)
    return trusted, context


async def answer_well(stream: anyio.abc.ByteStream, request: bytes) -> None:
    await stream.send(http(FINE))


def break_off(stream: anyio.abc.ByteStream) -> str:
    """End the connection with a reset instead of a farewell; to be returned by an answer."""
    raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return "close"


def operation_of(request: bytes) -> str:
    return request.split(b"/", 3)[2].decode()


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def written(reply: Reply) -> bytes:
    """An answer of the sandbox, as it goes over the wire."""
    return http(reply.body, str(reply.status), [f"{name}: {value}" for name, value in reply.headers if name == "date"])
