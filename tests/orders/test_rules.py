"""What reports prove: every rule by itself, as a table, without any request."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from iletimerkezi_async import Iys, OrderReport, OrderStatus
from iletimerkezi_async.clocks import Moment, Span
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.orders.rules import (
    Conclusion,
    Evidence,
    Identity,
    OpenOrder,
    Place,
    Rows,
    Verdict,
    conclude_earlier,
    conclude_live,
    days,
    find_place,
    is_look_alike,
    is_whole,
    judge,
    order_by_nearness,
)
from iletimerkezi_async.stores.log import KnownId
from iletimerkezi_async.wire.draft import Draft

IT, CANNOT_TELL, ANOTHER = Identity.IT, Identity.CANNOT_TELL, Identity.ANOTHER
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
#: Noon of a day in Turkish time.
NOON = 1_777_626_000.0
NUMBERS = [f"+9053012{index:05}" for index in range(40)]
STRANGER = "+905309999999"


def moment(seconds: float = 0.0, ahead: float | None = 0.0) -> Moment:
    """So many seconds after noon by this machine's clock, of which the service's is ahead."""
    return Moment(NOON + seconds, None if ahead is None else NOON + seconds + ahead)


SPAN = Span(moment(), moment(MINUTE))
SOON = moment(15 * MINUTE)


def clock(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON + seconds, TURKISH_TIME)


def wanted_of(numbers: list[str] = NUMBERS, *, send_at: datetime | None = None) -> OpenOrder:
    return OpenOrder(Draft("FIRMA", Iys.OFF, {"Kodunuz 1234": tuple(numbers)}, send_at, len(numbers)))


def listed(seconds: float | None = 0.0, **told: Any) -> OrderReport:
    at = None if seconds is None else clock(seconds)
    return OrderReport(
        **({"id": 7, "status": OrderStatus.SENDING, "total": 40, "submitted_at": at, "sent_at": at, "sender": "FIRMA"}
        | told)
    )  # fmt: skip


def evidence_of(*orders: OrderReport, span: Span = SPAN, at: Moment = SOON, **told: Any) -> Evidence:
    """Make evidence in which, by default, the clocks agree, so that times prove something."""
    of_days = days(span, at)
    assert of_days is not None
    return Evidence(**({"wanted": wanted_of(), "span": span, "orders": orders, "days": of_days, "at": at} | told))


def identify(entry: OrderReport, rows: Rows | None, **told: Any) -> Identity:
    return judge(evidence_of(entry, **told), entry, rows).identity


# One order.


@pytest.mark.parametrize(("numbers", "expected"), [
    (NUMBERS, IT), (NUMBERS[::-1], IT), (NUMBERS[1:], IT), (NUMBERS[2:], IT), (NUMBERS[3:], CANNOT_TELL),
    ([], CANNOT_TELL), ([*NUMBERS, STRANGER], ANOTHER), ([STRANGER], ANOTHER), ([*NUMBERS[:20], STRANGER], ANOTHER),
    (["+90530***4567", STRANGER], ANOTHER), ([*NUMBERS, NUMBERS[0]], CANNOT_TELL),
    ([*NUMBERS[1:], "+90530***4567"], CANNOT_TELL), ([*NUMBERS[1:], "+90530123xxxx"], CANNOT_TELL),
    ([*NUMBERS[1:], ""], CANNOT_TELL), ([*NUMBERS, "+4915112345678"], ANOTHER), ([*NUMBERS, "0049151"], CANNOT_TELL),
])  # fmt: skip
def test_numbers_decide(numbers: list[str], expected: Identity) -> None:
    """One that is not ours rules it out; all of ours, or all but a twentieth, make it ours; others are open."""
    assert identify(listed(), Rows(numbers, whole=True)) is expected


@pytest.mark.parametrize(
    "told", [{"total": 0}, {"total": 20}, {"total": 400}, {"total": None}, {"sender": "BASKA"}, {"sender": None}]
)
def test_sender_and_total_decide_nothing(told: dict[str, object]) -> None:
    """A list may show any."""
    assert identify(listed(**told), Rows(NUMBERS, whole=True)) is IT
    assert identify(listed(**told), None) is CANNOT_TELL


@pytest.mark.parametrize(("seconds", "expected"), [
    (0, IT), (120, IT), (-60, IT), (121, CANNOT_TELL), (-61, CANNOT_TELL), (4 * HOUR + 60, CANNOT_TELL),
    (4 * HOUR + 61, ANOTHER), (-4 * HOUR - 1, ANOTHER), (None, CANNOT_TELL),
])  # fmt: skip
def test_times_decide_where_they_are_near_or_far(seconds: float | None, expected: Identity) -> None:
    """Within a minute of an attempt it may be ours, hours off it is not; what is between is left open."""
    assert identify(listed(seconds), Rows(NUMBERS, whole=True)) is expected


def test_where_times_prove_nothing_only_numbers_rule_out() -> None:
    """If the clocks contradict each other, the order's time in the list is unknown, and only numbers decide."""
    astray = moment(900, 31 * MINUTE)
    assert evidence_of(at=astray).place == Place()
    assert identify(listed(0), Rows(NUMBERS, whole=True), at=astray) is CANNOT_TELL
    assert identify(listed(9 * DAY), Rows(NUMBERS, whole=True), at=astray) is CANNOT_TELL
    assert identify(listed(0), Rows([STRANGER]), at=astray) is ANOTHER
    scheduled = wanted_of(send_at=clock(9 * DAY))
    assert identify(listed(0), Rows(NUMBERS), at=astray, wanted=scheduled) is CANNOT_TELL


