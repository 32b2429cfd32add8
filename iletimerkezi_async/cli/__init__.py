"""The command `iletimerkezi`. `iletimerkezi --help`, and `--help` behind each command, tell all of it.

## Lists

`iletimerkezi bulk` takes a list with a number a line, a CSV or an Excel list, `.xlsx` (extra `xlsx`), `-` for standard
input. It finds the delimiter, the encoding (UTF-8, UTF-16, Windows-1254), the header, also below a letterhead, and the
column of numbers, and shows them; where two columns look like numbers it asks. `--column`, `--delimiter`,
`--encoding`, `--header/--no-header` and `--sheet` set them. A text with `{column}` fields becomes a text of its own
for each row; any column name will do.

A value goes out as a spreadsheet shows it, the same as by `fill_template`; the numbers of an `.xlsx` as under their
formats in Turkey, or with `--decimal-point` as where English is spoken. A merged cell has the value of its range. A row
is left out, and listed with its line, where it has too many cells, or lacks a value that the text needs; where it is
hidden in a sheet; where a formula has no saved value, or one that the program that wrote the file made up; where
spreadsheets do not agree on what a cell shows.

`--dry-run` shows the first messages, the cost, and what makes a text Unicode, and sends nothing. It needs no account
and no network, says what it could not check, and writes no file but that of `--refused`. In a terminal the same rows,
with the balance, stand above the question.

## The journal

A campaign is kept in LIST.journal beside its list (for standard input in `stdin.journal`, in the current folder), or
where `--journal` says. After a stop, a crash or Ctrl-C the same command sends what is missing, and nothing twice; the
question and the dry run count what is left. Once the list is done, the journal goes, and LIST.sent stays: a note of
when it was sent, and to how many, without any number. The question about the same list shows that; without a terminal
the list is not sent to again unless `--yes` is given. That ends with 0 where text and list are the same as then, and
with 1 otherwise. With `--no-journal` nothing is written and no note is read. A journal that `--journal` names stays.

Where every answer of an order was lost, it is unknown whether the order was taken. Once all else is sent, `bulk` looks
for such orders for 15 minutes (`--settle-for`), as the service's list of orders shows them after ten; Ctrl-C stops
that, and the same command goes on with it. For what stays unknown, `--unknown sent` or `--unknown not-sent` is a
person's decision. A recipient who had one text and now comes with another stops the campaign, unless
`--allow-new-texts` is given.

LIST.refused.csv lists the recipients left out, with the reason; LIST.failed.csv those not texted (`sent` is `unknown`
for those who may have been). `--refused` and `--failed` name other files.

## Scripts

`--json` writes one object a line with stable keys, also about errors: `error` (what happened), `class`, `code` (the
service's), `advice` (what to do) and `exit_code`. The exit code is 0 where every recipient was accepted, now or
earlier, or refused by name; 1 where it stopped or failed, and what is not accepted was surely not sent; 2 for wrong
usage; 3 where some may have been sent, and a person has to look; 128 and the signal's number where a signal ended it.
SIGTERM and SIGHUP end a command as Ctrl-C does.

Credentials come from the environment variables alone, as arguments would show in process lists.
`ILETIMERKEZI_BASE_URL` names another service, such as a sandbox; `ILETIMERKEZI_IYS`, `ILETIMERKEZI_BRAND` and
`ILETIMERKEZI_STORE` are the defaults of `--iys`, `--brand` and `--store`.

## The files

For developers: one function a command, and what all of them share.

```
app (here)                                               the commands and the options before them
demo  serving  account  sending  campaign  orders        the commands, by subject
consents  webhook                                        likewise
rehearsal  summary                                       what is shown of a campaign: before it, at its end
forecast  books  named                                   its cost; its journal and note; its files of refused and failed
plan  lists  layouts                                     a campaign as it was typed, its list, the list's layout
tables  sheets  archives                                 rows of a text file, of a workbook; facts of its XML
moments                                                  days and times
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

from . import account, campaign, consents, demo, keeping, orders, sending, serving, webhook
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
  0      done: each recipient was accepted, now or earlier, or refused by name
  1      it stopped or failed, and what is not accepted was surely not sent;
         `wait`: the order failed, or the time is up
  2      wrong usage
  3      some may have been sent: a person has to look
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
        # Warnings of libraries, which may show values; ours are logged.
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
app.command("bulk", cls=Command, short_help="Send TEXT to a list, in as many orders as it takes.")(campaign.bulk)
app.command("report", cls=Command)(orders.report)
app.command("orders", cls=Command)(orders.orders)
app.command("wait", cls=Command)(orders.wait)
app.command("cancel", cls=Command)(orders.cancel)
app.command("senders", cls=Command)(account.senders)
app.add_typer(account.blacklist, name="blacklist")
app.add_typer(consents.group, name="consent")
app.command("webhook", cls=Command)(webhook.webhook)
