"""The life of an order, row by row, on every log: what `orders.life` decides is what a log then holds."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest
from asking import note
from attrs import evolve
from memory_log import MemoryLog

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.orders import life, rows
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Change, Fence, KnownId, Name, Row, Scope, State, draw

pytestmark = pytest.mark.anyio

LEASE, KEEP = 30.0, 86_400.0
OLD = Moment(round(time.time()) - 3600.0, round(time.time()) - 3599.0)
ENGINES = ["memory", "sqlite", "postgres", "redis"]


@pytest.fixture(params=ENGINES)
async def log(request: pytest.FixtureRequest) -> AsyncIterator[StoreLog]:
    """Each kind of log."""
    if request.param == "memory":
        yield MemoryLog()
        return
    engine = request.getfixturevalue(f"{request.param}_engine")
    async with engine.store() as store:
        yield StoreLog(store)


@pytest.fixture
def name() -> Name:
    return Name(uuid.uuid4().hex, Scope.KEY, "siparis-1234")


def mine(name: Name, content: str = "content", **values: object) -> Row:
    """A row as a claim inserts it."""
    row = Row(name, 0, draw(), draw(), State.CLAIMED, content, "mark", 2)
    return evolve(row, **values)  # type: ignore[arg-type]  # fields of any type


async def put(log: StoreLog, row: Row, *, lease: float = 0.0, keep: float = KEEP) -> Row:
    """Put a row into the log, without asking the rules."""
    answer = await log.write(None, Change(row, lease, keep))
    assert answer.row is not None
    return answer.row


Event: TypeAlias = Callable[[StoreLog, Row], Awaitable[object]]


def claims(content: str = "content") -> Event:
    return lambda log, row: rows.claim(log, mine(row.name, content), LEASE, KEEP)


def begins(*, lost: bool) -> Event:
    return lambda log, row: rows.write_owned(log, row, life.begin(row, draw(), 5.0, LEASE, KEEP, lost=lost))


def gives_up(*, lost: bool) -> Event:
    return lambda log, row: rows.write_owned(log, row, life.give_up(row, draw(), KEEP, lost=lost))


def is_taken(order_id: int | None, content: str = "content") -> Event:
    known = None if order_id is None else KnownId(order_id)
    return lambda log, row: rows.settle_taken(log, mine(row.name, content), order_id, KEEP, note=known)


def says_sent(order_id: int | None) -> Event:
    return lambda log, row: rows.mark(
        log, row.name, lambda there, now: life.mark_sent(there, now, draw(), order_id, KEEP)
    )


def says_not_sent() -> Event:
    return lambda log, row: rows.mark(log, row.name, lambda there, now: life.mark_not_sent(there, now, draw()))


CLAIMED, BEGUN, UNKNOWN, SENT, FREE = (
    {"state": State.CLAIMED}, {"state": State.BEGUN, "first": OLD, "last": OLD},
    {"state": State.UNKNOWN, "first": OLD, "last": OLD}, {"state": State.SENT, "first": OLD, "last": OLD},
    {"state": State.FREE},
)  # fmt: skip
HELD, OVER = LEASE, 0.0
#: No reason not to.
GRANTED = None
#: What stands there, its lease, what happens, what is answered, and what stands there then.
TABLE: list[tuple[dict[str, object] | None, float, Event, type | object, dict[str, object] | None]] = [
    (None, 0, claims(), GRANTED, {"state": State.CLAIMED, "first": None, "content": "content"}),
    (FREE, OVER, claims("other"), GRANTED, {"state": State.CLAIMED, "content": "other"}),
    (CLAIMED, OVER, claims(), GRANTED, {"state": State.CLAIMED}),
    (CLAIMED, OVER, claims("other"), GRANTED, {"state": State.CLAIMED, "content": "other"}),
    (CLAIMED, HELD, claims(), life.Obstacle.BUSY, {"state": State.CLAIMED}),
    (CLAIMED, HELD, claims("other"), life.Obstacle.CONFLICT, {"content": "content"}),
    (BEGUN, HELD, claims(), life.Obstacle.BUSY, BEGUN),
    (BEGUN, HELD, claims("other"), life.Obstacle.CONFLICT, BEGUN),
    (UNKNOWN, HELD, claims(), life.Obstacle.BUSY, UNKNOWN),
    (BEGUN, OVER, claims(), GRANTED, BEGUN),
    (UNKNOWN, OVER, claims(), GRANTED, UNKNOWN),
    (BEGUN, OVER, claims("other"), life.Obstacle.CONFLICT, BEGUN),
    (UNKNOWN, OVER, claims("other"), life.Obstacle.CONFLICT, UNKNOWN),
    (SENT, OVER, claims(), life.Obstacle.REPLAY, SENT),
    (SENT, OVER, claims("other"), life.Obstacle.CONFLICT, SENT),
    # A clock that was an hour ahead for a moment.
    (BEGUN, 3600.0, claims(), GRANTED, BEGUN),
    (CLAIMED, HELD, gives_up(lost=False), Row, {"state": State.FREE, "first": None}),
    (BEGUN, HELD, gives_up(lost=True), Row, {**UNKNOWN, "lease": False}),
    (UNKNOWN, HELD, gives_up(lost=True), Row, {**UNKNOWN, "lease": False}),
    (BEGUN, HELD, gives_up(lost=False), Row, {"state": State.FREE, "first": None, "last": None}),
    (CLAIMED, HELD, begins(lost=False), Row, {"state": State.BEGUN, "first": "now", "last": "now"}),
    (BEGUN, HELD, begins(lost=False), Row, {"state": State.BEGUN, "first": "now", "last": "now"}),
    (BEGUN, HELD, begins(lost=True), Row, {"state": State.BEGUN, "first": OLD, "last": "now"}),
    (UNKNOWN, HELD, begins(lost=True), Row, {"state": State.BEGUN, "first": OLD, "last": "now"}),
    (None, 0, is_taken(7), Row, {"state": State.SENT, "order_id": 7}),
    (FREE, OVER, is_taken(7), Row, {"state": State.SENT, "order_id": 7}),
    (FREE, OVER, is_taken(7, "other"), Row, {"state": State.SENT, "order_id": 7, "content": "other"}),
    (CLAIMED, HELD, is_taken(7), Row, {"state": State.SENT, "order_id": 7}),
    (BEGUN, HELD, is_taken(7), Row, {"state": State.SENT, "order_id": 7, "first": OLD}),
    (BEGUN, HELD, is_taken(None), Row, {"state": State.SENT, "order_id": None}),
    (UNKNOWN, OVER, is_taken(7), Row, {"state": State.SENT, "order_id": 7}),
    (BEGUN, HELD, is_taken(7, "other"), None, BEGUN),
    (SENT, OVER, is_taken(7), Row, {"state": State.SENT, "order_id": 7}),
    ({**SENT, "order_id": 5}, OVER, is_taken(7), Row, {"state": State.SENT, "order_id": 5}),
    ({**SENT, "order_id": 5}, OVER, is_taken(None), Row, {"state": State.SENT, "order_id": 5}),
    (None, 0, says_sent(7), life.Obstacle.UNUSED, None),
    (None, 0, says_not_sent(), life.Obstacle.UNUSED, None),
    (FREE, OVER, says_sent(7), life.Obstacle.UNUSED, FREE),
    (FREE, OVER, says_not_sent(), life.Obstacle.UNUSED, FREE),
    (CLAIMED, HELD, says_sent(7), life.Obstacle.BUSY, {"state": State.CLAIMED}),
    (BEGUN, HELD, says_not_sent(), life.Obstacle.BUSY, BEGUN),
    (CLAIMED, OVER, says_sent(7), GRANTED, {"state": State.SENT, "order_id": 7}),
    (BEGUN, OVER, says_sent(None), GRANTED, {"state": State.SENT, "order_id": None}),
    (UNKNOWN, OVER, says_sent(7), GRANTED, {"state": State.SENT, "order_id": 7, "first": OLD}),
    (UNKNOWN, OVER, says_not_sent(), GRANTED, {"state": State.FREE, "first": None}),
    (SENT, OVER, says_sent(7), GRANTED, {"state": State.SENT, "order_id": 7}),
    (SENT, OVER, says_sent(None), life.Obstacle.REPLAY, SENT),
    (SENT, OVER, says_not_sent(), life.Obstacle.CONFLICT, SENT),
    ({**SENT, "order_id": 5}, OVER, says_sent(7), life.Obstacle.CONFLICT, {"order_id": 5}),
    ({**SENT, "order_id": 5}, OVER, says_sent(5), life.Obstacle.REPLAY, {"order_id": 5}),
]


@pytest.mark.parametrize(("there", "lease", "event", "answer", "then"), TABLE)
async def test_what_becomes_of_an_order(
    log: StoreLog,
    name: Name,
    there: dict[str, object] | None,
    lease: float,
    event: Event,
    answer: type | object,
    then: dict[str, object] | None,
) -> None:
    """Each row of the table in `orders.life` holds on every log."""
    row = mine(name)
    if there is not None:
        row = await put(log, mine(name, **there), lease=lease)
    told = await event(log, row)
    if isinstance(told, tuple):
        _, told = told
    assert isinstance(told, answer) if isinstance(answer, type) else told is answer
    found = await log.read(name)
    if then is None:
        assert found.row is None
        return
    assert found.row is not None
    for field, value in then.items():
        if value == "now":
            moment = getattr(found.row, field)
            assert abs(moment.local - found.now) < 5
            assert moment.service == 5.0
        elif field == "lease":
            assert (life.lease_left(found.row, found.now) > 0) is value
        else:
            assert getattr(found.row, field) == value, field


async def test_what_is_expired_is_none(log: StoreLog, name: Name) -> None:
    """An expired row counts as none; it stays in the log, so that no late write can bring it back."""
    await put(log, mine(name, **SENT), keep=-1)
    assert (await rows.claim(log, mine(name, "other"), LEASE, KEEP))[1] is GRANTED


async def test_what_may_have_been_taken_is_kept_for_eleven_days(log: StoreLog, name: Name) -> None:
    """An order that may have been taken is kept for eleven days, even if keys are kept for less."""
    row = await put(log, mine(name), lease=LEASE)
    begun = await rows.write_owned(log, row, life.begin(row, draw(), None, LEASE, 3600, lost=False))
    assert begun is not None
    unknown = await rows.write_owned(log, begun, life.give_up(begun, draw(), 3600, lost=True))
    assert unknown is not None
    assert unknown.expires_at - time.time() > 10 * 86_400


async def test_whoever_was_overtaken_writes_nothing(log: StoreLog, name: Name) -> None:
    """A caller that was overtaken can write neither begun nor unknown, but can write that the order was taken."""
    first = await put(log, mine(name), lease=-1)
    assert (await rows.claim(log, mine(name), LEASE, KEEP))[1] is GRANTED
    assert await rows.write_owned(log, first, life.begin(first, draw(), None, LEASE, KEEP, lost=False)) is None
    assert await rows.write_owned(log, first, life.strike(first, draw())) is None
    settled = await rows.settle_taken(log, first, 7, KEEP)
    assert settled is not None
    assert (settled.state, settled.order_id) == (State.SENT, 7)


async def test_a_date_that_is_heard_after_an_attempt_dates_it(log: StoreLog, name: Name) -> None:
    """A time heard after an attempt is written with its unknown outcome; an earlier attempt keeps its own."""
    row = await put(log, mine(name), lease=LEASE)
    begun = await rows.write_owned(log, row, life.begin(row, draw(), None, LEASE, KEEP, lost=False))
    assert begun is not None
    assert begun.first is not None
    assert begun.first.service is None
    unknown = await rows.write_owned(log, begun, life.give_up(begun, draw(), KEEP, lost=True, service=77.0))
    assert unknown is not None
    assert unknown.first == unknown.last
    assert unknown.first is not None
    assert unknown.first.service == 77.0


async def test_a_person_decides_about_what_was_seen(log: StoreLog, name: Name) -> None:
    """A person's decision is refused if the row has changed since the person saw it."""
    row = await put(log, mine(name, **UNKNOWN))
    decide = lambda there, now: life.mark_sent(there, now, draw(), 7, KEEP)  # noqa: E731 - once
    assert (await rows.mark(log, name, decide, seen="another"))[1] is life.Obstacle.CHANGED
    answer, obstacle = await rows.mark(log, name, decide, seen=row.version)
    assert obstacle is GRANTED
    assert answer.row is not None
    # Once it is freed, there is nothing left to decide about.
    freed = await rows.write_owned(log, answer.row, life.strike(answer.row, draw()))
    assert freed is not None
    assert (await rows.mark(log, name, decide, seen=row.version))[1] is life.Obstacle.UNUSED


