"""What a report proves about an order whose answer was lost. Pure: nothing here asks anything.

Each order in the reports is *it*, or *another*, or nobody *can tell*. Only the first two may be acted on: to take
another order for ours loses its recipients, and to take ours for another texts them twice.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.numbers import clean_number
from iletimerkezi_async.text import measure

from .schedules import differs, schedule_gap

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.records import Moment
    from iletimerkezi_async.wire.draft import Draft

__all__ = [
    "DRIFT",
    "SKEW",
    "Attempt",
    "Judgement",
    "Knowledge",
    "Ledger",
    "Rows",
    "Sought",
    "Verdict",
    "Witness",
    "fits",
    "fits_closely",
    "judge",
    "moment",
]

#: How far two clocks may be apart where nothing better is known.
SKEW = timedelta(minutes=2)
# `Date` and `submitAt` have whole seconds.
_SLACK = timedelta(seconds=2)
_MINUTE = timedelta(minutes=1)
#: By how much the service's clock, as its answers tell it, may be off, and otherwise so in another run.
DRIFT = timedelta(minutes=15)
# The service may skip blocked recipients. An order is recognised where these are one in so many, and so none of fewer.
_ONE_SKIPPED_IN = 20
# A total of less than half rules it out only where more than so many are not in it: of a few, most may be blocked.
_MOST_SKIPPED = 20
_PREFIX = "+905"


class Verdict(Enum):
    """What an order in the reports is."""

    IT = "it"
    CANNOT_TELL = "cannot tell"
    ANOTHER = "another"


@frozen
class Judgement:
    """A verdict and its reason.

    Attributes:
        verdict: What the order is.
        reason: Why.
        open: Whether (more of) its own report may change the verdict.
    """

    verdict: Verdict
    reason: str
    open: bool = False


@frozen
class Attempt:
    """When an order may have been taken, by the service's clock where it is known, else by this machine's.

    Attributes:
        began: When the first attempt that may have been taken began.
        until: When the last one had surely ended.
        exact: Whether it is the service's clock.
        shift: By how much the service's clock was ahead of this machine's later on; it may have been so then.
        steady: Whether the two clocks ran beside each other then as they do now. Where one was set in between, orders
            that are known of now show nothing of then.
    """

    began: datetime
    until: datetime
    exact: bool
    shift: timedelta = timedelta()
    steady: bool = True

    @property
    def tells_others(self) -> bool:
        """Whether an order of another time can be told by it, as far as known orders show how the list's times run."""
        return self.exact and self.steady


@frozen(eq=False, repr=False)
class Rows:
    """What an order's own report says.

    Attributes:
        pages: The numbers, page by page.
        whole: Whether these are all.
        total: The total that the report itself tells.
        due: Whether its time has come (not 456).
        had: Whether there was a report at all.
        at: When it was read, by the monotonic clock.
    """

    pages: tuple[tuple[str, ...], ...] = ()
    whole: bool = False
    total: int | None = None
    due: bool = True
    had: bool = True
    at: float = 0.0

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(map(len, self.pages))


@frozen(eq=False, repr=False)
class Sought:
    """The order that is looked for.

    Attributes:
        sender: Its header.
        recipients: How many messages it has.
        send_at: Its schedule.
        wanted: How often it has each number.
        texts: Each text with how many recipients it goes to; an empty one stands for one that is not known.
        attempt: When it may have been taken.
    """

    sender: str
    recipients: int
    send_at: datetime | None
    wanted: Mapping[str, int]
    texts: Mapping[str, int]
    attempt: Attempt
    _foreign: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_foreign", any(not number.startswith(_PREFIX) for number in self.wanted))

    @classmethod
    def of(cls, draft: Draft, attempt: Attempt) -> Sought:
        """What is looked for, for a draft."""
        wanted = Counter[str]()
        for numbers in draft.messages.values():
            wanted.update(numbers)
        texts = {text: len(numbers) for text, numbers in draft.messages.items()}
        return cls(draft.sender, draft.recipients, draft.send_at, wanted, texts, attempt)

    def count_parts(self) -> int | None:
        """How many SMS its messages make, as a service may count these; `None` where a text is not known."""
        if "" in self.texts:
            return None
        return sum(measure(text).parts * count for text, count in self.texts.items())

    @property
    def most_skipped(self) -> int:
        """How many of its recipients the service may have skipped as blocked, if it is to be recognised all the same.

        A twentieth: of fewer than twenty, none.
        """
        return self.recipients // _ONE_SKIPPED_IN

    def is_readable(self, number: str) -> bool:
        """Whether a number in a report is a whole one, in a form that can be compared with ours.

        How reports bring numbers of other countries is not documented: where we have some, those prove nothing.
        """
        if number.startswith(_PREFIX):
            return clean_number(number) == number
        return not self._foreign and clean_number(number) == number


