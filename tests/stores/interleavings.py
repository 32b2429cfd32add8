"""Random interleavings of owners of keys and of runs of a campaign, with all that can happen to them and to a log.

`orders.rows` awaits nothing but a log. Here a log yields its questions to a scheduler that stops, resumes, cancels and
kills who asks, and that answers at once, late, twice or never. It checks each write against what is true: whom the
service has texted. The same seed makes the same trace on every log.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from enum import Enum
from types import coroutine
from typing import Any, NamedTuple, Protocol, TypeAlias
from unittest.mock import patch

from attrs import define, evolve, field, fields, frozen

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.orders import life, rows
from iletimerkezi_async.stores.log import Answer, Change, Fence, KnownId, Name, Row, Scope, State, Undo

LEASE, KEEP = 30.0, 86_400.0
#: Seconds for which the service refuses a repetition, and after which its list has an order.
REFUSES_FOR = LISTED_AFTER = 600.0
#: In quarters of a second, which every log tells exactly.
JUMPS = [0.25, 1.0, 5.0, 29.0, 31.0, 31.0, 300.0, 700.0]
START = 1_800_000_000.0
#: Seconds that a trace may last on logs that are compared: they forget what was struck out at different times after it.
COMPARED = life.FREE_KEPT - 100.0
#: A network delivers nothing later than that.
LATEST = 1800.0
PARTS = (1, 2, 3)
IN_DOUBT = frozenset({State.BEGUN, State.UNKNOWN})
SETTLED = frozenset({State.SENT, State.REFUSED})


class Engine(Protocol):
    """A log, as it is asked in a worker thread."""

    def write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer: ...

    def read(self, name: Name, part: int) -> Answer: ...

    def save(self) -> Callable[[], None] | None:
        """Remember what is on the disk, where the engine can; the answer has it stand there again, as a crash does."""


@frozen
class Question:
    name: Name
    part: int
    old: Row | None = None
    change: Change | None = None
    fence: Fence | None = None
    undo: Undo | None = None


#: Yielded by whoever waits for something else than a log.
PAUSE = None


@coroutine
def wait(for_what: Question | None = PAUSE) -> Generator[Question | None, Answer | None, Answer | None]:
    return (yield for_what)


class YieldingLog:
    """A log whose questions are answered by a scheduler; no answer means that it was lost."""

    async def write(
        self, old: Row | None, change: Change, fence: Fence | None = None, *, undo: Undo | None = None
    ) -> Answer:
        return await self.ask(Question(change.row.name, change.row.part, old, change, fence, undo))

    async def read(self, name: Name, part: int = 0) -> Answer:
        return await self.ask(Question(name, part))

    async def ask(self, question: Question) -> Answer:
        """A question whose answer is lost is asked again as it is."""
        for _ in range(4):
            answer = await wait(question)
            if answer is not None:
                return answer
        raise StoreError("the log is away")


class Cancelled(BaseException):
    pass


class Reply(Enum):
    """What comes back from the service."""

    OK = "ok"
    DUPLICATE = "451"
    REFUSED = "402"
    REFUSED_FOR_GOOD = "453"
    LOST = "no answer"
    NEVER_LEFT = "never left"


@frozen
class Order:
    id: int
    taken_at: float
    #: When its attempt was begun, by the log's clock.
    began: float


class Service:
    """Takes orders, and refuses repetitions for ten minutes."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._orders: dict[tuple[str, int, str], Order] = {}
        self._refused: set[tuple[str, int, str]] = set()

    def find(self, row: Row) -> Order | None:
        return self._orders.get((row.name.name, row.part, row.content))

    def take(self, row: Row, now: float) -> tuple[Reply, Order | None]:
        what = (row.name.name, row.part, row.content)
        fate = self._rng.choice([Reply.OK] * 3 + [Reply.LOST] * 2 + [Reply.REFUSED, Reply.NEVER_LEFT])
        if what in self._refused or (what not in self._orders and self._rng.random() < 0.05):
            self._refused.add(what)
            return Reply.REFUSED_FOR_GOOD, None
        if fate in {Reply.REFUSED, Reply.NEVER_LEFT} or (fate is Reply.LOST and self._rng.random() < 0.5):
            return fate, None
        earlier = self._orders.get(what)
        if earlier is not None and now - earlier.taken_at < REFUSES_FOR:
            return (fate if fate is Reply.LOST else Reply.DUPLICATE), None
        assert earlier is None, f"{what} was sent twice"
        assert row.last is not None
        order = self._orders[what] = Order(9000 + len(self._orders), now, row.last.local)
        return fate, order


