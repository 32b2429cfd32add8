"""The public face as its users type it. Not run: mypy and pyright read it, both in their strict mode."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import aiohttp
import httpx
import httpx2
import polars as pl
from typing_extensions import assert_type

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    Balance,
    BulkError,
    BulkResult,
    Consent,
    ConsentError,
    ConsentSource,
    ConsentStatus,
    ConsentType,
    Delivery,
    DeliveryEvent,
    Encoding,
    Failure,
    IletimerkeziError,
    Iys,
    JournalError,
    KeyConflictError,
    Message,
    MessageStatus,
    Order,
    OrderAcceptedError,
    OrderReport,
    OrderStatus,
    OutcomeUnknownError,
    Pacer,
    Progress,
    RecipientError,
    RecipientType,
    Refusal,
    Report,
    Retry,
    Send,
    SendInProgressError,
    SendState,
    StoreError,
    TextLength,
    TokenBucket,
    UnavailableError,
    fill_template,
    measure,
    normalize_number,
    parse_webhook,
)
from iletimerkezi_async.sandbox import Fault, Sandbox, Style
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store, StoreJournal


class Customer(NamedTuple):
    """A row of the user's own."""

    ad: str
    telefon: int


async def customers() -> AsyncIterator[Customer]:
    yield Customer("Ali", 5301234567)


def filling_asynchronously() -> None:
    assert_type(fill_template("Sayin {ad}", customers()), AsyncIterator[Message | Refusal])


class Everybody:
    """A pacer of the user's own."""

    async def acquire(self, n: int, /) -> bool:
        return n > 0


