"""Everything this library raises.

```
IletimerkeziError
├── ConfigurationError          a setting is missing or cannot work, an argument is wrong; nothing was sent
├── WebhookError                a callback's body is not one of the service's
├── JournalError                a campaign's journal does not fit or cannot be written
├── StoreError                  a store cannot be reached or written; nothing was sent
├── KeyConflictError            a key was used for another text, sender or recipients; nothing was sent
├── SendInProgressError         another call is sending under the key; nothing was sent by this one
├── BulkError                   a campaign had to stop; `result` tells how far it came
├── OrderAcceptedError          an order was taken, but its id could not be found
├── TransportError              no usable answer to a question, or a request that was surely not taken
├── OutcomeUnknownError         no usable answer, and what was asked for may or may not have been done
└── ApiError                    the service (or a check of ours in its place) said no
    ├── AuthenticationError     401
    ├── InsufficientBalanceError 402
    ├── ConsentError            403, 468, 469, 470; 422 where refused here
    ├── SenderError             450, 459, 460
    ├── DuplicateOrderError     451
    ├── RecipientError          452, 466; 422 where refused here
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
| a bad number | `RecipientError`, the bad ones in its `numbers` | mend it |
| a bad text, sender or time | `EmptyTextError`, `TextTooLongError`, `SenderError`, `ScheduleError` | mend it |
| the account's side | `AuthenticationError`, `InsufficientBalanceError`, `ConsentError` | its text says where to look |
| sent already, within 10 minutes | `DuplicateOrderError` | nothing was sent by this call |
| the service is away | `UnavailableError` (`retry_after`), `TransportError` | surely not taken: try again later |
| all answers were lost | `OutcomeUnknownError` | repeat within 10 minutes; later look into the reports first |
| taken, its id not found | `OrderAcceptedError` (`candidates`) | do not send it again |
| a campaign had to stop | `BulkError` (`result`, `error`) | see `iletimerkezi_async.campaigns` |
| the journal is another's, in use, broken | `JournalError` | says which |
| a setting or an argument is wrong | `ConfigurationError` | names it, and what is expected |
| a key stands for something else | `KeyConflictError` | see `iletimerkezi_async.stores` |
| a key is being sent under, the store is away | `SendInProgressError`, `StoreError` | the same call later |
| a callback that is none | `WebhookError` | answer 400 |

An error's text is what happened (`error.reason`) and, where that does not go without saying, what to do about it
(`error.advice`). Where this library refused before any request, `http_status` is `None`. How a lost answer is dealt
with tells `iletimerkezi_async.orders`. The codes are those of the provider's page on status codes.

None of them carries the request, the credentials or a message's text, in its attributes, its text or the exceptions
chained to it. All of them pickle, with all that they carry. `args` hold what JSON can write and no phone number, and
`type(error)(*error.args)` makes an error with the same text (task queues such as Celery keep errors so): without
`numbers`, `key`, `registered` and `result`, which do not travel that way. `JournalError` and `BulkError` stand in
`results`, beside the result that they carry.
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
    "api_error",
]


class IletimerkeziError(Exception):
    """The root of everything that this library raises on purpose. Its text is `reason`, and then `advice`."""

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')}: {self.advice}" if self.advice else self.reason

    @property
    def reason(self) -> str:
        """The event itself, without the advice."""
        return str(self.args[0]) if self.args else ""

    @property
    def advice(self) -> str:
        """The next step, in a sentence; empty where it is obvious."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    # The default would call the class with `args`, and a class of the caller's own may take others.
    def __reduce__(self) -> tuple[Callable[..., IletimerkeziError], tuple[object, ...]]:
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(cls: type[IletimerkeziError], args: tuple[object, ...], fields: dict[str, object]) -> IletimerkeziError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(fields)
    return error


class ConfigurationError(IletimerkeziError, ValueError):
    """A setting is missing or cannot work, or an argument is not what it should be. Nothing was sent.

    It is also a `ValueError`.
    """


class WebhookError(IletimerkeziError):
    """The body of a callback is not a delivery report of the service."""


class StoreError(IletimerkeziError):
    """The store cannot be reached, read or written. Nothing was sent by this call."""