class Late(NamedTuple):
    """A question that is done later than its caller waits."""

    who: str
    question: Question
    until: float
    is_undone: bool


#: Has somebody begin to ask.
Begin: TypeAlias = Callable[["World", str], None]


class World:
    """One account of a service, one log, and all who ask it."""

    def __init__(
        self, engine: Engine, account: str, seed: int, *, limit: float = math.inf, power_cuts: bool = False
    ) -> None:
        self.engine = engine
        self.account = account
        self.rng = random.Random(seed)
        self.now = START
        self.log = YieldingLog()
        self.service = Service(self.rng)
        self.did: Counter[str] = Counter()
        #: Each question with its answer: what is compared.
        self.trace: list[object] = []
        self._limit = limit
        self._power_cuts = power_cuts
        #: Who has written each version, and which were told to be overtaken.
        self._versions: dict[str, str] = {}
        self._refused: set[str] = set()
        self._draws = 0
        #: What stands there, and what would after a crash.
        self._rows: dict[tuple[Name, int], Row] = {}
        self._saved = dict(self._rows), self.engine.save()
        self._unsaved: set[str] = set()
        #: What crashes have undone: whoever asks again writes it again, though others have read it.
        self._undone: set[str] = set()
        self._sending: dict[str, tuple[Name, int, float]] = {}
        self._tasks: dict[str, tuple[Coroutine[Any, Any, None], Question | None]] = {}
        self._late: list[Late] = []

    # For who asks.

    def draw(self) -> str:
        self._draws += 1
        return f"v{self._draws}"

    def moment(self) -> Moment:
        """Now, by the log's clock and mostly by the service's, which is six seconds behind."""
        return Moment(self.now, self.now - 6.0 if self.rng.random() < 0.9 else None)

    def start(self, who: str, task: Coroutine[Any, Any, None]) -> None:
        self._tasks[who] = (task, PAUSE)
        self.did["started"] += 1

    @contextmanager
    def sending(self, who: str, row: Row, until: float) -> Iterator[None]:
        """While somebody may hand an order over to the service."""
        for other, (name, part, others_until) in self._sending.items():
            is_same = (name, part) == (row.name, row.part)
            assert not is_same or others_until <= self.now, f"{who} and {other} may both send {row}"
        self._sending[who] = (row.name, row.part, until)
        try:
            yield
        finally:
            self._sending.pop(who, None)

    def overtaken(self, who: str, change: Change, fence: Fence | None) -> None:
        """Somebody is told that its row is another's, and that its change was not written."""
        self.did["overtaken"] += 1
        if self.did["power cuts"]:
            return
        row = self._rows.get((change.row.name, change.row.part))
        if self.holds(change.row.name, fence):
            assert row is None or self._versions[row.version] != who, "an owner is told to be overtaken by itself"
        self._refused.add(change.row.version)

    def holds(self, name: Name, fence: Fence | None) -> bool:
        """Whether a run still has its campaign; a key needs no fence."""
        zero = self._rows.get((name, 0))
        return fence is None or (zero is not None and zero.token == fence.token)

    # The log, as the scheduler sees it.

    def answer(self, who: str, question: Question) -> Answer:
        """Have the engine do it, and see whether it may."""
        place, change, fence = (question.name, question.part), question.change, question.fence
        zero, before = self._rows.get((question.name, 0)), self._rows.get(place)
        answer = self.engine.read(*place) if change is None else self.engine.write(question.old, change, fence)
        assert answer.now == self.now
        after = answer.row
        self.trace.append((who, change is None, answer.now, answer.token, bare(after)))
        self._check(who, before, after, fence, zero)
        if after is None:
            self._rows.pop(place, None)
        else:
            self._rows[place] = after
        if fence is not None:
            self._renewed(who, question.name, fence, zero)
        if change is not None and change.durable:
            self._saved = dict(self._rows), self.engine.save()
            self._unsaved.clear()
        return answer

    def _check(self, who: str, before: Row | None, after: Row | None, fence: Fence | None, zero: Row | None) -> None:
        if before is not None and before.state is State.SENT:
            assert after is not None, "SENT was lost"
            assert after.state is State.SENT, "SENT was lost"
            assert before.order_id in {None, after.order_id}, "an id was overwritten"
        if after is None or (before is not None and before.version == after.version):
            assert after is None or bare(before) == bare(after), "it is another with the same version"
            return
        self.did["written"] += 1
        self._see(who, after)
        assert fence is None or (zero is not None and zero.token == fence.token), "a run that was overtaken has written"
        self._check_doubt(after)
        if before is None or life.is_none(before, self.now):
            return
        is_over = before.lease_until <= self.now or before.version in self._undone
        if before.token != after.token and not after.part:
            self.did["taken over"] += 1
            assert is_over, "it was taken over under a live lease"
            assert after.state is not State.BEGUN or after.last == before.last, "a zombie has begun"
        if before.content != after.content:
            assert before.state is State.CLAIMED, "other content has taken what may be sent"
            assert is_over, "other content has taken what may be sent"

    def _see(self, who: str, row: Row) -> None:
        assert row.version not in self._versions, "a version has come back"
        assert row.version not in self._refused, "what was told to be overtaken is written"
        self._versions[row.version] = who
        self._unsaved.add(row.version)

    def _check_doubt(self, row: Row) -> None:
        """What the service has is known to be sent, or to be in doubt since then."""
        order = self.service.find(row)
        for moment in (row.first, row.last):
            assert moment is None or START <= moment.local <= self.now, "an attempt is of another time"
        if order is None:
            return
        assert row.state in IN_DOUBT | {State.SENT}, "what was sent is forgotten"
        if row.state in IN_DOUBT:
            assert row.first is not None, "what was sent is forgotten"
            assert row.last is not None, "what was sent is forgotten"
            assert row.first.local <= order.began <= row.last.local, "the attempt that was taken is forgotten"

    def _renewed(self, who: str, name: Name, fence: Fence, zero: Row | None) -> None:
        """What became of part 0 by a write to another part."""
        found = self.engine.read(name, 0).row
        if found is not None and zero is not None and found.version != zero.version:
            self._see(who, found)
            assert found.version == fence.version
            assert found.token == zero.token == fence.token, "a run that was overtaken has renewed its lease"
        if found is not None:
            self._rows[name, 0] = found

    # What happens.

    def run(self, begin: Begin, *, steps: int = 200, most: int = 14) -> list[object]:
        """Let things happen, then let everybody end."""
        with patch.object(rows, "draw", self.draw):
            try:
                self._let_happen(begin, steps, most)
            finally:
                while self._tasks:
                    self._tasks.popitem()[1][0].close()
        for place, row in self._rows.items():
            assert bare(self.engine.read(*place).row) == bare(row) or life.is_none(row, self.now)
        return self.trace

    def _let_happen(self, begin: Begin, steps: int, most: int) -> None:
        started = 0
        for _ in range(steps):
            what = self.rng.random()
            if started < most and (what < 0.12 or len(self._tasks) < 2):
                started += 1
                begin(self, f"p{started}")
            elif not self._tasks:
                break
            else:
                self._happen(what)
        while self._tasks:
            self._step(min(self._tasks), calm=True)
            self.now += 0.5
        for late in self._late:
            self._do_late(late)

    def _happen(self, what: float) -> None:
        if what < 0.22:
            jump = self.rng.choice(JUMPS)
            self.now = min(self.now + jump, START + self._limit)
        elif what < 0.225 and self._power_cuts:
            self._cut_power()
        elif what < 0.30 and self._late:
            self._do_late(self._late.pop(self.rng.randrange(len(self._late))))
        elif what < 0.315 and self._tasks:
            self._kill(self._any_task().partition(".")[0])
        elif self._tasks:
            self._step(self._any_task())

    def _any_task(self) -> str:
        return self.rng.choice(sorted(self._tasks))

    def _step(self, who: str, *, calm: bool = False) -> None:
        """Answer somebody's question somehow, and let it go on."""
        _, question = self._tasks[who]
        if question is None:
            self._resume(who, None)
            return
        fate = "ok" if calm else self.rng.choices(FATES, WEIGHTS)[0]
        self.did[fate] += 1
        answer = self.answer(who, question) if fate in {"ok", "lost", "undone"} else None
        if fate in {"late", "late and undone"} or (fate == "dead" and self.rng.random() < 0.6):
            is_undone = fate == "late and undone"
            self._late.append(Late(who, question, self.now + LATEST, is_undone))
        if fate == "dead":
            self._kill(who.partition(".")[0])
        elif fate in {"cancelled", "undone", "late and undone"}:
            if answer is not None:
                self._undo(who, question, answer)
            self._cancel(who)
        else:
            self._resume(who, answer if fate == "ok" else None)

    def _resume(self, who: str, answer: Answer | None) -> None:
        task, _ = self._tasks[who]
        try:
            self._tasks[who] = (task, task.send(answer))
        except StopIteration:
            del self._tasks[who]
        except StoreError:
            self.did["away"] += 1
            del self._tasks[who]

    def _cancel(self, who: str) -> None:
        task, _ = self._tasks.pop(who)
        try:
            task.throw(Cancelled())
        except Cancelled:
            return
        raise AssertionError

    def _kill(self, process: str) -> None:
        for who in [who for who in self._tasks if who.partition(".")[0] == process]:
            self._tasks.pop(who)[0].close()

    def _undo(self, who: str, question: Question, answer: Answer) -> None:
        """As `StoreLog` takes back what nobody waits for; that may take its time."""
        change = question.undo(answer) if question.undo is not None else None
        if change is None or answer.row is None:
            return
        fence = None if question.fence is None else question.fence._replace(version=self.draw())
        undoing = Question(question.name, question.part, answer.row, change, fence)
        self._late.append(Late(who, undoing, self.now + LATEST, is_undone=False))

    def _do_late(self, late: Late) -> None:
        if self.now > late.until:
            return
        self.did["done late"] += 1
        answer = self.answer(late.who, late.question)
        if late.is_undone:
            self._undo(late.who, late.question, answer)

    def _cut_power(self) -> None:
        """Of the log's machine: what need not be on the disk is gone."""
        kept, restore = self._saved
        if restore is None:
            return
        restore()
        self.did["power cuts"] += 1
        self._rows = dict(kept)
        self._undone |= self._unsaved
        for version in self._unsaved:
            del self._versions[version]
        self._unsaved.clear()


