"""What calls tell OpenTelemetry, where `opentelemetry-api` is installed.

A call of the public face is one span of kind CLIENT, whatever attempts it took and whatever was looked up on its way.
Attributes, events and metrics hold counts, ids and the names of errors: never a number, a text or a credential. Where
the package is not installed nothing of it is imported, and a call only looks whether there is anything to be told.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attrs import frozen

from iletimerkezi_async._version import __version__
from iletimerkezi_async.errors import (
    ApiError,
    ConfigurationError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
)
from iletimerkezi_async.models import Order, OrderReport
from iletimerkezi_async.results import BulkError, BulkResult, JournalError
from iletimerkezi_async.wire.arguments import check_order_id
from iletimerkezi_async.wire.call import Answered, Call, Lost, Outcome, T
from iletimerkezi_async.wire.reports import ReportPage

from .outcomes import (
    ADDRESS,
    ERROR,
    OPERATION,
    ORDER_ID,
    OUTCOME,
    PACING,
    RECIPIENTS,
    RESENDS,
    campaign_outcome,
    count_by_outcome,
    count_failures,
    record_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from typing_extensions import Self

__all__ = [
    "Telemetry",
    "begin_attempt",
    "end_attempt",
    "note_order",
    "note_paced",
    "start_telemetry",
]

logger = logging.getLogger("iletimerkezi_async")

_SCOPE = "iletimerkezi_async"
# Their refusal after a lost answer tells that they were done.
_GUARDED = frozenset({"send-sms", "cancel-order", "delete-blacklist"})
# A wait that is shorter, in seconds, is none: it is what asking costs.
_NO_WAIT = 0.01
# Seconds; those that OpenTelemetry's conventions advise for HTTP clients, and some for whoever waits.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300)


@frozen(eq=False)
class _Instruments:
    """What measures, as long as the providers are the same.

    Attributes:
        tracers: The provider of tracers that they were made of.
        meters: The provider of meters, likewise.
        tracer: Starts spans.
        duration: Seconds of a call.
        recipients: Recipients, by what became of them.
        resends: Requests sent again.
        pacing: Seconds that a request waited for its turn.
    """

    tracers: TracerProvider
    meters: MeterProvider
    tracer: Any
    duration: Histogram
    recipients: Counter
    resends: Counter
    pacing: Histogram


# Of all clients: some versions of the SDK warn where an instrument is made twice.
_made: _Instruments | None = None
_current: ContextVar[_Observation | None] = ContextVar("the call that is observed", default=None)


def start_telemetry(host: str) -> Telemetry | None:
    """What tells of a client's calls; `None` where OpenTelemetry is not installed.

    Args:
        host: Where the service is.
    """
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - for those who have it
    except ImportError:
        return None
    global _made  # noqa: PLW0603 - see there
    tracers, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
    if _made is None or _made.tracers is not tracers or _made.meters is not meters:
        _made = _make_instruments(tracers, meters)
    return Telemetry(host, _made)


def _make_instruments(tracers: TracerProvider, meters: MeterProvider) -> _Instruments:
    meter = meters.get_meter(_SCOPE, __version__)

    def histogram(name: str, description: str) -> Histogram:
        try:
            return meter.create_histogram(
                name, unit="s", description=description, explicit_bucket_boundaries_advisory=_BUCKETS
            )
        except TypeError:
            # Before 1.30 it takes no advice.
            return meter.create_histogram(name, unit="s", description=description)

    return _Instruments(
        tracers,
        meters,
        tracers.get_tracer(_SCOPE, __version__),
        histogram("iletimerkezi.client.operation.duration", "How long a call took, with all its attempts"),
        meter.create_counter("iletimerkezi.client.recipients", "{recipient}", "Recipients, by what became of them"),
        meter.create_counter("iletimerkezi.client.resends", "{request}", "Requests that were sent again"),
        histogram("iletimerkezi.client.pacing.wait", "How long an order waited for the rate"),
    )


class Telemetry:
    """Tells OpenTelemetry of the calls of a client.

    Args:
        host: Where the service is.
        instruments: What measures.
    """

    def __init__(self, host: str, instruments: _Instruments) -> None:
        self.host = host
        self.instruments = instruments

    def observe(self, name: str, operation: str = "") -> _Observation:
        """A span for one call of the public face, current as long as it is entered.

        Args:
            name: The call's name.
            operation: The service's operation that it is about, if that has another name.
        """
        return _Observation(self, name, operation or name)


class _Observation:
    """One call of the public face, as far as it has come.

    Attributes:
        operation: The service's operation that the call is about. Of others, made on its way, nothing is counted.
        recipients: How many recipients it has.
        resends: How often it was sent again.
    """

    def __init__(self, telemetry: Telemetry, name: str, operation: str) -> None:
        self.operation = operation
        self.recipients = 0
        self.resends = 0
        self._name = name
        self._telemetry = telemetry
        self._order_id: int | None = None
        self._result: object = None
        self._under_way = 0
        self._was_lost = False
        self._was_answered = False
        self._was_asked = False
        self._span: Span | None = None

    def __enter__(self) -> Self:
        from opentelemetry import context, trace  # noqa: PLC0415 - it was there when this was made

        self._detach: Callable[[], None] | None = None
        attributes = {ADDRESS: self._telemetry.host, OPERATION: self._name}
        tracer = self._telemetry.instruments.tracer
        self._began = time.perf_counter()
        self._handled = sys.exc_info()[1]
        try:
            span: Span = tracer.start_span(self._name, kind=trace.SpanKind.CLIENT, attributes=attributes)
        except Exception:
            # A sampler or processor of somebody else's: no reason not to send.
            logger.warning("OpenTelemetry could not start a span", exc_info=True)
        else:
            self._span = span
            token = context.attach(trace.set_span_in_context(span))
            self._detach = functools.partial(context.detach, token)
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            _current.reset(self._token)
        except ValueError:
            # Thrown away by the garbage collector, in a context that this never was in.
            self._detach = None
        if self._detach is not None:
            self._detach()
        try:
            self._tell(error)
        except Exception:
            # Likewise: what was sent is sent.
            logger.warning("OpenTelemetry could not end a span", exc_info=True)

    def note_result(self, result: object) -> None:
        """The call has ended well."""
        self._result = result
        if isinstance(result, (Order, OrderReport)):
            self.note_order_id(result.id)
        elif isinstance(result, ReportPage):
            self.note_order_id(result.order.id)

    def note_order_id(self, order_id: object) -> None:
        """The call is about this order, if it can be one; whatever else was given by mistake goes no further."""
        # Values of other classes may do anything when they are looked at, in a frame that holds them.
        if type(order_id) in {int, str, Order}:
            with suppress(ConfigurationError):
                self._order_id = check_order_id(order_id)

    def note_paced(self, seconds: float) -> None:
        """A request has waited for its turn."""
        self._telemetry.instruments.pacing.record(seconds, self._labels())
        if seconds >= _NO_WAIT and self._span is not None:
            self._span.add_event("paced", {PACING: seconds})

    def begin_attempt(self) -> None:
        """A request is about to leave."""
        self._was_asked = True
        self._under_way += 1

    def end_attempt(self, outcome: Outcome[T], attempt: int) -> None:
        """A request has ended.

        Args:
            outcome: What it ended in.
            attempt: Its number, from 1.
        """
        self._under_way -= 1
        self.resends += attempt > 1
        self._was_answered |= isinstance(outcome, Answered)
        if isinstance(outcome, Lost):
            self._was_lost = True
            if self._span is not None:
                self._span.add_event("answer lost", {RESENDS: attempt - 1, ERROR: type(outcome.error).__qualname__})

    def _labels(self) -> dict[str, str]:
        return {ADDRESS: self._telemetry.host, OPERATION: self._name}

    def _tell(self, error: BaseException | None) -> None:
        """End the span, and count."""
        outcome = self._succeeded() if error is None else self._failed(error)
        counts = self._counts(error)
        labels = {**self._labels(), OUTCOME: outcome}
        if error is not None:
            labels[ERROR] = type(error).__qualname__
        instruments = self._telemetry.instruments
        instruments.duration.record(time.perf_counter() - self._began, labels)
        if self.resends:
            instruments.resends.add(self.resends, self._labels())
        for what, count in (count_by_outcome(counts) if counts else {outcome: self.recipients}).items():
            if count:
                instruments.recipients.add(count, {**self._labels(), OUTCOME: what})
        if self._span is not None:
            if self._span.is_recording():
                self._span.set_attributes(self._attributes(labels, counts))
                record_error(self._span, error)
            self._span.end()

    def _counts(self, error: BaseException | None) -> BulkResult | None:
        """What a campaign has counted, also where it was cancelled."""
        context = None if error is None else error.__context__
        # What the caller was handling when it called is chained as well.
        for each in (self._result, error, None if context is self._handled else context):
            if isinstance(each, BulkResult):
                return each
            if isinstance(each, (BulkError, JournalError)):
                return each.result
        return None

    def _attributes(self, labels: dict[str, str], counts: BulkResult | None) -> dict[str, str | int]:
        attributes: dict[str, str | int] = {**labels, RESENDS: self.resends}
        if self._order_id is not None:
            attributes[ORDER_ID] = self._order_id
        if counts is not None:
            attributes |= {
                RECIPIENTS: counts.read,
                f"{RECIPIENTS}.accepted": counts.accepted,
                f"{RECIPIENTS}.refused": len(counts.refused),
                f"{RECIPIENTS}.duplicates": counts.duplicates,
                f"{RECIPIENTS}.failed": count_failures(counts),
                "iletimerkezi.orders": len(counts.orders),
            }
        elif self.recipients:
            attributes[RECIPIENTS] = self.recipients
        return attributes

    def _succeeded(self) -> str:
        result = self._result
        if isinstance(result, Order):
            self.recipients = self.recipients or result.recipients
            if result.replayed:
                return "replayed"
        if isinstance(result, BulkResult):
            return campaign_outcome(result)
        return "accepted" if self._was_answered or self.operation not in _GUARDED else "recovered"

    def _failed(self, error: BaseException) -> str:
        if isinstance(error, OrderAcceptedError):
            return "recovered" if self._was_asked else "replayed"
        if isinstance(error, (BulkError, JournalError)):
            stopped = error.error if isinstance(error, BulkError) else None
            return "refused" if isinstance(stopped, ApiError) and not self._is_in_doubt(error) else self._doubt(error)
        if isinstance(error, ApiError):
            return "refused"
        if isinstance(error, OutcomeUnknownError):
            return "unknown"
        return self._doubt(error)

    def _doubt(self, error: BaseException) -> str:
        return "unknown" if self._is_in_doubt(error) else "not_sent"

    def _is_in_doubt(self, error: BaseException) -> bool:
        """Whether something may have been done all the same."""
        counts = self._counts(error)
        if counts is not None:
            return any(isinstance(failure.error, OutcomeUnknownError) for failure in counts.failed)
        return self._was_lost or (self._under_way > 0 and not isinstance(error, IletimerkeziError))


# What a transport tells. All of it is about the call that is observed, if there is one.


def note_order(recipients: int) -> None:
    """The call that is observed is about so many recipients."""
    observation = _current.get()
    if observation is not None:
        observation.recipients = recipients


def note_paced(call: Call[T], seconds: float) -> None:
    """A request has waited so many seconds for its turn."""
    observation = _current.get()
    if observation is not None and observation.operation == call.operation:
        observation.note_paced(seconds)


def begin_attempt(call: Call[T]) -> None:
    """A request is about to leave."""
    observation = _current.get()
    if observation is not None and observation.operation == call.operation:
        observation.begin_attempt()


def end_attempt(call: Call[T], outcome: Outcome[T], attempt: int) -> None:
    """A request has ended.

    Args:
        call: What was asked.
        outcome: What it ended in.
        attempt: Its number, from 1.
    """
    observation = _current.get()
    if observation is not None and observation.operation == call.operation:
        observation.end_attempt(outcome, attempt)