class KeyConflictError(IletimerkeziError):
    """The key was used for another text, sender, schedule, consent choice or recipients. Nothing was sent by this call.

    Attributes:
        key: The key. It is not part of the text, as a key may be made of a number.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class SendInProgressError(IletimerkeziError):
    """Another call is sending under the same key, and was not done in time. Nothing was sent by this call.

    The same call later gives the order, or sends where the other one died.

    Attributes:
        key: The key. It is not part of the text, as a key may be made of a number.
        retry_after: Seconds after which the other one's lease is over, if it does not renew it.
    """

    def __init__(self, message: str, key: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, "", retry_after)
        self.key = key
        self.retry_after = retry_after


class OrderAcceptedError(IletimerkeziError):
    """The service has taken the order, but its id could not be found. Do not send it again.

    It is raised where the answer to `send-sms` was lost, the repetition was refused as a duplicate (so the first one
    was taken), and no single order in the reports could be told to be this one.

    Attributes:
        candidates: Ids of orders that may be this one, to look up in the panel; often empty.
    """

    def __init__(self, candidates: Iterable[int] = ()) -> None:
        self.candidates = tuple(candidates)
        super().__init__(self.candidates)

    @property
    def reason(self) -> str:
        """The event itself, without the advice."""
        return "the order was taken, but its id could not be found"

    @property
    def advice(self) -> str:
        """The next step, in a sentence or two."""
        hint = f" It may be one of {', '.join(map(str, self.candidates))}." if self.candidates else ""
        return f"do not send it again.{hint}"


class TransportError(IletimerkeziError):
    """No usable answer: no connection, a time limit, or an answer that is broken or not the service's.

    It is about a question, which may be asked again, or about a request that was surely not taken.

    Attributes:
        message: What happened.
        operation: The operation that was asked for, for example `"get-balance"`.
        http_status: The HTTP status, where there was one.
        host: Where the service was looked for, with its port where that is not the usual one.
        registered: From `register_consents`: how many records, from the first on, were surely registered before.
    """

    registered: int = 0

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
    """It is not known whether it was done: the answer was lost, and repeating the request did not tell.

    It is no `TransportError`, after which a message may be sent again later.

    For `send-sms`: the same call within 10 minutes of the first is safe (the service refuses it as a duplicate, 451,
    if the first was taken). After that, look into the reports or the panel before sending again.

    For `cancel-order` and `delete-blacklist` the same call again does no harm, and a refusal then tells how things are.

    For `consent/create`: the first `registered` records are registered. Of the next 5,000 (or as many as there were)
    either all are or none; `check_consent` of one of them tells.

    Attributes:
        message: What happened.
        operation: The operation that was asked for, for example `"send-sms"`.
        http_status: The HTTP status of the last attempt, where there was one.
        registered: From `register_consents`: how many records, from the first on, were surely registered before.
    """

    registered: int = 0

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
        http_status: The HTTP status of the answer; `None` where this library refused before any request.
        registered: From `register_consents`: how many records, from the first on, were surely registered before.
    """

    registered: int = 0

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
        """The next step, in a sentence; empty for a refusal before any request, whose reason says it."""
        if self.http_status is None:
            return ""
        return _ADVICE.get((self.code, self.operation)) or _ADVICE.get(self.code, "")


class AuthenticationError(ApiError):
    """401: the key or hash is wrong, API access is switched off in the panel, or the caller's IP is not allowed."""


class InsufficientBalanceError(ApiError):
    """402: the balance does not cover the order."""


class ConsentError(ApiError):
    """403, 468, 469, 470: the consent registry (İYS) is not subscribed to, or a choice about it is missing.

    Also where this library refuses consents before any request, with 422: a date is naive, in the future, or too old.
    """


class SenderError(ApiError):
    """450, 459, 460: the sender is not approved, empty, longer than 11 characters, or has Turkish letters.

    It must be spelt exactly as approved: case and spaces matter.
    """


class DuplicateOrderError(ApiError):
    """451: the same text went to the same recipients less than 10 minutes ago. Nothing was sent by this call."""


