"""Orders from numbers and texts: the same whatever sequence they come in, and divided without a loss."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Iys
from iletimerkezi_async.wire.draft import Draft
from iletimerkezi_async.wire.packing import Pair, pack_pairs, slices

TEMPLATE = Draft("FIRMA", Iys.OFF, {}, None, 0)
PAIRS = [("+905301234567", "Bir"), ("+905301234567", "Iki"), ("+905301234568", "Bir"), ("+905301234569", "Iki")]


@given(st.permutations(PAIRS))
def test_the_same_pairs_are_the_same_order(pairs: list[Pair]) -> None:
    """Also where one number gets two texts; the service, and a journal, then know it again."""
    draft = pack_pairs(TEMPLATE, pairs)
    assert list(draft.messages.items()) == [
        ("Bir", ("+905301234567", "+905301234568")),
        ("Iki", ("+905301234567", "+905301234569")),
    ]
    assert draft.recipients == 4


@given(st.lists(st.integers(0, 40), min_size=1, unique=True), st.integers(1, 3), st.integers(1, 50))
def test_slices_are_full_but_for_the_last(members: list[int], texts: int, size: int) -> None:
    """Of as many recipients as asked for, and together everybody once."""
    pairs = [(f"+9053012345{each:02}", f"Metin {each % texts}") for each in members]
    parts = slices(pack_pairs(TEMPLATE, pairs), size)
    assert [part.recipients for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert 0 < parts[-1].recipients <= size
    assert Counter(pair for part in parts for pair in part.pairs()) == Counter(pairs)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_all_texts_of_a_number_are_put_in_order(count: int) -> None:
    """Two of them, and the last ones of a list as well."""
    pairs = [("+905301234567", f"Metin {count - each}") for each in range(count)]
    assert list(pack_pairs(TEMPLATE, pairs).messages) == [f"Metin {each + 1}" for each in range(count)]
