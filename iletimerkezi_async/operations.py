"""The wire: for each operation the request it makes, how its answer is read, and whether it may be repeated.

Nothing here does I/O. A `Call` goes down to the transport, which brings back an `Outcome` by way of `read_answer`.
Whatever arrives from outside is read leniently in its types and strictly in its meaning: codes, ids and counters come
as integers or strings, a repeated element as a list, a single value or one of several kinds of nothing, and fields
that the provider documented later may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

import orjson
from attrs import frozen

from .credentials import Body
from .errors import ApiError, TransportError, UnavailableError, api_error
from .models import TURKISH_TIME, Balance, Delivery, Iys, MessageStatus, Order, OrderReport, OrderStatus
from .numbers import clean_number

if TYPE_CHECKING:
    from .draft import Draft

__all__ = [
    "REPORTS_DAYS",
    "SEND_WINDOW",
    "Answered",
    "Call",
    "Kind",
    "Lost",
    "NotSent",
    "OrdersPage",
    "Outcome",
    "RawAnswer",
    "Refused",
    "ReportPage",
    "get_balance",
    "get_report",
    "get_reports",
    "read_answer",
    "send_sms",
]

T = TypeVar("T")
Json: TypeAlias = Mapping[str, object]

_OK = 200
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_SERVER_ERRORS = 500
# What is wrong with a request in itself, and not with the account or the moment.
_CONTENT_CODES = frozenset({400, 404, 422, 450, 453, 454, 457, 458, 459, 460, 464, 468, 469, 470})


class Kind(Enum):
    """What repeating a request can do. The retry loop reads nothing else."""

    REPEATABLE = "repeatable"
    """No harm: it reads, or doing it twice is doing it once."""
    GUARDED = "guarded"
    """No harm, as the service refuses the second and so tells that the first was taken."""
    ONCE = "once"
    """It would be done twice: repeated only when it surely never left."""


@frozen(repr=False)
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
        window: For how many seconds after the first attempt began it may be repeated.
    """

    operation: str
    kind: Kind
    fields: Body
    read: Callable[[Json], T]
    about: str = ""
    recipients: int = 0
    taken_code: int | None = None
    window: float | None = None

    def __repr__(self) -> str:
        return f"<Call of {self.operation}>"


# What an attempt can end in.


@frozen(repr=False)
class Answered(Generic[T]):
    """The service did what was asked."""

    value: T


@frozen
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
        """Whether the request itself is at fault, so that any other attempt with it was refused as well.

        A refusal of its recipients is not such a one: a number may have been blocked between two attempts.
        """
        return self.error.code in _CONTENT_CODES


@frozen
class Lost:
    """The request left, or may have; what became of it is not known."""

    error: TransportError | UnavailableError
    retry_after: float | None = None


@frozen
class NotSent:
    """The request surely never left."""

    error: TransportError


Outcome: TypeAlias = Answered[T] | Refused | Lost | NotSent


@frozen(repr=False)
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


class UnreadableError(ValueError):
    """A part of an answer is not as documented. Stays inside this module."""


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
        response = _object(_object(orjson.loads(raw.body)).get("response"))
        status = _object(response.get("status"))
        code = _int(status.get("code"))
    except (orjson.JSONDecodeError, UnreadableError):
        return _foreign(call.operation, raw)
    if code != _OK:
        message = scrub(_message(status.get("message")))
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
    balance = _object(response.get("balance"))
    return Balance(_decimal(balance.get("amount")), _int(balance.get("sms")))


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
        return Order(_int(_object(response.get("order")).get("id")), draft.recipients)

    return Call(
        "send-sms",
        Kind.GUARDED,
        _fields({"order": order}),
        read_order,
        about=draft.about,
        recipients=draft.recipients,
        taken_code=_DUPLICATE,
        window=SEND_WINDOW,
    )


# get-report


@frozen(repr=False)
class ReportPage:
    """A page of an order's report: the order's own state, and the rows of this page."""

    order: OrderReport
    rows: list[Delivery]


