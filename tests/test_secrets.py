"""Credentials, texts and whole numbers are in nothing that is printed, logged, raised or kept."""

from __future__ import annotations

import logging
import pickle
import sqlite3
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import anyio
import anyio.abc
import httpx
import pytest
from canned import Canned, ok, raw_server, refusal
from frames import everything_of, is_test
from waiting import give_up_once

from iletimerkezi_async import (
    AsyncClient,
    ConfigurationError,
    Delivery,
    IletimerkeziError,
    Iys,
    JournalError,
    Message,
    MessageStatus,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.wire.credentials import Credentials

pytestmark = pytest.mark.anyio

KEY, HASH, TEXT = "gizli-anahtar", "gizli-ozet", "Kodunuz 987654"
NUMBER, FORMS = "+905301234567", ("5301234567", "0530 123 45 67", "530 123 45 67")
SECRETS = (KEY, HASH, TEXT, "987654", NUMBER, *FORMS)


def assert_clean(shown: str) -> None:
    for index, secret in enumerate(SECRETS):
        assert secret not in shown, f"secret {index} is shown"


def make(**options: object) -> AsyncClient:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": Retry(attempts=2, wait_initial=0)}
    return AsyncClient(KEY, HASH, **(settings | options))  # type: ignore[arg-type]  # settings of any type


def over(*answers: object) -> AsyncClient:
    return make(http_client=Canned(*answers).http)


async def send(client: AsyncClient) -> object:
    return await client.send_sms(TEXT, NUMBER)


ECHO = f"{KEY} {HASH} {NUMBER} 0530 123 45 67"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadError(ECHO), httpx.ConnectTimeout(ECHO), httpx.RemoteProtocolError(ECHO), RuntimeError(ECHO),
        refusal(401, ECHO), refusal(402, ECHO), refusal(451), refusal(452, ECHO), refusal(999, ECHO),
        b"<html>" + ECHO.encode(), httpx.Response(502, text=ECHO), ok(order={"id": ECHO}), ok(order=ECHO),
        httpx.Response(302, headers={"Location": "https://x.example/" + KEY}),
    ],
    ids=lambda answer: repr(answer)[:30].replace(KEY, ""),
)  # fmt: skip
async def test_no_error_shows_a_secret(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the service or the network says, and even if it repeats what was sent."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(IletimerkeziError) as caught:
        await send(over(answer))
    assert_clean(everything_of(caught.value))
    assert_clean(caplog.text)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_no_error_over_a_real_socket_shows_a_secret() -> None:
    """The frames of the HTTP client hold the body; none of them is in the traceback."""

    async def echo(stream: anyio.abc.SocketStream, request: bytes) -> str:
        await stream.send(request)
        return "close"

    async with raw_server(echo) as (url, _), make(base_url=url) as client:
        with pytest.raises(IletimerkeziError) as caught:
            await send(client)
        with pytest.raises(IletimerkeziError) as caught_report:
            await anext(client.get_report(1))
    assert_clean(everything_of(caught.value))
    assert_clean(everything_of(caught_report.value))


@pytest.mark.parametrize(
    "refused",
    [
        lambda c: c.send_sms("", NUMBER),
        lambda c: c.send_sms(" ", NUMBER),
        lambda c: c.send_sms(TEXT * 200, NUMBER),
        lambda c: c.send_sms(TEXT + "\ud83d", NUMBER),
        lambda c: c.send_sms(TEXT, [NUMBER, "0212 123 45 67"]),
        lambda c: c.send_sms(TEXT, NUMBER, sender="COK UZUN FIRMA"),
        lambda c: c.send_sms(TEXT, NUMBER, send_at=datetime(2020, 1, 1, tzinfo=timezone.utc)),
        lambda c: c.send_sms(TEXT, []),
        lambda c: c.send_messages([Message(TEXT, NUMBER), Message("", NUMBER)]),
        lambda c: c.send_bulk("", [NUMBER]),
        lambda c: c.send_bulk(TEXT, [NUMBER], sender="COK UZUN FIRMA"),
        lambda c: c.send_bulk(TEXT, NUMBER, send_at=datetime(2020, 1, 1, tzinfo=timezone.utc)),
        lambda c: c.send_bulk_messages([Message(TEXT, NUMBER)], sender="COK UZUN FIRMA"),
        lambda c: c.send_bulk(TEXT, [NUMBER]),
        lambda c: c.send_bulk_messages([Message(TEXT, NUMBER)]),
    ],
)  # fmt: skip
async def test_no_refusal_of_ours_shows_a_secret(refused: Callable[[AsyncClient], Awaitable[object]]) -> None:
    """The variables of the frames that check texts and numbers are not in the traceback either."""
    with pytest.raises(IletimerkeziError) as caught:
        await refused(over(refusal(402)))
    shown = everything_of(caught.value).replace(f"numbers': {caught.value.__dict__.get('numbers')!r}", "")
    assert_clean(shown)


async def test_a_source_that_breaks_shows_none_of_its_numbers() -> None:
    """What was read before is in no variable of a frame that the error passes."""

    def broken() -> Iterator[str]:
        yield from [NUMBER] * 1000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        await over(ok()).send_bulk(TEXT, broken())
    result = caught.value.__context__
    assert_clean(f"{result} {result!r}")
    # It was never raised, and so has no frames.
    caught.value.__context__ = None
    assert_clean(everything_of(caught.value))


async def test_a_journal_that_cannot_be_written_shows_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it holds them."""
    real = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        database: sqlite3.Connection = real(*arguments, **options)  # type: ignore[call-overload]  # handed through
        database.execute("PRAGMA max_page_count = 4")
        return database

    monkeypatch.setattr("sqlite3.connect", small)
    numbers = [5301234567 + each for each in range(3000)]
    with pytest.raises(JournalError, match="disk is full") as caught:
        await over(ok(order={"id": 1})).send_bulk(TEXT, numbers, journal=tmp_path / "journal")
    assert_clean(everything_of(caught.value))


def test_a_missing_credential_does_not_show_the_other() -> None:
    """Also not as a variable of the constructor."""
    for key, hash in ((KEY, None), (None, HASH), (KEY, HASH)):
        with pytest.raises(ConfigurationError) as caught:
            AsyncClient(key, hash, base_url="http://api.example/v1")
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
        assert_clean("".join(str(frame.locals) for frame in frames[1:]))


def test_a_credential_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a character cannot be sent."""
    with pytest.raises(ConfigurationError, match="must be text"):
        AsyncClient(KEY, "\ud83d")


def test_a_secret_is_derived_for_each_account_service_purpose_and_salt() -> None:
    """Another one for each; the same one again, and also after the hash was renewed; and it is not printed."""

    def derive(
        key: str = KEY,
        hash: str = HASH,
        service: str = "http://localhost",
        purpose: str = "journal",
        salt: bytes = b"salt",
    ) -> bytes:
        return Credentials(key, hash, service).derive(purpose, salt)

    changed = derive(key="baska"), derive(service="http://127.0.0.1"), derive(purpose="store"), derive(salt=b"pepper")
    secrets = {derive(), *changed}
    assert len(secrets) == 5
    assert {len(secret) for secret in secrets} == {32}
    assert derive() == derive(hash="yeni") == derive()
    assert repr(derive()) == "<Body of 32 bytes>"


async def test_a_cancelled_call_takes_no_frames_of_the_http_client_along() -> None:
    """A TimeoutError of the caller's chains the cancellation, whose frames would hold the body."""

    async def silence(stream: anyio.abc.SocketStream, request: bytes) -> None:
        await anyio.sleep_forever()

    shown = ""

    async def go() -> None:
        nonlocal shown
        try:
            await send(client)
        except BaseException as error:
            trace = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown = "".join(f"{frame.filename} {frame.locals}" for frame in trace.stack if not is_test(frame))
            raise

    async with raw_server(silence) as (url, requests), make(base_url=url) as client:
        await give_up_once(lambda: requests, go)
    assert "client.py" in shown
    assert "httpcore" not in shown
    assert_clean(shown)


async def test_nothing_of_a_client_shows_a_secret(sandbox: Sandbox) -> None:
    """Neither its repr nor that of what hangs on it, however deep."""
    client = make(base_url="http://127.0.0.1:1/v1")
    seen: set[int] = set()

    def walk(value: object) -> None:
        if (
            id(value) in seen
            or isinstance(value, (str, bytes, type))
            or not type(value).__module__.startswith("iletim")
        ):
            return
        seen.add(id(value))
        shown = [repr(value), str(value)]
        if not isinstance(value, Credentials):
            inner = list(getattr(value, "__dict__", {}).values())
            inner += [getattr(value, name) for name in getattr(type(value), "__slots__", ()) if hasattr(value, name)]
            shown += [repr(each) for each in inner]
            for each in inner:
                walk(each)
        assert_clean("".join(shown))

    walk(client)
    assert len(seen) > 3
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(client)


def test_values_print_counts_and_masked_numbers() -> None:
    """What a log of a value shows."""
    assert repr(Delivery(NUMBER, MessageStatus.DELIVERED)) == (
        "Delivery(number='+90530***4567', status=<MessageStatus.DELIVERED: 111>)"
    )
    assert_clean(f"{Delivery(NUMBER, MessageStatus.DELIVERED)}")
    assert repr(Message(TEXT, [NUMBER, NUMBER])) == "<Message of 14 characters to 2 recipients>"


async def test_the_log_tells_what_happened_and_to_whom(caplog: pytest.LogCaptureFixture) -> None:
    """DEBUG: operation, code, time, attempt; WARNING: a repeated attempt; numbers masked."""
    caplog.set_level(logging.DEBUG, "iletimerkezi_async")
    await send(over(httpx.Response(503, json=refusal(503)), ok(order={"id": 1})))
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    first, again, second = [line for line in lines if line[0] == "iletimerkezi_async"]
    assert first[1:] == ("DEBUG", first[2])
    assert first[2].startswith("send-sms to +90530***4567: 503 in 0.")
    assert first[2].endswith("s (attempt 1)")
    assert again[1:] == ("WARNING", "send-sms: 503 Olmaz; attempt 2 follows in 0.00 s")
    assert second[2].startswith("send-sms to +90530***4567: 200 in 0.")
    assert second[2].endswith("s (attempt 2)")
    assert_clean(caplog.text)


def test_the_library_attaches_no_handler() -> None:
    """What is shown is the application's to decide."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("iletimerkezi_async")]
    assert names == ["iletimerkezi_async"]
    assert not logging.getLogger("iletimerkezi_async").handlers


async def test_the_http_client_s_own_log_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """With everything of httpx and httpcore switched on."""
    caplog.set_level(logging.DEBUG)
    sandbox = Sandbox(key=KEY, hash=HASH)
    async with sandbox.serve() as url, make(base_url=url) as client:
        order = await client.send_sms(TEXT, NUMBER, send_at=None)
        assert [row async for row in client.get_report(order.id)]
    assert "httpcore" in caplog.text
    assert_clean(caplog.text)


async def test_due_times_are_checked_before_texts_are_shown() -> None:
    """A schedule that is refused says nothing of what was to be sent."""
    with pytest.raises(IletimerkeziError) as caught:
        await over(ok()).send_sms(TEXT, NUMBER, send_at=datetime.now(timezone.utc) - timedelta(minutes=1))
    assert_clean(everything_of(caught.value))
