"""A campaign's journal, by default beside its list; and the note that is left of it."""

import json
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from iletimerkezi_async.campaigns.journal import is_there
from iletimerkezi_async.campaigns.records import fingerprint
from iletimerkezi_async.errors import ConfigurationError, DuplicateOrderError, OutcomeUnknownError
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.results import BulkResult, JournalError
from iletimerkezi_async.stores import Store, StoreJournal

from .keeping import choose_journal
from .messages import CommandError, DoneError, WrongUsageError
from .output import complain
from .settings import has_credentials, read_credentials

__all__ = ["Book", "choose_book"]

_LONGEST_NOTE = 1000
# Recipients that failed with these were texted, or may have been.
_TEXTED = (OutcomeUnknownError, DuplicateOrderError)


@frozen
class Book:
    """The journal of a campaign, and its note.

    Attributes:
        journal: The file, or the journal in a store; `None` for none.
        note: The file for the note that is left of a default journal: such a journal is for this campaign alone, and
            is removed when that is done.
        campaign: A mark of the text and of the list as it is now. It tells nothing of them without the API key. `None`
            without a key, or without a file.
    """

    journal: str | StoreJournal | None
    note: str | None = None
    campaign: str | None = None

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
        """Whether it may hold orders of an earlier run."""
        return self.journal is not None if self.path is None else is_there(self.path)

    @property
    def is_readable(self) -> bool:
        """Whether it is a file of an earlier run, and there is the key to read it with."""
        return self.path is not None and self.is_begun and has_credentials()

    @property
    def sent_before(self) -> str | None:
        """The time and the size of the campaign that the note is about, in words."""
        if self.note is None or self.is_begun:
            return None
        with suppress(ValueError, KeyError, TypeError):
            told = self._read_note()
            when = datetime.fromisoformat(told["sent"]).astimezone(TURKISH_TIME)
            return f"sent on {when:%Y-%m-%d %H:%M} to {told['recipients']:,}"
        return None

    def refuse_again(self, name: str) -> CommandError | None:
        """The reason not to send to a list again, where no question can be asked.

        It is no failure where all of the list had this text: see `campaign`.

        Args:
            name: The list.
        """
        if self.sent_before is None:
            return None
        is_same = self.campaign is not None and self._read_note().get("campaign") == self.campaign
        return (DoneError if is_same else CommandError)(f"{name} was {self.sent_before}: --yes sends again")

    def explain(self, error: JournalError) -> CommandError:
        """An error of the journal from before anything was sent, with advice that fits the command."""
        if self.note and "was made for another" in error.reason:
            advice = "finish that campaign with its own command, or begin another with --journal PATH"
            return CommandError(f"{error}: {advice}", error)
        return CommandError(str(error), error)

    def _read_note(self) -> dict[str, Any]:
        with suppress(OSError, ValueError), Path(self.note or "").open("rb") as file:
            return cast("dict[str, Any]", json.loads(file.read(_LONGEST_NOTE)))
        return {}

    def beside(self, to: str, kind: str) -> str | None:
        """The default name of a file about the list; none without a journal."""
        return None if self.journal is None else _name_beside(to, kind)

    def check(self) -> None:
        """Check that a default journal can be written.

        Raises:
            CommandError: The list's folder is not writable.
        """
        if self.note is not None and not os.access(Path(self.note).parent, os.W_OK):
            raise CommandError(
                f"{self.path} cannot be written, and without it nothing tells after a stop who was texted: keep it "
                "elsewhere with --journal PATH, or say --no-journal"
            )

    def end(self, result: BulkResult, *, is_done: bool) -> str | None:
        """Replace a default journal by a note, once the list is done.

        A journal of a run that texted no recipient is removed: the next try may have another sender, or text.

        Args:
            result: The campaign's result.
            is_done: Whether each recipient was accepted or refused.

        Returns:
            The note, if it was written.
        """
        recipients = result.accepted + result.failures
        # A list without recipients is not one that was sent to.
        is_done = is_done and recipients > 0
        is_untouched = not result.accepted and not any(isinstance(each.error, _TEXTED) for each in result.failed)
        if self.note is None or self.path is None or not (is_done or is_untouched):
            return None
        try:
            if is_done:
                self._write_note(self.note, recipients)
            Path(self.path).unlink(missing_ok=True)
        except OSError as error:
            complain(f"{self.path} could not be replaced by a note: {error.strerror}")
            return None
        return self.note if is_done else None

    def _write_note(self, path: str, recipients: int) -> None:
        note = {"sent": datetime.now(timezone.utc).isoformat(timespec="seconds"), "recipients": recipients}
        note |= {"campaign": self.campaign} if self.campaign else {}
        draft = Path(f"{path}.new")
        draft.write_text(json.dumps(note) + "\n", "utf-8")
        draft.replace(path)


def choose_book(to: str, text: str, journal: str | None, store: Store | None, *, none: bool, asked: bool) -> Book:
    """The journal of a campaign, as it was typed.

    Args:
        to: The list.
        text: The text.
        journal: The option, if it was given.
        store: The store, if there is one.
        none: Whether there is to be no journal.
        asked: Whether the store comes from its option.

    Raises:
        WrongUsageError: The two exclude each other.
        CommandError: The store cannot have such a journal.
    """
    if none:
        if journal is not None:
            raise WrongUsageError("--journal and --no-journal exclude each other")
        return Book(None)
    if journal is None:
        return Book(_name_beside(to, "journal"), _name_beside(to, "sent"), _mark(to, text))
    return Book(choose_journal(journal, store, asked=asked))


def _mark(to: str, text: str) -> str | None:
    if to == "-" or not has_credentials():
        return None
    with suppress(OSError, ConfigurationError):
        now = Path(to).stat()
        key = read_credentials().derive("note")
        return f"{fingerprint(repr((text, now.st_size, now.st_mtime_ns)), key):016x}"
    return None


def _name_beside(to: str, kind: str) -> str:
    """The name of a file that belongs to a list: beside it; of standard input in the current folder."""
    return f"{'stdin' if to == '-' else to}.{kind}"
