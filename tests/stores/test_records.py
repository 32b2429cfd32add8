"""Moments by two clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.stores.records import Moment

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
