"""The command that sends to any number of recipients."""

import os
import sys
import time
from contextlib import AbstractAsyncContextManager, suppress
from typing import Annotated

import typer

from iletimerkezi_async import BulkError, BulkResult, JournalError, Progress
from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.stores import StoreJournal
from iletimerkezi_async.text import measure
from iletimerkezi_async.wire.draft import MAX_RECIPIENTS

from .command import run_async
from .display import Show, track
from .encodings import read_encoding
from .keeping import StoreOption, choose_journal, open_store, opened
from .layouts import Wishes, read_delimiter
from .lists import open_list
from .messages import WrongUsageError
from .output import end_line, note
from .plan import Plan, read_template
from .refusals import RefusalFile
from .rehearsal import rehearse
from .settings import Json, Verbose, open_client
from .summary import End, Summary
from .terms import At, IysOption, SenderOption, Yes, ask, read_terms, read_text

__all__ = ["bulk"]

# Exceptions that were chained in between.
_DEPTH = 8


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
    journal: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Write down what is sent, so that it can be resumed. With --store: a name."),
    ] = None,
    store: StoreOption = None,
    refused: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the numbers that are left out, as CSV.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; tell what it would come to.")] = False,
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

    With a journal, the same command after a stop or a crash sends what is missing, and nothing twice; with --store
    also on another machine.
    """
    _check_streams(text, to, asks=not (yes or dry_run))
    kept = None if dry_run else open_store(store)
    book = choose_journal(journal, kept, asked=store is not None)
    terms = read_terms(iys, sender, at, resumed=isinstance(book, StoreJournal) or _is_there(journal))
    template = read_template(read_text(text))
    wishes = Wishes(column, read_delimiter(delimiter), header, read_encoding(encoding), sheet)
    client = None if dry_run else open_client(sender=terms.sender, iys=terms.iys, store=kept)
    with open_list(to, wishes) as recipients:
        plan = Plan(recipients, template, terms, batch_size, total=recipients.count())
        plan.check()
        refusals = RefusalFile(refused, (to, None if isinstance(book, StoreJournal) else journal))
        if client is None:
            rehearse(plan, refusals, as_json=as_json)
            return
        if not yes:
            _tell_layout(plan)
            ask(_what(plan), terms)
        _Run(opened(client, kept), plan, book, refusals, typed=text, as_json=as_json).run()


class _Run:
    """A campaign under way.

    Args:
        clients: What sends it, to be opened.
        plan: What it is.
        journal: Where it is written down, if anywhere.
        refusals: Where those left out are written.
        typed: The text as it was typed.
        as_json: How to show its end.
    """

    def __init__(
        self,
        clients: AbstractAsyncContextManager[AsyncClient],
        plan: Plan,
        journal: str | StoreJournal | None,
        refusals: RefusalFile,
        *,
        typed: str,
        as_json: bool,
    ) -> None:
        self._clients = clients
        self._plan = plan
        self._journal = journal
        self._refusals = refusals
        self._typed = typed
        self._as_json = as_json
        self._result: BulkResult | None = None
        self._began = time.monotonic()

    def run(self) -> None:
        """Send everything, and tell what became of it.

        Raises:
            typer.Exit: Not everybody was reached.
            Exception: It ended before it began.
        """
        ended: BaseException | None = None
        try:
            run_async(self._send)
        except (Exception, KeyboardInterrupt) as error:
            if self._result is None:
                raise
            ended = error
        assert self._result is not None
        end = End.of(self._result, ended)
        self._end(self._result, end)
        if end.exit_code:
            raise typer.Exit(end.exit_code)

    async def _send(self) -> None:
        plan = self._plan
        async with self._clients as client:
            with track("sending", plan.total, sys.stderr) as show:
                try:
                    self._result = await self._send_with(client, _Watch(show))
                except BaseException as error:
                    # Kept here, since what comes out of the event loop need not be the same.
                    self._result = _partial_result(error)
                    raise

    async def _send_with(self, client: AsyncClient, watch: "_Watch") -> BulkResult:
        plan, text = self._plan, self._plan.template.text
        if text is None:
            return await client.send_bulk_messages(
                plan.messages(),
                batch_size=plan.batch_size,
                on_progress=watch,
                journal=self._journal,
                send_at=plan.terms.send_at,
            )
        return await client.send_bulk(
            text,
            plan.numbers(),
            batch_size=plan.batch_size,
            on_progress=watch,
            journal=self._journal,
            send_at=plan.terms.send_at,
        )

    def _end(self, result: BulkResult, end: End) -> None:
        seconds = time.monotonic() - self._began
        summary = Summary(result, self._plan, seconds, end, self._typed, self._journal is not None)
        # First, as nothing that is shown is worth as much.
        self._refusals.write(result.refused)
        if isinstance(end.error, KeyboardInterrupt):
            end_line()
        with suppress(BrokenPipeError):
            (summary.show_json if self._as_json else summary.show)()
        summary.tell()


class _Watch:
    """Shows how many recipients are done with, in one way or another."""

    def __init__(self, show: Show) -> None:
        self._show = show

    def __call__(self, progress: Progress) -> None:
        self._show(progress.accepted + progress.refused + progress.duplicates + progress.failed)


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


def _is_there(path: str | None) -> bool:
    # What cannot be looked at is not there; opening it tells why.
    return path is not None and os.path.exists(path)  # noqa: PTH110 - `Path.exists` raises where it cannot look


def _tell_layout(plan: Plan) -> None:
    if sys.stdin.isatty():
        told = ", ".join(f"{name} {value}" for name, value in plan.recipients.describe().items())
        note(f"{plan.recipients.name}: {told}")


def _what(plan: Plan) -> str:
    text = plan.template.text
    what = "a text of its own" if text is None else f"{measure(text).parts} SMS"
    if plan.total is None:
        return f"{what} to everybody in {plan.recipients.name}"
    return f"{what} to {f'each of up to {plan.total:,} recipients' if plan.total > 1 else '1 recipient'}"
