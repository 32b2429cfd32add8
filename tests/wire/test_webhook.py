"""Delivery reports that the service posts: every form of them, and nothing but `WebhookError` for anything else."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from frames import everything_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from iletimerkezi_async import DeliveryEvent, MessageStatus, WebhookError, parse_webhook

#: The sample of the provider's page.
SAMPLE: dict[str, object] = {
    "id": 1599558518, "packet_id": 104525848, "status": "accepted", "to": "+90505702xxxx", "body": "text",
}  # fmt: skip
NUMBER, TEXT = "+905301234567", "Kodunuz 987654"

#: A slow machine is no failure.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def body(**other: object) -> bytes:
    """The sample with other fields; `...` removes one."""
    fields = SAMPLE | other
    return json.dumps({"report": {name: value for name, value in fields.items() if value is not ...}}).encode()


def test_the_documented_sample() -> None:
    """As bytes and as text."""
    event = DeliveryEvent(1599558518, 104525848, "+90505702xxxx", MessageStatus.SENDING, "text")
    assert parse_webhook(body()) == parse_webhook(body().decode()) == event


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", MessageStatus.SENDING),
        ("delivered", MessageStatus.DELIVERED),
        ("undelivered", MessageStatus.UNDELIVERED),
        (110, MessageStatus.SENDING),
        ("110", MessageStatus.SENDING),
        (111, MessageStatus.DELIVERED),
        ("111", MessageStatus.DELIVERED),
        (112, MessageStatus.UNDELIVERED),
        ("112", MessageStatus.UNDELIVERED),
    ],
)
def test_words_and_numbers_become_states(word: str | int, status: MessageStatus) -> None:
    """The same as in a report that was asked for."""
    assert parse_webhook(body(status=word)).status is status


def test_final_states() -> None:
    """What comes after them is older news; a state unknown is not final."""
    assert [status.is_final for status in MessageStatus] == [False, True, True]
    assert not MessageStatus(119).is_final


@pytest.mark.parametrize("write", [int, str])
def test_ids_in_every_type(write: type) -> None:
    """Numbers, or their digits."""
    event = parse_webhook(body(id=write(1599558518), packet_id=write(104525848)))
    assert (event.message_id, event.order_id) == (1599558518, 104525848)


@pytest.mark.parametrize(
    ("to", "number"),
    [
        (NUMBER, NUMBER),
        ("5301234567", NUMBER),
        (5301234567, NUMBER),
        ("90 530 123 45 67", NUMBER),
        (905301234567, NUMBER),
        ("+90530123xxxx", "+90530123xxxx"),
        ("0212 123 45 67", "0212 123 45 67"),
        (212, "212"),
    ],
)
def test_numbers_in_every_form(to: object, number: str) -> None:
    """In E.164 where they are whole, as they came where not."""
    assert parse_webhook(body(to=to)).number == number


@pytest.mark.parametrize(
    ("given", "text"), [(..., ""), (None, ""), ("", ""), ([], ""), ({}, ""), (1234, "1234"), ("ş", "ş")]
)
def test_texts_in_every_form(given: object, text: str) -> None:
    """Missing, or digits that somebody took for a number."""
    assert parse_webhook(body(body=given)).text == text


def test_fields_that_come_later_do_no_harm() -> None:
    """Beside the report and in it."""
    document = json.loads(body(operator="X")) | {"version": 2}
    assert parse_webhook(json.dumps(document)).order_id == 104525848


NOT_REPORTS: list[object] = [
    b"",
    "",
    b"null",
    b"[]",
    b"5",
    b"{}",
    b'{"report": null}',
    b'{"report": []}',
    b'{"report": {}}',
    b'{"report": ',
    b"report[id]=1&report[status]=accepted",
    b"\xff\xfe{}",
    b"\x00",
    "\ud83d",
    b'{"report": {"id": "\\ud83d"}}',
    b"[" * 60_000,
    b'{"report":' * 5_000,
    b'{"report": {"id": ' + b"9" * 5000 + b"}}",
    None,
    5,
    {"report": SAMPLE},
    body(id=...),
    body(id=None),
    body(id=-1),
    body(id=0),
    body(id=1.5),
    body(id=True),
    body(id="x"),
    body(id="9" * 30),
    body(packet_id=...),
    body(packet_id=[]),
    body(packet_id=0),
    body(to=...),
    body(to=None),
    body(to=""),
    body(to=True),
    body(to=["5301234567"]),
    body(status=...),
    body(status=113),
    body(status="113"),
    body(status=111.0),
    body(status=1),
    body(status=True),
    body(status=["accepted"]),
    body(body=["x"]),
    body(body=True),
    body(body=1.5),
]


@pytest.mark.parametrize("given", NOT_REPORTS, ids=lambda given: repr(given)[:40])
def test_anything_else_is_a_webhook_error(given: object) -> None:
    """Neither shown nor chained."""
    with pytest.raises(WebhookError) as caught:
        parse_webhook(given)  # type: ignore[arg-type]  # of all types
    assert caught.value.__context__ is None
    assert len(str(caught.value)) < 100


def test_an_unknown_word_is_named_where_it_is_one() -> None:
    """A short one that is no number; the rest of what somebody may post is not repeated."""
    with pytest.raises(WebhookError, match=r"unknown status: expired$"):
        parse_webhook(body(status="expired"))
    for word in ("5301234567", "a" * 33, "iki kelime", "<script>", "", "\n", "kod-987654"):
        with pytest.raises(WebhookError, match=r"unknown status$"):
            parse_webhook(body(status=word))


@pytest.mark.parametrize("letter", ["a", "ş", "😀"])
def test_a_body_has_a_size(letter: str) -> None:
    """64 KiB, as bytes or as text; a byte more is refused before it is read."""

    def sized(size: int) -> str:
        frame = body(body="").decode()
        width = len(letter.encode())
        room = size - len(frame)
        return frame.replace('"body": ""', f'"body": "{letter * (room // width)}{"." * (room % width)}"')

    largest = sized(2**16)
    assert len(largest.encode()) == 2**16
    assert parse_webhook(largest) == parse_webhook(largest.encode())
    for larger in (largest + " ", (largest + " ").encode()):
        with pytest.raises(WebhookError, match="larger than 64 KiB"):
            parse_webhook(larger)


def test_a_huge_text_is_refused_without_a_copy() -> None:
    """Encoding what anybody may post would hold up the event loop."""
    huge = "ş" * 2**22
    tracemalloc.start()
    try:
        with pytest.raises(WebhookError, match="larger than 64 KiB"):
            parse_webhook(huge)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def survives(given: bytes | str) -> None:
    try:
        event = parse_webhook(given)
    except WebhookError:
        return
    assert isinstance(event, DeliveryEvent)
    assert isinstance(event.number, str)
    assert isinstance(event.text, str)
    assert repr(event)


@patient
@given(st.binary(max_size=300))
def test_no_bytes_break_it(given: bytes) -> None:
    """Whatever is posted."""
    survives(given)


@patient
@given(st.text(st.characters(), max_size=300))
@example("\ud800")
def test_no_text_breaks_it(given: str) -> None:
    """Half characters included."""
    survives(given)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["accepted", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@patient
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "packet_id", "status", "to", "body"], JSON)), st.booleans()
)
def test_no_json_breaks_it(fields: dict[str, object], complete: bool) -> None:
    """A report with anything for any of its fields."""
    survives(json.dumps({"report": SAMPLE | fields if complete else fields}))


def test_an_event_shows_neither_number_nor_text() -> None:
    """In a log."""
    event = parse_webhook(body(to=NUMBER, body=TEXT))
    assert (event.number, event.text) == (NUMBER, TEXT)
    assert repr(event) == (
        "DeliveryEvent(message_id=1599558518, order_id=104525848, number='+90530***4567', "
        "status=<MessageStatus.SENDING: 110>)"
    )


@pytest.mark.parametrize("other", [{"status": NUMBER}, {"id": NUMBER}, {"status": TEXT}, {"body": [TEXT]}])
@pytest.mark.parametrize("write", [bytes, bytes.decode])
def test_no_error_shows_the_body(other: dict[str, object], write: type) -> None:
    """Neither in its text nor in a variable on the way."""
    with pytest.raises(WebhookError) as caught:
        parse_webhook(write(body(**({"to": NUMBER, "body": TEXT} | other))))
    shown = everything_of(caught.value)
    assert not [secret for secret in (NUMBER, TEXT, "987654", "5301234567") if secret in shown]
