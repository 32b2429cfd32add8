"""Recipients over whom the service refuses an order: found, named, and in nobody's way."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import jumping
import orjson
import pytest
from canned import QUICK, ok, refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    BulkResult,
    Iys,
    JournalError,
    Message,
    OutcomeUnknownError,
    Progress,
    RecipientError,
    Retry,
)
from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores.log import Answer, Change, Fence, Row, State
from iletimerkezi_async.stores.sqlite import JournalFile

pytestmark = pytest.mark.anyio
TEXT = "Kampanyamiz basladi"


def numbers(count: int, first: int = 0) -> list[str]:
    return [f"+9053012{first + index:05}" for index in range(count)]


class Strict:
    """A service that refuses orders with any of some numbers, of which its blacklist may hold others or none."""

    def __init__(self, refused: set[str], blacklist: list[str] | None = None, delay: float = 0) -> None:
        self.refused = refused
        #: `None` where it cannot be read.
        self.blacklist = blacklist
        self.delay = delay
        self.deliveries: Counter[str] = Counter()
        self.operations: list[str] = []
        self.sizes: list[int] = []
        self.under_way = self.most = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        operation = request.url.path.split("/")[-2]
        self.operations.append(operation)
        self.under_way += operation == "send-sms"
        self.most = max(self.most, self.under_way)
        try:
            await anyio.sleep(self.delay)
            return httpx.Response(200, json=self.answer(operation, orjson.loads(request.content)["request"]))
        finally:
            self.under_way -= operation == "send-sms"

    def answer(self, operation: str, request: dict[str, dict[str, int]]) -> object:
        if operation == "get-blacklist":
            if self.blacklist is None:
                return refusal(404)
            page, rows = request["blacklist"]["page"], request["blacklist"]["rowCount"]
            some = self.blacklist[(page - 1) * rows : page * rows]
            return ok(blacklist={"count": len(self.blacklist), "number": some})
        assert operation == "send-sms"
        message = request["order"]["message"]
        messages = message if isinstance(message, list) else [message]
        given = [number for each in messages for number in each["receipents"]["number"]]
        self.sizes.append(len(given))
        if self.refused.intersection(given):
            return refusal(452)
        self.deliveries.update(given)
        return ok(order={"id": len(self.operations)})

    def client(self, **options: object) -> AsyncClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
        return AsyncClient("demo", "demo", http_client=http, **(settings | options))  # type: ignore[arg-type]  # of all types


def assert_adds_up(result: BulkResult, read: int) -> None:
    assert result.read == read
    assert result.accepted + len(result.refused) + result.duplicates + result.failures == read


def assert_all_but(service: Strict, everybody: list[str]) -> None:
    assert service.deliveries == Counter(number for number in everybody if number not in service.refused)


# The blacklist.


async def test_what_is_on_the_blacklist_is_left_out_without_a_search() -> None:
    """Two orders and one reading for 50 refused among 20,000."""
    everybody = numbers(20_000)
    service = Strict(set(everybody[::400]), blacklist=everybody[::400])
    result = await service.client().send_bulk(TEXT, everybody)
    assert_adds_up(result, 20_000)
    assert [refusal.number for refusal in result.refused] == everybody[::400]
    assert_all_but(service, everybody)
    assert service.operations == ["send-sms", "get-blacklist", "send-sms"]


async def test_the_blacklist_is_read_once_for_all_orders() -> None:
    """And not before one of them is refused."""
    everybody = numbers(2000)
    service = Strict(set(everybody[1000::100]), blacklist=everybody[1000::100], delay=0.001)
    result = await service.client().send_bulk(TEXT, everybody, batch_size=100)
    assert_adds_up(result, 2000)
    assert_all_but(service, everybody)
    assert service.operations.count("get-blacklist") == 1
    assert "get-blacklist" not in service.operations[:7]
    good = await service.client().send_bulk(TEXT, numbers(1000, 5000))
    assert good.accepted == 1000
    assert service.operations.count("get-blacklist") == 1


async def test_an_order_of_blocked_numbers_alone_is_not_sent_again() -> None:
    """There is nobody left to send it to."""
    service = Strict(set(numbers(10)), blacklist=numbers(10))
    result = await service.client().send_bulk(TEXT, numbers(10))
    assert (result.accepted, len(result.refused)) == (0, 10)
    assert service.operations == ["send-sms", "get-blacklist"]


async def test_refused_recipients_that_are_not_on_the_blacklist_are_found_beside_those_that_are() -> None:
    """And a number of two texts is refused twice."""
    everybody = numbers(1000)
    service = Strict({everybody[5], everybody[77], everybody[600]}, blacklist=[everybody[77], "+905999999999"])
    messages = [Message(f"Sayin {number[-2:]}", number) for number in everybody]
    messages += [Message("Iki", everybody[77]), Message("Iki", everybody[5])]
    result = await service.client().send_bulk_messages(messages)
    assert_adds_up(result, 1002)
    assert Counter(refusal.number for refusal in result.refused) == {
        everybody[5]: 2,
        everybody[77]: 2,
        everybody[600]: 1,
    }
    assert_all_but(service, everybody)


async def test_where_nobody_is_on_the_blacklist_nobody_is_written_down_as_refused_by_it(tmp_path: Path) -> None:
    """Every line of the journal is about somebody."""
    everybody = numbers(10)
    service = Strict({everybody[3]}, blacklist=[])
    result = await service.client().send_bulk(TEXT, everybody, journal=tmp_path / "journal")
    assert (result.accepted, len(result.refused)) == (9, 1)
    with closing(sqlite3.connect(tmp_path / "journal")) as database:
        lengths = [
            length
            for (length,) in database.execute(
                "SELECT length(entries) FROM iletimerkezi_rows WHERE part > 0 AND state <> 'free'"
            )
        ]
    assert min(lengths) > 0
    assert sum(lengths) == 8 * len(everybody)


@pytest.mark.parametrize("retry", [QUICK, Retry(attempts=1)])
async def test_a_blacklist_that_cannot_be_read_does_not_matter(retry: Retry) -> None:
    """The search goes without it."""
    everybody = numbers(500)
    service = Strict({everybody[3]}, blacklist=None)
    result = await service.client(retry=retry).send_bulk(TEXT, everybody)
    assert_adds_up(result, 500)
    assert [refusal.number for refusal in result.refused] == [everybody[3]]


def test_a_blacklist_that_never_comes_holds_nobody_up_for_long(anyio_backend: str) -> None:
    """After a while the search goes without it; the other orders have gone out meanwhile."""
    everybody = numbers(1000)
    sandbox = Sandbox(blocked=everybody[:1])
    sandbox.fail("get-blacklist", "stall", times=100)
    accepted: list[int] = []

    async def main() -> BulkResult:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, retry=QUICK) as client:
            return await client.send_bulk(
                TEXT,
                everybody,
                batch_size=100,
                concurrency=2,
                on_progress=lambda progress: accepted.append(progress.accepted),
            )

    result = jumping.run(anyio_backend, main, sandbox)
    assert_adds_up(result, 1000)
    assert len(result.refused) == 1
    assert 900 in accepted[:9]


async def test_a_huge_blacklist_is_used() -> None:
    """The blacklist is read once, in large pages."""
    everybody = numbers(1000)
    service = Strict(
        set(everybody[:3]), blacklist=[*numbers(30_000, 10_000)[:15_000], *everybody[:3], *numbers(20_000, 30_000)]
    )
    result = await service.client().send_bulk(TEXT, everybody)
    assert_adds_up(result, 1000)
    assert service.operations.count("get-blacklist") == 36
    assert service.operations.count("send-sms") == 2


# The search.


@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 300), st.sets(st.integers(0, 299), max_size=12), st.sets(st.integers(0, 299), max_size=6),
    st.integers(1, 300), st.integers(1, 4), st.booleans(), st.sampled_from([None, 3, 20]),
)  # fmt: skip
def test_only_those_refused_are_left_out(
    count: int, picks: set[int], listed: set[int], batch_size: int, concurrency: int, personal: bool, rate: int | None
) -> None:
    """Whoever and wherever they are; each is named, and everybody else gets one message."""
    everybody = numbers(count)
    service = Strict(
        {everybody[pick] for pick in picks if pick < count}, [everybody[pick] for pick in listed if pick < count]
    )
    service.refused.update(service.blacklist or ())

    class Pacer:
        def __init__(self) -> None:
            self.rate = rate

        async def acquire(self, n: int) -> None:
            await anyio.lowlevel.checkpoint()

    async def main() -> BulkResult:
        client = service.client(rate=None if rate is None else Pacer())
        options = {"batch_size": batch_size, "concurrency": concurrency}
        if personal:
            return await client.send_bulk_messages([Message(number[-1], number) for number in everybody], **options)
        return await client.send_bulk(TEXT, everybody, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iletimerkezi_async.campaigns.narrowing._SHARE", 1000)
        result = anyio.run(main)
    assert_adds_up(result, count)
    assert {refusal.number for refusal in result.refused} == service.refused
    assert_all_but(service, everybody)
    assert service.most <= concurrency


async def test_a_search_takes_few_requests() -> None:
    """For each refused one about as many as halving takes, two for each time."""
    everybody = numbers(50_000)
    service = Strict(set(everybody[::2500]))
    result = await service.client().send_bulk(TEXT, everybody)
    assert_adds_up(result, 50_000)
    assert len(result.refused) == 20
    # log2(50,000) is 15.6.
    assert len(service.operations) < 20 * 15.6 * 2


async def test_a_refusal_for_no_reason_refuses_nobody() -> None:
    """Each recipient is asked for alone before it is called refused."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "452")
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, retry=QUICK) as client:
        result = await client.send_bulk(TEXT, numbers(100))
    assert result.accepted == 100
    assert sandbox.deliveries == Counter(numbers(100))


