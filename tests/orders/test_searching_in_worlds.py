"""Keys that are sent again and again in random worlds, through the client: the sandbox's ledger judges.

Lists are behind, are cut off, or run in another zone; one clock is off, or is set; other programs text the same people,
and so does this one. What is assumed of the world stands in the chapter of `orders`, and holds here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import anyio
import httpx
import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    IletimerkeziError,
    Iys,
    Order,
    OrderAcceptedError,
    OutcomeUnknownError,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.sandbox.transport import InProcessTransport
from iletimerkezi_async.stores import SqliteStore

TEXT, ELSEWHERE = "Siparisiniz yolda", "http://127.0.0.1/v1"
NUMBERS = [f"+9053012{index:05}" for index in range(20)]
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
#: By how many minutes a list may be off beside those that are hours off.
MINUTES_OFF = 7.0


class Cut(httpx.AsyncBaseTransport):
    """Shows only so many orders in its lists, the newest, and tells no count."""

    def __init__(self, sandbox: Sandbox, most: int) -> None:
        self._inner = InProcessTransport(sandbox._service.answer)
        self._most = most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if "get-reports" not in str(request.url):
            return response
        body = json.loads(await response.aread())
        answer = body["response"]
        page = json.loads(request.content)["request"]["filter"]["page"]
        if "orders" in answer:
            answer["orders"] = answer["orders"][: self._most] if page == 1 else []
            answer.pop("count", None)
        return httpx.Response(response.status_code, json=body, headers={"Date": response.headers.get("Date", "")})


@frozen
class Run:
    """A call with the key.

    Attributes:
        minutes: What passes before it.
        faults: What becomes of its attempts.
        others: What is sent before it, by this program or another, to whom; some of that more than once.
        local: By how many seconds this machine's clock is off.
        date: The same of the service's `Date`; `None` where it is not told.
    """

    minutes: float
    faults: list[str]
    others: list[tuple[str, str]]
    local: float
    date: float | None


@frozen
class World:
    """What stays the same between runs."""

    size: int
    lag: float
    zone: float
    cut: int
    blocked: bool
    runs: list[Run]


#: Mostly both attempts of the first call are lost, and those of later ones go well.
LOST = st.lists(st.sampled_from(["drop-answer", "drop-request", "drop-request"]), min_size=2, max_size=2)
FAULTS = st.lists(st.sampled_from(["drop-answer", "drop-request", "402", "452", "503"]), max_size=3)
TO = st.sampled_from(["other", "other", "other", "same", "one"])
OTHERS = st.lists(st.tuples(st.sampled_from(["ours", "ours", "theirs"]), TO), max_size=3)
PASSED = st.sampled_from([0.0, 2.0, 8.0, 8.9, 9.5, 10.5, 15.0, 30.0, 61.0, 65.0, 700.0, 3000.0])
#: One clock may be wrong, and not both: this machine's, the service's, or none.
CLOCKS = st.one_of(
    st.tuples(st.sampled_from([-2 * DAY, -3 * HOUR, -40 * MINUTE, 0.0, 300.0, 40 * MINUTE, 2 * DAY]), st.just(0.0)),
    st.tuples(st.just(0.0), st.sampled_from([-1.6 * DAY, -20 * MINUTE, 0.0, 0.0, 20 * MINUTE, 3 * HOUR, None])),
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> World:
    whose = draw(st.sampled_from(["local", "date", "none"]))
    runs: list[Run] = []
    for _ in range(draw(st.integers(2, 5))):
        local, date = draw(CLOCKS)
        runs.append(
            Run(
                draw(PASSED), draw(FAULTS if runs and draw(st.booleans()) else LOST if not runs else st.just([])),
                draw(OTHERS), local if whose == "local" else 0.0,
                date if whose == "date" else 0.0,
            )
        )  # fmt: skip
    return World(
        size=draw(st.sampled_from([1, 2, 20])), lag=draw(st.sampled_from([0.0, 0.0, 2.0, 8.0, 45.0])),
        zone=draw(st.sampled_from([0.0, 0.0, 180.0, -180.0, MINUTES_OFF])), cut=draw(st.sampled_from([99, 99, 1, 3])),
        blocked=draw(st.booleans()), runs=runs,
    )  # fmt: skip


class Account:
    """An account, its clocks, and what must hold of its ledger."""

    def __init__(self, world: World, path: Path, backend: str) -> None:
        self.world, self.path, self.backend = world, path, backend
        self.numbers = NUMBERS[: world.size]
        blocked = self.numbers[-1:] if world.blocked and world.size > 1 else []
        self.sandbox = Sandbox(blocked=blocked, blocked_policy="skip", delivery_seconds=0)
        self.seconds = 0.0
        self.real = time.time
        self.texts = 0
        #: Whether it may still be sent again as the same attempts: within ten minutes of one.
        self.is_doubted = False

    def go(self, run: Run) -> None:
        self._pass(run.minutes)
        self.is_doubted = self.is_doubted and run.minutes < 10
        self.sandbox.heal()
        world = self.world
        self.sandbox.weather = Weather(
            list_lag=timedelta(minutes=world.lag),
            time_offset=timedelta(minutes=world.zone),
            date_offset=None if run.date is None else timedelta(seconds=run.date),
        )
        # Before everything else one order of ours, long enough ago: a list that is cut off lacks it as well.
        for whose, to in [*([] if self.texts else [("ours", "other")]), *run.others]:
            # None of another program is within a minute of an attempt, or between two of the same order.
            is_apart = whose == "theirs" and self.is_doubted
            self._pass(1.1)
            self._go(self._send_another, whose, "other" if is_apart else to, run=run)
            self._pass(11.0 if self.texts == 1 else 2.1)
        for fault in run.faults:
            self.sandbox.fail("send-sms", fault)
        self.is_doubted = True
        self.check(self._go(self._send, run=run))

    def _go(self, call: Callable[..., Awaitable[object]], *arguments: object, run: Run) -> object:
        """Do something in a process of its own, as it were."""
        shift = self.seconds + run.local
        with patch("time.time", lambda: self.real() + shift):
            return anyio.run(self._connect, call, *arguments, backend=self.backend)

    def _pass(self, minutes: float) -> None:
        self.seconds += 60 * minutes
        self.sandbox.advance(minutes=minutes)

    async def _connect(self, call: Callable[..., Awaitable[object]], *arguments: object) -> object:
        async with (
            SqliteStore(self.path) as store,
            httpx.AsyncClient(transport=Cut(self.sandbox, self.world.cut)) as http,
            AsyncClient(
                "demo", "demo", base_url=ELSEWHERE, sender="FIRMA", iys=Iys.OFF, rate=None, store=store,
                retry=Retry(attempts=2, wait_initial=0), http_client=http,
            ) as client,
        ):  # fmt: skip
            # As a process does that has been running for a while: it has heard the service's time.
            await client.get_balance()
            return await call(client, *arguments)

    async def _send(self, client: AsyncClient) -> object:
        try:
            return await client.send_sms(TEXT, self.numbers, key="k")
        except IletimerkeziError as error:
            return error

    async def _send_another(self, client: AsyncClient, whose: str, to: str) -> None:
        self.texts += 1
        numbers = {"same": self.numbers, "other": ["+905309999999"], "one": self.numbers[:1]}[to]
        if whose == "ours":
            await client.send_sms(f"Baska {self.texts}", numbers)
        else:
            # By a list whose times are minutes off, an order of minutes ago was sent just now, as far as is known.
            if self.world.zone == MINUTES_OFF:
                numbers = ["+905309999999"]
            self.sandbox.add_orders(to=numbers, text=f"Baska {self.texts}")

    def check(self, said: object) -> None:
        taken = [order for order in self.sandbox.orders if order.texts[0][0] == TEXT]
        assert len(taken) <= 1, "texted twice"
        if isinstance(said, Order):
            assert [order.id for order in taken] == [said.id], "another order's id"
        elif isinstance(said, OrderAcceptedError):
            assert taken, "taken, though it was not"
        elif not isinstance(said, (OutcomeUnknownError, DuplicateOrderError)):
            assert isinstance(said, IletimerkeziError)
            sure = type(said).__name__ not in {"SendInProgressError", "StoreError"}
            assert not (sure and taken), f"{said!r}, and yet it was taken"


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), backend=st.sampled_from(["asyncio", "trio"]))
def test_no_key_is_sent_twice_or_lost_in_any_world(
    world: World, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is said of an order is what the ledger has, run after run."""
    account = Account(world, tmp_path_factory.mktemp("world") / "store", backend)
    for run in world.runs:
        account.go(run)
