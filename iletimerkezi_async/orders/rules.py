"""What reports prove about an order whose answer was lost. Pure: nothing here asks anything.

Each order in a list is *it*, or *another*, or there is no telling. From these verdicts, and from what the log knows, it
is concluded that the order was taken, or that the service surely lacks it, or that its fate stays unknown. To take
another order for ours loses its recipients, and to take ours for another texts them twice: what is open stays open.

- Numbers decide, and known ids: a number that is not ours makes an order another one, all of ours within a minute of an
  attempt make it this one. Sender and total decide nothing; times only where they are far off.
- Times are compared only as long as the clocks agree (`contradict`), and as the known orders of the list show.
- A list that lacks an order which the log knows is not whole, and one that shows none which is newer than the lost one
  may be behind.

Assumed, as nothing documents it: ten minutes after it took an order the service's list has it, or its being behind
shows by other orders, or is over within the hour; the list shows all orders that were sent through the API; nobody
without this log texts the very same numbers within a minute of a lost attempt; the times of one list are off by the
same amount, and by less than four hours; where no answer has told the service's time of an attempt, this machine's
clock was not days ahead then.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from iletimerkezi_async.clocks import Days, Moment, Span, contradict, drift
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.numbers import clean_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = [
    "NEAR", "ONE_SKIPPED_IN", "Conclusion", "Fate", "Identity", "Knowledge", "Known", "Listed", "Listing", "Place",
    "Rows", "Verdict", "Wanted", "conclude_earlier", "conclude_live", "days", "find_place", "is_look_alike",
    "is_whole", "judge", "order_by_nearness",
]  # fmt: skip

_MINUTE, _HOUR = 60.0, 3600.0
#: Seconds within which a list has a new order, unless it is behind.
LISTED_AFTER = 10 * _MINUTE
#: Seconds after which a list is no longer behind, though no newer order shows it.
NEVER_BEHIND = _HOUR
#: Seconds around an attempt within which an order with our numbers is it. An attempt may be taken so late.
NEAR = _MINUTE
#: Seconds by which an order that is another one is off; the time zone of the list may be off by three hours.
FAR = 4 * _HOUR
#: The same where known orders in the list show how its times run.
FAR_AS_SHOWN = _HOUR
#: Seconds by which times may vary that are compared: known orders' in a list, and how far the clocks are apart.
STEADY = 5 * _MINUTE
#: Seconds around midnight within which an order may be listed under the next day.
EDGE = 4 * _HOUR
#: The service may skip numbers: one in so many, and so none of fewer.
ONE_SKIPPED_IN = 20
#: Days from the first to the last that `get-reports` takes. (Source: the provider's page, code 458.)
LONGEST = 10
# Both clocks tell whole seconds at times, so that one may seem to have been set back by as many.
_GRAIN = 2.0
_TURKISH = "+905"


class Identity(Enum):
    """What an order in a list is."""

    IT = "it"
    ANOTHER = "another"
    CANNOT_TELL = "cannot tell"


@frozen
class Verdict:
    """What an order in a list is, and why.

    Attributes:
        identity: What it is.
        reason: Why, in words.
        open: Whether (more of) its own report may tell more.
        lacks_numbers: Whether the blacklist may tell more: those that are missing may all be on it.
    """

    identity: Identity
    reason: str
    open: bool = False
    lacks_numbers: bool = False


class Fate(Enum):
    """What became of an order whose answer was lost."""

    TAKEN = "taken"
    ABSENT = "surely not there"
    UNKNOWN = "unknown"


@frozen
class Conclusion:
    """What became of an order whose answer was lost, and why.

    Attributes:
        fate: What became of it.
        reason: Why, in words.
        order_id: Its id, where it was taken and there is no doubt which order it is.
        candidates: Ids of the orders that may be it, for a person to look at.
    """

    fate: Fate
    reason: str
    order_id: int | None = None
    candidates: tuple[int, ...] = ()


@frozen(eq=False, repr=False)
class Wanted:
    """The order that is looked for.

    Attributes:
        numbers: Its numbers in E.164, each with how many messages it gets.
        recipients: How many messages that makes.
        span: When it may have been taken.
        send_at: Its schedule, in seconds since 1970.
        sender: Its header; like the total only a hint where to look first.
    """

    numbers: Mapping[str, int]
    recipients: int
    span: Span
    send_at: float | None = None
    sender: str | None = None
    _has_foreign: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_has_foreign", any(not each.startswith(_TURKISH) for each in self.numbers))

    def is_readable(self, number: str) -> bool:
        """Whether a number of a report is a whole one, in a form that can be compared with ours.

        How reports spell numbers of other countries is not documented: where we have some, those prove nothing.
        """
        if number.startswith(_TURKISH):
            return clean_number(number) == number
        return not self._has_foreign and clean_number(number) == number


@frozen
class Listed:
    """What the list says of an order; times in seconds since 1970, as the list has them.

    Attributes:
        id: Its id.
        total: How many recipients it has, or parts, or 0: only a hint.
        submitted_at: When the service took it.
        sent_at: When it was sent, or is to be.
        sender: Its header: only a hint.
    """

    id: int
    total: int | None = None
    submitted_at: float | None = None
    sent_at: float | None = None
    sender: str | None = None


@frozen(eq=False, repr=False)
class Rows:
    """What was read of an order's own report.

    Attributes:
        numbers: The numbers of its rows.
        whole: Whether these are all of its rows.
        had: Whether it has a report. One that is not due has none.
    """

    numbers: Sequence[str] = ()
    whole: bool = False
    had: bool = True


@frozen(eq=False, repr=False)
class Listing:
    """What was read of a list.

    Attributes:
        orders: Its orders, in whatever sequence; some may stand in it twice.
        days: The days that were asked for.
        at: When its reading began.
        count: How many orders it says that it has.
        ended: Whether it was read to its end.
    """

    orders: Sequence[Listed]
    days: Days
    at: Moment
    count: int | None = None
    ended: bool = True


@frozen
class Known:
    """An order of ours whose id the log has.

    Attributes:
        answered: When its id was answered; `None` where it was found in a list.
        scheduled: Whether it was to be sent later; it may be listed only then.
        cancelled: Whether it was cancelled, and so may be listed no more.
    """

    answered: Moment | None = None
    scheduled: bool = False
    cancelled: bool = False


@frozen(eq=False, repr=False)
class Knowledge:
    """What the log and the account tell beside the reports.

    Attributes:
        known: Orders that surely are *others*: all of those days, and whichever of the list are known. An id that was
            answered to the very order that is looked for must not be among them.
        since: From when on the log has all ids that were answered, in seconds since 1970.
        blacklist: Numbers on the account's blacklist, which the service may skip.
    """

    known: Mapping[int, Known] = field(factory=dict[int, Known])
    since: float = -math.inf
    blacklist: Collection[str] = ()


@frozen
class Place:
    """Where in a list the order would stand, by the list's own times.

    Attributes:
        likely: From when to when; `None` where that cannot be told to the minute.
        by_clocks: The same by the clocks alone; `None` where they do not tell.
        far: Seconds off from which on an order is another one; infinite where times prove too little for that.
    """

    likely: tuple[float, float] | None = None
    by_clocks: tuple[float, float] | None = None
    far: float = math.inf

    def gap(self, submitted_at: float | None) -> float:
        """Seconds between a time of the list and the order's place; infinite where there is no telling."""
        return _gap(submitted_at, self.likely)

    def is_far(self, submitted_at: float | None) -> bool:
        """Whether what was submitted then surely is another order: both as the known orders show, and by the clocks."""
        if submitted_at is None or self.by_clocks is None:
            return False
        return min(self.gap(submitted_at), _gap(submitted_at, self.by_clocks)) > self.far


