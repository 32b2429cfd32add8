"""The wire, both ways: requests as documented, answers in all their variations."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import httpx
import pytest
from canned import Canned, ok, refusal
from hypothesis import given
from hypothesis import strategies as st

import iletimerkezi_async as im
from iletimerkezi_async import (
    ApiError,
    Balance,
    Delivery,
    Iys,
    Message,
    MessageStatus,
    Order,
    OrderReport,
    OrderStatus,
    OutcomeUnknownError,
    Retry,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.wire.account import get_balance
from iletimerkezi_async.wire.call import Answered, Lost, RawAnswer, read_answer
from iletimerkezi_async.wire.credentials import Body
from iletimerkezi_async.wire.reports import get_report as get_report_call

TRT = timezone(timedelta(hours=3))
pytestmark = pytest.mark.anyio

# Requests.


async def test_get_balance_sends_the_documented_request() -> None:
    """The provider's JSON get-balance page: the credentials and nothing else."""
    canned = Canned(ok(balance={"amount": "0", "sms": "18343"}))
    await canned.client.get_balance()
    (request,) = canned.requests
    assert request.method == "POST"
    assert str(request.url) == "https://api.iletimerkezi.com/v1/get-balance/json"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"iletimerkezi_async/{im.__version__}"
    assert json.loads(request.content) == {"request": {"authentication": {"key": "demo", "hash": "demo"}}}


async def test_send_messages_sends_the_documented_order() -> None:
    """The sample of the provider's send-sms page, in JSON: two texts, two recipients each, and a schedule."""
    canned = Canned(ok(order={"id": 1}))
    due = datetime(2099, 4, 23, 9, 0, tzinfo=TRT)
    messages = [
        Message("Test mesaji.", ["5301234567", "5301234568"]),
        Message("Demo mesaji.", ["5301234569", "5301234560"]),
    ]
    assert await canned.client.send_messages(messages, sender="APITEST", send_at=due) == Order(1, 4)
    assert canned.bodies == [
        {
            "authentication": {"key": "demo", "hash": "demo"},
            "order": {
                "sender": "APITEST",
                "sendDateTime": ["23/04/2099 09:00"],
                "iys": "0",
                "message": [
                    {"text": "Test mesaji.", "receipents": {"number": ["+905301234567", "+905301234568"]}},
                    {"text": "Demo mesaji.", "receipents": {"number": ["+905301234560", "+905301234569"]}},
                ],
            },
        }
    ]


@pytest.mark.parametrize(
    ("iys", "fields"),
    [
        (Iys.OFF, {"iys": "0"}),
        (Iys.BIREYSEL, {"iys": "1", "iysList": "BIREYSEL"}),
        (Iys.TACIR, {"iys": "1", "iysList": "TACIR"}),
    ],
)
async def test_one_choice_covers_iys_and_its_list(iys: Iys, fields: dict[str, str]) -> None:
    """One text is one message object, and without a schedule there is none on the wire."""
    canned = Canned(ok(order={"id": "12323232"}))
    assert await canned.client.send_sms("Kampanya", "0530 123 45 67", iys=iys) == Order(12323232, 1)
    assert canned.bodies[0]["order"] == {
        "sender": "FIRMA",
        **fields,
        "message": {"text": "Kampanya", "receipents": {"number": ["+905301234567"]}},
    }


async def test_get_report_and_get_order_ask_for_pages_as_documented() -> None:
    """Page from 1, rowCount up to 1000; the counters alone take a page of one row."""
    canned = Canned(ok(order={"id": 428, "status": 114, "message": []}))
    assert [row async for row in canned.client.get_report(428)] == []
    await canned.client.get_order(428)
    assert [body["order"] for body in canned.bodies] == [
        {"id": 428, "page": 1, "rowCount": 1000},
        {"id": 428, "page": 1, "rowCount": 1},
    ]


async def test_get_reports_asks_with_the_page_inside_the_filter() -> None:
    """Days without times, page from 1."""
    canned = Canned(ok(count=0, orders=[]))
    assert [order async for order in canned.client.get_reports(date(2026, 5, 1), date(2026, 5, 3))] == []
    assert canned.bodies[0]["filter"] == {"start": "2026-05-01", "end": "2026-05-03", "page": 1}


async def test_a_caller_s_base_url_may_end_in_a_slash() -> None:
    """The path is the same."""
    canned = Canned(ok(balance={"amount": 0, "sms": 0}), base_url="https://gateway.example/sms/v1/")
    await canned.client.get_balance()
    assert str(canned.requests[0].url) == "https://gateway.example/sms/v1/get-balance/json"
    assert canned.requests[0].headers["host"] == "gateway.example"


