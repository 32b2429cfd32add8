"""Every small world: up to three orders, one lost attempt or two, a list that is read once; and what is true of it.

Time is in minutes from the first attempt, by a clock that is right, as the service's is. A world is fair, or has one
fault, or, among fewer orders, two. Only the rules under test judge; what is true is known without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import combinations, combinations_with_replacement, product
from typing import NamedTuple

from iletimerkezi_async import Iys, OrderReport, OrderStatus
from iletimerkezi_async.clocks import Moment, Span
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.orders import rules
from iletimerkezi_async.orders.rules import Conclusion, Evidence, OpenOrder, Rows
from iletimerkezi_async.stores.log import KnownId
from iletimerkezi_async.wire.draft import Draft

__all__ = ["World", "find_flaw", "sound_worlds", "worlds_with_one_fault", "worlds_with_two_faults"]

#: Noon of a day in Turkish time.
START = 1_777_626_000.0
MINUTE = 60.0
#: Our order is sent at 0, and again at 5.
AGAIN = 5.0
SIZES = {1: ("+905301200000",), 20: tuple(f"+9053012000{index:02}" for index in range(20))}
WANTED = {
    size: OpenOrder(Draft("FIRMA", Iys.OFF, {"Kodunuz 1234": numbers}, None, size)) for size, numbers in SIZES.items()
}
STRANGER = "+905309999999"
OURS = 7


class Order(NamedTuple):
    """An order that the service may have; `whose` is ours, known, alike (another lost one of ours) or foreign."""

    whose: str
    at: float
    numbers: str = "same"

    @property
    def is_look_alike(self) -> bool:
        """Whether its numbers leave open whether it is ours."""
        return self.whose in {"alike", "foreign"} and self.numbers in {"same", "fewer"}


class Fault(NamedTuple):
    """What is not as it should be."""

    #: The list is so far behind; with ours alone it is.
    lag: float = 0
    own_lag: float = 0
    #: The list shows so many, the newest, and tells, or not, how many there are; or shows those of others alone.
    cap: int = 99
    is_counted: bool = False
    hides_ours: bool = False
    #: The list's times are ahead.
    shift: float = 0
    #: This machine's clock is ahead, at the attempts and later; the service's `Date` is, or is not told.
    local: tuple[float, float] = (0, 0)
    date_then: float | None = 0
    date_now: float | None = 0
    report: str = "whole"


FAIR = Fault()
LISTS = (
    Fault(lag=5), Fault(lag=45), Fault(own_lag=9), Fault(cap=1), Fault(cap=1, is_counted=True), Fault(hides_ours=True),
)  # fmt: skip
SHIFTS = Fault(shift=180), Fault(shift=-180), Fault(shift=12)
DAYS_OFF = (-2880, -2880), (-2880, 0), (0, -2880)
CLOCKS = tuple(Fault(local=each) for each in ((5, 5), (20, 0), (40, 40), (180, 0), (0, 180), *DAYS_OFF))
DATES_THEN = (
    Fault(date_then=None),
    Fault(date_then=20),
    Fault(date_then=-180),
    Fault(date_then=-2300),
    Fault(date_then=2300),
)
DATES_NOW = (
    Fault(date_now=None), Fault(date_now=20), Fault(date_now=-180), Fault(date_now=180),
    Fault(date_then=None, date_now=None),
)  # fmt: skip
REPORTS = Fault(report="none"), Fault(report="half"), Fault(report="masked"), Fault(report="skipped")
#: Two faults are of two of these.
DIMENSIONS = LISTS, SHIFTS, CLOCKS, DATES_THEN, DATES_NOW, REPORTS
#: What the service and machines are known for: whatever can be settled must be settled all the same.
SOUND = FAIR, LISTS[0], *SHIFTS, CLOCKS[0], DATES_THEN[0], REPORTS[3]

#: Another program's order to the same numbers within a minute of an attempt: assumed not to be, for earlier orders.
TWIN = Order("foreign", 3)
KNOWN_BEFORE, KNOWN_AFTER = Order("known", -45, "others"), Order("known", AGAIN + 2, "others")
FOREIGN_SOON, FOREIGN_LATER = Order("foreign", AGAIN + 15), Order("foreign", 70)
FOREIGN, ALIKE = Order("foreign", 3, "others"), Order("alike", 3)
BESIDE = (
    KNOWN_BEFORE, KNOWN_AFTER, Order("known", 2), Order("known", -2040, "others"), FOREIGN, FOREIGN_SOON, FOREIGN_LATER,
    Order("foreign", -20), Order("foreign", -70), Order("foreign", -300), TWIN, Order("foreign", 3, "fewer"),
    Order("foreign", 3, "more"), ALIKE, Order("alike", -20),
)  # fmt: skip
FEW_BESIDE = KNOWN_BEFORE, KNOWN_AFTER, FOREIGN, FOREIGN_LATER, ALIKE
TRIPLE = KNOWN_BEFORE, KNOWN_AFTER, FOREIGN_SOON
#: When ours was taken; `None` where it never was.
TAKEN = None, 0.0, AGAIN + 0.8
#: How long after the last attempt the list is read.
AGES = 6.0, 12.0, 65.0, 1560.0


class World(NamedTuple):
    """What is true."""

    size: int
    taken: float | None
    age: float
    beside: tuple[Order, ...]
    fault: Fault = FAIR

    @property
    def orders(self) -> dict[int, Order]:
        """All orders that the service has, by id."""
        orders = {100 + index: order for index, order in enumerate(self.beside)}
        return orders if self.taken is None else {OURS: Order("ours", self.taken), **orders}

    def shown(self) -> dict[int, Order]:
        """The orders that the list shows, on whatever days."""
        fault, now = self.fault, AGAIN + self.age
        seen = {id: order for id, order in self.orders.items() if order.at + fault.lag <= now}
        if fault.hides_ours:
            seen = {id: order for id, order in seen.items() if order.whose == "foreign"}
        if OURS in seen and seen[OURS].at + fault.own_lag > now:
            del seen[OURS]
        return dict(sorted(seen.items(), key=lambda each: -each[1].at)[: fault.cap])

    def is_noticeable(self) -> bool:
        """Whether a list that lacks ours says so, or lacks a known order as well: else it is assumed not to be."""
        shown, now = self.shown(), AGAIN + self.age
        if OURS in shown or self.fault.is_counted or (self.fault.cap >= len(self.orders) and not self.fault.hides_ours):
            return True
        lacking = [order for id, order in self.orders.items() if id not in shown and order.whose == "known"]
        return any(-1000 < order.at < now - 10 for order in lacking)

    def conclude(self) -> tuple[Conclusion, Conclusion]:
        """Apply the rules to a world: to an earlier order, and to one that was just refused as a duplicate."""
        orders, shown, fault = self.orders, self.shown(), self.fault
        span, now = Span(self._clock(0), self._clock(AGAIN)), self._clock(AGAIN + self.age)
        days = rules.days(span, now)
        if days is None:
            return Conclusion(None, "too many days"), Conclusion(True, "too many days")
        times = {id: START + (order.at + fault.shift) * MINUTE for id, order in shown.items()}
        listed = tuple(
            OrderReport(id, OrderStatus.SENDING, total=self.size, submitted_at=datetime.fromtimestamp(at, TURKISH_TIME))
            for id, at in times.items()
            if days.begin <= at < days.end
        )
        count = sum(order.at + fault.lag <= AGAIN + self.age for order in orders.values())
        known = {id: KnownId(id, self._clock(order.at)) for id, order in orders.items() if order.whose == "known"}
        is_whole = not fault.is_counted or count <= len(listed)
        evidence = Evidence(WANTED[self.size], span, listed, days, now, is_whole, known)
        verdicts = {
            each.id: rules.judge(evidence, each, self._rows(orders[each.id]))
            for each in rules.order_by_nearness(evidence, listed)
        }
        alike = 1 + sum(order.whose == "alike" and order.at >= 0 for order in self.beside)
        return rules.conclude_earlier(evidence, verdicts, alike), rules.conclude_live(verdicts, alike)

    def _clock(self, at: float) -> Moment:
        """A moment as our side tells it: until soon after the attempts by the clocks of then."""
        fault = self.fault
        local, date = (fault.local[0], fault.date_then) if at < AGAIN + 1 else (fault.local[1], fault.date_now)
        return Moment(START + (at + local) * MINUTE, None if date is None else START + (at + date) * MINUTE)

    def _rows(self, order: Order) -> Rows:
        """What an order's report shows."""
        numbers, report = SIZES[self.size], self.fault.report
        if order.numbers == "others":
            numbers = (STRANGER,)
        elif order.numbers == "more":
            numbers = (*numbers, STRANGER)
        elif order.numbers == "fewer":
            numbers = numbers[: self.size * 9 // 10] or (STRANGER,)
        if report == "none":
            return Rows(had=False)
        if report == "half":
            return Rows(numbers[: len(numbers) // 2], whole=False)
        if report == "masked":
            return Rows(tuple(number[:8] + "***" for number in numbers), whole=True)
        return Rows(numbers[1:] if report == "skipped" and len(numbers) > 1 else numbers, whole=True)


def find_flaw(world: World) -> str | None:
    """Give the conclusion of the rules that is false in this world, if there is one."""
    earlier, live = world.conclude()
    taken, has_twin = world.taken is not None, TWIN in world.beside
    if earlier.taken is False and taken and world.is_noticeable():
        return "surely not there, though it was taken"
    if earlier.taken is True and not taken and not has_twin:
        return "taken, though it was not"
    if earlier.order_id not in {None, OURS} and not has_twin:
        return "another order's id"
    if taken and live.order_id not in {None, OURS} and (not has_twin or OURS in world.shown()):
        return "another order's id, live"
    return None


def _make(
    faults: Sequence[Fault], sizes: Sequence[int], ages: Sequence[float], menu: Sequence[Order]
) -> Iterator[World]:
    beside = [(), *((each,) for each in menu), *combinations_with_replacement(menu, 2)]
    for fault, size, taken, age, orders in product(faults, sizes, TAKEN, ages, beside):
        yield World(size, taken, age, orders, fault)
    for fault, size, age in product(faults, sizes, ages):
        yield World(size, None, age, TRIPLE, fault)


def sound_worlds() -> Iterator[World]:
    """Worlds in which nothing is wrong but what the service and machines are known for."""
    yield from _make(SOUND, (*SIZES,), AGES, [each for each in BESIDE if each is not TWIN])


def worlds_with_one_fault() -> Iterator[World]:
    """All of them, and those without a fault."""
    yield from _make((FAIR, *REPORTS), (*SIZES,), AGES, BESIDE)
    yield from _make([fault for dimension in DIMENSIONS[:-1] for fault in dimension], (1,), AGES, BESIDE)


def worlds_with_two_faults() -> Iterator[World]:
    """Each fault of one dimension with each of another, and fewer orders."""
    for one, other in combinations(DIMENSIONS, 2):
        yield from _make([_join(*each) for each in product(one, other)], (1,), AGES[1:3], FEW_BESIDE)


def _join(one: Fault, other: Fault) -> Fault:
    return other._replace(**{name: value for name, value in one._asdict().items() if value != getattr(FAIR, name)})
