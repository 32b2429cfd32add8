"""The store that the commands share with other programs of the account, and the command `sent` about its keys."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.models import Send
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store, StoreJournal

from .messages import CommandError, WrongUsageError
from .output import note, write_json, write_pairs
from .settings import Json, Verbose, Word, call, open_client

__all__ = ["STORE_VARIABLE", "KeyOption", "StoreOption", "choose_journal", "has_store", "open_store", "opened", "sent"]

STORE_VARIABLE = "ILETIMERKEZI_STORE"

StoreOption = Annotated[
    Word, Option("--store", metavar="URL", help=f"postgresql://…, redis://…, sqlite:PATH. Default: {STORE_VARIABLE}.")
]
KeyOption = Annotated[Word, Option("--key", metavar="KEY", help="Send once under this key. It needs a store.")]

_KINDS: Mapping[str, type[PostgresStore | RedisStore]] = {
    "postgresql": PostgresStore,
    "postgres": PostgresStore,
    "redis": RedisStore,
    "rediss": RedisStore,
    "unix": RedisStore,
}


def has_store(url: str | None) -> bool:
    """Whether the option or the environment names a store."""
    return bool(url or os.environ.get(STORE_VARIABLE))


def open_store(url: str | None) -> Store | None:
    """The store that the option or the environment names.

    Raises:
        CommandError: The address is wrong, or the store cannot be created.
    """
    address = url or os.environ.get(STORE_VARIABLE, "")
    if not address:
        return None
    scheme, _, rest = address.partition(":")
    # SQLAlchemy's addresses may name a driver: `postgresql+psycopg://…`.
    kind, _, _ = scheme.partition("+")
    named = f"{scheme}:// is none of them; " if rest.startswith("//") else ""
    # The address may hold a password, and is not shown.
    reason = f"{named}the store must be postgresql://…, redis://… or sqlite:PATH (--store or {STORE_VARIABLE})"
    try:
        if kind == "sqlite":
            return SqliteStore(_read_path(rest))
        if kind in _KINDS:
            return _KINDS[kind](address)
    except ConfigurationError as error:
        reason = str(error)
    raise CommandError(reason)


def _read_path(rest: str) -> str:
    """The file after `sqlite:`; SQLAlchemy writes it as `///relative` or `////absolute`."""
    if not rest.startswith("//"):
        return rest
    path = rest.removeprefix("///")
    if not path or path == rest:
        raise ConfigurationError(
            "sqlite:// has three slashes in front of a file in the current folder, four in front of an absolute path: "
            "sqlite:///sends.db, sqlite:////var/lib/sends.db"
        )
    if not Path(path).exists():
        note(f"the store is a new file: {Path(path).absolute()}")
    return path


def choose_journal(journal: str | None, store: Store | None, *, asked: bool) -> str | StoreJournal | None:
    """The journal that --journal names: a file, or one in the store.

    Args:
        journal: The path, or the name.
        store: The store, if there is one.
        asked: Whether the store comes from --store. If only the environment names it, an existing file is used
            instead.

    Raises:
        CommandError: The name is not allowed, or the store keeps no journals.
    """
    if journal is None or store is None or (not asked and Path(journal).exists()):
        return journal
    try:
        found = store.journal(journal)
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
    note(f"the journal is kept as {journal!r} in {store!r}")
    return found


@asynccontextmanager
async def opened(client: AsyncClient, store: Store | None) -> AsyncGenerator[AsyncClient]:
    """Open client and store, and close both at the end."""
    async with AsyncExitStack() as stack:
        if store is not None:
            await stack.enter_async_context(store)
        yield await stack.enter_async_context(client)


def sent(
    key: Annotated[str, typer.Argument(metavar="KEY", hidden=True)],
    *,
    order: Annotated[int | None, Option(metavar="ID", min=1, help="It was sent, as this order.")] = None,
    not_sent: Annotated[bool, Option("--not-sent", help="It was surely not sent.")] = False,
    store: StoreOption = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Show the state of the send with KEY.

    "unknown" means that it may or may not have been sent. Running the same send again may find out. If it stays
    unknown, look into the panel, and decide with --order or --not-sent. After --not-sent the key is free: running the
    same send again sends it.
    """
    if not has_store(store):
        raise WrongUsageError(f"no store of keys: give --store, or {STORE_VARIABLE}")
    if order is not None and not_sent:
        raise WrongUsageError("--order and --not-sent exclude each other")
    kept = open_store(store)
    found = call(partial(_settle, key, order, not_sent=not_sent), opened(open_client(store=kept), kept))
    if found is None:
        raise CommandError(f"the key {key!r} is unknown: it was not used, refused, or is too old")
    fields: dict[str, object] = {
        "key": found.key,
        "state": found.state.value,
        "order_id": found.order_id,
        "recipients": found.recipients,
        "first_attempt": found.first_attempt,
    }
    if as_json:
        write_json(fields)
        return
    fields["state"] = found.state.value.replace("_", " ")
    if found.first_attempt is not None:
        fields["first_attempt"] = f"{found.first_attempt:%Y-%m-%d %H:%M:%S}"
    told = {name.removesuffix("_id"): value for name, value in fields.items() if value is not None}
    write_pairs({name.replace("_", " "): value for name, value in told.items()})


async def _settle(key: str, order: int | None, client: AsyncClient, *, not_sent: bool) -> Send | None:
    known = await client.find_send(key)
    if known is None or (order is None and not not_sent):
        return known
    # Decide about the version that was read: another person may decide at the same moment.
    return await (client.mark_not_sent(known) if not_sent else client.mark_sent(known, order))