def get_report(order_id: int, page: int, row_count: int) -> Call[ReportPage]:
    """Ask for a page (from 1) of an order's report, of `row_count` (at most 1000) rows."""
    order = {"id": order_id, "page": page, "rowCount": row_count}
    return Call("get-report", Kind.REPEATABLE, _fields({"order": order}), read_report_page)


def read_report_page(response: Json) -> ReportPage:
    """Read `order: {id, status, message: [{number, status}], …}`."""
    order = _object(response.get("order"))
    return ReportPage(_order_report(order), _rows(_items(order.get("message"))))


_MESSAGE_STATUS: dict[object, MessageStatus] = {
    key: status for status in MessageStatus for key in (int(status), str(int(status)))
}
_E164_LENGTH = len("+905301234567")


def _rows(items: list[object]) -> list[Delivery]:
    rows: list[Delivery] = []
    for item in items:
        row = _object(item)
        number = row.get("number")
        if not (isinstance(number, str) and len(number) == _E164_LENGTH and number.startswith("+905")):
            number = _number(number)
        code = row.get("status")
        status = _MESSAGE_STATUS.get(code) if isinstance(code, (int, str)) else None
        rows.append(Delivery(number, MessageStatus(_int(code)) if status is None else status))
    return rows


# get-reports


#: The most days from `start` to `end` in one request (source: the provider's documentation of `get-reports`).
REPORTS_DAYS = 10


@frozen(repr=False)
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
    orders = [_order_report(_object(item)) for item in _items(response.get("orders"))]
    return OrdersPage(_optional(_int, response.get("count")), orders)


def _order_report(order: Json) -> OrderReport:
    sender = order.get("sender")
    return OrderReport(
        id=_int(order.get("id")),
        status=OrderStatus(_int(order.get("status"))),
        total=_optional(_int, order.get("total")),
        delivered=_optional(_int, order.get("delivered")),
        undelivered=_optional(_int, order.get("undelivered")),
        waiting=_optional(_int, order.get("waiting")),
        submitted_at=_optional(_time, order.get("submitAt")),
        sent_at=_optional(_time, order.get("sendAt")),
        sender=sender if isinstance(sender, str) and sender else None,
        price=_optional(_decimal, order.get("price")),
    )


# Reading values whose types vary.


def _fields(fields: Mapping[str, object]) -> Body:
    return Body(orjson.dumps(fields))


def _object(value: object) -> Json:
    if isinstance(value, dict):
        return cast("Json", value)
    raise UnreadableError("an object is missing")


def _items(value: object) -> list[object]:
    """A repeated element: a list, the one value, or nothing in one of its forms."""
    if isinstance(value, list):
        return cast("list[object]", value)
    if value is None or value in ("", {}):
        return []
    return [value]


def _int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # Ids of the service have up to ten digits; a length beyond 64 bits is not a number of its.
    if isinstance(value, str) and len(value) < 20 and value.strip().isdecimal() and value.isascii():  # noqa: PLR2004
        return int(value)
    raise UnreadableError("a number is missing")


def _decimal(value: object) -> Decimal:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise UnreadableError("an amount is missing")


def _time(value: object) -> datetime:
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value.strip())
            return time.replace(tzinfo=TURKISH_TIME) if time.tzinfo is None else time.astimezone(TURKISH_TIME)
        except (ValueError, OverflowError):
            pass
    raise UnreadableError("a time is missing")


def _number(value: object) -> str:
    """A number as E.164; one in a form of its own stays as it is, so that no row is lost."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return clean_number(value) or str(value)
    raise UnreadableError("a number is missing")


def _optional(read: Callable[[object], T], value: object) -> T | None:
    """A field that may be missing, or be there in a form that tells nothing."""
    try:
        return read(value)
    except UnreadableError:
        return None


_LONGEST_MESSAGE = 200
_DIGITS = re.compile(r"\+?\d[\d ]{5,}\d")


def _message(value: object) -> str:
    """The service's words, safe to print: one line, shortened, numbers masked."""
    if not isinstance(value, str):
        return ""
    return _DIGITS.sub("***", " ".join(value[:_LONGEST_MESSAGE].split()))


def _http_date(value: str | None) -> datetime | None:
    """The time of a `Date` header, aware."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
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
