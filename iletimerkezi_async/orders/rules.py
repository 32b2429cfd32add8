"""The evidence in lists and reports about an order whose answer was lost. Pure.

`judge` gives a verdict on each order in a list: it is the wanted order, another one, or undecided. All verdicts, and
the orders that the log knows, lead to a conclusion: the wanted order was taken, the service surely lacks it, or its
fate is unknown. A wrong "taken" would leave its recipients out, and a wrong "lacks it" would text them twice, so every
doubt ends in "unknown".

- Known ids and numbers decide. An order with a number that is not ours is another one; an order with all of our
  numbers, within a minute of an attempt, is the wanted one. Sender and total decide nothing, and times only if they are
  far off.
- Times are compared only if the clocks agree (`contradict`), with the offset that known orders in the list show.
- A list that lacks an order known to the log is incomplete. A list without an order newer than the last attempt may
  lag.

The assumptions are in the chapter of `orders`. One more: at an attempt for which no answer has told the service's time,
this machine's clock was not days ahead.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field, frozen

from iletimerkezi_async.clocks import Days, Moment, Span, contradict, drift
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.numbers import clean_number
from iletimerkezi_async.stores.log import KnownId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.wire.draft import Draft


_MINUTE, _HOUR = 60.0, 3600.0
#: Seconds after which a list that does not lag has an order.
LISTED_AFTER = 10 * _MINUTE
#: Seconds after which no list lags, even if no newer order proves it.
NEVER_BEHIND = _HOUR
#: Seconds from an attempt within which the service may have taken it.
NEAR = _MINUTE
#: Seconds: an order whose time differs by more is another one; the list's time zone may be three hours off.
FAR = 4 * _HOUR
#: The same if known orders show the offset of the list's times.
FAR_AS_SHOWN = _HOUR
#: Seconds by which the offsets of known orders in a list, and the difference of the clocks, may vary.
STEADY = 5 * _MINUTE
#: Seconds around midnight within which an order may be listed under the next day.
EDGE = 4 * _HOUR
#: The service may skip one in this many numbers.
ONE_SKIPPED_IN = 20
#: Days between the first and the last that `get-reports` takes. (Source: the provider's page, code 458.)
LONGEST = 10
# Seconds by which a clock may seem to go back, as the service gives whole seconds.
_GRAIN = 2.0
_TURKISH = "+905"


class Identity(Enum):
    """A verdict on an order in a list: the wanted one, another one, or undecided."""

    IT = "it"
    ANOTHER = "another"
    CANNOT_TELL = "cannot tell"


class Verdict(NamedTuple):
    """A verdict on an order in a list, with its reason.

    Attributes:
        identity: The verdict.
        reason: The reason, in words.
        open: Whether reading its report, or more of it, may decide.
        lacks_numbers: Whether the blacklist may decide: the order is ours if all numbers that it lacks are blocked.
    """

    identity: Identity
    reason: str
    open: bool = False
    lacks_numbers: bool = False


class Conclusion(NamedTuple):
    """The fate of an order whose answer was lost, with its reason.

    Attributes:
        taken: Whether the service took it; `False` if it surely lacks it, `None` if that is unknown.
        reason: The reason, in words.
        order_id: The order's id, if it was taken and its id is certain.
        candidates: Ids of orders that may be it, for a person to look at.
    """

    taken: bool | None
    reason: str
    order_id: int | None = None
    candidates: tuple[int, ...] = ()


@define(eq=False, repr=False, slots=False)
class OpenOrder:
    """An order of this client whose id is not known: under way, or lost.

    Attributes:
        draft: The order.
        content: Its `hash_content`.
        owner: The log that counts its look-alikes itself, if there is one.
        began: The time of its first attempt, by this machine's clock; `None` before.
        keys: The numbers under which the client's memory has it, or one key for all large orders.
    """

    draft: Draft
    content: int = 0
    owner: object = None
    began: float | None = None
    keys: Collection[str] = field(default=(), init=False)

    @cached_property
    def numbers(self) -> Counter[str]:
        """Its numbers in E.164, with the number of messages to each."""
        return Counter(chain.from_iterable(self.draft.messages.values()))

    @cached_property
    def _has_foreign(self) -> bool:
        return any(not each.startswith(_TURKISH) for each in self.numbers)

    def is_readable(self, number: str) -> bool:
        """Whether a number of a report is complete, and spelt so that it can be compared with ours.

        The spelling of numbers of other countries is not documented: if the order has any, such numbers in a report
        prove nothing.
        """
        if number.startswith(_TURKISH):
            return clean_number(number) == number
        return not self._has_foreign and clean_number(number) == number


@frozen(eq=False, repr=False)
class Rows:
    """The rows of an order's report, as far as they were read.

    Attributes:
        numbers: The numbers of the rows.
        whole: Whether these are all rows.
        had: Whether there is a report. An order that is not due has none.
    """

    numbers: Sequence[str] = ()
    whole: bool = False
    had: bool = True


@frozen(eq=False, repr=False, slots=False)
class Evidence:
    """What is known when an order is looked for, except for the reports of other orders.

    Attributes:
        wanted: The order that is looked for.
        span: Its first and its last attempt.
        orders: The orders of a list, as far as it was read, in any sequence; some may be there twice. Sender and total
            (recipients, or parts, or 0) are only hints.
        days: The days that were asked for.
        at: The time when the reading of the list began.
        whole: Whether the list was read to its end, and has as many orders as it counts.
        known: Orders that surely are not the wanted one: all known orders of the days, and all known orders in the
            list. Never an id that was answered to the wanted order itself.
        since: The time from which on all answered ids are known, in seconds since 1970.
        blacklist: Numbers on the account's blacklist, which the service may skip.
    """

    wanted: OpenOrder
    span: Span
    orders: Sequence[OrderReport]
    days: Days
    at: Moment
    whole: bool = True
    known: Mapping[int, KnownId] = field(factory=dict[int, KnownId])
    since: float = -math.inf
    blacklist: Collection[str] = ()

    @cached_property
    def place(self) -> Place:
        """The expected time of the wanted order."""
        return find_place(self)


class Place(NamedTuple):
    """The expected time of the wanted order, by the list's own times.

    Attributes:
        likely: Its beginning and end; `None` if it is not known to the minute.
        by_clocks: The same by the clocks alone; `None` if they do not tell.
        far: Seconds: an order whose time differs by more is another one; infinite if times prove nothing.
    """

    likely: tuple[float, float] | None = None
    by_clocks: tuple[float, float] | None = None
    far: float = math.inf

    def is_far(self, submitted_at: datetime | None) -> bool:
        """Whether an order submitted at this time surely is another one, both by known orders and by the clocks."""
        if submitted_at is None:
            return False
        return min(gap(submitted_at, self.likely), gap(submitted_at, self.by_clocks)) > self.far


def gap(at: datetime | None, place: tuple[float, float] | None) -> float:
    """Give the seconds between a time of the list and an expected time; infinite if either is not known."""
    return math.inf if at is None or place is None else max(place[0] - at.timestamp(), at.timestamp() - place[1], 0.0)


def days(span: Span, now: Moment) -> Days | None:
    """Choose the days to list, so that they include the order by either clock, and one more day on each side.

    Returns:
        The days; `None` if they are more than a list may have.
    """
    both = span.first, span.last
    times = [at for each in both for at in (each.local, each.service) if at is not None]
    if any(each.service is None for each in both) or contradict(*both, now):
        times += [at for at in (now.local, now.service, *(each.by_service(now) for each in both)) if at is not None]
    day = timedelta(days=1)
    first, last = (datetime.fromtimestamp(at, TURKISH_TIME).date() for at in (min(times), max(times)))
    return Days(first - day, last + day) if (last - first).days <= LONGEST - 2 else None


def find_place(evidence: Evidence) -> Place:
    """Find the expected time of the order: by known orders in the same list, else by the clocks."""
    span, now = evidence.span, evidence.at
    if contradict(span.first, span.last, now):
        return Place()
    shown = _find_shown(evidence)
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
    # The difference of the clocks at the attempts is known only if the service told its time then.
    if None in {span.first.service, span.last.service, now.service}:
        return Place(likely)
    return Place(likely, by_clocks, FAR_AS_SHOWN if shifts else FAR)


def _find_shown(evidence: Evidence) -> list[tuple[float, Moment]]:
    """Give the list's times of known orders, with the times of their answers.

    Only orders that were answered while the clocks differed by as much as at the attempts are used.
    """
    first, last = evidence.span.first, evidence.span.last
    shown = list[tuple[float, Moment]]()
    for listed in evidence.orders:
        known = evidence.known.get(listed.id)
        if known is None or known.scheduled or listed.submitted_at is None:
            continue
        if not contradict(known.at) and drift(first, last, known.at) <= STEADY:
            shown.append((listed.submitted_at.timestamp(), known.at))
    return shown


def judge(evidence: Evidence, listed: OrderReport, rows: Rows | None) -> Verdict:
    """Give the verdict on an order in a list.

    Args:
        evidence: What is known.
        listed: The order in the list.
        rows: The rows of its report; `None` if it was not read.
    """
    wanted, place = evidence.wanted, evidence.place
    if listed.id in evidence.known:
        return Verdict(Identity.ANOTHER, "its id is known to belong to another order")
    if place.is_far(listed.submitted_at):
        return Verdict(Identity.ANOTHER, "it was submitted at another time")
    if place.far < math.inf and _is_far_scheduled(wanted, listed):
        return Verdict(Identity.ANOTHER, "it has another schedule")
    if rows is None:
        return Verdict(Identity.CANNOT_TELL, "its report was not read", open=True)
    if not rows.had:
        return Verdict(Identity.CANNOT_TELL, "it has no report yet, or none at all")
    by_numbers = _judge_numbers(wanted, rows, evidence.blacklist)
    if by_numbers is not None:
        return by_numbers
    if gap(listed.submitted_at, place.likely) > NEAR:
        return Verdict(Identity.CANNOT_TELL, "its numbers are ours, but no attempt is known within a minute of it")
    return Verdict(Identity.IT, "its numbers are ours, and it was submitted within a minute of an attempt")


def _is_far_scheduled(wanted: OpenOrder, listed: OrderReport) -> bool:
    send_at, sent_at = wanted.draft.send_at, listed.sent_at
    return send_at is not None and sent_at is not None and abs((sent_at - send_at).total_seconds()) > FAR


def _judge_numbers(wanted: OpenOrder, rows: Rows, blacklist: Collection[str]) -> Verdict | None:
    """Give the verdict by numbers; `None` if they are ours, and the missing ones may have been skipped."""
    # Before counting, as most reports differ at their first number.
    strangers = [number for number in rows.numbers if number not in wanted.numbers]
    if any(map(wanted.is_readable, strangers)):
        return Verdict(Identity.ANOTHER, "it has a number that is not ours")
    if strangers:
        return Verdict(Identity.CANNOT_TELL, "it has numbers that cannot be read")
    if not rows.whole:
        return Verdict(Identity.CANNOT_TELL, "its report was not read to its end", open=True)
    seen = Counter(rows.numbers)
    if any(count > wanted.numbers[number] for number, count in seen.items()):
        return Verdict(Identity.CANNOT_TELL, "it has some of our numbers too often, or its pages overlap")
    if not seen or not _may_be_skipped(wanted, seen, blacklist):
        return Verdict(Identity.CANNOT_TELL, "it lacks some of our numbers (yet)", lacks_numbers=bool(seen))
    return None


def _may_be_skipped(wanted: OpenOrder, seen: Counter[str], blacklist: Collection[str]) -> bool:
    """Whether the service may have skipped those of our numbers that the report lacks."""
    if wanted.draft.recipients - seen.total() <= wanted.draft.recipients // ONE_SKIPPED_IN:
        return True
    return all(number in blacklist for number, count in wanted.numbers.items() if seen[number] < count)


def is_look_alike(wanted: OpenOrder, numbers: Mapping[str, int], blacklist: Collection[str] = ()) -> bool:
    """Whether an order to these numbers may be mistaken for the wanted one, as the service may skip numbers."""
    missing, may_skip_all = 0, True
    for number, count in wanted.numbers.items():
        lacking = count - numbers.get(number, 0)
        if lacking <= 0:
            continue
        missing += lacking
        may_skip_all = may_skip_all and number in blacklist
        if missing > wanted.draft.recipients // ONE_SKIPPED_IN and not may_skip_all:
            return False
    return missing < wanted.draft.recipients


def order_by_nearness(evidence: Evidence, orders: Iterable[OrderReport]) -> list[OrderReport]:
    """Sort orders by likelihood: near an attempt first, of these with our sender and total first, then by time."""
    draft = evidence.wanted.draft

    def rank(listed: OrderReport) -> tuple[bool, int, float]:
        apart = gap(listed.submitted_at, evidence.place.likely)
        misfits = (listed.sender not in {None, draft.sender}) + (listed.total not in {None, draft.recipients})
        return apart > NEAR, misfits, apart

    return sorted({each.id: each for each in orders}.values(), key=rank)


def is_whole(evidence: Evidence) -> bool:
    """Whether a list is complete: read to its end, with each known order of its days that is old enough."""
    days = evidence.days
    if not evidence.whole or days.begin < evidence.since:
        return False
    ids = {each.id for each in evidence.orders}
    surely = days.begin + EDGE, days.end - EDGE
    # A list that leaves out scheduled orders would lack the wanted one, too.
    scheduled = evidence.wanted.draft.send_at is not None
    return all(
        id in ids or not _must_be_listed(known, evidence.at, surely, scheduled=scheduled)
        for id, known in evidence.known.items()
    )


def _must_be_listed(known: KnownId, now: Moment, surely: tuple[float, float], *, scheduled: bool) -> bool:
    """Whether a complete list must have a known order: by any known clock it is of the list's days, and old enough."""
    if known.scheduled and not scheduled:
        return False
    # The list may or may not have an order that was answered since the reading began.
    if all(abs(age) < LISTED_AFTER for age in known.at.ages(now)):
        return False
    return any(surely[0] <= at < surely[1] for at in (known.at.local, known.at.service) if at is not None)


