"""Deviations of the service's answers from the truth."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal

import attrs

from iletimerkezi_async.sandbox.dates import TURKEY, write_second
from iletimerkezi_async.sandbox.orders import SandboxOrder

__all__ = ["Weather"]

_NOTHING: Final = timedelta()


def _in(*words: str) -> Any:
    return attrs.validators.in_(words)


def _not_negative(weather: "Weather", attribute: "attrs.Attribute[Any]", value: Any) -> None:
    del weather
    if value < type(value)():
        raise ValueError(f"{attribute.name} cannot be negative")


@attrs.frozen(kw_only=True)
class Weather:
    """Deviations of the answers about orders from the truth, and traffic of other programs.

    ``Sandbox.orders`` and ``Sandbox.deliveries`` always show the truth. Each switch changes something that the
    provider's documents do not promise, so that a client must not rely on it. By default nothing deviates. For types
    and forms of values see ``Style``.

    Attributes:
        date_offset: How far the ``Date`` header of every answer is ahead of the sandbox's clock, or None to leave it
            out.
        time_offset: How far ``submitAt`` and ``sendAt`` are ahead of the truth. The days of ``get-reports`` shift, too.
        time_zone: The time zone of ``submitAt`` and ``sendAt``, which have no offset. The days of ``get-reports``
            are in this zone, too.
        minutes_only: Whether the seconds in ``submitAt`` and ``sendAt`` are always 00.
        queue: The time from the acceptance of an order to its ``submitAt``.
        totals: Whether ``total``, ``delivered``, ``undelivered`` and ``waiting`` count recipients or the parts (SMS)
            that they cost, or are left out.
        total_extra: Added to ``total``; negative for a ``total`` that is too small. ``total`` never falls below zero,
            and is always the sum of the other three.
        total_lag: The time after the acceptance in which ``total`` grows evenly from zero to its value.
        masks: Whether the middle (``+90530***4567``) or the end (``+90530123xxxx``) of the numbers in reports is
            masked.
        row_order: The order of the rows in a report: as they were sent, reversed, or shuffled.
        seed: Decides the shuffling, and which rows are missing.
        rows_missing: The number of rows that are left out of each report.
        row_lag: The time after the acceptance in which the rows of a report grow evenly from none to all.
        page_limit: The most rows on a page of ``get-report`` and ``get-blacklist``, whatever ``rowCount`` asks for; the
            next page begins where the shorter one ends.
        list_lag: The time until an order appears in ``get-reports``.
        list_order: Whether ``get-reports`` begins with the newest or with the oldest order.
        list_page: Orders on a page of ``get-reports``.
        arrivals: The number of orders that another program of the account sends just before each page of
            ``get-reports`` except the first; they are stored like any other.
        sender: ``"own"`` for the order's own sender, ``"absent"`` to leave it out, or another name to show instead.

    Raises:
        ValueError: A value that is none of the above.
    """

    date_offset: timedelta | None = _NOTHING
    time_offset: timedelta = _NOTHING
    time_zone: tzinfo = TURKEY
    minutes_only: bool = False
    queue: timedelta = attrs.field(default=_NOTHING, validator=_not_negative)
    totals: Literal["recipients", "parts", "absent"] = attrs.field(
        default="recipients", validator=_in("recipients", "parts", "absent")
    )
    total_extra: int = 0
    total_lag: timedelta = attrs.field(default=_NOTHING, validator=_not_negative)
    masks: Literal["none", "middle", "end"] = attrs.field(default="none", validator=_in("none", "middle", "end"))
    row_order: Literal["sent", "reversed", "shuffled"] = attrs.field(
        default="sent", validator=_in("sent", "reversed", "shuffled")
    )
    seed: int = 0
    rows_missing: int = attrs.field(default=0, validator=_not_negative)
    row_lag: timedelta = attrs.field(default=_NOTHING, validator=_not_negative)
    page_limit: int = attrs.field(default=1000, validator=attrs.validators.ge(1))
    list_lag: timedelta = attrs.field(default=_NOTHING, validator=_not_negative)
    list_order: Literal["newest", "oldest"] = attrs.field(default="newest", validator=_in("newest", "oldest"))
    list_page: int = attrs.field(default=30, validator=attrs.validators.ge(1))
    arrivals: int = attrs.field(default=0, validator=_not_negative)
    sender: str = "own"

    def date(self, now: datetime) -> datetime | None:
        """Return the time for the ``Date`` header."""
        return None if self.date_offset is None else now + self.date_offset

    def write_submitted(self, order: SandboxOrder) -> str:
        """Write ``submitAt``."""
        return self._write(order.submitted_at + self.queue)

    def write_sent(self, order: SandboxOrder) -> str:
        """Write ``sendAt``, which is never before ``submitAt``."""
        return self._write(max(order.send_at, order.submitted_at + self.queue))

    def true_time(self, told: datetime) -> datetime:
        """Return the acceptance time of an order with this ``submitAt`` (read as Turkish time)."""
        return told.replace(tzinfo=self.time_zone).astimezone(TURKEY) - self.time_offset - self.queue

    def latest_listed(self, now: datetime) -> datetime:
        """Return the end of the acceptance times that the list contains by now; the end itself is excluded."""
        return now - self.list_lag + timedelta(microseconds=1)

    def counters(self, order: SandboxOrder, now: datetime) -> dict[str, int]:
        """Count the messages of an order, as the service reports them."""
        if self.totals == "absent":
            return {}
        true = order.counters(now)
        each = order.cost if self.totals == "parts" else order.recipients
        total = _grown(max(each + self.total_extra, 0), order, now, self.total_lag)
        delivered = min(true.delivered * each // order.recipients, total)
        undelivered = min(true.undelivered * each // order.recipients, total - delivered)
        waiting = total - delivered - undelivered
        return {"total": total, "delivered": delivered, "undelivered": undelivered, "waiting": waiting}

    def rows(
        self, order: SandboxOrder, place: int, now: datetime, start: int, stop: int
    ) -> tuple[Sequence[str], list[int]]:
        """Return the numbers and states of some rows of the order at this place, as the service reports them."""
        if (self.row_order, self.rows_missing, self.row_lag) == ("sent", 0, _NOTHING):
            numbers, states = order.rows(now, start, stop)
        else:
            positions = _arrange(order.recipients, self.row_order, self.rows_missing, f"{self.seed} {place}")
            known = _grown(len(positions), order, now, self.row_lag)
            numbers, states = order.rows_at(now, positions[start : min(stop, known)])
        return ([self._mask(number) for number in numbers] if self.masks != "none" else numbers), states

    def name_sender(self, order: SandboxOrder) -> dict[str, str]:
        """Return the sender of an order as the field to merge into it."""
        if self.sender == "absent":
            return {}
        return {"sender": order.sender if self.sender == "own" else self.sender}

    def _write(self, moment: datetime) -> str:
        told = (moment + self.time_offset).astimezone(self.time_zone).replace(tzinfo=TURKEY)
        return write_second(told.replace(second=0) if self.minutes_only else told)

    def _mask(self, number: str) -> str:
        return f"{number[:6]}***{number[9:]}" if self.masks == "middle" else f"{number[:9]}xxxx"


@lru_cache(maxsize=64)
def _arrange(count: int, order: str, missing: int, seed: str) -> Sequence[int]:
    """Return the positions of the rows in a report, in its order."""
    dice = random.Random(seed)  # noqa: S311 - the result must be the same in every run
    hidden = frozenset(dice.sample(range(count), min(missing, count)))
    positions = [position for position in range(count) if position not in hidden]
    if order == "shuffled":
        dice.shuffle(positions)
    return positions[::-1] if order == "reversed" else positions


def _grown(whole: int, order: SandboxOrder, now: datetime, lag: timedelta) -> int:
    age = now - order.submitted_at
    return whole if age >= lag else int(whole * (age / lag))
