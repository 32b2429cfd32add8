"""A fake of the service to develop and test against: it sends nothing, and remembers everything.

The service has no sandbox of its own, so the library ships one. It follows the provider's documents: duplicates are
refused for 10 minutes, texts have at most seven parts; schedules, balance, blocked numbers and limits work. It can be
made to fail.

```python
import anyio

from iletimerkezi_async import Iys
from iletimerkezi_async.sandbox import Sandbox


async def main() -> None:
    sandbox = Sandbox()
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:  # in process, no socket
        sandbox.fail("send-sms", "drop-answer")  # the order is taken, the answer is lost
        order = await client.send_sms("Kodunuz 1234", to="0530 123 45 67")
        assert sandbox.deliveries == {"+905301234567": 1}
        assert sandbox.orders[0].id == order.id
        sandbox.advance(minutes=11)  # its clock
    async with sandbox.serve() as url:  # a real server on the loopback, for any HTTP client
        print("AsyncClient(base_url=...) may use", url)


anyio.run(main)
```

`Sandbox` is the service, `SandboxOrder` an accepted order.

Faults (`Fault`) are `drop-request`, `drop-answer`, `half-answer`, `garbage`, `not-object`, `html-502-before`,
`html-502`, `empty-504`, `empty-503`, `503`, `429`, `empty-429`, `stall`, `close-idle`, and any other three-digit code,
which is a refusal with this code.

## In your own tests

Installing the library gives pytest two fixtures; serving needs the extra `sandbox`. `iletimerkezi_sandbox_url` sets
`ILETIMERKEZI_BASE_URL`, which the client reads, so two lines test the service in README:

```python
from fastapi.testclient import TestClient

from service import app


def test_a_code_is_sent_once(iletimerkezi_sandbox, iletimerkezi_sandbox_url):
    iletimerkezi_sandbox.fail("send-sms", "drop-answer")  # or any other fault
    with TestClient(app) as http:
        assert http.post("/codes", json={"number": "0530 123 45 67"}).status_code == 200
    assert iletimerkezi_sandbox.deliveries == {"+905301234567": 1}
```

`iletimerkezi_sandbox` is a new `Sandbox` for each test; `iletimerkezi_sandbox_url` serves it and sets the variables of
the key, the hash, the sender and the base URL. To use another sandbox, define a fixture `iletimerkezi_sandbox`. See
`iletimerkezi_async_pytest`.

## Forms and deviations of answers

By default, answers have the form that the service writes now. `Sandbox(style="seeds")` writes the form of the first
documents, `"strings"` makes every value a string, and `Style` sets each form separately. With `Weather`, answers about
orders deviate from the truth, as real ones may; `Sandbox.orders` and `Sandbox.deliveries` always show the truth:

```python
from datetime import timedelta

import anyio

from iletimerkezi_async import Iys
from iletimerkezi_async.sandbox import Sandbox, Weather


async def main() -> None:
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(minutes=1), row_order="shuffled", masks="middle"))
    sandbox.add_orders(1000)  # those of another program of the same account
    sandbox.weather = Weather()  # no deviation
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        await client.get_balance()
    print(sandbox.request_counts)  # requests by operation


anyio.run(main)
```

## As a server

`iletimerkezi sandbox --port 8025` serves it until Ctrl-C or SIGTERM, and prints the variables to set. While it is
served, `/` shows orders, messages, requests, webhook calls, balance, blacklist and faults in a browser, and updates
itself; viewing changes nothing. Only programs on this machine are served, and no other web pages: a request is refused
if its `Host` is not the loopback's, or if it comes from another origin.

## Coming from XML

URLs without `/json` take and answer the XML of the provider's first documents, with the same rules and the same orders.
A service that moves from XML to this library can run the old and the new code on one sandbox: an order that both send
is refused as a duplicate, and `Sandbox.deliveries` shows how many messages each number got.

```python
import anyio
import httpx

from iletimerkezi_async import AsyncClient, DuplicateOrderError, Iys
from iletimerkezi_async.sandbox import Sandbox

OLD = (
    "<request><authentication><key>demo</key><hash>demo</hash></authentication>"
    "<order><sender>FIRMA</sender><sendDateTime></sendDateTime><iys>0</iys>"
    "<message><text>Kodunuz 1234</text><receipents><number>5301234567</number></receipents></message>"
    "</order></request>"
)


async def main() -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as url, httpx.AsyncClient() as http:
        print((await http.post(f"{url}/send-sms", content=OLD)).text)
        async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url) as client:
            try:
                await client.send_sms("Kodunuz 1234", to="0530 123 45 67")
            except DuplicateOrderError:
                print("sent by the old one:", sandbox.deliveries)


anyio.run(main)
```

## Clients in use

The provider's own clients and most others work if only their URL is changed. Three kinds need an option, because they
send less than the documents demand, or read another form; the command has the same options:

| client | option | command |
|---|---|---|
| sends no `iys`, as those of before 2024 | `Sandbox(missing_iys="off")` | `--iys-optional` |
| sends a user and a password, as those of before 2023 | `Sandbox(username=…, password=…)` | `--username --password` |
| is the newest official one for C# | `Sandbox(style="csharp")` | `--style csharp` |

An order as a `GET` request, `…/v1/send-sms/get/?key=…&text=…&receipents=…`, is answered in XML.

## Webhook calls

`Sandbox(webhook=…)` posts each state change of each message: automatically while it is served, otherwise when
`Sandbox.call_webhooks` is called. Here the calls are shuffled and repeated, as a real service may do:

```python
import anyio
import httpx

from iletimerkezi_async import Iys, parse_webhook
from iletimerkezi_async.sandbox import Sandbox


def take_report(request: httpx.Request) -> httpx.Response:  # stands for your endpoint
    event = parse_webhook(request.content)
    print(event.message_id, event.status.name)
    return httpx.Response(204)


async def main() -> None:
    sandbox = Sandbox(webhook="http://127.0.0.1:8000/sms-reports", webhook_order="shuffled", webhook_copies=2)
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        await client.send_sms("Kodunuz 1234", to="0530 123 45 67")
    sandbox.advance(minutes=1)
    async with httpx.AsyncClient(transport=httpx.MockTransport(take_report)) as http:  # or httpx.ASGITransport(app)
        await sandbox.call_webhooks(http)  # without a client: over a real socket
    print(sandbox.webhooks)


anyio.run(main)
```

## The files

For developers. The sandbox shares no code with the client for building requests and reading answers, so both cannot
contain the same mistake. Its files, from the top:

- `sandbox` is the public class, with `options` for its arguments.
- Input and output: `server`, `app` and `guard` (HTTP), `pages` and `views` (a browser), `transport` (in process),
  `webhooks` and `outbox` (calls).
- `service` reads a request in one of the `notations` (JSON with `bodies`, XML), applies the planned `faults`, and
  answers through `replies`.
- Operations: `sending`, `reporting`, `blocking`, `consents`; the two that only show the account are in `account`.
  `acceptance` charges and stores accepted orders, also those of other programs.
- Content and form of the answers: `weather`, `style`, `codes`.
- State: `account`, `orders`. Helpers: `dates`, `lengths`, `phones`.
"""

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.orders import SandboxOrder
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sandbox import Sandbox
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Fault", "Reply", "Sandbox", "SandboxOrder", "Style", "Weather"]
