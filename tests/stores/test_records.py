"""What a journal holds, as values: moments by two clocks, records, marks and seals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.stores.records import Moment, Record, Records, State, fingerprint, pack, seal, unpack

SALT = b"salt of one journal"
seconds = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("here", "there", "within"),
    [
        (0, 0, True), (59, 59, True), (60, 59, False), (59, 60, False), (60, 60, False),
        (-1, 5, False), (5, -3, False), (0, 59.9, True), (59.9, 0, True), (-0.1, -0.1, False),
    ],
)  # fmt: skip
def test_a_window_is_over_when_either_clock_says_so(here: float, there: float, within: bool) -> None:
    """A clock that was set back says nothing of how long ago it was; the other one decides neither."""
    assert Moment(1000.0, 2000.0).is_within(60, Moment(1000.0 + here, 2000.0 + there)) is within


@pytest.mark.parametrize(
    ("then", "now", "within"),
    [(None, None, True), (None, 2000.0, False), (2000.0, None, False)],
)  # fmt: skip
def test_a_clock_that_is_not_told_any_more_is_a_doubt(then: float | None, now: float | None, within: bool) -> None:
    """One that never was told leaves this machine's, which then decides alone."""
    assert Moment(1000.0, then).is_within(60, Moment(1030.0, now)) is within
    assert not Moment(1000.0, then).is_within(60, Moment(1060.0, now))
    assert not Moment(1000.0, then).is_within(60, Moment(999.0, now))


@given(here=seconds, there=st.none() | seconds, late=seconds, late_there=st.none() | seconds, window=seconds)
def test_what_is_within_a_window_has_not_run_longer(
    here: float, there: float | None, late: float, late_there: float | None, window: float
) -> None:
    """So that what is repeated within the window is never told a longer time than is left of it."""
    then, now = Moment(here, there), Moment(late, late_there)
    if then.is_within(window, now):
        assert 0 <= then.elapsed(now) < window


@pytest.mark.parametrize(
    ("here", "there", "elapsed"), [(10, 20, 20), (20, 10, 20), (10, None, 10), (-5, 10, 10), (10, -5, 10)]
)  # fmt: skip
def test_the_longer_time_counts(here: float, there: float | None, elapsed: float) -> None:
    """Of two clocks that tell different times since then."""
    now = Moment(1000.0 + here, None if there is None else 2000.0 + there)
    assert Moment(1000.0, 2000.0).elapsed(now) == elapsed


def test_a_record_prints_no_number() -> None:
    """Error trackers print the variables of frames."""
    record = Record(1, State.BEGUN, Moment(0.0, None), unpack(pack([905301234567])), None)
    assert "5301234567" not in f"{record} {record!r} {[record]} {pack([905301234567])!r}"


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_entries_come_back_as_they_were(entries: list[int]) -> None:
    """Of any size up to 64 bits."""
    assert list(unpack(pack(entries))) == entries


VALUES = ("begun", 1.0, 2.0, b"12345678", "7")
OTHERS = [
    ("taken", 1.0, 2.0, b"12345678", "7"),
    ("begun", 1.5, 2.0, b"12345678", "7"),
    ("begun", 1.0, None, b"12345678", "7"),
    ("begun", 1.0, 2.0, b"12345679", "7"),
    ("begun", 1.0, 2.0, b"", "7"),
    ("begun", 1.0, 2.0, b"12345678", "8"),
    ("begun", 1.0, 2.0, b"12345678", None),
]


@pytest.mark.parametrize("other", OTHERS)
def test_each_value_of_an_order_is_under_its_seal(other: tuple[str, float, float | None, bytes, str | None]) -> None:
    """And so is the salt, of which nobody without the API key knows."""
    assert seal(SALT, *VALUES) == seal(SALT, *VALUES)
    assert seal(SALT, *VALUES) != seal(SALT, *other)
    assert seal(SALT, *VALUES) != seal(b"another", *VALUES)


@given(st.text(), st.text())
def test_a_mark_tells_one_text_from_another(one: str, other: str) -> None:
    """In 64 bits, the same ones for the same text and salt, others for another salt."""
    assert (fingerprint(one, SALT) == fingerprint(other, SALT)) == (one == other)
    assert fingerprint(one, SALT) != fingerprint(one, b"another")
    assert 0 <= fingerprint(one, SALT) < 2**64


def test_records_are_made_when_they_are_asked_for() -> None:
    """One by one, by index and by slice, as of a list."""
    rows = [(id, "taken", 1.0, None, bytes(pack([905301234567 + id])), str(2**63 + id)) for id in range(5)]
    records = Records(rows)
    assert [record.id for record in records] == [0, 1, 2, 3, 4]
    assert (len(records), len(Records())) == (5, 0)
    assert records[-1] == Record(4, State.TAKEN, Moment(1.0, None), unpack(rows[4][4]), 2**63 + 4)
    assert list(records[1:3]) == [records[1], records[2]]
    assert "5301234567" not in repr(records)