#: Of a question: done; done, but the answer is lost; not done; done later, while it is asked again; its process dies,
#: and it may be done later; its caller is cancelled before it is done; after that, so that it is undone; or before it
#: is done and undone.
FATES = ["ok", "lost", "not done", "late", "dead", "cancelled", "undone", "late and undone"]
WEIGHTS = [68, 8, 6, 8, 4, 1, 3, 2]


def bare(row: Row | None) -> tuple[object, ...]:
    """Without what differs between logs: the account of the test, and entries, which some logs do not read."""
    return () if row is None else tuple(getattr(row, name) for name in COMPARED_FIELDS)


COMPARED_FIELDS = [field.name for field in fields(Row) if field.name not in {"name", "entries"}]


def no_fence() -> None:
    return None


@define
class Sender:
    """The owner of an order, until it knows what became of it.

    Attributes:
        row: The order as it has it.
        fence: What lets it write, if it belongs to a campaign.
        is_there: Whether the log has its row.
        lost: Whether an attempt may have been taken.
    """

    world: World
    who: str
    row: Row
    fence: Callable[[], Fence | None] = no_fence
    is_there: bool = True
    lost: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.lost = self.row.first is not None

    async def send(self) -> bool:
        """Whether it still had its row at the end."""
        if not await self.may_send():
            return True
        for is_last in (False, True):
            started = self.world.now
            if not await self.begin():
                return False
            with self.world.sending(self.who, self.row, started + LEASE):
                await wait()
                reply, order = self.hand_over(started)
                await wait()
            if not await self.settle(reply, order, is_last=is_last):
                return True
        return True

    async def may_send(self) -> bool:
        """Settle what an earlier owner has left."""
        world, row = self.world, self.row
        now = world.moment()
        if row.first is None or life.may_repeat(row, now):
            return True
        await wait()
        world.did["looked up"] += 1
        order = world.service.find(row)
        if order is not None:
            order_id = world.rng.choice([None, order.id])
            await rows.settle_taken(world.log, row, order_id, KEEP, self.fence())
            return False
        assert row.last is not None
        if world.now - row.last.local < LISTED_AFTER or world.rng.random() < 0.5:
            await self.give_up(lost=True)
            return False
        self.lost = False
        return True

    async def begin(self) -> bool:
        world, lease = self.world, 0.0 if self.row.part else LEASE
        change = life.begin(self.row, world.draw(), world.moment().service, lease, KEEP, lost=self.lost)
        if self.is_there:
            return await self.write(change, may_be_undone=True)
        fence = self.fence()
        answer = await world.log.write(None, change, fence)
        return self.has_written(change, fence, answer.row if answer.has(change.row.version) else None)

    def hand_over(self, started: float) -> tuple[Reply, Order | None]:
        """Whether it is still in time is asked here once more, as the log may have answered late."""
        if self.world.now >= started + LEASE or (self.lost and not self.is_in_time()):
            self.world.did["too late"] += 1
            return Reply.NEVER_LEFT, None
        return self.world.service.take(self.row, self.world.now)

    def is_in_time(self) -> bool:
        assert self.row.first is not None
        return self.world.now - self.row.first.local < life.SEND_WINDOW

    async def settle(self, reply: Reply, order: Order | None, *, is_last: bool) -> bool:
        """Write down what became of an attempt; whether there is to be another."""
        self.world.did[f"reply {reply.value}"] += 1
        if reply is Reply.OK:
            assert order is not None
            await self.settle_taken(order.id)
        elif reply is Reply.DUPLICATE:
            assert self.lost, "a duplicate of nothing"
            await self.settle_taken(None)
        elif reply is Reply.REFUSED_FOR_GOOD:
            await self.refuse()
        elif reply is Reply.REFUSED or is_last:
            self.lost = self.lost or reply is Reply.LOST
            await self.give_up(lost=self.lost)
        else:
            self.lost = self.lost or reply is Reply.LOST
            return True
        return False

    async def settle_taken(self, order_id: int | None) -> None:
        fence = self.fence()
        note = None if order_id is None else KnownId(order_id)
        settled = await rows.settle_taken(self.world.log, self.row, order_id, KEEP, fence, note=note)
        assert settled is not None, "an answer was not kept"
        if self.world.holds(self.row.name, fence):
            assert settled.state is State.SENT, "an answer was not kept"
            assert order_id in {None, settled.order_id}, "an answer was not kept"

    async def refuse(self) -> None:
        if self.row.part and not self.lost:
            change = life.refuse(self.row, self.world.draw(), KEEP, duplicate=False)
        else:
            change = life.strike(self.row, self.world.draw())
        await self.write(change)

    async def give_up(self, *, lost: bool) -> None:
        service = self.world.moment().service
        await self.write(life.give_up(self.row, self.world.draw(), KEEP, lost=lost, service=service))

    async def write(self, change: Change, *, may_be_undone: bool = False) -> bool:
        log, fence = self.world.log, self.fence()
        written = await rows.write_owned(log, self.row, change, fence, may_be_undone=may_be_undone)
        return self.has_written(change, fence, written)

    def has_written(self, change: Change, fence: Fence | None, written: Row | None) -> bool:
        if written is None:
            self.world.overtaken(self.who, change, fence)
            return False
        self.row, self.is_there = written, True
        return True