# Answers: success.


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ({"amount": "0", "sms": "18343"}, Balance(Decimal(0), 18343)),
        ({"amount": "134.0000", "sms": "7538"}, Balance(Decimal(134), 7538)),
        ({"amount": 134.5, "sms": 7538}, Balance(Decimal("134.5"), 7538)),
        ({"amount": 0, "sms": 0}, Balance(Decimal(0), 0)),
    ],
)
@pytest.mark.parametrize("code", [200, "200"])
async def test_balances_in_every_type(balance: dict[str, object], expected: Balance, code: object) -> None:
    """The samples of the provider's two get-balance pages, and their numbers as numbers."""
    canned = Canned({"response": {"status": {"code": code, "message": "İşlem başarılı"}, "balance": balance}})
    assert await canned.client.get_balance() == expected


SAMPLE_ROWS = [
    ("5301234567", 110),
    ("5301234568", 111),
    ("5301234569", 110),
    ("5301234560", 111),
    ("5301234561", 111),
]


@pytest.mark.parametrize("write_number", [str, int, "+90{}".format, "90{}".format])
@pytest.mark.parametrize("write_code", [int, str])
async def test_report_rows_in_every_type(write_number: type, write_code: type) -> None:
    """The sample of the provider's get-report page; every form of number and status reads the same."""
    rows = [{"number": write_number(number), "status": write_code(code)} for number, code in SAMPLE_ROWS]
    canned = Canned(ok(order={"id": write_code(428), "status": write_code(113), "message": rows}))
    report = canned.client.get_report(428)
    assert report.order is None
    assert [row async for row in report] == [
        Delivery(f"+90{number}", MessageStatus(code)) for number, code in SAMPLE_ROWS
    ]
    assert report.order == OrderReport(428, OrderStatus.SENDING)


@pytest.mark.parametrize("message", [[], {}, "", None, ...])
async def test_nothing_in_every_form(message: object) -> None:
    """No rows: an empty list, object, string, null, or no field at all."""
    fields = {} if message is ... else {"message": message}
    canned = Canned(ok(order={"id": 428, "status": 115, **fields}))
    report = canned.client.get_report(428)
    assert [row async for row in report] == []
    assert report.order is not None
    assert report.order.status is OrderStatus.FAILED


async def test_a_single_row_may_stand_without_a_list() -> None:
    """As XML turned into JSON gives it."""
    canned = Canned(ok(order={"id": 428, "status": 114, "message": {"number": 5301234567, "status": "112"}}))
    rows = [row async for row in canned.client.get_report(428)]
    assert rows == [("+905301234567", MessageStatus.UNDELIVERED)]


async def test_unknown_states_stay_visible_as_their_number() -> None:
    """A state that the provider adds later does not break a report."""
    row = {"number": "5301234567", "status": "119"}
    canned = Canned(ok(order={"id": 428, "status": 120, "message": [row]}))
    (delivery,) = [row async for row in canned.client.get_report(428)]
    order = await canned.client.get_order(428)
    assert isinstance(delivery.status, MessageStatus)
    assert delivery.status == 119
    assert isinstance(order.status, OrderStatus)
    assert order.status == 120
    assert "120" in repr(order)


async def test_a_number_in_a_form_of_its_own_is_kept() -> None:
    """A row is never lost over how its number is written."""
    canned = Canned(ok(order={"id": 428, "status": 114, "message": [{"number": "0049 151", "status": 111}]}))
    assert [row.number async for row in canned.client.get_report(428)] == ["0049 151"]
    canned = Canned(ok(order={"id": 428, "status": 114, "message": [{"number": "+49 1512 3456789", "status": 111}]}))
    assert [row.number async for row in canned.client.get_report(428)] == ["+4915123456789"]


@pytest.mark.parametrize("write", [int, str])
async def test_the_later_fields_of_an_order(write: type) -> None:
    """Counters, times, sender and price, as numbers or strings; times are Turkish."""
    canned = Canned(
        ok(
            order={
                "id": write(428), "status": write(114), "total": write(5), "delivered": write(4),
                "undelivered": write(1), "waiting": write(0), "submitAt": "2026-05-01 10:00:00",
                "sendAt": "2026-05-01 10:00:05", "sender": "FIRMA", "price": "1.2500",
                "message": {"number": "5301234567", "status": 111},
            }
        )
    )  # fmt: skip
    assert await canned.client.get_order(428) == OrderReport(
        id=428, status=OrderStatus.COMPLETED, total=5, delivered=4, undelivered=1, waiting=0,
        submitted_at=datetime(2026, 5, 1, 10, 0, tzinfo=TRT), sent_at=datetime(2026, 5, 1, 10, 0, 5, tzinfo=TRT),
        sender="FIRMA", price=Decimal("1.25"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("0,0372", "0.0372"), ("0,0000", "0"), ("1", "1"), (1, "1"), (0.5, "0.5"), (" 1.2500 ", "1.25"), ("1,5", "1.5"),
        ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1234567,8", "1234567.8"), ("-0,5", "-0.5"),
        ("1,2,3", None), ("1.2,3", None), ("1,", None), (",5", None), ("1.2.3", None), ("1,234,5", None), ("x,5", None),
    ],
)  # fmt: skip
async def test_prices(price: object, amount: str | None) -> None:
    """A price has a decimal comma or a point, as text or as a number; what is no amount is none."""
    canned = Canned(ok(order={"id": 428, "status": 114, "price": price, "message": []}))
    assert (await canned.client.get_order(428)).price == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize("nothing", [None, "", "-", "0000-00-00 00:00:00", [], {}, "0001-01-01T00:00:00+14:00"])
