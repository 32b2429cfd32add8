"""The set that drops repeated numbers: exact, and small."""

from __future__ import annotations

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.seen import Seen, SeenKeys, fingerprint

NUMBERS = st.one_of(
    st.integers(0, 30).map(lambda n: f"+9053012345{n:02}"),
    st.integers(0, 10**9 - 1).map(lambda n: f"+905{n:09}"),
    st.sampled_from(["+905000000000", "+905999999999", "+491512345678", "+12025550123", "+9052012345678", "+90599"]),
)


@given(st.lists(st.lists(NUMBERS, max_size=20), max_size=10), st.integers(0, 5))
def test_it_is_a_set(pieces: list[list[str]], expected: int) -> None:
    """Each number is new once, in order, whatever came with it."""
    seen = Seen(expected)
    model: set[str] = set()
    for piece in pieces:
        fresh = [number for index, number in enumerate(piece) if number not in model and number not in piece[:index]]
        assert list(seen.add(piece)) == fresh
        model.update(piece)
        assert len(seen) == len(model)
    for piece in pieces:
        assert all(number in seen for number in piece)
    assert "+905123123123" not in seen or "+905123123123" in model


@given(st.lists(st.integers(1, 2**64 - 1), max_size=50), st.lists(st.integers(1, 2**64 - 1), max_size=50))
def test_keys_are_a_set(first: list[int], second: list[int]) -> None:
    """Of 64 bits as well."""
    keys = SeenKeys("Q")
    keys.add(first)
    assert all(key in keys for key in first)
    assert keys.add(second) == {
        index for index, key in enumerate(second) if key in first or key in second[:index]
    }  # fmt: skip


def test_it_grows_and_stays_exact() -> None:
    """Beyond its first sizes, with half of what comes known already."""
    draw = random.Random(1)
    numbers = [f"+905{draw.randrange(400_000):09}" for _ in range(800_000)]
    seen = Seen()
    fresh = sum(len(seen.add(numbers[start : start + 1000])) for start in range(0, len(numbers), 1000))
    assert fresh == len(seen) == len(set(numbers))


def test_it_is_small() -> None:
    """A million numbers in less than twenty megabytes, however they are spread."""
    draw = random.Random(2)
    tracemalloc.start()
    try:
        seen = Seen(1_000_000)
        for _ in range(100):
            seen.add([f"+905{draw.randrange(10**9):09}" for _ in range(1000)])
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_fingerprints_need_their_salt() -> None:
    """The same text has the same in one journal, and another in the next."""
    assert fingerprint("Kodunuz 1234", b"a") == fingerprint("Kodunuz 1234", b"a")
    assert fingerprint("Kodunuz 1234", b"a") != fingerprint("Kodunuz 1234", b"b")
    assert fingerprint("\ud83d", b"a") < 2**64
