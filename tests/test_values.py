"""Values as programs hold them: lazy, missing, of the wrong type, decomposed; through every method that sends."""

from __future__ import annotations

import unicodedata
from collections import UserString
from collections.abc import AsyncIterator, Iterator
from enum import Enum

import pytest
from test_numbers import Broken, Lazy
from test_secrets import everything_of

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    DuplicateOrderError,
    EmptyTextError,
    Message,
    MessageStatus,
    OrderStatus,
    RecipientError,
)
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

NUMBER, TEXT = "+905301234567", "Kodunuz 987654"


class DataFrame:
    """As those of pandas and polars: several columns."""

    columns = ("telefon", "ad")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


class Letter(str, Enum):
    """Texts as programs keep them."""

    HELLO = "Merhaba"


class Later:
    """Recipients that have to be waited for."""

    def __aiter__(self) -> AsyncIterator[str]:
        raise AssertionError


WRONG_RECIPIENTS = [
    (None, "NoneType"), (b"5301234567", "bytes"), (bytearray(b"5301234567"), "bytearray"), (True, "bool"),
    (float("nan"), "float"), (5301234567.5, "float"), (object(), "object"), (DataFrame(), "DataFrame"),
]  # fmt: skip
WRONG_TEXTS = [
    (None, EmptyTextError, "None"), (b"Kodunuz 987654", ApiError, "bytes"), (float("nan"), ApiError, "float"),
    (987654, ApiError, "int"), (["Kodunuz 987654"], ApiError, "list"), (object(), ApiError, "object"),
    (Broken(), ApiError, "Broken"),
]  # fmt: skip


@pytest.mark.parametrize(("to", "kind"), WRONG_RECIPIENTS)
async def test_what_is_no_recipient_is_named_by_its_type(
    to: object, kind: str, client: AsyncClient, sandbox: Sandbox
) -> None:
    """Alone or in a list of messages; nothing is asked of the service, and no frame of ours shows the text."""
    for send in (
        lambda: client.send_sms(TEXT, to),  # type: ignore[arg-type]  # the point of the test
        lambda: client.send_messages([Message(TEXT, to)]),  # type: ignore[arg-type]  # likewise
        lambda: client.send_bulk(TEXT, to),  # type: ignore[arg-type]  # likewise
    ):
        with pytest.raises(RecipientError, match=kind) as caught:
            await send()
        assert caught.value.code == 452
        assert "987654" not in everything_of(caught.value)
        assert "1234567" not in str(caught.value)
    assert not sandbox.requests


@pytest.mark.parametrize(("text", "error", "kind"), WRONG_TEXTS)
async def test_what_is_no_text_is_named_by_its_type(
    text: object, error: type[ApiError], kind: str, client: AsyncClient, sandbox: Sandbox
) -> None:
    """Before anything is read or asked of the service; neither the value nor the number is shown."""
    for send in (
        lambda: client.send_sms(text, NUMBER),  # type: ignore[arg-type]  # the point of the test
        lambda: client.send_messages([Message(text, NUMBER)]),  # type: ignore[arg-type]  # likewise
        lambda: client.send_bulk(text, [NUMBER]),  # type: ignore[arg-type]  # likewise
    ):
        with pytest.raises(error, match=kind) as caught:
            await send()
        assert not [secret for secret in ("987654", "5301234567") if secret in everything_of(caught.value)]
    assert not sandbox.requests


@pytest.mark.parametrize("value", [Message(None, 5), Message(b"987654", None), Message(float("nan"), [NUMBER])])  # type: ignore[arg-type]
def test_a_message_of_anything_can_be_shown(value: Message) -> None:
    """It is judged where it is read, together with all else that is wrong; until then it must not break a log."""
    assert repr(value).startswith("<Message of ")
    assert "987654" not in repr(value)


@pytest.mark.parametrize("bad", [Message(text, "05301239999") for text, _, _ in WRONG_TEXTS], ids=repr)  # type: ignore[arg-type]
async def test_one_bad_message_among_many(bad: Message, client: AsyncClient, sandbox: Sandbox) -> None:
    """It is listed with its number and the reason, and all others are sent."""
    messages = [Message(f"Sayin {index}", 5301230000 + index) for index in range(20)]
    messages.insert(7, bad)
    result = await client.send_bulk_messages(messages)
    assert (result.read, result.accepted, len(sandbox.deliveries)) == (21, 20, 20)
    ((number, reason),) = result.refused
    assert number == "05301239999"
    assert "text" in reason


