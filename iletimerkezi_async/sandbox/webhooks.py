"""Webhook calls: each state change is posted to one URL."""

import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import attrs
import httpx

from iletimerkezi_async.sandbox.outbox import Outbox, Report
from iletimerkezi_async.sandbox.service import Service

__all__ = ["Call", "Webhooks", "build_webhooks"]

_HEADERS: Final = {"content-type": "application/json"}
_ATTEMPTS: Final = 3
_SECONDS: Final = 2.0
_PAUSE: Final = 0.1
_TICK: Final = 0.02
_LOCAL_NAMES: Final = ("localhost", "::1")


@attrs.frozen
class Call:
    """A webhook call, as the pages show it: its time, its message and its result."""

    at: datetime
    order: int
    message: int
    number: str
    status: str
    outcome: int | str


class Webhooks:
    """Posts the reports that are due, one at a time, and logs the result of each call.

    An endpoint that fails or hangs is tried a few times and then given up: it never disturbs the service.

    Args:
        service: The service.
        url: The URL.
        outbox: The reports.
    """

    def __init__(self, service: Service, url: str, outbox: Outbox) -> None:
        self.url = url
        self._service = service
        self._outbox = outbox
        self._turn = threading.Lock()
        self._log: list[Call] = []

    @property
    def log(self) -> tuple[tuple[int, str, int | str], ...]:
        """Each call that was made: message id, status, and the endpoint's HTTP status or the name of an error."""
        with self._service.lock:
            return tuple((call.message, call.status, call.outcome) for call in self._log)

    @property
    def count(self) -> int:
        """The number of calls made."""
        return len(self._log)

    def last_calls(self, count: int) -> Sequence[Call]:
        """Return the last calls, newest first."""
        with self._service.lock:
            return self._log[: -count - 1 : -1]

    async def call(self, http_client: httpx.AsyncClient | None) -> int:
        """Make all calls that are due; return their number."""
        if http_client is not None:
            return await self._call(http_client)
        async with self._connect() as own:
            return await self._call(own)

    async def run(self) -> None:
        """Make each call when it is due, until cancelled."""
        async with self._connect() as client:
            while True:
                await self._call(client)
                await anyio.sleep(_TICK)

    def _connect(self) -> httpx.AsyncClient:
        # Loading the CA certificates takes as long as a hundred calls; a URL without TLS does not need them.
        return httpx.AsyncClient(verify=self.url.startswith("https:"), trust_env=False)

    async def _call(self, client: httpx.AsyncClient) -> int:
        made = 0
        async with self._own_turn():
            while (report := self._take()) is not None:
                try:
                    outcome = await _post(client, self.url, report)
                except BaseException:
                    # Put the interrupted report back: the next call begins with it.
                    self._put_back(report)
                    raise
                self._note(report, outcome)
                made += 1
                # A client without a socket may never let other tasks run.
                await anyio.lowlevel.checkpoint()
        return made

    @asynccontextmanager
    async def _own_turn(self) -> AsyncGenerator[None, None]:
        """Wait for calls that are being made on another loop, so that the order is kept."""
        while not self._turn.acquire(blocking=False):  # noqa: ASYNC110 - the other one may be on another loop
            await anyio.sleep(_TICK)
        try:
            yield
        finally:
            self._turn.release()

    def _take(self) -> Report | None:
        with self._service.account() as account:
            return self._outbox.take(account.now)

    def _put_back(self, report: Report) -> None:
        with self._service.lock:
            self._outbox.put_back(report)

    def _note(self, report: Report, outcome: int | str) -> None:
        with self._service.account() as account:
            call = Call(account.now, report.order_id, report.message_id, report.number, report.status, outcome)
            self._log.append(call)


async def _post(client: httpx.AsyncClient, url: str, report: Report) -> int | str:
    """Post one report, and repeat it if that fails; return the result of the last attempt."""
    outcome = await _try(client, url, report)
    for _ in range(_ATTEMPTS - 1):
        if isinstance(outcome, int) and 200 <= outcome < 300:  # noqa: PLR2004 - HTTP's successes
            break
        await anyio.sleep(_PAUSE)
        outcome = await _try(client, url, report)
    return outcome


async def _try(client: httpx.AsyncClient, url: str, report: Report) -> int | str:
    try:
        # For the whole call: an endpoint that sends its answer byte by byte would outlast httpx's own timeouts.
        with anyio.fail_after(_SECONDS):
            answer = await client.post(
                url, content=report.body, headers=_HEADERS, timeout=_SECONDS, follow_redirects=False
            )
    except Exception as error:  # noqa: BLE001 - no failure of an endpoint may disturb the sandbox
        return type(error).__name__
    return answer.status_code


def build_webhooks(service: Service, url: str | None, *, shuffled: bool, copies: int, codes: bool) -> Webhooks | None:
    """Return the caller of a webhook URL, or None without a URL; see ``Outbox`` for the other arguments.

    Raises:
        ValueError: The URL is invalid, or without TLS and not on this machine; or there is less than one copy.
    """
    if copies < 1:
        raise ValueError("webhook_copies is a number from 1 on")
    if url is None:
        return None
    with service.account() as account:
        outbox = Outbox(account.orders, shuffled=shuffled, copies=copies, codes=codes)
    return Webhooks(service, _check_address(url), outbox)


def _check_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("webhook is not a valid URL") from None
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("webhook is an address that begins with https://, or http:// on this machine")
    if parts.username is not None or parts.password is not None:
        raise ValueError("webhook is an address without a user and a password in it")
    if parts.scheme == "http" and host not in _LOCAL_NAMES and not host.startswith("127."):
        raise ValueError("webhook is without TLS, and not on this machine: use https://")
    return url
