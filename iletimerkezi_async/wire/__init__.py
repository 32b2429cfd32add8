"""Delivery reports by webhook; and the wire, which is what the service's documents say.

The service can post what becomes of each message to one HTTPS address, set in the panel. `parse_webhook` reads such a
body, and raises `WebhookError` for anything else. (Source: the provider's page on webhooks.) Three things to know:

- **Nothing is signed.** All who know the address can post there. Give it a path that cannot be guessed, keep the path
  out of logs, and act on a report only where a false one does no harm; `get_report` asks the service itself.
- **A report may come early, twice, or late.** It can be there before `send_sms` has returned, so do not insist on
  knowing the order; and `accepted` can come after `delivered`. Write down the state by `message_id`, and let it only
  move forward: a state that is final stays (`MessageStatus.is_final`).
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

The same with aiohttp (and with Django among README's recipes):

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

The sandbox makes such calls, shuffled and repeated where you like: `iletimerkezi_async.sandbox`.

## Which document says what

Each call asks one operation of the service, `POST https://api.iletimerkezi.com/v1/<operation>/json`, and is described
on the page of that name of the provider's documents, as they were in April and May 2026.

| call | operation | the page's codes of refusal, beside 400, 401, 404 |
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

What arrives is read leniently in its types and strictly in its meaning: codes, ids and counters come as integers or
strings, a repeated element as a list, a single value or one of several kinds of nothing, and fields that the provider
documented later may be missing.

## The files

For each subject of the service one module holds its requests beside the reading of their answers: `account`,
`sending`, `reports`, `consents`, `webhook`. Below them, `call` says what an attempt can end in; `arguments`, `draft`
and `credentials` check what goes out; `packing` puts an order together; `reading` copes with types that vary. The
table of operations is here.

In come Python's values and an answer's bytes; out go bytes, values and errors. It never does I/O, and knows neither
HTTP's connections nor the clock's waiting: a test needs no server.

## To add an operation

1. Here: a line in `OPERATIONS` with its name, its kind and the method that asks for it; and a row in the table above.
2. In the file of its subject: the request, which is a `Call`, beside the reader of its answer. Make that of the readers
   of `reading`: they take all types that the service may write, and complain of anything else.
3. In `models` and in the package's `__all__`: the value that it gives, if that is a new one. Frozen; its `repr` shows
   neither a text nor a whole number.
4. In `client`: the method, under `@observed(name)`. One that gives rows is a list of `orders.paging` instead.
5. In `sandbox.service`: its entry. Its rules stand in the sandbox's file of that subject, which imports no `wire`.
6. In `cli`: a command, if a person would want it. In `errors`: a class for a code that callers would handle by itself.
7. The tests that follow the table fail until they have a request, an answer and wrong arguments of it.
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

#: All that this library asks for, by name: the one table that telemetry, the repetitions and the tests follow.
OPERATIONS: Final = {operation.name: operation for operation in _ALL}