@pytest.mark.parametrize("bad", [None, ("Merhaba", NUMBER), "Merhaba", {"text": "Merhaba"}, 5], ids=repr)
async def test_what_is_no_message_among_many(bad: object, client: AsyncClient, sandbox: Sandbox) -> None:
    """It counts as one that was read, and is listed; in an order of its own it is an error that says so."""
    messages = [Message("Merhaba", NUMBER), bad, Message("Merhaba", "5301234568")]
    result = await client.send_bulk_messages(messages)  # type: ignore[arg-type]  # the point of the test
    assert (result.read, result.accepted) == (3, 2)
    assert [refusal.reason for refusal in result.refused] == [f"a Message is expected, not {type(bad).__name__}"]
    with pytest.raises(ApiError, match="a Message is expected"):
        await client.send_messages(messages)  # type: ignore[arg-type]  # likewise


async def test_bad_values_among_many_numbers_are_listed(client: AsyncClient) -> None:
    """Bad values are listed with their types."""
    values = [5301234567.0, float("nan"), None, "+5301234568", b"5301234569", ("5301234569",), "yok", "5301234568"]
    result = await client.send_bulk("Merhaba", values)  # type: ignore[arg-type]  # the point of the test
    assert result.accepted == 2
    reasons = [refusal.reason for refusal in result.refused]
    assert [reason for reason in reasons if not reason.startswith("not a phone number")] == []
    for reason, part in zip(reasons, ["float", "NoneType", "the plus", "bytes", "tuple", ""], strict=True):
        assert part in reason


async def test_an_order_names_what_is_wrong_with_its_numbers(client: AsyncClient) -> None:
    """`numbers` has all bad values; the text has each reason once, and no number."""
    with pytest.raises(RecipientError) as caught:
        await client.send_sms("Merhaba", ["+5301234567", None, None, NUMBER, "x"])  # type: ignore[list-item]
    assert caught.value.numbers == ("+5301234567", "None", "None", "x")
    assert caught.value.message == (
        "4 of 5 recipients are not phone numbers (see `numbers`): not a phone number: the plus has no country "
        "code after it; write +90, or leave out the plus; not a phone number but NoneType: a value is missing"
    )


async def test_recipients_that_are_waited_for_are_those_of_a_campaign(client: AsyncClient) -> None:
    """A single order refuses an asynchronous source, and names `send_bulk`."""
    with pytest.raises(RecipientError, match="give an asynchronous source to send_bulk"):
        await client.send_sms("Merhaba", Later())  # type: ignore[arg-type]  # the point of the test


async def test_a_text_of_an_enum_is_its_value(client: AsyncClient, sandbox: Sandbox) -> None:
    """And of every kind of text the plain text."""
    await client.send_sms(Letter.HELLO, NUMBER)
    assert [order.texts[0][0] for order in sandbox.orders] == ["Merhaba"]
    assert type(Message(Letter.HELLO, NUMBER).text) is str


class Rows:
    """As a QuerySet: asynchronous, and with a length that it must not be asked for in a running loop."""

    def __len__(self) -> int:
        raise AssertionError

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    async def __aiter__(self) -> AsyncIterator[str]:
        yield NUMBER


async def test_an_async_iterable_is_not_asked_for_its_length(client: AsyncClient) -> None:
    """Nor gone through in the other way that it may have."""
    assert (await client.send_bulk("Merhaba", Rows())).accepted == 1


@pytest.mark.parametrize("text", [Lazy("Şimdi"), UserString("Şimdi"), unicodedata.normalize("NFD", "Şimdi\r\n")])
async def test_a_text_is_sent_as_it_is_meant(text: str, client: AsyncClient, sandbox: Sandbox) -> None:
    """Evaluated, composed and without its last line end, by every method; so that it is one text to all of them."""
    await client.send_sms(text, Lazy(NUMBER))  # type: ignore[arg-type]  # a lazy string is no `str`
    with pytest.raises(DuplicateOrderError):
        await client.send_sms("Şimdi", NUMBER)
    messages = [Message(text, "5301234568"), Message("Şimdi\n", "5301234568"), Message("Şimdi", "5301234569")]
    result = await client.send_bulk_messages(messages)
    assert (result.accepted, result.duplicates) == (2, 1)
    await client.send_bulk(text, ["5301234570"])
    assert {text for order in sandbox.orders for text, _ in order.texts} == {"Şimdi"}


@pytest.mark.parametrize("kind", [MessageStatus, OrderStatus])
def test_a_status_is_shown_by_its_name(kind: type[MessageStatus | OrderStatus]) -> None:
    """On every Python, also one that is not known; as a number it still counts."""
    for status in [*kind, kind(199)]:
        assert str(status) == f"{status}" == status.name == f"{status.name}"
        assert f"{status:d}" == str(int(status))
    assert str(kind(199)) == "UNKNOWN_199"
