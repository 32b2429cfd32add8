"""Everything this library raises.

```
IletimerkeziError
├── ConfigurationError          a setting is missing or invalid, an argument is wrong; nothing was sent
├── WebhookError                a callback's body is not a delivery report of the service
├── JournalError                a campaign's journal cannot be used or written
├── StoreError                  a store cannot be reached or written; nothing was sent
├── KeyConflictError            a key was used for another text, sender or recipients; nothing was sent
├── SendInProgressError         another call is sending under the key; nothing was sent by this one
├── BulkError                   a campaign had to stop; `result` has what was done
├── OrderAcceptedError          an order was taken, but its id could not be found
├── TransportError              no usable answer, and the call may be made again without harm
├── OutcomeUnknownError         no usable answer, and the request may or may not have been carried out
└── ApiError                    the service (or a check of this library) refused
    ├── AuthenticationError     401
    ├── InsufficientBalanceError 402
    ├── ConsentError            403, 468, 469, 470; 422 if this library refused
    ├── SenderError             450, 459, 460
    ├── DuplicateOrderError     451
    ├── RecipientError          452, 466; 422 if this library refused
    ├── TextTooLongError        453
    ├── EmptyTextError          454
    ├── OrderNotFoundError      455
    ├── OrderNotDueError        456
    ├── ScheduleError           457
    ├── DateRangeError          458
    ├── BlacklistError          474
    └── UnavailableError        429, 503
```

## What to do

| what happened | what you get | what to do |
|---|---|---|
| a bad number | `RecipientError`, the bad ones in its `numbers` | correct it |
| a bad text, sender or time | `EmptyTextError`, `TextTooLongError`, `SenderError`, `ScheduleError` | correct it |
| a problem of the account | `AuthenticationError`, `InsufficientBalanceError`, `ConsentError` | see its text |
| already sent within 10 minutes | `DuplicateOrderError` | nothing was sent by this call |
| service unavailable | `UnavailableError` (`retry_after`), `TransportError` | surely not taken: try again later |
| all answers were lost | `OutcomeUnknownError` | repeat within 10 minutes; after that, check the reports first |
| taken, its id not found | `OrderAcceptedError` (`candidates`) | do not send it again |
| a campaign had to stop | `BulkError` (`result`, `error`) | see `iletimerkezi_async.campaigns` |
| the journal is another campaign's, in use, damaged | `JournalError` | its text says which |
| a setting or an argument is wrong | `ConfigurationError` | its text names it, and what is expected |
| a key was used for another send | `KeyConflictError` | see `iletimerkezi_async.stores` |
| a key is in use, the store is unavailable | `SendInProgressError`, `StoreError` | repeat the call later |
| a callback is no delivery report | `WebhookError` | answer 400 |

An error's text says what happened (`error.reason`) and, unless it is obvious, what to do about it (`error.advice`). If
this library refused before any request, `http_status` is `None`. `iletimerkezi_async.orders` explains how lost answers
are handled. The codes are those of the provider's page on status codes.

No error carries the request, the credentials or a message's text, be it in its attributes, its text or its chained
exceptions. All errors can be pickled, with all their attributes. `args` holds only JSON values and no phone number;
`type(error)(*error.args)` makes an error with the same text (task queues such as Celery rebuild errors so), but without
`numbers`, `key`, `registered` and `result`. `JournalError` and `BulkError` are in `results`, beside the result that
they carry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BlacklistError",
    "ConfigurationError",
    "ConsentError",
    "DateRangeError",
    "DuplicateOrderError",
    "EmptyTextError",
    "IletimerkeziError",
    "InsufficientBalanceError",
    "KeyConflictError",
    "OrderAcceptedError",
    "OrderNotDueError",
    "OrderNotFoundError",
    "OutcomeUnknownError",
    "RecipientError",
    "ScheduleError",
    "SendInProgressError",
    "SenderError",
    "StoreError",
    "TextTooLongError",
    "TransportError",
    "UnavailableError",
    "WebhookError",
]


# The class for each status code that has one.
_CLASSES: dict[int, type[ApiError]] = {}


class IletimerkeziError(Exception):
    """The base class of all errors that this library raises on purpose. Its text is `reason`, then `advice`.

    Attributes:
        registered: From `register_consents`: how many records, counted from the first, were surely registered before.
    """

    registered: int = 0

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')}: {self.advice}" if self.advice else self.reason

    @property
    def reason(self) -> str:
        """The event, without the advice."""
        return str(self.args[0]) if self.args else ""

    @property
    def advice(self) -> str:
        """The next step, in a sentence; empty if it is obvious."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    # The default would call the class with `args`; a subclass of the caller's may take other arguments.
    def __reduce__(self) -> tuple[Callable[..., IletimerkeziError], tuple[object, ...]]:
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(cls: type[IletimerkeziError], args: tuple[object, ...], fields: dict[str, object]) -> IletimerkeziError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(fields)
    return error