@pytest.mark.parametrize(("hours", "expected"), [(0, IT), (4, IT), (4.1, ANOTHER), (-4.1, ANOTHER)])
def test_another_schedule_is_another_order(hours: float, expected: Identity) -> None:
    """A schedule more than four hours off rules an order out, unless the wanted order is sent at once."""
    entry = listed(sent_at=clock((9 + hours) * HOUR))
    rows = Rows(NUMBERS, whole=True)
    assert identify(entry, rows, wanted=wanted_of(send_at=clock(9 * HOUR))) is expected
    assert identify(entry, rows) is IT
    assert identify(listed(sent_at=None), rows, wanted=wanted_of(send_at=clock(9 * HOUR))) is IT


@pytest.mark.parametrize(("rows", "is_open", "lacks"), [
    (None, True, False), (Rows(had=False), False, False), (Rows(NUMBERS[:20]), True, False),
    (Rows(NUMBERS[:20], whole=True), False, True), (Rows([], whole=True), False, False),
])  # fmt: skip
def test_a_report_that_is_not_there_yet_leaves_it_open(rows: Rows | None, is_open: bool, lacks: bool) -> None:
    """Where more of it may tell, or the blacklist, that is said."""
    verdict = judge(evidence_of(), listed(), rows)
    assert (verdict.identity, verdict.open, verdict.lacks_numbers) == (CANNOT_TELL, is_open, lacks)


def test_a_known_id_is_another_order() -> None:
    """An order with a known id is another one, without reading its report."""
    assert identify(listed(), Rows(NUMBERS, whole=True), known={7: KnownId(7)}) is ANOTHER


def test_the_blacklist_tells_whom_the_service_may_have_skipped() -> None:
    """Any number of blacklisted numbers may be missing; one other missing number leaves the verdict open."""
    rows = Rows(NUMBERS[10:], whole=True)
    assert identify(listed(), rows) is CANNOT_TELL
    assert identify(listed(), rows, blacklist=set(NUMBERS[:10])) is IT
    assert identify(listed(), rows, blacklist=set(NUMBERS[:9])) is CANNOT_TELL
    assert identify(listed(), Rows([], whole=True), blacklist=set(NUMBERS)) is CANNOT_TELL


