"""The wire: for each operation the request it makes, how its answer is read, and whether it may be repeated.

Nothing here does I/O. A `Call` goes down to the transport, which brings back an `Outcome` by way of `read_answer`.
Whatever arrives from outside is read leniently in its types and strictly in its meaning: codes, ids and counters come
as integers or strings, a repeated element as a list, a single value or one of several kinds of nothing, and fields
that the provider documented later may be missing.

A function that is given a number returns its complaint, for the reason that `draft` gives.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from itertools import repeat
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

import orjson
from attrs import frozen

from .credentials import Body
from .errors import ApiError, ConfigurationError, RecipientError, TransportError, UnavailableError, api_error
from .models import (
    TURKISH_TIME,
    AsRead,
    Balance,
    Consent,
    Delivery,
    Iys,
    MessageStatus,
    Number,
    Order,
    OrderReport,
    OrderStatus,
)
from .numbers import clean_number, find_flaw, mask, spell
from .reading import (
    Json,
    UnreadableError,
    is_nothing,
    optional,
    read_container,
    read_decimal,
    read_int,
    read_items,
    read_number,
    read_object,
    read_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .consents import Question
    from .dates import Window
    from .draft import Draft

__all__ = [
    "REPORTS_DAYS",
    "SEND_WINDOW",
    "Answered",
    "BlacklistPage",
    "Call",
    "Kind",
    "Lost",
    "NotSent",
    "OrdersPage",
    "Outcome",
    "RawAnswer",
    "Refused",
    "ReportPage",
    "add_blacklist",
    "cancel_order",
    "check_consent",
    "delete_blacklist",
    "get_balance",
    "get_blacklist",
    "get_report",
    "get_reports",
    "get_senders",
    "read_answer",
    "register_consents",
    "send_sms",
]

T = TypeVar("T")

_OK = 200
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_SERVER_ERRORS = 500
# What is wrong with a request in itself, and not with the account or the moment.
_CONTENT_CODES = frozenset({400, 404, 422, 450, 452, 453, 454, 457, 458, 459, 460, 464, 466, 468, 469, 470})


class Kind(Enum):
    """What repeating a request can do. The retry loop reads nothing else."""

    REPEATABLE = "repeatable"
    """No harm: it reads, or doing it twice is doing it once."""
    GUARDED = "guarded"
    """No harm, as the service refuses the second and so tells that the first was taken."""
    ONCE = "once"
    """It would be done twice: repeated only when it surely never left."""


@frozen(eq=False, repr=False)
class Call(Generic[T]):
    """One request, ready to be sent.

    Attributes:
        operation: The service's name for it, which is also its path.
        kind: Whether it may be repeated.
        fields: What stands beside `authentication`: a JSON object.
        read: Turns the `response` object of a successful answer into the result; raises `UnreadableError`.
        about: What it is about, fit for a log.
        recipients: How many SMS it asks for, for pacing.
        taken_code: The refusal which, after a lost answer, tells that the first attempt was taken.
        traceable: Whether it can be told afterwards, from other operations, if it was taken.
        window: For how many seconds after the first attempt began it may be repeated.
    """

    operation: str
    kind: Kind
    fields: Body
    read: Callable[[Json], T]
    about: str = ""
    recipients: int = 0
    taken_code: int | None = None
    traceable: bool = False
    window: float | None = None

    def __repr__(self) -> str:
        return f"<Call of {self.operation}>"


# What an attempt can end in.


@frozen(eq=False, repr=False)
class Answered(Generic[T]):
    """The service did what was asked."""

    value: T


@frozen(eq=False, repr=False)
class Refused:
    """The service said no: surely nothing was done."""

    error: ApiError
    retry_after: float | None = None
    date: datetime | None = None

    @property
    def later(self) -> bool:
        """Whether the service asks to come back later."""
        return self.error.code in {_TOO_MANY_REQUESTS, _UNAVAILABLE}

    @property
    def broken(self) -> bool:
        """Whether it is the service's own failure."""
        return self.error.code >= _SERVER_ERRORS

    @property
    def content(self) -> bool:
        """Whether the request itself is at fault, so that most likely any other attempt with it was refused as well."""
        return self.error.code in _CONTENT_CODES


