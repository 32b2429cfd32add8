"""Texts and numbers in drafts: the same as at one go, however many there are."""

from __future__ import annotations

import random
from operator import itemgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from iletimerkezi_async import Message
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.wire.draft import are_plain, message_complaint
from iletimerkezi_async.wire.packing import Unfolded, finish, sort


@settings(max_examples=settings().max_examples // 2)
@given(
    st.sampled_from([0, 1, 3999, 4000, 4001, 9000, 21_000]),
    st.sampled_from([1, 2, 7, 10**9]),
    st.randoms(use_true_random=False),
)
def test_sorting_in_pieces(count: int, distinct: int, draw: random.Random) -> None:
    """It comes to what sorting at one go does; what is equal stays in its order."""
    values = [(str(draw.randrange(distinct)), place) for place in range(count)]
    expected = sorted(values, key=itemgetter(0))
    finish(sort(values, itemgetter(0)))
    assert values == expected


TEXTS = st.lists(
    st.sampled_from(["Merhaba", "Şifre", "", "  ", "\ud83d", "\ude00", "a" * 401, "ş" * 2000])
    | st.text()
    | st.integers().map(str)
    | st.none(),
    max_size=4,
)


@given(TEXTS)
def test_what_is_taken_for_plain_is_so(texts: list[str]) -> None:
    """Texts that are passed together would pass one by one; and everyday ones are."""
    if are_plain(texts):
        assert [message_complaint(Message(text, "5301234567")) for text in texts] == [None] * len(texts)
    assert are_plain(["Merhaba", "Şifreniz 4711"])


@given(
    st.lists(
        st.builds(Message, st.sampled_from(["A", "B", "", "  "]), st.lists(st.just("5301234567"), max_size=5))
        | st.just("no message"),
        max_size=12,
    ),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
)
def test_messages_are_taken_apart(messages: list[object], sizes: list[int]) -> None:
    """In pieces of any sizes, everybody comes once and in order, and every complaint with its value."""
    unfolded = Unfolded()
    unfolded.add(messages)
    taken: list[tuple[str, object]] = []
    refused: list[object] = []
    while unfolded:
        size = sizes[len(taken) % len(sizes)]
        texts, numbers = unfolded.take(size)
        assert len(numbers) + len(unfolded.refused) <= size
        taken += zip(texts, numbers)
        refused += [value for _, value, _ in unfolded.refused]
        assert all(isinstance(flaw, ApiError) for _, _, flaw in unfolded.refused)
    sound = [each for each in messages if isinstance(each, Message) and each.text.strip()]
    others = [each for each in messages if each not in sound]
    assert taken == [(each.text, number) for each in sound for number in each.to]
    assert refused == [number for each in others for number in (each.to if isinstance(each, Message) else [""])]
