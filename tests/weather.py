"""What the sandbox may tell of its orders that is not the truth."""

from __future__ import annotations

from datetime import timedelta, timezone

from hypothesis import strategies as st

from iletimerkezi_async.sandbox import Weather

__all__ = ["SOUND", "WEATHER"]


def minutes(*values: float) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(minutes=value) for value in values])


#: Each attribute is mostly fair, so that what goes wrong has few causes at a time.
WEATHER = st.builds(
    Weather,
    date_offset=minutes(0, 0, 0, 5, -5, 2) | st.none(),
    time_offset=minutes(0, 0, 0, 1, -1, 7, -7, 180, -180),
    time_zone=st.sampled_from([timezone(timedelta(hours=hours)) for hours in (3, 3, 3, 0, 4)]),
    minutes_only=st.booleans(),
    queue=minutes(0, 0, 0, 1, 5),
    totals=st.sampled_from(["recipients", "recipients", "recipients", "parts", "absent"]),
    total_extra=st.sampled_from([0, 0, 0, 3, -3]),
    total_lag=minutes(0, 0, 2),
    masks=st.sampled_from(["none", "none", "none", "middle", "end"]),
    row_order=st.sampled_from(["sent", "reversed", "shuffled"]),
    rows_missing=st.sampled_from([0, 0, 0, 1, 5]),
    row_lag=minutes(0, 0, 2),
    page_limit=st.sampled_from([1000, 1000, 7]),
    list_lag=minutes(0, 0, 2),
    list_order=st.sampled_from(["newest", "newest", "oldest"]),
    list_page=st.sampled_from([30, 30, 5]),
    arrivals=st.sampled_from([0, 0, 2]),
    sender=st.sampled_from(["own", "own", "own", "absent", "BASKA"]),
)  # fmt: skip
#: Nothing that is bent here keeps an order from being recognised.
SOUND = st.builds(
    Weather,
    date_offset=minutes(0, 0.5, -0.5), time_offset=minutes(0, 0.5, -0.5), queue=minutes(0, 1),
    minutes_only=st.booleans(),
    totals=st.sampled_from(["recipients", "parts", "absent"]), total_lag=minutes(0, 2), row_lag=minutes(0, 2),
    row_order=st.sampled_from(["sent", "reversed", "shuffled"]), list_lag=minutes(0, 2),
    list_order=st.sampled_from(["newest", "oldest"]), list_page=st.sampled_from([30, 7]),
    page_limit=st.sampled_from([1000, 7]), arrivals=st.sampled_from([0, 2]), sender=st.sampled_from(["own", "absent"]),
)  # fmt: skip
