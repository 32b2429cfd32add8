"""No failure that the public face can have shows a text, a number or a credential.

Each argument of each public function and method is given in each wrong way, and each hook and source of the caller's
raises. Then the error is looked at as an error tracker would: its words, its attributes, what it is chained to, what it
pickles to, and the variables of every frame that it passed, but the caller's own.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from canned import Canned, ok, refusal
from frames import leaks_of

from iletimerkezi_async import (
    AsyncClient,
    BulkResult,
    Consent,
    Iys,
    Message,
    Retry,
    StoreError,
    TokenBucket,
    fill_template,
    measure,
    normalize_number,
    parse_webhook,
)
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore
from iletimerkezi_async.wire import OPERATIONS

pytestmark = pytest.mark.anyio

KEY, HASH, TEXT, NUMBER = "gizli-anahtar", "gizli-ozet", "Kodunuz 987654", "+905301234567"
#: In whatever form: what is shown of a number has the digits of its end or middle together.
SECRETS = (KEY, HASH, "987654", "5301234567", "530 123 45 67")
LATER = datetime(2099, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some arguments become names of files."""
    monkeypatch.chdir(tmp_path)


class Gone(Exception):  # noqa: N818 - the caller's own
    pass


class Shown:
    """An object of the caller's that says what it is about."""

    def __repr__(self) -> str:
        return f"<Shown {TEXT} {NUMBER} {KEY}>"


class Hostile:
    """An object of the caller's that raises whatever is asked of it."""

    def _refuse(self, *_: object) -> Any:
        raise Gone

    __repr__ = __str__ = __iter__ = __len__ = __bool__ = __eq__ = __index__ = __int__ = __float__ = _refuse
    __fspath__ = __aiter__ = __hash__ = __lt__ = __contains__ = __getitem__ = __bytes__ = _refuse  # type: ignore[assignment]


class HostileText(str):
    """A text whose methods raise, as a lazy translation's may."""

    __slots__ = ()

    def _refuse(self, *_: object) -> Any:
        raise Gone

    strip = encode = __str__ = __len__ = __iter__ = startswith = isdigit = isascii = replace = __eq__ = __hash__ = (
        _refuse  # type: ignore[assignment]
    )


def breaking() -> Iterator[object]:
    yield NUMBER
    yield Message(TEXT, NUMBER)
    raise Gone


async def breaking_later() -> AsyncIterator[object]:
    yield NUMBER
    yield Message(TEXT, NUMBER)
    raise Gone


class BreakingAtOnce:
    def __iter__(self) -> Iterator[object]:
        raise Gone

    def __repr__(self) -> str:
        return NUMBER


#: Each wrong in its own way. Made anew for each call, as a source is read once.
WAYS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "true": lambda: True,
    "integer": lambda: 5301234567,
    "small integer": lambda: -1,
    "huge integer": lambda: 10**5000 + 5301234567,
    "float": lambda: 5301234567.5,
    "nan": lambda: float("nan"),
    "decimal": lambda: Decimal("5301234567.25"),
    "text": lambda: TEXT,
    "number": lambda: NUMBER,
    "empty": lambda: "",
    "blank": lambda: "  ",
    "key": lambda: KEY,
    "half a character": lambda: f"{TEXT}\ud83d",
    "null character": lambda: f"{TEXT}\0",
    "long text": lambda: TEXT * 200,
    "address": lambda: f"https://{KEY}:{HASH}@5301234567.example/?{TEXT}#{NUMBER}",
    "bytes": TEXT.encode,
    "bytes of a number": NUMBER.encode,
    "bytearray": lambda: bytearray(TEXT.encode()),
    "mapping": lambda: {NUMBER: TEXT},
    "mappings": lambda: [{"recipient": NUMBER, "text": TEXT, "to": NUMBER}],
    "set": lambda: {TEXT},
    "list": lambda: [TEXT, NUMBER, None, 5301234567.5, b"5301234567"],
    "rows": lambda: [[NUMBER, TEXT], [NUMBER]],
    "nothing in it": list,
    "messages": lambda: [Message(TEXT, NUMBER), None],
    "message": lambda: Message(TEXT, NUMBER),
    "messages of bytes": lambda: [Message(TEXT.encode(), NUMBER.encode())],  # type: ignore[arg-type]
    "messages of nothing": lambda: [Message(None, [None])],  # type: ignore[arg-type,list-item]
    "consent": lambda **_: a_consent(),
    "object": Shown,
    "objects": lambda: [Shown(), Shown()],
    "class": lambda: Shown,
    "function": lambda: breaking,
    "hostile object": Hostile,
    "hostile objects": lambda: [Hostile()],
    "hostile text": lambda: HostileText(TEXT),
    "hostile texts": lambda: [HostileText(NUMBER), HostileText(TEXT)],
    "breaking source": breaking,
    "breaking async source": breaking_later,
    "breaks at once": BreakingAtOnce,
    "exception": lambda: ValueError(TEXT),
    "naive time": lambda: datetime(2030, 1, 1),  # noqa: DTZ001 - that is the point
    "past time": lambda: datetime(2020, 1, 1, tzinfo=timezone.utc),
    "odd zone": lambda: datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1, minutes=56))),
    "date": lambda: date(2020, 1, 1),
    "span": lambda: timedelta(1),
}


