"""Sending safely: every order ends in an id or in an error that tells its outcome.

Nobody is texted twice, and nobody is left out unnoticed.

## Before anything is sent

- **The legal choice.** `iys` has no default. Commercial messages must by law be checked against the consent registry:
  `Iys.BIREYSEL` for individuals, `Iys.TACIR` for merchants. `Iys.OFF` is for one-time passwords (OTP), notices about
  an order or a delivery, reminders of a debt. Choose for the client, or for a single call.
- **Numbers** may be written in any usual way (`normalize_number`), and come back as `+905XXXXXXXXX`. If some are bad,
  the order is not sent: a `RecipientError` lists all of them in `numbers`.
- **Texts** are sent composed (NFC), with plain line ends and none at the end. `measure` tells the cost of a text, with
  the code that the operator appends, and which characters make it expensive.
- **Schedules** (`send_at`) are aware times, rounded up to the minute. A past one is a `ScheduleError` and never becomes
  "now"; this is checked before every attempt.

An order that the service would surely refuse is refused without a request, by the same class of error; its
`http_status` is then `None`.

## When an answer is lost

The service refuses the same text to the same recipients for 10 minutes. (Source: the provider's `send-sms` page, code
451.) So `send_sms` sends the order again, within 9 minutes of the first attempt and with growing pauses (`Retry`). A
refusal as a duplicate then means that the first attempt was taken. `get_reports` and the order's own report show the
order's id. This takes 60 requests or 10 seconds at the most; searches that run at the same time share what they read.

An id is given only if one order alone has the same numbers within a minute of an attempt, and no other send of this
process, or of its store, may be that order. Every remaining doubt is reported as such.

| a send ends in | meaning | next |
|---|---|---|
| `Order` | taken | |
| `OutcomeUnknownError` | may have been taken: all answers were lost | may be repeated within 10 minutes; see below |
| `OrderAcceptedError` | taken; its id could not be found | do not send it again; `candidates` are ids to look at |
| `DuplicateOrderError` | the same was sent within 10 minutes, by another call | nothing was sent by this one |
| `UnavailableError`, `TransportError` | surely not taken: the service is away | later; `retry_after` if set |
| any other `ApiError` | refused | see `iletimerkezi_async.errors` |

After an `OutcomeUnknownError`, make the same call again within 10 minutes of the first attempt. Later, look into
`get_reports` or the panel first, as the service would then take it as a new order. With a key in a store
(`iletimerkezi_async.stores`) the same call is safe at any time: it looks the order up by itself.

Never add a random suffix to a text to get around the refusal of duplicates, which is the only protection against
sending twice. Derive a code from its purpose, so that asking twice gives the same text.

Reads are repeated. So are `cancel_order` and `delete_blacklist`: a refusal after a lost answer shows that the first
attempt succeeded. `register_consents` is repeated only if the request surely never left.

## Assumptions

Nothing documents them, and the promises above, those of keys and of journals rest on them:

- The service refuses the same order for ten minutes.
- Ten minutes after taking an order the service lists it. If the list lags longer, it lacks newer orders, too, or it
  catches up within the hour.
- A request that has left arrives within a minute, or never. Each looks at the clock once more as it leaves; one that a
  sleeping machine keeps half sent, and delivers an hour later, is nobody's to call back.
- The list shows all orders that were sent through the API. A list that shows another channel only, or is cut off, is
  noticed by orders whose ids are known, and not without any.
- No program without this process's memory or its store texts the same numbers from a minute before the first attempt
  whose answer was lost to a minute after the last one. An order of that time counts as the lost one even without a
  refusal as a duplicate.
- All times of one list are off by the same amount, less than four hours. Known orders show it to the minute.
- This machine's clock and the service's are not both wrong at a time. If they contradict each other, times prove
  nothing.

## Cancellation

A call that is cancelled ends at once, and its order may have been taken. The same call again within 10 minutes ends in
`DuplicateOrderError`, not in a second SMS.

## The pace

An order of up to `rate` recipients (100 a second: the service's limit for transactional messages, in force since
2026-05-05) waits for its turn, first come, first served. After a quiet time a tenth of the rate goes out at once, the
rest evenly at nine tenths of it. So no second has more than `rate` recipients of orders to one number, and an order of
n adds at most n. A 429 holds back all sends for its `Retry-After`, up to the `wait_max` of `Retry`. A larger order is a
bulk order and does not wait.

## The outcome of an order

The states in a report are those of the moment. They are final once the order is `OrderStatus.COMPLETED`, for which
`wait_for_order` waits. `await client.get_report(order.id).collect()` gives a list. A list that ends before the total
that the service told raises `TransportError` behind its last row, as the service may still be writing it.

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
first. `rows` writes its decisions into a log. `driver` takes a claimed order to its outcome, and `send` does so under a
key. `recovery` makes the attempts, and finds the id after a lost answer. `search` looks for lost orders in lists and
reports; `lookup` reads these once for all searches, and `rules` tells what they prove. `known` is the client's memory
of ids, and of orders under way or lost.

`paging` reads lists that come in pages; `places` is a reader's position in them. `several` has the other calls of
several requests: waiting for an order, cancelling with certainty, registering consents. `pieces` lets other tasks run
during long work, and does it for many recipients in a thread. `session` is what one client shares between its calls.

This folder takes drafts, ids and a transport, and returns orders, rows and errors. It knows nothing of campaigns.
"""
