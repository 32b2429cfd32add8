"""The command that sends to any number of recipients."""

import sys
import time
from contextlib import AbstractAsyncContextManager, suppress
from enum import Enum
from threading import Timer
from typing import Annotated

import typer
from attrs import define, field

from iletimerkezi_async import BulkError, BulkResult, JournalError, Progress
from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.wire.arguments import MAX_RECIPIENTS

from .books import Book, choose_book
from .command import run_async
from .display import Show, track
from .encodings import read_encoding
from .keeping import StoreOption, open_store, opened
from .layouts import Wishes, read_delimiter
from .lists import open_list
from .messages import CommandError, WrongUsageError
from .named import FAILED_COLUMNS, REFUSED_COLUMNS, NameFile, failed_rows
from .output import end_line, note
from .plan import Plan, Wanted, read_template
from .proposal import propose
from .rehearsal import rehearse
from .settings import Json, Verbose, open_client
from .summary import End, Summary
from .terms import At, IysOption, SenderOption, Yes, read_terms, read_text

__all__ = ["bulk"]

# Exceptions that were chained in between.
_DEPTH = 8
_MINUTE = 60.0
_SECONDS_BEFORE_SAID = 2.0


class Unknown(str, Enum):
    """What a person knows of those of whom nothing could tell."""

    SENT = "sent"
    NOT_SENT = "not-sent"


