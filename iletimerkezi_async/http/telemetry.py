"""Spans and metrics of calls, if `opentelemetry-api` is installed; the fields of spans and of log records.

A call of a public method (`observed`), or a page of a list, is one span of kind CLIENT, with all its attempts and
look-ups. Attributes, events and metrics hold counts, ids and the names of errors: never a number, a text or a
credential. If the package is not installed, nothing is imported.
"""

from __future__ import annotations

import functools
import logging
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from iletimerkezi_async._version import __version__
from iletimerkezi_async.errors import ApiError, IletimerkeziError, OrderAcceptedError, OutcomeUnknownError
from iletimerkezi_async.models import Order, OrderReport
from iletimerkezi_async.redaction import forget, forgets
from iletimerkezi_async.results import BulkError, BulkResult
from iletimerkezi_async.wire import OPERATIONS
from iletimerkezi_async.wire.arguments import check_order_id
from iletimerkezi_async.wire.call import Answered, AttemptOutcome, Call, Kind, Lost, NotSent, Operation, Refused, T
from iletimerkezi_async.wire.reports import ReportPage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from opentelemetry.metrics import Histogram, Meter, MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

R = TypeVar("R")

logger = logging.getLogger("iletimerkezi_async")

_SCOPE = "iletimerkezi_async"
# Replaces the arguments of a call, so that the frame does not hold them.
_NOTHING: tuple[tuple[()], dict[str, Any]] = ((), {})
# Seconds. A shorter wait is only the time that asking the pacer takes.
_NO_WAIT = 0.01
# Seconds: the buckets that OpenTelemetry's conventions advise for HTTP clients, and longer ones for waits.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300)

# Names of OpenTelemetry's semantic conventions, if there is one; the others begin with `iletimerkezi.`.
_ADDRESS = "server.address"
_OPERATION = "iletimerkezi.operation"
_RECIPIENTS = "iletimerkezi.recipients"
_ORDER_ID = "iletimerkezi.order.id"
_OUTCOME = "iletimerkezi.outcome"
_RESENDS = "http.request.resend_count"
_ERROR = "error.type"
_PACING = "iletimerkezi.pacing.wait"

_OUTCOMES: dict[type, str] = {Answered: "accepted", Refused: "refused", Lost: "unknown", NotSent: "not_sent"}


class Telemetry:
    """The tracer and the meters of one pair of providers.

    Attributes:
        tracer: Starts spans.
        duration: Seconds of a call.
        recipients: Recipients, by outcome.
        resends: Requests sent again.
        pacing: Seconds that a request waited for its turn.
    """

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self.tracer = tracers.get_tracer(_SCOPE, __version__)
        meter = meters.get_meter(_SCOPE, __version__)
        self.duration = _make_histogram(
            meter, "iletimerkezi.client.operation.duration", "How long a call took, with all its attempts"
        )
        self.recipients = meter.create_counter(
            "iletimerkezi.client.recipients", "{recipient}", "Recipients, by outcome"
        )
        self.resends = meter.create_counter("iletimerkezi.client.resends", "{request}", "Requests that were sent again")
        self.pacing = _make_histogram(meter, "iletimerkezi.client.pacing.wait", "How long an order waited for the rate")


def _make_histogram(meter: Meter, name: str, description: str) -> Histogram:
    try:
        return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_BUCKETS)
    except TypeError:
        # Before 1.30 it takes no buckets. An application may have an older API, whatever this library requires.
        return meter.create_histogram(name, "s", description)


# Shared by all clients: some versions of the SDK warn if an instrument is made twice.
_telemetry_of = functools.lru_cache(maxsize=1)(Telemetry)
_current: ContextVar[Observation | None] = ContextVar("the call that is observed", default=None)


def start_telemetry() -> Telemetry | None:
    """Make the telemetry of a client; `None` if OpenTelemetry is not installed."""
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - for those who have it
    except ImportError:
        return None
    return _telemetry_of(trace.get_tracer_provider(), metrics.get_meter_provider())


