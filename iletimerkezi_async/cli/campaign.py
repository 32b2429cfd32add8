"""The command that sends to any number of recipients."""

import sys
import time
from contextlib import AbstractAsyncContextManager, suppress
from enum import Enum
from functools import partial
from threading import Timer
from typing import Annotated, Literal

import typer
from attrs import define, field
from typer import Option

from iletimerkezi_async import BulkError, BulkResult, JournalError, Progress
from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.wire.arguments import MAX_RECIPIENTS

from .books import Book, choose_book
from .command import run_async
from .display import Show, track
from .keeping import StoreOption, open_store, opened
from .layouts import Wishes, read_delimiter
from .lists import open_list
from .messages import WrongUsageError
from .named import FAILED_COLUMNS, REFUSED_COLUMNS, NameFile, failed_rows
from .output import end_line, note
from .plan import Plan, read_template
from .rehearsal import propose, rehearse
from .settings import Json, Verbose, Word, open_client
from .summary import End, Summary
from .tables import read_encoding
from .terms import At, IysOption, SenderOption, Yes, read_terms, read_text

__all__ = ["bulk"]

# How many chained exceptions to search for a result.
_DEPTH = 8
_MINUTE = 60.0
_SECONDS_BEFORE_SAID = 2.0


_JOURNAL_HELP = "Where progress is kept. Default: LIST.journal. With --store: a name."
_UNKNOWN_HELP = "Your decision about orders that stay unknown."
_SETTLE_HELP = "Seconds to look for orders that may have been accepted."


class Unknown(str, Enum):
    """The user's decision about recipients of orders that stay unknown."""

    SENT = "sent"
    NOT_SENT = "not-sent"


_DECISIONS: dict[Unknown, Literal["as_sent", "as_not_sent"]] = {
    Unknown.SENT: "as_sent",
    Unknown.NOT_SENT: "as_not_sent",
}