def _gap(at: float | None, place: tuple[float, float] | None) -> float:
    return math.inf if at is None or place is None else max(place[0] - at, at - place[1], 0.0)


def days(span: Span, now: Moment) -> Days | None:
    """What days to read, so that the list has the order whichever clock is right; a day more on either side.

    `None` where they are more than a list can have: then nothing can be told by it.
    """
    both = span.first, span.last
    times = [at for each in both for at in (each.local, each.service) if at is not None]
    if any(each.service is None for each in both) or contradict(*both, now):
        times += [at for at in (now.local, now.service, *(each.by_service(now) for each in both)) if at is not None]
    day = timedelta(days=1)
    first, last = (datetime.fromtimestamp(at, TURKISH_TIME).date() for at in (min(times), max(times)))
    return Days(first - day, last + day) if (last - first).days <= LONGEST - 2 else None


def find_place(span: Span, listing: Listing, knowledge: Knowledge) -> Place:
    """Where an order would stand: as known orders in the same list show, else by the clocks."""
    now = listing.at
    if contradict(span.first, span.last, now):
        return Place()
    shown = _find_shown(span, listing, knowledge)
    moments = [span.first, span.last, *(answered for _, answered in shown)]
    times = [at for each in moments if (at := each.by_service(now)) is not None]
    is_by_service = len(times) == len(moments)
    first, last, *answered = times if is_by_service else [each.local for each in moments]
    shifts = [submitted_at - at for (submitted_at, _), at in zip(shown, answered)]
    if shifts and max(shifts) - min(shifts) > STEADY:
        return Place()
    by_clocks = (first, last) if is_by_service else None
    likely = None
    if shifts:
        likely = first + min(shifts), last + max(shifts)
    elif drift(span.first, span.last, now) <= STEADY:
        likely = by_clocks
    # How far ahead the service's clock was at the attempts is known only if it was told then, too.
    if None in {span.first.service, span.last.service, now.service}:
        return Place(likely)
    return Place(likely, by_clocks, FAR_AS_SHOWN if shifts else FAR)