@pytest.mark.parametrize(("numbers", "blacklist", "expected"), [
    (NUMBERS, [], True), (NUMBERS[2:], [], True), (NUMBERS[3:], [], False), ([*NUMBERS, STRANGER], [], True),
    (NUMBERS[3:], NUMBERS[:3], True), (NUMBERS[3:], NUMBERS[:2], False), (NUMBERS[3:], NUMBERS[1:3], False),
    (NUMBERS[:-3] * 2, [], False), ([], NUMBERS, False), (NUMBERS[:1], NUMBERS, True),
])  # fmt: skip
def test_an_order_to_the_same_numbers_is_a_look_alike(numbers: list[str], blacklist: list[str], expected: bool) -> None:
    """One that lacks at most a twentieth of ours, or of ours only blocked ones, but has one at least."""
    assert is_look_alike(wanted_of(), Counter(numbers), blacklist) is expected


def test_where_we_have_foreign_numbers_those_of_a_report_prove_nothing() -> None:
    """If the order has foreign numbers, foreign numbers in a report prove nothing: their spelling is not documented."""
    wanted = wanted_of([*NUMBERS, "+4915112345678"])
    for number, expected in (("+4930123456", CANNOT_TELL), (STRANGER, ANOTHER)):
        rows = Rows([*NUMBERS, number], whole=True)
        assert identify(listed(), rows, wanted=wanted) is expected


# The place in a list.


def place_of(span: Span, now: Moment, shown: dict[int, tuple[float, KnownId]] | None = None) -> Place:
    # One of somebody else, and a known one without a time, tell nothing.
    orders = [*(listed(at, id=id) for id, (at, _) in (shown or {}).items()), listed(-HOUR, id=98), listed(None, id=99)]
    known = {id: each for id, (_, each) in (shown or {}).items()} | {99: KnownId(99, moment())}
    return find_place(evidence_of(*orders, span=span, at=now, known=known))


def test_the_service_s_clock_tells_the_place() -> None:
    """Where this machine's runs beside it, by minutes; where only that is known, the service's is reckoned back."""
    ahead = Span(moment(0, 300), moment(60, 300))
    assert place_of(ahead, moment(900, 300)).likely == (NOON + 300, NOON + 360)
    ours = Span(moment(0, None), moment(60, None))
    reckoned = place_of(ours, moment(900, 300))
    assert reckoned.likely == (NOON + 300, NOON + 360)
    assert reckoned.far > 9 * DAY
    # Five minutes are the most by which the clocks may have moved against each other.
    moved = Span(moment(), moment(60, 300))
    assert place_of(moved, moment(900, 300)).likely == (NOON, NOON + 360)
    assert place_of(Span(moment(), moment(60, 301)), moment(900, 300)).likely is None


@pytest.mark.parametrize("clocks", [(0, 31 * MINUTE), (31 * MINUTE, 31 * MINUTE), (-16 * MINUTE, 15 * MINUTE)])
def test_clocks_that_contradict_each_other_prove_nothing(clocks: tuple[float, float]) -> None:
    """More than half an hour apart, or moved by as much."""
    span = Span(moment(0, clocks[0]), moment(60, clocks[0]))
    assert place_of(span, moment(900, clocks[1])) == Place()


def test_known_orders_show_how_the_times_of_a_list_run() -> None:
    """Known orders show the offset of a list's times, unless their offsets vary by more than five minutes."""
    shown = {1: (3 * HOUR + 100, KnownId(1, moment(100))), 2: (3 * HOUR + 210, KnownId(2, moment(200)))}
    place = place_of(SPAN, moment(900), shown)
    assert place.likely == (NOON + 3 * HOUR, NOON + 3 * HOUR + 70)
    assert place.far == HOUR
    shown = {1: (3 * HOUR, KnownId(1, moment())), 2: (3 * HOUR + 200 + 300, KnownId(2, moment(200)))}
    assert place_of(SPAN, moment(900), shown).likely == (NOON + 3 * HOUR, NOON + 3 * HOUR + 360)
    shown[2] = (3 * HOUR + 200 + 301, KnownId(2, moment(200)))
    assert place_of(SPAN, moment(900), shown) == Place()


def test_known_orders_of_another_kind_show_nothing() -> None:
    """Scheduled orders, and those whose answer was lost, do not show the offset of a list's times."""
    shown = {1: (3 * HOUR, KnownId(1, moment(0), scheduled=True)), 2: (3 * HOUR, KnownId(2, scheduled=True))}
    assert place_of(SPAN, moment(900), shown).likely == (NOON, NOON + MINUTE)