def settings(http: httpx.AsyncClient, http2: httpx2.AsyncClient, session: aiohttp.ClientSession) -> list[AsyncClient]:
    pacer: Pacer = Everybody()
    return [
        AsyncClient(),
        AsyncClient("key", "hash"),
        AsyncClient(key="key", hash="hash", sender="FIRMA", iys=Iys.BIREYSEL, base_url="http://127.0.0.1:8025/v1"),
        AsyncClient(timeout=5, max_connections=10, retry=Retry(attempts=3), rate=None, http_client=http),
        AsyncClient(timeout=httpx.Timeout(5, connect=1), rate=pacer),
        AsyncClient(rate=TokenBucket(50)),
        assert_type(AsyncClient().with_options(timeout=5, rate=None, sender="FIRMA", iys=Iys.OFF), AsyncClient),
        AsyncClient().with_options(timeout=httpx.Timeout(5), retry=Retry(attempts=3), rate=pacer, sender=None),
        AsyncClient(http_client=http2, timeout=httpx2.Timeout(5, connect=1)),
        AsyncClient(http_client=session),
        # Of the wrong kind, as both type checkers see.
        AsyncClient(http_client=httpx.Client()),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        AsyncClient(timeout="30"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ]


def options(client: AsyncClient, http2: httpx2.AsyncClient) -> AsyncClient:
    face = client.with_options(timeout=5, retry=Retry(attempts=2), sender="FIRMA", iys=Iys.OFF, rate=TokenBucket(50))
    assert_type(face, AsyncClient)
    client.with_options(timeout=httpx.Timeout(5), sender=None, iys=None, rate=None)
    client.with_options(timeout=httpx2.Timeout(5), rate=Everybody())
    # A face has the connections and the store of its client.
    client.with_options(http_client=http2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(timeout=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return face.with_options()


async def sending(client: AsyncClient) -> None:
    assert_type(await client.get_balance(), Balance)
    assert_type((await client.get_balance()).amount, Decimal)
    order = await client.send_sms("Kodunuz 1234", "0530 123 45 67")
    assert_type(order, Order)
    assert_type(order.id, int)
    await client.send_sms("Kodunuz 1234", 5301234567, iys=Iys.OFF, send_at=datetime.now(timezone.utc))
    await client.send_sms("Kodunuz 1234", ["5301234567", 5301234568], sender="FIRMA")
    await client.send_sms("Kodunuz 1234", (str(number) for number in range(5301234567, 5301234570)))
    await client.send_messages([Message("Bir", "5301234567"), Message("Iki", ["5301234568", 5301234569])])
    assert_type(Message("Bir", "5301234567").to, tuple[str | int, ...])


async def reading(client: AsyncClient) -> None:
    report = client.get_report(428, page_size=500, read_ahead=4)
    assert_type(report, Report)
    async for delivery in report:
        assert_type(delivery, Delivery)
        assert_type(delivery.number, str)
        assert_type(delivery.status, MessageStatus)
        number, status = delivery
        assert_type(number, str)
        assert_type(status, MessageStatus)
    assert_type(report.order, OrderReport | None)
    order = await client.get_order(428)
    assert_type(order.status, OrderStatus)
    assert_type(order.total, int | None)
    assert_type(order.submitted_at, datetime | None)
    orders: AsyncIterator[OrderReport] = client.get_reports(date(2026, 5, 1), datetime.now(timezone.utc))
    assert_type([order.id async for order in orders], list[int])
    assert_type(await client.get_report("428").collect(), list[Delivery])
    assert_type(await client.get_reports(date(2026, 5, 1), date(2026, 5, 2)).collect(), list[OrderReport])
    assert_type(await client.get_blacklist().collect(), list[str])


async def settling(client: AsyncClient) -> None:
    assert_type(await client.wait_for_order(428), OrderReport)
    await client.wait_for_order(428, timeout=60)
    assert_type((await client.wait_for_order(428, timeout=0.5)).status, OrderStatus)
    await client.cancel_order(428)


async def listing(client: AsyncClient) -> None:
    assert_type(await client.get_senders(), tuple[str, ...])
    numbers: AsyncIterator[str] = client.get_blacklist()
    assert_type([number async for number in numbers], list[str])
    async for number in client.get_blacklist(date(2026, 5, 1), datetime.now(timezone.utc)):
        assert_type(number, str)
    client.get_blacklist(end=date(2026, 5, 1))
    await client.add_blacklist("0530 123 45 67")
    await client.delete_blacklist(5301234567)


async def consenting(client: AsyncClient) -> int:
    now = datetime.now(timezone.utc)
    consents = [
        Consent("5301234567", RecipientType.BIREYSEL, ConsentType.MESAJ, ConsentStatus.ONAY, ConsentSource.HS_WEB, now),
        Consent(5301234567, "TACIR", "ARAMA", "RET", "HS_MOBIL", now),
        Consent(
            recipient="musteri@example.com",
            recipient_type="BIREYSEL",
            type="EPOSTA",
            status="ONAY",
            source="HS_WEB",
            consent_date=now,
        ),
    ]
    assert_type(consents[0].recipient, str)
    assert_type(consents[0].status, ConsentStatus | str)
    assert_type(consents[0].consent_date, datetime | None)
    try:
        await client.register_consents("BRAND", consents)
        await client.register_consents("BRAND", (consent for consent in consents))
    except (ConsentError, OutcomeUnknownError) as error:
        return error.registered
    found = await client.check_consent("BRAND", 5301234567, recipient_type=RecipientType.TACIR, type="MESAJ")
    assert_type(found, Consent | None)
    return 0


def hooking() -> None:
    event = parse_webhook(b"{}")
    assert_type(event, DeliveryEvent)
    assert_type(event.message_id, int)
    assert_type(event.order_id, int)
    assert_type(event.number, str)
    assert_type(event.status, MessageStatus)
    assert_type(event.status.is_final, bool)
    assert_type(parse_webhook("{}").text, str)


async def numbers() -> AsyncIterator[str]:
    yield "5301234567"


async def tell(progress: Progress) -> None:
    assert_type(progress.total, int | None)


async def campaigns(client: AsyncClient) -> BulkResult:
    try:
        await client.send_bulk("Metin", ["5301234567", 5301234568], batch_size=100, concurrency=2, on_progress=print)
        await client.send_bulk("Metin", numbers(), on_progress=tell, journal=Path("kampanya.journal"))
        await client.send_bulk_messages(Message("Metin", number) for number in (5301234567,))
        result = await client.send_bulk("Metin", "5301234567", journal="kampanya.journal")
    except BulkError as stopped:
        assert_type(stopped.error, IletimerkeziError | None)
        return stopped.result
    except JournalError as error:
        assert_type(error.result, BulkResult | None)
        raise
    assert_type(result.orders, tuple[Order, ...])
    assert_type([refused.reason for refused in result.refused], list[str])
    for failure in result.failed:
        assert_type(failure, Failure)
        assert_type(failure.recipients, tuple[str, ...])
        await client.send_messages(failure.messages)
    number, reason = Refusal("x", "y")
    assert_type((number, reason), tuple[str, str])
    return result


async def failing(client: AsyncClient) -> float | None:
    try:
        async with client as entered:
            assert_type(entered, AsyncClient)
            await entered.send_sms("Kodunuz 1234", "5301234567")
    except RecipientError as error:
        assert_type(error.numbers, tuple[str, ...])
    except UnavailableError as error:
        return error.retry_after
    except ApiError as error:
        assert_type(error.code, int)
        assert_type(error.http_status, int | None)
    return None


async def failing_under_a_key(client: AsyncClient) -> str | float | tuple[int, ...]:
    try:
        await client.send_sms("metin", 5301234567, key="siparis-1234-kargoda")
    except KeyConflictError as error:
        return error.key
    except SendInProgressError as error:
        assert_type(error.key, str)
        return error.retry_after
    except OrderAcceptedError as error:
        return error.candidates
    except StoreError as error:
        assert_type(str(error), str)
    return 0


def helpers() -> None:
    assert_type(measure("metin"), TextLength)
    assert_type(measure("metin").encoding, Encoding)
    assert_type(measure("metin").costly, tuple[str, ...])
    rows: list[dict[str, str | int]] = [{"telefon": 5301234567, "ad": "Ali"}]
    filled: Iterator[Message | Refusal] = fill_template("Sayin {ad}", rows, decimal_comma=False)
    assert_type(fill_template("Sayin {ad}", [{"telefon": 5301234567, "ad": "Ali"}]), Iterator[Message | Refusal])
    assert_type(fill_template("Sayin {ad}", [Customer("Ali", 5301234567)]), Iterator[Message | Refusal])
    assert_type(fill_template("Sayin {ad}", csv.DictReader([""])), Iterator[Message | Refusal])
    cursor: Iterator[sqlite3.Row] = sqlite3.connect("musteri.db").execute("SELECT * FROM musteri")
    assert_type(fill_template("Sayin {ad}", cursor), Iterator[Message | Refusal])
    table = pl.DataFrame(rows)
    assert_type(fill_template("Sayin {ad}", table), Iterator[Message | Refusal])
    assert_type(fill_template("Sayin {ad}", table.iter_rows(named=True)), Iterator[Message | Refusal])
    fill_template("Sayin {ad}", filled)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fill_template("Sayin {ad}", "5301234567")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert_type(normalize_number(5301234567), str)


async def testing() -> None:
    sandbox = Sandbox(balance=10, senders=["FIRMA"], style=Style(scalars="str"), unknown_consent="empty")
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", Fault.DROP_ANSWER, times=2)
    sandbox.advance(minutes=11)
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        assert_type(client, AsyncClient)
    async with sandbox.serve(port=0) as url:
        assert_type(url, str)
    with sandbox.serve() as url:
        assert_type(url, str)
    assert_type(sandbox.deliveries["+905301234567"], int)
    hooked = Sandbox(webhook="https://example.com/sms", webhook_order="shuffled", webhook_copies=2)
    assert_type(await hooked.call_webhooks(), int)
    assert_type(hooked.call_webhooks_sync(), int)
    assert_type(hooked.webhooks, tuple[tuple[int, str, int | str], ...])
    assert_type(hooked.environment("http://127.0.0.1:8025/v1"), dict[str, str])
    assert_type(sandbox.orders[0].id, int)


async def stores(kind: type[SqliteStore | RedisStore]) -> None:
    store: Store = kind("address", keep=timedelta(days=7), timeout=2)
    async with PostgresStore("postgresql://app@db/app") as entered, AsyncClient(store=store, iys=Iys.OFF) as client:
        assert_type(entered, PostgresStore)
        order = await client.send_sms("metin", 5301234567, key="siparis-1234-kargoda")
        assert_type(order.replayed, bool)
        assert_type(await client.find_send("siparis-1234-kargoda"), Send | None)
        send = await client.mark_sent("siparis-1234-kargoda", order)
        assert_type(send.state, SendState)
        assert_type(send.first_attempt, datetime | None)
        await client.mark_sent("siparis-1234-kargoda", "428")
        await client.mark_sent(send)
        await client.mark_not_sent("siparis-1234-kargoda")
        await client.send_messages([Message("metin", 5301234567)], key="siparis-1235-kargoda")
        assert_type(entered.journal("kis-2026"), StoreJournal)
        await client.send_bulk("metin", [5301234567], journal=entered.journal("kis-2026"))
