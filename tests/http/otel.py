"""OpenTelemetry's SDK, for one test: what was told is kept in memory."""

from __future__ import annotations

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PREFIX = "iletimerkezi.client"


class Told:
    """What was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        # The public way works once in a process.
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", self.tracers)
        monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider([self._reader]))

    @property
    def spans(self) -> list[ReadableSpan]:
        """Our spans, in the order of their ends."""
        return [span for span in self._exporter.get_finished_spans() if span.kind is trace.SpanKind.CLIENT]

    @property
    def span(self) -> ReadableSpan:
        """The only one."""
        (span,) = self.spans
        return span

    @property
    def outcome(self) -> object:
        """That of the only span."""
        return (self.span.attributes or {})["iletimerkezi.outcome"]

    def metric(self, name: str) -> dict[str, float]:
        """For each outcome (or "", where it has none) the sum of a metric."""
        found: dict[str, float] = {}
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == f"{PREFIX}.{name}":
                        for point in metric.data.data_points:
                            outcome = str((point.attributes or {}).get("iletimerkezi.outcome", ""))
                            value = point.value if isinstance(point, NumberDataPoint) else point.sum  # type: ignore[union-attr]  # of histograms
                            found[outcome] = found.get(outcome, 0) + value
        return found

    def everything(self) -> str:
        """All that left the process."""
        data = self._reader.get_metrics_data()
        spans = self._exporter.get_finished_spans()
        return "\n".join([*(span.to_json() for span in spans), data.to_json() if data else ""])


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def events(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]
