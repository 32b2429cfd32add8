"""An httpx transport that calls the service in process, without a socket."""

from collections.abc import AsyncIterator, Callable

import anyio
import anyio.lowlevel
import httpx

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.replies import Reply

__all__ = ["InProcessTransport"]


class _HalfStream(httpx.AsyncByteStream):
    """The first half of a body, then a broken connection."""

    def __init__(self, body: bytes, request: httpx.Request) -> None:
        self._body = body
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = self._body[: len(self._body) // 2]
        yield half
        raise httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body "
            f"(received {len(half)} bytes, expected {len(self._body)})",
            request=self._request,
        )


class InProcessTransport(httpx.AsyncBaseTransport):
    """Passes each request to the service, and turns faults into the exceptions that a real connection raises.

    Args:
        answer: The service's answer to method, path, query and body.
    """

    def __init__(self, answer: Callable[[str, str, bytes, bytes], Reply]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.RemoteProtocolError: The connection is dropped before or within the answer.
            httpx.ReadTimeout: No answer within the request's read timeout.
        """
        # Read the body as a connection does: the client may check the clock once more when its body is read.
        assert isinstance(request.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in request.stream])
        # As a network does, let other tasks run and allow cancellation, before the request and before the answer.
        await anyio.lowlevel.checkpoint()
        reply = self._answer(request.method, request.url.path, request.url.query, body)
        await anyio.lowlevel.checkpoint()
        if reply.fault in (Fault.DROP_REQUEST, Fault.DROP_ANSWER):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if reply.fault == Fault.STALL:
            await _stall(request)
        headers = list(reply.headers)
        if reply.fault == Fault.HALF_ANSWER:
            return httpx.Response(reply.status, headers=headers, stream=_HalfStream(reply.body, request))
        return httpx.Response(reply.status, headers=headers, stream=httpx.ByteStream(reply.body))


async def _stall(request: httpx.Request) -> None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    with anyio.move_on_after(timeouts.get("read")):
        await anyio.sleep_forever()
    raise httpx.ReadTimeout("", request=request)
