"""Cancellation storms: callers give up by the dozen, at one moment and at random ones, and the client stays sound."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.abc
import pytest
from bad_servers import FINE
from canned import http
from fixture_types import ClientOf, NothingLeft, Serve

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    IletimerkeziError,
    MessageStatus,
    OrderAcceptedError,
    OutcomeUnknownError,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox

pytestmark = [pytest.mark.stress, pytest.mark.anyio]

CALLERS = 30
LANES = 10
#: A wedged pool would answer after its time limits, of half a minute, or never.
AT_ONCE = 5
ONCE = Retry(attempts=1)
#: What a call meets on its way; some of it before the order was taken, some after.
FAULTS = ["drop-request", "drop-answer", "half-answer", "html-502", "html-502-before", "503", "stall", "close-idle"]


def dawdler(dice: random.Random) -> Callable[[anyio.abc.ByteStream, bytes], object]:
    """Answers in two pieces, with a pause before and between, so that callers give up at every stage of an answer."""
    answer = http(FINE)

    async def dawdle(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await anyio.sleep(dice.uniform(0, 0.004))
        await stream.send(answer[:20])
        await anyio.sleep(dice.uniform(0, 0.004))
        await stream.send(answer[20:])

    return dawdle


def storm_of(url: str) -> tuple[int, float]:
    """How many rounds, and within how many seconds all callers give up: TLS takes its time to be agreed."""
    return (15, 0.06) if url.startswith("https") else (50, 0.02)


async def assert_sound(client: AsyncClient) -> None:
    """Every lane answers at once."""
    with anyio.fail_after(AT_ONCE):
        await client.get_balance()
        async with anyio.create_task_group() as tasks:
            for _ in range(LANES):
                tasks.start_soon(client.get_balance)


@pytest.mark.parametrize("how", ["at one moment", "at random moments"])
async def test_thirty_callers_give_up(
    serve_either: Serve, client_of: ClientOf, nothing_left: NothingLeft, scale: int, how: str
) -> None:
    """Over and over, on ten lanes: the next call is answered at once, and nothing is left over."""
    dice = random.Random(1)
    url = serve_either(dawdler(random.Random(2)))

    async def give_up(client: AsyncClient, after: float) -> None:
        with anyio.move_on_after(after):
            await client.get_balance()

    async with nothing_left(), client_of(url, retry=ONCE) as client:
        rounds, longest = storm_of(url)
        for _ in range(rounds * scale):
            async with anyio.create_task_group() as tasks:
                for _ in range(CALLERS):
                    tasks.start_soon(give_up, client, 10 if how == "at one moment" else dice.uniform(0, longest))
                if how == "at one moment":
                    await anyio.sleep(dice.uniform(0, longest))
                    tasks.cancel_scope.cancel()
        await assert_sound(client)


@pytest.mark.parametrize("blows", [1, 2, 3])
async def test_tasks_of_asyncio_are_cancelled(
    anyio_backend_name: str, serve_either: Serve, client_of: ClientOf, nothing_left: NothingLeft, scale: int, blows: int
) -> None:
    """`task.cancel()` is no scope: it also strikes while a call that was cancelled already is tidying up."""
    if anyio_backend_name != "asyncio":
        pytest.skip("asyncio's own cancellation")
    dice = random.Random(3)
    url = serve_either(dawdler(random.Random(4)))
    async with nothing_left(), client_of(url, retry=ONCE) as client:
        rounds, longest = storm_of(url)
        for _ in range(rounds * scale):
            tasks = [asyncio.ensure_future(client.get_balance()) for _ in range(CALLERS)]
            await asyncio.sleep(dice.uniform(0, longest))
            for _ in range(blows):
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await assert_sound(client)


class Ledger:
    """Sends to numbers of its own, notes what each call ended in, and lets the sandbox judge it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ended: dict[str, int | IletimerkeziError | None] = {}

    async def send(self, client: AsyncClient, number: str, patience: float) -> None:
        self.ended[number] = None
        with anyio.move_on_after(patience):
            try:
                self.ended[number] = (await client.send_sms(f"Kodunuz {number[-4:]}", number)).id
            except IletimerkeziError as error:
                self.ended[number] = error

    def judge(self) -> None:
        """Whoever was told something was told the truth, and nobody was texted twice."""
        orders = self.sandbox.orders
        ids = {number: order.id for order in orders for _, number in order.messages}
        assert len(ids) == len(orders)
        for number, end in self.ended.items():
            if isinstance(end, int):
                assert ids[number] == end
            elif isinstance(end, OrderAcceptedError):
                assert number in ids
            elif isinstance(end, IletimerkeziError):
                assert not isinstance(end, DuplicateOrderError)
                assert isinstance(end, OutcomeUnknownError) or number not in ids, end