def _is_fresh(evidence: Evidence) -> bool:
    """Whether a list shows an order newer than the last attempt."""
    last = evidence.span.last
    for each in evidence.orders:
        known = evidence.known.get(each.id)
        if known is None:
            continue
        # An attempt may be taken up to a minute after it began.
        newer = all(age > NEAR for age in last.ages(known.at))
        if newer and all(age >= -_GRAIN for age in known.at.ages(evidence.at)):
            return True
    return False


def conclude_earlier(evidence: Evidence, verdicts: Mapping[int, Verdict], alike: int) -> Conclusion:
    """Conclude the fate of an order that an earlier call may have sent.

    Args:
        evidence: What is known.
        verdicts: The verdicts on the orders of the list by id, the likeliest first; an order without a verdict may be
            the wanted one.
        alike: The number of orders without an id that cannot be distinguished from this one, itself included.
    """
    its, may_be = _find(verdicts, Identity.IT), _find(verdicts, Identity.CANNOT_TELL)
    if len(its) >= alike:
        return Conclusion(True, "the list has the order", its[0] if len(its) == alike == 1 else None, its)
    doubt = _doubt_absence(evidence, verdicts)
    if doubt is not None:
        return Conclusion(None, doubt, None, its + may_be)
    return Conclusion(False, "the list is complete and up to date, and has only other orders")