@pytest.mark.parametrize(("share", "told"), [(50, r"so far, \d\.\d%"), (4, "more than 1,000")])
async def test_a_rotten_list_stops_the_campaign(share: int, told: str) -> None:
    """After a thousand requests; the error says so, and gives the share as far as it is known."""
    everybody = numbers(10_000)
    service = Strict(set(random.Random(1).sample(everybody, len(everybody) // share)))
    with pytest.raises(BulkError, match=told) as caught:
        await service.client().send_bulk(TEXT, everybody)
    assert isinstance(caught.value.error, RecipientError)
    result = caught.value.result
    assert_adds_up(result, 10_000)
    assert len(service.operations) <= 1010
    assert result.accepted == sum(service.deliveries.values())
    failed = {number for failure in result.failed for number in failure.recipients}
    assert failed | set(service.deliveries) | {refusal.number for refusal in result.refused} == set(everybody)


async def test_refused_ones_that_stand_together_are_no_rotten_list() -> None:
    """Sorted, those of one bad prefix do; all others go out with a few requests."""
    everybody = numbers(50_000)
    service = Strict(set(everybody[:200]))
    result = await service.client().send_bulk(TEXT, everybody)
    assert_adds_up(result, 50_000)
    assert (result.accepted, len(result.refused)) == (49_800, 200)


# In nobody's way.


async def test_a_search_does_not_hold_up_the_other_orders() -> None:
    """All of them are through long before it ends, at any concurrency."""
    everybody = numbers(5000)
    service = Strict({everybody[10], everybody[70]}, delay=0.002)
    for concurrency in (1, 4):
        service.operations.clear()
        service.sizes.clear()
        service.deliveries.clear()
        await service.client().send_bulk(TEXT, everybody, batch_size=100, concurrency=concurrency)
        whole = [index for index, size in enumerate(service.sizes) if size == 100]
        # Between any two parts there is a whole order, as long as there are any.
        assert whole[-1] <= 2 * len(whole) + 2 * concurrency
        assert service.most <= concurrency


async def test_searches_wait_for_no_source() -> None:
    """A source that waits for what its last recipients led to gets it, with a single order at once."""
    everybody = numbers(30)
    service = Strict({everybody[3], everybody[14]})
    told = 0

    def tell(progress: Progress) -> None:
        nonlocal told
        told = progress.accepted + progress.refused

    async def source() -> AsyncIterator[str]:
        for index, number in enumerate(everybody):
            while told < index // 10 * 10:  # noqa: ASYNC110 - as a source that polls a queue would
                await anyio.sleep(0.001)
            yield number

    with anyio.fail_after(PATIENCE):
        result = await service.client().send_bulk(TEXT, source(), batch_size=10, concurrency=1, on_progress=tell)
    assert (result.accepted, len(result.refused)) == (28, 2)


async def test_parts_leave_most_of_the_rate_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """None asks for more than a quarter of it at once, and together they ask for half of it in a second.

    Parts of more recipients than the account may have in a second are bulk orders, which are not paced.
    """
    asked: list[int] = []
    slept: list[float] = []
    sleep = anyio.sleep

    async def quick_sleep(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    class Pacer:
        rate = 100.0

        async def acquire(self, n: int) -> None:
            asked.append(n)

    everybody = numbers(5000)
    service = Strict({everybody[2345]})
    monkeypatch.setattr("iletimerkezi_async.campaigns.narrowing.anyio.sleep", quick_sleep)
    result = await service.client(rate=Pacer()).send_bulk(TEXT, everybody)
    assert (result.accepted, len(result.refused)) == (4999, 1)
    paced = [n for n in asked if n <= 100]
    assert max(paced) <= 25
    # After each there is a pause until half the rate has passed.
    assert [seconds for seconds in slept if seconds] == [n / 50 for n in paced]


# Broken off, lost, written down.


async def send_noting(sandbox: Sandbox, everybody: list[str], outcome: list[BulkResult]) -> None:
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, retry=QUICK) as client:
        try:
            outcome.append(await client.send_bulk(TEXT, everybody, batch_size=32, concurrency=2))
        except BaseException as error:
            outcome.append(result_of(error))
            raise


def result_of(error: BaseException) -> BulkResult:
    assert isinstance(error.__context__, BulkError)
    return error.__context__.result


async def test_cancelling_a_search_names_everybody() -> None:
    """At every step: who was sent to, who is refused, and who was surely not sent to."""
    everybody = numbers(64)
    for steps in range(1, 300, 7):
        sandbox = Sandbox(blocked=everybody[7:8])
        sandbox.fail("get-blacklist", "404")
        outcome: list[BulkResult] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_noting, sandbox, everybody, outcome)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        if not outcome:
            continue
        (result,) = outcome
        assert_adds_up(result, result.read)
        unknown = {n for f in result.failed if isinstance(f.error, OutcomeUnknownError) for n in f.recipients}
        surely_not = {n for f in result.failed for n in f.recipients} - unknown
        assert not surely_not & set(sandbox.deliveries)
        assert not {refusal.number for refusal in result.refused} & set(sandbox.deliveries)
        assert set(sandbox.deliveries.values()) <= {1}


async def test_lost_answers_in_a_search_text_nobody_twice() -> None:
    """A part whose answer is lost is dealt with as any order is."""
    everybody = numbers(200)
    for good in range(1, 7):
        sandbox = Sandbox(blocked=[everybody[50], everybody[120]])
        sandbox.fail("get-blacklist", "404")
        sandbox.fail("send-sms", "close-idle", times=good)
        sandbox.fail("send-sms", "drop-answer", times=3)
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, retry=QUICK) as client:
            result = await client.send_bulk(TEXT, everybody)
        assert_adds_up(result, 200)
        assert set(sandbox.deliveries.values()) <= {1}
        unknown = {n for f in result.failed if isinstance(f.error, OutcomeUnknownError) for n in f.recipients}
        assert set(sandbox.deliveries) | unknown | {refusal.number for refusal in result.refused} == set(everybody)


class PowerCut(Exception):  # noqa: N818 - not an error of anybody
    pass


@pytest.mark.parametrize("personal", [False, True])
@pytest.mark.parametrize("listed", [False, True])
async def test_a_search_that_is_killed_goes_on(tmp_path: Path, personal: bool, listed: bool) -> None:
    """After each order once more: nobody is texted twice, and who was found to be refused is not searched again."""
    everybody = numbers(30)
    blocked = [everybody[4], everybody[5], everybody[22]]
    sandbox = Sandbox(blocked=blocked)
    if not listed:
        sandbox.fail("get-blacklist", "404", times=1000)
    runs = 0

    def cut(_: Progress) -> None:
        raise PowerCut

    async def run(on_progress: Callable[[Progress], None] | None) -> BulkResult:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, retry=QUICK) as client:
            options = {"journal": tmp_path / "j", "on_progress": on_progress, "batch_size": 10, "concurrency": 1}
            if personal:
                messages = [Message(f"Sayin {number[-2:]}", number) for number in everybody]
                return await client.send_bulk_messages(messages, **options)  # type: ignore[arg-type]  # of all types
            return await client.send_bulk(TEXT, everybody, **options)  # type: ignore[arg-type]  # likewise

    while runs < 60:
        runs += 1
        try:
            await run(cut)
        except PowerCut:
            continue
        break
    result = await run(None)
    if not listed:
        # A refusal proves nothing of an earlier attempt; once that is long past, the reports do.
        sandbox.advance(minutes=26)
        result = await run(None)
    assert_adds_up(result, 30)
    assert sorted(refusal.number for refusal in result.refused) == sorted(blocked)
    assert sandbox.deliveries == {number: 1 for number in everybody if number not in blocked}
    before = len(sandbox.requests)
    await run(None)
    assert len(sandbox.requests) <= before + 1


