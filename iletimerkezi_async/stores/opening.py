"""Opening a campaign's journal, wherever it is kept."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .files import choose_path
from .records import Records

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .journals import StoreJournal
    from .records import Journal

__all__ = ["is_there", "open_any"]


def is_there(journal: str | os.PathLike[str] | StoreJournal | None) -> bool:
    """Whether a journal may hold what an earlier run has sent.

    Raises:
        ConfigurationError: It is neither a path nor a store's journal.
    """
    if journal is None or hasattr(journal, "rows"):
        return journal is not None
    # What cannot be looked at is not there; opening it tells why.
    return os.path.exists(choose_path(journal, "journal"))  # noqa: PTH110 - `Path.exists` raises where it cannot look


@asynccontextmanager
async def open_any(
    journal: str | os.PathLike[str] | StoreJournal | None,
    template: Draft,
    message: Message | None,
    credentials: Credentials,
) -> AsyncGenerator[tuple[Journal | None, Records]]:
    """Open a campaign's journal; what it holds of earlier runs comes along.

    Args:
        journal: A path, a store's journal, or none.
        template: The campaign's terms.
        message: Its text, where it has a single one.
        credentials: The account's.

    Raises:
        JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
    """
    if journal is None:
        yield None, Records()
        return
    # Whoever keeps no journal need load none of what keeps them.
    from .journals import StoreJournal, open_stored  # noqa: PLC0415 - see above

    if isinstance(journal, StoreJournal):
        async with open_stored(journal, template, message, credentials) as opened:
            yield opened
        return
    from .journal import open_journal  # noqa: PLC0415 - see above

    async with open_journal(choose_path(journal, "journal"), template, message, credentials) as opened:
        yield opened