def _find_shown(span: Span, listing: Listing, knowledge: Knowledge) -> list[tuple[float, Moment]]:
    """The times that the list has for known orders, each with the moment of the order's answer.

    Only of those that were answered while the clocks stood to each other as at the attempts.
    """
    shown = list[tuple[float, Moment]]()
    for listed in listing.orders:
        known = knowledge.known.get(listed.id)
        if known is None or known.answered is None or known.scheduled or listed.submitted_at is None:
            continue
        if not contradict(known.answered) and drift(span.first, span.last, known.answered) <= STEADY:
            shown.append((listed.submitted_at, known.answered))
    return shown


def judge(wanted: Wanted, listed: Listed, rows: Rows | None, place: Place, knowledge: Knowledge) -> Verdict:
    """Tell what an order in a list is.

    Args:
        wanted: What is looked for.
        listed: What the list says of the order.
        rows: What its own report says; `None` where it was not looked at.
        place: Where in the list it would stand.
        knowledge: What is known beside that.
    """
    if listed.id in knowledge.known:
        return Verdict(Identity.ANOTHER, "its id is known to be another order's")
    if place.is_far(listed.submitted_at):
        return Verdict(Identity.ANOTHER, "it was submitted at another time")
    if place.far < math.inf and _is_far_scheduled(wanted, listed):
        return Verdict(Identity.ANOTHER, "it has another schedule")
    if rows is None:
        return Verdict(Identity.CANNOT_TELL, "its report was not looked at", open=True)
    if not rows.had:
        return Verdict(Identity.CANNOT_TELL, "it has no report, or none yet")
    by_numbers = _judge_numbers(wanted, rows, knowledge.blacklist)
    if by_numbers is not None:
        return by_numbers
    if place.gap(listed.submitted_at) > NEAR:
        return Verdict(Identity.CANNOT_TELL, "its numbers are ours, but no attempt is known within a minute of it")
    return Verdict(Identity.IT, "its numbers are ours, and it was submitted within a minute of an attempt")