class RecipientError(ApiError):
    """452, 466: a recipient is incomplete, cannot be verified, or is on the account's blocked list.

    Also where this library refuses the recipient of a consent before any request, with 422.

    Attributes:
        numbers: The numbers that this library refused, as they were given; empty where the service refused, which
            does not say whom it means. They are not part of the exception's text.
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


class TextTooLongError(ApiError):
    """453: the text is longer than seven SMS in its encoding."""


class EmptyTextError(ApiError):
    """454: the text is empty."""


class OrderNotFoundError(ApiError):
    """455: there is no such order, or it is just moving from waiting to being sent."""


class OrderNotDueError(ApiError):
    """456: the order is scheduled and its time has not come."""


class ScheduleError(ApiError):
    """457: the time to send at is wrong: no aware datetime, or past."""


class DateRangeError(ApiError, ValueError):
    """458: the range of dates is wrong: it ends before it starts, is too long, or one end is no date or aware datetime.

    It is also a `ValueError`.
    """


class BlacklistError(ApiError):
    """474: this number's block cannot be removed, as it is not on the list."""


class UnavailableError(ApiError):
    """429, 503: not now. Nothing was done; the same call may succeed later.

    Attributes:
        retry_after: Seconds that the service asks to wait, where it said so.
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


_CLASSES: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: ConsentError,
    429: UnavailableError,
    450: SenderError,
    451: DuplicateOrderError,
    452: RecipientError,
    453: TextTooLongError,
    454: EmptyTextError,
    455: OrderNotFoundError,
    456: OrderNotDueError,
    457: ScheduleError,
    458: DateRangeError,
    459: SenderError,
    460: SenderError,
    466: RecipientError,
    468: ConsentError,
    469: ConsentError,
    470: ConsentError,
    474: BlacklistError,
    503: UnavailableError,
}


# What to do about a refusal, by its code, where that is another thing for an operation by that and the operation. The
# service's own words are Turkish and terse.
_BASE_URL = "see to the `base_url`, which ends with /v1"
_ADVICE: dict[int | tuple[int, str], str] = {
    401: (
        'with a correct key the usual cause is that "Allow API access" is off in the panel, under '
        "Settings / Security / Access Permissions; then a list of allowed IP addresses that lacks this machine"
    ),
    402: "top up the account; see `iletimerkezi balance`, or `get_balance`",
    403: "the consent registry (İYS) is not subscribed to for it: ask the provider",
    404: _BASE_URL,
    450: "it must be approved, and be spelt exactly so; `get_senders` lists those that are",
    451: "the same text went to the same numbers less than 10 minutes ago; nothing was sent now",
    452: "a number is incomplete, cannot be verified, or is blocked (`get_blacklist`); nothing was sent now",
    453: "`measure` tells how many SMS a text is",
    455: "there is no such order, or it is just beginning to be sent: then try again in a moment",
    (455, "cancel-order"): "there is no such order, it has begun to be sent, or it is cancelled already",
    456: "the order is scheduled for later",
    458: "a range ends after it starts, and has at most 10 days",
    459: "give a `sender`",
    460: "a sender has at most 11 characters, and none of them is a Turkish letter",
    466: "it must be a Turkish mobile number",
    470: "set the account's code of the consent registry (İYS) in the panel",
    474: "it is not blocked",
}
# What to do where it is not known whether it was done, by the operation.
_IN_DOUBT = {
    "send-sms": "the same call within 10 minutes cannot send twice; after that, look into the reports first",
    "cancel-order": "it may or may not be cancelled; the same call again does no harm, and tells",
    "delete-blacklist": "it may or may not be blocked still; the same call again does no harm",
    "consent/create": "`check_consent` of one of them tells",
}
# Answers of an address that is not the service's.
_ELSEWHERE = frozenset({*range(300, 400), 404})


def api_error(
    code: int, message: str, operation: str, http_status: int | None = None, *, retry_after: float | None = None
) -> ApiError:
    """Make (not raise) the error of the class that belongs to a status code; plain `ApiError` for an unlisted one."""
    cls = _CLASSES.get(code, ApiError)
    if issubclass(cls, UnavailableError):
        return cls(code, message, operation, http_status, retry_after=retry_after)
    return cls(code, message, operation, http_status)
