"""In production: connections, time limits, your own HTTP client, logs and OpenTelemetry.

## One client

Make one `AsyncClient` for each account and process, and keep it: it holds the connections, and the pace that the
account is allowed. It may be made outside of a running event loop. Close it (`async with`, or `aclose`) in the loop
that it was used in. One client serves event loops in several threads, too: one rate for all, connections for each; call
`aclose` in each. A process that is forked off opens connections of its own. `with_options` gives a second face of the
same client, with other settings: a shorter `timeout` for a web request, say.

## Time limits

`timeout` (30 seconds by default) is for each of waiting for a free connection, connecting, writing, and each read. A
call takes as many attempts as `Retry` allows: by default 5, with pauses of at most half a second, one, two and four in
between. To bound a whole call use `anyio.fail_after`, and see "Giving up" in `iletimerkezi_async.orders`. No setting
can make a message go out twice.

## Proxies and certificates

A proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, but for what `NO_PROXY` lists) is used over TLS, and so
are `SSL_CERT_FILE` and `SSL_CERT_DIR`. What cannot work is a `ConfigurationError` when the client is made. Redirects
are never followed, and plain `http://` is refused but for the loopback: the body carries the credentials.

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
should be the callers you expect. An `httpx.AsyncClient` or an `httpx2.AsyncClient` works as well. What counts as
"surely not sent" is proven for each by its own connecting errors, never by an error's name. One that raises on statuses
(a hook that calls `raise_for_status`) hides the service's words: a 4xx is then the refusal whose code it repeats.
Prefer no client of your own to a shared `httpx.AsyncClient`: cancelled calls can leave its pool waiting for good.

## Logs

The logger `iletimerkezi_async` tells each attempt at DEBUG and each repetition at WARNING, with numbers masked
(`+90530***4567`). Text, key and hash are never logged. An error that leaves the library carries no variables of its
frames, so that an error tracker shows none. Records carry as `extra` what a span has as attributes:

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
nothing is imported. Never a number, a text or a credential is told.

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
certificates. `telemetry` makes spans and metrics of calls, in the words of `outcomes`.

In comes a `Call` of `wire`; out goes its value, or an error that says whether the request may have been taken. Bodies
are not read here, and orders and campaigns are not known; of stores only that they reserve time.
"""