async def test_ids_are_known(log: StoreLog, name: Name) -> None:
    """Ids of answers are noted by the same write; ids that lists may lack stay marked."""
    row = await put(log, mine(name, **BEGUN), lease=LEASE)
    await rows.settle_taken(log, row, 7, KEEP, note=KnownId(7, Moment(0.0, 77.0), scheduled=True))
    await note(log, name.account, KnownId(8, Moment(0.0, 88.0)), KnownId(9))
    await note(log, name.account, KnownId(8), KnownId(9, Moment(0.0, 99.0)))
    assert await log.known(name.account, [6, 7, 8, 9]) == {7, 8, 9}
    now = (await log.read(name)).now
    known = await log.known_between(name.account, now - 60, now + 60)
    assert sorted((each.order_id, each.at.service, each.scheduled) for each in known) == [
        (7, 77.0, True), (8, 88.0, False), (9, None, False),
    ]  # fmt: skip
    assert all(abs(each.at.local - now) < 5 for each in known)
    assert not await log.known_between(name.account, now + 60, now + 120)


async def test_an_id_that_is_noted_late_is_known_since_its_answer(log: StoreLog, name: Name) -> None:
    """An id noted late is dated by its answer; an id found by a look-up is dated by the first attempt."""
    row = await put(log, mine(name, **BEGUN), lease=LEASE)
    await rows.settle_taken(log, row, 7, KEEP, note=KnownId(7, age=500.0))
    await note(log, name.account, KnownId(8, age=600.0))
    now = (await log.read(name)).now
    known = await log.known_between(name.account, now - 700, now)
    since = sorted((each.order_id, now - each.at.local) for each in known)
    assert [(order_id, round(age, -1)) for order_id, age in since] == [(7, 500), (8, 600)]
    marked = await put(log, mine(name._replace(name="other"), **UNKNOWN))
    assert marked.first is not None
    await rows.mark(log, marked.name, lambda there, now: life.mark_sent(there, now, draw(), 9, KEEP))
    (found,) = [each for each in await log.known_between(name.account, 0, now + 60) if each.order_id == 9]
    assert abs(found.at.local - marked.first.local) < 1


