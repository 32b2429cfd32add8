"""Delivery reports by webhook; and the service's wire format, by its documents.

The service can post the state of each message to one HTTPS address, set in the panel. `parse_webhook` reads such a
body, and raises `WebhookError` for anything else. (Source: the provider's page on webhooks.) Three things to know:

- **Nothing is signed.** Anyone who knows the address can post there. Use a path that cannot be guessed, keep it out of
  logs, and act on a report only if a false one does no harm; `get_report` asks the service itself.
- **A report may come early, twice, or late.** It can arrive before `send_sms` has returned, so accept reports of
  unknown orders; and `accepted` can arrive after `delivered`. Store the state by `message_id`, and never overwrite a
  final one (`MessageStatus.is_final`).
- **Answer at once.** Do longer work after the answer.

With FastAPI:

```python
import os
import secrets

from fastapi import FastAPI, HTTPException, Request

from iletimerkezi_async import MessageStatus, WebhookError, parse_webhook

SECRET_PATH = os.environ.get("SMS_WEBHOOK_PATH") or secrets.token_urlsafe(32)
states: dict[int, MessageStatus] = {}  # a table of your database, with message_id as its key

hooks = FastAPI(openapi_url=None)


@hooks.post("/sms/" + SECRET_PATH, status_code=204)
async def delivery(request: Request) -> None:
    try:
        event = parse_webhook(await request.body())
    except WebhookError:
        raise HTTPException(400) from None
    known = states.get(event.message_id)
    if known is None or not known.is_final:
        states[event.message_id] = event.status
```

The same with aiohttp (README's recipes have it with Django):

```python
import os
import secrets

from aiohttp import web

from iletimerkezi_async import MessageStatus, WebhookError, parse_webhook

SECRET_PATH = os.environ.get("SMS_WEBHOOK_PATH") or secrets.token_urlsafe(32)
states: dict[int, MessageStatus] = {}


async def delivery(request: web.Request) -> web.Response:
    try:
        event = parse_webhook(await request.read())
    except WebhookError:
        raise web.HTTPBadRequest from None
    known = states.get(event.message_id)
    if known is None or not known.is_final:
        states[event.message_id] = event.status
    return web.Response(status=204)


hooks = web.Application(client_max_size=64 * 1024)
hooks.router.add_post("/sms/" + SECRET_PATH, delivery)
```

The sandbox makes such calls, out of order and repeated if you like: `iletimerkezi_async.sandbox`.

## The provider's documents

Each method uses one operation of the service, `POST https://api.iletimerkezi.com/v1/<operation>/json`. The page of that
name in the provider's documents, as of April and May 2026, describes it.

| method | operation | the page's refusal codes, besides 400, 401, 404 |
|---|---|---|
| `get_balance` | `get-balance` | |
| `send_sms`, `send_messages`, `send_bulk`, `send_bulk_messages` | `send-sms` | 402, 450 to 454, 457, 468 to 470 |
| `get_report`, `get_order`, `wait_for_order` | `get-report` | 455, 456 |
| `get_reports` | `get-reports` | 458 |
| `cancel_order` | `cancel-order` | 455 |
| `get_senders` | `get-sender` | |
| `get_blacklist` | `get-blacklist` | |
| `add_blacklist` | `add-blacklist` | 466 |
| `delete_blacklist` | `delete-blacklist` | 466, 474 |
| `register_consents` | `consent/create` | 403, 422 |
| `check_consent` | `consent/show` | 403, 422 |

Answers are read leniently in their types and strictly in their meaning: codes, ids and counters may be integers or
strings; a repeated element may be a list, a single value or one of several empty values; and fields that the provider
documented later may be missing.

## The files

Each subject of the service has one module, with its requests and the readers of their answers: `account`, `sending`,
`reports`, `consents`, `webhook`. Below them, `call` has the outcomes of an attempt; `arguments`, `draft` and
`credentials` check what is sent; `packing` puts an order together; `reading` handles types that vary. The table of
operations is here.

Input: Python's values and an answer's bytes. Output: bytes, values and errors. This folder does no I/O, knows no
connections and never waits: a test needs no server.

## To add an operation

1. Here: an entry in `OPERATIONS` with its name, its kind and the method that uses it; and a row in the table above.
2. In the file of its subject: the request, which is a `Call`, beside the reader of its answer. Build the reader from
   those of `reading`: they accept all types that the service may write, and reject anything else.
3. In `models` and in the package's `__all__`: its result, if that is a new type: frozen, with a `repr` that shows
   neither a text nor a whole number.
4. In `client`: the method, under `@observed(name)`. If it gives rows, add a list to `orders.paging` instead.
5. In `sandbox.service`: its entry. Its rules go into the sandbox's file of that subject, which must not import `wire`.
6. In `cli`: a command, if people would use it. In `errors`: a class for a code that callers would handle separately.
7. The tests that follow the table fail until they have its request, its answer and wrong arguments for it.
"""

from typing import Final

from .call import SEND_WINDOW, Kind, Operation

_ALL: Final = (
    Operation("get-balance", Kind.REPEATABLE, ("get_balance",)),
    Operation(
        "send-sms",
        Kind.GUARDED,
        ("send_sms", "send_messages", "send_bulk", "send_bulk_messages"),
        taken_code=451,
        traceable=True,
        window=SEND_WINDOW,
    ),
    Operation("get-report", Kind.REPEATABLE, ("get_report", "get_order", "wait_for_order")),
    Operation("get-reports", Kind.REPEATABLE, ("get_reports",)),
    Operation("cancel-order", Kind.GUARDED, ("cancel_order",), taken_code=455),
    Operation("get-sender", Kind.REPEATABLE, ("get_senders",)),
    Operation("get-blacklist", Kind.REPEATABLE, ("get_blacklist",)),
    Operation("add-blacklist", Kind.REPEATABLE, ("add_blacklist",)),
    Operation("delete-blacklist", Kind.GUARDED, ("delete_blacklist",), taken_code=474),
    Operation("consent/create", Kind.ONCE, ("register_consents",)),
    Operation("consent/show", Kind.REPEATABLE, ("check_consent",)),
)

#: All operations that this library uses, by name: the one table that telemetry, repetitions and tests follow.
OPERATIONS: Final = {operation.name: operation for operation in _ALL}
