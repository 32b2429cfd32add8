"""What a report proves: every rule by itself, without any request."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Iys, OrderReport, OrderStatus
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.orders.evidence import (
    Attempt,
    Knowledge,
    Ledger,
    Rows,
    Sought,
    Verdict,
    Witness,
    fits_closely,
    judge,
    moment,
)
from iletimerkezi_async.stores.records import Moment
from iletimerkezi_async.wire.draft import Draft

BEGAN = datetime(2026, 5, 1, 12, 0, tzinfo=TURKISH_TIME)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NUMBERS = tuple(f"+9053012{index:05}" for index in range(40))
IT, CANNOT_TELL, ANOTHER = Verdict.IT, Verdict.CANNOT_TELL, Verdict.ANOTHER
#: A list that has shown our sender.
FAIR = Knowledge(senders_prove=True)


def sought(numbers: tuple[str, ...] = NUMBERS, *, send_at: datetime | None = None, text: str = "Metin") -> Sought:
    draft = Draft("FIRMA", Iys.OFF, {text: numbers}, send_at, len(numbers))
    return Sought.of(draft, Attempt(BEGAN, BEGAN + MINUTE, exact=True))


def entry(**told: object) -> OrderReport:
    usual: dict[str, object] = {
        "id": 7, "status": OrderStatus.SENDING, "total": 40, "submitted_at": BEGAN, "sent_at": BEGAN, "sender": "FIRMA",
    }  # fmt: skip
    return OrderReport(**(usual | told))  # type: ignore[arg-type]  # of all types


def rows(*pages: tuple[str, ...], whole: bool = True, total: int | None = None) -> Rows:
    return Rows(pages or (NUMBERS,), whole=whole, total=total)


def verdict(told: OrderReport, read: Rows | None, known: Knowledge = FAIR, looked_for: Sought | None = None) -> Verdict:
    return judge(looked_for or sought(), told, read, known).verdict


def test_the_very_numbers_at_the_right_time_are_it() -> None:
    """In whatever sequence, and on however many pages."""
    assert verdict(entry(), rows()) is IT
    assert verdict(entry(), rows(NUMBERS[::-1])) is IT
    assert verdict(entry(), rows(NUMBERS[:7], NUMBERS[7:])) is IT


@pytest.mark.parametrize(("missing", "expected"), [(1, IT), (2, IT), (3, CANNOT_TELL), (20, CANNOT_TELL)])
def test_a_twentieth_may_have_been_skipped(missing: int, expected: Verdict) -> None:
    """As blocked; where more are missing, the report may not be complete yet."""
    assert verdict(entry(total=40 - missing), rows(NUMBERS[missing:])) is expected


def test_of_a_small_order_none_may_be_missing() -> None:
    """A part of it is easily another order."""
    assert verdict(entry(total=9), rows(NUMBERS[:9]), looked_for=sought(NUMBERS[:10])) is CANNOT_TELL


@pytest.mark.parametrize("number", ["+905309999999", "+4915112345678"])
def test_a_readable_number_that_is_not_ours_rules_out(number: str) -> None:
    """Wherever it stands, and whatever else is there."""
    assert verdict(entry(), rows((*NUMBERS[:20], number))) is ANOTHER
    assert verdict(entry(), rows((number,), whole=False)) is ANOTHER
    assert verdict(entry(), rows(("+90530***4567", number))) is ANOTHER


@pytest.mark.parametrize("number", ["+90530***4567", "+90530123xxxx", "", "530", "004915112345678"])
def test_an_unreadable_number_proves_nothing(number: str) -> None:
    """Masked or cut off, it may be ours."""
    assert verdict(entry(), rows((*NUMBERS[1:], number))) is CANNOT_TELL


def test_where_we_have_foreign_numbers_those_of_a_report_prove_nothing() -> None:
    """In which form reports bring them is not documented. Turkish ones do."""
    ours = sought((*NUMBERS, "+4915112345678"))
    assert verdict(entry(), rows((*NUMBERS, "+4930123456")), looked_for=ours) is CANNOT_TELL
    assert verdict(entry(), rows((*NUMBERS, "+905309999999")), looked_for=ours) is ANOTHER


def test_a_number_of_ours_twice_on_a_page_rules_out() -> None:
    """On two pages it may be the pages that overlap."""
    assert verdict(entry(total=41), rows((*NUMBERS, NUMBERS[0]))) is ANOTHER
    assert verdict(entry(total=41), rows(NUMBERS, NUMBERS[:1])) is CANNOT_TELL


def test_a_known_id_rules_out_without_a_look() -> None:
    """It belongs to something else."""
    assert verdict(entry(), None, evolve(FAIR, known={7})) is ANOTHER


def test_another_sender_rules_out_where_the_list_tells_senders_right() -> None:
    """A list that shows ours nowhere, or another one at an order of ours, may show anything."""
    other = entry(sender="BASKA")
    assert verdict(other, None) is ANOTHER
    assert verdict(other, rows(), Knowledge()) is CANNOT_TELL
    assert verdict(entry(sender=None), rows()) is IT


@pytest.mark.parametrize(
    ("total", "expected"),
    [(19, ANOTHER), (20, CANNOT_TELL), (41, CANNOT_TELL), (400, CANNOT_TELL), (None, CANNOT_TELL)],
)
def test_a_total_rules_out_only_where_it_is_less_than_half(total: int | None, expected: Verdict) -> None:
    """Larger ones may count parts. In a list that told less of a known order, none does."""
    assert verdict(entry(total=total), None) is expected
    assert verdict(entry(total=total), None, evolve(FAIR, totals_prove=False)) is CANNOT_TELL


def test_a_small_total_of_a_small_order_rules_nothing_out() -> None:
    """Most of ten may be blocked, and twenty of any: beyond that, less than half does."""
    assert verdict(entry(total=1), None, looked_for=sought(NUMBERS[:10])) is CANNOT_TELL
    assert verdict(entry(total=19), None, looked_for=sought(NUMBERS[:39])) is CANNOT_TELL
    assert verdict(entry(total=18), None, looked_for=sought(NUMBERS[:39])) is ANOTHER
    many = tuple(f"+9053012{index:05}" for index in range(60))
    assert verdict(entry(total=30), None, looked_for=sought(many)) is CANNOT_TELL
    assert verdict(entry(total=29), None, looked_for=sought(many)) is ANOTHER


def test_a_total_in_parts_is_recognised() -> None:
    """Where it is what our texts come to; any other larger one leaves it open."""
    long = sought(text="x" * 200)
    assert verdict(entry(total=80), rows(), looked_for=long) is IT
    assert verdict(entry(total=40), rows(), looked_for=long) is IT
    assert verdict(entry(total=39), rows(NUMBERS[2:]), looked_for=long) is IT
    assert verdict(entry(total=76), rows(NUMBERS[2:]), looked_for=long) is IT
    assert verdict(entry(total=77), rows(NUMBERS[2:]), looked_for=long) is CANNOT_TELL
    assert verdict(entry(total=81), rows(), looked_for=long) is CANNOT_TELL
    assert verdict(entry(total=80), rows(), looked_for=sought()) is CANNOT_TELL
    two = Sought("FIRMA", 40, None, sought().wanted, {"x" * 200: 20, "y": 20}, sought().attempt)
    assert verdict(entry(total=60), rows(), looked_for=two) is IT
    assert verdict(entry(total=60), rows(NUMBERS[2:]), looked_for=two) is CANNOT_TELL
    unknown = Sought("FIRMA", 40, None, sought().wanted, {"": 40}, sought().attempt)
    assert verdict(entry(total=80), rows(), looked_for=unknown) is CANNOT_TELL


@pytest.mark.parametrize("minutes", [-600, -3, 4, 600])
def test_our_numbers_at_a_time_that_does_not_fit_leave_it_open(minutes: int) -> None:
    """Clocks, time zones, queues."""
    shifted = BEGAN + minutes * MINUTE
    assert verdict(entry(submitted_at=shifted, sent_at=shifted), rows()) is CANNOT_TELL
    assert verdict(entry(submitted_at=None), rows()) is CANNOT_TELL


def test_known_orders_show_how_the_times_of_a_list_run() -> None:
    """In one that is three hours ahead, ours is found there, and what is far from there is another."""
    ahead = timedelta(hours=3)
    known = evolve(FAIR, lead=(ahead, ahead))
    for at, expected in [(BEGAN + ahead, IT), (BEGAN, ANOTHER), (BEGAN + 2 * ahead, ANOTHER)]:
        assert verdict(entry(submitted_at=at, sent_at=at), rows(), known) is expected
    inexact = evolve(sought().attempt, exact=False)
    alone = Sought("FIRMA", 40, None, sought().wanted, {"Metin": 40}, inexact)
    assert verdict(entry(submitted_at=BEGAN + 2 * ahead), rows(), known, alone) is CANNOT_TELL


def test_what_is_not_due_cannot_be_told() -> None:
    """With our schedule. With another one it is another order, and so is any where ours has none."""
    due = BEGAN + timedelta(hours=5)
    waiting = Rows(due=False)
    ours = sought(send_at=due)
    assert verdict(entry(sent_at=due), waiting, looked_for=ours) is CANNOT_TELL
    assert verdict(entry(sent_at=due + timedelta(hours=1)), waiting, looked_for=ours) is ANOTHER
    assert verdict(entry(sent_at=due), waiting) is ANOTHER
    assert verdict(entry(), waiting) is CANNOT_TELL
    assert verdict(entry(sent_at=None), waiting) is CANNOT_TELL


@pytest.mark.parametrize("hours", [-3, 1, 3])
def test_a_schedule_in_another_time_zone_is_still_ours(hours: int) -> None:
    """The list may write all of its times in it."""
    due, shift = BEGAN + timedelta(hours=5), timedelta(hours=hours)
    shifted = entry(submitted_at=BEGAN + shift, sent_at=due + shift)
    assert verdict(shifted, Rows(due=False), looked_for=sought(send_at=due)) is CANNOT_TELL


def test_a_report_that_cannot_be_had_or_is_not_complete_leaves_it_open() -> None:
    """Nor does one that nobody looked at tell anything; of these two more rows may tell."""
    assert verdict(entry(), Rows(had=False)) is CANNOT_TELL
    assert not judge(sought(), entry(), Rows(had=False), FAIR).open
    assert judge(sought(), entry(), None, FAIR).open
    assert judge(sought(), entry(), rows(NUMBERS[:10], whole=False), FAIR).open


@given(
    at=st.integers(-10_000, 10_000).map(lambda seconds: BEGAN + timedelta(seconds=seconds)) | st.none(),
    total=st.none() | st.integers(0, 100),
    sender=st.sampled_from(["FIRMA", "BASKA", None]),
    shown=st.permutations(NUMBERS),
    missing=st.integers(0, 2),
    lead=st.none() | st.integers(-600, 600).map(lambda s: (timedelta(seconds=s), timedelta(seconds=s))),
)
def test_an_order_with_all_our_numbers_is_ruled_out_by_nothing_but_what_the_rules_name(
    at: datetime | None,
    total: int | None,
    sender: str | None,
    shown: list[str],
    missing: int,
    lead: tuple[timedelta, timedelta] | None,
) -> None:
    """However its entry is bent: another sender, less than half, or a time that known orders rule out."""
    told = entry(submitted_at=at, sent_at=at, total=total, sender=sender)
    judged = judge(sought(), told, rows(tuple(shown[missing:])), evolve(FAIR, lead=lead))
    if judged.verdict is ANOTHER:
        far = lead is not None and at is not None and abs(at - BEGAN - lead[0]) > 14 * MINUTE
        assert sender == "BASKA" or (total is not None and total * 2 < 40) or far


def test_what_a_list_shows_of_itself() -> None:
    """Orders that are known tell whether its senders, totals and times can be trusted."""
    ledger = Ledger()
    assert not ledger.knowledge("FIRMA", (), exact=True).senders_prove
    assert ledger.knowledge("FIRMA", (), exact=True, trusting=True).senders_prove
    sent = Moment(BEGAN.timestamp() + 60, BEGAN.timestamp())
    ledger.note(entry(), Witness("FIRMA", 40, sent))
    fair = ledger.knowledge("FIRMA", (), exact=True)
    assert (fair.senders_prove, fair.totals_prove, fair.lead) == (True, True, (timedelta(), timedelta()))
    assert ledger.knowledge("FIRMA", (), exact=False).lead == (-MINUTE, -MINUTE)
    ledger.note(entry(submitted_at=BEGAN + MINUTE), Witness("FIRMA", 40, sent))
    ledger.note(entry(submitted_at=BEGAN + 30 * SECOND), Witness("FIRMA", 40, sent))
    assert ledger.knowledge("FIRMA", (), exact=True).lead == (timedelta(), MINUTE)
    ledger.note(entry(total=3), Witness("FIRMA", 40, None))
    assert not ledger.knowledge("FIRMA", (), exact=True).totals_prove
    ledger.note(entry(sender="BASKA"), Witness("FIRMA", 40, None))
    assert not ledger.knowledge("FIRMA", (), exact=True, trusting=True).senders_prove


def test_an_entry_that_tells_nothing_shows_nothing() -> None:
    """Nor does one of an order that is not known."""
    ledger = Ledger()
    silent = entry(sender=None, total=None, submitted_at=None)
    ledger.note(silent, Witness("FIRMA", 40, Moment(BEGAN.timestamp(), BEGAN.timestamp())))
    ledger.note(entry(sender="BASKA", total=1), None)
    told = ledger.knowledge("BASKA", (), exact=True)
    assert (told.senders_prove, told.totals_prove, told.lead) == (True, True, None)


def test_clocks_that_were_set_in_between_rule_nothing_out() -> None:
    """Orders that are known of now show nothing of then."""
    known = evolve(FAIR, lead=(timedelta(), timedelta()))
    far = entry(submitted_at=BEGAN + timedelta(hours=5))
    unsteady = evolve(sought().attempt, steady=False)
    alone = Sought("FIRMA", 40, None, sought().wanted, {"Metin": 40}, unsteady)
    assert verdict(far, None, known) is ANOTHER
    assert verdict(far, None, known, alone) is CANNOT_TELL


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-15 * 60 - 1, ANOTHER), (-15 * 60, CANNOT_TELL), (16 * 60, CANNOT_TELL), (16 * 60 + 1, ANOTHER)],
)
def test_known_orders_leave_a_quarter_of_an_hour_for_clocks_that_drift(seconds: int, expected: Verdict) -> None:
    """Before the attempt, which lasted a minute, and after it; and for all that the known orders were apart."""
    known, at = evolve(FAIR, lead=(timedelta(), timedelta())), BEGAN + timedelta(seconds=seconds)
    assert verdict(entry(submitted_at=at), None, known) is expected
    apart = evolve(FAIR, lead=(timedelta(), timedelta(hours=1)))
    later = timedelta(hours=1) if seconds > 0 else timedelta()
    assert verdict(entry(submitted_at=at + later), None, apart) is expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-121, CANNOT_TELL), (-120, IT), (0, IT), (180, IT), (181, CANNOT_TELL)]
)
def test_two_minutes_are_left_for_clocks_that_nothing_shows(seconds: int, expected: Verdict) -> None:
    """Before the attempt, which lasted a minute, and after it."""
    at = BEGAN + timedelta(seconds=seconds)
    assert verdict(entry(submitted_at=at, sent_at=at), rows()) is expected


def test_a_clock_that_was_ahead_later_on_may_have_been_so_then() -> None:
    """By as much: ours is found there, with two minutes before and after."""
    ahead = timedelta(hours=1)
    shifted = Sought("FIRMA", 40, None, sought().wanted, {"Metin": 40}, evolve(sought().attempt, shift=ahead))
    for seconds, expected in [(-121, CANNOT_TELL), (-120, IT), (180, IT), (181, CANNOT_TELL)]:
        at = BEGAN + ahead + timedelta(seconds=seconds)
        assert verdict(entry(submitted_at=at, sent_at=at), rows(), looked_for=shifted) is expected


@pytest.mark.parametrize(("seconds", "expected"), [(-3, False), (-2, True), (62, True), (63, False), (0, True)])
def test_known_orders_tell_the_time_to_two_seconds(seconds: int, expected: bool) -> None:
    """As the service's clock and its list have whole seconds; the attempt lasted a minute."""
    attempt, none = evolve(sought().attempt, began=BEGAN + 10 * SECOND, until=BEGAN + 70 * SECOND), timedelta()
    at = BEGAN + (10 + seconds) * SECOND
    assert fits_closely(attempt, at, (none, none)) is expected
    assert fits_closely(attempt, at + MINUTE, (MINUTE, MINUTE)) is expected
    assert fits_closely(attempt, at + MINUTE * (seconds > 0), (none, MINUTE)) is expected
    assert not fits_closely(attempt, at, None)