@frozen(eq=False, repr=False)
class Lost:
    """The request left, or may have; what became of it is not known."""

    error: TransportError | UnavailableError
    retry_after: float | None = None


@frozen(eq=False, repr=False)
class NotSent:
    """The request surely never left."""

    error: TransportError | ConfigurationError


Outcome: TypeAlias = Answered[T] | Refused | Lost | NotSent


@frozen(eq=False, repr=False)
class RawAnswer:
    """An HTTP answer, before it is known whether it is the service's.

    Attributes:
        http_status: Its HTTP status.
        body: Its body.
        headers: Its headers; looked up in any case of letters.
    """

    http_status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def date(self) -> datetime | None:
        """When it was written, by the server's clock."""
        return _http_date(self.headers.get("Date"))

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to wait."""
        return _retry_after(self.headers.get("Retry-After"), self.date)


def read_answer(call: Call[T], raw: RawAnswer, scrub: Callable[[str], str]) -> Outcome[T]:
    """Tell what an answer means for a call. It raises nothing, so that no traceback passes by the raw body.

    The code inside the JSON decides, not the HTTP status. An answer without such a code, or a success without its
    payload, is a lost one: a gateway has spoken, or half the answer is missing.

    Args:
        call: What was asked.
        raw: What came back.
        scrub: Removes secrets from the service's message.
    """
    try:
        response = read_object(read_object(orjson.loads(raw.body)).get("response"))
        status = read_object(response.get("status"))
        code = read_int(status.get("code"))
    except (orjson.JSONDecodeError, UnreadableError):
        return _foreign(call.operation, raw)
    if code != _OK:
        message = _message(status.get("message"), scrub)
        pause = raw.retry_after
        error = api_error(code, message, call.operation, raw.http_status, retry_after=pause)
        return Refused(error, pause, raw.date)
    try:
        return Answered(call.read(response))
    except UnreadableError as complaint:
        reason = f"the answer says success, but {complaint}"
    return Lost(TransportError(reason, call.operation, raw.http_status))


def _foreign(operation: str, raw: RawAnswer) -> Refused | Lost:
    """The answer of something that stands in front of the service, or half of one of its own."""
    status = raw.http_status
    pause = raw.retry_after
    if status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}:
        error = UnavailableError(status, "temporarily unavailable", operation, status, retry_after=pause)
        # 429 says that the request was turned away. 503 comes from a gateway that may have passed it on.
        return (Refused if status == _TOO_MANY_REQUESTS else Lost)(error, pause)
    reason = f"HTTP {status} with a body that is not the service's JSON"
    if 300 <= status < 400:  # noqa: PLR2004 - the redirections of HTTP
        reason = f"HTTP {status}, a redirection, which is never followed as the body carries the credentials"
    return Lost(TransportError(reason, operation, status), pause)


# get-balance


def get_balance() -> Call[Balance]:
    """Ask for the balance."""
    return Call("get-balance", Kind.REPEATABLE, _fields({}), read_balance)


def read_balance(response: Json) -> Balance:
    """Read `balance: {amount, sms}`."""
    balance = read_object(response.get("balance"))
    return Balance(read_decimal(balance.get("amount")), read_int(balance.get("sms")))


# send-sms


#: The service recognises a repeated order for 10 minutes; a tenth of that is left for the way.
SEND_WINDOW = 9 * 60.0
_DUPLICATE = 451


def send_sms(draft: Draft) -> Call[Order]:
    """Ask for an order to be sent.

    `receipents` is the wire's spelling. The schedule goes without seconds: with them the service would send at once.
    """
    order: dict[str, object] = {"sender": draft.sender}
    if draft.send_at is not None:
        order["sendDateTime"] = [draft.send_at.strftime("%d/%m/%Y %H:%M")]
    if draft.iys is Iys.OFF:
        order["iys"] = "0"
    else:
        order["iys"] = "1"
        order["iysList"] = draft.iys.value
    messages = [{"text": text, "receipents": {"number": numbers}} for text, numbers in draft.messages.items()]
    order["message"] = messages[0] if len(messages) == 1 else messages

    def read_order(response: Json) -> Order:
        """Read `order: {id}`."""
        return Order(read_int(read_object(response.get("order")).get("id")), draft.recipients)

    return Call(
        "send-sms",
        Kind.GUARDED,
        _fields({"order": order}),
        read_order,
        about=draft.about,
        recipients=draft.recipients,
        taken_code=_DUPLICATE,
        traceable=True,
        window=SEND_WINDOW,
    )


# get-report


@frozen(eq=False, repr=False)
class ReportPage:
    """A page of an order's report: the order's own state, and the rows of this page.

    Rows are made as they are asked for. They come by the million, and Python's garbage collector would look at those
    that wait again and again, and because of them at everything else.
    """

    order: OrderReport
    _numbers: list[str]
    _statuses: list[MessageStatus]

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Delivery]:
        # As `Delivery(number, status)` does it, at half the price.
        return map(tuple[str, MessageStatus].__new__, repeat(Delivery), zip(self._numbers, self._statuses))


def get_report(order_id: int, page: int, row_count: int) -> Call[ReportPage]:
    """Ask for a page (from 1) of an order's report, of `row_count` (at most 1000) rows."""
    order = {"id": order_id, "page": page, "rowCount": row_count}
    return Call("get-report", Kind.REPEATABLE, _fields({"order": order}), read_report_page)


