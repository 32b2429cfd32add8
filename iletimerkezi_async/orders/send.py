"""Sends with and without a key. With a key: claim it, drive the order to an outcome, and write the outcome."""

from __future__ import annotations

import logging
import math
import time
from datetime import datetime
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from iletimerkezi_async.errors import (
    ConfigurationError,
    IletimerkeziError,
    KeyConflictError,
    OrderAcceptedError,
    OutcomeUnknownError,
    SendInProgressError,
    StoreError,
)
from iletimerkezi_async.http.telemetry import describe_error, note_order
from iletimerkezi_async.models import TURKISH_TIME, Order, Send, SendState
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.stores.log import Name, Row, Scope, State, account_of, draw, fingerprint

from . import life, rows
from .driver import Attempts, Claim, OvertakenError
from .pieces import in_thread

if TYPE_CHECKING:
    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.stores.base import StoreLog
    from iletimerkezi_async.stores.log import KnownId
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups


logger = logging.getLogger("iletimerkezi_async")

_OPERATION = "send-sms"
# The advice for a send with a key whose outcome is unknown.
_WITH_KEY = "repeating the call with its key cannot send twice, and may settle it (`find_send`, `iletimerkezi sent`)"
_LONGEST_KEY = 200
# Seconds by which a lease is longer than the longest attempt.
_LEASE_GRACE = 5.0
# Seconds between two attempts to claim a key that another call has: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
# Limit of orders remembered while the store is away.
_MAX_UNNOTED = 10_000