def _find(verdicts: Mapping[int, Verdict], identity: Identity) -> tuple[int, ...]:
    return tuple(id for id, each in verdicts.items() if each.identity is identity)


def _doubt_absence(evidence: Evidence, verdicts: Mapping[int, Verdict]) -> str | None:
    """Give the reason why the service may have the order; `None` if it surely lacks it."""
    age = min(evidence.span.last.ages(evidence.at))
    if age < LISTED_AFTER:
        return "a clock was set back" if age < -_GRAIN else "the list may not have the order yet"
    reasons = sorted({each.reason for each in verdicts.values() if each.identity is not Identity.ANOTHER})
    if reasons:
        return "some orders in the list may be this order: " + "; ".join(reasons)
    if any(each.id not in verdicts for each in evidence.orders):
        return "not all orders in the list were examined"
    if evidence.at.service is None:
        return "the service's time is not known"
    if not is_whole(evidence):
        return "the list is incomplete"
    if age < NEVER_BEHIND and not _is_fresh(evidence):
        return "the list has no newer order, and so may lag"
    return None


def conclude_live(verdicts: Mapping[int, Verdict], alike: int) -> Conclusion:
    """Conclude the id of an order that the service has just refused as a duplicate, and so has taken.

    Args:
        verdicts: The verdicts on orders by id, the likeliest first.
        alike: The number of orders under way that cannot be distinguished from this one, itself included.
    """
    its = _find(verdicts, Identity.IT)
    if len(its) == alike == 1:
        return Conclusion(True, "it is the only order within a minute of an attempt", its[0], its)
    reason = "several orders cannot be told apart" if its else "no order in the list is surely this order"
    return Conclusion(True, reason, None, its + _find(verdicts, Identity.CANNOT_TELL))
