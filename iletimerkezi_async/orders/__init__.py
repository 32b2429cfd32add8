"""Sending safely: every order ends in an id or in an error that tells its outcome.

No recipient is texted twice, and no recipient is left out silently.

## Before anything is sent

- **The legal choice.** `iys` has no default. Commercial messages must by law be checked against the consent registry:
  `Iys.BIREYSEL` for individuals, `Iys.TACIR` for merchants. `Iys.OFF` is for one-time passwords (OTP), notices about
  an order or a delivery, reminders of a debt. Choose for the client, or for a single call.
- **Numbers** may be written in any usual way (`normalize_number`), and are returned as `+905XXXXXXXXX`. If some are
  invalid, the order is not sent, and a `RecipientError` lists all of them in `numbers`.
- **Texts** are sent in Unicode form NFC, with LF line ends and none at the end. `measure` returns the cost of a text,
  including the code that the operator appends, and the characters that make it expensive.
- **Schedules** (`send_at`) are timezone-aware, and rounded up to the minute. A past time raises `ScheduleError` and
  never becomes "now"; it is checked before every attempt.

An order that the service would surely refuse raises the same class of error without a request; its `http_status` is
then `None`.

## When an answer is lost

The service refuses the same text to the same recipients for 10 minutes. (Source: the provider's `send-sms` page, code
451.) So `send_sms` sends the order again, within 9 minutes of the first attempt and with growing pauses (`Retry`). A
refusal as a duplicate then means that the first attempt was taken. The order's id is then looked up in `get_reports`
and in the orders' own reports, with at most 60 requests or for 10 seconds; simultaneous searches share what they read.

An id is returned only if exactly one order within a minute of an attempt has the same numbers, and no other send of
this process may be that order; for a send with a key, also no other one with a key or a journal in its store. Any
remaining doubt raises an error of this table:

| a send ends in | meaning | next |
|---|---|---|
| `Order` | taken | |
| `OutcomeUnknownError` | may have been taken: all answers were lost | may be repeated within 10 minutes; see below |
| `OrderAcceptedError` | taken; its id could not be found | do not send it again; `candidates` are ids to look at |
| `DuplicateOrderError` | the same was sent within 10 minutes, by another call | nothing was sent by this one |
| `UnavailableError`, `TransportError` | surely not taken: the service is unavailable | later; `retry_after` if set |
| any other `ApiError` | refused | see `iletimerkezi_async.errors` |

After an `OutcomeUnknownError`, make the same call again within 10 minutes of the first attempt. After that, look into
`get_reports` or the panel first, as the service would take the call as a new order. With a key in a store
(`iletimerkezi_async.stores`) the same call is safe at any time: it looks the order up by itself.

Never add a random suffix to a text to get around the refusal of duplicates, which is the only protection against
sending twice. Derive a one-time code from its purpose, so that a second request gives the same text.

Reads are repeated, and so are `cancel_order` and `delete_blacklist`. If `delete_blacklist` is refused after a lost
answer, the first attempt succeeded; after `cancel_order`, the order's state decides. `register_consents` is repeated
only if the request surely never left.

## Assumptions

The promises above, and those of keys and journals, rest on these assumptions, which are documented nowhere:

- The service refuses the same order for ten minutes.
- The service lists an order within ten minutes of taking it. If the list lags longer, it also lacks newer orders, or it
  catches up within the hour.
- A request that has left arrives within a minute, or never. The clock is checked once more as each request leaves; a
  request that a sleeping machine keeps half sent, and delivers an hour later, cannot be called back.
- The list shows all orders that were sent through the API. Only orders whose ids are known reveal a list that shows
  another channel only, or is cut off.
- Only this process, and sends with a key or a journal in its store, text the same numbers from one minute before the
  first attempt whose answer was lost to one minute after the last one. An order in that interval counts as the lost
  one, even if no repetition was refused as a duplicate. (Lost sends without a key are in their process's memory only.)
- All times in one list are off by the same amount, less than four hours. Known orders show this offset to the minute.
- This machine's clock and the service's are never wrong at the same time. If they contradict each other, times prove
  nothing.

## Cancellation

A call that is cancelled ends at once, and its order may have been taken. The same call again within 10 minutes ends in
`DuplicateOrderError`, not in a second SMS.

## The pace

An order of up to `rate` recipients (100 a second: the service's limit for transactional messages, in force since
2026-05-05) waits for its turn, first come, first served; a larger order is a bulk order and does not wait. After an
idle time a tenth of the rate goes out at once, the rest evenly at nine tenths of the rate. So orders to one number have
at most `rate` recipients in any second, and an order to n numbers adds at most n. A 429 delays all sends by its
`Retry-After`, up to the `wait_max` of `Retry`.

## The outcome of an order

The states in a report may change until the order is `OrderStatus.COMPLETED`; `wait_for_order` waits for that.
`await client.get_report(order.id).collect()` returns its rows as a list. If a report ends before the total that the
service has told, `TransportError` is raised after the last row, as the service may still be writing the report.

```python
import anyio

from iletimerkezi_async import AsyncClient, OrderStatus, measure


async def main() -> None:
    print(measure("Sayın müşterimiz, siparişiniz yola çıktı."))
    async with AsyncClient() as client:
        print(await client.get_balance())
        order = await client.get_order(42800001)
        if order.status is OrderStatus.COMPLETED:
            print(f"{order.delivered} of {order.total} delivered")


anyio.run(main)
```

## The files

For those who work on it. `life` has the table of an order's states, and decides what follows from each event; read it
first. `rows` writes these decisions into a log. `driver` sends or looks up an order until its outcome is known, and
`send` does so under a key. `search` looks for lost orders in lists and reports; `lookup` reads these once for all
searches, and `rules` decides what they prove. `known` is the client's memory of ids, and of orders under way or lost.

`paging` reads lists that come in pages. `several` has the other calls that make several requests: waiting for an order,
cancelling with certainty, registering consents. `pieces` lets other tasks run during long work, and does it for many
recipients in a thread. `session` is what one client shares between its calls.

This folder takes drafts, ids and a transport, and returns orders, rows and errors. It does not depend on campaigns.
"""
