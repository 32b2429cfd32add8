"""How long ago something was, by two clocks either of which may be set."""

from __future__ import annotations

import pytest

from iletimerkezi_async.stores.records import Moment


@pytest.mark.parametrize(
    ("then", "now", "within"),
    [
        (Moment(1000, 5000), Moment(1000, 5000), True),
        (Moment(1000, 5000), Moment(1539, 5539), True),
        (Moment(1000, 5000), Moment(1540, 5000), False),
        (Moment(1000, 5000), Moment(1000, 5540), False),
        # Set back, a clock tells nothing; the service's has whole seconds, and may seem to be.
        (Moment(1000, 5000), Moment(999, 5100), False),
        (Moment(1000, 5000), Moment(1001, 4999), True),
        (Moment(1000, 5000), Moment(1001, 4990), False),
        # Of a service that tells no time, ours must do; where it has stopped telling, or begun to, nothing is certain.
        (Moment(1000, None), Moment(1539, None), True),
        (Moment(1000, None), Moment(1540, None), False),
        (Moment(1000, None), Moment(999, None), False),
        (Moment(1000, None), Moment(1001, 5000), False),
        (Moment(1000, 5000), Moment(1001, None), False),
    ],
)
def test_whether_a_moment_is_within_nine_minutes(then: Moment, now: Moment, within: bool) -> None:
    """By every clock that is known."""
    assert then.is_within(540, now) is within


@pytest.mark.parametrize(
    ("then", "now", "elapsed", "age"),
    [
        (Moment(1000, 5000), Moment(1010, 5020), 20, 20),
        (Moment(1000, 5000), Moment(1030, 5020), 30, 20),
        (Moment(1000, None), Moment(1030, 5020), 30, 30),
        (Moment(1000, 5000), Moment(1030, None), 30, 30),
        (Moment(1000, 5000), Moment(900, 5020), 20, 20),
    ],
)
def test_how_long_ago_a_moment_was(then: Moment, now: Moment, elapsed: float, age: float) -> None:
    """At the most by either clock, so that nothing is repeated too late; by the service's, to know what it may have."""
    assert then.elapsed(now) == elapsed
    assert then.age(now) == age
