"""What a client remembers of its orders, and which of them cannot be told apart by a report."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import (
    Iys,
    OrderAcceptedError,
    OrderReport,
    OrderStatus,
    OutcomeUnknownError,
    Retry,
    StoreError,
)
from iletimerkezi_async.clocks import Moment, Span, Stopwatch
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.orders import known as known_module
from iletimerkezi_async.orders.driver import Attempts
from iletimerkezi_async.orders.known import OrderMemory, hash_content
from iletimerkezi_async.orders.rules import Evidence, OpenOrder, Rows, days, judge
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores.log import KnownId
from iletimerkezi_async.wire.draft import Draft

NOW = Moment(1_777_626_000.0, 1_777_626_000.0)
NUMBERS = [f"+9053012{index:05}" for index in range(400)]


def draft_of(numbers: list[str], text: str = "Kodunuz 1234") -> Draft:
    return Draft("FIRMA", Iys.OFF, {text: tuple(sorted(numbers))}, None, len(numbers))


def send_of(numbers: list[str], text: str = "Kodunuz 1234", owner: object = None) -> OpenOrder:
    draft = draft_of(numbers, text)
    return OpenOrder(draft, hash_content(draft), owner)


def count_for(sends: OrderMemory, send: OpenOrder, owner: object = None) -> int:
    return sends.count_alike(send, owner=owner)


@pytest.mark.parametrize(("mine", "other", "alike"), [
    (1, 1, True), (1, 2, True), (2, 1, False), (1, 150, True), (150, 1, False), (150, 150, True), (150, 145, True),
    (150, 143, True), (150, 142, False), (20, 19, True), (20, 18, False), (19, 18, False), (150, 300, True),
    (98, 101, True), (101, 98, True),
])  # fmt: skip
def test_which_orders_cannot_be_told_apart(mine: int, other: int, alike: bool) -> None:
    """An order is alike if it has all of our numbers but a twentieth, as the service may skip so many."""
    sends, one, two = OrderMemory(), send_of(NUMBERS[:mine], "Bir"), send_of(NUMBERS[:other], "Iki")
    sends.add(one)
    sends.add(two)
    assert count_for(sends, one) == alike
    sends.remove(two)
    assert count_for(sends, one) == 0


def test_the_same_content_an_owner_s_own_and_what_is_long_ago_do_not_count() -> None:
    """Orders with the same content, those that their log counts, and old ones are not counted as alike."""
    sends, log = OrderMemory(), object()
    same, owned, other = send_of([NUMBERS[0]]), send_of([NUMBERS[0]], "Bir", log), send_of([NUMBERS[0]], "Iki")
    for each in (same, owned, other):
        sends.add(each)
    mine = send_of([NUMBERS[0]])
    sends.add(mine)
    assert count_for(sends, mine) == 2
    assert count_for(sends, mine, log) == 1
    assert mine.began is not None
    for apart, count in ((3600.0, 1), (3601.0, 0)):
        for other.began in (mine.began - apart, mine.began + apart):
            assert count_for(sends, mine, log) == count


def test_of_those_that_were_lost_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest lost orders are kept, so that memory stays bounded."""
    monkeypatch.setattr(known_module, "_MAX_LOST", 3)
    monkeypatch.setattr(known_module, "_MAX_LOST_RECIPIENTS", 300)
    sends = OrderMemory()
    lost = [send_of([NUMBERS[0]], f"Kodunuz {index}") for index in range(5)]
    for each in lost:
        sends.add(each)
        sends.mark_lost(each)
    mine = send_of([NUMBERS[0]])
    sends.add(mine)
    assert count_for(sends, mine) == 3
    for index in range(2):
        large = send_of(NUMBERS[:200], f"Kodunuz {index}")
        sends.add(large)
        sends.mark_lost(large)
    assert count_for(sends, mine) == 1
    assert sends._lost_recipients == 200


