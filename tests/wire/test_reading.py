"""Values at the edges of what is read: digits, times, amounts, and the headers of HTTP."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import orjson
import pytest
from canned import Canned, ok, refusal

from iletimerkezi_async import Iys, Message, OutcomeUnknownError, Retry, TransportError, UnavailableError
from iletimerkezi_async.wire.account import get_balance
from iletimerkezi_async.wire.call import AttemptOutcome, Lost, RawAnswer, Refused, read_answer
from iletimerkezi_async.wire.draft import Draft, write_template
from iletimerkezi_async.wire.packing import Filling
from iletimerkezi_async.wire.reading import read_number
from iletimerkezi_async.wire.sending import send_sms

TRT = timezone(timedelta(hours=3))


def read(body: object, status: int = 200, **headers: str) -> AttemptOutcome[object]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(get_balance(), RawAnswer(status, orjson.dumps(body), names), str)


def pause(retry_after: str, date: str | None = None) -> float | None:
    """Seconds that an answer with these headers asks to wait."""
    headers = {"Retry_After": retry_after} | ({} if date is None else {"Date": date})
    outcome = read(refusal(503), 503, **headers)
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error, UnavailableError)
    assert outcome.error.retry_after == outcome.retry_after
    return outcome.retry_after


# Values of the service.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sms", [18446744073709551615, "18446744073709551615", "00000000000000000042", " 42 ", "\t7538\n"]
)
async def test_digits_of_up_to_64_bits_are_a_number(sms: object) -> None:
    """With white space around them."""
    assert (await Canned(ok(balance={"amount": 0, "sms": sms})).client.get_balance()).sms == int(str(sms))


@pytest.mark.anyio
@pytest.mark.parametrize("sms", ["9" * 21, "", " ", "4 2", "-42", "4.0", "٤٢", "²", 4.0, True, None, [], {}])
async def test_what_else_is_no_number(sms: object) -> None:
    """Neither digits of other scripts, nor more digits than an id can have."""
    client = Canned(ok(balance={"amount": 0, "sms": sms}), retry=Retry(attempts=1)).client
    with pytest.raises(TransportError, match="the answer says success, but a number is missing"):
        await client.get_balance()


@pytest.mark.anyio
@pytest.mark.parametrize("id", [0, "0", -1, "-1", "000"])
async def test_what_is_not_above_zero_is_no_id(id: object) -> None:
    """A send that is answered with it has lost its answer; a report or a list with it is asked for again."""
    once = Retry(attempts=1)
    with pytest.raises(OutcomeUnknownError, match="the answer says success, but a"):
        await Canned(ok(order={"id": id}), retry=once).client.send_sms("Kodunuz 1234", "5301234567")
    row = {"id": id, "status": 114}
    with pytest.raises(TransportError, match="the answer says success, but a"):
        await Canned(ok(order=row), retry=once).client.get_order(1)
    with pytest.raises(TransportError, match="the answer says success, but a"):
        await (
            Canned(ok(count=1, orders=[row]), retry=once)
            .client.get_reports(date(2026, 4, 1), date(2026, 4, 1))
            .collect()
        )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("0,0372", "0.0372"), ("0,0000", "0.0000"), ("1.234,50", "1234.50"), (" 12,5 ", "12.5"), ("1", "1"),
        (1, "1"),
        (0.5, "0.5"), (10.584, "10.584"), ("134.0000", "134.0000"), ("-3,5", "-3.5"), ("9" * 30, "9" * 30),
        ("1,234.50", "1234.50"), ("1,2,3", None), (",5", None), ("5,", None), ("9" * 31, None),
        (f"0.{'0' * 29}1", None),
        ("", None), ("-", None), ("NaN", None), ("Infinity", None), (True, None),
    ],
)  # fmt: skip
async def test_amounts_in_every_form(price: object, expected: str | None) -> None:
    """With a decimal point or comma; what cannot be told for certain is none."""
    order = await Canned(ok(order={"id": 1, "status": 114, "price": price})).client.get_order(1)
    assert order.price == (None if expected is None else Decimal(expected))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "written",
    [
        "2026-05-01 10:00:05", " 2026-05-01 10:00:05\n", "2026-05-01T10:00:05", "01/05/2026 10:00:05",
        "2026-05-01T07:00:05+00:00", " 01/05/2026 10:00:05 ",
    ],
)  # fmt: skip
async def test_times_in_every_form(written: str) -> None:
    """The year or the day first, with white space around; Turkish where nothing else is said."""
    order = await Canned(ok(order={"id": 1, "status": 114, "submitAt": written})).client.get_order(1)
    assert order.submitted_at == datetime(2026, 5, 1, 10, 0, 5, tzinfo=TRT)
    assert order.submitted_at.utcoffset() == timedelta(hours=3)


@pytest.mark.anyio
@pytest.mark.parametrize("written", ["1/5/2026 10:00", "2026/05/01 10:00", "x01/05/2026", "31/02/2026 10:00", "05-01"])
async def test_what_else_is_no_time(written: str) -> None:
    """Rather none than a wrong one."""
    order = await Canned(ok(order={"id": 1, "status": 114, "submitAt": written})).client.get_order(1)
    assert order.submitted_at is None


@pytest.mark.parametrize(("written", "number"), [
    ("00905301234567", "+905301234567"), ("5301234567", "+905301234567"), (905301234567, "+905301234567"),
    ("004915112345678", "004915112345678"), ("+4915112345678", "+4915112345678"), ("+90530***4567", "+90530***4567"),
])  # fmt: skip
def test_numbers_in_every_form(written: str | int, number: str) -> None:
    """Turkish ones as E.164; others only with their plus, as nobody knows how the service writes these."""
    assert read_number(written) == number


# Headers.


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), (" 7 ", 7.0), ("999999999", 999999999.0), ("9999999999", None), ("-7", None),
        ("", None), ("1.5", None), ("soon", None), ("²", None),
    ],
)  # fmt: skip
def test_seconds_to_wait(header: str, seconds: float | None) -> None:
    """As whole seconds of up to nine digits."""
    assert pause(header) == seconds


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("Fri, 01 May 2026 10:00:30 GMT", 30.0), ("Fri, 01 May 2026 10:00:00 GMT", 0.0),
        ("Fri, 01 May 2026 09:00:00 GMT", 0.0), ("Fri, 01 May 2026 13:00:30 +0300", 30.0),
        ("Fri, 01 May 2026 10:00:30 -0000", 30.0), ("Fri, 99 May 2026 10:00:30 GMT", None),
    ],
)  # fmt: skip
def test_a_time_to_wait_for(until: str, seconds: float | None) -> None:
    """As a date, taken against the answer's own; one that is past is no wait."""
    assert pause(until, "Fri, 01 May 2026 10:00:00 GMT") == seconds