def observed(
    operation: str, span: str = ""
) -> Callable[[Callable[P, Coroutine[object, object, R]]], Callable[P, Coroutine[object, object, R]]]:
    """Make each call of a client's method one span, if it has telemetry, and forget variables as `forgetful` does.

    Args:
        operation: The service's operation that the method performs. Other operations that it uses are not counted.
        span: The span's name, if it differs from the operation's.
    """
    about = OPERATIONS[operation]

    def decorate(method: Callable[P, Coroutine[object, object, R]]) -> Callable[P, Coroutine[object, object, R]]:
        @forgets
        @functools.wraps(method)
        async def observing(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                waiting = method(*args, **kwargs)
                transport: Any = cast("Any", args[0])._session.transport  # noqa: SLF001 - of the client
                telemetry: Telemetry | None = transport.telemetry
                # The caller's hooks can inspect the stack while it waits.
                args, kwargs = _NOTHING  # type: ignore[assignment]  # the last use of them was above
                if telemetry is None:
                    return await waiting
                with Observation(telemetry, transport.host, about, span) as observation:
                    observation.result = result = await waiting
                    return result
            except BaseException as error:
                args, kwargs = _NOTHING  # type: ignore[assignment]
                forget(error)
                raise

        return observing

    return decorate


class Observation:
    """A call of a public method, while it runs.

    Args:
        telemetry: The telemetry of the client.
        host: The service's host.
        operation: The service's operation that the call performs.
        span: The span's name, if it differs from the operation's.

    Attributes:
        telemetry: The telemetry of the client.
        operation: The service's operation that the call performs. Other operations that it uses are not counted.
        result: The call's result; of a campaign, also if it failed.
        recipients: How many recipients it has.
        resends: How often it was sent again.
        under_way: How many of its requests are under way.
        was_lost: Whether an answer was lost.
        was_answered: Whether the service did what was asked.
        was_asked: Whether any request was made.
        order_id: The id of its order, if known.
        labels: The attributes that its span and its metrics share.
        span: Its span, if one could be started.
    """

    def __init__(self, telemetry: Telemetry, host: str, operation: Operation, span: str = "") -> None:
        self.telemetry = telemetry
        self.operation = operation
        self.result: object = None
        self.recipients = self.resends = self.under_way = 0
        self.was_lost = self.was_answered = self.was_asked = False
        self.order_id: int | None = None
        self.labels = {_ADDRESS: host, _OPERATION: span or operation.name}
        self.span: Span | None = None

    def __enter__(self) -> Self:
        from opentelemetry import context, trace  # noqa: PLC0415 - it was there when this was made

        self._detach: Callable[[], None] | None = None
        self._began = time.perf_counter()
        try:
            span: Span = self.telemetry.tracer.start_span(
                self.labels[_OPERATION], kind=trace.SpanKind.CLIENT, attributes=self.labels
            )
        except Exception:
            # A sampler or processor failed. That must not prevent the call.
            logger.warning("OpenTelemetry could not start a span", exc_info=True)
        else:
            self.span = span
            token = context.attach(trace.set_span_in_context(span))
            self._detach = functools.partial(context.detach, token)
        self._token = _current.set(self)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            _current.reset(self._token)
        except ValueError:
            # Closed by the garbage collector, in another context.
            self._detach = None
        if self._detach is not None:
            self._detach()
        try:
            self._tell(error)
        except Exception:
            # Likewise: that must not fail a call that was made.
            logger.warning("OpenTelemetry could not end a span", exc_info=True)

    def _tell(self, error: BaseException | None) -> None:
        """End the span, and record the metrics."""
        outcome = self._succeeded() if error is None else self._failed(error)
        counts = self.result if isinstance(self.result, BulkResult) else None
        labels = {**self.labels, _OUTCOME: outcome}
        if error is not None:
            labels[_ERROR] = type(error).__qualname__
        telemetry = self.telemetry
        telemetry.duration.record(time.perf_counter() - self._began, labels)
        if self.resends:
            telemetry.resends.add(self.resends, self.labels)
        for what, count in (_count_by_outcome(counts) if counts else {outcome: self.recipients}).items():
            if count:
                telemetry.recipients.add(count, {**self.labels, _OUTCOME: what})
        if self.span is not None:
            if self.span.is_recording():
                self.span.set_attributes(self._attributes(labels, counts))
                _record_error(self.span, error)
            self.span.end()

    def _attributes(self, labels: dict[str, str], counts: BulkResult | None) -> dict[str, str | int]:
        attributes: dict[str, str | int] = {**labels, _RESENDS: self.resends}
        if self.order_id is not None:
            attributes[_ORDER_ID] = self.order_id
        if counts is not None:
            attributes |= {
                _RECIPIENTS: counts.read,
                f"{_RECIPIENTS}.accepted": counts.accepted,
                f"{_RECIPIENTS}.refused": len(counts.refused),
                f"{_RECIPIENTS}.duplicates": counts.duplicates,
                f"{_RECIPIENTS}.failed": counts.failures,
                "iletimerkezi.orders": len(counts.orders),
            }
        elif self.recipients:
            attributes[_RECIPIENTS] = self.recipients
        return attributes

    def _succeeded(self) -> str:
        result = self.result
        if isinstance(result, Order):
            self.order_id = result.id
            self.recipients = self.recipients or result.recipients
            if result.replayed:
                return "replayed"
        elif isinstance(result, (OrderReport, ReportPage)):
            self.order_id = (result.order if isinstance(result, ReportPage) else result).id
        if isinstance(result, BulkResult):
            return _campaign_outcome(result)
        return "accepted" if self.was_answered or self.operation.kind is not Kind.GUARDED else "recovered"

    def _failed(self, error: BaseException) -> str:
        if isinstance(error, OrderAcceptedError):
            return "recovered" if self.was_asked else "replayed"
        if isinstance(error, ApiError):
            return "refused"
        if isinstance(error, OutcomeUnknownError) or self._is_in_doubt(error):
            return "unknown"
        return "refused" if isinstance(error, BulkError) and isinstance(error.error, ApiError) else "not_sent"

    def _is_in_doubt(self, error: BaseException) -> bool:
        """Whether the request may have been carried out in spite of an error."""
        if isinstance(self.result, BulkResult):
            return bool(self.result.unknown)
        return self.was_lost or (self.under_way > 0 and not isinstance(error, IletimerkeziError))


# These functions note facts about the observed call, if there is one.


def note_order(recipients: int) -> None:
    """Note how many recipients the observed call has."""
    observation = _current.get()
    if observation is not None:
        observation.recipients = recipients


def note_result(result: BulkResult) -> None:
    """Note the counts of the observed campaign, which may have failed."""
    observation = _current.get()
    if observation is not None:
        observation.result = result


def note_order_id(value: object) -> int:
    """Check the id of the observed call's order, and note it.

    Raises:
        ConfigurationError: It is not an id.
    """
    order_id = check_order_id(value)
    observation = _current.get()
    if observation is not None:
        observation.order_id = order_id
    return order_id


def note_paced(call: Call[T], seconds: float) -> None:
    """Note how many seconds a request has waited for the rate."""
    observation = _current.get()
    if observation is None or observation.operation is not call.operation:
        return
    observation.telemetry.pacing.record(seconds, observation.labels)
    if seconds >= _NO_WAIT and observation.span is not None:
        observation.span.add_event("paced", {_PACING: seconds})


def begin_attempt(call: Call[T]) -> None:
    """Note that a request is about to leave."""
    observation = _current.get()
    if observation is not None and observation.operation is call.operation:
        observation.was_asked = True
        observation.under_way += 1


def end_attempt(call: Call[T], outcome: AttemptOutcome[T], attempt: int) -> None:
    """Note that a request has ended.

    Args:
        call: The request's call.
        outcome: Its outcome.
        attempt: Its number, from 1.
    """
    observation = _current.get()
    if observation is None or observation.operation is not call.operation:
        return
    observation.under_way -= 1
    observation.resends += attempt > 1
    observation.was_answered |= isinstance(outcome, Answered)
    if isinstance(outcome, Lost):
        observation.was_lost = True
        if observation.span is not None:
            error = type(outcome.error).__qualname__
            observation.span.add_event("answer lost", {_RESENDS: attempt - 1, _ERROR: error})


# The fields of log records, and the outcomes of campaigns.


def describe_attempt(call: Call[T], outcome: AttemptOutcome[T], attempt: int, host: str) -> dict[str, object]:
    """The `extra` of a log record about an attempt, with the names of a span's attributes.

    Args:
        call: The attempt's call.
        outcome: The attempt's outcome.
        attempt: Its number, from 1.
        host: The service's host.
    """
    extra: dict[str, object] = {
        _ADDRESS: host,
        _OPERATION: call.operation.name,
        _RESENDS: attempt - 1,
        _OUTCOME: _OUTCOMES[type(outcome)],
    }
    if call.recipients:
        extra[_RECIPIENTS] = call.recipients
    if not isinstance(outcome, Answered):
        extra[_ERROR] = type(outcome.error).__qualname__
    elif isinstance(outcome.value, Order):
        extra[_ORDER_ID] = outcome.value.id
    return extra


def describe_error(operation: str, error: Exception, order_id: int | None = None) -> dict[str, object]:
    """The `extra` of a log record about an operation, and not about one attempt."""
    extra: dict[str, object] = {_OPERATION: operation, _ERROR: type(error).__qualname__}
    return extra if order_id is None else {**extra, _ORDER_ID: order_id}


def _campaign_outcome(result: BulkResult) -> str:
    """The outcome of a finished campaign, in one word: unknown, else accepted, else not sent, else refused."""
    if result.unknown:
        return "unknown"
    if result.accepted or not result.read:
        return "accepted"
    return "not_sent" if result.failed else "refused"


def _count_by_outcome(counts: BulkResult) -> dict[str, int]:
    """Recipients by outcome."""
    unknown = sum(failure.count for failure in counts.unknown)
    refused = sum(failure.count for failure in counts.not_sent if isinstance(failure.error, ApiError))
    return {
        "accepted": counts.accepted,
        "refused": len(counts.refused) + refused,
        "unknown": unknown,
        "not_sent": counts.failures - unknown - refused,
    }


def _record_error(span: Span, error: BaseException | None) -> None:
    """Record an error: its type and, if it is this library's, its text; neither its traceback nor its causes."""
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