def test_a_time_without_seconds_stands_for_any_of_its_minute() -> None:
    """Where a list tells minutes alone."""
    attempt, none = evolve(sought().attempt, began=BEGAN + 61 * SECOND, until=BEGAN + 70 * SECOND), timedelta()
    assert fits_closely(attempt, BEGAN, (none, none))
    assert not fits_closely(attempt, BEGAN - MINUTE, (none, none))
    assert not fits_closely(attempt, BEGAN + SECOND, (none, none))


@pytest.mark.parametrize(("minutes", "expected"), [(-45, CANNOT_TELL), (45, CANNOT_TELL), (46, ANOTHER)])
def test_schedules_are_others_where_they_differ_by_more_than_clocks_do(minutes: int, expected: Verdict) -> None:
    """Three quarters of an hour."""
    due = BEGAN + timedelta(hours=5)
    told = entry(sent_at=due + minutes * MINUTE)
    assert verdict(told, None, looked_for=sought(send_at=due)) is expected


@pytest.mark.parametrize(
    ("lead", "expected"),
    [(None, CANNOT_TELL), ((0, 45), ANOTHER), ((-45, 0), ANOTHER), ((0, 46), CANNOT_TELL), ((-46, 0), CANNOT_TELL)],
)
def test_a_shorter_wait_is_another_schedule_only_by_our_clock(lead: tuple[int, int] | None, expected: Verdict) -> None:
    """A queue makes a wait shorter, so the list's times have to be known to be ours, to three quarters of an hour."""
    due = BEGAN + timedelta(hours=5)
    told = entry(sent_at=due - 46 * MINUTE)
    known = evolve(FAIR, lead=None if lead is None else (lead[0] * MINUTE, lead[1] * MINUTE))
    assert verdict(told, None, known, sought(send_at=due)) is expected