def read_report_page(response: Json) -> ReportPage:
    """Read `order: {id, status, message: [{number, status}], …}`."""
    order = read_object(response.get("order"))
    return ReportPage(_order_report(order), *_read_rows(read_items(order.get("message"))))


_MESSAGE_STATUS: dict[object, MessageStatus] = {
    key: status for status in MessageStatus for key in (int(status), str(int(status)))
}
_E164_LENGTH = len("+905301234567")


def _read_rows(items: list[object]) -> tuple[list[str], list[MessageStatus]]:
    rows = cast("list[Json]", items)
    try:
        # As they usually come, in a third of the time that a look at each value takes.
        numbers = cast("list[str]", [row["number"] for row in rows])
        statuses = [_MESSAGE_STATUS[row["status"]] for row in rows]
        if _are_e164(numbers):
            return numbers, statuses
    except (LookupError, TypeError):
        pass
    rows = [read_object(item) for item in items]
    return [read_number(row.get("number")) for row in rows], [_message_status(row.get("status")) for row in rows]


def _are_e164(numbers: list[str]) -> bool:
    """Whether each is `+905` and nine characters more; raises `TypeError` where one is not even text."""
    text = "".join(numbers)
    prefixes = (text[place::_E164_LENGTH] for place in range(4))
    return len(text) == _E164_LENGTH * len(numbers) and all(
        prefix == letter * len(numbers) for prefix, letter in zip(prefixes, "+905")
    )


def _message_status(code: object) -> MessageStatus:
    status = _MESSAGE_STATUS.get(code) if isinstance(code, (int, float, str)) else None
    return MessageStatus(read_int(code)) if status is None else status


# get-reports


#: The most days from `start` to `end` in one request (source: the provider's documentation of `get-reports`).
REPORTS_DAYS = 10


@frozen(eq=False, repr=False)
class OrdersPage:
    """A page of the orders in a range: how many there are in all, where the service says so, and those of this page."""

    count: int | None
    orders: list[OrderReport]


