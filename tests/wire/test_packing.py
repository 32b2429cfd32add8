"""Texts and numbers in drafts: what is taken in pieces is the same as at one go."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Iys, Message
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.orders.known import hash_content
from iletimerkezi_async.wire.draft import Draft, message_complaint
from iletimerkezi_async.wire.packing import Filling, in_turns, pack_pairs, sort_numbers, unfold
from iletimerkezi_async.wire.sending import send_sms

MANY = 20_000
PAIRS = [(f"+90530{number:07}", f"Sayin {number}") for number in range(MANY)]
TEMPLATE = Draft("FIRMA", Iys.OFF, {}, None, 0)
DISTINCT = Draft("FIRMA", Iys.OFF, {text: (number,) for number, text in PAIRS}, None, MANY)

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


@given(
    st.integers(0, 500),
    st.lists(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True) | st.integers(0, 99).map(lambda n: f"+905{n:09}")),
)
def test_numbers_are_sorted_as_text(more: int, numbers: list[str]) -> None:
    """Numbers of all countries and lengths, few or many, are sorted as text."""
    numbers = [f"+90530{number * 7919 % 1000:07}" for number in range(more)] + numbers
    assert sort_numbers(numbers) == sorted(numbers)


@given(st.integers(0, 1300))
def test_taking_turns_changes_nothing(count: int) -> None:
    """`in_turns` gives every value once, in order."""
    assert [*in_turns(range(count))] == [*range(count)]


@pytest.mark.parametrize(
    "work",
    [
        lambda: pack_pairs(TEMPLATE, PAIRS),
        lambda: pack_pairs(TEMPLATE, [(number, "Merhaba") for number, _ in PAIRS]),
        lambda: Filling(TEMPLATE, [Message("Merhaba", [number for number, _ in PAIRS])]).draft(),
        lambda: hash_content(DISTINCT),
        lambda: send_sms(DISTINCT),
    ],
)
def test_work_for_many_gives_way_to_other_threads(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work lets other threads run, above all the event loop's."""
    turns: list[None] = []
    monkeypatch.setattr("iletimerkezi_async.wire.packing._SLICE", -1.0)
    monkeypatch.setattr("iletimerkezi_async.wire.packing.give_way", lambda: turns.append(None))
    work()
    assert len(turns) >= MANY // 1000
