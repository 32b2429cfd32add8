"""Telemetry: one span for each call, what became of it, and never a number, a text or a credential."""

from __future__ import annotations

import contextvars
import logging
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import anyio
import httpx
import pytest
from canned import QUICK, Canned, ok
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode
from otel import Told, attributes, events
from waiting import PATIENCE, until

from iletimerkezi_async import (
    AsyncClient,
    AuthenticationError,
    BulkError,
    Consent,
    EmptyTextError,
    Iys,
    KeyConflictError,
    Message,
    OrderAcceptedError,
    OrderNotFoundError,
    OutcomeUnknownError,
    Progress,
    RecipientError,
    Retry,
    SenderError,
    StoreError,
    TransportError,
)
from iletimerkezi_async.http.telemetry import Telemetry
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore
from iletimerkezi_async.wire import OPERATIONS

pytestmark = pytest.mark.anyio

TEXT, NUMBER, OTHER = "Gizli kod 482915", "0530 123 45 67", "0530 123 45 68"
#: What must not be in anything that is told, in whatever spelling.
SECRETS = ("Gizli", "482915", "123 45 6", "1234567", "1234568", "gizli-anahtar", "gizli-ozet")

Make = Callable[..., AsyncClient]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


async def test_an_order_that_is_accepted(told: Told, make_client: Make) -> None:
    """One span of kind CLIENT, named by the operation, a child of the caller's, with what became of it."""
    async with make_client() as client:
        with told.tracers.get_tracer("caller").start_as_current_span("request") as caller:
            order = await client.send_sms(TEXT, [NUMBER, OTHER])
    span = told.span
    assert (span.name, span.kind, span.status.status_code) == ("send-sms", SpanKind.CLIENT, StatusCode.UNSET)
    assert span.parent == caller.get_span_context()
    assert attributes(span) == {
        "server.address": "127.0.0.1",
        "iletimerkezi.operation": "send-sms",
        "iletimerkezi.recipients": 2,
        "iletimerkezi.order.id": order.id,
        "iletimerkezi.outcome": "accepted",
        "http.request.resend_count": 0,
    }
    assert events(span) == []
    assert told.metric("recipients") == {"accepted": 2}
    assert list(told.metric("operation.duration")) == ["accepted"]
    assert 0 < told.metric("operation.duration")["accepted"] < 60
    assert told.metric("resends") == told.metric("pacing.wait") == {}


async def test_an_order_that_is_replayed(told: Told, make_client: Make, tmp_path: Path) -> None:
    """A second call with the same key is a span of its own that says so; one with another content is not sent."""
    async with SqliteStore(tmp_path / "store") as store, make_client(store=store) as client:
        order = await client.send_sms(TEXT, NUMBER, key="siparis-1")
        assert (await client.send_sms(TEXT, NUMBER, key="siparis-1")).replayed
        with pytest.raises(KeyConflictError):
            await client.send_sms(TEXT, OTHER, key="siparis-1")
    assert [attributes(span)["iletimerkezi.outcome"] for span in told.spans] == ["accepted", "replayed", "not_sent"]
    assert attributes(told.spans[1])["iletimerkezi.order.id"] == order.id
    assert told.metric("recipients") == {"accepted": 1, "replayed": 1, "not_sent": 1}
    # A key is the caller's own words.
    assert "siparis-1" not in told.everything()


async def test_an_order_that_is_recovered(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """The lost answer is an event, the repetition is counted, and what was looked up has no spans."""
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("get-reports", "drop-request")
    async with make_client() as client:
        order = await client.send_sms(TEXT, NUMBER)
    span = told.span
    assert events(span) == ["answer lost"]
    assert attributes(span)["iletimerkezi.outcome"] == "recovered"
    assert attributes(span)["iletimerkezi.order.id"] == order.id
    assert attributes(span)["http.request.resend_count"] == 1
    assert told.metric("resends") == {"": 1}
    assert told.metric("recipients") == {"recovered": 1}


async def test_an_order_whose_first_request_never_arrived(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """It was sent twice and accepted once."""
    sandbox.fail("send-sms", "drop-request")
    async with make_client() as client:
        await client.send_sms(TEXT, NUMBER)
    assert events(told.span) == ["answer lost"]
    assert told.outcome == "accepted"
    assert attributes(told.span)["http.request.resend_count"] == 1


async def test_an_order_that_was_taken_without_an_id(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """It is recovered, and the error's type says that its id is not."""
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("get-reports", "401", times=math.inf)
    async with make_client() as client:
        with pytest.raises(OrderAcceptedError):
            await client.send_sms(TEXT, NUMBER)
    assert told.outcome == "recovered"
    assert attributes(told.span)["error.type"] == "OrderAcceptedError"
    assert "iletimerkezi.order.id" not in attributes(told.span)


async def test_an_order_that_is_refused(told: Told, make_client: Make) -> None:
    """By the service, and as well by this library before any request; the error's own words are told."""
    async with make_client() as client:
        with pytest.raises(SenderError) as refused:
            await client.send_sms(TEXT, NUMBER, sender="BASKA")
        with pytest.raises(EmptyTextError):
            await client.send_sms("", NUMBER)
    span, local = told.spans
    assert attributes(span)["iletimerkezi.outcome"] == attributes(local)["iletimerkezi.outcome"] == "refused"
    assert attributes(span)["error.type"] == "SenderError"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, str(refused.value))
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"exception.type": "iletimerkezi_async.errors.SenderError", "exception.message": str(refused.value)}
    ]
    assert told.metric("recipients") == {"refused": 1}


