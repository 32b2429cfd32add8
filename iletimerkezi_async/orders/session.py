"""What one client shares between its calls: connections, limits, defaults, memory."""

from __future__ import annotations

import copy
from types import EllipsisType
from typing import TYPE_CHECKING

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.http.pacing import choose_pacer
from iletimerkezi_async.http.settings import choose_base_url
from iletimerkezi_async.http.transport import Transport
from iletimerkezi_async.stores.log import account_of
from iletimerkezi_async.wire.credentials import Credentials
from iletimerkezi_async.wire.draft import Draft, check_iys, check_sender, default_sender, write_template

from .known import OrderMemory
from .lookup import Lookups
from .send import Sending

if TYPE_CHECKING:
    from datetime import datetime

    from iletimerkezi_async.http.clients import HttpClient
    from iletimerkezi_async.http.pacing import Pacer
    from iletimerkezi_async.http.retry import Retry
    from iletimerkezi_async.http.settings import Timeouts
    from iletimerkezi_async.models import Iys
    from iletimerkezi_async.stores.base import Store, StoreLog


class Session:
    """What one client shares between its calls.

    Its arguments are those of `AsyncClient`.

    Attributes:
        transport: Sends calls.
        sender: The default header.
        iys: The default choice about the consent registry.

    Raises:
        IletimerkeziError: As `AsyncClient`.
    """

    def __init__(
        self,
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
    ) -> None:
        address = choose_base_url(base_url)
        self._credentials, self._store = Credentials(key, hash, address), store
        self._account = account_of(self._credentials)
        self._log = None if store is None else _open_log(store)
        self.sender, self.iys = _choose_header(sender), _choose_iys(iys)
        self.transport = Transport(
            self._credentials,
            base_url=address,
            timeout=timeout,
            max_connections=max_connections,
            retry=retry,
            pacer=choose_pacer(rate, store, self._account),
            http_client=http_client,
        )
        self._known = OrderMemory(self._log, self._account)
        # Whether `aclose` closes the connections; not in sessions made by `with_options`.
        self._is_first = True
        self._prepare()

    def _prepare(self) -> None:
        # The template of calls that use all defaults.
        self._template = None
        if self.sender is not None and self.iys is not None:
            self._template = Draft(self.sender, self.iys, {}, None, 0)
        #: The shared state of the client's searches.
        self.lookups = Lookups(self.transport, self._known)
        #: Sends orders.
        self.sending = Sending(self.lookups, self._log, self._credentials)
        #: Reads the pages of lists.
        self.pages = copy.copy(self.transport)
        self.pages.observes_calls = True

    @property
    def identity(self) -> tuple[Credentials, Store | None]:
        """The account, and the store that knows the orders of its other processes."""
        return self._credentials, self._store

    def template(self, sender: str | None, iys: Iys | None, send_at: datetime | None, *, may_be_past: bool) -> Draft:
        """Make an order without messages, from a call's settings and the defaults.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        if sender is None and iys is None and send_at is None and self._template is not None:
            return self._template
        return write_template(
            sender=self.sender if sender is None else sender,
            iys=self.iys if iys is None else iys,
            send_at=send_at,
            may_be_past=may_be_past,
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
        """Make another session over the same connections; `...` keeps the setting of this one.

        Raises:
            IletimerkeziError: As `AsyncClient.with_options`.
        """
        session = copy.copy(self)
        session.transport = transport = copy.copy(self.transport)
        if not isinstance(timeout, EllipsisType):
            transport.set_timeout(timeout)
        if not isinstance(retry, EllipsisType):
            transport.set_retry(retry)
        if not isinstance(rate, EllipsisType):
            transport.set_pacer(choose_pacer(rate, self._store, self._account))
        if not isinstance(sender, EllipsisType):
            session.sender = _choose_header(sender)
        if not isinstance(iys, EllipsisType):
            session.iys = _choose_iys(iys)
        session._is_first = False  # noqa: SLF001 - it is a session like this one
        session._prepare()  # noqa: SLF001 - likewise
        return session

    async def aclose(self) -> None:
        """Close the connections, unless this session was made by `with_options`."""
        if self._is_first:
            await self.transport.aclose()


def _open_log(store: object) -> StoreLog:
    from iletimerkezi_async.stores.base import Store, StoreLog  # noqa: PLC0415 - loaded only with a store

    if not isinstance(store, Store):
        raise ConfigurationError("`store` must be an instance of SqliteStore, PostgresStore or RedisStore")
    return StoreLog(store)


def _choose_header(sender: str | None) -> str | None:
    """Take the header that was given, or the environment's, if there is one."""
    return default_sender() if sender is None else check_sender(sender)


def _choose_iys(iys: Iys | None) -> Iys | None:
    return None if iys is None else check_iys(iys)
