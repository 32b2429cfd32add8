"""A bare server on the loopback, in a process of its own: it reads requests and writes canned answers, no more.

Started as `python server.py [--tls] [--delay SECONDS]`; prints its port, and serves until its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import ssl
import sys
import tempfile

import trustme


def report_page(rows: int, total: int) -> bytes:
    """A page of a report."""
    messages = [{"number": f"+9053012{index:05}", "status": 111} for index in range(rows)]
    order = {"id": 428, "status": 114, "total": total, "message": messages}
    return json.dumps({"response": {"status": {"code": 200, "message": "OK"}, "order": order}}).encode()


# An id that comes again for another order is taken for an answer to another request.
ORDER = b'{"response":{"status":{"code":200,"message":"OK"},"order":{"id":%d}}}'
IDS = itertools.count(42_800_001)
# A campaign with a journal asks for the list, to hear the service's time.
LIST = b'{"response":{"status":{"code":200,"message":"OK"},"count":"0","orders":[]}}'
BALANCE = b'{"response":{"status":{"code":200,"message":"OK"},"balance":{"amount":"0","sms":"18343"}}}'


def answer_bytes(body: bytes) -> bytes:
    """The whole HTTP answer for a body."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Bare(asyncio.Protocol):
    """Answers each request by its path, after the delay."""

    def __init__(self, answers: dict[bytes, bytes], delay: float) -> None:
        self._answers = answers
        self._delay = delay
        self._head: bytes | None = None
        self._missing = 0
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read a head, then skip the body without keeping it."""
        if self._head is None:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = bytes(self._buffer[:end])
            data = bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            start = self._head.lower().index(b"content-length:") + 15
            self._missing = int(self._head[start:].split(b"\r\n", 1)[0])
        self._missing -= len(data)
        if self._missing <= 0:
            self._answer(self._head.split(b" ", 2)[1].rsplit(b"/", 2)[1])

    def _answer(self, operation: bytes) -> None:
        self._head = None
        data = answer_bytes(ORDER % next(IDS)) if operation == b"send-sms" else self._answers[operation]
        if not self._delay:
            self._transport.write(data)
            return
        asyncio.get_running_loop().call_later(self._delay, self._transport.write, data)


async def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--total", type=int, default=100_000)
    options = parser.parse_args()
    answers = {
        b"get-balance": answer_bytes(BALANCE),
        b"get-reports": answer_bytes(LIST),
        b"get-report": answer_bytes(report_page(options.rows, options.total)),
    }
    context = None
    authority = ""
    if options.tls:
        issuer = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert("127.0.0.1").configure_cert(context)
        with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
            authority = file.name
        issuer.cert_pem.write_to_path(authority)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bare(answers, options.delay), "127.0.0.1", 0, ssl=context, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "authority": authority}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