async def test_an_order_that_is_not_sent(told: Told) -> None:
    """Nobody listens there: nothing left, however often it was tried."""
    async with AsyncClient(
        "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url="http://127.0.0.1:1/v1", retry=QUICK, rate=None
    ) as client:
        with pytest.raises(TransportError):
            await client.send_sms(TEXT, NUMBER)
    assert told.outcome == "not_sent"
    assert attributes(told.span)["error.type"] == "TransportError"
    assert attributes(told.span)["http.request.resend_count"] == 4
    assert events(told.span) == ["exception"]


async def test_an_order_of_which_nothing_is_known(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """All answers were lost."""
    sandbox.fail("send-sms", "drop-request", times=math.inf)
    async with make_client() as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER)
    assert told.outcome == "unknown"
    assert events(told.span) == ["answer lost"] * 5 + ["exception"]
    assert told.metric("recipients") == {"unknown": 1}


async def test_a_call_that_is_cancelled_under_way(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """Its order may have been taken; the exception of the event loop is named."""
    sandbox.fail("send-sms", "stall")
    async with make_client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.send_sms, TEXT, NUMBER)
        await until(lambda: sandbox.orders)
        tasks.cancel_scope.cancel()
    assert told.outcome == "unknown"
    assert attributes(told.span)["error.type"] in {"CancelledError", "Cancelled"}
    assert told.span.status.status_code is StatusCode.ERROR