@pytest.mark.parametrize(("submitted", "sent"), [(-10, 45), (10, 55), (-600, 0), (600, 600)])
def test_a_schedule_is_another_only_where_both_comparisons_say_so(submitted: int, sent: int) -> None:
    """Minutes from ours: times may be shifted, alone or together. Without the service's clock none can be compared."""
    due = BEGAN + timedelta(hours=5)
    told = entry(submitted_at=BEGAN + submitted * MINUTE, sent_at=due + sent * MINUTE)
    assert verdict(told, None, looked_for=sought(send_at=due)) is CANNOT_TELL
    far = entry(sent_at=due + 600 * MINUTE)
    assert verdict(far, None, looked_for=sought(send_at=due)) is ANOTHER
    inexact = Sought("FIRMA", 40, due, sought().wanted, {"Metin": 40}, evolve(sought().attempt, exact=False))
    assert verdict(far, None, looked_for=inexact) is CANNOT_TELL
    assert verdict(entry(submitted_at=None, sent_at=far.sent_at), None, looked_for=sought(send_at=due)) is CANNOT_TELL


def test_an_order_without_a_schedule_may_go_out_a_little_later() -> None:
    """One that waited for longer had a schedule."""
    assert verdict(entry(sent_at=BEGAN + 45 * MINUTE), Rows(due=False)) is CANNOT_TELL
    assert verdict(entry(sent_at=BEGAN + 46 * MINUTE), Rows(due=False)) is ANOTHER
    assert verdict(entry(sent_at=BEGAN + 45 * MINUTE), rows()) is IT
    assert verdict(entry(sent_at=BEGAN + 46 * MINUTE), rows()) is CANNOT_TELL


def test_moments_are_written_in_turkish_time() -> None:
    """As the reports have them."""
    assert moment(BEGAN.timestamp()).isoformat() == "2026-05-01T12:00:00+03:00"
