"""Texts and numbers in drafts: what is taken in pieces is the same as at one go."""

from __future__ import annotations

from itertools import chain, islice

from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Message
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.wire.draft import message_complaint
from iletimerkezi_async.wire.packing import unfold

TEXTS = st.lists(
    st.sampled_from(["Merhaba", "Şifre", "", "  ", "\ud83d", "\ude00", "a" * 401, "ş" * 2000])
    | st.text()
    | st.integers().map(str)
    | st.none(),
    max_size=4,
)


@given(TEXTS)
def test_each_recipient_comes_with_the_flaw_of_the_text(texts: list[str]) -> None:
    """The same as that of the message; and everyday texts have none."""
    complaint = message_complaint("no message")
    assert complaint is not None
    assert complaint.code == 422
    for text in texts:
        message = Message(text, ["5301234567", "5301234568"])
        assert [repr(flaw) for _, _, flaw in unfold(message)] == [repr(message_complaint(message))] * 2
    assert [flaw for text in ("Merhaba", "Şifreniz 4711") for _, _, flaw in unfold(Message(text, "5301234567"))] == [
        None,
        None,
    ]


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
    rows = chain.from_iterable(map(unfold, messages))
    taken: list[tuple[str, object]] = []
    refused: list[object] = []
    while piece := [*islice(rows, sizes[len(taken) % len(sizes)])]:
        taken += [(text, number) for text, number, flaw in piece if flaw is None]
        refused += [value for _, value, flaw in piece if flaw is not None]
        assert all(flaw is None or isinstance(flaw, ApiError) for _, _, flaw in piece)
    sound = [each for each in messages if isinstance(each, Message) and each.text.strip()]
    others = [each for each in messages if each not in sound]
    assert taken == [(each.text, number) for each in sound for number in each.to]
    assert refused == [number for each in others for number in (each.to if isinstance(each, Message) else [""])]
