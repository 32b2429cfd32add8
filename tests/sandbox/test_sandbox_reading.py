"""The sandbox's own counting and reading: SMS parts, numbers, dates, bodies."""

import string
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_wire import AUTHENTICATION, ONE, ask

from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.sandbox.dates import read_day, read_minute, read_second
from iletimerkezi_async.sandbox.lengths import count_parts
from iletimerkezi_async.sandbox.phones import read_phone, read_phones
from iletimerkezi_async.sandbox.service import OPERATIONS

GSM = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà"


@pytest.mark.parametrize(
    ("letter", "lengths"),
    [
        ("a", [155, 301, 454, 607, 760, 913, 1066]),
        ("Ç", [155, 301, 454, 607, 760, 913, 1066]),
        ("€", [77, 150, 227, 303, 380, 456, 533]),
        ("\f", [77, 150, 227, 303, 380, 456, 533]),
        ("ş", [75, 146, 221, 295, 370, 444, 519]),
        ("ж", [65, 129, 196, 263, 330, 397, 464]),
        ("`", [65, 129, 196, 263, 330, 397, 464]),
        ("👋", [32, 64, 98, 131, 165, 198, 232]),
    ],
)
def test_parts(letter: str, lengths: list[int]) -> None:
    """N parts hold exactly the documented number of characters, in each encoding."""
    for parts, length in enumerate(lengths, 1):
        assert count_parts(letter * length) == parts
        assert count_parts(letter * (length + 1)) == parts + 1


def test_every_default_letter() -> None:
    """Each letter of the GSM default alphabet takes one septet."""
    for letter in GSM + string.ascii_letters + string.digits:
        assert count_parts(letter * 155) == 1, letter


def test_mixed_texts() -> None:
    """One letter outside an alphabet moves the whole text to the next encoding."""
    assert count_parts("a" * 148 + "ş") == 1
    assert count_parts("a" * 149 + "ş") == 2
    assert count_parts("a" * 146 + "ş€") == 1
    assert count_parts("a" * 147 + "ş€") == 2
    assert count_parts("a" * 64 + "ş") == 1
    assert count_parts("a" * 64 + "ж") == 1
    assert count_parts("ş" * 65 + "ж") == 2


@given(st.text(max_size=400), st.text(max_size=40))
def test_parts_grow(text: str, more: str) -> None:
    """Appending never makes a text cheaper, and no text is cheaper than plain or dearer than Unicode allows."""
    parts = count_parts(text)
    assert count_parts(text + more) >= parts
    assert parts >= count_parts("a" * len(text))
    assert parts <= max(count_parts("ж" * (len(text.encode("utf-16-le")) // 2)), count_parts("€" * len(text)))


DIGITS = st.text("0123456789", min_size=9, max_size=9)


@given(DIGITS, st.sampled_from(["", "90", "+90"]), st.lists(st.integers(0, 13), max_size=4))
def test_phone_forms(rest: str, prefix: str, spaces: list[int]) -> None:
    """Every documented form in any spacing is the same number."""
    written = f"{prefix}5{rest}"
    for position in spaces:
        written = f"{written[:position]} {written[position:]}"
    assert read_phone(written) == f"+905{rest}"
    assert read_phone(int(f"905{rest}")) == read_phone(int(f"5{rest}")) == f"+905{rest}"


@given(
    st.lists(st.one_of(DIGITS.map("5".__add__), st.text("+905 \n", max_size=14), st.integers(), st.none()), max_size=6)
)
def test_phones_as_one_by_one(values: list[Any]) -> None:
    """Reading a list at once gives what reading its values one by one gives."""
    each = [read_phone(value) for value in values]
    assert read_phones(values) == (None if None in each else each)


@given(st.text("0123456789/ :-", max_size=20))
def test_dates(text: str) -> None:
    """A date is read only where writing it again gives the same characters."""
    minute, second, day = read_minute(text), read_second(text), read_day(text)
    assert minute is None or minute.strftime("%d/%m/") + f"{minute.year:04}" + minute.strftime(" %H:%M") == text
    assert second is None or second.replace(tzinfo=None).isoformat(" ") == text
    assert day is None or day.isoformat() == text


@given(st.datetimes())
def test_dates_back(moment: Any) -> None:
    """What is written in a format is read again."""
    moment = moment.replace(microsecond=0)
    read = read_second(moment.isoformat(" "))
    assert read is not None
    assert read.replace(tzinfo=None) == moment
    assert read.utcoffset() == timedelta(hours=3)
    assert read_day(moment.date().isoformat()) == moment.date()


FIELDS = [
    "order",
    "sender",
    "iys",
    "iysList",
    "sendDateTime",
    "message",
    "text",
    "receipents",
    "number",
    "id",
    "page",
    "rowCount",
    "filter",
    "start",
    "end",
    "blacklist",
    "consent",
    "brandCode",
    "list",
    "recipient",
    "recipientType",
    "type",
    "status",
    "source",
    "consentDate",
]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["0", "1", "FIRMA", ONE, "BRAND", "9" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)


@given(st.sampled_from([*OPERATIONS, "get-nothing"]), JSON)
def test_any_json_gets_an_answer(operation: str, document: Any) -> None:
    """Whatever JSON comes, the answer is one of the service's codes."""
    content = document if isinstance(document, dict) else {"order": document}
    body = orjson.dumps({"request": {"authentication": AUTHENTICATION, **content}})
    response = orjson.loads(Sandbox().handle(operation, body).body)["response"]
    assert 200 <= response["status"]["code"] <= 474


@given(st.binary(max_size=40))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    """What is no JSON is 400."""
    assert Sandbox().handle("send-sms", body).status == 400


@pytest.mark.parametrize("page", [0, "0", -1, "-1"])
@pytest.mark.parametrize(
    ("operation", "content"),
    [
        ("get-report", {"order": {"id": 1}}),
        ("get-reports", {"filter": {"start": "2026-05-01", "end": "2026-05-01"}}),
        ("get-blacklist", {"blacklist": {}}),
    ],
)
def test_pages_start_at_one(operation: str, content: dict[str, dict[str, Any]], page: object) -> None:
    """Page 0 is 464 wherever there are pages; a page that is no number is 400."""
    (name, inner), *_ = content.items()
    assert ask(Sandbox(), operation, **{name: {**inner, "page": page}})[0] == 464
    for bad in ("x", "1.5", 1.5, True, [1], " 1"):
        assert ask(Sandbox(), operation, **{name: {**inner, "page": bad}})[0] == 400
