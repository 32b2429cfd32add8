"""Processes that are paused anywhere, for seconds or hours, while another one goes on with the same key or campaign.

A machine that sleeps, a container that is frozen, a thread that gets no turn: paused is whatever thread enters the
chosen function of the package, be it that of the event loop or one of a store.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import anyio
import httpx
import pytest
from attrs import define, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iletimerkezi_async import IletimerkeziError, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore

FAULTS = ["drop-answer", "drop-answer", "drop-request", "html-502", "empty-503", "402", "452"]
MINUTES = [0.0, 0.01, 0.3, 1.0, 5.0, 9.5, 10.5, 30.0, 61.0, 700.0]
PACKAGE = "/iletimerkezi_async/"
# A body that is on its way is called back by nobody: no pause from the last look at the clock to the service.
LEAVES, ARRIVES = "handle_async_request", "_answer"
NUMBERS = [f"+9053012{index:05}" for index in range(6)]


@frozen
class Run:
    """A call, and where it is paused.

    Attributes:
        point: Before which of the package's functions that it enters; those that are too late pause nothing.
        paused: For how many minutes.
        other: Whether another process makes the same call meanwhile.
        faults: What becomes of its first requests.
        later: Minutes that pass after it.
    """

    point: int
    paused: float
    other: bool
    faults: list[str]
    later: float


runs = st.builds(
    Run,
    point=st.integers(1, 700) | st.integers(1, 1800),
    paused=st.sampled_from(MINUTES),
    other=st.booleans(),
    faults=st.lists(st.sampled_from(FAULTS), max_size=3),
    later=st.sampled_from(MINUTES),
)

#: An answer that never comes is not waited for; how long an attempt lasts in all is the machine's matter.
LIMITS = httpx.Timeout(1, read=0.1)


@define
class World:
    """A key or a campaign of one store, and the processes that know of it."""

    path: Path
    backend: str
    is_campaign: bool
    sandbox: Sandbox = field(factory=lambda: Sandbox(delivery_seconds=0))
    late: float = 0.0

    def pass_minutes(self, minutes: float) -> None:
        self.late += 60 * minutes
        self.sandbox.advance(minutes=minutes)

    def call(self, pause: Callable[[], object] | None = None, point: int = 0) -> None:
        """Make the call in a process of its own, as it were, which is paused where it enters a function."""
        left = point
        on_their_way = set[FrameType | None]()

        def enter(frame: FrameType, event: str, _: object) -> None:
            nonlocal left
            if event != "call" or left <= 0 or PACKAGE not in frame.f_code.co_filename:
                return
            if frame.f_code.co_name == LEAVES:
                on_their_way.add(frame)
            elif frame.f_code.co_name == ARRIVES:
                on_their_way.discard(frame.f_back)
            if on_their_way:
                return
            left -= 1
            if left == 0 and pause is not None:
                pause()

        def process() -> None:
            sys.setprofile(enter)
            with suppress(IletimerkeziError):
                anyio.run(self._send, backend=self.backend)

        real = threading.getprofile()
        threading.setprofile(enter)
        try:
            thread = threading.Thread(target=process)
            thread.start()
            thread.join()
        finally:
            threading.setprofile(real)

    async def _send(self) -> None:
        retry = Retry(attempts=2, wait_initial=0)
        async with (
            SqliteStore(self.path, timeout=0.2) as store,
            self.sandbox.client(
                sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None, store=store, timeout=LIMITS
            ) as client,
        ):
            if self.is_campaign:
                await client.send_bulk("Metin", NUMBERS, batch_size=3, journal=store.journal("kampanya"))
            else:
                await client.send_sms("Metin", NUMBERS, key="anahtar")

    def go(self, run: Run) -> None:
        """One call, another beside it where it is paused, and what passes afterwards."""

        def pause() -> None:
            self.pass_minutes(run.paused)
            if run.other:
                self.call()

        self.sandbox.heal()
        for fault in run.faults:
            self.sandbox.fail("send-sms", fault)
        self.call(pause, run.point)
        self.pass_minutes(run.later)


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load what is loaded on first use: a pause within an import would keep all others out of it, unlike a process."""
    for is_campaign in (False, True):
        World(tmp_path_factory.mktemp("loaded") / "store", "asyncio", is_campaign).call()


@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(runs, min_size=1, max_size=4),
    is_campaign=st.booleans(),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_nobody_is_texted_twice_by_a_process_that_was_paused(
    runs: list[Run], is_campaign: bool, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And everybody is texted at last, once the service has taken an order since and an hour is over."""
    world = World(tmp_path_factory.mktemp("paused") / "store", backend, is_campaign)
    real, monotonic = time.time, time.monotonic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: real() + world.late)
        patch.setattr("time.monotonic", lambda: monotonic() + world.late)
        for run in runs:
            world.go(run)
            assert set(world.sandbox.deliveries.values()) <= {1}
        world.sandbox.heal()
        world.pass_minutes(61)
        world.call()
        world.pass_minutes(61)
        world.call()
    assert world.sandbox.deliveries == Counter(NUMBERS)
