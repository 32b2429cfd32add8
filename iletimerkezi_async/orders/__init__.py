"""Sending safely: what becomes of a single order, also where its answer is lost.

Every call ends in an order's id, or in an error that says what happened. Nobody is texted twice, and nobody is left
out without a word.

## Before anything is sent

- **The legal choice.** `iys` has no default. Commercial messages must by law be checked against the consent registry:
  `Iys.BIREYSEL` for individuals, `Iys.TACIR` for merchants. `Iys.OFF` is for one-time passwords (OTP), notices about
  an order or a delivery, reminders of a debt. Choose for the client, and otherwise for a single call.
- **Numbers** may be written in any usual way (`normalize_number`), and come back as `+905XXXXXXXXX`. Bad ones are a
  `RecipientError`, with all of them in its `numbers`; the order is not sent without them.
- **Texts** are sent composed (NFC), with plain line ends and none at the end. `measure` tells what one costs, the code
  included that the operator appends, and which characters make it dear.
- **Schedules** (`send_at`) are aware times, rounded up to the minute. One that is past is a `ScheduleError`, and never
  becomes "now"; it is looked at before every attempt.

What can be refused for certain is refused before any request, by the class of error that the service's own refusal
has; `http_status` is then `None`.

## When an answer is lost

The service refuses the same text to the same recipients for 10 minutes. (Source: the provider's `send-sms` page, code
451.) So `send_sms` sends the order again, within 9 minutes of the first attempt and with growing pauses (`Retry`), and
a refusal as a duplicate then means that the first one was taken. Its id is found through `get_reports`, and checked
against the numbers in the order's own report, in some 60 requests or 10 seconds at the most; look-ups that run at the
same time share what they read. An id is given where the order is the only one with its numbers within a minute of an
attempt, and no other send of this process, or of one that shares its store, can be taken for it. Whatever the reports
leave open is said to be open, never guessed.

| a send ends in | which means | and then |
|---|---|---|
| `Order` | taken | |
| `OutcomeUnknownError` | may have been taken: all answers were lost | safe to repeat within 10 minutes; see below |
| `OrderAcceptedError` | taken; its id could not be found | do not send it again; `candidates` are ids to look at |
| `DuplicateOrderError` | the same was sent within 10 minutes, by another call | nothing was sent by this one |
| `UnavailableError`, `TransportError` | surely not taken: the service is away | later; `retry_after` where it told |
| any other `ApiError` | refused | see `iletimerkezi_async.errors` |

After an `OutcomeUnknownError`: within 10 minutes of the first attempt make the same call again. Later than that look
into `get_reports` or the panel first, as the service would then take it as a new order. With a key in a store
(`iletimerkezi_async.stores`) the same call is safe at any time, and finds out by itself.

Never add a random suffix to a text to get around the duplicates: it takes away the only protection that there is.
Derive a code from what it is for, so that asking twice gives the same text.

Reads are simply repeated. So are `cancel_order` and `delete_blacklist`, whose refusal after a lost answer tells that
the first attempt was what did it. `register_consents` is repeated only where the request surely never left.

## What is assumed

Nothing documents it, and all of the promise above, and of keys and journals, rests on it:

- The service refuses the same order for ten minutes.
- Ten minutes after it took an order its list has it; or its being behind shows by other orders that are not there
  either; or it is over within the hour.
- The list shows all orders that were sent through the API. One that shows another channel alone, or is cut off, is
  noticed by orders whose ids are known, and not without any.
- Nobody without this process or its store texts the very same numbers within a minute of an attempt whose answer was
  lost. By that minute an order is recognised that no refusal has told of.
- The times of one list are all off by as much, and by less than four hours. By how many minutes they are, known orders
  show.
- Of this machine's clock and the service's, one is right at a time. Where they contradict each other, times prove
  nothing.

## Giving up

A call that is cancelled, by you or since a browser hung up, ends at once, and may have been taken. The same call again
within 10 minutes ends in `DuplicateOrderError`, not in a second SMS.

## The pace

An order of up to `rate` recipients (100 a second: the service's limit for transactional messages, in force since
2026-05-05) waits for its turn, in the order of asking: after a quiet time a tenth of the rate goes out at once, the
rest evenly at nine tenths of it. So no second has more than `rate` recipients of orders to one number, and an order of
n adds at most n. A 429 holds back all sends for its `Retry-After`, up to the `wait_max` of `Retry`. A larger order is a
bulk order and passes.

## What became of it

The states in a report are those of the moment. They are final once the order is `OrderStatus.COMPLETED`, for which
`wait_for_order` waits. `await client.get_report(order.id).collect()` gives a list. A list that ends before the total
that the service told raises `TransportError` behind its last row: it may still be being written.

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

For those who work on it. `life` decides what becomes of an order, as a table that tells what is promised; `rows` asks a
log by it. `driver` drives one order to its end, and `send` sends one, with a key once. `recovery` makes its attempts,
and where an answer is lost sends it again; which order it is, or whether an earlier call's was taken, `search` finds
out. What lists and reports prove is told by `rules`; `lookup` reads them, for all who look at the same time. `known`
remembers ids, and what is on its way or lost.

`paging` reads lists that come in pages, and `places` tells where it is in them. `several` has the other calls that take
several requests: waiting for an order, cancelling one for certain, registering consents. `pieces` lets others in the
loop have their turn while work takes long. `face` puts together what the calls of a client go through, `sharing`
what its account's other clients share.

In come drafts, ids and a transport; out go orders, rows and errors. It knows nothing of campaigns.
"""
