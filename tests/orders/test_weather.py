"""Reports that look different from the truth: nobody is texted twice, and nothing that was taken is said not to be."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

import anyio
import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weather import SOUND, WEATHER

from iletimerkezi_async import (
    BulkError,
    BulkResult,
    DuplicateOrderError,
    IletimerkeziError,
    Iys,
    Message,
    OutcomeUnknownError,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox, Weather

LONG = "Bu metin iki SMS tutacak kadar uzundur. " * 5
#: More than two minutes, as lists lag.
MINUTES = st.sampled_from([0.0, 0.5, 3.0, 8.0, 9.5, 11.0, 30.0, 600.0])


@frozen
class Run:
    """A run of a campaign: what fails, and how long ago the last one was, by each clock."""

    faults: tuple[str, ...]
    here: float
    there: float
    weather: Weather


FAULT = st.sampled_from(["drop-answer", "drop-answer", "drop-request", "close-idle", "450", "452", "402", "503"])
CLOCKS = MINUTES.map(lambda passed: (passed, passed)) | st.tuples(MINUTES | st.sampled_from([-60.0, 60.0]), MINUTES)


def runs(weather: st.SearchStrategy[Weather]) -> st.SearchStrategy[list[Run]]:
    return st.lists(
        st.builds(
            lambda faults, clocks, weather: Run(tuple(faults), *clocks, weather),
            st.lists(FAULT, max_size=6), CLOCKS, weather,
        ),
        min_size=1, max_size=4,
    )  # fmt: skip


class Account:
    """An account whose campaign is run again and again, and what must hold of it."""

    def __init__(self, path: Path, *, several: bool, text: str, skip: bool, later: bool, backend: str) -> None:
        self.blocked = {"+905301200003"} if skip else set[str]()
        self.sandbox = Sandbox(blocked=self.blocked, blocked_policy="skip", delivery_seconds=0)
        self.path = path
        self.several, self.text, self.backend = several, text, backend
        self.minutes = 0.0
        self.real = time.time
        self.send_at = datetime.now(timezone.utc) + timedelta(hours=5) if later else None
        self.numbers = [f"+90530120{index:04}" for index in range(60)]

    @property
    def sent(self) -> Counter[tuple[str, str]]:
        """What the ledger has of this campaign."""
        return Counter(
            pair for order in self.sandbox.orders for pair in order.messages if pair[0].startswith(self.text)
        )

    def asked(self, number: str) -> str:
        return f"{self.text}{number[-1]}" if self.several else self.text

    def go(self, run: Run) -> BulkResult | None:
        """Run it, and see what it says."""
        self.sandbox.heal()
        self.sandbox.weather = run.weather
        # Others of the same account, of the same size.
        self.sandbox.add_orders(3, recipients=20)
        self.sandbox.advance(minutes=run.there)
        self.minutes += run.here
        for fault in run.faults:
            self.sandbox.fail("send-sms", fault, times=1 + (fault in {"drop-answer", "drop-request"}))
        with patch("time.time", lambda: self.real() + 60 * self.minutes):
            result = anyio.run(self._run, backend=self.backend)
        if result is not None:
            self.check(result)
        return result

    async def _run(self) -> BulkResult | None:
        retry = Retry(attempts=2, wait_initial=0)
        options = {"batch_size": 20, "concurrency": 2, "journal": self.path, "send_at": self.send_at}
        async with self.sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None) as client:
            try:
                if self.several:
                    messages = [Message(self.asked(number), number) for number in self.numbers]
                    return await client.send_bulk_messages(messages, **options)  # type: ignore[arg-type]  # of all types
                return await client.send_bulk(self.text, self.numbers, **options)  # type: ignore[arg-type]  # likewise
            except BulkError as error:
                return error.result
            except IletimerkeziError:
                return None

    def check(self, result: BulkResult) -> None:
        assert set(self.sent.values()) <= {1}
        in_doubt = (OutcomeUnknownError, DuplicateOrderError)
        surely_not = {
            number
            for failure in result.failed
            if not isinstance(failure.error, in_doubt)
            for message in failure.messages
            for number in message.to
        }
        assert not {number for _, number in self.sent} & surely_not
        orders = {order.id: order for order in self.sandbox.orders}
        assert all(orders[order.id].texts[0][0].startswith(self.text) for order in result.orders)


ACCOUNT = {
    "several": st.booleans(),
    "text": st.sampled_from(["Kampanya ", LONG]),
    "skip": st.booleans(),
    "later": st.booleans(),
    "backend": st.sampled_from(["asyncio", "trio"]),
}
QUIETLY = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(QUIETLY)
@given(runs=runs(WEATHER), **ACCOUNT)  # type: ignore[arg-type]  # strategies of several types
def test_in_any_weather_nobody_is_texted_twice(
    runs: list[Run], tmp_path_factory: pytest.TempPathFactory, **account: object
) -> None:
    """A campaign that is run several times, while clocks are set and reports bent in every way: the ledger judges."""
    service = Account(tmp_path_factory.mktemp("weather") / "journal", **account)  # type: ignore[arg-type]  # as drawn
    for run in runs:
        service.go(run)


@settings(QUIETLY)
@given(weather=SOUND, faults=st.lists(FAULT, max_size=6), **ACCOUNT)  # type: ignore[arg-type]  # as above
def test_where_the_reports_are_sound_two_runs_settle_everything(
    weather: Weather, faults: list[str], tmp_path_factory: pytest.TempPathFactory, **account: object
) -> None:
    """After answers were lost, and two runs an hour apart, everybody has been texted, and is told to be."""
    service = Account(tmp_path_factory.mktemp("weather") / "journal", **account)  # type: ignore[arg-type]  # as drawn
    service.go(Run(tuple(faults), 0, 0, weather))
    service.go(Run((), 61, 61, weather))
    result = service.go(Run((), 61, 61, weather))
    assert result is not None
    lost = {number for failure in result.failed for message in failure.messages for number in message.to}
    if account["later"]:
        # Of what is not due there is no report: an order that was taken may be any of the lost ones of its size.
        assert not lost or lost & {number for _, number in service.sent}
        return
    assert not lost
    assert len(service.sent) == 60 - bool(account["skip"])
    # One that is blocked was skipped, or is refused.
    assert result.accepted + len(result.refused) == 60