class ConfigurationError(IletimerkeziError, ValueError):
    """A setting is missing or invalid, or an argument is wrong. Nothing was sent.

    It is also a `ValueError`.
    """


class WebhookError(IletimerkeziError):
    """The body of a callback is not a delivery report of the service."""


class StoreError(IletimerkeziError):
    """The store cannot be reached, read or written. Nothing was sent by this call."""


class KeyConflictError(IletimerkeziError):
    """The key was used for another text, sender, schedule, consent choice or recipients. Nothing was sent by this call.

    Attributes:
        key: The key. It is not part of the text, as it may contain a phone number.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class SendInProgressError(IletimerkeziError):
    """Another call is sending under the same key, and did not finish in time. Nothing was sent by this call.

    Repeating the call later returns the order, or sends it if the other call died.

    Attributes:
        key: The key. It is not part of the text, as it may contain a phone number.
        retry_after: Seconds until the other call's lease ends, unless it renews it.
    """

    def __init__(self, message: str, key: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, "", retry_after)
        self.key = key
        self.retry_after = retry_after


class OrderAcceptedError(IletimerkeziError):
    """The service has taken the order, but its id could not be found. Do not send it again.

    It is raised if the answer to `send-sms` was lost, the repetition was refused as a duplicate (so the first attempt
    was taken), and no order in the reports could be identified as this one for certain.

    Attributes:
        candidates: Ids of orders that may be this one, to look up in the panel; often empty.
    """

    def __init__(self, candidates: Iterable[int] = ()) -> None:
        self.candidates = tuple(candidates)
        super().__init__(self.candidates)

    @property
    def reason(self) -> str:
        """The event, without the advice."""
        return "the order was taken, but its id could not be found"

    @property
    def advice(self) -> str:
        """The next step, in a sentence or two."""
        hint = f" It may be one of {', '.join(map(str, self.candidates))}." if self.candidates else ""
        return f"do not send it again.{hint}"


class TransportError(IletimerkeziError):
    """No usable answer: no connection, a timeout, or an answer that is broken or not the service's.

    The call may be made again: doing it twice does no harm, or the request was surely not taken.

    Attributes:
        message: What happened.
        operation: The operation that was asked for, for example `"get-balance"`.
        http_status: The HTTP status, if there was one.
        host: The host that was called, with its port unless that is the default.
    """

    def __init__(self, message: str, operation: str, http_status: int | None = None, host: str = "") -> None:
        super().__init__(message, operation, http_status, host)
        self.message, self.operation, self.http_status, self.host = message, operation, http_status, host

    @property
    def reason(self) -> str:
        """The operation, what happened to it, and the host."""
        where = f" ({self.host})" if self.host else ""
        return f"{self.operation}: {self.message}{where}"

    @property
    def advice(self) -> str:
        """The next step, in a sentence."""
        if self.http_status in _ELSEWHERE:
            return _BASE_URL
        return "it was surely not sent, and may be sent again" if self.operation == "send-sms" else "try again later"


class OutcomeUnknownError(IletimerkeziError):
    """The outcome is unknown: the answer was lost, and repeating the request did not show it.

    It is not a `TransportError`, after which a message may be sent again later.

    For `send-sms`: the same call within 10 minutes of the first is safe (the service refuses it as a duplicate, 451,
    if the first was taken). After that, look into the reports or the panel before sending again.

    For `cancel-order` and `delete-blacklist`: repeating the call does no harm, and a refusal then shows the state.

    For `consent/create`: the first `registered` records are registered. Of the next 5,000 (or as many as there were)
    either all are or none; `check_consent` of one of them shows it.

    Attributes:
        message: What happened.
        operation: The operation that was asked for, for example `"send-sms"`.
        http_status: The HTTP status of the last attempt, if there was one.
    """

    def __init__(self, message: str, operation: str, http_status: int | None = None, advice: str = "") -> None:
        super().__init__(message, operation, http_status, advice)
        self.message, self.operation, self.http_status = message, operation, http_status
        self._advice = advice

    @property
    def reason(self) -> str:
        """The operation, and what happened to it."""
        return f"{self.operation}: {self.message}"

    @property
    def advice(self) -> str:
        """The next step, in a sentence."""
        return self._advice or _IN_DOUBT.get(self.operation, "")


class ApiError(IletimerkeziError):
    """The service refused. Branch on the class, or on `code`; the messages may change.

    Attributes:
        code: The service's status code.
        message: The service's text, usually Turkish, shortened, with numbers masked.
        operation: The operation, for example `"send-sms"`.
        http_status: The HTTP status of the answer; `None` if this library refused before any request.
    """

    def __init_subclass__(cls, codes: tuple[int, ...] = ()) -> None:
        super().__init_subclass__()
        _CLASSES.update(dict.fromkeys(codes, cls))

    def __init__(self, code: int, message: str, operation: str, http_status: int | None = None) -> None:
        super().__init__(code, message, operation, http_status)
        self.code = code
        self.message = message
        self.operation = operation
        self.http_status = http_status

    @property
    def reason(self) -> str:
        """The operation that was refused, and the service's reason."""
        where = self.operation if self.http_status is not None else f"{self.operation} (refused before any request)"
        return f"{where}: {self.code} {self.message}".rstrip()

    @property
    def advice(self) -> str:
        """The next step, in a sentence; empty if this library refused, as the reason then says it."""
        if self.http_status is None:
            return ""
        return _ADVICE.get((self.code, self.operation)) or _ADVICE.get(self.code, "")


