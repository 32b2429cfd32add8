"""What it costs to tell OpenTelemetry of calls: nothing where it is not installed, little where it is."""

from __future__ import annotations

import functools
import json
import statistics
import sys
import time
from typing import Any

import anyio

from .harness import Findings, Goal, Row, client, in_child, in_turn, ratios, server
from .rivals import NUMBER

_CALLS, _WARM_UP, _ROUNDS = 400, 100, 3
#: Not even looked whether it is there; not installed; installed without an SDK; with the SDK, every call traced.
_WAYS = ("unobserved", "without", "api", "sdk")


def tracing() -> Findings:
    """CPU time of a `send_sms`, one at a time, each way in a process of its own."""
    with server() as served:
        seconds = in_turn(
            {way: functools.partial(lambda way: in_child("tracing", served.url, way)["cpu"][0], way) for way in _WAYS}
        )
    measure = "send_sms, CPU time a call"
    rows = [
        Row(
            f"{measure}: without OpenTelemetry, as a multiple of a client that knows nothing of it",
            ratios(seconds["without"], seconds["unobserved"]),
            goal=Goal(1.02),
        ),
        Row(f"{measure}: with its API alone, as a multiple", ratios(seconds["api"], seconds["unobserved"])),
        Row(f"{measure}: with its SDK, each call traced and measured", ratios(seconds["sdk"], seconds["unobserved"])),
        Row(
            "the same: more",
            [1e6 * (with_it - bare) for with_it, bare in zip(seconds["sdk"], seconds["unobserved"], strict=True)],
            "µs",
        ),
    ]
    return Findings(rows)


def _unobserve() -> None:
    """Take away all that looks for telemetry."""
    from iletimerkezi_async import AsyncClient  # noqa: PLC0415 - for this way alone
    from iletimerkezi_async.http import transport  # noqa: PLC0415 - likewise
    from iletimerkezi_async.orders import send  # noqa: PLC0415 - likewise

    def nothing(*_: object) -> None:
        pass

    observed: Any = AsyncClient.send_sms
    AsyncClient.send_sms = observed.__wrapped__  # type: ignore[method-assign]
    for module, names in ((transport, ("begin_attempt", "end_attempt", "note_paced")), (send, ("note_order",))):
        for name in names:
            setattr(module, name, nothing)


def _set_up_sdk() -> None:
    from opentelemetry import metrics, trace  # noqa: PLC0415 - for this way alone
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415 - likewise

    provider = TracerProvider()
    # What an exporter costs is its own matter.
    provider.add_span_processor(SpanProcessor())
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))


async def _cpu_a_call(url: str) -> float:
    figures: list[float] = []
    async with client(url) as sms:
        for _ in range(_WARM_UP):
            await sms.send_sms("Kodunuz 1234", NUMBER)
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(_CALLS):
                await sms.send_sms("Kodunuz 1234", NUMBER)
            figures.append((time.process_time() - began) / _CALLS)
    return statistics.median(figures)


def main() -> None:
    """Measure one way, and print it as JSON."""
    _, url, way = sys.argv
    if way in {"unobserved", "without"}:
        sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # how Python says that it is not there
    if way == "unobserved":
        _unobserve()
    if way == "sdk":
        _set_up_sdk()
    print(json.dumps({"cpu": [anyio.run(_cpu_a_call, url)]}))


if __name__ == "__main__":
    main()