def get_reports(start: date, end: date, page: int) -> Call[OrdersPage]:
    """Ask for a page (from 1) of the orders submitted from `start` to `end`, both days included."""
    where = {"start": start.isoformat(), "end": end.isoformat(), "page": page}
    return Call("get-reports", Kind.REPEATABLE, _fields({"filter": where}), read_orders_page)


def read_orders_page(response: Json) -> OrdersPage:
    """Read `count` and `orders: [{id, status, total, …}]`."""
    orders = [_order_report(read_object(item)) for item in read_items(response.get("orders"))]
    return OrdersPage(optional(read_int, response.get("count")), orders)


def _order_report(order: Json) -> OrderReport:
    sender = order.get("sender")
    return OrderReport(
        id=read_int(order.get("id")),
        status=OrderStatus(read_int(order.get("status"))),
        total=optional(read_int, order.get("total")),
        delivered=optional(read_int, order.get("delivered")),
        undelivered=optional(read_int, order.get("undelivered")),
        waiting=optional(read_int, order.get("waiting")),
        submitted_at=optional(read_time, order.get("submitAt")),
        sent_at=optional(read_time, order.get("sendAt")),
        sender=sender if isinstance(sender, str) and sender else None,
        price=optional(read_decimal, order.get("price")),
    )


# cancel-order


_NOT_FOUND = 455


def cancel_order(order_id: int) -> Call[None]:
    """Ask for an order not to be sent."""
    fields = _fields({"order": {"id": order_id}})
    return Call("cancel-order", Kind.GUARDED, fields, _read_nothing, about=f"{order_id}", taken_code=_NOT_FOUND)


# get-sender


def get_senders() -> Call[tuple[str, ...]]:
    """Ask for the approved senders."""
    return Call("get-sender", Kind.REPEATABLE, _fields({}), read_senders)


def read_senders(response: Json) -> tuple[str, ...]:
    """Read `senders: {sender: [..]}`. A sender stays exactly as it is approved: case and spaces matter."""
    return tuple(map(_sender, read_items(read_container(response.get("senders")).get("sender"))))


def _sender(value: object) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
        return str(value)
    raise UnreadableError("a sender is missing")


# get-blacklist, add-blacklist, delete-blacklist


@frozen(eq=False, repr=False)
class BlacklistPage:
    """A page of the blocked numbers: how many there are in all, in or out of the window, and those of the page."""

    count: int | None
    numbers: list[str]


def get_blacklist(page: int, row_count: int, window: Window | None) -> Call[BlacklistPage]:
    """Ask for a page (from 1) of the numbers blocked within a window, of `row_count` (at most 1000) rows."""
    blacklist: dict[str, object] = {"page": page, "rowCount": row_count}
    if window is not None:
        blacklist["filter"] = {"start": _wire_time(window.start), "end": _wire_time(window.end)}
    return Call("get-blacklist", Kind.REPEATABLE, _fields({"blacklist": blacklist}), read_blacklist_page)


def read_blacklist_page(response: Json) -> BlacklistPage:
    """Read `blacklist: {count, number: [..]}`."""
    if "blacklist" not in response:
        raise UnreadableError("the list is missing")
    blacklist = read_container(response["blacklist"])
    numbers = [read_number(item) for item in read_items(blacklist.get("number"))]
    return BlacklistPage(optional(read_int, blacklist.get("count")), numbers)


_NOT_BLOCKED = 474


def add_blacklist(number: Number) -> Call[None] | RecipientError:
    """Ask for a number to be blocked; or the complaint that it is none."""
    return _blacklist_call("add-blacklist", Kind.REPEATABLE, number)


def delete_blacklist(number: Number) -> Call[None] | RecipientError:
    """Ask for a number to be blocked no longer; or the complaint that it is none."""
    return _blacklist_call("delete-blacklist", Kind.GUARDED, number, taken_code=_NOT_BLOCKED)