def a_consent(**other: object) -> Consent:
    values: dict[str, object] = {
        "recipient": NUMBER, "recipient_type": "BIREYSEL", "type": "MESAJ", "status": "ONAY", "source": "HS_WEB",
        "consent_date": datetime.now(timezone.utc),
    }  # fmt: skip
    return Consent(**(values | other))  # type: ignore[arg-type]  # of all types


def make(**options: object) -> AsyncClient:
    settings: dict[str, object] = {
        "key": KEY, "hash": HASH, "sender": "FIRMA", "iys": Iys.OFF, "retry": Retry(attempts=2, wait_initial=0),
        "rate": None,
    }  # fmt: skip
    return AsyncClient(**(settings | options))  # type: ignore[arg-type]  # settings of any type


ROWS = {"id": 1, "status": 114, "total": 2, "message": [{"number": NUMBER, "status": 111}, {"number": 1, "status": 1}]}
ECHO = f"{KEY} {HASH} {NUMBER} 0530 123 45 67"
ANSWERS = (
    ok(order=ROWS, blacklist={"count": 9, "number": [NUMBER]}, orders=[], count=0), refusal(451, ECHO), b"<html>",
)  # fmt: skip


def over(*answers: object, **options: object) -> AsyncClient:
    return make(http_client=Canned(*(answers or ANSWERS)).http, **options)


async def rows(iterator: Any) -> None:
    async for _ in iterator:
        pass


async def finish(outcome: object) -> None:
    if inspect.isawaitable(outcome):
        await outcome
    elif hasattr(outcome, "__anext__"):
        await rows(outcome)