@frozen(eq=False, repr=False)
class Knowledge:
    """What is known beside an order's entry and rows, and what the list itself has shown to be reliable.

    Attributes:
        known: Ids of orders that surely are others.
        senders_prove: Whether the list tells senders as they are.
        totals_prove: Whether it tells totals as they are, or larger.
        lead: By how much, at least and at most, its times are ahead of our clock; `None` where nothing shows it.
    """

    known: Container[int] = ()
    senders_prove: bool = False
    totals_prove: bool = True
    lead: tuple[timedelta, timedelta] | None = None


@frozen
class Witness:
    """An order that is known, and so shows how far a list can be trusted.

    Attributes:
        sender: The header that it was sent under.
        recipients: How many it was sent to.
        sent: When, as far as that is known.
    """

    sender: str
    recipients: int
    sent: Moment | None


class Ledger:
    """What a list has shown of its own reliability, entry by entry."""

    def __init__(self) -> None:
        self._senders: set[str] = set()
        self._senders_belied = False
        self._totals_belied = False
        self._lead_here: tuple[timedelta, timedelta] | None = None
        self._lead_there: tuple[timedelta, timedelta] | None = None

    def note(self, entry: OrderReport, witness: Witness | None) -> None:
        """An entry was read; `witness` tells what is known of it."""
        if entry.sender is not None:
            self._senders.add(entry.sender)
        if witness is None:
            return
        self._senders_belied |= entry.sender not in {None, witness.sender}
        self._totals_belied |= entry.total is not None and _is_far_less(entry.total, witness.recipients)
        if entry.submitted_at is not None and witness.sent is not None:
            self._lead_here = _widened(self._lead_here, entry.submitted_at - moment(witness.sent.here))
            if witness.sent.there is not None:
                self._lead_there = _widened(self._lead_there, entry.submitted_at - moment(witness.sent.there))

    def knowledge(self, sender: str, known: Container[int], *, exact: bool, trusting: bool = False) -> Knowledge:
        """What it comes to for one order.

        Args:
            sender: The header of the order.
            known: Ids of orders that surely are others.
            exact: Whether its attempt is told by the service's clock, and not by ours.
            trusting: Whether a list that shows that header nowhere is believed all the same. One that shows another
                header at an order of ours is not.
        """
        senders_prove = not self._senders_belied and (trusting or sender in self._senders)
        return Knowledge(known, senders_prove, not self._totals_belied, self._lead_there if exact else self._lead_here)


def _widened(lead: tuple[timedelta, timedelta] | None, by: timedelta) -> tuple[timedelta, timedelta]:
    return (by, by) if lead is None else (min(lead[0], by), max(lead[1], by))


def judge(sought: Sought, entry: OrderReport, rows: Rows | None, knowledge: Knowledge) -> Judgement:
    """Tell what an order in the reports is.

    Args:
        sought: What is looked for.
        entry: What the list says of the order.
        rows: What its own report says; `None` where it was not looked at.
        knowledge: What is known beside that.
    """
    by_entry = _judge_entry(sought, entry, knowledge)
    if by_entry is not None:
        return by_entry
    if rows is None:
        return Judgement(Verdict.CANNOT_TELL, "its report was not looked at", open=True)
    if not rows.due:
        if differs(_schedule_gap(sought, entry), knowledge.lead):
            return Judgement(Verdict.ANOTHER, "it has another schedule")
        return Judgement(Verdict.CANNOT_TELL, "it is not due, and so has no report yet")
    if not rows.had:
        return Judgement(Verdict.CANNOT_TELL, "its report cannot be had")
    return _judge_numbers(sought, rows) or _judge_rest(sought, entry, rows, knowledge)


def _judge_entry(sought: Sought, entry: OrderReport, knowledge: Knowledge) -> Judgement | None:
    """What the list alone proves."""
    if entry.id in knowledge.known:
        return Judgement(Verdict.ANOTHER, "its id is known to belong to another order")
    if knowledge.senders_prove and entry.sender not in {None, sought.sender}:
        return Judgement(Verdict.ANOTHER, "it has another sender")
    if knowledge.totals_prove and entry.total is not None and _is_far_less(entry.total, sought.recipients):
        return Judgement(Verdict.ANOTHER, "its total is less than half of ours")
    if entry.submitted_at is not None and _is_of_another_time(sought.attempt, entry.submitted_at, knowledge.lead):
        return Judgement(Verdict.ANOTHER, "it was submitted at another time, as known orders show")
    if sought.send_at is not None and differs(_schedule_gap(sought, entry), knowledge.lead):
        return Judgement(Verdict.ANOTHER, "it has another schedule")
    return None