def test_what_was_lost_is_remembered_for_two_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until another one is lost; what never left is not remembered at all."""
    sends, lost = OrderMemory(), send_of([NUMBERS[0]], "Bir")
    sends.mark_lost(lost)
    monkeypatch.setattr("time.time", lambda: NOW.local)
    for each in (lost, lost):
        sends.add(each)
    sends.mark_lost(lost)
    sends.mark_lost(send_of([NUMBERS[1]], "Iki"))
    assert sends._lost_recipients == 1
    for later, count in ((7200.0, 1), (7200.5, 0)):
        monkeypatch.setattr("time.time", lambda later=later: NOW.local + later)
        another = send_of([NUMBERS[1]], f"{later}")
        sends.add(another)
        sends.mark_lost(another)
        assert len(sends._by_key.get(NUMBERS[0], [])) == count


def test_nothing_is_left_of_what_was_removed() -> None:
    """A removed order leaves nothing, not even an empty list under its number."""
    sends = OrderMemory()
    for size in (1, 3, 150):
        send = send_of(NUMBERS[:size])
        sends.add(send)
        sends.remove(send)
        sends.remove(send)
    assert not sends._by_key


sets = st.lists(st.sampled_from(NUMBERS[:45]), min_size=1, max_size=45, unique=True)


@given(mine=sets, other=sets, skipped=st.sets(st.sampled_from(NUMBERS[:45])))
def test_whatever_the_service_skips_no_report_is_it_that_does_not_count(
    mine: list[str], other: list[str], skipped: set[str]
) -> None:
    """Any order whose report could be taken for ours, within a minute of an attempt, is counted as alike."""
    sends, one, two = OrderMemory(), send_of(mine, "Bir"), send_of(other, "Iki")
    sends.add(one)
    sends.add(two)
    report = Rows([number for number in other if number not in skipped], whole=True)
    listed = OrderReport(7, OrderStatus.SENDING, submitted_at=datetime.fromtimestamp(NOW.local, TURKISH_TIME))
    span = Span(NOW, NOW)
    of_days = days(span, NOW)
    assert of_days is not None
    verdict = judge(Evidence(one, span, [listed], of_days, NOW), listed, report)
    if verdict.identity.name == "IT":
        assert count_for(sends, one) == 1


def test_an_id_is_another_s_where_it_carries_something_else() -> None:
    """An id is another order's only if it was known before, and for other content."""
    known = OrderMemory()
    known.note(7, 1, NOW, 0.1, scheduled=True)
    known.note(8, 1)
    assert known.is_of_another(7, 2)
    assert not known.is_of_another(7, 1)
    assert not known.is_of_another(9, 2)
    assert not known.is_of_another(7, 2, before=0.0)
    assert not known.is_of_another(7, 2, before=known._orders[7].since)
    assert known.describe(8) is not None
    assert known.describe(9) is None
    others = known.others([7, 8, 9], 2, lambda moment: moment)
    assert others == {7: KnownId(7, NOW, scheduled=True), 8: KnownId(8, scheduled=True)}
    assert known.rank(0.0, math.inf) == 1


def known_at(monkeypatch: pytest.MonkeyPatch, *orders: tuple[int, float, float, Moment | None]) -> OrderMemory:
    """Ids, each with when it became known, how long that took, and the time of its answer."""
    known = OrderMemory()
    for order_id, since, took, answered in orders:
        monkeypatch.setattr("time.monotonic", lambda since=since: since)
        known.note(order_id, 1, answered, took)
    return known


def test_an_id_is_known_for_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since it came for the last time; and of very many only the newest."""
    orders = [(7, 0.0, 0.0, NOW), (8, 0.0, 0.0, NOW), (7, 1000.0, 0.0, NOW), (9, 1800.0, 0.0, NOW)]
    assert known_at(monkeypatch, *orders)._orders.keys() == {7, 8, 9}
    assert known_at(monkeypatch, *orders, (10, 1800.5, 0.0, NOW))._orders.keys() == {7, 9, 10}
    monkeypatch.setattr(known_module, "_MAX_IDS", 2)
    assert known_at(monkeypatch, *orders)._orders.keys() == {7, 9}


def test_an_id_is_told_with_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of its answer; of one that was found in a list, that of the first attempt, and it proves nothing."""
    known = known_at(monkeypatch, (7, 90.0, 5.0, NOW), (8, 90.0, 5.0, None), (9, 100.0, 0.0, NOW))
    assert known.describe(7) == KnownId(7, Moment(0.0, NOW.service), age=10.0)
    assert known.describe(8) == KnownId(8, scheduled=True, age=15.0)


def test_how_many_orders_are_newer_than_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those known since it was most likely taken: as late after it began as the slowest other one, or as it ended."""
    known = known_at(
        monkeypatch, (1, 100.0, 50.0, NOW), (2, 104.0, 4.0, NOW), (3, 105.0, 3.0, NOW), (4, 106.0, 9.0, None)
    )
    assert [known.rank(100.0, ended) for ended in (math.inf, 104.0, 103.0)] == [1, 1, 2]
    assert known.rank(106.0, math.inf) == 0


class StandIn:
    """A store's log that knows every id."""

    def __init__(self, *, is_away: bool = False, error: StoreError | None = None) -> None:
        self.is_away, self.error = is_away, error
        self.questions: list[list[int]] = []

    async def known(self, account: str, order_ids: list[int]) -> frozenset[int]:
        self.questions.append(order_ids)
        if self.error is not None:
            raise self.error
        return frozenset(order_ids)

    def note_away(self) -> None:
        self.is_away = True