def test_a_time_to_wait_for_without_the_answer_s_own() -> None:
    """It is taken against this machine's clock."""
    until = datetime.now(timezone.utc) + timedelta(seconds=100)
    seconds = pause(until.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert seconds is not None
    assert 90 < seconds <= 100


@pytest.mark.parametrize(("year", "is_told"), [(1969, False), (1970, True), (2026, True), (2999, True), (3000, False)])
def test_a_clock_of_no_possible_year_tells_nothing(year: int, is_told: bool) -> None:
    """Nothing could be reckoned with it."""
    outcome = read(refusal(451), 451, Date=f"Fri, 01 May {year} 10:00:00 GMT")
    assert isinstance(outcome, Refused)
    assert outcome.date == (datetime(year, 5, 1, 10, tzinfo=timezone.utc) if is_told else None)


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Lost), (299, Lost), (300, Lost), (399, Lost), (400, Lost), (429, Refused), (503, Lost)]
)
def test_an_answer_without_a_code(status: int, kind: type[object]) -> None:
    """It is a lost one, but for 429, which says that the request was turned away; redirections are named."""
    outcome = read(["x"], status)
    assert isinstance(outcome, kind)
    assert isinstance(outcome, (Lost, Refused))
    assert ("redirection" in str(outcome.error)) == (300 <= status < 400)
    assert outcome.error.http_status == status


