"""Campaigns: any number of recipients, nobody twice, nobody lost.

`send_bulk` takes any number of recipients, from a list, a generator, an async generator or an open file, and reads them
as it goes: memory stays at a few orders. It cleans the numbers, leaves repeated ones out, and sends orders of up to
50,000 (the service's limit), four at a time.

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
a stop over the balance, a cancellation. An order is written down before it is sent and after it was answered; one whose
answer is not known is sent again within the service's 10 minutes (a refusal as a duplicate then means that it was
taken), and looked up in the reports after that: it goes out again where they surely lack it, which takes ten minutes
where they show newer orders of yours, and an hour where they show none. `settle_for=900` has the campaign wait for that
by itself. What stays unknown is listed in `result.unknown`; look into the panel, then decide for all of them: the same
call with `unknown="as_sent"` counts them as sent, with `unknown="as_not_sent"` it sends to them again.

The recipients may come in another order, and in orders of another size. A journal of another account, text, sender,
schedule or consent choice is a `JournalError`. So is one of `send_bulk_messages` where somebody who was texted comes
with another text than the journal has of them: a date in it may have changed since. It stops as soon as one of them is
read; the rows should come in the order of before, so that this is at once. `allow_new_texts=True` sends them the new
one, too.

The file holds your recipients' numbers, for its owner alone (mode 0600, whatever stood there before). It holds no text
and no credential, and nobody who has the file alone can try out which text was sent, as texts are marked with a secret
made of your API key. It goes on after the hash was renewed, but not with another key. If it is moved or removed during
a campaign, the campaign stops. Remove it when you are done with the campaign. Do not put an older copy back, such as
one from a backup: it has forgotten whom it texted since, and texts them again. Where there is no disk,
`journal=store.journal("kis-2026")` keeps the same in a store (`iletimerkezi_async.stores`).

## What became of everybody

Every recipient that was read is in exactly one of these, in the `BulkResult`:

| in the result | means | what to do |
|---|---|---|
| `accepted`, `orders` | the service took them; `orders` has the ids | `wait_for_order`, `get_report` |
| `refused` | no phone number, or the service refuses it (452, see below) | mend your list |
| `duplicates` | repeated numbers, counted | nothing |
| `failed`, with `OutcomeUnknownError` | may have been texted: the answers stayed lost | see below |
| `failed`, with `DuplicateOrderError` | somebody else sent them the same within 10 minutes | nothing |
| `failed`, with anything else | surely not texted: the campaign had stopped | run the same again |

- Where the answers stayed lost: with a journal run the same again, which settles them; without one look into
  `get_reports` first.
- What is in `failed` can be sent by itself, with `send_messages(failure.messages)`.
- Over a 452 the account's blacklist is asked, then the order halved, until only those were left out whom the service
  refuses. A list of which so many are refused that finding them would take more than some 1,000 requests stops the
  campaign, with the share refused so far in the error.

A wrong credential, sender or text, or an empty balance, stops the campaign with `BulkError`, whose `result` tells how
far it came; so does a service that is away for longer than the repetitions. `send_at` schedules all orders for the same
time; once it is past nothing more is sent, and the same call with its journal only settles what was.

## A text of its own for each

`send_bulk_messages` takes `Message(text, to)` objects; `fill_template` makes them of rows: dicts, named tuples, the
rows of a database, tables of pandas and polars (a `DataFrame`), what was read of an Excel list. A row without a value,
with a bad number or with a text that is too long is listed in `refused` with its place, and never sent. Columns of
pandas and polars and NumPy arrays are recipients as they are: `send_bulk(text, df["telefon"])`.

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

For those who work on it. `sources` reads whatever can be read, a piece at a time; `intake` cleans it and packs it into
orders, and `seen` remembers who was there before. `campaign` hands the orders out, and `orders` sends each to its end;
`narrowing` finds the recipients over whom one was refused. `journal` is where they are written down, and `records` what
stands there. `tally` keeps account of every recipient.

In come a source, a template and an open journal; out goes a `BulkResult`. It never builds a request: `orders` sends.
"""
