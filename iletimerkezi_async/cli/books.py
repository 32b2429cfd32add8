"""A campaign's journal, by default in the folder of its list, and the note that replaces it at the end."""

import json
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from iletimerkezi_async.campaigns.journal import fingerprint, is_there
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
# After these errors the recipients were texted, or may have been.
_TEXTED = (OutcomeUnknownError, DuplicateOrderError)


@frozen
class Book:
    """The journal of a campaign, and its note.

    Attributes:
        journal: The path of a file, or the journal in a store; `None` without a journal.
        note: The file for the note that replaces a default journal. A default journal is for one campaign only, and
            is removed when the campaign is done.
        campaign: A hash of the text and of the list's size and time of change. It reveals nothing without the API key.
            `None` without a key, or without a file.
    """

    journal: str | StoreJournal | None
    note: str | None = None
    campaign: str | None = None

    @property
    def path(self) -> str | None:
        """The journal's path, if it is a file."""
        return self.journal if isinstance(self.journal, str) else None

    @property
    def shown_path(self) -> str | None:
        """The journal's path, if it is a file that exists."""
        return self.path if self.path is not None and Path(self.path).exists() else None

    @property
    def is_begun(self) -> bool:
        """Whether the journal may hold orders of an earlier run."""
        return self.journal is not None if self.path is None else is_there(self.path)

    @property
    def is_readable(self) -> bool:
        """Whether the journal is a file of an earlier run, and the API key to read it is known."""
        return self.path is not None and self.is_begun and has_credentials()

    @property
    def sent_before(self) -> str | None:
        """The time and the size of the campaign in the note, in words; `None` if there is no note."""
        if self.note is None or self.is_begun:
            return None
        with suppress(ValueError, KeyError, TypeError):
            told = self._read_note()
            when = datetime.fromisoformat(told["sent"]).astimezone(TURKISH_TIME)
            return f"sent on {when:%Y-%m-%d %H:%M} to {told['recipients']:,}"
        return None

    def refuse_again(self, name: str) -> CommandError | None:
        """The error for a second campaign to the same list, if the user cannot be asked.

        If text and list are unchanged (see `campaign`), nothing is left to do: a `DoneError`.

        Args:
            name: The list.
        """
        if self.sent_before is None:
            return None
        is_same = self.campaign is not None and self._read_note().get("campaign") == self.campaign
        return (DoneError if is_same else CommandError)(f"{name} was {self.sent_before}: --yes sends again")

    def explain(self, error: JournalError) -> CommandError:
        """An error of the journal before anything was sent, with advice for users of the command."""
        if self.note and "was made for another" in error.reason:
            advice = "finish that campaign with its own command, or begin another with --journal PATH"
            return CommandError(f"{error}: {advice}", error)
        return CommandError(str(error), error)

    def _read_note(self) -> dict[str, Any]:
        with suppress(OSError, ValueError), Path(self.note or "").open("rb") as file:
            return cast("dict[str, Any]", json.loads(file.read(_LONGEST_NOTE)))
        return {}

    def beside(self, to: str, kind: str) -> str | None:
        """The default path of a file about the list; `None` without a journal."""
        return None if self.journal is None else _name_beside(to, kind)

    def check(self) -> None:
        """Check that a default journal can be written.

        Raises:
            CommandError: The list's folder is not writable.
        """
        if self.note is not None and not os.access(Path(self.note).parent, os.W_OK):
            raise CommandError(
                f"{self.path} cannot be written, but it is needed to know after a stop who was texted: choose another "
                "path with --journal PATH, or say --no-journal"
            )

    def end(self, result: BulkResult, *, is_done: bool) -> str | None:
        """Replace a default journal by a note, once the list is done.

        The journal of a run that texted no recipient is removed: the next run may use another sender or text.

        Args:
            result: The campaign's result.
            is_done: Whether each recipient was accepted or refused.

        Returns:
            The note, if it was written.
        """
        recipients = result.accepted + result.failures
        # A list without recipients was not sent to.
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
    """The journal of a campaign, chosen by the command's options.

    Args:
        to: The list.
        text: The text.
        journal: The value of --journal, if it was given.
        store: The store, if there is one.
        none: Whether --no-journal was given.
        asked: Whether the store comes from --store, and not from the environment.

    Raises:
        WrongUsageError: --journal and --no-journal exclude each other.
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
    """The path of a file that belongs to a list: in the list's folder; for standard input in the current folder."""
    return f"{'stdin' if to == '-' else to}.{kind}"
