"""The set that drops repeated numbers: exact, and small."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.campaigns.journal import fingerprint
from iletimerkezi_async.campaigns.seen import _PRIMES, Seen, SeenKeys

NUMBERS = st.one_of(
    st.integers(0, 30).map(lambda n: f"+9053012345{n:02}"),
    st.integers(0, 10**9 - 1).map(lambda n: f"+905{n:09}"),
    st.sampled_from(["+905000000000", "+905999999999", "+491512345678", "+12025550123", "+9052012345678", "+90599"]),
)


@given(st.lists(st.lists(NUMBERS, max_size=20), max_size=10))
def test_it_is_a_set(pieces: list[list[str]]) -> None:
    """Each number is new once, in order, whatever came with it."""
    seen = Seen()
    model: set[str] = set()
    for piece in pieces:
        fresh = [number for index, number in enumerate(piece) if number not in model and number not in piece[:index]]
        assert list(seen.add(piece)) == fresh
        model.update(piece)
    for piece in pieces:
        assert seen.known(piece) == set(piece)
    assert seen.known(["+905123123123"]) == model & {"+905123123123"}


@given(st.lists(st.integers(2**63, 2**64 - 1), max_size=50), st.lists(st.integers(2**63, 2**64 - 1), max_size=50))
def test_keys_are_a_set(first: list[int], second: list[int]) -> None:
    """Of 64 bits as well."""
    keys = SeenKeys(8, smallest=19)
    keys.add(first)
    assert keys.known(first) == set(first)
    repeated = [key for index, key in enumerate(second) if key in first or key in second[:index]]
    assert sorted(keys.add(second)) == sorted(repeated)


@pytest.mark.parametrize("tables", [1, 3])
def test_it_grows_and_stays_exact(monkeypatch: pytest.MonkeyPatch, tables: int) -> None:
    """The set grows through all table sizes and beyond, with half of the added keys known, and stays exact."""
    monkeypatch.setattr("iletimerkezi_async.campaigns.seen._ENOUGH", 100)
    sizes = {20: 1021, 21: 2039, 22: 4093}
    monkeypatch.setattr("iletimerkezi_async.campaigns.seen._PRIMES", dict([*sizes.items()][:tables]))
    draw = random.Random(1)
    given = [2**63 + draw.randrange(10_000) for _ in range(20_000)]
    keys = SeenKeys(8, smallest=20)
    repeated = [key for start in range(0, len(given), 100) for key in keys.add(given[start : start + 100])]
    assert Counter(repeated) == Counter(given) - Counter(set(given))
    assert keys.known(given) == set(given)
    assert not keys.known([2**63 + 10_000])
    assert len(keys._tables) == tables
    keys.release()
    assert not keys._tables


def test_keys_of_one_place_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst that can come: what leaves the same in the first table, whatever its size."""
    monkeypatch.setattr("iletimerkezi_async.campaigns.seen._ENOUGH", 10)
    keys = SeenKeys(8, smallest=19)
    unlucky = [2**63 + _PRIMES[19] * number for number in range(1000)]
    assert keys.add(unlucky) == []
    assert sorted(keys.add(unlucky[::-1])) == unlucky


def test_it_is_small() -> None:
    """Three hundred thousand numbers in less than twenty megabytes, however they are spread; and each is known."""
    draw = random.Random(2)
    seen = Seen()
    for _ in range(300):
        numbers = [f"+905{draw.randrange(10**9):09}" for _ in range(1000)]
        seen.add(numbers)
        assert seen.known(numbers) == set(numbers)
    keys = seen._keys
    # An integer of the rest takes 32 bytes.
    size = sum(table.nbytes for table in keys._tables) + sys.getsizeof(keys._rest) + 32 * len(keys._rest)
    assert size < 20 * 2**20


def test_fingerprints_need_their_salt() -> None:
    """The same text has the same in one journal, and another in the next."""
    assert fingerprint("Kodunuz 1234", b"a") == fingerprint("Kodunuz 1234", b"a")
    assert fingerprint("Kodunuz 1234", b"a") != fingerprint("Kodunuz 1234", b"b")
    assert fingerprint("\ud83d", b"a") < 2**64