#: A sound call of every function and method, to which one wrong value is given.
SOUND: dict[str, dict[str, object]] = {
    "send_sms": {
        "text": TEXT, "to": NUMBER, "sender": "FIRMA", "iys": Iys.OFF, "send_at": LATER, "key": None,
    },
    "send_messages": {
        "messages": [Message(TEXT, NUMBER)], "sender": "FIRMA", "iys": Iys.OFF, "send_at": LATER, "key": None,
    },
    "with_options": {"timeout": 5, "retry": Retry(), "sender": "FIRMA", "iys": Iys.OFF, "rate": 1},
    "find_send": {"key": "a key"},
    "mark_sent": {"key": "a key", "order_id": 1},
    "mark_not_sent": {"key": "a key"},
    "send_bulk": {
        "text": TEXT, "to": [NUMBER], "batch_size": 10, "concurrency": 1, "on_progress": None, "journal": None,
        "unknown": "keep", "settle_for": 0.0, "sender": "FIRMA", "iys": Iys.OFF, "send_at": LATER,
    },
    "send_bulk_messages": {
        "messages": [Message(TEXT, NUMBER)], "batch_size": 10, "concurrency": 1, "on_progress": None, "journal": None,
        "unknown": "keep", "settle_for": 0.0, "allow_new_texts": False, "sender": "FIRMA", "iys": Iys.OFF,
        "send_at": LATER,
    },
    "get_report": {"order_id": 1, "page_size": 10, "read_ahead": 1},
    "get_order": {"order_id": 1},
    "get_reports": {"start": date(2026, 1, 1), "end": date(2026, 1, 1)},
    "wait_for_order": {"order_id": 1, "timeout": 0.01},
    "cancel_order": {"order_id": 1},
    "get_blacklist": {"start": LATER, "end": LATER},
    "add_blacklist": {"number": NUMBER},
    "delete_blacklist": {"number": NUMBER},
    "register_consents": {"brand_code": "BRAND", "consents": [a_consent()]},
    "check_consent": {"brand_code": "BRAND", "recipient": NUMBER, "recipient_type": "BIREYSEL", "type": "MESAJ"},
}  # fmt: skip
_WORDS = {"text", "number", "key", "long text", "address", "blank"}
#: What is no mistake in that place, and shown on purpose: a journal's complaint names its path, an order's its id, a
#: send's its key, a table's its column.
SOUND_WAYS = {
    "journal": {*_WORDS, "bytes", "bytes of a number", "none"},
    "order_id": {"integer", "number", "none"},
    "key": {*_WORDS, "none", "half a character", "null character"},
    "fill_template.to": {*_WORDS, "half a character", "null character"},
}
CALLS = [(method, argument) for method, arguments in SOUND.items() for argument in arguments]

FUNCTIONS: dict[str, tuple[Callable[..., object], dict[str, object]]] = {
    "normalize_number": (normalize_number, {"value": NUMBER}),
    "measure": (measure, {"text": TEXT}),
    "parse_webhook": (parse_webhook, {"body": TEXT}),
    "Message": (Message, {"text": TEXT, "to": NUMBER}),
    "Consent": (
        Consent,
        {
            "recipient": NUMBER, "recipient_type": "BIREYSEL", "type": "MESAJ", "status": "ONAY", "source": "HS_WEB",
            "consent_date": LATER,
        },
    ),
    "Retry": (Retry, dict.fromkeys(inspect.signature(Retry).parameters, 1)),
    "AsyncClient": (
        AsyncClient,
        {
            "key": KEY, "hash": HASH, "sender": "FIRMA", "iys": Iys.OFF, "base_url": "http://127.0.0.1:1/v1",
            "timeout": 1.0, "max_connections": 1, "retry": Retry(), "rate": None,
            "http_client": httpx.AsyncClient(), "store": None,
        },
    ),
    "TokenBucket": (TokenBucket, {"rate": 1.0}),
    "fill_template": (
        lambda **given: list(fill_template(**given)),
        {"template": f"{TEXT} {{ad}}", "rows": [{"telefon": NUMBER, "ad": KEY}], "to": "telefon",
         "decimal_comma": True},
    ),
    "SqliteStore": (SqliteStore, {"path": "store", "keep": timedelta(1), "timeout": 1.0}),
    "PostgresStore": (
        PostgresStore, {"url": f"postgresql://a:{KEY}@127.0.0.1:1/a", "keep": timedelta(1), "timeout": 1.0},
    ),
    "journal of a store": (lambda name: SqliteStore("store").journal(name), {"name": "kis-2026"}),
    "RedisStore": (RedisStore, {"url": f"redis://a:{KEY}@127.0.0.1:1/0", "keep": timedelta(1), "timeout": 1.0}),
}  # fmt: skip
SYNC_CALLS = [(name, argument) for name, (_, arguments) in FUNCTIONS.items() for argument in arguments]


