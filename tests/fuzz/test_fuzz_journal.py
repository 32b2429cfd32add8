"""Journals that were damaged between two runs: refused, or right; never a crash, and never anybody twice."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import Campaign


@st.composite
def damages(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with a few bytes overwritten, doubled, left out, or cut off; something is left of it."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        # Nothing drawn depends on the content, which is another one each time.
        at = draw(st.integers(0, 2**20)) % max(1, len(data))
        # Most of a file is empty space.
        if draw(st.booleans()):
            at = next((place for place in range(at, len(data)) if data[place]), at)
        size = draw(st.sampled_from([1, 1, 1, 2, 8, 100, 4096]))
        change = draw(st.sampled_from(["write", "write", "flip", "zero", "cut", "drop", "double"]))
        if change == "write":
            data[at : at + size] = draw(st.binary(min_size=min(size, 8), max_size=min(size, 8))) * (size // 8 or 1)
        elif change == "flip":
            bit = draw(st.integers(0, 7))
            data[at : at + 1] = bytes([data[at] ^ 1 << bit]) if data else b""
        elif change == "zero":
            data[at : at + size] = bytes(size)
        elif change == "cut":
            del data[max(2, at) :]
        elif change == "drop":
            del data[at : at + size]
        else:
            data[at:at] = data[at : at + size]
    # SQLite takes an empty file, and one of a single byte, for a new one.
    return bytes(data) if len(data) > 1 else b"\0\0"


@pytest.mark.parametrize("several", [False, True])
@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(data=st.data(), orders=st.integers(1, 9), minutes=st.sampled_from([0, 5, 11]))
def test_no_damage_to_the_file_texts_anybody_twice(
    several: bool, data: st.DataObject, orders: int, minutes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Anywhere in any of its files, after a power cut at any order."""
    campaign = Campaign(tmp_path_factory.mktemp("journal") / "journal", several=several)
    files = campaign.break_off(orders)
    suffix = sorted(files)[data.draw(st.integers(0, 5)) % len(files)]
    campaign.put_back(files | {suffix: data.draw(damages(files[suffix]))})
    result = campaign.resume(minutes)
    if result is not None:
        assert result.accepted + len(result.refused) + result.duplicates + result.failures == result.read