@pytest.mark.parametrize(("ahead", "then", "is_shown"), [
    (0, 300, True), (0, 301, False), (1700, 1800, True), (1700, 1801, False),
])  # fmt: skip
def test_known_orders_show_nothing_where_the_clocks_were_others(ahead: float, then: float, is_shown: bool) -> None:
    """At their answer: moved by more than five minutes since the attempts, or more than half an hour apart."""
    span = Span(moment(0, ahead), moment(MINUTE, ahead))
    shown = {1: (3 * HOUR + then, KnownId(1, moment(0, then)))}
    expected = NOON + ahead + (3 * HOUR if is_shown else 0)
    assert place_of(span, moment(900, ahead), shown).likely == (expected, expected + MINUTE)


def test_days_by_both_clocks() -> None:
    """The days include both clocks' times and one more day on each side; too many days give none."""
    found = days(SPAN, moment(900))
    assert found is not None
    assert (found.last - found.first) == timedelta(days=2)
    assert days(Span(moment(-3 * DAY, None), moment(-3 * DAY, None)), moment()) == (
        found.first - timedelta(days=3), found.last
    )  # fmt: skip
    for ahead, is_none in ((8 * DAY, False), (9 * DAY, True)):
        assert (days(Span(moment(0, ahead), moment(0, ahead)), moment()) is None) is is_none
    # This machine's clock was set since: the days by it now are read, too.
    assert days(SPAN, moment(4 * DAY, -4 * DAY)) == (found.first, found.last + timedelta(days=4))


def test_whom_to_look_at_first() -> None:
    """Orders within a minute of an attempt come first, of these those with our sender and total, then the nearest."""
    orders = [
        listed(3 * HOUR, id=1), listed(0, id=2, sender="BASKA"), listed(100, id=3), listed(61, id=7),
        listed(30, id=4), listed(None, id=5), listed(90, id=6), listed(30, id=4), listed(0, id=8, total=41),
        listed(0, id=9, sender="BASKA", total=41), listed(120, id=10), listed(0, id=11, total=None),
        listed(121, id=12),
    ]  # fmt: skip
    found = [each.id for each in order_by_nearness(evidence_of(), orders)]
    assert found == [4, 11, 7, 6, 3, 10, 2, 8, 9, 12, 1, 5]


# What follows from all of them.

FRESH = {1: KnownId(1, moment(3 * MINUTE))}
SCHEDULED = KnownId(2, moment(-HOUR), scheduled=True)


def conclude(
    verdicts: dict[int, Identity],
    *,
    shows: set[int] | None = None,
    alike: int = 1,
    **given: Any,
) -> Conclusion:
    given = {"at": moment(20 * MINUTE), "known": FRESH, "since": 0.0} | given
    told = {id: Verdict(each, "reason") for id, each in verdicts.items()}
    told |= {id: Verdict(ANOTHER, "known") for id in given["known"]}
    shown = told.keys() if shows is None else shows
    return conclude_earlier(evidence_of(*(listed(None, id=id) for id in shown), **given), told, alike)


def test_it_is_taken_where_the_list_shows_it() -> None:
    """If the list shows the order, it was taken; its id is given unless it may be one of several."""
    assert (conclude({7: IT}).taken, conclude({7: IT}).order_id) == (True, 7)
    assert (conclude({7: IT, 8: IT}).taken, conclude({7: IT, 8: IT}).order_id) == (True, None)
    assert (conclude({7: IT, 8: IT}, alike=2).taken, conclude({7: IT, 8: IT}, alike=2).order_id) == (True, None)
    assert conclude({7: IT}, alike=2).taken is None
    assert conclude({7: IT}, alike=2).candidates == (7,)


@pytest.mark.parametrize("case", [
    {}, {"since": NOON - 36 * HOUR}, {"at": moment(11 * MINUTE)},
    {"known": {1: KnownId(1, moment(20 * MINUTE + 2))}}, {"known": {**FRESH, 2: SCHEDULED}, "shows": {1, 7}},
    {"known": {}, "at": moment(61 * MINUTE)},
])  # fmt: skip
def test_it_surely_is_not_there_where_a_fresh_and_whole_list_has_only_others(case: dict[str, Any]) -> None:
    """And only then; after an hour a list is not behind, though no newer order shows it."""
    assert conclude({7: ANOTHER}, **case).taken is False


