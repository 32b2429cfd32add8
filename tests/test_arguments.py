"""Single arguments of the wrong kind: an error of ours before any request, which says what is expected."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo

import pytest
from canned import Canned, ok
from frames import everything_of

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    ConfigurationError,
    Consent,
    ConsentError,
    DateRangeError,
    IletimerkeziError,
    Iys,
    Message,
    Order,
    OrderReport,
    OrderStatus,
    RecipientError,
    RecipientType,
    ScheduleError,
    SenderError,
)

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
#: What arguments that were mixed up may hold.
SECRET = "Kodunuz 987654"
TRT = timezone(timedelta(hours=3))
DAY, DUE = date(2026, 11, 1), datetime(2099, 1, 1, 9, 0, tzinfo=TRT)
NAIVE = datetime(2099, 1, 1, 9, 0)  # noqa: DTZ001 - the point
#: As pytz gives it where it is handed to `datetime` instead of being asked to `localize`.
ODD = datetime(2099, 1, 1, 9, 0, tzinfo=timezone(timedelta(hours=1, minutes=56)))

Call = Callable[[AsyncClient, object], object]


class Missing(datetime):
    """Like pandas' missing time: a datetime whose offset is no duration."""

    def utcoffset(self) -> timedelta:
        return math.nan  # type: ignore[return-value]  # the point


def consent(**fields: object) -> Consent:
    usual: dict[str, object] = {
        "recipient": NUMBER, "recipient_type": "BIREYSEL", "type": "MESAJ", "status": "ONAY", "source": "HS_WEB",
        "consent_date": datetime.now(timezone.utc),
    }  # fmt: skip
    return Consent(**(usual | fields))  # type: ignore[arg-type]  # of any type


async def perform(client: AsyncClient, call: Call, value: object) -> object:
    result = call(client, value)
    return await result if inspect.isawaitable(result) else result


