"""Campaigns: any number of recipients, each texted once, and every one accounted for.

`send_bulk` takes any number of recipients, from a list, a generator, an async generator or an open file, and reads them
as they are needed: memory stays at a few orders. It cleans the numbers, leaves out repeated ones, and sends orders of
up to 50,000 (the service's limit), four at a time.

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
a stop over the balance, a cancellation. An order is written down before it is sent and after it was answered.

An order whose answer is not known is sent again within the service's 10 minutes; a refusal as a duplicate then means
that it was taken. After that it is looked up in the reports, and goes out again only if they surely lack it. They show
that after ten minutes if they have newer orders of yours, otherwise after an hour. With `settle_for=900` the campaign
waits for that. What stays unknown is listed in `result.unknown`: look into the panel, then decide for all of them. The
same call with `unknown="as_sent"` counts them as sent, with `unknown="as_not_sent"` it sends to them again.

The recipients may come in another order, and in orders of another size. A journal of another account, text, sender,
schedule or consent choice is a `JournalError`. So is one of `send_bulk_messages` if a recipient who was texted comes
with a text that the journal does not have of them: a date in it may have changed since. `allow_new_texts=True` sends
the new text, too. A list of messages is checked before anything goes out. A generator is checked as it is read, so that
new recipients in front of a changed text have been texted by then: bring those of before first, each with the texts in
the order of before.

The file holds your recipients' numbers, and is readable for its owner alone (mode 0600). It holds no text and no
credential. Texts cannot be guessed from the file, as their fingerprints are keyed with a secret derived from your API
key. A new hash does not matter, but another API key cannot go on with it. If the file is moved or removed during a
campaign, the campaign stops. Remove it when you are done with the campaign. Do not restore an older copy, such as one
from a backup: it lacks what was sent since, and the campaign would text those recipients again. Where there is no disk,
`journal=store.journal("kis-2026")` keeps the journal in a store (`iletimerkezi_async.stores`).

One run has a journal at a time; a second one is a `JournalError` that names the first. In a notebook, an interrupted
call may still be running in the same process.

## Outcomes

Every recipient that was read is in exactly one of these, in the `BulkResult`:

| in the result | means | what to do |
|---|---|---|
| `accepted`, `orders` | the service took them; `orders` has the ids | `wait_for_order`, `get_report` |
| `refused` | no phone number, or refused by the service (452, see below) | correct your list |
| `duplicates` | repeated numbers, counted | nothing |
| `failed`, with `OutcomeUnknownError` | may have been texted: the answers stayed lost | see below |
| `failed`, with `DuplicateOrderError` | another order with the same content went out within 10 minutes | nothing |
| `failed`, with anything else | surely not texted: the campaign had stopped | run the same again |

- If answers stayed lost: with a journal run the same again, which settles them; without one look into `get_reports`
  first.
- `send_messages(failure.messages)` sends what is in `failed` by itself.
- After a 452 the numbers on the account's blacklist are left out, then the order is sent in halves, until only the
  refused numbers are left out. A list that needs more than 1,000 requests for that stops the campaign; the error tells
  the share refused so far. Other callers of the client are hardly held up: small halves use half of the `rate`.

A wrong credential, sender or text, or an empty balance, stops the campaign with `BulkError`, whose `result` tells how
far it came; so does a service that is unavailable for longer than the repetitions last. `send_at` schedules all orders
for the same time; once it has passed nothing more is sent, and the same call with its journal only settles what was.

## A text of its own for each

`send_bulk_messages` takes `Message(text, to)` objects; `fill_template` makes them of rows: dicts, named tuples, the
rows of a database, tables of pandas and polars (a `DataFrame`), rows read from an Excel list. A row without a value,
with a bad number or with a text that is too long is listed in `refused` with its place, and never sent. Columns of
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

For those who work on it. `sources` reads any iterable, some values at a time; `intake` cleans them and packs them into
orders; `seen` is the set of recipients so far. `campaign` starts the orders, and `orders` sends or settles each;
`narrowing` finds refused recipients. `journal` is where orders are written down, and `records` their form there.
`tally` counts the outcomes.

A campaign takes a source, a template and an open journal, and gives a `BulkResult`. It never builds a request.
"""
