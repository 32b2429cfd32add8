"""A fake of the service to develop and test against: it sends nothing, and remembers everything.

The service has no sandbox of its own, so the library ships one. It follows the documents: the 10 minutes, the seven
parts, schedules, balance, blocked numbers, the limits; and it can be made to fail.

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
`html-502`, `empty-504`, `empty-503`, `503`, `429`, `empty-429`, `stall`, `close-idle`, and any other code as a refusal
with it.

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
the key, the hash, the sender and the base URL. Define a fixture `iletimerkezi_sandbox` for another sandbox. See
`iletimerkezi_async_pytest`.

## Forms and deviations of answers

It writes what the service writes now. `Sandbox(style="seeds")` writes as the first documents do, `"strings"` makes
every value a string, and `Style` sets each form alone. What it tells of its orders can deviate from the truth
(`Weather`), which `Sandbox.orders` and `Sandbox.deliveries` keep:

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
served, `/` shows orders, messages, requests, webhook calls, balance, blacklist and faults in a browser, as they change;
looking changes nothing. It serves programs on this machine only, and no web page: another `Host` than the loopback's,
and a request of another origin, are refused.

## Coming from XML

Addresses without `/json` answer the XML of the provider's first documents, from the same rules and the same ledger. A
service that moves from XML to this library can run old and new side by side on one sandbox: an order that both send is
refused as a duplicate, and `Sandbox.deliveries` tells who got what.

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

The provider's own clients and most others get through with nothing changed but the address. Three need an option, as
the documents demand more than they send; the command has the same:

| client | option | command |
|---|---|---|
| sends no `iys`, as those of before 2024 | `Sandbox(missing_iys="off")` | `--iys-optional` |
| sends a user and a password, as those of before 2023 | `Sandbox(username=…, password=…)` | `--username --password` |
| is the newest official one for C# | `Sandbox(style="csharp")` | `--style csharp` |

An order in an address, `GET …/v1/send-sms/get/?key=…&text=…&receipents=…`, is answered in XML.

## Webhook calls

`Sandbox(webhook=…)` posts each state change of each message: by itself while it is served, else on
`Sandbox.call_webhooks`. Shuffled and repeated, as a real service may:

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

For those who work on it. It imports nothing of the client's building and reading of the wire, so that the two cannot
agree on a mistake. Its files, from the top:

- `sandbox` is the public face, with `options` for its arguments.
- Ways in and out: `server`, `app` and `guard` (HTTP), `pages` and `views` (a browser), `transport` (in process),
  `webhooks` and `outbox` (calls).
- `service` takes a request in one of the `notations` (JSON by `bodies`, XML), meets the planned `faults`, and answers
  through `replies`.
- Operations: `sending`, `reporting`, `blocking`, `consents`; `account` has the two that only show it. `acceptance` is
  where an order becomes one, also those of other programs.
- Content and form of the answers: `weather`, `style`, `codes`.
- Books: `account`, `orders`. Helpers: `dates`, `lengths`, `phones`.
"""

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.orders import SandboxOrder
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sandbox import Sandbox
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Fault", "Reply", "Sandbox", "SandboxOrder", "Style", "Weather"]
