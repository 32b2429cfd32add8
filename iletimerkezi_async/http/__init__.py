"""In production: connections, time limits, your own HTTP client, logs and OpenTelemetry.

## One client

Make one `AsyncClient` for each account and process, and keep it: it holds the connections, and the pace that the
account is allowed. It may be made outside of a running event loop. Close it (`async with`, or `aclose`) in the loop
that it was used in. One client serves event loops in several threads, too: one rate for all, connections for each; call
`aclose` in each. A forked process opens connections of its own. `with_options` gives a client over the same connections
with other settings, such as a shorter `timeout` for a web request.

## Time limits

`timeout` (30 seconds by default) is for each of waiting for a free connection, connecting, writing, and each read. A
call takes as many attempts as `Retry` allows: by default 5, with pauses of at most half a second, one, two and four in
between. To bound a whole call use `anyio.fail_after`, and see "Cancellation" in `iletimerkezi_async.orders`. No setting
can make a message go out twice.

## Proxies and certificates

For TLS the environment's proxy is used (`HTTPS_PROXY`, `ALL_PROXY`), except for hosts in `NO_PROXY`; so are its
certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`). A setting that cannot work is a `ConfigurationError` when the client is
made. As the body carries the credentials, redirects are never followed, and plain `http://` works for loopback alone.

## Your own HTTP client

A service that has an `aiohttp.ClientSession` hands it over, and a call then takes less than half the CPU time:

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

It is used with its connector, headers and cookies, and never closed; it works on asyncio only; its connector's `limit`
should be the number of callers at once. An `httpx.AsyncClient` or an `httpx2.AsyncClient` works as well. Only an error
of the library's own connecting phase proves that a request was not sent; an error's name proves nothing. A client that
raises errors for statuses (a hook that calls `raise_for_status`) hides the service's message: a 4xx then counts as the
refusal with that code. Rather than a shared `httpx.AsyncClient` give none: cancelled calls can block its pool for good.

## Logs

The logger `iletimerkezi_async` has each attempt at DEBUG and each repetition at WARNING, with numbers masked
(`+90530***4567`). Text, key and hash are never logged. An error that leaves the library carries no variables of its
frames, so that an error tracker shows none. The `extra` of a record holds the attributes of a span:

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

With `opentelemetry-api` installed (extra `otel`) each call is one CLIENT span, named by the service's operation and a
child of the caller's span, whatever attempts it took; a campaign is one span with its counts. Without the package
nothing is imported. Numbers, texts and credentials never appear.

| of a span | |
|---|---|
| `server.address` | where the service is |
| `iletimerkezi.operation` | such as `send-sms`, as its name |
| `iletimerkezi.recipients` | how many |
| `iletimerkezi.order.id` | once it is known |
| `iletimerkezi.outcome` | `accepted`, `replayed`, `recovered`, `refused`, `not_sent` or `unknown` |
| `http.request.resend_count` | how often the request was sent again |
| `error.type` | the class of the error |
| `iletimerkezi.orders` | how many orders a campaign had |
| `iletimerkezi.recipients.accepted` | of a campaign; likewise `.refused`, `.duplicates`, `.failed` |
| events `answer lost`, `paced` | an attempt's answer was lost; the order waited for its turn |

| metric | |
|---|---|
| `iletimerkezi.client.operation.duration` | seconds of a call, with all its attempts |
| `iletimerkezi.client.recipients` | recipients, by outcome |
| `iletimerkezi.client.resends` | requests that were sent again |
| `iletimerkezi.client.pacing.wait` | seconds that an order waited for the rate |

Alert on the outcome `unknown`: a person may have to look (`iletimerkezi_async.orders`).

## The files

This is the one folder that knows HTTP libraries. `transport` sends a call, and sends it again as its kind allows
(`retry` is that policy). Before that it waits for the pacer (`pacing`), and for a connection: one of ours (`lanes`), or
the caller's own client (`clients`). `exchange` is one request and its answer, and tells whether the request may have
left; `over_httpx` and `over_aiohttp` are that for each library. `settings` checks base URL, timeouts, proxy and
certificates. `telemetry` makes spans and metrics of calls, and the words of log records.

In comes a `Call` of `wire`; out goes its value, or an error that says whether the request may have been taken. Bodies
are not read here, and orders and campaigns are not known; of stores only that they reserve time.
"""