def bulk(
    text: Annotated[str, typer.Argument(metavar="TEXT", hidden=True)],
    *,
    to: Annotated[str, Option(metavar="FILE", help="One number per line, CSV or .xlsx. - is standard input.")],
    column: Annotated[Word, Option(metavar="NAME", help="The column with the numbers, by name or position.")] = None,
    header: Annotated[bool | None, Option("--header/--no-header", help="Whether the first row names columns.")] = None,
    delimiter: Annotated[Word, Option(metavar="CHAR", help='The separator of columns, such as ";" or "tab".')] = None,
    encoding: Annotated[Word, Option(metavar="NAME", help="The file's encoding, such as windows-1254.")] = None,
    sheet: Annotated[Word, Option(metavar="NAME", help="The sheet of an .xlsx, by name or position.")] = None,
    decimal_point: Annotated[
        bool, Option("--decimal-point", help="Show decimals of an .xlsx with a point: 1.5.")
    ] = False,
    journal: Annotated[Word, Option(metavar="PATH", help=_JOURNAL_HELP)] = None,
    no_journal: Annotated[bool, Option("--no-journal", help="Keep no journal.")] = False,
    store: StoreOption = None,
    refused: Annotated[Word, Option(metavar="FILE", help="File of those left out. Default: LIST.refused.csv.")] = None,
    failed: Annotated[Word, Option(metavar="FILE", help="File of those who failed. Default: LIST.failed.csv.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Send nothing; show recipients and cost.")] = False,
    unknown: Annotated[Unknown | None, Option(metavar="sent|not-sent", help=_UNKNOWN_HELP)] = None,
    settle_for: Annotated[float, Option(metavar="S", min=0, help=_SETTLE_HELP)] = 900.0,
    allow_new_texts: Annotated[
        bool, Option("--allow-new-texts", help="Also text recipients who had another text.")
    ] = False,
    batch_size: Annotated[int, Option(metavar="N", min=1, max=MAX_RECIPIENTS, help="Recipients in an order.")] = (
        MAX_RECIPIENTS
    ),
    iys: IysOption = None,
    sender: SenderOption = None,
    at: At = None,
    yes: Yes = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Send TEXT to all numbers of a file, in as many orders as needed.

    FILE has one number per line, or is a table with a column of numbers. Its layout is detected and shown; use the
    options if the detection is wrong. A row whose layout differs from the others is left out and listed. TEXT may name
    columns: "Sayın {ad}, ..."; to send a brace, write it twice. If TEXT is -, it is read from standard input.

    A journal is kept in the folder of FILE: after a stop or a crash the same command sends what is missing, and nothing
    twice; with --store and --journal also on another machine. Once FILE is done, a note without numbers is kept:
    sending to the same FILE again needs a yes, or --yes.

    If every answer to an order was lost, the command looks for the order for 15 minutes, after all other orders. Ctrl-C
    stops the search; the same command continues it.
    """
    _check_streams(text, to, asks=not (yes or dry_run))
    kept = None if dry_run else open_store(store)
    typed, text = text, read_text(text)
    book = choose_book(to, text, journal, kept, none=no_journal, asked=store is not None)
    terms = read_terms(iys, sender, at, resumed=book.is_begun)
    template = read_template(text)
    wishes = Wishes(column, read_delimiter(delimiter), header, read_encoding(encoding), sheet, decimal_point)
    client = None if dry_run else open_client(sender=terms.sender, iys=terms.iys, store=kept)
    with open_list(to, wishes) as recipients:
        decided = _read_decision(unknown, none=no_journal)
        patience = 0.0 if no_journal else settle_for
        plan = Plan(recipients, template, terms, batch_size, decided, patience, allow_new_texts)
        plan.check()
        others = (to, book.path)
        beside = None if dry_run else book.beside(to, "refused.csv")
        left_out = NameFile("--refused", refused, REFUSED_COLUMNS, others, beside)
        problem = None if yes or sys.stdin.isatty() else book.refuse_again(recipients.name)
        if client is None:
            rehearse(plan, book, left_out, problem, as_json=as_json)
            return
        undone = NameFile("--failed", failed, FAILED_COLUMNS, (*others, refused), book.beside(to, "failed.csv"))
        if problem is not None:
            raise problem
        if not yes and sys.stdin.isatty():
            propose(plan, book)
        _Run(opened(client, kept), plan, book, left_out, undone, typed, as_json).run()


@define
class _Run:
    """A running campaign.

    Attributes:
        clients: Opens the client that sends it.
        plan: The campaign.
        book: Its journal.
        refused: The file of recipients left out.
        failed: The file of recipients who were not texted, or may not have been.
        typed: The text argument.
        as_json: Whether to show the end as JSON.
    """

    clients: AbstractAsyncContextManager[AsyncClient]
    plan: Plan
    book: Book
    refused: NameFile
    failed: NameFile
    typed: str
    as_json: bool
    _result: BulkResult | None = field(default=None, init=False)
    _began: float = field(factory=time.monotonic, init=False)

    def run(self) -> None:
        """Send everything, and show the result.

        Raises:
            typer.Exit: Some recipients were not reached.
            Exception: The campaign failed before it began.
        """
        ended: BaseException | None = None
        self.book.check()
        try:
            run_async(self._send)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the result so far is shown after any error
            if self._result is None:
                raise (self.book.explain(error) if isinstance(error, JournalError) else error) from None
            ended = error
        assert self._result is not None
        end = End.of(self._result, ended)
        self._end(self._result, end)
        if end.exit_code:
            raise typer.Exit(end.exit_code)

    async def _send(self) -> None:
        plan = self.plan
        async with self.clients as client:
            with track("sending", plan.recipients.total, sys.stderr) as show:
                watch = _Watch(show, plan.settle_for)
                try:
                    self._result = await self._send_with(client, watch)
                except BaseException as error:
                    # Keep the result here: the event loop may raise another exception instead of this one.
                    self._result = _partial_result(error)
                    raise
                finally:
                    watch.end()

    async def _send_with(self, client: AsyncClient, watch: "_Watch") -> BulkResult:
        plan, text = self.plan, self.plan.template.text
        send = (
            partial(client.send_bulk_messages, plan.messages(), allow_new_texts=plan.allow_new_texts)
            if text is None
            else partial(client.send_bulk, text, plan.numbers())
        )
        return await send(
            batch_size=plan.batch_size,
            on_progress=watch,
            journal=self.book.journal,
            unknown=plan.unknown,
            settle_for=plan.settle_for,
            send_at=plan.terms.send_at,
        )

    def _end(self, result: BulkResult, end: End) -> None:
        # Write the files first: showing the result fails if the terminal is gone.
        files = {
            "refused_file": self.refused.write(result.refused, len(result.refused)),
            "failed_file": self.failed.write(failed_rows(result), result.failures),
            "note": self.book.end(result, is_done=not end.exit_code),
            "journal": self.book.shown_path,
        }
        summary = Summary(result, self.plan, self.book, time.monotonic() - self._began, end, self.typed, files)
        if isinstance(end.error, KeyboardInterrupt):
            end_line()
        with suppress(BrokenPipeError):
            (summary.show_json if self.as_json else summary.show)()
        summary.tell()


class _Watch:
    """Shows how many recipients are done, and announces the search for unknown orders.

    Args:
        show: Draws the progress.
        settle_for: Seconds to look for unknown orders.
    """

    def __init__(self, show: Show, settle_for: float) -> None:
        self._show = show
        self._failed = 0
        self._time = f"{settle_for / 60:.3g} minutes" if settle_for >= _MINUTE else f"{settle_for:g} seconds"
        # Announce it after a delay: a campaign that stops at once does not look for orders.
        self._timer = Timer(_SECONDS_BEFORE_SAID, self._say) if settle_for else None

    def __call__(self, progress: Progress) -> None:
        done = progress.accepted + progress.refused + progress.duplicates + progress.failed
        self._show(done, progress.accepted_before)
        if progress.failed and not self._failed and self._timer:
            self._failed = progress.failed
            self._timer.start()

    def end(self) -> None:
        """Cancel the announcement, if it was not shown yet."""
        if self._timer:
            self._timer.cancel()

    def _say(self) -> None:
        note(
            f"{self._failed:,} failed so far; at the end, the command looks for their orders for at most {self._time} "
            "(Ctrl-C stops that)"
        )


def _partial_result(error: BaseException) -> BulkResult | None:
    """The result in an exception, or in one that it is chained to."""
    found: BaseException | None = error
    for _ in range(_DEPTH):
        if isinstance(found, (BulkError, JournalError)):
            return found.result
        found = found.__context__ if found is not None else None
    return None


def _read_decision(unknown: Unknown | None, *, none: bool) -> Literal["keep", "as_sent", "as_not_sent"]:
    if unknown is None:
        return "keep"
    if none:
        raise WrongUsageError("--unknown is about the orders in a journal: it and --no-journal exclude each other")
    return _DECISIONS[unknown]


def _check_streams(text: str, to: str, *, asks: bool) -> None:
    if to != "-":
        return
    if text == "-":
        raise WrongUsageError("the text and the numbers cannot both be read from standard input")
    if asks and sys.stdin.isatty():
        raise WrongUsageError("say --yes: the command cannot ask, as the numbers come from the terminal")
