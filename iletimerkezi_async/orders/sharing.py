"""What the clients of an account share by a store: their rate, and the ids of their orders."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.http.pacing import StorePacer, TokenBucket
from iletimerkezi_async.stores.log import account_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from iletimerkezi_async.http.pacing import Pacer
    from iletimerkezi_async.stores.base import Store, StoreLog
    from iletimerkezi_async.stores.log import KnownId
    from iletimerkezi_async.wire.credentials import Credentials

    from .known import SharedIds


logger = logging.getLogger("iletimerkezi_async")

# Seconds that a look-up waits for the ids of other processes.
_PATIENCE = 1.0


def share_rate(alone: Pacer | None, rate: object, store: object, credentials: Credentials) -> Pacer | None:
    """What paces all processes of an account together, where there is a store and `rate` is a number.

    Args:
        alone: What paces this process.
        rate: What the caller gave.
        store: Where the processes meet.
        credentials: The account's.

    Raises:
        ConfigurationError: The store is none.
    """
    if store is None:
        return alone
    from iletimerkezi_async.stores.base import Store  # noqa: PLC0415 - for those who have one

    if not isinstance(store, Store):
        raise ConfigurationError("`store` must be a SqliteStore, PostgresStore or RedisStore, made and not a class")
    if alone is rate or not isinstance(alone, TokenBucket):
        return alone
    # A bucket was made of it: it is a number.
    return StorePacer(rate, store, account_of(credentials))  # type: ignore[arg-type]


class _StoreIds:
    """The ids of an account's orders that any process has told of."""

    def __init__(self, log: StoreLog, account: str) -> None:
        self._log = log
        self._account = account

    def note(self, known: KnownId, /) -> None:
        self._log.note_later(self._account, known)

    async def known(self, order_ids: Collection[int], /) -> frozenset[int]:
        if self._log.is_away:
            return frozenset()
        reason: object = f"the store did not answer within {_PATIENCE:g} s"
        with anyio.move_on_after(_PATIENCE):
            try:
                return await self._log.known(self._account, order_ids)
            except StoreError as error:
                reason = error
        self._log.note_away()
        # What is not known is looked at.
        logger.warning("the ids of other processes are not to be had: %s", reason)
        return frozenset()


def share_ids(store: Store | None, credentials: Credentials) -> SharedIds | None:
    """Where the ids of orders are shared with the account's other processes, if there is a store."""
    if store is None:
        return None
    from iletimerkezi_async.stores.base import StoreLog  # noqa: PLC0415 - for those who have a store

    return _StoreIds(StoreLog(store), account_of(credentials))
