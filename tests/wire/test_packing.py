"""Texts and numbers in drafts: what is taken in pieces is the same as at one go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Message
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.wire.draft import are_plain, message_complaint
from iletimerkezi_async.wire.packing import Unfolded

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
    unfolded.extend(messages)
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