async def test_an_id_that_only_the_reports_told_is_not_known(log: StoreLog, name: Name) -> None:
    """An id found in reports alone is not noted as known, as it may be a look-alike's."""
    row = await put(log, mine(name, **BEGUN), lease=LEASE)
    await rows.settle_taken(log, row, 7, KEEP)
    assert not await log.known(name.account, [7])


async def test_look_alikes_are_counted(log: StoreLog, name: Name) -> None:
    """Orders to the same numbers at overlapping times are found: each by its id, or as one without an id."""
    row = await put(log, mine(name, **BEGUN))
    for number, values in enumerate([
        {**UNKNOWN}, {**SENT}, {**SENT, "order_id": 7}, {"state": State.CLAIMED}, {"state": State.FREE},
        {**UNKNOWN, "mark": "another"}, {**UNKNOWN, "first": Moment(1.0), "last": Moment(2.0)},
    ]):  # fmt: skip
        await put(log, mine(name._replace(name=f"other {number}"), **values))
    alike = await log.alike(row, OLD.local - 60, OLD.local + 60)
    assert Counter(alike) == {None: 2, 7: 1}


@pytest.mark.parametrize("log", ENGINES[:3], indirect=True)
async def test_a_campaign_is_written_by_the_run_that_has_it(log: StoreLog, name: Name) -> None:
    """Each written order renews the campaign's lease; a run that was overtaken can write nothing."""
    name = name._replace(scope=Scope.CAMPAIGN)
    first, obstacle = await rows.claim(log, mine(name, entries=b"terms"), LEASE, KEEP)
    assert obstacle is GRANTED
    assert first.row is not None
    fence = Fence(first.row.token, draw(), LEASE, KEEP)
    part = mine(name, part=1, state=State.BEGUN, entries=b"\x00\x01")
    answer = await log.write(None, Change(part, 0, KEEP, first_now=True, last_now=True), fence)
    assert answer.has(part.version)
    renewed = (await log.read(name)).row
    assert renewed is not None
    assert (renewed.version, renewed.entries) == (fence.version, b"terms")
    # Taken over once its lease is over.
    await log.write(renewed, Change(evolve(renewed, version=draw()), -1, KEEP))
    second, obstacle = await rows.claim(log, mine(name, entries=b"other"), LEASE, KEEP)
    assert obstacle is GRANTED
    assert second.row is not None
    assert (await log.read(name)).row == evolve(second.row, entries=b"terms")
    late = await log.write(part, Change(evolve(part, version=draw(), state=State.SENT), 0, KEEP), fence)
    assert late.token == second.row.token
    kept = await log.read(name, 1)
    assert kept.row is not None
    assert (kept.row.version, kept.row.entries) == (part.version, b"\x00\x01")
    assert [row.part for row in await log.page(name, 0)] == [1]
    assert not await log.page(name, 1)