#: Of each argument: how it is given, the class of the error, what its text says, and values that it refuses.
WRONG: list[tuple[str, Call, type[IletimerkeziError], str, list[object]]] = [
    *(
        (name, call, ConfigurationError, r"`order_id` must be the order's number \(`order.id`\), its digits,",
         [None, True, "", "abc", "-5", "4.5", "٤٢٨", -5, 0, 4.5, math.nan, b"428", [428], 2**63, "9" * 20, SECRET,
          Order(0, 1)])
        for name, call in [
            ("get_report", lambda c, x: c.get_report(x)), ("get_order", lambda c, x: c.get_order(x)),
            ("wait_for_order", lambda c, x: c.wait_for_order(x)), ("cancel_order", lambda c, x: c.cancel_order(x)),
        ]
    ),
    ("page_size", lambda c, x: c.get_report(1, page_size=x), ConfigurationError,
     "`page_size` must be a whole number from 1 to 1000", ["10", None, True, 1.5, 0, -1, 1001, [1], SECRET]),
    ("read_ahead", lambda c, x: c.get_report(1, read_ahead=x), ConfigurationError,
     "`read_ahead` must be a whole number of at least 1", ["10", None, True, 1.5, 0, -1, [1], SECRET]),
    *(
        (name, call, ConfigurationError, f"`{name}` must be a whole number", ["10", None, True, 1.5, 0, -1, SECRET])
        for name, call in [
            ("batch_size", lambda c, x: c.send_bulk("Metin", [NUMBER], batch_size=x)),
            ("batch_size", lambda c, x: c.send_bulk_messages([Message("Metin", NUMBER)], batch_size=x)),
            ("concurrency", lambda c, x: c.send_bulk("Metin", [NUMBER], concurrency=x)),
            ("concurrency", lambda c, x: c.send_bulk_messages([Message("Metin", NUMBER)], concurrency=x)),
        ]
    ),
    ("batch_size", lambda c, x: c.send_bulk("Metin", [NUMBER], batch_size=x), ConfigurationError,
     "`batch_size` must be a whole number from 1 to 50000", [50_001]),
    ("on_progress", lambda c, x: c.send_bulk("Metin", [NUMBER], on_progress=x), ConfigurationError,
     "`on_progress` must be a function", [5, "print", True, SECRET]),
    ("timeout", lambda c, x: c.wait_for_order(1, timeout=x), ConfigurationError,
     "`timeout` must be a number of seconds or None", ["5", math.nan, True, [5], timedelta(seconds=5), SECRET]),
    *(
        (f"{name} {method}", call, DateRangeError, f"`{name}` (must be a date or an aware datetime|has)",
         ["2026-11-01", 20261101, 1.5, True, [DAY], SECRET, NAIVE, ODD, Missing(2099, 1, 1, tzinfo=TRT)])
        for name, method, call in [
            ("start", "get_reports", lambda c, x: c.get_reports(x, DAY)),
            ("end", "get_reports", lambda c, x: c.get_reports(DAY, x)),
            ("start", "get_blacklist", lambda c, x: c.get_blacklist(x, DAY)),
            ("end", "get_blacklist", lambda c, x: c.get_blacklist(DAY, x)),
        ]
    ),
    ("start", lambda c, x: c.get_reports(x, DAY), DateRangeError, "`start` must be a date", [None]),
    *(
        (f"send_at {name}", call, ScheduleError, "the scheduled time (must be an aware datetime|has)",
         ["2030-01-01 09:00", date(2099, 1, 1), 4085000000, 4085000000.5, True, [DUE], SECRET, NAIVE, ODD,
          Missing(2099, 1, 1, tzinfo=TRT)])
        for name, call in [
            ("send_sms", lambda c, x: c.send_sms("Metin", NUMBER, send_at=x)),
            ("send_messages", lambda c, x: c.send_messages([Message("Metin", NUMBER)], send_at=x)),
            ("send_bulk", lambda c, x: c.send_bulk("Metin", [NUMBER], send_at=x)),
            ("send_bulk_messages", lambda c, x: c.send_bulk_messages([Message("Metin", NUMBER)], send_at=x)),
        ]
    ),
    *(
        (f"sender {name}", call, SenderError, "the sender (must be text|is empty|is longer|has)",
         [5, True, b"FIRMA", ["FIRMA"], "", "  ", "\t", " FIRMA", "FIRMA ", "FIRMA\n", "FIR\tMA", "FIR\x00MA",
          "FIR\u200bMA", "FIRM\ud83d", "FİRMA", SECRET])
        for name, call in [
            ("send_sms", lambda c, x: c.send_sms("Metin", NUMBER, sender=x)),
            ("send_messages", lambda c, x: c.send_messages([Message("Metin", NUMBER)], sender=x)),
            ("send_bulk", lambda c, x: c.send_bulk("Metin", [NUMBER], sender=x)),
            ("send_bulk_messages", lambda c, x: c.send_bulk_messages([Message("Metin", NUMBER)], sender=x)),
        ]
    ),
    ("sender of the client", lambda _, x: AsyncClient("k", "h", sender=x), SenderError, "the sender",
     [5, True, b"FIRMA", "", " FIRMA", "FIRMA\n", SECRET]),
    *(
        (f"iys {name}", call, ConfigurationError, "`iys` must be Iys.OFF, Iys.BIREYSEL or Iys.TACIR",
         ["off", "", "EVET", 0, True, [], [Iys.OFF], b"OFF", RecipientType, SECRET])
        for name, call in [
            ("send_sms", lambda c, x: c.send_sms("Metin", NUMBER, iys=x)),
            ("send_bulk", lambda c, x: c.send_bulk("Metin", [NUMBER], iys=x)),
            ("AsyncClient", lambda _, x: AsyncClient("k", "h", iys=x)),
        ]
    ),
    ("messages", lambda c, x: c.send_messages(x), ApiError, "`messages` must be an iterable of Message",
     [None, 5, Message("Metin", NUMBER)]),
    ("messages", lambda c, x: c.send_messages(x), ApiError, "a Message is expected, not ",
     [[None], [SECRET], [(SECRET, NUMBER)], {SECRET: NUMBER}, [Message("Metin", NUMBER), (SECRET, NUMBER)], SECRET]),
    ("to", lambda c, x: c.send_sms(SECRET, x), RecipientError, "recipient",
     [None, True, math.nan, b"0212", [None], {}, (), iter(())]),
    *(
        (f"brand_code {name}", call, ConsentError,
         "`brand_code` must (be text or a positive whole number|not be empty, nor have white space around it)",
         [None, True, 1.5, -5, 0, 10**30, b"KOD", ["KOD"], "", " ", " KOD", "KOD\n", "KO\x00D", "\ud83d"])
        for name, call in [
            ("register_consents", lambda c, x: c.register_consents(x, [consent()])),
            ("check_consent", lambda c, x: c.check_consent(x, NUMBER, recipient_type="BIREYSEL", type="MESAJ")),
        ]
    ),
    ("consents", lambda c, x: c.register_consents("KOD", x), ConfigurationError,
     "`consents` must be an iterable of Consent, not ",
     [None, 5, consent(), [None], [{"recipient": NUMBER}], [consent(), NUMBER], NUMBER, {"recipient": NUMBER}]),
    ("consent_date", lambda c, x: c.register_consents("KOD", [consent(), consent(consent_date=x)]), ConsentError,
     "the date of record 2 of 2 (is missing|must be an aware datetime|has)",
     [None, "2026-11-01 09:00:00", DAY, 1.5, True, SECRET, NAIVE, ODD]),
    *(
        (name, call, ConfigurationError, f"`{name}` must be one of ", [None, True, 5, "", "bireysel", [], {}, SECRET])
        for name, call in [
            ("recipient_type", lambda _, x: consent(recipient_type=x)),
            ("type", lambda _, x: consent(type=x)),
            ("status", lambda _, x: consent(status=x)),
            ("type", lambda c, x: c.check_consent("KOD", NUMBER, recipient_type="BIREYSEL", type=x)),
            ("recipient_type", lambda c, x: c.check_consent("KOD", NUMBER, recipient_type=x, type="MESAJ")),
        ]
    ),
    ("source", lambda _, x: consent(source=x), ConfigurationError, "`source` must be a code of the registry",
     [None, True, 5, "", "hs_web", [], {}, b"HS_WEB", SECRET]),
]  # fmt: skip
CASES = [
    pytest.param(*case[1:4], value, id=f"{case[0]} {value!r:.20}".encode("ascii", "replace").decode())
    for case in WRONG
    for value in case[4]
]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("call", "error", "says", "value"), CASES)
async def test_a_wrong_argument_is_refused_before_any_request(
    call: Call, error: type[IletimerkeziError], says: str, value: object
) -> None:
    """The text names the argument and what is expected; the value is in no frame of ours, and in no text."""
    canned = Canned(ok(order={"id": 1, "status": 114}))
    with pytest.raises(error, match=says) as caught:
        await perform(canned.client, call, value)
    assert not canned.requests
    shown = everything_of(caught.value)
    assert "987654" not in shown
    assert "5301234567" not in shown
    if isinstance(caught.value, ApiError):
        assert caught.value.http_status is None