async def test_later_fields_that_tell_nothing_are_none(nothing: object) -> None:
    """A field in an unexpected form is as good as a missing one."""
    fields = dict.fromkeys(["total", "delivered", "submitAt", "sendAt", "price", "sender"], nothing)
    canned = Canned(ok(order={"id": 428, "status": 114, **fields, "message": []}))
    report = await canned.client.get_order(428)
    assert (report.total, report.delivered, report.submitted_at, report.sent_at, report.price) == (None,) * 5


@pytest.mark.parametrize("single", [True, False])
async def test_orders_in_a_range(single: bool) -> None:
    """A list of orders, or the one order alone; the count as a string."""
    order = {"id": "7", "status": "113", "total": "2", "submitAt": "2026-05-01 10:00:00", "sender": "FIRMA"}
    canned = Canned(ok(count="1", orders=order if single else [order]))
    (report,) = [order async for order in canned.client.get_reports(date(2026, 5, 1), date(2026, 5, 1))]
    assert report == OrderReport(
        7, OrderStatus.SENDING, total=2, submitted_at=datetime(2026, 5, 1, 10, tzinfo=TRT), sender="FIRMA"
    )
    assert len(canned.requests) == 1


# Answers: refusals.

CLASSES = {
    400: ApiError, 401: im.AuthenticationError, 402: im.InsufficientBalanceError, 403: im.ConsentError, 404: ApiError,
    422: ApiError, 429: UnavailableError, 450: im.SenderError, 451: im.DuplicateOrderError, 452: im.RecipientError,
    453: im.TextTooLongError, 454: im.EmptyTextError, 455: im.OrderNotFoundError, 456: im.OrderNotDueError,
    457: im.ScheduleError, 458: im.DateRangeError, 459: im.SenderError, 460: im.SenderError, 461: ApiError,
    464: ApiError, 466: im.RecipientError, 468: im.ConsentError, 469: im.ConsentError, 470: im.ConsentError,
    474: im.BlacklistError, 503: UnavailableError, 999: ApiError,
}  # fmt: skip


@pytest.mark.parametrize("code", CLASSES)
@pytest.mark.parametrize("http_status", ["code", 200])
@pytest.mark.parametrize("write", [int, str])
async def test_each_code_has_its_class(code: int, http_status: object, write: type) -> None:
    """The code in the JSON decides: as integer or string, repeated by the HTTP status or inside a 200."""
    status = code if http_status == "code" else 200
    canned = Canned(httpx.Response(status, json=refusal(write(code), "Üyelik bilgileri hatalı")))
    with pytest.raises(ApiError) as caught:
        await canned.client.get_balance()
    assert type(caught.value) is CLASSES[code]
    assert caught.value.code == code
    assert caught.value.http_status == status
    assert caught.value.operation == "get-balance"
    assert caught.value.message == "Üyelik bilgileri hatalı"


async def test_a_refused_key_is_told_where_the_switch_is() -> None:
    """The most common first failure is a correct key with API access off."""
    canned = Canned(refusal(401))
    with pytest.raises(im.AuthenticationError, match="Settings / Security / Access Permissions"):
        await canned.client.get_balance()


@pytest.mark.parametrize("message", [None, 5, "", [], ..., "x" * 10_000, "a\nb\x00c"])
async def test_any_message_will_do(message: object) -> None:
    """The code counts; the words are shortened to one line."""
    status: dict[str, object] = {"code": 402}
    if message is not ...:
        status["message"] = message
    canned = Canned({"response": {"status": status}})
    with pytest.raises(im.InsufficientBalanceError) as caught:
        await canned.client.get_balance()
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


# Answers: unusable.

UNUSABLE: list[object] = [
    b"",
    b"<html><body>Bakimdayiz</body></html>",
    b"null",
    b"[]",
    b'"200"',
    b"200",
    b'{"response":',
    b'{"response": {"status": {"code": 200}, "balance": {"amount": "0", "sms": "1"',
    b"\xff\xfe",
    b"[" * 100_000,
    {},
    {"response": None},
    {"response": []},
    {"response": {}},
    {"response": {"status": "200"}},
    {"response": {"status": {}}},
    {"response": {"status": {"code": None}}},
    {"response": {"status": {"code": True}}},
    {"response": {"status": {"code": 200.5}}},
    {"response": {"status": {"code": "iki yuz"}}},
    {"response": {"status": {"code": [200]}}},
    {"response": {"status": {"code": "9" * 5000}}},
    {"status": {"code": 200}},
]