async def test_a_journal_that_breaks_in_a_search_stops_it(tmp_path: Path) -> None:
    """With everybody accounted for, and the journal's error as the reason."""
    everybody = numbers(60)
    write = JournalFile._write

    def broken(self: JournalFile, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        answer = write(self, old, change, fence)
        if change.row.state is State.FREE:
            raise StoreError("the disk is full")
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalFile, "_write", broken)
        service = Strict({everybody[7]})
        with pytest.raises(JournalError, match="the disk is full") as caught:
            await service.client().send_bulk(TEXT, everybody, journal=tmp_path / "j")
    assert caught.value.result is not None
    assert_adds_up(caught.value.result, 60)
    assert not service.deliveries


async def test_a_list_of_which_every_other_recipient_is_refused_stops_its_campaign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the limit of requests, and with the service's own code."""
    monkeypatch.setattr("iletimerkezi_async.campaigns.narrowing._MOST_ORDERS", 5)
    sandbox = Sandbox(blocked=numbers(40)[::2])
    sandbox.fail("get-blacklist", "404", times=1000)
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=QUICK, rate=None) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk("Kampanya", numbers(40))
    assert isinstance(caught.value.error, RecipientError)
    assert (caught.value.error.code, sandbox.request_counts["send-sms"]) == (452, 1 + 5)
