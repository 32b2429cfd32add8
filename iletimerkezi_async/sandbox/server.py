"""The server: uvicorn's HTTP on a loopback port, in a thread of its own.

The thread runs uvicorn's protocol on a plain ``asyncio`` server instead of ``uvicorn.Server``, which is too slow for a
test's teardown: it checks five to ten times a second whether it should stop, and waits for its connections. It would
also write to the logs of an application that uses uvicorn, too.
"""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Final

import anyio
import anyio.lowlevel
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from iletimerkezi_async.sandbox.app import Answer, build_app
from iletimerkezi_async.sandbox.pages import Pages
from iletimerkezi_async.sandbox.service import Service
from iletimerkezi_async.sandbox.webhooks import Webhooks

__all__ = ["Serving"]

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 2048
_IDLE_SECONDS: Final = 75
_PATIENCE: Final = 5.0
_TICK: Final = 0.001


class _Protocol(H11Protocol):
    """Uvicorn's protocol. It records open connections, and never writes an access log.

    Args:
        connected: Where to note the open connections, by the address of the client.
        more: Uvicorn's own arguments.
    """

    def __init__(self, connected: dict[Any, asyncio.Transport], **more: Any) -> None:
        super().__init__(**more)
        self.access_log = False
        self._connected = connected

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        super().connection_made(transport)
        self._connected[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._connected.pop(self.client, None)
        super().connection_lost(exc)


class _Server:
    """A server from its start to its end.

    Args:
        listener: The bound, listening socket.
        answer: The service's answer.
        pages: The pages for a browser.
        beside: An async function that runs while the server serves, and is cancelled at its end.
    """

    def __init__(
        self,
        listener: socket.socket,
        answer: Answer,
        pages: Pages,
        beside: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self.thread = threading.Thread(target=self._run, name="iletimerkezi-sandbox", daemon=True)
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self._listener = listener
        self._answer = answer
        self._pages = pages
        self._beside = beside
        self._connected: dict[Any, asyncio.Transport] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again where the thread was started
            self.error = error
        finally:
            self._listener.close()
            self.ready.set()

    def stop(self) -> None:
        """Ask the server to end; safe to call in every state."""
        # Set the flag first, for a loop that is just starting. A loop that has ended by itself raises RuntimeError.
        self._stopping = True
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            build_app(self._answer, self._hang_up, self._pages),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        config.load()
        state = ServerState()
        server = await self._loop.create_server(
            lambda: _Protocol(self._connected, config=config, server_state=state, app_state={}),
            sock=self._listener,
            backlog=_BACKLOG,
        )
        self.ready.set()
        async with _running(self._beside):
            if not self._stopping:
                await self._wake.wait()
        await self._hang_up_all()
        server.close()
        await server.wait_closed()

    async def _hang_up_all(self) -> None:
        """Close all connections, including those just accepted, which ``server.close`` would leave open."""
        with suppress(NotImplementedError):  # on Windows, where a server accepts in another way
            asyncio.get_running_loop().remove_reader(self._listener)
        # The other tasks are requests, and connections that were just accepted.
        while self._connected or len(asyncio.all_tasks()) > 1:
            for transport in self._connected.values():
                transport.abort()
            await asyncio.sleep(0)
        with suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()

    def _hang_up(self, client: Any) -> None:
        transport = self._connected.get(client)
        if transport is not None:
            transport.close()


@asynccontextmanager
async def _running(beside: Callable[[], Awaitable[None]] | None) -> AsyncGenerator[None, None]:
    """Run an async function in a task, and cancel it at the end."""
    if beside is None:
        yield
        return
    task = asyncio.ensure_future(beside())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Serving:
    """A sandbox's server: a context manager, async and sync, that gives its base URL.

    Args:
        service: The service.
        webhooks: Its webhook calls, made while it is served.
        port: The port, or 0 for any that is free.
    """

    def __init__(self, service: Service, webhooks: Webhooks | None, port: int) -> None:
        self._answer = service.answer
        self._pages = Pages(service, webhooks)
        self._beside = None if webhooks is None else webhooks.run
        self._port = port
        self._server: _Server | None = None

    def __enter__(self) -> str:
        server, url = self._start()
        try:
            server.ready.wait(_PATIENCE)
        except BaseException:
            self._end()
            raise
        self._check(server)
        return url

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end().thread.join(_PATIENCE)

    async def __aenter__(self) -> str:
        server, url = self._start()
        try:
            await _poll(server.ready.is_set)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._check(server)
        return url

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread = self._end().thread
        # Wait for the end of the thread even if the caller is cancelled.
        with anyio.CancelScope(shield=True):
            await _poll(lambda: not thread.is_alive())

    def _start(self) -> tuple[_Server, str]:
        if self._server is not None:
            raise RuntimeError("this server is running; call serve() for another one")
        listener = _listen(self._port)
        url = f"http://{_HOST}:{listener.getsockname()[1]}/v1"
        self._server = _Server(listener, self._answer, self._pages, self._beside)
        self._server.thread.start()
        return self._server, url

    def _check(self, server: _Server) -> None:
        if server.error is not None:
            self._server = None
            raise RuntimeError("the sandbox's server did not start") from server.error

    def _end(self) -> _Server:
        if self._server is None:
            raise RuntimeError("this server is not running")
        server, self._server = self._server, None
        server.stop()
        return server


def _listen(port: int) -> socket.socket:
    # If the protocol is named, asyncio disables Nagle's algorithm, which would delay each answer by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # On other systems the option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"the sandbox cannot listen on {_HOST}:{port}: {error.strerror}") from error
    return listener


async def _poll(condition: Callable[[], bool]) -> None:
    """Wait for a condition without a worker thread, which would outlive the server."""
    # Raise the cancellation of the caller here, even if the server is ready at once.
    await anyio.lowlevel.checkpoint()
    with anyio.move_on_after(_PATIENCE):
        while not condition():  # noqa: ASYNC110 - set from another thread, where no event of this loop can be set
            await anyio.sleep(_TICK)