@pytest.mark.parametrize("answer", UNUSABLE, ids=lambda answer: repr(answer)[:40])
async def test_an_answer_that_is_not_the_service_s_is_no_answer(answer: object) -> None:
    """Truncated, foreign or without a code: asked again, then a TransportError."""
    canned = Canned(answer, retry=Retry(attempts=2, wait_initial=0))
    with pytest.raises(TransportError) as caught:
        await canned.client.get_balance()
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert len(canned.requests) == 2


@pytest.mark.parametrize(
    "balance", [None, [], {}, {"amount": "0"}, {"sms": 1}, {"amount": "x", "sms": 1}, {"amount": "NaN", "sms": 1},
                {"amount": "0", "sms": "1.5"}, {"amount": True, "sms": 1}, {"amount": "0", "sms": None},
                {"amount": "1e999999999", "sms": 1}, {"amount": 1e300, "sms": 1}, {"amount": "1e-999999", "sms": 1}],
)  # fmt: skip
async def test_a_success_without_its_payload_is_no_answer(balance: object) -> None:
    """Half an answer is asked for again."""
    canned = Canned(ok(balance=balance), ok(balance={"amount": "0", "sms": 1}))
    assert await canned.client.get_balance() == Balance(Decimal(0), 1)
    assert len(canned.requests) == 2


BROKEN_ROWS: list[object] = [
    None,
    5,
    [],
    {},
    {"number": "5301234567"},
    {"status": 111},
    {"number": None, "status": 111},
    {"number": [], "status": 111},
    {"number": True, "status": 111},
    {"number": "5301234567", "status": []},
    {"number": "5301234567", "status": "x"},
]


@pytest.mark.parametrize("row", BROKEN_ROWS)
async def test_a_broken_row_fails_the_page(row: object) -> None:
    """No row is dropped in silence."""
    canned = Canned(ok(order={"id": 1, "status": 114, "message": [row]}), retry=Retry(attempts=1))
    with pytest.raises(TransportError):
        await anext(canned.client.get_report(1))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_never_followed(status: int) -> None:
    """The body carries the credentials, and where it goes is not for a server to say."""
    redirect = httpx.Response(status, headers={"Location": "https://elsewhere.example/"})
    canned = Canned(redirect, retry=Retry(attempts=1))
    canned.http.follow_redirects = True
    with pytest.raises(TransportError, match="redirection"):
        await canned.client.get_balance()
    assert [request.url.host for request in canned.requests] == ["api.iletimerkezi.com"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """Whatever comes is an outcome; nothing is raised past the raw body."""
    outcome = read_answer(get_balance(), RawAnswer(200, body, {}), str)
    assert isinstance(outcome, Lost)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {"status": st.fixed_dictionaries({"code": st.sampled_from([200, "200"])})},
        optional={"order": JSON | st.fixed_dictionaries({"id": JSON, "status": JSON, "message": JSON})},
    )
)
def test_no_json_breaks_the_report_reader(response: dict[str, object]) -> None:
    """A success with any payload is a page or a lost answer."""
    body = json.dumps({"response": response}).encode()
    outcome = read_answer(get_report_call(1, 1, 1), RawAnswer(200, body, {}), str)
    assert isinstance(outcome, (Answered, Lost))


ROWS = st.fixed_dictionaries(
    {"number": st.sampled_from(["+905301234567", "5301234567", 5301234567, "+4915112345678", "05301234567XY", None])},
    optional={"status": st.sampled_from([110, "111", 112, 111.0, "119", 119, True, None, [110]])},
)


@given(st.lists(ROWS, max_size=6))
def test_rows_are_read_together_as_each_alone(rows: list[dict[str, object]]) -> None:
    """A page whose rows are all of the usual kind is read a quicker way, with the very same result."""

    def read(*these: object) -> list[Delivery] | None:
        body = json.dumps(ok(order={"id": 1, "status": 114, "message": these})).encode()
        outcome = read_answer(get_report_call(1, 1, 1000), RawAnswer(200, body, {}), str)
        return list(outcome.value) if isinstance(outcome, Answered) else None

    alone = [read(row) for row in rows]
    assert read(*rows) == (None if None in alone else [delivery for one in alone if one for delivery in one])


def test_a_body_prints_its_length_alone() -> None:
    """It holds the credentials."""
    assert repr(Body(b"secret")) == str(Body(b"secret")) == "<Body of 6 bytes>"