def _blacklist_call(
    operation: str, kind: Kind, given: Number, *, taken_code: int | None = None
) -> Call[None] | RecipientError:
    number = clean_number(given)
    if number is None:
        return RecipientError(466, f"{find_flaw(given)} (see `numbers`)", operation, numbers=(spell(given),))
    fields = _fields({"blacklist": {"number": number}})
    return Call(operation, kind, fields, _read_nothing, about=mask(number), taken_code=taken_code)


# consent/create and consent/show


def register_consents(brand_code: str, consents: Sequence[Consent]) -> Call[None]:
    """Ask for consents, 1 to 5,000 that were checked, to be registered: all or none."""
    records = [
        {
            "recipient": consent.recipient,
            "recipientType": consent.recipient_type,
            "type": consent.type,
            "status": consent.status,
            "source": consent.source,
            "consentDate": _wire_time(consent.consent_date),
        }
        for consent in consents
        if consent.consent_date is not None
    ]
    fields = _fields({"consent": {"brandCode": brand_code, "list": records}})
    return Call("consent/create", Kind.ONCE, fields, _read_nothing, about=f"of {len(records)} records")


def check_consent(question: Question) -> Call[Consent | None]:
    """Ask for a recipient's consent; `None` where the answer holds none."""
    fields = {
        "brandCode": question.brand_code,
        "recipient": question.recipient,
        "recipientType": question.recipient_type,
        "type": question.type,
    }

    def read_consent(response: Json) -> Consent | None:
        """Read `consent: {recipient, recipientType, type, status, source, consentDate}`, or nothing in its place."""
        records = read_items(response.get("consent"))
        if not records:
            return None
        told = {name: value for name, value in read_object(records[0]).items() if not is_nothing(value)}
        return _consent({**fields, **told})

    return Call("consent/show", Kind.REPEATABLE, _fields({"consent": fields}), read_consent)


def _consent(record: Json) -> Consent:
    return Consent(
        read_number(record.get("recipient")),
        _word(record.get("recipientType")),
        _word(record.get("type")),
        _word(record.get("status")),
        optional(_word, record.get("source")) or AsRead(""),
        optional(read_time, record.get("consentDate")),
    )


def _word(value: object) -> AsRead:
    if isinstance(value, str) and value:
        return AsRead(value)
    raise UnreadableError("a word is missing")


# What a call and an answer have around their contents.


def _fields(fields: Mapping[str, object]) -> Body:
    return Body(orjson.dumps(fields))


def _wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, Turkish time."""
    return moment.astimezone(TURKISH_TIME).replace(tzinfo=None).isoformat(" ", "seconds")


def _read_nothing(_: Json) -> None:
    """Read the answer that says success and has nothing to add."""


_LONGEST_MESSAGE = 200
# A clock that was never set shows 1970.
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2999
_DIGITS = re.compile(r"\+?\d[\d ]{5,}\d")


def _message(value: object, scrub: Callable[[str], str]) -> str:
    """The service's words, safe to print: one line, shortened, secrets and numbers masked."""
    if not isinstance(value, str):
        return ""
    # Secrets first, and in the whole text: cut or masked in part they would not be found.
    return _DIGITS.sub("***", " ".join(scrub(value).split()))[:_LONGEST_MESSAGE]


def _http_date(value: str | None) -> datetime | None:
    """The time of a `Date` header, aware; one that no clock shows is none, as nothing could be reckoned with it."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if not _EARLIEST_YEAR <= date.year <= _LATEST_YEAR:
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _retry_after(value: str | None, date: datetime | None) -> float | None:
    """Seconds of a `Retry-After` header, in both of its forms.

    Args:
        value: The header, if there is one.
        date: The answer's own `Date`, against which a date is taken; else this machine's clock.
    """
    if value is None:
        return None
    if value.strip().isdecimal() and len(value) < 10:  # noqa: PLR2004 - a longer one is no number of seconds
        return float(value)
    when = _http_date(value)
    if when is None:
        return None
    return max(0.0, (when - (date or datetime.now(timezone.utc))).total_seconds())