def test_a_wrong_argument_is_a_value_error() -> None:
    """For whoever expects what Python itself raises; errors of dates as well."""
    client = Canned(ok()).client
    for call in (lambda: client.get_report(1, page_size=0), lambda: client.get_reports("dun", DAY)):
        with pytest.raises(ValueError, match="must be") as caught:
            call()
        assert isinstance(caught.value, IletimerkeziError)


@pytest.mark.parametrize(
    ("value", "name"), [(None, "None"), ("10", "str"), (1.5, "float"), (True, "bool"), (NAIVE, "datetime")]
)
def test_the_type_of_a_wrong_argument_is_named(value: object, name: str) -> None:
    """It says more than that something is wrong, and nothing of the value."""
    with pytest.raises(ConfigurationError, match=f"`page_size` must be a whole number from 1 to 1000, not {name}$"):
        Canned(ok()).client.get_report(1, page_size=value)  # type: ignore[arg-type]  # of any type


@pytest.mark.parametrize("order_id", [428, "428", " 428 ", "0428", Order(428, 1)])
async def test_an_order_s_id_may_come_as_its_digits(order_id: int) -> None:
    """As the service writes it in places, and as it comes out of a URL."""
    canned = Canned(ok(order={"id": "428", "status": 114}))
    expected = OrderReport(428, OrderStatus.COMPLETED)
    assert await canned.client.get_order(order_id) == expected
    assert await canned.client.wait_for_order(order_id, timeout=math.inf) == expected
    assert await canned.client.get_report(order_id).collect() == []
    await canned.client.cancel_order(order_id)
    assert [body["order"]["id"] for body in canned.bodies] == [428] * 4  # type: ignore[index]  # parsed JSON