@pytest.mark.anyio
@pytest.mark.parametrize(("is_away", "ids", "asked"), [(False, [7, 8], [8]), (False, [7], None), (True, [8], None)])
async def test_other_processes_are_asked_only_for_what_they_may_know(
    is_away: bool, ids: list[int], asked: list[int] | None
) -> None:
    """Not for ids of one's own, and not while the store is away, which would take a second each time."""
    log = StandIn(is_away=is_away)
    known = OrderMemory(log, "account")  # type: ignore[arg-type]  # a stand-in
    known.note(7, 1)
    assert await known.known_to_others(ids) == {*(asked or [])}
    assert log.questions == ([] if asked is None else [asked])
    assert log.is_away is is_away


@pytest.mark.anyio
async def test_a_store_that_is_found_to_be_away_is_not_asked_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """By anybody; a WARNING tells why, and the search goes on without these ids."""
    log = StandIn(error=StoreError("it is away"))
    assert await OrderMemory(log, "account").known_to_others([8]) == set()  # type: ignore[arg-type]  # a stand-in
    assert log.is_away
    assert "it is away" in caplog.text


@given(
    st.dictionaries(st.text(max_size=3), st.lists(st.sampled_from(NUMBERS[:9]), min_size=1, unique=True), min_size=1),
)
def test_content_is_told_apart_by_all_that_it_carries(messages: dict[str, list[str]]) -> None:
    """Whatever the sequence of texts and numbers."""
    recipients = sum(map(len, messages.values()))
    draft = Draft("FIRMA", Iys.OFF, {text: tuple(numbers) for text, numbers in messages.items()}, None, recipients)
    items = [(text, tuple(reversed(numbers))) for text, numbers in reversed(messages.items())]
    turned = Draft("FIRMA", Iys.OFF, dict(items), None, recipients)
    content = hash_content(draft)
    assert hash_content(turned) == content
    text, numbers = items[0]
    other = dict(items) | {text: (*numbers[1:], "+905309999999")}
    assert hash_content(Draft("FIRMA", Iys.OFF, other, None, recipients)) != content
    assert hash_content(Draft("BASKA", Iys.OFF, dict(items), None, recipients)) != content
    assert hash_content(Draft("FIRMA", Iys.BIREYSEL, dict(items), None, recipients)) != content


# Through the public face.


@pytest.mark.anyio
async def test_an_order_that_may_be_the_rest_of_another_is_not_guessed() -> None:
    """One goes to a number and a blocked one, which is skipped, the other to the number alone; both are lost."""
    one, blocked = "+905301234567", "+905301234568"
    sandbox = Sandbox(blocked=[blocked], blocked_policy="skip")
    lost = Retry(attempts=1)
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=lost, rate=None) as client:
        sandbox.fail("send-sms", "drop-answer")
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Bir", [one, blocked])
        again = client.with_options(retry=Retry(attempts=2, wait_initial=0))
        sandbox.fail("send-sms", "drop-request")
        sandbox.fail("send-sms", "451")
        with pytest.raises(OrderAcceptedError) as caught:
            await again.send_sms("Iki", one)
    assert caught.value.candidates == (sandbox.orders[0].id,)


@pytest.mark.anyio
async def test_no_body_of_a_send_leaves_unasked() -> None:
    """Whatever is lost, each request with an order follows a question of its own."""
    sandbox = Sandbox()
    asked: list[tuple[bool, int]] = []

    class Asked(Attempts):
        def __init__(self, first: Stopwatch | None = None) -> None:
            super().__init__(lookups)
            self.first = first

        async def before(self) -> None:
            asked.append((self.first is not None, sandbox.request_counts["send-sms"]))
            await super().before()

    class Refused(Asked):
        async def before(self) -> None:
            raise RuntimeError

    async with sandbox.client(retry=Retry(attempts=4, wait_initial=0), rate=None) as client:
        lookups = client._session.lookups
        sandbox.fail("send-sms", "503")
        sandbox.fail("send-sms", "drop-request", times=2)
        order = await Asked().send(draft_of([NUMBERS[0]]))
        assert order.id == sandbox.orders[0].id
        assert asked == [(False, 0), (False, 1), (True, 2), (True, 3)]
        asked.clear()
        sandbox.fail("send-sms", "drop-answer")
        await Asked(Stopwatch()).send(draft_of([NUMBERS[1]]))
        assert asked == [(True, 4), (True, 5)]
        for earlier in (None, Stopwatch()):
            with pytest.raises(RuntimeError):
                await Refused(earlier).send(draft_of([NUMBERS[2]]))
        assert sandbox.request_counts["send-sms"] == 6
    assert Counter(sandbox.deliveries) == Counter(NUMBERS[:2])