class AuthenticationError(ApiError, codes=(401,)):
    """401: the key or hash is wrong, API access is switched off in the panel, or the caller's IP is not allowed."""


class InsufficientBalanceError(ApiError, codes=(402,)):
    """402: the balance does not cover the order."""


class ConsentError(ApiError, codes=(403, 468, 469, 470)):
    """403, 468, 469, 470: there is no subscription to the consent registry (İYS), or a choice about it is missing.

    Also raised, with 422, if this library refuses consents before any request: a date is naive, in the future, or too
    old.
    """


class SenderError(ApiError, codes=(450, 459, 460)):
    """450, 459, 460: the sender is not approved, empty, longer than 11 characters, or has Turkish letters.

    It must be spelt exactly as approved: case and spaces matter.
    """


class DuplicateOrderError(ApiError, codes=(451,)):
    """451: the same text went to the same recipients less than 10 minutes ago. Nothing was sent by this call."""


class RecipientError(ApiError, codes=(452, 466)):
    """452, 466: a recipient is incomplete, cannot be verified, or is on the account's blocked list.

    Also raised, with 422, if this library refuses the recipient of a consent before any request.

    Attributes:
        numbers: The numbers that this library refused, as they were given; empty if the service refused, as it does not
            name them. They are not part of the error's text.
    """

    def __init__(
        self,
        code: int,
        message: str,
        operation: str,
        http_status: int | None = None,
        *,
        numbers: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code, message, operation, http_status)
        self.numbers = numbers


