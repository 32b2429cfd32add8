"""The outcome of a call, in the words of telemetry and log records.

The names are those of OpenTelemetry's semantic conventions where it has one (`server.address`, `error.type`,
`http.request.resend_count`), and begin with `iletimerkezi.` otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iletimerkezi_async.errors import (
    ApiError,
    IletimerkeziError,
    OutcomeUnknownError,
)
from iletimerkezi_async.models import Order
from iletimerkezi_async.wire.call import Answered, AttemptOutcome, Call, Lost, NotSent, Refused, T

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from iletimerkezi_async.results import BulkResult

ADDRESS = "server.address"
OPERATION = "iletimerkezi.operation"
RECIPIENTS = "iletimerkezi.recipients"
ORDER_ID = "iletimerkezi.order.id"
OUTCOME = "iletimerkezi.outcome"
RESENDS = "http.request.resend_count"
ERROR = "error.type"
PACING = "iletimerkezi.pacing.wait"

_WORDS: dict[type, str] = {Answered: "accepted", Refused: "refused", Lost: "unknown", NotSent: "not_sent"}


def describe_attempt(call: Call[T], outcome: AttemptOutcome[T], attempt: int, host: str) -> dict[str, object]:
    """The `extra` of a log record of an attempt, under the same names as a span.

    Args:
        call: What was asked.
        outcome: What the attempt ended in.
        attempt: Its number, from 1.
        host: Where the service is.
    """
    extra: dict[str, object] = {
        ADDRESS: host,
        OPERATION: call.operation.name,
        RESENDS: attempt - 1,
        OUTCOME: _WORDS[type(outcome)],
    }
    if call.recipients:
        extra[RECIPIENTS] = call.recipients
    if not isinstance(outcome, Answered):
        extra[ERROR] = type(outcome.error).__qualname__
    elif isinstance(outcome.value, Order):
        extra[ORDER_ID] = outcome.value.id
    return extra


def describe_error(operation: str, error: Exception, order_id: int | None = None) -> dict[str, object]:
    """The `extra` of a log record about an operation, and not about one attempt."""
    extra: dict[str, object] = {OPERATION: operation, ERROR: type(error).__qualname__}
    return extra if order_id is None else {**extra, ORDER_ID: order_id}


def campaign_outcome(result: BulkResult) -> str:
    """The outcome of a campaign that came to its end, in one word: the worst of what is not refused."""
    if any(isinstance(failure.error, OutcomeUnknownError) for failure in result.failed):
        return "unknown"
    if result.accepted or not result.read:
        return "accepted"
    return "not_sent" if result.failed else "refused"


def count_by_outcome(counts: BulkResult) -> dict[str, int]:
    """Recipients by outcome."""
    unknown = refused = 0
    for failure in counts.failed:
        if isinstance(failure.error, OutcomeUnknownError):
            unknown += failure.count
        elif isinstance(failure.error, ApiError):
            refused += failure.count
    return {
        "accepted": counts.accepted,
        "refused": len(counts.refused) + refused,
        "unknown": unknown,
        "not_sent": counts.failures - unknown - refused,
    }


def record_error(span: Span, error: BaseException | None) -> None:
    """Record an error: its type and, where it is ours, its text; neither its traceback nor its causes."""
    if error is None:
        return
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - it is there, as there is a span

    kind = type(error)
    attributes = {"exception.type": f"{kind.__module__}.{kind.__qualname__}"}
    said = None
    if isinstance(error, IletimerkeziError):
        said = attributes["exception.message"] = str(error)
    span.add_event("exception", attributes)
    span.set_status(Status(StatusCode.ERROR, said))
