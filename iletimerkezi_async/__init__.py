"""The asyncio-native client for the SMS service of iletimerkezi.com: no message is sent twice, no recipient is lost.

```python
import anyio

from iletimerkezi_async import AsyncClient, Iys


async def main() -> None:
    async with AsyncClient(iys=Iys.OFF) as client:  # key, hash and sender from the environment
        order = await client.send_sms("Kodunuz 1234", to="0530 123 45 67")
        async for delivery in client.get_report(order.id):
            print(delivery.number, delivery.status)


anyio.run(main)
```

It runs on asyncio and on trio; in a notebook (Jupyter, IPython) write `await client.send_sms(...)` in a cell, without
`anyio.run`. Make one `AsyncClient` for each account and keep it: `help(AsyncClient)` has every call. (After this text,
`help` of this package prints every class in full: thousands of lines, most of them methods inherited from Python's own
classes. A chapter has a page or two.)

## Chapters

Each chapter is the docstring of a folder or module: `help("iletimerkezi_async.orders")`, or a page of this reference.

- `iletimerkezi_async.orders`: sending safely. Outcomes of a send, lost answers, schedules, pace, reports.
- `iletimerkezi_async.errors`: every error, and what to do.
- `iletimerkezi_async.campaigns`: any number of recipients, with a journal that survives a crash.
- `iletimerkezi_async.stores`: task queues, several processes or machines; one send per key.
- `iletimerkezi_async.http`: running in production. Timeouts, connections, your own HTTP client, logs, OpenTelemetry.
- `iletimerkezi_async.wire`: delivery reports by webhook, and the service's documents.
- `iletimerkezi_async.sandbox`: a fake of the service, to develop and test against; moving from XML.
- `iletimerkezi_async.pytest_plugin`, installed as `iletimerkezi_async_pytest`: the sandbox as fixtures of your tests.
- `iletimerkezi_async.cli`: the command `iletimerkezi`.

## Names by subject

| subject | names |
|---|---|
| one order | `send_sms`, `send_messages`, `Message`, `Order`, `Iys`, `cancel_order` |
| outcome of an order | `wait_for_order`, `get_order`, `get_report`, `get_reports`, `OrderReport`, `Delivery` |
| campaigns | `send_bulk`, `send_bulk_messages`, `fill_template`, `BulkResult`, `Progress`, `Refusal`, `Failure` |
| keys | `find_send`, `mark_sent`, `mark_not_sent`, `Send`, `SendState` |
| the account | `get_balance`, `Balance`, `get_senders` |
| blocked numbers | `get_blacklist`, `add_blacklist`, `delete_blacklist` |
| consents | `register_consents`, `check_consent`, `Consent`, `RecipientType`, `ConsentType`, `ConsentSource` |
| cost of a text | `measure`, `TextLength`, `Encoding` |
| numbers | `normalize_number`, `Number` |
| webhooks | `parse_webhook`, `DeliveryEvent`, `MessageStatus` |
| settings | `with_options`, `Retry`, `TokenBucket`, `Pacer` |

## Coming from the provider's SDK

The provider's own package for Python (`iletimerkezi`) blocks the event loop, has no timeout and no retry, and reports
an error through a method of its response, which is easy to forget. This library raises errors.

| `IletiMerkeziClient(api_key, api_hash, default_sender)` | `AsyncClient(key, hash, sender=…, iys=…)` |
|---|---|
| `sms().send(number, text)`, `sms().send([…], text)` | `send_sms(text, to)` |
| `sms().send({number: text, …})` | `send_messages([Message(text, number), …])`, `send_bulk_messages` |
| `sms().disable_iys_consent()` | `iys=Iys.OFF` |
| `sms().enable_iys_consent()`, its default, and `iys_list_type("TACIR")` | `iys=Iys.BIREYSEL`, `iys=Iys.TACIR` |
| `sms().schedule("23/04/2027 09:00")` | `send_at=`, an aware `datetime` |
| `response.ok()`, `response.get_error()` | an `IletimerkeziError` is raised |
| `response.order_id()` | `Order.id`, an `int` |
| `reports().get(order_id)`, `reports().next()` | `get_report(order_id)`, which reads all pages |
| `summary().list(start, end)`, `next()` | `get_reports(start, end)`, for ranges of any length |
| `senders().list()`, `account().balance()` | `get_senders()`, `get_balance()` |
| `blacklist().list()`, `add(number)`, `remove(number)` | `get_blacklist()`, `add_blacklist`, `delete_blacklist` |
| `webhook().handle(body)` | `parse_webhook(body)` |
| `debug()`, which prints the credentials | the logger `iletimerkezi_async`, which does not |

Check three things when you move. The SDK uses the consent registry by default, even for one-time passwords: choose
explicitly (`Iys`). Code that repeats a failed `send` with a changed text, such as a random suffix, removes the
protection against a second SMS: let `send_sms` repeat. And instead of calling the SDK from threads, use one client on
one event loop: it does more. (Source: the SDK's code on GitHub.)

## The layers

For maintainers, top down. Each layer imports only those below it, and so do the files within a folder:

```
__main__  cli/  pytest_plugin      entry points: the command, the fixtures
sandbox/                           a fake of the service, written without `wire`
__init__  client                   `AsyncClient`: one short method per operation
campaigns/                         any number of recipients, in as many orders as needed
orders/                            the life of a single order
http/                              attempts, connections, pacing; the only user of HTTP libraries
stores/  filling                   storage shared by processes; messages made from rows
values  formats                    values of rows, and cells of spreadsheets, as text
wire/                              requests, and the reading of answers; pure
results  models  numbers  text     values and plain functions, mostly public
errors  redaction  clocks          the error classes; hiding secrets; time by two clocks
```
"""

from ._version import __version__
from .client import AsyncClient
from .errors import *
from .filling import fill_template
from .http.pacing import Pacer, TokenBucket
from .http.retry import Retry
from .models import *
from .numbers import Number, normalize_number
from .orders.paging import Blacklist, Orders, Report
from .results import BulkError, BulkResult, Failure, JournalError, OnProgress, Progress, Refusal
from .text import Encoding, TextLength, measure
from .wire.webhook import parse_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "AuthenticationError",
    "Balance",
    "Blacklist",
    "BlacklistError",
    "BulkError",
    "BulkResult",
    "ConfigurationError",
    "Consent",
    "ConsentError",
    "ConsentSource",
    "ConsentStatus",
    "ConsentType",
    "DateRangeError",
    "Delivery",
    "DeliveryEvent",
    "DuplicateOrderError",
    "EmptyTextError",
    "Encoding",
    "Failure",
    "IletimerkeziError",
    "InsufficientBalanceError",
    "Iys",
    "JournalError",
    "KeyConflictError",
    "Message",
    "MessageStatus",
    "Number",
    "OnProgress",
    "Order",
    "OrderAcceptedError",
    "OrderNotDueError",
    "OrderNotFoundError",
    "OrderReport",
    "OrderStatus",
    "Orders",
    "OutcomeUnknownError",
    "Pacer",
    "Progress",
    "RecipientError",
    "RecipientType",
    "Refusal",
    "Report",
    "Retry",
    "ScheduleError",
    "Send",
    "SendInProgressError",
    "SendState",
    "SenderError",
    "StoreError",
    "TextLength",
    "TextTooLongError",
    "TokenBucket",
    "TransportError",
    "UnavailableError",
    "WebhookError",
    "__version__",
    "fill_template",
    "measure",
    "normalize_number",
    "parse_webhook",
]
