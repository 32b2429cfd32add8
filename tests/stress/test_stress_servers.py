"""Servers that behave badly: every call ends in time and in the truth, and the client is as good as new after it."""

from __future__ import annotations

import random

import anyio
import anyio.abc
import pytest
from bad_servers import FINE, Answer, answer_well, body_of, break_off, operation_of, written
from canned import http
from fixture_types import ClientOf, NothingLeft, Serve

from iletimerkezi_async import AsyncClient, OutcomeUnknownError, Retry, TransportError
from iletimerkezi_async.sandbox import Sandbox

pytestmark = [pytest.mark.stress, pytest.mark.anyio]

CALLERS = 40
LANES = 10
ONCE = Retry(attempts=1)
MEGABYTE = 1_000_000
#: Far beyond every time limit of a client whose `timeout` is 0.5.
IN_TIME = 15


class Closing:
    """A sandbox whose connections answer their first request, and end at the worst moment of being used again."""

    MOMENTS = ("with the answer", "a moment later", "with the request", "before the answer", "within the answer")

    def __init__(self, sandbox: Sandbox, dice: random.Random) -> None:
        self._sandbox = sandbox
        self._dice = dice
        self._used: dict[anyio.abc.ByteStream, str] = {}

    async def answer(self, stream: anyio.abc.ByteStream, request: bytes) -> object:
        moment = self._used.pop(stream, "")
        if moment == "with the request":
            return break_off(stream)
        answer = written(self._sandbox.handle(operation_of(request), body_of(request)))
        if moment == "before the answer":
            return break_off(stream)
        if moment == "within the answer":
            await stream.send(answer[: len(answer) // 2])
            return break_off(stream)
        await stream.send(answer)
        following = self._dice.choice(self.MOMENTS)
        if following == "with the answer":
            return self._dice.choice(["close", break_off(stream)])
        if following == "a moment later":
            # As the next request is being written, where there is one by then.
            with anyio.move_on_after(self._dice.uniform(0, 0.003)):
                await stream.receive()
            return self._dice.choice(["close", break_off(stream)])
        self._used[stream] = following
        return None


async def test_connections_end_at_the_worst_moments(
    serve_either: Serve, client_of: ClientOf, nothing_left: NothingLeft, scale: int
) -> None:
    """Whatever an idle connection does when it is used again, one repetition, over a new one, settles every order."""
    sandbox = Sandbox()
    url = serve_either(Closing(sandbox, random.Random(11)).answer)
    sent: dict[str, int] = {}

    async def send(client: AsyncClient, caller: int) -> None:
        for each in range(6 * scale):
            number = f"+90530{caller:03}{each:04}"
            sent[number] = (await client.send_sms(f"Kodunuz {each}", number)).id
            await client.get_balance()

    async with nothing_left(), client_of(url, retry=Retry(attempts=2, wait_initial=0.001)) as client:
        async with anyio.create_task_group() as tasks:
            for caller in range(LANES):
                tasks.start_soon(send, client, caller)
    assert sent == {number: order.id for order in sandbox.orders for _, number in order.messages}
    assert set(sandbox.deliveries.values()) == {1}


# Answers without an end, or without a beginning.


async def say_nothing(stream: anyio.abc.ByteStream, request: bytes) -> None:
    # Until the client hangs up.
    while True:
        await stream.receive()


async def stall_within_the_body(stream: anyio.abc.ByteStream, request: bytes) -> None:
    await stream.send(http(FINE)[:-10])
    await say_nothing(stream, request)


async def answer_byte_by_byte(stream: anyio.abc.ByteStream, request: bytes) -> None:
    for byte in http(FINE):
        await stream.send(bytes([byte]))
        await anyio.sleep(0.05)


async def repeat_interim_answers(stream: anyio.abc.ByteStream, request: bytes) -> None:
    while True:
        await stream.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await anyio.sleep(0.001)


async def send_headers_without_end(stream: anyio.abc.ByteStream, request: bytes) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send(b"X-Filler: " + b"x" * 60_000 + b"\r\n")


async def break_within_the_body(stream: anyio.abc.ByteStream, request: bytes) -> str:
    await stream.send(http(FINE)[:-10])
    return break_off(stream)


@pytest.mark.parametrize(
    "bad",
    [
        say_nothing,
        stall_within_the_body,
        answer_byte_by_byte,
        repeat_interim_answers,
        send_headers_without_end,
        break_within_the_body,
    ],
    ids=lambda bad: bad.__name__,
)
async def test_forty_callers_of_a_server_that_does_not_finish(
    serve_either: Serve, client_of: ClientOf, nothing_left: NothingLeft, bad: Answer
) -> None:
    """All are told in time, and an order's fate is called unknown; once the server is mended, every lane answers."""
    answer = bad
    ended: list[tuple[str, TransportError | OutcomeUnknownError]] = []
    numbers = [f"+90530{caller:07}" for caller in range(CALLERS)]
    arrived: set[str] = set()

    async def reply(stream: anyio.abc.ByteStream, request: bytes) -> object:
        arrived.update(number for number in numbers if number[3:].encode() in body_of(request))
        return await answer(stream, request)

    async def call(client: AsyncClient, number: str) -> None:
        try:
            if int(number) % 2:
                await client.get_balance()
            else:
                await client.send_sms("Kodunuz 1234", number)
        except (TransportError, OutcomeUnknownError) as caught:
            ended.append((number, caught))

    url = serve_either(reply)
    async with nothing_left(), client_of(url, retry=ONCE, timeout=0.5) as client:
        with anyio.fail_after(IN_TIME):
            # Once more if a busy machine lets no order leave within the time limits.
            while not arrived:
                async with anyio.create_task_group() as tasks:
                    for number in numbers:
                        tasks.start_soon(call, client, number)
        assert len(ended) % CALLERS == 0
        assert arrived <= {number for number, caught in ended if type(caught) is OutcomeUnknownError}
        # Those who waited for a lane in vain know that nothing was sent.
        waited = [caught for _, caught in ended if "no connection became free" in str(caught)]
        assert {type(caught) for caught in waited} <= {TransportError}
        answer = answer_well
        patient = client.with_options(timeout=IN_TIME)
        async with anyio.create_task_group() as tasks:
            for _ in range(LANES):
                tasks.start_soon(patient.get_balance)


PIECE = b" " * 65_536
#: A header, and what is sent over and over after it.
FLOODS = {
    "of known length": (b"Content-Length: %d" % (100 * MEGABYTE), PIECE),
    "in chunks": (b"Transfer-Encoding: chunked", b"10000\r\n" + PIECE + b"\r\n"),
    "until it ends": (b"Connection: close", PIECE),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_ten_callers_of_a_hundred_megabytes(
    serve_either: Serve, client_of: ClientOf, nothing_left: NothingLeft, kind: str
) -> None:
    """The rest is not even read, on any lane, and an order's fate is called unknown."""
    head, piece = FLOODS[kind]
    sent = 0

    async def flood(stream: anyio.abc.ByteStream, request: bytes) -> str:
        nonlocal sent
        await stream.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        for _ in range(100 * MEGABYTE // len(PIECE)):
            await stream.send(piece)
            sent += len(piece)
        return "close"

    async def call(client: AsyncClient, number: str) -> None:
        with pytest.raises(OutcomeUnknownError, match="larger than 8 MiB"):
            await client.send_sms("Kodunuz 1234", number)

    url = serve_either(flood)
    async with nothing_left(), client_of(url, retry=ONCE) as client:
        async with anyio.create_task_group() as tasks:
            for caller in range(LANES):
                tasks.start_soon(call, client, f"+90530123456{caller}")
    # The 8 MiB that the client took, and what the system's buffers hold: 32 MB on one side and 4 on the other, at most.
    assert sent < LANES * 50 * MEGABYTE


async def test_forty_callers_of_a_server_that_never_shakes_hands(
    serve: Serve, client_of: ClientOf, nothing_left: NothingLeft
) -> None:
    """It takes the greeting of TLS and says nothing: surely nothing was sent, whoever gave up first."""

    async def call(client: AsyncClient, caller: int) -> None:
        with anyio.move_on_after(0.2 if caller % 2 else IN_TIME):
            with pytest.raises(TransportError, match="no connection") as caught:
                await client.send_sms("Kodunuz 1234", f"+90530{caller:07}")
            assert type(caught.value) is TransportError

    url = serve(say_nothing).replace("http:", "https:")
    async with nothing_left(), client_of(url, retry=ONCE, timeout=0.5) as client:
        with anyio.fail_after(IN_TIME):
            async with anyio.create_task_group() as tasks:
                for caller in range(CALLERS):
                    tasks.start_soon(call, client, caller)