async def test_a_call_that_is_cancelled_before_it_is_sent(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """While it waits for the rate, nothing has left."""
    async with make_client(rate=0.01) as client:
        await client.send_sms(TEXT, NUMBER)
        with anyio.move_on_after(0.01):
            await client.send_sms(TEXT, OTHER)
    assert [attributes(span)["iletimerkezi.outcome"] for span in told.spans] == ["accepted", "not_sent"]
    assert len(sandbox.orders) == 1


async def test_a_call_that_is_cancelled_between_two_attempts(
    told: Told, make_client: Make, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The first one was refused, and nothing is under way."""
    sandbox.fail("send-sms", "503")
    async with make_client(retry=Retry(wait_initial=60)) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.send_sms, TEXT, NUMBER)
        await until(lambda: "attempt 2 follows" in caplog.text)
        tasks.cancel_scope.cancel()
    assert told.outcome == "not_sent"


async def test_waiting_for_the_rate_is_told(told: Told, make_client: Make) -> None:
    """As an event where it took time, and as a metric."""

    class Pacer:
        async def acquire(self, n: int, /) -> None:
            if n == 1:
                await anyio.sleep(0.6)

    async with make_client(rate=Pacer()) as client:
        await client.send_sms(TEXT, [5301000000 + n for n in range(20)])
        await client.send_sms(TEXT, NUMBER)
    first, second = told.spans
    assert (events(first), events(second)) == ([], ["paced"])
    waited = (second.events[0].attributes or {})["iletimerkezi.pacing.wait"]
    assert isinstance(waited, float)
    assert waited > 0.5
    assert told.metric("pacing.wait")[""] >= waited


async def test_every_operation_has_its_span(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """One for each call, and one for each page of a list."""
    async with make_client() as client:
        order = await client.send_messages([Message(TEXT, NUMBER)])
        await client.get_balance()
        await client.get_order(order.id)
        sandbox.advance(minutes=30)
        await client.wait_for_order(order.id)
        with pytest.raises(OrderNotFoundError):
            await client.cancel_order(str(order.id))
        await client.get_senders()
        await client.add_blacklist(OTHER)
        await client.delete_blacklist(OTHER)
        await client.register_consents("BRAND", [])
        await client.check_consent("BRAND", NUMBER, recipient_type="BIREYSEL", type="MESAJ")
        assert len([row async for row in client.get_report(order.id)]) == 1
        assert [row async for row in client.get_blacklist()] == []
        assert [row async for row in client.get_reports(date(2020, 1, 1), date(2020, 1, 1))] == []
    names = [span.name for span in told.spans]
    assert names[:10] == [
        "send-sms", "get-balance", "get-report", "wait-for-order", "cancel-order", "get-sender", "add-blacklist",
        "delete-blacklist", "consent/create", "consent/show",
    ]  # fmt: skip
    assert set(names[10:]) == {"get-report", "get-blacklist", "get-reports"}
    assert set(names) - {"wait-for-order"} == OPERATIONS.keys()
    outcomes = {span.name: attributes(span)["iletimerkezi.outcome"] for span in told.spans}
    assert outcomes.pop("cancel-order") == "refused"
    assert set(outcomes.values()) == {"accepted"}
    about = {span.name for span in told.spans if attributes(span).get("iletimerkezi.order.id") == order.id}
    assert about == {"send-sms", "get-report", "wait-for-order", "cancel-order"}


async def test_a_lost_answer_to_cancelling_is_recovered(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """The refusal of the repetition tells that the first was taken: so too for a number that is blocked no longer."""
    async with make_client() as client:
        await client.add_blacklist(NUMBER)
        sandbox.fail("delete-blacklist", "drop-answer")
        await client.delete_blacklist(NUMBER)
    assert attributes(told.spans[1])["iletimerkezi.outcome"] == "recovered"


async def test_pages_are_children_of_whoever_asked(told: Told, make_client: Make) -> None:
    """Also those that are read ahead, in tasks of their own; nothing stays current between the rows."""
    async with make_client() as client:
        order = await client.send_sms(TEXT, [5301000000 + n for n in range(50)])
        with told.tracers.get_tracer("caller").start_as_current_span("request") as caller:
            async for _ in client.get_report(order.id, page_size=10):
                assert trace.get_current_span() is caller
    pages = told.spans[1:]
    assert len(pages) >= 5
    assert [span.parent for span in pages] == [caller.get_span_context()] * len(pages)
    assert {attributes(span).get("iletimerkezi.order.id") for span in pages} == {order.id}


async def test_calls_side_by_side_have_each_their_parent(told: Told, make_client: Make) -> None:
    """What is current belongs to a task."""
    tracer = told.tracers.get_tracer("caller")
    callers: dict[int, object] = {}

    async def call(client: AsyncClient, n: int) -> None:
        with tracer.start_as_current_span("request") as caller:
            order = await client.send_sms(TEXT, 5301000000 + n)
            callers[order.id] = caller.get_span_context()

    async with make_client() as client, anyio.create_task_group() as tasks:
        for n in range(20):
            tasks.start_soon(call, client, n)
    assert {attributes(span)["iletimerkezi.order.id"]: span.parent for span in told.spans} == callers


async def test_what_lies_below_is_a_child(told: Told) -> None:
    """An instrumented HTTP client shows its attempts below our span."""
    seen: list[trace.Span] = []

    async def note(_: httpx.Request) -> None:
        seen.append(trace.get_current_span())

    canned = Canned(ok(order={"id": 428}))
    canned.http.event_hooks = {"request": [note]}
    await canned.client.send_sms(TEXT, NUMBER)
    assert [span.get_span_context() for span in seen] == [told.span.context]
    assert not trace.get_current_span().get_span_context().is_valid


async def test_a_campaign_is_one_span_with_its_counts(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """Its orders have none; what `on_progress` calls is a call of its own, below it."""
    sandbox.fail("send-sms", "drop-answer")
    balances: list[object] = []

    async def progress(_: Progress) -> None:
        balances.append(await client.get_balance())

    async with make_client() as client:
        numbers = [*(5301000000 + n for n in range(30)), "yanlis", 5301000000]
        await client.send_bulk(TEXT, numbers, batch_size=10, concurrency=1, on_progress=progress)
    campaign = told.spans[-1]
    assert campaign.name == "send-bulk"
    assert attributes(campaign) == {
        "server.address": "127.0.0.1",
        "iletimerkezi.operation": "send-bulk",
        "iletimerkezi.recipients": 32,
        "iletimerkezi.recipients.accepted": 30,
        "iletimerkezi.recipients.refused": 1,
        "iletimerkezi.recipients.duplicates": 1,
        "iletimerkezi.recipients.failed": 0,
        "iletimerkezi.orders": 3,
        "iletimerkezi.outcome": "accepted",
        "http.request.resend_count": 1,
    }
    assert [(span.name, span.parent) for span in told.spans[:-1]] == [("get-balance", campaign.context)] * 3
    assert told.metric("recipients") == {"accepted": 30, "refused": 1}


async def test_a_campaign_of_whom_everybody_is_refused(told: Told, make_client: Make) -> None:
    """It came to its end, and nobody was sent to. One of nobody at all has no failure."""
    async with make_client() as client:
        await client.send_bulk(TEXT, ["yanlis", "12"])
        await client.send_bulk(TEXT, [])
    assert [attributes(span)["iletimerkezi.outcome"] for span in told.spans] == ["refused", "accepted"]


async def test_a_campaign_that_stops(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """Its counts are told all the same, and why it stopped."""
    sandbox.fail("send-sms", "402")
    async with make_client() as client:
        with pytest.raises(BulkError):
            await client.send_bulk(TEXT, [5301000000 + n for n in range(30)], batch_size=10, concurrency=1)
    assert told.outcome == "refused"
    assert attributes(told.span)["error.type"] == "BulkError"
    assert attributes(told.span)["iletimerkezi.recipients.failed"] >= 10  # type: ignore[operator]  # a number
    assert told.metric("recipients")["refused"] == 10
    assert set(told.metric("recipients")) <= {"refused", "not_sent"}


async def test_a_campaign_that_is_cancelled(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """What was under way is in doubt, and counted."""
    sandbox.fail("send-sms", "stall", times=math.inf)
    async with make_client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.send_bulk, TEXT, [5301000000, 5301000001])
        await until(lambda: sandbox.orders)
        tasks.cancel_scope.cancel()
    assert told.outcome == "unknown"
    assert told.metric("recipients") == {"unknown": 2}


async def test_what_the_caller_was_handling_is_not_counted(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """A campaign's error is chained to that of the next one, which must not count its recipients again."""
    sandbox.fail("send-sms", "402")
    async with make_client() as client:
        try:
            await client.send_bulk(TEXT, NUMBER)
        except BulkError:
            with pytest.raises(EmptyTextError):
                await client.send_bulk("", NUMBER)
    first, second = told.spans
    assert "iletimerkezi.recipients.failed" in attributes(first)
    assert "iletimerkezi.recipients.failed" not in attributes(second)


async def test_nothing_secret_is_told(told: Told, make_client: Make, sandbox: Sandbox) -> None:
    """Whatever goes wrong, also in the caller's own code: neither a number, nor a text, nor a credential."""

    async def source() -> AsyncIterator[str]:
        yield NUMBER
        raise ValueError(f"invalid literal for int(): {NUMBER} {TEXT}")

    sandbox.fail("send-sms", "drop-answer", times=3)
    async with make_client() as client:
        await client.send_sms(TEXT, [NUMBER, OTHER])
        with pytest.raises(RecipientError):
            await client.send_sms(TEXT, [NUMBER, f"{OTHER}x"])
        with pytest.raises(ValueError, match="invalid literal"):
            await client.send_bulk(TEXT, source())
        with pytest.raises(TypeError):
            await client.send_sms(TEXT, NUMBER, numara=OTHER)  # type: ignore[call-arg]  # a mistake
        await client.add_blacklist(NUMBER)
        assert [number async for number in client.get_blacklist()] == ["+905301234567"]
        await client.check_consent("BRAND", NUMBER, recipient_type="BIREYSEL", type="MESAJ")
        with pytest.raises(Exception, match="consent"):
            await client.register_consents("BRAND", [Consent(NUMBER, "BIREYSEL", "MESAJ", "ONAY", "HS_WEB", None)])
    sandbox.fail("send-sms", "401")
    async with make_client() as client:
        with pytest.raises(AuthenticationError):
            await client.send_sms(TEXT, NUMBER)
    told_all = told.everything()
    assert len(told.spans) == 8
    assert [secret for secret in SECRETS if secret in told_all] == []


async def test_a_broken_processor_hinders_nothing(
    told: Told, make_client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """What was sent is sent, whatever becomes of its span."""

    class Broken(SpanProcessor):
        def on_start(self, span: Span, parent_context: object = None) -> None:
            raise RuntimeError("full")

        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("full")

    told.tracers.add_span_processor(Broken())
    async with make_client() as client:
        assert (await client.send_sms(TEXT, NUMBER)).recipients == 1
    assert "OpenTelemetry could not" in caplog.text


class _Never:
    """A pacer that lets nobody pass, without an event loop."""

    async def acquire(self, n: int, /) -> None:
        await self

    def hold_back(self, seconds: float) -> None: ...

    def __await__(self) -> Iterator[None]:
        yield


async def test_a_call_that_is_thrown_away_leaves_nothing_behind(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """As event loops and garbage collectors do, in whatever context: the span ends, and nothing complains."""
    client = Canned(ok(), rate=_Never()).client
    call = client.send_sms(TEXT, NUMBER)
    contextvars.copy_context().run(call.send, None)
    call.close()
    assert told.outcome == "not_sent"
    assert not trace.get_current_span().get_span_context().is_valid
    assert caplog.text == ""


async def test_log_records_carry_the_same(
    make_client: Make, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """For each attempt, with OpenTelemetry or without."""
    caplog.set_level(logging.DEBUG, "iletimerkezi_async")
    sandbox.fail("send-sms", "drop-request")
    async with make_client() as client:
        order = await client.send_sms(TEXT, NUMBER)
    lost, warned, accepted = (vars(record) for record in caplog.records if record.name == "iletimerkezi_async")
    common = {"server.address": "127.0.0.1", "iletimerkezi.operation": "send-sms", "iletimerkezi.recipients": 1}
    doubt = {"iletimerkezi.outcome": "unknown", "error.type": "TransportError", "http.request.resend_count": 0}
    assert (common | doubt).items() <= lost.items()
    assert (common | doubt).items() <= warned.items()
    assert warned["levelname"] == "WARNING"
    done = {"iletimerkezi.outcome": "accepted", "http.request.resend_count": 1, "iletimerkezi.order.id": order.id}
    assert (common | done).items() <= accepted.items()
    assert not any(secret in str(vars(record)) for record in caplog.records for secret in SECRETS)


async def test_the_records_of_a_store_that_is_away_carry_it(
    told: Told, make_client: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The records have the operation and the error's type; the call counts as not sent."""
    store = SqliteStore(tmp_path / "store")

    class Closing:
        async def acquire(self, n: int, /) -> None:
            await store.aclose()

    async with make_client(store=store, rate=Closing()) as client:
        with pytest.raises(StoreError):
            await client.send_sms(TEXT, NUMBER, key="siparis-1")
    (record,) = (vars(record) for record in caplog.records if "could not be written" in record.message)
    assert {"iletimerkezi.operation": "send-sms", "error.type": "StoreError"}.items() <= record.items()
    assert told.outcome == "not_sent"
    assert told.metric("recipients") == {"not_sent": 1}


WITHOUT = """
import sys, anyio
{block}
import iletimerkezi_async
loaded = [name for name in sys.modules if name.startswith("opentelemetry")]
from iletimerkezi_async import AsyncClient, Iys, Retry
client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url="{url}", retry=Retry(attempts=1))
print(anyio.run(client.send_sms, "Kodunuz 1234", 5301234567).recipients, loaded)
print([name for name in sys.modules if name.startswith("opentelemetry") and sys.modules[name]])
"""


@pytest.mark.parametrize("block", ["sys.modules['opentelemetry'] = None", ""])
def test_without_opentelemetry_nothing_of_it_is_imported(url: str, block: str) -> None:
    """Where it is missing, a client works; where it is there, it is loaded with the first client and not before."""
    code = WITHOUT.format(block=block, url=url)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    sent, loaded = shown.stdout.splitlines()
    assert sent == ("1 ['opentelemetry']" if block else "1 []")
    assert (loaded == "[]") == bool(block)


def test_an_older_api_takes_no_buckets() -> None:
    """An application may have one, whatever this library requires: its clients work."""

    class OldMeter:
        def create_histogram(self, name: str, unit: str = "", description: str = "") -> str:
            return name

        create_counter = create_histogram

    meters = SimpleNamespace(get_meter=lambda *_: OldMeter())
    telemetry = Telemetry(TracerProvider(), meters)  # type: ignore[arg-type]  # as far as it is used
    assert telemetry.duration == "iletimerkezi.client.operation.duration"  # type: ignore[comparison-overlap]