async def own_key(world: World, who: str, name: Name, content: str) -> None:
    """Send under a key."""
    for _ in range(4):
        mine = Row(name, 0, world.draw(), world.draw(), State.CLAIMED, content, "mark", 1)
        answer, obstacle = await rows.claim(world.log, mine, LEASE, KEEP)
        world.did[str(obstacle)] += 1
        assert answer.row is not None
        if obstacle is life.Obstacle.REPLAY:
            order = world.service.find(mine)
            assert order is not None, "what was never sent is told as sent"
            assert answer.row.order_id in {None, order.id}, "another id is told"
            return
        if obstacle is life.Obstacle.BUSY:
            await wait()
        elif obstacle is not None or await Sender(world, who, answer.row).send():
            return


async def decide(world: World, name: Name) -> None:
    """A person looks at a key, then at the panel, and decides."""
    answer = await world.log.read(name)
    seen = answer.row
    if seen is None:
        return
    if world.rng.random() < 0.5:
        _, obstacle = await rows.mark(world.log, name, lambda row, now: _decision(world, row, now))
    else:
        decision = _decision(world, seen, answer.now)
        _, obstacle = await rows.mark(world.log, name, lambda row, now: decision, seen=seen.version)
    world.did[f"a person's {obstacle}"] += 1


