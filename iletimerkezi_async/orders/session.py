"""What one client shares between its calls: connections, limits, defaults, memory."""

from __future__ import annotations

from datetime import datetime, timezone
from types import EllipsisType
from typing import TYPE_CHECKING, cast

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.http.pacing import StorePacer, TokenBucket, choose_pacer
from iletimerkezi_async.http.settings import choose_base_url
from iletimerkezi_async.http.transport import Transport
from iletimerkezi_async.stores.base import Store, StoreLog
from iletimerkezi_async.stores.log import account_of
from iletimerkezi_async.wire.credentials import Credentials
from iletimerkezi_async.wire.draft import Draft, check_iys, check_sender, default_sender, write_template

from .known import KnownIds
from .lookup import Lookups
from .send import Sending

if TYPE_CHECKING:
    from iletimerkezi_async.http.clients import HttpClient
    from iletimerkezi_async.http.pacing import Pacer
    from iletimerkezi_async.http.retry import Retry
    from iletimerkezi_async.http.settings import Timeouts
    from iletimerkezi_async.models import Iys


class Session:
    """What one client shares between its calls.

    Args:
        credentials: The account's credentials.
        store: The store of keys, if there is one.
        known: The client's memory of its orders.
        transport: The transport.
        sender: The default header.
        iys: The default choice about the consent registry.
        is_first: Whether the connections are closed with it; not those of `with_options`.
    """

    def __init__(
        self,
        credentials: Credentials,
        store: Store | None,
        known: KnownIds,
        transport: Transport,
        *,
        sender: str | None,
        iys: Iys | None,
        is_first: bool = True,
    ) -> None:
        self.credentials = credentials
        self.transport = transport
        self.sender = sender
        self.iys = iys
        # For calls that take all defaults.
        self._template = None if sender is None or iys is None else Draft(sender, iys, {}, None, 0)
        #: The shared state of the client's searches.
        self.lookups = Lookups(transport, known)
        #: Sends orders.
        self.sending = Sending(self.lookups, store, credentials)
        #: Reads the pages of lists.
        self.pages = transport.observing_calls()
        self._store = store
        self._is_first = is_first

    @property
    def identity(self) -> tuple[Credentials, Store | None]:
        """The account, and the store that knows the orders of its other processes."""
        return self.credentials, self._store

    def template(self, sender: str | None, iys: Iys | None, send_at: datetime | None, *, may_be_past: bool) -> Draft:
        """Make an order without messages, of a call's settings and the defaults.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        if sender is None and iys is None and send_at is None and self._template is not None:
            return self._template
        return write_template(
            sender=self.sender if sender is None else sender,
            iys=self.iys if iys is None else iys,
            send_at=send_at,
            now=None if may_be_past else datetime.now(timezone.utc),
        )

    def with_options(
        self,
        *,
        timeout: float | Timeouts | EllipsisType,
        retry: Retry | EllipsisType,
        sender: str | EllipsisType | None,
        iys: Iys | EllipsisType | None,
        rate: float | Pacer | EllipsisType | None,
    ) -> Session:
        """Make another one over the same connections; `...` stands for this one's setting.

        Raises:
            IletimerkeziError: As `AsyncClient.with_options`.
        """
        pacer = rate if isinstance(rate, EllipsisType) else _choose_pacer(rate, self._store, self.credentials)
        return Session(
            self.credentials,
            self._store,
            self.lookups.known,
            self.transport.with_options(timeout=timeout, retry=retry, pacer=pacer),
            sender=self.sender if isinstance(sender, EllipsisType) else _choose_header(sender),
            iys=self.iys if isinstance(iys, EllipsisType) else _choose_iys(iys),
            is_first=False,
        )

    async def aclose(self) -> None:
        """Close the connections, unless it was made by `with_options`."""
        if self._is_first:
            await self.transport.aclose()


def open_session(
    key: str | None,
    hash: str | None,
    *,
    sender: str | None,
    iys: Iys | None,
    base_url: str | None,
    timeout: float | Timeouts,
    max_connections: int,
    retry: Retry,
    rate: float | Pacer | None,
    http_client: HttpClient | None,
    store: Store | None,
) -> Session:
    """Make what a new client shares, by the arguments of its constructor.

    Raises:
        IletimerkeziError: As `AsyncClient`.
    """
    address = choose_base_url(base_url)
    credentials = Credentials(key, hash, address)
    header, choice = _choose_header(sender), _choose_iys(iys)
    transport = Transport(
        credentials,
        base_url=address,
        timeout=timeout,
        max_connections=max_connections,
        retry=retry,
        pacer=_choose_pacer(rate, store, credentials),
        http_client=http_client,
    )
    known = KnownIds(None if store is None else StoreLog(store), account_of(credentials))
    return Session(credentials, store, known, transport, sender=header, iys=choice)


def _choose_header(sender: str | None) -> str | None:
    """Take the header that was given, or the environment's, if there is one."""
    return default_sender() if sender is None else check_sender(sender)


def _choose_iys(iys: Iys | None) -> Iys | None:
    return None if iys is None else check_iys(iys)


def _choose_pacer(rate: float | Pacer | None, store: Store | None, credentials: Credentials) -> Pacer | None:
    """Choose the pacer: for all processes of the account, if there is a store and `rate` is a number.

    Raises:
        ConfigurationError: The rate or the store cannot work.
    """
    pacer = choose_pacer(rate)
    if store is None:
        return pacer
    if not isinstance(cast("object", store), Store):
        raise ConfigurationError("`store` must be a SqliteStore, PostgresStore or RedisStore, made and not a class")
    # A token bucket was made of a number, unless it was given.
    if pacer is rate or not isinstance(pacer, TokenBucket):
        return pacer
    return StorePacer(rate, store, account_of(credentials))  # type: ignore[arg-type]  # it is a number