def bulk(
    text: Annotated[str, typer.Argument(metavar="TEXT", hidden=True)],
    *,
    to: Annotated[str, typer.Option(metavar="FILE", help="A number a line, CSV or .xlsx. - is standard input.")],
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column with the numbers, or which one it is: 2.")
    ] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHAR", help='What separates the columns, such as ";" or "tab".')
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="How the letters are written, such as windows-1254.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="The sheet of an .xlsx, or which one it is: 2.")
    ] = None,
    decimal_point: Annotated[
        bool, typer.Option("--decimal-point", help="Show the decimals of an .xlsx with a point: 1.5.")
    ] = False,
    journal: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where it is written down. Default: LIST.journal. With --store: a name."),
    ] = None,
    no_journal: Annotated[bool, typer.Option("--no-journal", help="Write nothing down.")] = False,
    store: StoreOption = None,
    refused: Annotated[
        str | None, typer.Option(metavar="FILE", help="Name those left out, as CSV. Default: LIST.refused.csv.")
    ] = None,
    failed: Annotated[
        str | None, typer.Option(metavar="FILE", help="Name those who failed, as CSV. Default: LIST.failed.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; tell what it would come to.")] = False,
    unknown: Annotated[
        Unknown | None,
        typer.Option(metavar="sent|not-sent", help="Your decision about those of whom nothing could tell."),
    ] = None,
    settle_for: Annotated[
        float, typer.Option(metavar="S", min=0, help="How long to find out about those that may have been sent.")
    ] = 900.0,
    allow_new_texts: Annotated[
        bool, typer.Option("--allow-new-texts", help="Text those again who had another text.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, max=MAX_RECIPIENTS, help="Recipients in an order.")
    ] = MAX_RECIPIENTS,
    iys: IysOption = None,
    sender: SenderOption = None,
    at: At = None,
    yes: Yes = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Send TEXT to everybody in a file, in as many orders as it takes.

    The file is a list with a number a line, or a table with a column of numbers. How it is laid out is found out, and
    told; the options are for where that goes wrong. A row that is not laid out as the others is left out and listed.
    TEXT may name columns: "Sayın {ad}, ..."; for a brace itself write it twice. With - for TEXT it is read from
    standard input.

    What is sent is written down beside FILE, and the same command after a stop or a crash sends what is missing, and
    nothing twice; with --store and --journal also on another machine. Once everybody is accounted for, a note without
    numbers is left: sending to the same FILE again is asked about, or needs --yes.

    Those of whom nobody can tell whether they were sent, as every answer was lost, are settled once all else is sent,
    for 15 minutes; Ctrl-C stops that, and the same command goes on with it.
    """
    _check_streams(text, to, asks=not (yes or dry_run))
    kept = None if dry_run else open_store(store)
    book = choose_book(to, journal, kept, none=no_journal, asked=store is not None)
    terms = read_terms(iys, sender, at, resumed=book.is_begun)
    template = read_template(read_text(text))
    wishes = Wishes(column, read_delimiter(delimiter), header, read_encoding(encoding), sheet, decimal_point)
    client = None if dry_run else open_client(sender=terms.sender, iys=terms.iys, store=kept)
    with open_list(to, wishes) as recipients:
        decided = None if unknown is None else unknown is Unknown.SENT
        wanted = Wanted(batch_size, decided, 0.0 if no_journal else settle_for, allow_new_texts)
        plan = Plan(recipients, template, terms, wanted, total=recipients.count())
        plan.check()
        others = (to, book.path)
        left_out = NameFile("--refused", refused, REFUSED_COLUMNS, others, book.beside(to, "refused.csv"))
        undone = NameFile("--failed", failed, FAILED_COLUMNS, (*others, refused), book.beside(to, "failed.csv"))
        sent = None if yes or sys.stdin.isatty() else book.sent_before()
        problem = CommandError(f"{plan.recipients.name} was {sent}: --yes sends again") if sent else None
        if client is None:
            rehearse(plan, left_out, problem, as_json=as_json)
            return
        if problem is not None:
            raise problem
        if not yes and sys.stdin.isatty():
            propose(plan, book)
        _Run(opened(client, kept), plan, book, left_out, undone, text, as_json).run()


@define
class _Run:
    """A campaign under way.

    Attributes:
        clients: What sends it, to be opened.
        plan: What it is.
        book: Where it is written down, if anywhere.
        refused: What names those left out.
        failed: What names those who were not texted, or may not have been.
        typed: The text as it was typed.
        as_json: How to show its end.
    """

    clients: AbstractAsyncContextManager[AsyncClient]
    plan: Plan
    book: Book
    refused: NameFile
    failed: NameFile
    typed: str
    as_json: bool
    _result: BulkResult | None = field(default=None, init=False)
    _note: bytes | None = field(default=None, init=False)
    _began: float = field(factory=time.monotonic, init=False)

    def run(self) -> None:
        """Send everything, and tell what became of it.

        Raises:
            typer.Exit: Not everybody was reached.
            Exception: It ended before it began.
        """
        ended: BaseException | None = None
        self._note = self.book.begin()
        try:
            run_async(self._send)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - what is known is told, whatever it was
            if self._result is None:
                self.book.undo(self._note)
                raise self._told(error) from None
            ended = error
        assert self._result is not None
        end = End.of(self._result, ended)
        self._end(self._result, end)
        if end.exit_code:
            raise typer.Exit(end.exit_code)

    async def _send(self) -> None:
        plan = self.plan
        async with self.clients as client:
            with track("sending", plan.total, sys.stderr) as show:
                watch = _Watch(show, plan.wanted.settle_for)
                try:
                    self._result = await self._send_with(client, watch)
                except BaseException as error:
                    # Kept here, since what comes out of the event loop need not be the same.
                    self._result = _partial_result(error)
                    raise
                finally:
                    watch.end()

    async def _send_with(self, client: AsyncClient, watch: "_Watch") -> BulkResult:
        plan, text, wanted = self.plan, self.plan.template.text, self.plan.wanted
        if text is None:
            return await client.send_bulk_messages(
                plan.messages(),
                batch_size=wanted.batch_size,
                on_progress=watch,
                journal=self.book.journal,
                unknown=wanted.unknown,
                settle_for=wanted.settle_for,
                allow_new_texts=wanted.allow_new_texts,
                send_at=plan.terms.send_at,
            )
        return await client.send_bulk(
            text,
            plan.numbers(),
            batch_size=wanted.batch_size,
            on_progress=watch,
            journal=self.book.journal,
            unknown=wanted.unknown,
            settle_for=wanted.settle_for,
            send_at=plan.terms.send_at,
        )

    def _told(self, error: BaseException) -> BaseException:
        """An error from before it began, with what the command can do about it."""
        if self.book.owned and isinstance(error, JournalError) and "was made for another" in error.reason:
            advice = "finish that campaign with its own command, or begin another with --journal PATH"
            return CommandError(f"{error}: {advice}", error)
        return error

    def _end(self, result: BulkResult, end: End) -> None:
        # First, as nothing that is shown is worth as much.
        refused = self.refused.write(result.refused, len(result.refused))
        failed = self.failed.write(failed_rows(result), result.failures)
        is_noted = self.book.end(result, self._note, is_done=not end.exit_code)
        summary = Summary(
            result,
            self.plan,
            time.monotonic() - self._began,
            end,
            typed=self.typed,
            book=self.book,
            is_noted=is_noted,
            refused_file=refused,
            failed_file=failed,
        )
        if isinstance(end.error, KeyboardInterrupt):
            end_line()
        with suppress(BrokenPipeError):
            (summary.show_json if self.as_json else summary.show)()
        summary.tell()


class _Watch:
    """Shows how many recipients are done with, in one way or another; and says what happens about the unknown.

    Args:
        show: What shows it.
        settle_for: For how many seconds it is found out about the unknown.
    """

    def __init__(self, show: Show, settle_for: float) -> None:
        self._show = show
        self._failed = 0
        self._time = f"{settle_for / 60:.3g} minutes" if settle_for >= _MINUTE else f"{settle_for:g} seconds"
        # Where it stops, there is nothing to wait for, and nothing to say.
        self._timer = Timer(_SECONDS_BEFORE_SAID, self._say) if settle_for else None

    def __call__(self, progress: Progress) -> None:
        done = progress.accepted + progress.refused + progress.duplicates + progress.failed
        self._show(done, progress.accepted_before)
        if progress.failed and not self._failed and self._timer:
            self._failed = progress.failed
            self._timer.start()

    def end(self) -> None:
        """Say nothing any more."""
        if self._timer:
            self._timer.cancel()

    def _say(self) -> None:
        note(
            f"{self._failed:,} failed so far; once all else is sent, it goes on to find out who of them was texted, "
            f"for {self._time} at most (Ctrl-C stops that)"
        )


def _partial_result(error: BaseException) -> BulkResult | None:
    """What is known of a campaign that ended with this exception."""
    found: BaseException | None = error
    for _ in range(_DEPTH):
        if isinstance(found, (BulkError, JournalError)):
            return found.result
        found = found.__context__ if found is not None else None
    return None


def _check_streams(text: str, to: str, *, asks: bool) -> None:
    if to != "-":
        return
    if text == "-":
        raise WrongUsageError("the text and the numbers cannot both be read from standard input")
    if asks and sys.stdin.isatty():
        raise WrongUsageError("say --yes: where the numbers are typed, there is no asking")
