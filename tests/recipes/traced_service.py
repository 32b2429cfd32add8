"""A FastAPI service whose requests are traced with OpenTelemetry, down to what became of the SMS.

To try it, with `iletimerkezi sandbox` in another terminal and what that prints exported here:

    pip install 'iletimerkezi-async[otel]' opentelemetry-sdk opentelemetry-instrumentation-fastapi
    uvicorn traced_service:app

The client needs no word of this: where `opentelemetry-api` is installed it tells of its calls, as children of whatever
span is current.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Request
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from iletimerkezi_async import AsyncClient, InsufficientBalanceError, Iys, RecipientError


def a_line(span: ReadableSpan) -> str:
    """A span as one line of JSON."""
    return f"{span.to_json(indent=None)}\n"  # type: ignore[arg-type]  # `None` is one line, as for `json.dumps`


# Before the client is made. In production a `BatchSpanProcessor` with an exporter to wherever the traces are kept.
provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=a_line)))
trace.set_tracer_provider(provider)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with AsyncClient(iys=Iys.OFF) as client:
        app.state.sms = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}/shipped")
async def tell(number: str, phone: Annotated[str, Body(embed=True)], request: Request) -> dict[str, int]:
    """Tell a customer that an order is on its way."""
    try:
        order = await request.app.state.sms.send_sms(f"{number} numarali siparisiniz yolda", to=phone)
    except RecipientError:
        raise HTTPException(422, "Telefon numarası yanlış") from None
    except InsufficientBalanceError:
        raise HTTPException(503, "Birazdan tekrar deneyin") from None
    return {"order": order.id}


# Without the spans of each part of a request and an answer.
FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
