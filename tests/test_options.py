"""`with_options`: a second face of the same client, with other settings for its calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx
import pytest
from canned import Canned, http, ok, raw_server, refusal
from waiting import PATIENCE

from iletimerkezi_async import (
    AsyncClient,
    ConfigurationError,
    Iys,
    OutcomeUnknownError,
    Retry,
    SenderError,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore

pytestmark = pytest.mark.anyio

TEXT, NUMBER, OTHER = "Kodunuz 1234", 5301234567, 5301234568
ONCE = Retry(attempts=1)

Make = Callable[..., AsyncClient]


class Counter:
    """A pacer that counts who passes, and keeps pauses by itself."""

    def __init__(self) -> None:
        self.passed = 0
        self.held: list[float] = []

    async def acquire(self, n: int, /) -> None:
        self.passed += n

    def hold_back(self, seconds: float) -> None:
        self.held.append(seconds)


async def test_each_face_has_its_own_sender_and_consent_choice(make_client: Make, sandbox: Sandbox) -> None:
    """What is left out is as in the client, whose own settings stay as they were."""
    async with make_client() as client:
        face = client.with_options(sender="APITEST")
        await face.send_sms(TEXT, NUMBER)
        await face.with_options(sender="FIRMA").send_sms("Baska metin", NUMBER)
        await client.send_sms(TEXT, OTHER)
        with pytest.raises(ConfigurationError, match="iys"):
            await client.with_options(iys=None).send_sms(TEXT, OTHER)
        with pytest.raises(ConfigurationError, match="sender"):
            await client.with_options(sender=None).send_sms(TEXT, OTHER)
        assert "BIREYSEL" in repr(client.with_options(iys=Iys.BIREYSEL))
        assert repr(client).startswith("<AsyncClient sender='FIRMA' iys=OFF")
    assert [order.sender for order in sandbox.orders] == ["APITEST", "FIRMA", "FIRMA"]


async def test_each_face_has_its_own_repetitions(make_client: Make, sandbox: Sandbox) -> None:
    """Beside the client's."""
    async with make_client() as client:
        face = client.with_options(retry=ONCE)
        sandbox.fail("get-balance", "drop-request")
        with pytest.raises(TransportError):
            await face.get_balance()
        sandbox.fail("get-balance", "drop-request", times=2)
        await client.get_balance()
    assert sandbox.request_counts["get-balance"] == 1 + 3


async def test_each_face_has_its_own_limits_over_the_same_lanes(sandbox: Sandbox) -> None:
    """The limit goes along with the request: one connection serves an impatient face and a patient client."""
    connections: list[object] = []

    async def answer(stream: object, _: bytes) -> None:
        if stream not in connections:
            connections.append(stream)
        if len(connections) == 1:
            await stream.send(http(httpx.Response(200, json=ok(senders={"sender": []})).content))  # type: ignore[attr-defined]

    async with raw_server(answer) as (url, _), AsyncClient("demo", "demo", base_url=url, retry=ONCE) as client:
        await client.get_senders()
        await client.with_options(timeout=PATIENCE).get_senders()
        await client.get_senders()
        assert len(connections) == 1
        connections.append(None)
        with pytest.raises(TransportError, match=r"no answer within 0\.5 s"):
            await client.with_options(timeout=httpx.Timeout(PATIENCE, read=0.5)).get_senders()
        with pytest.raises(TransportError, match=r"no answer within 0\.1 s"):
            await client.with_options(timeout=httpx.Timeout(PATIENCE, read=0.1)).get_senders()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("library", ["httpx", "aiohttp"])
async def test_each_face_has_its_own_limits_over_a_caller_s_client(url: str, sandbox: Sandbox, library: str) -> None:
    """Whatever library that is of."""
    sandbox.fail("send-sms", "stall", times=math.inf)
    own = httpx.AsyncClient() if library == "httpx" else aiohttp.ClientSession()
    async with (
        own,
        AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, retry=ONCE, http_client=own) as client,
    ):
        with pytest.raises(OutcomeUnknownError, match=r"no answer within 0\.5 s"):
            await client.with_options(timeout=httpx.Timeout(PATIENCE, read=0.5)).send_sms(TEXT, NUMBER)
        await client.get_balance()


async def test_a_rate_of_its_own_and_the_shared_one(make_client: Make) -> None:
    """A face without a `rate` waits with the client; one with a `rate`, or with none, does not."""
    shared, own = Counter(), Counter()
    async with make_client(rate=shared) as client:
        await client.with_options(retry=ONCE).send_sms(TEXT, [NUMBER, OTHER])
        assert (shared.passed, own.passed) == (2, 0)
        await client.with_options(rate=own).send_sms(TEXT, NUMBER)
        await client.with_options(rate=None).send_sms(TEXT, OTHER)
        assert (shared.passed, own.passed) == (2, 1)


async def test_a_pause_that_the_service_asks_for_is_everybody_s() -> None:
    """The account is one, however many faces its client has."""
    shared, own = Counter(), Counter()
    limit = httpx.Response(429, json=refusal(429), headers={"Retry-After": "7"})
    canned = Canned(limit, ok(order={"id": 1}), rate=shared)
    with pytest.raises(UnavailableError):
        await canned.client.with_options(rate=own, retry=Retry(attempts=1, wait_max=7)).send_sms(TEXT, NUMBER)
    assert shared.held == own.held == [7]


async def test_keys_and_known_orders_are_shared(make_client: Make, tmp_path: Path) -> None:
    """What was sent by one face is not sent again by another."""
    async with SqliteStore(tmp_path / "store") as store, make_client(store=store) as client:
        order = await client.with_options(timeout=5).send_sms(TEXT, NUMBER, key="siparis-1")
        again = await client.with_options(rate=1).send_sms(TEXT, NUMBER, key="siparis-1")
    assert (again.id, again.replayed) == (order.id, True)


async def test_closing_a_face_closes_nothing(make_client: Make) -> None:
    """And it is closed with the client, whichever of them is a face of which."""
    client = make_client()
    async with client.with_options(retry=ONCE) as face:
        await face.get_balance()
    await face.get_balance()
    await client.get_balance()
    deeper = face.with_options(timeout=5)
    await client.aclose()
    for each in (client, face, deeper):
        with pytest.raises(ConfigurationError, match="closed"):
            await each.get_balance()


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": None}, {"timeout": 0}, {"timeout": "30"}, {"retry": None}, {"retry": 3}, {"rate": 0},
        {"rate": "100"}, {"iys": "0"},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_is_checked_at_once(options: dict[str, object]) -> None:
    """As in the constructor: `None` is no "as before", but what it is there."""
    client = AsyncClient("demo", "demo")
    with pytest.raises(ConfigurationError):
        AsyncClient("demo", "demo", **options)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigurationError):
        client.with_options(**options)  # type: ignore[arg-type]  # likewise


def test_a_sender_is_checked_at_once_and_none_is_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the constructor."""
    client = AsyncClient("demo", "demo", sender="FIRMA")
    with pytest.raises(SenderError):
        client.with_options(sender="ÇOKUZUNBASLIK")
    monkeypatch.setenv("ILETIMERKEZI_SENDER", "ORTAM")
    assert "ORTAM" in repr(client.with_options(sender=None))