@forgetful
class Sending:
    """Sends orders; with a key, each at most once.

    Args:
        lookups: The shared state of the client's searches.
        log: The store of keys, if there is one.
        credentials: The account's credentials.
    """

    def __init__(self, lookups: Lookups, log: StoreLog | None, credentials: Credentials) -> None:
        self._lookups = lookups
        self._transport = lookups.transport
        self._log = log
        self._account = account_of(credentials)
        #: Orders that could not be written into the store yet, by key and fingerprint.
        self._unnoted: dict[tuple[str, str], Order] = {}
        # Keys the fingerprints, so that texts and numbers cannot be guessed from the store alone.
        self._seal = credentials.derive("store content")
        self._lease = min(self._transport.longest_attempt + _LEASE_GRACE, life.LONGEST_LEASE)

    @property
    def _store(self) -> StoreLog:
        assert self._log is not None
        return self._log

    def check(self, key: object, *, needed: bool = False) -> None:
        """Check a key.

        Args:
            key: The caller's argument, or `None`.
            needed: Whether `None` is refused, too.

        Raises:
            ConfigurationError: There is no store, or the key is not valid.
        """
        if key is None and not needed:
            return
        if self._log is None:
            raise ConfigurationError("a key needs a store: give `store` to the client (see iletimerkezi_async.stores)")
        if not (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY and key.isprintable()):
            raise ConfigurationError(f"`key` must be text of 1 to {_LONGEST_KEY} printable characters")

    async def send(self, draft: Draft, key: str | None) -> Order:
        """Send an order, unless it was sent under this key.

        Args:
            draft: The order.
            key: The key, already checked; or `None`.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        note_order(draft.recipients)
        if key is None:
            order = await Attempts(self._lookups).send(draft)
            self._lookups.known.share(order.id)
            return order
        try:
            return await self._send_once(draft, key)
        except OutcomeUnknownError as error:
            told = OutcomeUnknownError(error.message, error.operation, error.http_status, _WITH_KEY)
        raise told

    async def _send_once(self, draft: Draft, key: str) -> Order:
        content, mark = await in_thread(draft.recipients, fingerprint, draft, self._seal)
        unnoted = self._unnoted.get((key, content))
        mine = Row(self._name(key), 0, "", "", State.CLAIMED, content, mark, draft.recipients)
        if unnoted is not None:
            return await self._note_at_last(mine, unnoted)
        deadline = time.monotonic() + (self._transport.patience or math.inf)
        pause = _FIRST_PAUSE
        while True:
            answer, obstacle = await self._claim(mine)
            assert answer.row is not None
            if obstacle is None:
                claim = Claim(self._store, answer.row, answer.now, self._lookups, lease=self._lease)
                try:
                    return await self._drive(claim, draft)
                except OvertakenError:
                    if claim.lost or claim.first is not None:
                        # With its attempts: if the row is gone or free now, they may have been taken all the same.
                        mine = claim.held
                continue
            left = life.lease_left(answer.row, answer.now)
            pause = min(pause * 1.5, _LONGEST_PAUSE, left + _FIRST_PAUSE)
            is_over = obstacle is not life.Obstacle.BUSY or time.monotonic() + pause > deadline
            if is_over and mine.first is not None and obstacle is not life.Obstacle.REPLAY:
                raise OutcomeUnknownError("the answer was lost, and another call holds the key now", _OPERATION)
            if obstacle is not life.Obstacle.BUSY:
                return _replay(answer.row, obstacle, key)
            if is_over:
                raise SendInProgressError(
                    f"another call is sending under the key; its lease ends in {left:.0f} s: repeat the call then, "
                    "which returns the order or sends it",
                    key,
                    left,
                )
            await anyio.sleep(pause)

    def _name(self, key: str) -> Name:
        return Name(self._account, Scope.KEY, key)

    async def _claim(self, mine: Row) -> rows.Outcome:
        mine = evolve(mine, version=draw(), token=draw())
        try:
            return await rows.claim(self._store, mine, self._lease, self._store.keep)
        except StoreError as error:
            if mine.first is None:
                raise
            reason = f"the answer was lost, another call took over the key, and now the store is away ({error})"
        raise OutcomeUnknownError(reason, _OPERATION)

    # One claim.

    async def _drive(self, claim: Claim, draft: Draft) -> Order:
        """Drive a claimed order to an outcome, and write the outcome."""
        try:
            order, note = await claim.drive(draft)
        except OvertakenError:
            raise
        except OrderAcceptedError:
            row = await self._write_taken(claim, None, note=None)
            if row is None or row.order_id is None:
                raise
            # An earlier owner of the key has written its id meanwhile.
            return Order(row.order_id, row.recipients, replayed=True)
        except OutcomeUnknownError:
            if not await self._give_up(claim, lost=True):
                raise OvertakenError from None
            raise
        except IletimerkeziError:
            # Refused, or surely not sent.
            await self._give_up(claim, lost=False)
            raise
        except BaseException:
            # Cancelled, or an error of the caller's code (a hook, a transport), at any moment.
            await self._give_up(claim, lost=claim.begun or claim.lost)
            raise
        # If the store is away, only this process knows the id.
        key = claim.held.name.name, claim.held.content
        self._unnoted[key] = order
        if await self._write_taken(claim, order.id, note=note) or len(self._unnoted) > _MAX_UNNOTED:
            self._unnoted.pop(key, None)
        return order

    async def _write_taken(self, claim: Claim, order_id: int | None, *, note: KnownId | None) -> Row | None:
        """Write that an order was taken; return the row in the store, or `None` if the store is away."""
        try:
            row = await claim.settle_taken(order_id, note=note)
        except StoreError as error:
            _warn(error, order_id)
            return None
        if row is not None and order_id is not None and row.order_id not in {None, order_id}:
            extra = describe_error(_OPERATION, OrderAcceptedError(), order_id)
            logger.warning(
                "order %d was taken under a key that already has order %d: look at both in the reports",
                order_id,
                row.order_id,
                extra=extra,
            )
        return row

    async def _give_up(self, claim: Claim, *, lost: bool) -> bool:
        """Write that a call ends without an answer; `False` if another call has the order."""
        try:
            return await claim.write(claim.give_up(lost=lost))
        except StoreError as error:
            _warn(error)
            return True

    async def _note_at_last(self, mine: Row, order: Order) -> Order:
        """Write an order that could not be written before."""
        row = evolve(mine, version=draw(), token=draw(), state=State.BEGUN)
        # Its id is not noted as known, as the time of the answer is lost.
        await rows.settle_taken(self._store, row, order.id, self._store.keep)
        # Another call may have written it, too.
        self._unnoted.pop((mine.name.name, mine.content), None)
        return evolve(order, replayed=True)

    # Questions and decisions of a person.

    async def find(self, key: str) -> Send | None:
        """Give the state of a key; `None` if nothing was sent under it.

        Raises:
            ConfigurationError: There is no store, or the key is not valid.
            StoreError: The store is away.
        """
        self.check(key, needed=True)
        answer = await self._store.read(self._name(key))
        row = answer.row
        return None if row is None or life.is_none(row, answer.now) else _send_of(row)

    async def mark_sent(self, send: Send | str, order_id: int | None) -> Send:
        """Write a person's decision that a send was taken, as this order if its id is known.

        Raises:
            IletimerkeziError: As `AsyncClient.mark_sent`.
        """
        self.check(send.key if isinstance(send, Send) else send, needed=True)
        return await self._mark(
            send, lambda row, now: life.mark_sent(row, now, draw(), order_id, self._store.keep), SendState.SENT
        )

    async def mark_not_sent(self, send: Send | str) -> Send:
        """Write a person's decision that a send was not taken.

        Raises:
            IletimerkeziError: As `AsyncClient.mark_not_sent`.
        """
        self.check(send.key if isinstance(send, Send) else send, needed=True)
        return await self._mark(send, lambda row, now: life.mark_not_sent(row, now, draw()), SendState.NOT_SENT)

    async def _mark(self, send: Send | str, decide: rows.Decide, state: SendState) -> Send:
        key, seen = (send, "") if isinstance(send, str) else (send.key, send.version)
        before = await self.find(key)
        answer, obstacle = await rows.mark(self._store, self._name(key), decide, seen)
        row = answer.row
        if obstacle is life.Obstacle.CHANGED:
            raise KeyConflictError("the state of the key has changed: look at it again", key)
        if obstacle is life.Obstacle.UNUSED or row is None or before is None:
            raise ConfigurationError("nothing is known about the key")
        if obstacle is life.Obstacle.BUSY:
            raise SendInProgressError(
                "a call is sending under the key: try again later", key, life.lease_left(row, answer.now)
            )
        if obstacle is life.Obstacle.CONFLICT:
            sent_as = "an order" if row.order_id is None else f"order {row.order_id}"
            raise KeyConflictError(f"{sent_as} was sent under the key", key)
        return evolve(before, state=state, order_id=row.order_id, version=row.version)


def _warn(error: StoreError, order_id: int | None = None) -> None:
    about = "" if order_id is None else f" (order {order_id})"
    extra = describe_error(_OPERATION, error, order_id)
    logger.warning("a key's outcome%s could not be written, the next call settles it: %s", about, error, extra=extra)


def _replay(row: Row, obstacle: life.Obstacle, key: str) -> Order:
    """Give the order that was sent under a key.

    Raises:
        OrderAcceptedError: Its id is not known.
        KeyConflictError: The key belongs to other content.
    """
    if obstacle is life.Obstacle.CONFLICT:
        raise KeyConflictError(
            "the key was used for another text, sender, schedule, consent choice or recipients: nothing was sent; each "
            "message needs a key of its own",
            key,
        )
    if row.order_id is None:
        raise OrderAcceptedError
    return Order(row.order_id, row.recipients, replayed=True)


def _send_of(row: Row) -> Send:
    first: Moment | None = row.first
    began = None if first is None else datetime.fromtimestamp(first.local, TURKISH_TIME)
    return Send(row.name.name, SendState(row.state.value), row.order_id, row.recipients, began, row.version)
