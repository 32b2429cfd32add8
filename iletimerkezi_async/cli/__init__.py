"""The command `iletimerkezi`. For its commands and options see `iletimerkezi --help` and `iletimerkezi COMMAND --help`.

## Lists

`iletimerkezi bulk` reads a text file with one number per line, a CSV file, an Excel workbook (`.xlsx`, extra `xlsx`),
or standard input (`-`). It detects and shows the delimiter, the encoding (UTF-8, UTF-16, Windows-1254), the header
(also below a letterhead) and the column of numbers; if two columns look like numbers, it asks for `--column`.
`--column`, `--delimiter`, `--encoding`, `--header/--no-header` and `--sheet` set the layout. If the text has `{column}`
fields, they are filled in for each row; any column name works.

Values are sent as a spreadsheet shows them, as by `fill_template`. Numbers of an `.xlsx` keep their cell format, with
Turkish separators (1.234,5), or with `--decimal-point` English ones (1,234.5). Every cell of a merged range has the
range's value. A row is left out, and listed with its line, if

- it has too many cells, or no value for a column that the text needs;
- it is hidden in the sheet;
- a formula in it has no saved value, or only a placeholder from the program that wrote the file;
- spreadsheet programs show one of its cells differently.

`--dry-run` sends nothing. It shows the first messages, the cost, the characters that make a text Unicode, and what it
could not check. It needs no account and no network, and writes no file except that of `--refused`. Without
`--dry-run`, a terminal shows the same preview, with the balance, before it asks whether to send.

## The journal

The journal records the progress of a campaign. It is the file LIST.journal in the folder of the list (for standard
input `stdin.journal` in the current folder), or the file that `--journal` names. After a stop, a crash or Ctrl-C the
same command sends what is missing, and nothing twice; the question and the dry run show how many recipients are left.

Once the list is done, the journal is replaced by a note, LIST.sent: when the list was sent, and to how many recipients
(no numbers). Before a second campaign to the same list, the question shows the note. Without a terminal the command
refuses to send to the list again, unless `--yes` is given; its exit code is 0 if text and list are unchanged since the
note, and 1 otherwise. `--no-journal` writes no journal and reads no note. A journal named by `--journal` is kept.

If every answer to an order was lost, it is unknown whether the service accepted the order. After all other orders,
`bulk` looks for such orders for 15 minutes (`--settle-for`), because the service's list of orders shows them after ten.
Ctrl-C stops the search; the same command continues it. If an order stays unknown, a person decides: `--unknown sent`
or `--unknown not-sent`. If the journal has another text for a recipient, the campaign stops, unless
`--allow-new-texts` is given.

LIST.refused.csv lists the recipients that were left out, with the reason. LIST.failed.csv lists the recipients that
were not texted; if a message may have been sent, its column `sent` is `unknown`. `--refused` and `--failed` name other
files.

## Scripts

`--json` writes one JSON object per line with stable keys. An error has `error` (what happened), `class`, `code` (of the
service), `advice` (what to do) and `exit_code`. The exit code is

- 0 if every recipient was accepted, now or by an earlier run, or was refused and listed;
- 1 if the command stopped or failed, and everything that was not accepted was certainly not sent;
- 2 for wrong usage;
- 3 if some messages may have been sent, and a person has to check;
- 128 plus the signal's number if a signal ended the command. SIGTERM and SIGHUP end it as Ctrl-C does.

Credentials come only from environment variables, because arguments are visible in process lists.
`ILETIMERKEZI_BASE_URL` names another service, such as a sandbox; `ILETIMERKEZI_IYS`, `ILETIMERKEZI_BRAND` and
`ILETIMERKEZI_STORE` are the defaults of `--iys`, `--brand` and `--store`.

## The files

For developers. Each command is one function; the commands share the other files.

```
app (here)                                               the commands and the options before them
demo  serving  account  sending  campaign  orders        the commands, by subject
consents  webhook                                        likewise
rehearsal  summary                                       output of a campaign: the preview, the result
forecast  books  named                                   its cost; its journal and note; its files of refused and failed
plan  lists  layouts                                     its arguments, its list, the list's layout
tables  sheets  archives                                 rows of a text file, of a workbook; facts from a workbook's XML
moments                                                  days and times
terms                                                    options of all commands that send, and their question
command                                                  the end of a command: its exit code and its error line
display                                                  progress and tables, in a terminal or in a file
keeping                                                  the store of keys and journals, and the command about keys
settings  messages  output                               environment and options, errors as lines, the streams
```

Slow imports are inside the commands that need them.
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
  ILETIMERKEZI_STORE     the store of keys and one shared rate: `send --help`
  ILETIMERKEZI_BASE_URL  another service, such as `iletimerkezi sandbox`

\b
Exit codes:
  0      done: each recipient was accepted, now or before, or refused (listed)
  1      it stopped or failed: what was not accepted was certainly not sent;
         `wait`: the order failed, or the time is up
  2      wrong usage
  3      some messages may have been sent: a person has to check
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
        # Hide warnings of other libraries: they may show values. Our own are logged.
        warnings.simplefilter("ignore")
    show_log(logging.WARNING)
    try:
        app(prog_name="iletimerkezi")
    except KeyboardInterrupt:
        # Interrupted before the command itself began.
        end_line()
        sys.exit(signal_code())
    except Exception as error:  # noqa: BLE001 - any error is one line; writing the help may fail, too
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
app.command("bulk", cls=Command, short_help="Send TEXT to a list, in as many orders as needed.")(campaign.bulk)
app.command("report", cls=Command)(orders.report)
app.command("orders", cls=Command)(orders.orders)
app.command("wait", cls=Command)(orders.wait)
app.command("cancel", cls=Command)(orders.cancel)
app.command("senders", cls=Command)(account.senders)
app.add_typer(account.blacklist, name="blacklist")
app.add_typer(consents.group, name="consent")
app.command("webhook", cls=Command)(webhook.webhook)