def _decision(world: World, row: Row | None, now: float) -> life.Decision:
    order = None if row is None else world.service.find(row)
    if order is None:
        return life.mark_not_sent(row, now, world.draw())
    order_id = order.id if world.rng.random() < 0.8 else None
    return life.mark_sent(row, now, world.draw(), order_id, KEEP)


def begin_key(world: World, who: str) -> None:
    name = Name(world.account, Scope.KEY, world.rng.choice("ab"))
    if world.rng.random() < 0.12:
        world.start(who, decide(world, name))
    else:
        world.start(who, own_key(world, who, name, world.rng.choice("xxxxy")))


async def run_campaign(world: World, who: str, name: Name) -> None:
    """Claim a campaign, and then send its parts side by side."""
    mine = Row(name, 0, world.draw(), world.draw(), State.CLAIMED, "terms", entries=b"terms")
    answer, obstacle = await rows.claim(world.log, mine, LEASE, KEEP)
    world.did[str(obstacle)] += 1
    if obstacle is None and answer.row is not None:
        for part in PARTS:
            world.start(f"{who}.{part}", send_part(world, f"{who}.{part}", answer.row, part))


async def send_part(world: World, who: str, run: Row, part: int) -> None:
    answer = await world.log.read(run.name, part)
    row = answer.row
    if answer.token != run.token or (row is not None and row.state in SETTLED):
        return
    entries = b"\x00\x01"
    if row is None:
        mine = Row(run.name, part, world.draw(), run.token, State.CLAIMED, "part", "mark", 1, entries=entries)
    else:
        mine = evolve(row, entries=entries)
    fence = lambda: Fence(run.token, world.draw(), LEASE, KEEP)  # noqa: E731 - drawn anew each time
    await Sender(world, who, mine, fence, is_there=row is not None).send()


def begin_campaign(world: World, who: str) -> None:
    world.start(who, run_campaign(world, who, Name(world.account, Scope.CAMPAIGN, "c")))
