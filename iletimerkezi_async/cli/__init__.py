"""The command `iletimerkezi`. `iletimerkezi --help`, and `--help` behind each command, tell all of it.

## Lists

`iletimerkezi bulk` takes a list with a number a line, a CSV or an Excel list, `.xlsx` (extra `xlsx`), `-` for standard
input. It finds the delimiter, the encoding (UTF-8, UTF-16, Windows-1254), the header, also below a letterhead, and the
column of numbers, and tells them; where two columns look like numbers it asks. `--column`, `--delimiter`,
`--encoding`, `--header/--no-header` and `--sheet` set them. A text with `{column}` fields becomes a text of its own
for each row, whatever the column is called.

A value goes out as the list shows it to whoever opens it, the same as by `fill_template`; the numbers of an `.xlsx` as
under their formats in Turkey, or with `--decimal-point` as where English is spoken. A cell that is merged with others
has their value. A row is left out, and listed with its line, where it has too many cells, or lacks a value that the
text needs; where it is hidden in a sheet; where a formula has no saved value, or one that the program that wrote the
file made up; where what is shown cannot be told. `--refused FILE` writes them all.

`--dry-run` shows the first messages, the cost, and what makes a text Unicode, and sends nothing; it needs no account
and no network. In a terminal the same, with the terms and the balance, stands above the question.

## The journal

A campaign is written down in LIST.journal beside its list (for standard input in `stdin.journal`, in the current
folder), or where `--journal` says. After a stop, a crash or Ctrl-C the same command sends what is missing, and nothing
twice. Once everybody is accounted for, a note is left in its place: when it was sent, and to how many, without any
number. The same list again is asked about then, with that; where nobody can be asked it is refused, unless with
`--yes`. With `--no-journal` nothing is written down or asked. A journal that `--journal` names stays as it is.

Where every answer of an order was lost, nobody knows whether it was taken. Once all else is sent, it goes on to find
out for 15 minutes (`--settle-for`), as the service's list of orders tells after ten; Ctrl-C stops that, and the same
command goes on with it. Where nothing can tell, `--unknown sent` or `--unknown not-sent` is a person's decision.
Somebody who had one text and now comes with another stops the campaign, unless with `--allow-new-texts`.

Whom it left out and why stands in LIST.refused.csv, who failed in LIST.failed.csv (`sent` is `unknown` of those who may
have been texted), or where `--refused` and `--failed` say.

## Scripts

`--json` writes one object a line with stable keys, also about what went wrong: `error` (the line that is shown, too),
`class`, `code` (the service's), `advice` and `exit_code`. The exit code is 0 where everybody was accepted, refused by
name, or had it already; 1 where it stopped or failed, and what is not accepted was surely not sent; 2 where it was
typed wrongly; 3 where some may have been sent, so that somebody has to look; and 128 and the signal's number where one
ended it. SIGTERM and SIGHUP end a command as Ctrl-C does.

Credentials come from the environment variables alone, as arguments
would show in process lists. `ILETIMERKEZI_BASE_URL` points it at a sandbox; `ILETIMERKEZI_IYS`, `ILETIMERKEZI_BRAND`
and `ILETIMERKEZI_STORE` stand in for `--iys`, `--brand` and `--store`.

## The files

For whoever works on it: one function a command, and what all of them share.

```
app (here)                                               the commands and the options before them
demo  serving  account  sending  campaign  reporting     the commands, by subject
orders  blacklist  consents  webhook                     likewise
rehearsal  proposal  summary                             what is shown of a campaign: alone, before it, at its end
forecast  books  named                                   what it would come to; its journal; who was left out, by name
plan  lists  layouts                                     a campaign as it was typed, its file, how that is laid out
tables  encodings  sheets  formats  archives             rows of a text file, of a workbook; what its XML tells
consent_file  moments                                    a file of consents, days and times
audience                                                 the list of the demonstration
terms                                                    the options of all commands that send, and their question
command                                                  how a command ends: its exit code, its one line of error
display                                                  progress and tables, as a terminal or a file takes them
keeping                                                  the store of keys and journals, and the command about keys
settings  messages  output                               environment and options, errors as lines, the streams
```

What takes long to import is imported by the commands that need it.
"""

import logging
import sys
import warnings
from typing import Annotated

import typer

from iletimerkezi_async import __version__

from . import account, blacklist, campaign, consents, demo, keeping, orders, reporting, sending, serving, webhook
from .command import Command, heed_signals, signal_code
from .messages import describe
from .output import complain, end_line, open_streams, settle_stdout, show_log, write
from .settings import Verbose

__all__ = ["app", "run"]

_HELP = """SMS through iletimerkezi.com, from the command line.

Try it without an account: `iletimerkezi demo`.
"""

_EPILOG = """\b
Environment:
  ILETIMERKEZI_API_KEY   the API key from the panel
  ILETIMERKEZI_API_HASH  the hash that belongs to it
  ILETIMERKEZI_SENDER    the approved sender
  ILETIMERKEZI_IYS       off, bireysel or tacir
  ILETIMERKEZI_BRAND     the brand code that consents are for
  ILETIMERKEZI_STORE     the store of keys, for one rate: see `send --help`
  ILETIMERKEZI_BASE_URL  another service, such as `iletimerkezi sandbox`

\b
Exit codes:
  0      done: everybody was accepted, refused by name, or had it already
  1      it stopped or failed, and what is not accepted was surely not sent;
         `wait`: the order failed, or the time is up
  2      it was typed wrongly
  3      some may have been sent: somebody has to look
  128+n  ended by a signal: 130 by Ctrl-C, 143 by SIGTERM

With --json every command ends in lines of JSON on standard output, errors too:
"error", "class", "code", "advice" and "exit_code".
"""

app = typer.Typer(
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Run the command that the arguments name, and exit."""
    heed_signals()
    open_streams()
    if not sys.warnoptions:
        # Those of libraries, which may show what they are about; ours are logged.
        warnings.simplefilter("ignore")
    show_log(logging.WARNING)
    try:
        app(prog_name="iletimerkezi")
    except KeyboardInterrupt:
        # Before the command itself began, which takes a moment.
        end_line()
        sys.exit(signal_code())
    except Exception as error:  # noqa: BLE001 - beside the commands there is the help, which may be unwritable, too
        complain(describe(error))
        sys.exit(1)
    finally:
        settle_stdout()


def _show_version(asked: bool) -> None:
    if not asked:
        return
    write(f"iletimerkezi {__version__}\n")
    raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    _verbose: Verbose = False,
) -> None:
    pass


app.command("demo", cls=Command)(demo.demo)
app.command("sandbox", cls=Command)(serving.sandbox)
app.command("balance", cls=Command)(account.balance)
app.command("send", cls=Command)(sending.send)
app.command("sent", cls=Command)(keeping.sent)
app.command("bulk", cls=Command, short_help="Send TEXT to everybody in a file, in many orders.")(campaign.bulk)
app.command("report", cls=Command)(reporting.report)
app.command("orders", cls=Command)(orders.orders)
app.command("wait", cls=Command)(orders.wait)
app.command("cancel", cls=Command)(orders.cancel)
app.command("senders", cls=Command)(account.senders)
app.add_typer(blacklist.group, name="blacklist")
app.add_typer(consents.group, name="consent")
app.command("webhook", cls=Command)(webhook.webhook)
