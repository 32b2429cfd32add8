"""In production: connections, time limits, your own HTTP client, logs and OpenTelemetry.

## One client

Create one `AsyncClient` per account and process, and keep it: it holds the connections, and keeps to the account's
rate. It may be created outside of a running event loop. Close it (`async with`, or `aclose`) in the loop that used it.
One client can serve event loops in several threads: they share one rate, and each has its own connections; call
`aclose` in each. A forked process opens its own connections. `with_options` makes a client over the same connections
with other settings, such as a shorter `timeout` for a web request.

## Time limits

`timeout` (30 seconds by default) limits each of waiting for a free connection, connecting, writing, and each read. A
call makes as many attempts as `Retry` allows: by default 5, with pauses of at most 0.5, 1, 2 and 4 seconds between
them. To limit a whole call use `anyio.fail_after`, and see "Cancellation" in `iletimerkezi_async.orders`. No setting
can cause a message to be sent twice.

## Proxies and certificates

TLS connections use the environment's proxy (`HTTPS_PROXY`, `ALL_PROXY`), except for hosts in `NO_PROXY`, and its
certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`). An invalid setting raises `ConfigurationError` when the client is
created. As the body carries the credentials, redirects are never followed, and plain `http://` works for loopback only.

## Your own HTTP client

If your service has an `aiohttp.ClientSession`, pass it: a call then takes less than half the CPU time.

```python
import aiohttp
import anyio

from iletimerkezi_async import AsyncClient


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncClient(http_client=session)
        print(await client.get_balance())


anyio.run(main)
```

The session is used with its connector, headers and cookies, and never closed. It works on asyncio only; set its
connector's `limit` to the number of concurrent callers. An `httpx.AsyncClient` or an `httpx2.AsyncClient` works as
well. Only an error that the HTTP library itself raises while connecting proves that a request was not sent; an error's
name proves nothing. If a client raises errors for statuses (a hook that calls `raise_for_status`), the service's
message is lost, and a 4xx counts as the refusal with that code. Prefer no `http_client` to a shared
`httpx.AsyncClient`: cancelled calls can block its pool forever.

## Logs

The logger `iletimerkezi_async` logs each attempt at DEBUG and each repetition at WARNING, with numbers masked
(`+90530***4567`). Text, key and hash are never logged. The library clears the variables in the frames of an error that
it raises, so that error trackers show none. The `extra` of a log record has the attributes of a span:

```python
import logging

import anyio

from iletimerkezi_async import AsyncClient, Iys


class Outcomes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        told = vars(record)
        print(told["iletimerkezi.operation"], told.get("iletimerkezi.order.id"))


async def main() -> None:
    logger = logging.getLogger("iletimerkezi_async")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Outcomes())
    async with AsyncClient(iys=Iys.OFF) as client:
        await client.send_sms("Kodunuz 1234", to="0530 123 45 67")


anyio.run(main)
```

## OpenTelemetry

With `opentelemetry-api` installed (extra `otel`) each call is one CLIENT span with all its attempts, named after the
service's operation, and a child of the caller's span; a campaign is one span with its counts. Without the package
nothing is imported. Numbers, texts and credentials never appear.

| in a span | |
|---|---|
| `server.address` | the service's host |
| `iletimerkezi.operation` | such as `send-sms`; also the span's name |
| `iletimerkezi.recipients` | how many |
| `iletimerkezi.order.id` | once it is known |
| `iletimerkezi.outcome` | `accepted`, `replayed`, `recovered`, `refused`, `not_sent` or `unknown` |
| `http.request.resend_count` | how often the request was sent again |
| `error.type` | the class of the error |
| `iletimerkezi.orders` | how many orders a campaign had |
| `iletimerkezi.recipients.accepted` | of a campaign; also `.refused`, `.duplicates`, `.failed` |
| events `answer lost`, `paced` | an attempt's answer was lost; the order waited for its turn |

| metric | |
|---|---|
| `iletimerkezi.client.operation.duration` | seconds of a call, with all its attempts |
| `iletimerkezi.client.recipients` | recipients, by outcome |
| `iletimerkezi.client.resends` | requests that were sent again |
| `iletimerkezi.client.pacing.wait` | seconds that an order waited for the rate |

Alert on the outcome `unknown`: a person may have to check the order (`iletimerkezi_async.orders`).

## The files

Only this folder uses HTTP libraries. `transport` sends a call, and repeats it as its kind allows (`retry` has the
policy). First it waits for the pacer (`pacing`), and for a connection: one of ours (`lanes`), or one of the caller's
own client (`clients`). `exchange` has one request and its answer, and decides whether the request may have left;
`over_httpx` and `over_aiohttp` implement it for each library. `settings` checks base URL, timeouts, proxy and
certificates. `telemetry` makes the spans and metrics of calls, and the fields of log records.

Input: a `Call` of `wire`. Output: its value, or an error that says whether the request may have been taken. This folder
reads no bodies and knows no orders or campaigns; of stores it knows only that they reserve time.
"""
