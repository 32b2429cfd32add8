"""Sending of every kind at random, with everything that can go wrong, and the sandbox's ledger as the judge."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

import anyio
import anyio.lowlevel
import httpx
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from weather import WEATHER

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    BulkResult,
    DuplicateOrderError,
    IletimerkeziError,
    Iys,
    JournalError,
    Message,
    Order,
    OrderAcceptedError,
    OrderNotFoundError,
    OutcomeUnknownError,
    Progress,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox, Weather

#: Recipients of a call. Each call has others: the reports tell an order's numbers and not its text, so that an order
#: which is looked up there, and has the very numbers of another, would be taken for it.
PICKS = st.lists(st.integers(0, 19), max_size=30)
#: After so many steps a call is given up; or never.
PATIENCE = st.sampled_from([None] * 60 + [*range(60)])
BATCHES = st.integers(1, 9)
MINUTES = st.sampled_from([0, 0.5, 5, 8.9, 9.1, 11, 60])
ATTEMPTS = 2

FAULTS = st.sampled_from([
    "drop-request", "drop-answer", "half-answer", "garbage", "not-object", "html-502-before", "html-502", "empty-504",
    "empty-503", "503", "empty-429", "429", "stall", "close-idle", "400", "401", "402", "450", "452", "500",
])  # fmt: skip
OPERATIONS = st.sampled_from(
    ["send-sms", "send-sms", "send-sms", "get-reports", "get-report", "cancel-order", "get-balance", "*"]
)


class PowerCut(Exception):  # noqa: N818 - not an error of anybody
    pass


@define
class Campaign:
    """A campaign with a journal, as it is asked for again and again."""

    messages: list[Message]
    path: Path
    several: bool
    runs: int = 0

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(message.text, str(number)) for message in self.messages for number in message.to]


@define
class Ended:
    """What a call came to: its result or its exception; neither where it was given up."""

    value: object = None
    error: BaseException | None = field(default=None)


class Service(RuleBasedStateMachine):
    """One account, one after another of whose callers does something to it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.granted = 200
        self.sandbox = Sandbox(balance=self.granted)
        self.minutes = 0.0
        # This machine's clock or the service's, if one was set wrong: never both, as the chapter of orders assumes.
        self.wrong_clock = ""
        self.texts = 0
        self.campaigns: list[Campaign] = []
        self.scheduled: list[int] = []
        self.backend = "asyncio"

    @initialize(backend=st.sampled_from(["asyncio", "trio"]), to=PICKS, several=st.booleans())
    def begin(self, backend: str, to: list[int], several: bool) -> None:
        self.backend = backend
        self.plan_a_campaign(to, several)

    def teardown(self) -> None:
        """When all is well again, campaigns come to their ends."""
        self.sandbox.heal()
        self.grant(10_000)
        for campaign in self.campaigns:
            self.run_campaign(campaign, batch_size=5, concurrency=2, patience=None)
            ended = self.run_campaign(campaign, batch_size=5, concurrency=2, patience=None)
            assert isinstance(ended.value, BulkResult)
            for failure in ended.value.failed:
                assert isinstance(failure.error, (OutcomeUnknownError, DuplicateOrderError))
        self.nobody_is_texted_twice()
        self.the_balance_adds_up()
        shutil.rmtree(self.folder)

    # What happens to the service.

    @rule(operation=OPERATIONS, fault=FAULTS, times=st.integers(1, 4))
    def plan_a_fault(self, operation: str, fault: str, times: int) -> None:
        self.sandbox.fail(operation, fault, times=times)

    @rule(fault=st.sampled_from(["drop-answer", "drop-request"]), good=st.integers(0, 3))
    def lose_an_order(self, fault: str, good: int) -> None:
        """With every repetition of it, after some that go well."""
        self.sandbox.heal()
        if good:
            self.sandbox.fail("send-sms", "close-idle", times=good)
        self.sandbox.fail("send-sms", fault, times=ATTEMPTS)

    @rule(sms=st.integers(0, 100))
    def heal(self, sms: int) -> None:
        """And fill the account up."""
        self.sandbox.heal()
        self.grant(sms)

    @rule(here=MINUTES | st.sampled_from([-60, -11]), there=st.none() | MINUTES)
    def let_time_pass(self, here: float, there: float | None) -> None:
        """By this machine's clock and the service's, which may be set apart from each other."""
        if self.wrong_clock == "the service's":
            here, there = max(0, here), None
        elif here < 0 or there is not None:
            self.wrong_clock = "this machine's"
        self.minutes += here
        self.sandbox.advance(minutes=max(0, here) if there is None else there)

    @rule(pick=st.integers(0, 19), blocked=st.booleans())
    def block(self, pick: int, blocked: bool) -> None:
        """One of those whom the last call is about, or the next one."""
        number = self.number(pick)
        self.call(lambda client: client.add_blacklist(number) if blocked else client.delete_blacklist(number))

    @rule(weather=WEATHER)
    def change_the_weather(self, weather: Weather) -> None:
        """What is told of the orders differs from the truth from now on, and so does the service's clock."""
        if weather.date_offset and self.wrong_clock == "this machine's":
            weather = evolve(weather, date_offset=timedelta(0))
        elif weather.date_offset:
            self.wrong_clock = "the service's"
        self.sandbox.weather = weather

    @rule(count=st.integers(1, 40), recipients=st.integers(1, 9))
    def let_others_send(self, count: int, recipients: int) -> None:
        """Other programs of the same account, orders of the same size."""
        self.sandbox.add_orders(count, recipients=recipients)
        self.grant(count * recipients)

    # What callers do.

    @rule(to=PICKS, several=st.booleans(), patience=PATIENCE, later=st.booleans())
    def send(self, to: list[int], several: bool, patience: int | None, later: bool) -> None:
        messages = self.write(to, several=several)
        pairs = {(message.text, str(number)) for message in messages for number in message.to}
        send_at = self.now() + timedelta(hours=1) if later else None
        ended = self.call(lambda client: client.send_messages(messages, send_at=send_at), patience)
        taken = pairs & set(self.ledger())
        if isinstance(ended.value, Order):
            order = next(order for order in self.sandbox.orders if order.id == ended.value.id)
            assert Counter(order.messages) == Counter(pairs)
            assert ended.value.recipients == len(pairs)
            self.scheduled += [order.id] if later else []
        elif isinstance(ended.error, OrderAcceptedError):
            assert taken == pairs
        elif isinstance(ended.error, IletimerkeziError) and not isinstance(ended.error, OutcomeUnknownError):
            assert not taken

    @rule(pick=st.integers(0, 9), patience=PATIENCE)
    def cancel(self, pick: int, patience: int | None) -> None:
        # Not a precondition: what there is to cancel depends on how quick a call was before it was given up.
        if not self.scheduled:
            return
        id = self.scheduled[pick % len(self.scheduled)]
        ended = self.call(lambda client: client.cancel_order(id), patience)
        order = next(order for order in self.sandbox.orders if order.id == id)
        if ended == Ended() and patience is None:
            assert order.cancelled
        if isinstance(ended.error, OrderNotFoundError) and order.cancelled:
            # By an earlier call, which may have been given up.
            self.scheduled.remove(id)

    @rule(
        to=PICKS, several=st.booleans(), batch_size=BATCHES, concurrency=st.integers(1, 4), patience=PATIENCE,
        break_off=st.none() | st.integers(1, 5),
    )  # fmt: skip
    def send_bulk(
        self, to: list[int], several: bool, batch_size: int, concurrency: int, patience: int | None,
        break_off: int | None,
    ) -> None:  # fmt: skip
        messages = self.write(to, several=several, bad=1)
        read = 0

        def source() -> Iterator[Message]:
            nonlocal read
            for message in messages:
                for number in message.to:
                    read += 1
                    yield Message(message.text, number)

        orders = 0

        def watch(_: Progress) -> None:
            nonlocal orders
            orders += 1
            if orders == break_off:
                raise PowerCut

        async def run(client: AsyncClient) -> BulkResult:
            options = {"batch_size": batch_size, "concurrency": concurrency, "on_progress": watch}
            if several:
                return await client.send_bulk_messages(source(), **options)  # type: ignore[arg-type]  # of all types
            numbers = (message.to[0] for message in source())
            return await client.send_bulk(messages[0].text, numbers, **options)  # type: ignore[arg-type]  # likewise

        ended = self.call(run, patience)
        result = result_of(ended)
        if result is not None:
            assert result.read == read
            self.check(result, [(message.text, str(number)) for message in messages for number in message.to])

    @precondition(lambda self: len(self.campaigns) < 3)
    @rule(to=PICKS, several=st.booleans())
    def plan_a_campaign(self, to: list[int], several: bool) -> None:
        path = self.folder / f"{len(self.campaigns)}.journal"
        self.campaigns.append(Campaign(self.write(to, several=several, bad=1), path, several))

    @rule(
        pick=st.integers(0, 2), batch_size=BATCHES, concurrency=st.integers(1, 4), patience=PATIENCE,
        cut=st.none() | st.integers(1, 5),
    )  # fmt: skip
    def go_on_with_a_campaign(
        self, pick: int, batch_size: int, concurrency: int, patience: int | None, cut: int | None
    ) -> None:
        campaign = self.campaigns[pick % len(self.campaigns)]
        self.run_campaign(campaign, batch_size=batch_size, concurrency=concurrency, patience=patience, cut=cut)

    def run_campaign(
        self, campaign: Campaign, *, batch_size: int, concurrency: int, patience: int | None, cut: int | None = None
    ) -> Ended:
        """Run it to its end, or until the power is cut; the file as it then is, is what the next run finds."""
        campaign.runs += 1
        copy = campaign.path.with_suffix(f".{campaign.runs}")
        orders = 0

        def watch(_: Progress) -> None:
            nonlocal orders
            orders += 1
            if orders == cut:
                copy_at_rest(campaign.path, copy)
                raise PowerCut

        async def run(client: AsyncClient) -> BulkResult:
            options = {
                "batch_size": batch_size, "concurrency": concurrency, "on_progress": watch, "journal": campaign.path,
            }  # fmt: skip
            if campaign.several:
                return await client.send_bulk_messages(campaign.messages, **options)  # type: ignore[arg-type]  # of all types
            message = campaign.messages[0]
            return await client.send_bulk(message.text, message.to, **options)  # type: ignore[arg-type]  # likewise

        ended = self.call(run, patience)
        assert not isinstance(ended.error, JournalError)
        if copy.exists():
            campaign.path = copy
        result = result_of(ended)
        if result is not None:
            self.check(result, campaign.pairs)
        return ended

    # The judge.

    @invariant()
    def nobody_is_texted_twice(self) -> None:
        """Each text was asked for once, for each recipient."""
        assert set(self.ledger().values()) <= {1}

    @invariant()
    def the_balance_adds_up(self) -> None:
        assert self.sandbox.balance == self.granted - sum(o.cost for o in self.sandbox.orders if not o.cancelled)

    def check(self, result: BulkResult, asked: list[tuple[str, str]]) -> None:
        """Everybody who was read is in one place, and it is the right one."""
        assert result.accepted + len(result.refused) + result.duplicates + result.failures == result.read
        texts = {text for text, _ in asked}
        sent = {pair for pair in self.ledger() if pair[0] in texts}
        assert sent <= set(asked)
        orders = {order.id: order for order in self.sandbox.orders}
        for order in result.orders:
            assert orders[order.id].recipients == order.recipients
            assert {text for text, _ in orders[order.id].messages} <= texts
        assert len({order.id for order in result.orders}) == len(result.orders)
        assert sum(order.recipients for order in result.orders) + result.unidentified == result.accepted
        unknown, surely_not = set[tuple[str, str]](), set[tuple[str, str]]()
        for failure in result.failed:
            in_doubt = isinstance(failure.error, (OutcomeUnknownError, DuplicateOrderError))
            for message in failure.messages:
                # The text of one that an earlier run read, and this one did not (yet), is not known.
                named = [pair for pair in asked if pair[1] in message.to and message.text in {"", pair[0]}]
                (unknown if in_doubt else surely_not).update(named)
        assert not sent & surely_not
        assert len({number for _, number in sent - unknown}) <= result.accepted <= len(sent)

    def ledger(self) -> Counter[tuple[str, str]]:
        """How often each text went to each number, or is to go."""
        return Counter(pair for order in self.sandbox.orders for pair in order.messages)

    # The rest.

    def grant(self, sms: int) -> None:
        self.granted += sms
        self.sandbox._service._account.ledger._balance += sms

    def number(self, pick: int) -> str:
        return f"+90530{1000 + self.texts}{pick:03}"

    def write(self, picks: list[int], *, several: bool, bad: int = 0) -> list[Message]:
        """Messages with texts that nobody has used before, to numbers and some that are none."""
        to = [*map(self.number, picks), *["kotu"] * bad]
        self.texts += 1
        if not several:
            return [Message(f"Metin {self.texts}", to)]
        return [Message(f"Metin {self.texts}, {number[-1]}", number) for number in to]

    def now(self) -> datetime:
        return self.sandbox._service.clock.now().astimezone(timezone.utc)

    def call(self, do: Callable[[AsyncClient], Awaitable[object]], patience: int | None = None) -> Ended:
        """Make a call with a client of its own, as a process that is started for it would; give it up after a while."""
        ended = Ended()

        async def main() -> None:
            async with self.client() as client, anyio.create_task_group() as tasks:

                async def make() -> None:
                    try:
                        ended.value = await do(client)
                    except BaseException as error:
                        ended.error = error
                        if not isinstance(error, Exception):
                            raise
                    tasks.cancel_scope.cancel()

                tasks.start_soon(make)
                if patience is not None:
                    for _ in range(patience):
                        await anyio.lowlevel.checkpoint()
                    tasks.cancel_scope.cancel()

        real = time.time
        with patch("time.time", lambda: real() + 60 * self.minutes):
            # The sandbox has a clock of its own.
            anyio.run(main, backend=self.backend)
        assert ended.error is None or isinstance(ended.error, (IletimerkeziError, PowerCut)) or patience is not None
        return ended

    def client(self) -> AsyncClient:
        retry = Retry(attempts=ATTEMPTS, wait_initial=0, wait_max=0)
        return self.sandbox.client(
            sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None, timeout=httpx.Timeout(1, read=0.02)
        )


def result_of(ended: Ended) -> BulkResult | None:
    """What is known of a campaign that came to its end in one way or another."""
    if isinstance(ended.value, BulkResult):
        return ended.value
    error = ended.error if isinstance(ended.error, BulkError) else ended.error and ended.error.__context__
    return error.result if isinstance(error, BulkError) else None


def copy_at_rest(path: Path, copy: Path) -> None:
    """Copy a file that a thread may be writing: no disk is cut between two halves of a transaction."""
    copy.write_bytes(path.read_bytes())
    while copy.read_bytes() != path.read_bytes():
        copy.write_bytes(path.read_bytes())


TestService = Service.TestCase
TestService.settings = settings(
    max_examples=2 * settings().max_examples,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