def _is_far_scheduled(wanted: Wanted, listed: Listed) -> bool:
    return wanted.send_at is not None and listed.sent_at is not None and abs(listed.sent_at - wanted.send_at) > FAR


def _judge_numbers(wanted: Wanted, rows: Rows, blacklist: Collection[str]) -> Verdict | None:
    """What the numbers tell; `None` where they are ours, or those of ours that were not skipped."""
    # Most reports differ at their first number: no need to count before.
    strangers = [number for number in rows.numbers if number not in wanted.numbers]
    if any(map(wanted.is_readable, strangers)):
        return Verdict(Identity.ANOTHER, "it has a number that is not ours")
    if strangers:
        return Verdict(Identity.CANNOT_TELL, "it has numbers that cannot be read")
    if not rows.whole:
        return Verdict(Identity.CANNOT_TELL, "its report was not read to its end", open=True)
    seen = Counter(rows.numbers)
    if any(count > wanted.numbers[number] for number, count in seen.items()):
        return Verdict(Identity.CANNOT_TELL, "it has numbers of ours more often, or its pages overlap")
    if not seen or not _may_be_skipped(wanted, seen, blacklist):
        return Verdict(Identity.CANNOT_TELL, "numbers of ours are not there, or not yet", lacks_numbers=bool(seen))
    return None


def _may_be_skipped(wanted: Wanted, seen: Counter[str], blacklist: Collection[str]) -> bool:
    """Whether the service may have skipped those of our numbers that are not there."""
    if wanted.recipients - seen.total() <= wanted.recipients // ONE_SKIPPED_IN:
        return True
    return all(number in blacklist for number, count in wanted.numbers.items() if seen[number] < count)


def is_look_alike(wanted: Wanted, numbers: Mapping[str, int], blacklist: Collection[str] = ()) -> bool:
    """Whether the report of an order to these numbers may make it this one, as the service may skip any of them."""
    missing, may_skip_all = 0, True
    for number, count in wanted.numbers.items():
        lacking = count - numbers.get(number, 0)
        if lacking <= 0:
            continue
        missing += lacking
        may_skip_all = may_skip_all and number in blacklist
        if missing > wanted.recipients // ONE_SKIPPED_IN and not may_skip_all:
            return False
    return missing < wanted.recipients


def order_by_nearness(wanted: Wanted, orders: Iterable[Listed], place: Place) -> list[Listed]:
    """Whom to look at first: within a minute of an attempt, of these those with our sender and total, then by time."""

    def rank(listed: Listed) -> tuple[bool, int, float]:
        gap = place.gap(listed.submitted_at)
        misfits = (listed.sender not in {None, wanted.sender}) + (listed.total not in {None, wanted.recipients})
        return gap > NEAR, misfits, gap

    return sorted({each.id: each for each in orders}.values(), key=rank)


def is_whole(listing: Listing, knowledge: Knowledge, *, scheduled: bool = False) -> bool:
    """Whether a list has all orders: its own count, and every known order of its days that is not too young.

    Args:
        listing: The list.
        knowledge: What the log knows.
        scheduled: Whether an order is looked for that is to be sent later; scheduled ones have to be listed, too, then.
    """
    ids = {each.id for each in listing.orders}
    if not listing.ended or (listing.count is not None and listing.count > len(ids)):
        return False
    if listing.days.begin < knowledge.since:
        return False
    surely = listing.days.begin + EDGE, listing.days.end - EDGE
    return all(
        id in ids or not _must_be_listed(known, listing.at, surely, scheduled=scheduled)
        for id, known in knowledge.known.items()
    )