def test_which_statuses_without_a_body_are_refusals() -> None:
    """Of a caller's client that raises for them: the service's codes, those beyond HTTP's own surely its own."""
    refused = [400, 401, 402, 403, 404, 422, 429, *range(450, 475)]
    outcomes = {
        status: read_answer(get_balance(), RawAnswer(status, b"", {}, bodyless=True), str) for status in range(300, 600)
    }
    assert [status for status, outcome in outcomes.items() if isinstance(outcome, Refused)] == refused
    own = [status for status, outcome in outcomes.items() if isinstance(outcome, Refused) and outcome.is_its_own]
    assert own == [429, *range(452, 475)]
    content = [status for status, outcome in outcomes.items() if isinstance(outcome, Refused) and outcome.content]
    assert content == [453, 454, 458, 459, 460, 464, 466, 468, 469]


@pytest.mark.parametrize(
    ("code", "later", "broken", "content"),
    [
        (429, True, False, False), (503, True, True, False), (499, False, False, False), (500, False, True, False),
        (501, False, True, False), (400, False, False, True), (452, False, False, False), (402, False, False, False),
    ],
)  # fmt: skip
def test_what_a_refusal_is_about(code: int, later: bool, broken: bool, content: bool) -> None:
    """The moment, the service, or the request itself."""
    outcome = read(refusal(code))
    assert isinstance(outcome, Refused)
    assert (outcome.later, outcome.broken, outcome.content) == (later, broken, content)


def test_which_refusals_are_about_the_request_itself() -> None:
    """Of all documented codes. The others may have another answer for the same request a moment earlier."""
    codes = [400, 401, 402, 403, 404, 422, 429, *range(450, 475), 503]
    outcomes = [read(refusal(code)) for code in codes]
    content = [code for code, outcome in zip(codes, outcomes) if isinstance(outcome, Refused) and outcome.content]
    assert content == [400, 404, 422, 453, 454, 458, 459, 460, 464, 466, 468, 469]


def test_messages_are_short_and_show_no_number() -> None:
    """200 characters at the most; seven digits and more are masked, however they are spaced."""
    outcome = read(refusal(452, "a" * 300))
    assert isinstance(outcome, Refused)
    assert outcome.error.message == "a" * 200
    spaced = "530 123 45 67", "530-123-45-67", "0.530.123.45.67", "+90 (530) 123 45 67", "90/530/1234567"
    for number in ("+905301234567", *spaced, "1234567"):
        outcome = read(refusal(452, f"Numara {number} hatali"))
        assert isinstance(outcome, Refused)
        assert outcome.error.message == "Numara *** hatali"
    huge = read(refusal(452, "9 " * 10_000))
    assert isinstance(huge, Refused)
    assert huge.error.message == ""
    outcome = read(refusal(452, "Siparis 123456 yok"))
    assert isinstance(outcome, Refused)
    assert outcome.error.message == "Siparis 123456 yok"


def test_an_order_is_repeated_for_nine_of_the_ten_minutes() -> None:
    """A tenth of the service's memory is left for the way; cancelling is repeated at any time."""
    template = write_template(sender="FIRMA", iys=Iys.OFF, send_at=None, may_be_past=False)
    assert isinstance(template, Draft)
    draft = Filling(template, [Message("Metin", "5301234567")]).draft()
    assert isinstance(draft, Draft)
    call = send_sms(draft)
    assert (call.operation.window, call.operation.taken_code, call.recipients) == (540, 451, 1)
