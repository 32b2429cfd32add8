"""Campaigns: any number of recipients, each texted once, and each counted in the result.

`send_bulk` takes any number of recipients, from a list, a generator, an async generator or an open file, and reads them
as they are needed, so that memory holds only a few orders. It cleans the numbers, leaves out repeated ones, and sends
orders of up to 50,000 (the service's limit), four at a time.

```python
import anyio

from iletimerkezi_async import AsyncClient, BulkError, Iys, Progress


def tell(progress: Progress) -> None:
    print(f"{progress.accepted} of {progress.total or progress.read} in {progress.elapsed:.0f} s")


async def main() -> None:
    recipients = ["0530 123 45 67", "+90 530 123 45 68", "5301234567", "0212 123 45 67"]
    async with AsyncClient(iys=Iys.BIREYSEL) as client:
        try:
            result = await client.send_bulk(
                "Kampanyamiz basladi.", recipients, journal="kampanya.journal", on_progress=tell
            )
        except BulkError as stopped:
            print(f"stopped: {stopped.error}")  # the balance, say: fill it, and run the same again
            result = stopped.result
    print(result)
    for number, reason in result.refused:
        print(f"left out: {number} ({reason})")


anyio.run(main)
```

## The journal

With a journal, **the same call again sends what is missing, and nothing twice**: after a crash, `kill -9`, a power cut,
a stop for lack of balance, a cancellation. Each order is written down before it is sent and after it was answered.

An order whose answer is not known is sent again within the service's 10 minutes; a refusal as a duplicate then means
that it was taken. After that it is looked up in the reports, and sent again only if they surely lack it. This is
certain after ten minutes if the reports have newer orders of yours, otherwise after an hour. With `settle_for=900` the
campaign waits for that. Recipients whose outcome stays unknown are in `result.unknown`: look into the panel, then
decide for all of them. The same call with `unknown="as_sent"` counts them as sent, with `unknown="as_not_sent"` it
sends to them again.

When you repeat the call, the recipients may come in another sequence, and the orders may have another size. A journal
of another account, text, sender, schedule or consent choice raises `JournalError`. `send_bulk_messages` also raises it
if a recipient who was texted now has a text that is not in the journal, such as one with a changed date.
`allow_new_texts=True` sends the new text, too. A list of messages is checked before anything goes out. A generator is
checked as it is read, so that new recipients before a changed text have been texted by then: yield the earlier
recipients first, each with the texts in the earlier sequence.

The file holds your recipients' numbers, and only its owner can read it (mode 0600). It holds no text and no credential.
Texts cannot be guessed from the file, as their fingerprints are keyed with a secret derived from your API key. A new
hash does not matter, but a journal cannot be continued with another API key. If the file is moved or removed during a
campaign, the campaign stops. Remove it when you are done with the campaign. Do not restore an older copy, such as one
from a backup: it lacks what was sent since, and the campaign would text those recipients again. Where there is no disk,
`journal=store.journal("kis-2026")` keeps the journal in a store (`iletimerkezi_async.stores`).

Only one run at a time can use a journal; a second one raises a `JournalError` that names the first. In a notebook, an
interrupted call may still be running in the same process.

## Outcomes

Every recipient that was read is in exactly one of these parts of the `BulkResult`:

| in the result | means | what to do |
|---|---|---|
| `accepted`, `orders` | the service took them; `orders` has the ids | `wait_for_order`, `get_report` |
| `refused` | no phone number, or refused by the service (452, see below) | correct your list |
| `duplicates` | repeated numbers, counted | nothing |
| `failed`, with `OutcomeUnknownError` | may have been texted: the answers stayed lost | see below |
| `failed`, with `DuplicateOrderError` | another order with the same content went out within 10 minutes | nothing |
| `failed`, with anything else | surely not texted: the campaign had stopped | run the same again |

- If answers stayed lost: with a journal, the same call again settles these orders; without one, look into `get_reports`
  first.
- `send_messages(failure.messages)` sends the messages of one failure separately.
- After a 452 the numbers on the account's blacklist are left out, then the order is sent in halves, until only the
  refused numbers are left out. If that takes more than 1,000 requests, the campaign stops, and the error gives the
  share refused so far. Other callers of the client are hardly delayed: small halves use half of the `rate`.

A wrong credential, sender or text, an empty balance, or a service that is unavailable for longer than the repetitions
last stops the campaign with `BulkError`; its `result` shows how far the campaign got. `send_at` schedules all orders
for the same time; after that time no more orders are sent, and the same call with its journal only settles those sent
before.

## A text for each recipient

`send_bulk_messages` takes `Message(text, to)` objects; `fill_template` makes them from rows: dicts, named tuples, the
rows of a database, tables of pandas and polars (a `DataFrame`), rows read from an Excel list. A row without a value,
with a bad number or with a text that is too long is listed in `refused` with its position, and never sent. Columns of
pandas and polars and NumPy arrays can be recipients, too: `send_bulk(text, df["telefon"])`.

```python
import anyio

from iletimerkezi_async import AsyncClient, Iys, fill_template


async def main() -> None:
    rows = [
        {"telefon": "0530 123 45 67", "ad": "Ada", "Tutar (TL)": "1.250,50"},
        {"telefon": "0530 123 45 68", "ad": None},
    ]
    # pandas: df.to_dict("records"); polars: df.iter_rows(named=True)
    messages = fill_template("Sayin {ad}, borcunuz {Tutar (TL)} TL.", rows, to="telefon")
    async with AsyncClient(iys=Iys.OFF) as client:
        result = await client.send_bulk_messages(messages)
    print(result, [refusal.reason for refusal in result.refused])


anyio.run(main)
```

## The files

For those who work on it. `intake` reads any iterable, some values at a time, cleans these and packs them into orders;
`seen` is the set of recipients so far. `campaign` starts the orders, and `orders` sends or settles each;
`narrowing` finds refused recipients. `journal` keeps the orders of a campaign. `tally` counts the outcomes.

A campaign takes an intake of recipients, its terms and an open journal, and gives a `BulkResult`. It never builds a
request.
"""
