"""The parts that all operations share: a request ready to be sent, and the outcomes of an attempt with it.

The transport sends a `Call`, and gets an `AttemptOutcome` from `read_answer`.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeAlias, TypeVar

import orjson
from attrs import field, frozen

from iletimerkezi_async.errors import ApiError, IletimerkeziError, TransportError, UnavailableError, api_error

from .credentials import Body
from .reading import Json, UnreadableError, needed, read_int

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

#: Seconds after the first attempt within which a repetition leaves. The service refuses repetitions as duplicates for
#: ten minutes (source: the provider's `send-sms` page, 451); the last minute is left for it to arrive.
SEND_WINDOW: Final = 9 * 60.0

_OK = 200
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_SERVER_ERRORS = 500
# The refusal codes that the service sends as the HTTP status, too (source: the provider's page on status codes).
_REFUSALS = frozenset({400, 401, 402, 403, 404, 422, *range(450, 475)})
# "Unavailable for legal reasons". HTTP defines no status between it and 500 that the service uses.
_LAST_OF_HTTP = 451
# Refusals of the request itself. Without 450, 452, 403, 470 (approvals, blocked numbers and subscriptions may change
# between attempts), 402 (the first attempt may have used up the balance), 401 (the panel's switch or the IP address may
# change), 457 (the time may have passed meanwhile).
_CONTENT_CODES = frozenset({400, 404, 422, 453, 454, 458, 459, 460, 464, 466, 468, 469})


class Kind(Enum):
    """The effect of a second request. The retry loop reads only this."""

    REPEATABLE = "repeatable"
    """None: the operation reads, or is idempotent."""
    GUARDED = "guarded"
    """None: the service refuses the second request, which shows that the first was taken."""
    ONCE = "once"
    """The operation is done twice. So a request is repeated only if it surely never left."""


class Operation(NamedTuple):
    """One operation of the service.

    Attributes:
        name: The service's name for it, which is also its path.
        kind: Whether it may be repeated.
        methods: The methods of `AsyncClient` that use it.
        taken_code: The code of the refusal that, after a lost answer, shows that the first attempt was taken.
        traceable: Whether other operations can show afterwards that it was taken.
        window: Seconds after the start of the first attempt within which it may be repeated.
    """

    name: str
    kind: Kind
    methods: tuple[str, ...]
    taken_code: int | None = None
    traceable: bool = False
    window: float | None = None


def _dump(fields: Mapping[str, object] | Body) -> Body:
    return fields if isinstance(fields, Body) else Body(orjson.dumps(fields))


@frozen(eq=False, repr=False)
class Call(Generic[T]):
    """One request, ready to be sent.

    Attributes:
        operation: The operation.
        fields: The request's JSON object, without `authentication`.
        read: Turns the `response` object of a successful answer into the result; raises `UnreadableError`.
        about: Its subject, safe for a log.
        recipients: How many SMS it sends, for pacing.
        send_at: The order's schedule: the call must leave before.
        is_astray: Tells whether a result is known to be another request's; its second argument is whether the
            connection is known to have brought answers before. `None` if that cannot be known.
    """

    operation: Operation
    fields: Body = field(converter=_dump)
    read: Callable[[Json], T]
    about: str = ""
    recipients: int = 0
    send_at: datetime | None = None
    is_astray: Callable[[T, bool], bool] | None = None

    def __repr__(self) -> str:
        return f"<Call of {self.operation.name}>"


# The outcomes of an attempt.


@frozen(eq=False, repr=False)
class Answered(Generic[T]):
    """The service did what was asked."""

    value: T


@frozen(eq=False, repr=False)
class Refused:
    """The service refused: surely nothing was done.

    Attributes:
        error: The refusal.
        retry_after: Seconds that it asks to wait.
        date: The time of the answer, by the service's clock.
        is_its_own: Whether it surely comes from the service: it has the service's JSON, or a status that HTTP does not
            define. Other statuses may be a gateway's.
    """

    error: ApiError
    retry_after: float | None = None
    date: datetime | None = None
    is_its_own: bool = True

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
        """Whether the request itself is wrong, so that its other attempts were most likely refused, too."""
        return self.is_its_own and self.error.code in _CONTENT_CODES


@frozen(eq=False, repr=False)
class Lost:
    """The request left, or may have; its outcome is not known.

    Attributes:
        error: The failure.
        retry_after: Seconds that the answer asks to wait.
        out_of_step: Whether the answer says success, but may be another request's. Its connection must not be used
            again.
    """

    error: TransportError | UnavailableError
    retry_after: float | None = None
    out_of_step: bool = False


@frozen(eq=False, repr=False)
class NotSent:
    """The request surely never left."""

    error: IletimerkeziError


AttemptOutcome: TypeAlias = Answered[T] | Refused | Lost | NotSent


@frozen(eq=False, repr=False)
class RawAnswer:
    """An HTTP answer, before it is known whether it is the service's.

    Attributes:
        http_status: Its HTTP status.
        body: Its body.
        headers: Its headers; look-ups ignore case.
        bodyless: Whether the caller's HTTP client raised an error for its status, which has no body.
        reused: Whether its connection is known to have brought answers before.
    """

    http_status: int
    body: bytes
    headers: Mapping[str, str]
    bodyless: bool = False
    reused: bool = False

    @property
    def date(self) -> datetime | None:
        """The time at which it was written, by the server's clock."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to wait. A time counts from its own `Date`, or else from this machine's clock."""
        asked = self.headers.get("Retry-After", "")
        if asked.strip().isdecimal() and len(asked) < 10:  # noqa: PLR2004 - a longer one is no number of seconds
            return float(asked)
        when = _http_date(asked)
        if when is None:
            return None
        return max(0.0, (when - (self.date or datetime.now(timezone.utc))).total_seconds())


def read_answer(call: Call[T], raw: RawAnswer, scrub: Callable[[str], str], host: str = "") -> AttemptOutcome[T]:
    """Read the answer to a call. It raises nothing, so that no traceback holds the raw body.

    The code inside the JSON decides, not the HTTP status. An answer counts as lost if it has no such code, or says
    success without its payload: it is a gateway's, or half of it is missing. A 5xx of the service's own that no
    document names (they name 503 only) counts as lost, too, if it matters whether the request was carried out.

    Args:
        call: The call.
        raw: Its answer.
        scrub: Removes secrets from the service's message.
        host: The service's host.
    """
    try:
        response = orjson.loads(raw.body)["response"]
        status = response["status"]
        code = needed(read_int(status["code"]), "a code")
    except (ValueError, LookupError, TypeError):
        return _foreign(call.operation.name, raw, host)
    if code != _OK:
        return _not_done(call, code, _message(status.get("message"), scrub), raw, host)
    try:
        value = call.read(response)
        if call.is_astray is None or not call.is_astray(value, raw.reused):
            return Answered(value)
        reason = "the connection is out of step: it gave the answer to another request"
    except UnreadableError as complaint:
        reason = f"the answer says success, but {complaint}"
    return Lost(TransportError(reason, call.operation.name, raw.http_status, host), out_of_step=True)


def _not_done(call: Call[T], code: int, message: str, raw: RawAnswer, host: str) -> Refused | Lost:
    """Read an answer of the service's own that reports no success."""
    pause = raw.retry_after
    if code >= _SERVER_ERRORS and code != _UNAVAILABLE and call.operation.kind is not Kind.REPEATABLE:
        return Lost(TransportError(f"{code} {message}".rstrip(), call.operation.name, raw.http_status, host), pause)
    return Refused(api_error(code, message, call.operation.name, raw.http_status, retry_after=pause), pause, raw.date)