@pytest.mark.parametrize("brand_code", [696422, "696422"])
async def test_a_brand_code_may_be_a_whole_number(brand_code: int) -> None:
    """As the service writes it in its answers."""
    canned = Canned(ok(consent=[]))
    await canned.client.register_consents(brand_code, [consent()])
    await canned.client.check_consent(brand_code, NUMBER, recipient_type="BIREYSEL", type="MESAJ")
    assert [body["consent"]["brandCode"] for body in canned.bodies] == ["696422"] * 2  # type: ignore[index]  # parsed JSON


async def test_the_choice_about_consent_may_be_its_word() -> None:
    """As configurations hold it."""
    canned = Canned(ok(order={"id": 1}), iys="OFF")
    await canned.client.send_sms("Metin", NUMBER)
    await canned.client.send_sms("Metin", NUMBER, iys="TACIR")  # type: ignore[arg-type]  # untyped callers do
    assert [body["order"]["iys"] for body in canned.bodies] == ["0", "1"]  # type: ignore[index]  # parsed JSON


async def test_a_sender_with_spaces_inside_is_as_it_was_approved() -> None:
    """Spaces matter."""
    canned = Canned(ok(order={"id": 1}), sender="Firma A.S.")
    await canned.client.send_sms("Metin", NUMBER)
    assert canned.bodies[0]["order"]["sender"] == "Firma A.S."  # type: ignore[index]  # parsed JSON


class Summer(tzinfo):
    """Central Europe on 2099-10-25: an hour that comes twice, told apart by `fold`."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        return timedelta(hours=2 if moment.hour < 2 or (moment.hour == 2 and not moment.fold) else 1)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)


@pytest.mark.parametrize(("fold", "wire"), [(0, "25/10/2099 03:30"), (1, "25/10/2099 04:30")])
async def test_an_hour_that_comes_twice_is_told_apart(fold: int, wire: str) -> None:
    """By `fold`, as the time zone says."""
    canned = Canned(ok(order={"id": 1}))
    due = datetime(2099, 10, 25, 2, 30, tzinfo=Summer(), fold=fold)
    await canned.client.send_sms("Metin", NUMBER, send_at=due)
    assert canned.bodies[0]["order"]["sendDateTime"] == [wire]  # type: ignore[index]  # parsed JSON


async def test_a_source_that_breaks_shows_nothing_of_what_was_given() -> None:
    """Of recipients, consents and messages; the caller's own error passes, and no frame of ours holds a value."""

    def broken(*first: object) -> Iterator[object]:
        yield from first
        raise OSError("the disk is gone")

    client = Canned(ok(order={"id": 1})).client
    calls: list[Call] = [
        lambda c, _: c.send_sms(SECRET, broken(NUMBER)),  # type: ignore[arg-type]  # of any type
        lambda *_: Message(SECRET, broken(NUMBER)),  # type: ignore[arg-type]  # of any type
        lambda c, _: c.send_messages(broken(Message(SECRET, NUMBER))),  # type: ignore[arg-type]
        lambda c, _: c.register_consents(SECRET, broken(consent(), consent())),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            await perform(client, call, None)
        shown = everything_of(caught.value)
        assert "987654" not in shown
        assert "5301234567" not in shown