def _must_be_listed(known: Known, now: Moment, surely: tuple[float, float], *, scheduled: bool) -> bool:
    """Whether a whole list has a known order: by any clock that is known it is one of its days, and not too young."""
    answered = known.answered
    if answered is None or known.cancelled or (known.scheduled and not scheduled):
        return False
    # What was answered since the reading began may be there or not.
    if all(abs(age) < LISTED_AFTER for age in answered.ages(now)):
        return False
    return any(surely[0] <= at < surely[1] for at in (answered.local, answered.service) if at is not None)


def _is_fresh(wanted: Wanted, listing: Listing, knowledge: Knowledge) -> bool:
    """Whether a list shows an order that is newer than the last attempt."""
    last = wanted.span.last
    for each in listing.orders:
        known = knowledge.known.get(each.id)
        if known is None or known.answered is None:
            continue
        # An attempt may be taken so much later than it began.
        newer = all(age > NEAR for age in last.ages(known.answered))
        if newer and all(age >= -_GRAIN for age in known.answered.ages(listing.at)):
            return True
    return False


def conclude_earlier(
    wanted: Wanted, listing: Listing, verdicts: Mapping[int, Verdict], knowledge: Knowledge, alike: int = 1
) -> Conclusion:
    """Conclude what became of an order that may go out again.

    Args:
        wanted: The order.
        listing: The list.
        verdicts: What its orders are, by their ids, the likeliest first; those that are left out may be it.
        knowledge: What is known beside that.
        alike: How many orders without an id cannot be told from this one, itself included.
    """
    its, may_be = _find(verdicts, Identity.IT), _find(verdicts, Identity.CANNOT_TELL)
    if len(its) >= alike:
        return Conclusion(Fate.TAKEN, "it is in the list", its[0] if len(its) == alike == 1 else None, its)
    doubt = _doubt_absence(wanted, listing, verdicts, knowledge)
    if doubt is not None:
        return Conclusion(Fate.UNKNOWN, doubt, None, its + may_be)
    return Conclusion(Fate.ABSENT, "a list that is whole and fresh has only other orders")


def _find(verdicts: Mapping[int, Verdict], identity: Identity) -> tuple[int, ...]:
    return tuple(id for id, each in verdicts.items() if each.identity is identity)


def _doubt_absence(
    wanted: Wanted, listing: Listing, verdicts: Mapping[int, Verdict], knowledge: Knowledge
) -> str | None:
    """Why the service may have an order all the same; `None` where it surely lacks it."""
    age = min(wanted.span.last.ages(listing.at))
    if age < LISTED_AFTER:
        return "a clock was set back" if age < -_GRAIN else "the list may not have it yet"
    reasons = sorted({each.reason for each in verdicts.values() if each.identity is not Identity.ANOTHER})
    if reasons:
        return "orders in the list may be it: " + "; ".join(reasons)
    if any(each.id not in verdicts for each in listing.orders):
        return "not all orders in the list were looked at"
    if listing.at.service is None:
        return "the service's time is not known"
    if not is_whole(listing, knowledge, scheduled=wanted.send_at is not None):
        return "the list lacks orders"
    if age < NEVER_BEHIND and not _is_fresh(wanted, listing, knowledge):
        return "the list has no order that is newer, and so may be behind"
    return None


def conclude_live(verdicts: Mapping[int, Verdict], alike: int = 1) -> Conclusion:
    """Conclude which order it is that the service has just refused to take again: it was taken, only its id is open.

    Args:
        verdicts: What the orders are that were looked at, by their ids, the likeliest first.
        alike: How many orders on their way cannot be told from this one, itself included.
    """
    its = _find(verdicts, Identity.IT)
    if len(its) == alike == 1:
        return Conclusion(Fate.TAKEN, "it is the only one within a minute of an attempt", its[0], its)
    reason = "there are several that cannot be told apart" if its else "no order in the list is surely it"
    return Conclusion(Fate.TAKEN, reason, None, its + _find(verdicts, Identity.CANNOT_TELL))