@pytest.mark.parametrize(("reason", "case"), [
    ("may not have the order yet", {"at": moment(11 * MINUTE - 1)}),
    ("may not have the order yet", {"at": moment(MINUTE - 2)}),
    ("may be this order", {"verdicts": {7: CANNOT_TELL}}),
    ("not all orders", {"shows": {1, 7, 8}}),
    ("time is not known", {"at": moment(20 * MINUTE, None)}),
    ("incomplete", {"whole": False}),
    ("incomplete", {"known": {**FRESH, 2: KnownId(2, moment(-HOUR))}, "shows": {1, 7}}),
    ("incomplete", {"since": NOON}),
    ("incomplete", {"known": {**FRESH, 2: SCHEDULED}, "shows": {1, 7}, "wanted": wanted_of(send_at=clock(DAY))}),
    ("may lag", {"known": {}, "at": moment(61 * MINUTE - 1)}),
    ("may lag", {"known": {1: KnownId(1, moment(20 * MINUTE + 2.5))}}),
    ("may lag", {"known": {1: KnownId(1, moment(2 * MINUTE))}}),
    ("may lag", {"known": {1: KnownId(1, moment(15 * MINUTE))}, "shows": {7}}),
    ("a clock was set back", {"at": moment(MINUTE - 2.5)}),
])  # fmt: skip
def test_what_leaves_open_whether_it_is_there(reason: str, case: dict[str, object]) -> None:
    """Each of these doubts alone leaves the outcome unknown, with its reason in words."""
    verdicts = {7: ANOTHER} | case.pop("verdicts", {}) if "verdicts" in case else {7: ANOTHER}  # type: ignore[operator]  # a dict
    conclusion = conclude(verdicts, **case)  # type: ignore[arg-type]  # of all types
    assert conclusion.taken is None
    assert reason in conclusion.reason


@pytest.mark.parametrize(("known", "whole"), [
    (KnownId(1, moment(-HOUR)), False), (KnownId(1, moment(10 * MINUTE)), False), (SCHEDULED, True),
    (KnownId(1, moment(10 * MINUTE + 1)), True), (KnownId(1, scheduled=True), True),
    (KnownId(1, moment(-32 * HOUR - 1)), True), (KnownId(1, moment(-32 * HOUR)), False),
    (KnownId(1, moment(32 * HOUR)), True), (KnownId(1, moment(32 * HOUR - 1)), False),
])  # fmt: skip
def test_which_known_orders_a_whole_list_must_have(known: KnownId, whole: bool) -> None:
    """A complete list need not have orders of the last ten minutes, at the edge of its days, scheduled or cancelled."""
    assert is_whole(evidence_of(at=moment(20 * MINUTE), known={1: known})) is whole


def test_scheduled_orders_must_be_listed_where_one_is_looked_for() -> None:
    """A list that leaves out what is not due would lack ours as well."""
    known = {1: SCHEDULED}
    wanted = wanted_of(send_at=clock(9 * HOUR))
    assert not is_whole(evidence_of(at=moment(20 * MINUTE), known=known, wanted=wanted))


@pytest.mark.parametrize(("its", "alike", "order_id"), [([], 1, None), ([7], 1, 7), ([7], 2, None), ([7, 8], 1, None)])
def test_live_an_id_is_given_where_there_is_only_one(its: list[int], alike: int, order_id: int | None) -> None:
    """After a refusal as a duplicate, the id is given only if one order fits; otherwise there are candidates."""
    verdicts = {id: Verdict(IT, "it") for id in its} | {9: Verdict(CANNOT_TELL, "open"), 10: Verdict(ANOTHER, "other")}
    conclusion = conclude_live(verdicts, alike)
    assert (conclusion.taken, conclusion.order_id) == (True, order_id)
    assert conclusion.candidates == tuple(its) if order_id else (*its, 9)