def _is_far_less(total: int, recipients: int) -> bool:
    return total * 2 < recipients and recipients - total > _MOST_SKIPPED


def _is_of_another_time(attempt: Attempt, submitted: datetime, lead: tuple[timedelta, timedelta] | None) -> bool:
    """Whether known orders in the same list show that an order cannot have been submitted by an attempt."""
    if lead is None or not attempt.tells_others:
        return False
    return not attempt.began + lead[0] - DRIFT <= submitted <= attempt.until + lead[1] + DRIFT


def _schedule_gap(sought: Sought, entry: OrderReport) -> timedelta:
    attempt = sought.attempt
    return schedule_gap(entry, sought.send_at, attempt.began if attempt.exact else None)


def _judge_numbers(sought: Sought, rows: Rows) -> Judgement | None:
    """What the numbers alone tell; `None` where they are ours, or those of ours that were not skipped."""
    wanted = sought.wanted
    # Most reports differ at their first number: no need to count before.
    strangers = [number for page in rows.pages for number in page if number not in wanted]
    if any(map(sought.is_readable, strangers)):
        return Judgement(Verdict.ANOTHER, "it has a number that is not ours")
    if strangers:
        return Judgement(Verdict.CANNOT_TELL, "it has numbers that cannot be read")
    seen = Counter[str]()
    for page in rows.pages:
        here = Counter(page)
        if any(count > wanted[number] for number, count in here.items()):
            return Judgement(Verdict.ANOTHER, "it has a number of ours more often")
        seen.update(here)
    if any(count > wanted[number] for number, count in seen.items()):
        return Judgement(Verdict.CANNOT_TELL, "the pages of its report overlap")
    if not rows.whole:
        return Judgement(Verdict.CANNOT_TELL, "its report was not read to its end", open=True)
    if sought.recipients - rows.count > sought.most_skipped:
        return Judgement(Verdict.CANNOT_TELL, "numbers of ours are not there (yet)")
    return None


def _judge_rest(sought: Sought, entry: OrderReport, rows: Rows, knowledge: Knowledge) -> Judgement:
    """What an order is whose numbers are ours."""
    total = entry.total if rows.total is None else rows.total
    if total is not None and total > sought.recipients and not _counts_parts(sought, rows, total):
        return Judgement(Verdict.CANNOT_TELL, "its total is larger than ours")
    if entry.sender not in {None, sought.sender}:
        return Judgement(Verdict.CANNOT_TELL, "it has another sender, in a list whose senders prove nothing")
    if entry.submitted_at is None:
        return Judgement(Verdict.CANNOT_TELL, "it has no time")
    if not fits(sought.attempt, entry.submitted_at, knowledge.lead):
        return Judgement(Verdict.CANNOT_TELL, "it was submitted at a time that does not fit")
    if _schedule_gap(sought, entry):
        return Judgement(Verdict.CANNOT_TELL, "it was to be sent at a time that does not fit")
    return Judgement(Verdict.IT, "its numbers are ours, and its time fits")


def _counts_parts(sought: Sought, rows: Rows, total: int) -> bool:
    """Whether a total counts the parts of our messages; of those skipped, as far as each message has as many."""
    parts = sought.count_parts()
    if parts is None:
        return False
    if rows.count == sought.recipients:
        return total == parts
    return len(sought.texts) == 1 and total in {parts, parts * rows.count // sought.recipients}


def fits(attempt: Attempt, submitted: datetime, lead: tuple[timedelta, timedelta] | None) -> bool:
    """Whether an order can have been submitted by an attempt: as the clocks are said to run, or as they have shown."""
    for shift in (timedelta(), attempt.shift):
        if attempt.began + shift - SKEW <= submitted <= attempt.until + shift + SKEW:
            return True
    return fits_closely(attempt, submitted, lead)


def fits_closely(attempt: Attempt, submitted: datetime, lead: tuple[timedelta, timedelta] | None) -> bool:
    """Whether it can have been, by what known orders have shown of the clocks; never without these."""
    if lead is None:
        return False
    # Where there are no seconds, the time stands for any of its minute.
    earliest = attempt.began + lead[0] - _SLACK
    return earliest - _MINUTE * (submitted.second == 0) <= submitted <= attempt.until + lead[1] + _SLACK


def moment(seconds: float) -> datetime:
    """A time of the epoch's seconds, as reports write it."""
    return datetime.fromtimestamp(seconds, timezone.utc).astimezone(TURKISH_TIME)