@pytest.mark.parametrize("log", ENGINES[:3], indirect=True)
async def test_a_campaign_s_name_belongs_to_its_terms(log: StoreLog, name: Name) -> None:
    """A campaign's name belongs to its terms even after its lease has ended."""
    name = name._replace(scope=Scope.CAMPAIGN)
    await put(log, mine(name), lease=-1)
    assert (await rows.claim(log, mine(name, "other"), LEASE, KEEP))[1] is life.Obstacle.CONFLICT


NOW = Moment(1_000_000_000.0, 1_000_000_001.0)
MINUTES = 60.0


@pytest.mark.parametrize(
    ("first", "may"),
    [
        (None, False),
        (Moment(NOW.local - 8 * MINUTES, NOW.service - 8 * MINUTES), True),
        (Moment(NOW.local - 9 * MINUTES, NOW.service - 8 * MINUTES), False),
        (Moment(NOW.local - 8 * MINUTES, NOW.service - 9 * MINUTES), False),
        (Moment(NOW.local - 8 * MINUTES), False),
        (Moment(NOW.local + 2.5, NOW.service - 8 * MINUTES), False),
        (Moment(NOW.local - 8 * MINUTES, NOW.service + 2.0), True),
    ],
)  # fmt: skip
def test_when_an_order_may_be_sent_again(first: Moment | None, may: bool) -> None:
    """An order is sent again only while both clocks say that the service still refuses duplicates."""
    row = mine(Name("a", Scope.KEY, "k"), first=first, last=first)
    assert life.may_repeat(row, NOW) is may


