"""What a journal holds, as values: records, marks and seals."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.campaigns.journal import fingerprint, mark_entries, pack, seal, unpack
from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import Name, Row, Scope, State

SALT = b"salt of one journal"
ENTRIES = pack([905301234567])
ROW = Row(
    Name("account", Scope.CAMPAIGN, "kis"), 3, "version", "token", State.SENT, mark_entries(ENTRIES, SALT), "mark", 1,
    Moment(1.0, 2.0), Moment(3.0, None), 7, ENTRIES,
)  # fmt: skip
OTHERS = [
    evolve(ROW, state=State.BEGUN),
    evolve(ROW, part=4),
    evolve(ROW, first=Moment(1.0, None)),
    evolve(ROW, last=Moment(3.0, 4.0)),
    evolve(ROW, first=None),
    evolve(ROW, content=mark_entries(pack([905301234568]), SALT)),
    evolve(ROW, mark="other"),
    evolve(ROW, recipients=2),
    evolve(ROW, order_id=8),
    evolve(ROW, order_id=None),
]


def test_a_record_prints_no_number() -> None:
    """Error trackers print the variables of frames."""
    assert "5301234567" not in f"{ROW} {ROW!r} {[ROW]} {ENTRIES!r}"


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_entries_come_back_as_they_were(entries: list[int]) -> None:
    """Of any size up to 64 bits."""
    assert list(unpack(pack(entries))) == entries


@pytest.mark.parametrize("other", OTHERS)
def test_each_value_of_an_order_is_under_its_seal(other: Row) -> None:
    """And so is the salt, of which nobody without the API key knows."""
    assert seal(ROW, SALT) == seal(evolve(ROW, version="another"), SALT)
    assert seal(ROW, SALT) != seal(other, SALT)
    assert seal(ROW, SALT) != seal(ROW, b"another")


@given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_the_content_of_an_order_tells_its_entries_from_others(one: list[int], other: list[int]) -> None:
    """So that no number that changed is taken for one that was texted."""
    assert (mark_entries(pack(one), SALT) == mark_entries(pack(other), SALT)) == (one == other)


@given(st.text(), st.text())
def test_a_mark_tells_one_text_from_another(one: str, other: str) -> None:
    """In 64 bits, the same ones for the same text and salt, others for another salt."""
    assert (fingerprint(one, SALT) == fingerprint(other, SALT)) == (one == other)
    assert fingerprint(one, SALT) != fingerprint(one, b"another")
    assert 0 <= fingerprint(one, SALT) < 2**64