def test_no_argument_is_left_out() -> None:
    """Every one of every public method, function and constructor that takes any."""
    for name, member in vars(AsyncClient).items():
        if not name.startswith("_"):
            assert list(inspect.signature(member).parameters)[1:] == [*SOUND.get(name, {})]
    assert SOUND.keys() <= vars(AsyncClient).keys()
    named = {"fill_template": fill_template}
    for name, (function, arguments) in FUNCTIONS.items():
        assert list(inspect.signature(named.get(name, function)).parameters) == [*arguments]


@pytest.mark.parametrize(("method", "argument"), CALLS)
async def test_no_wrong_argument_is_shown(method: str, argument: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is given in place of what was expected, whether it is refused, raises by itself, or is sent."""
    caplog.set_level(logging.DEBUG)
    leaks: list[str] = []
    raised = 0
    async with SqliteStore("store") as store:
        for way in sorted(WAYS.keys() - SOUND_WAYS.get(argument, set())):
            client = over(store=store if "key" in SOUND[method] else None)
            try:
                await finish(getattr(client, method)(**(SOUND[method] | {argument: WAYS[way]()})))
            except Exception as error:  # noqa: BLE001 - each is looked at
                raised += 1
                leaks += [f"{way}: {leak}" for leak in leaks_of(error, SECRETS)]
    assert leaks == []
    assert raised > len(WAYS) / 5
    assert not [secret for secret in SECRETS if secret in caplog.text]


@pytest.mark.parametrize(("function", "argument"), SYNC_CALLS)
def test_no_wrong_value_is_shown(function: str, argument: str) -> None:
    """The functions and constructors likewise."""
    leaks: list[str] = []
    call, sound = FUNCTIONS[function]
    for way in sorted(WAYS.keys() - SOUND_WAYS.get(f"{function}.{argument}", set())):
        try:
            call(**(sound | {argument: WAYS[way]()}))
        except Exception as error:  # noqa: BLE001 - each is looked at
            leaks += [f"{way}: {leak}" for leak in leaks_of(error, SECRETS)]
    assert leaks == []


# Hooks and sources of the caller's that raise.


def many_numbers() -> Iterator[str]:
    yield from [NUMBER, "0530 123 45 67"] * 3000
    raise Gone


def many_messages() -> Iterator[Message]:
    yield from [Message(TEXT, NUMBER), Message(f"{TEXT}!", [NUMBER])] * 3000
    raise Gone


def many_consents() -> Iterator[Consent]:
    yield from [a_consent()] * 6000
    raise Gone


def lately(source: Callable[[], Iterator[Any]]) -> Callable[[], AsyncIterator[Any]]:
    async def later() -> AsyncIterator[Any]:
        for value in source():
            yield value

    return later


SOURCES = [
    ("send_sms", "to", many_numbers),
    ("send_messages", "messages", many_messages),
    ("send_bulk", "to", many_numbers),
    ("send_bulk", "to", lately(many_numbers)),
    ("send_bulk_messages", "messages", many_messages),
    ("send_bulk_messages", "messages", lately(many_messages)),
    ("register_consents", "consents", many_consents),
]


@pytest.mark.parametrize(("method", "argument", "source"), SOURCES)
async def test_no_source_that_breaks_shows_what_it_brought(
    method: str, argument: str, source: Callable[[], object]
) -> None:
    """It is the caller's error that comes out, and neither its frames nor ours hold what was read before."""
    with pytest.raises(Gone) as caught:
        await getattr(over(ok(order={"id": 1})), method)(**(SOUND[method] | {argument: source()}))
    assert leaks_of(caught.value, SECRETS) == []


def raising(*_: object) -> object:
    raise Gone


async def raising_later(*_: object) -> object:
    await anyio.lowlevel.checkpoint()
    raise Gone


class BrokenPacer:
    async def acquire(self, n: int, /) -> None:
        raise Gone


SENDING = ["send_sms", "send_messages", "send_bulk", "send_bulk_messages"]


@pytest.mark.parametrize("hook", [raising, raising_later, lambda *_: NUMBER, lambda *_: Shown()])
@pytest.mark.parametrize("method", ["send_bulk", "send_bulk_messages"])
async def test_no_progress_hook_that_breaks_shows_anything(method: str, hook: object) -> None:
    """At the first order already."""
    assert bool(await look_at(over(ok(order={"id": 1})), method, on_progress=hook)) is (
        hook in {raising, raising_later}
    )


@pytest.mark.parametrize("method", SENDING)
async def test_no_pacer_that_breaks_shows_anything(method: str) -> None:
    """Whether its error comes out, or one of ours in its place."""
    assert await look_at(over(ok(order={"id": 1}), rate=BrokenPacer()), method)


async def look_at(client: AsyncClient, method: str, **other: object) -> list[BaseException]:
    """Call it, and see that neither what it raises nor the errors in its result show anything."""
    errors: list[BaseException] = []
    outcome: object = None
    try:
        outcome = getattr(client, method)(**(SOUND.get(method, {}) | other))
        outcome = await outcome if inspect.isawaitable(outcome) else await finish(outcome)
    except Exception as error:  # noqa: BLE001 - each is looked at
        errors.append(error)
        outcome = getattr(error, "result", None)
    if isinstance(outcome, BulkResult):
        errors += [failure.error for failure in outcome.failed]
    assert [leak for error in errors for leak in leaks_of(error, SECRETS)] == []
    return errors


@pytest.mark.parametrize("url", [f"postgresql://{KEY}:{HASH}@127.0.0.1:1/a", f"redis://{KEY}:{HASH}@127.0.0.1:1/0"])
async def test_no_store_that_is_away_shows_its_password(url: str) -> None:
    """Nor what was to be sent."""
    make_store = PostgresStore if url.startswith("postgresql") else RedisStore
    async with make_store(url, timeout=0.05) as store:
        (error,) = await look_at(over(store=store), "send_sms", key="a key")
    assert isinstance(error, StoreError)


# The service and the network.

ALL = f"{ECHO} {TEXT}"
LOSSES = [
    httpx.ReadError(ALL), httpx.ConnectError(ALL), httpx.ConnectTimeout(ALL), httpx.ProxyError(ALL),
    httpx.ReadTimeout(ALL), httpx.RemoteProtocolError(ALL),
    RuntimeError(ALL), KeyError(ALL), OSError(5, ALL),
    UnicodeDecodeError("utf-8", ALL.encode(), 0, 1, ALL), httpx.Response(502, text=ALL),
    httpx.Response(301, headers={"Location": f"https://{KEY}.example"}), b"{" + ALL.encode(),
    refusal(401, ECHO), refusal(451), refusal(452, ECHO), refusal(402), refusal(429), refusal(999),
    ok(), ok(order=[ALL], blacklist=ALL, orders=ALL, consent=ALL, senders=ALL, balance=ALL),
    ok(order={"id": ALL, "status": ALL, "message": [{"number": NUMBER, "status": ALL}]}),
]  # fmt: skip


@pytest.mark.parametrize("method", [*sorted(SOUND.keys() - {"with_options"}), "get_balance", "get_senders"])
async def test_nothing_that_the_service_or_the_network_does_is_shown(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Though it repeats everything that it was sent, in whatever shape."""
    caplog.set_level(logging.DEBUG)
    looked = [await look_at(over(answer), method) for answer in LOSSES]
    assert sum(map(bool, looked)) > len(LOSSES) / 2
    assert not [secret for secret in SECRETS if secret in caplog.text]


@pytest.mark.parametrize(
    "method",
    [method for operation in OPERATIONS.values() for method in operation.methods],
)
async def test_no_call_that_is_cancelled_shows_anything(method: str) -> None:
    """The cancellation passes the frames of the call, and of the HTTP client below it."""
    looked: list[list[str]] = []
    with anyio.CancelScope() as scope:

        class Cancelling(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                scope.cancel()
                await anyio.sleep(10)
                raise Gone

        client = make(http_client=httpx.AsyncClient(transport=Cancelling()))
        try:
            await finish(getattr(client, method)(**SOUND.get(method, {})))
        except BaseException as error:
            looked.append(leaks_of(error, SECRETS))
            raise
    assert looked == [[]]