def test_nothing_is_sent_again_while_the_service_s_time_is_not_known() -> None:
    """Without the service's time nothing is sent again, as this machine's clock may have been set."""
    row = mine(Name("a", Scope.KEY, "k"), first=NOW, last=NOW)
    assert not life.may_repeat(row, Moment(NOW.local + 60))
    assert life.may_repeat(row, Moment(NOW.local + 60, NOW.service))


# Decisions by themselves, where a log hides what they are, or cannot be at the very moment.

ROW = mine(Name("a", Scope.KEY, "k"), expires_at=1000.0)


@pytest.mark.parametrize(("until", "left"), [(99.0, 0.0), (100.5, 0.5), (402.0, 302.0), (402.5, 0.0)])
def test_a_lease_is_over_in_time(until: float, left: float) -> None:
    """Also one that is longer than any lease, but for two seconds by which a clock may be set back."""
    assert life.lease_left(evolve(ROW, lease_until=until), 100.0) == left


def test_a_row_counts_until_it_expires() -> None:
    """Not at that moment any more."""
    assert [life.is_none(ROW, now) for now in (999.9, 1000.0)] == [False, True]


def test_only_a_claim_may_be_lost_with_the_machine() -> None:
    """No attempt leaves before the next write, and whatever that is, it is on disk before it counts."""
    for there in (None, ROW, evolve(ROW, state=State.UNKNOWN, first=OLD, last=OLD)):
        claimed = life.claim(there, 100.0, mine(ROW.name), LEASE, KEEP)
        assert isinstance(claimed, Change)
        assert not claimed.durable
    assert life.begin(ROW, draw(), None, LEASE, KEEP, lost=False).durable
    assert life.give_up(ROW, draw(), KEEP, lost=True).durable
    assert life.strike(ROW, draw()).durable