def _foreign(operation: str, raw: RawAnswer, host: str) -> Refused | Lost:
    """Read an answer without the service's code: one of a gateway, half of the service's own, or only its status."""
    status, pause = raw.http_status, raw.retry_after
    if raw.bodyless and status in _REFUSALS:
        return Refused(api_error(status, "", operation, status), pause, raw.date, is_its_own=status > _LAST_OF_HTTP)
    if status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}:
        error = UnavailableError(status, "temporarily unavailable", operation, status, retry_after=pause)
        # After 429 the request was surely not passed on. A gateway that answers 503 may have passed it on.
        return (Refused if status == _TOO_MANY_REQUESTS else Lost)(error, pause)
    body = "that the http_client raised" if raw.bodyless else "with a body that is not the service's JSON"
    reason = f"HTTP {status} {body}"
    if 300 <= status < 400:  # noqa: PLR2004 - the redirections of HTTP
        reason = f"HTTP {status}, a redirection, which is never followed as the body carries the credentials"
    return Lost(TransportError(reason, operation, status, host), pause)


def read_status_only(_: Json) -> None:
    """Read an answer that has only its status."""


_LONGEST_MESSAGE = 200
# Characters of a message that is read at all: masking a longer one would block the event loop.
_MOST_READ = 2**14
# A clock that was never set shows 1970.
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2999
# Seven digits or more, with the separators that people write between those of a phone number.
_DIGITS = r"\+?\d(?:[ ().\-/]*\d){6,}"


def _message(value: object, scrub: Callable[[str], str]) -> str:
    """The service's message, safe to print: one line, shortened, with secrets and numbers masked."""
    if not isinstance(value, str) or len(value) > _MOST_READ:
        return ""
    # Remove secrets first, in the whole text: one that is cut off or partly masked would not be found.
    return re.sub(_DIGITS, "***", " ".join(scrub(value).split()))[:_LONGEST_MESSAGE]


def _http_date(value: str) -> datetime | None:
    """The aware time of a `Date` header; `None` if it is not a date, or has a year that no clock would show."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if not _EARLIEST_YEAR <= date.year <= _LATEST_YEAR:
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