class TextTooLongError(ApiError, codes=(453,)):
    """453: the text is longer than seven SMS in its encoding."""


class EmptyTextError(ApiError, codes=(454,)):
    """454: the text is empty."""


class OrderNotFoundError(ApiError, codes=(455,)):
    """455: there is no such order, or its sending is just beginning."""


class OrderNotDueError(ApiError, codes=(456,)):
    """456: the order is scheduled for later."""


class ScheduleError(ApiError, codes=(457,)):
    """457: the scheduled time is in the past, or not an aware datetime."""


class DateRangeError(ApiError, ValueError, codes=(458,)):
    """458: the range of dates is wrong: it is reversed or too long, or an end is neither a date nor an aware datetime.

    It is also a `ValueError`.
    """


class BlacklistError(ApiError, codes=(474,)):
    """474: the number cannot be unblocked, as it is not blocked."""


class UnavailableError(ApiError, codes=(429, 503)):
    """429, 503: the service is unavailable now. Nothing was done; the same call may succeed later.

    Attributes:
        retry_after: Seconds that the service asks to wait, if it said so.
    """

    def __init__(
        self,
        code: int,
        message: str,
        operation: str,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, operation, http_status)
        self.args = (*self.args, retry_after)
        self.retry_after = retry_after

    @property
    def advice(self) -> str:
        """The time to wait before the next try."""
        return "try again later" if self.retry_after is None else f"try again in {self.retry_after:.0f} s"


# The advice for a code; or for a code and an operation, if that differs. The service's own texts are Turkish and terse.
_BASE_URL = "check the `base_url`, which must end with /v1"
_ADVICE: dict[int | tuple[int, str], str] = {
    401: (
        'check key and hash; if they are correct, the usual cause is that "Allow API access" is off in the panel '
        "(Settings / Security / Access Permissions), or that the list of allowed IP addresses there lacks this machine"
    ),
    402: "top up the account; see `iletimerkezi balance`, or `get_balance`",
    403: "the account has no subscription to the consent registry (İYS): ask the provider",
    404: _BASE_URL,
    450: "a sender must be approved, and spelt exactly as it was approved; `get_senders` lists the approved senders",
    451: "the same text went to the same numbers less than 10 minutes ago; nothing was sent now",
    452: "a number is incomplete, cannot be verified, or is blocked (`get_blacklist`); nothing was sent now",
    453: "shorten the text; `measure` shows how many SMS it takes",
    455: "there is no such order, or its sending is just beginning: try again in a moment",
    (455, "cancel-order"): "there is no such order, its sending has begun, or it is cancelled already",
    456: "the order is scheduled for later",
    458: "a range must not end before it starts, and has at most 10 days",
    459: "give a `sender`",
    460: "a sender has at most 11 characters, and none of them is a Turkish letter",
    466: "the number must be a Turkish mobile number",
    470: "set the account's code of the consent registry (İYS) in the panel",
    474: "the number is not blocked",
}
# The advice for an unknown outcome, by operation.
_IN_DOUBT = {
    "send-sms": "repeating the call within 10 minutes cannot send twice; after that, look into the reports first",
    "cancel-order": "the order may or may not be cancelled: repeating the call does no harm, and shows whether it is",
    "delete-blacklist": "the number may or may not be blocked still: repeating the call does no harm",
    "consent/create": "`check_consent` of one of the recipients shows whether they are registered",
}
# HTTP statuses that an address other than the service's gives.
_ELSEWHERE = frozenset({*range(300, 400), 404})


def api_error(
    code: int, message: str, operation: str, http_status: int | None = None, *, retry_after: float | None = None
) -> ApiError:
    """Make (not raise) the error of the class that belongs to a status code; plain `ApiError` for other codes."""
    cls = _CLASSES.get(code, ApiError)
    if issubclass(cls, UnavailableError):
        return cls(code, message, operation, http_status, retry_after=retry_after)
    return cls(code, message, operation, http_status)