@pytest.mark.parametrize(("keep", "in_doubt"), [(3600.0, 11 * 86_400.0), (30 * 86_400.0, 30 * 86_400.0)])
def test_for_how_long_a_row_is_kept(keep: float, in_doubt: float) -> None:
    """A free one for an hour, one in doubt for eleven days at least, any other as keys are."""
    assert life.begin(ROW, draw(), None, LEASE, keep, lost=False).keep == in_doubt
    assert life.give_up(ROW, draw(), keep, lost=True).keep == in_doubt
    assert life.give_up(ROW, draw(), keep, lost=False).keep == 3600.0
    kept = (life.release(ROW, "v", keep), life.refuse(ROW, "v", keep, duplicate=True))
    assert [(each.row.state, each.keep) for each in kept] == [(State.CLAIMED, keep), (State.DUPLICATE, keep)]
    assert life.refuse(ROW, "v", keep, duplicate=False).row.state is State.REFUSED


def test_a_date_that_is_heard_dates_the_last_attempt_alone() -> None:
    """Not one that had its date, nor an earlier one, were it half a second ago."""
    held = evolve(ROW, first=Moment(10.0), last=Moment(10.5))
    given_up = life.give_up(held, draw(), KEEP, lost=True, service=77.0).row
    assert (given_up.first, given_up.last) == (Moment(10.0), Moment(10.5, 77.0))
    dated = evolve(held, last=Moment(10.5, 12.0))
    assert life.give_up(dated, draw(), KEEP, lost=True, service=77.0).row.last == dated.last


@pytest.mark.parametrize(("there", "order_id", "obstacle"), [
    ({"order_id": 5}, 7, life.Obstacle.REPLAY), ({"order_id": 5}, None, life.Obstacle.REPLAY),
    ({}, None, life.Obstacle.REPLAY), ({"content": "other"}, 7, life.Obstacle.CONFLICT),
])  # fmt: skip
def test_what_is_known_to_be_taken_is_not_written_again(
    there: dict[str, object], order_id: int | None, obstacle: life.Obstacle
) -> None:
    """The first id stays, and a name that belongs to other content by now belongs to that."""
    sent = mine(ROW.name, **{**SENT, **there})
    assert life.taken(sent, ROW, order_id, KEEP) is obstacle


@pytest.mark.parametrize(("order_id", "first", "note"), [
    (None, 40.0, None), (7, 40.0, KnownId(7, scheduled=True, age=60.0)), (7, 101.0, KnownId(7, scheduled=True)),
])  # fmt: skip
def test_an_id_that_a_person_tells_is_known_since_the_first_attempt(
    order_id: int | None, first: float, note: KnownId | None
) -> None:
    """Like one that was found in a list; never since a moment to come."""
    row = evolve(ROW, state=State.UNKNOWN, first=Moment(first), last=Moment(first))
    marked = life.mark_sent(row, 100.0, draw(), order_id, KEEP)
    assert isinstance(marked, Change)
    assert marked.note == note