@pytest.mark.parametrize("faults", [0, 20], ids=["well", "badly"])
async def test_senders_give_up(
    sandbox: Sandbox, url: str, client_of: ClientOf, nothing_left: NothingLeft, scale: int, faults: int
) -> None:
    """The service's ledger has each number once at most; the same call again completes it, and says which it was."""
    dice = random.Random(5)
    async with nothing_left(), client_of(url, timeout=0.5) as client:
        for storm in range(10 * scale):
            ledger = Ledger(sandbox)
            numbers = [f"+90530{storm % 10_000:04}{caller:03}" for caller in range(CALLERS)]
            for _ in range(faults):
                sandbox.fail("send-sms", dice.choice(FAULTS))
            async with anyio.create_task_group() as tasks:
                for number in numbers:
                    tasks.start_soon(ledger.send, client, number, dice.uniform(0, 0.15))
            sandbox.heal()
            ledger.judge()
            for number in numbers:
                try:
                    await client.send_sms(f"Kodunuz {number[-4:]}", number)
                except DuplicateOrderError:
                    assert number in sandbox.deliveries
            assert set(sandbox.deliveries) >= set(numbers)
            assert set(sandbox.deliveries.values()) == {1}
            # Lost orders are looked for among those of the last minutes.
            sandbox.advance(minutes=11)


async def test_campaigns_are_given_up(
    sandbox: Sandbox, url: str, client_of: ClientOf, nothing_left: NothingLeft, tmp_path: Path, scale: int
) -> None:
    """At random moments, with faults on the way, and resumed by their journals until done: everybody gets one text."""
    dice = random.Random(6)
    async with nothing_left(), client_of(url, timeout=0.5) as client:
        for campaign in range(2 * scale):
            numbers = [f"+9053{campaign % 100:02}{each:06}" for each in range(1000)]
            finished = False
            attempts = 0
            while not finished:
                attempts += 1
                if attempts < 30:
                    sandbox.fail("send-sms", dice.choice(FAULTS))
                with anyio.move_on_after(dice.uniform(0, 0.1) if attempts < 30 else 60):
                    try:
                        result = await client.send_bulk(
                            "Indirim basladi",
                            numbers,
                            batch_size=50,
                            journal=tmp_path / f"{campaign}.journal",
                        )
                    except IletimerkeziError:
                        continue
                    finished = not result.failed
            sandbox.heal()
            assert result.accepted == len(numbers)
            assert set(sandbox.deliveries) >= set(numbers)
            assert set(sandbox.deliveries.values()) == {1}


async def test_readers_of_a_report_give_up(
    sandbox: Sandbox, url: str, client_of: ClientOf, nothing_left: NothingLeft, scale: int
) -> None:
    """In the middle of reading ahead: no page's task outlives its reader, and the next reader gets every row once."""
    dice = random.Random(7)
    numbers = [f"+905301{each:06}" for each in range(2000)]

    async def read(client: AsyncClient, patience: float) -> None:
        with anyio.move_on_after(patience):
            async for _ in client.get_report(order.id, page_size=50):
                pass

    async with nothing_left(), client_of(url) as client:
        order = await client.send_sms("Rapor", numbers)
        sandbox.advance(hours=1)
        for _ in range(15 * scale):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(read, client, dice.uniform(0, 0.3))
        rows = [delivery async for delivery in client.get_report(order.id, page_size=50)]
        assert [delivery.number for delivery in rows] == numbers
        assert {delivery.status for delivery in rows} == {MessageStatus.DELIVERED}
        await assert_sound(client)
