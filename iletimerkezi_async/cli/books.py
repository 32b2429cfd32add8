"""Where a campaign is written down: beside its list, if nothing else was said; and the note that is left of it."""

import json
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import cast

from attrs import frozen

from iletimerkezi_async.errors import DuplicateOrderError, OutcomeUnknownError
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.results import BulkResult
from iletimerkezi_async.stores import Store, StoreJournal

from .keeping import choose_journal
from .messages import CommandError, WrongUsageError
from .output import complain

__all__ = ["Book", "choose_book"]

_LONGEST_NOTE = 1000
# Who failed with these was texted, or may have been.
_TEXTED = (OutcomeUnknownError, DuplicateOrderError)


@frozen
class Book:
    """Where a campaign is written down.

    Attributes:
        journal: The file, or the journal in a store; `None` for nowhere.
        owned: Whether nobody asked for it: it is for this campaign alone, and goes when that is done.
    """

    journal: str | StoreJournal | None
    owned: bool = False

    @property
    def path(self) -> str | None:
        """The file, where it is one."""
        return self.journal if isinstance(self.journal, str) else None

    @property
    def shown_path(self) -> str | None:
        """The file, where it is one that is there."""
        return self.path if self.path is not None and Path(self.path).exists() else None

    @property
    def is_begun(self) -> bool:
        """Whether it may hold what an earlier run has sent."""
        if self.path is None:
            return self.journal is not None
        # What cannot be looked at is not there; opening it tells why.
        return os.path.exists(self.path) and self.sent_before() is None  # noqa: PTH110 - `Path.exists` raises where it cannot look

    def sent_before(self) -> str | None:
        """When the whole list was sent to, and how many that were, by the note of that campaign."""
        if self.path is None:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError):
            with Path(self.path).open("rb") as file:
                note = json.loads(file.read(_LONGEST_NOTE))
            when = datetime.fromisoformat(note["sent"]).astimezone(TURKISH_TIME)
            return f"sent on {when:%Y-%m-%d %H:%M} to {cast('int', note['recipients']):,}"
        return None

    def beside(self, to: str, kind: str) -> str | None:
        """Where a file about the list goes if nothing was said: nowhere, where nothing is to be written down."""
        return None if self.journal is None else _name_beside(to, kind)

    def begin(self) -> bytes | None:
        """Make room for the journal of a campaign that begins.

        Returns:
            The note that was there.

        Raises:
            CommandError: There is no writing beside the list.
        """
        if self.path is None:
            return None
        file = Path(self.path)
        if self.owned and not os.access(file.parent, os.W_OK):
            raise CommandError(
                f"{self.path} cannot be written, and without it nobody could tell after a stop who was texted: keep it "
                "elsewhere with --journal PATH, or say --no-journal"
            )
        if self.sent_before() is None:
            return None
        note = file.read_bytes()
        file.unlink()
        return note

    def undo(self, note: bytes | None) -> None:
        """Put the note back, where the campaign did not begin after all."""
        if note is not None and self.path is not None and not Path(self.path).exists():
            Path(self.path).write_bytes(note)

    def end(self, result: BulkResult, note: bytes | None, *, is_done: bool) -> bool:
        """Leave a note in place of a journal that nobody asked for, and that everybody is accounted for in.

        One in which nobody was texted is taken away: the next try may have another sender, or text.

        Args:
            result: What became of everybody.
            note: The one that was there before.
            is_done: Whether everybody is accounted for.

        Returns:
            Whether there is a note.
        """
        if self.path is None or not self.owned:
            return False
        recipients = result.accepted + result.failures
        # A list that had nobody in it is not one that was sent to.
        is_done = is_done and recipients > 0
        try:
            if is_done:
                self._write_note(recipients)
            elif not result.accepted and not any(isinstance(each.error, _TEXTED) for each in result.failed):
                Path(self.path).unlink()
                self.undo(note)
        except OSError as error:
            complain(f"{self.path} could not be replaced by a note: {error.strerror}")
            return False
        return is_done

    def _write_note(self, recipients: int) -> None:
        note = {"sent": datetime.now(timezone.utc).isoformat(timespec="seconds"), "recipients": recipients}
        draft = Path(f"{self.path}.new")
        draft.write_text(json.dumps(note) + "\n", "utf-8")
        # At once: a journal that was done is never missing.
        draft.replace(cast("str", self.path))


def choose_book(to: str, journal: str | None, store: Store | None, *, none: bool, asked: bool) -> Book:
    """Where a campaign is written down.

    Args:
        to: The list.
        journal: What was said about the journal.
        store: The store, if there is one.
        none: Whether there is to be none.
        asked: Whether the store was asked for by the option.

    Raises:
        WrongUsageError: The two exclude each other.
        CommandError: The store cannot have such a journal.
    """
    if none:
        if journal is not None:
            raise WrongUsageError("--journal and --no-journal exclude each other")
        return Book(None)
    if journal is None:
        return Book(_name_beside(to, "journal"), owned=True)
    return Book(choose_journal(journal, store, asked=asked))


def _name_beside(to: str, kind: str) -> str:
    """The name of a file that belongs to a list: beside it; for standard input in the current folder."""
    return f"{'stdin' if to == '-' else to}.{kind}"
