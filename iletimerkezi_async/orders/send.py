"""Sending an order, and one with a key once: claimed, sent or looked for, and written down.

What follows from what is `life`'s; here it is done, in this order.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
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
from iletimerkezi_async.http.outcomes import describe
from iletimerkezi_async.http.retry import Stopwatch
from iletimerkezi_async.http.telemetry import note_order
from iletimerkezi_async.models import TURKISH_TIME, Order, Send, SendState
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Name, Row, Scope, State, draw
from iletimerkezi_async.stores.seals import account_of, fingerprint

from . import life, rows
from .life import Step
from .recovery import send_draft
from .rules import Fate
from .search import ALIKE_SECONDS, find_earlier, hear_clock, now_by

if TYPE_CHECKING:
    from iletimerkezi_async.clocks import Moment
    from iletimerkezi_async.stores.base import Store
    from iletimerkezi_async.stores.log import Change, KnownId
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups

__all__ = ["Sending"]

logger = logging.getLogger("iletimerkezi_async")

_OPERATION = "send-sms"
# What to do about a send of which it is not known whether it was taken.
_WITH_KEY = "the same call under its key sends nothing twice, and may find out (`find_send`, `iletimerkezi sent`)"
_LONGEST_KEY = 200
# An attempt that takes as long as it may is still under the lease when it ends.
_LEASE_GRACE = 5.0
# Seconds between two looks at a key that another is sending under: the first, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
# Orders that are remembered while the store is away.
_MOST_UNNOTED = 10_000
# Recipients up to which a fingerprint is made at once, and not in a thread.
_FEW = 1000


class _OvertakenError(Exception):
    """Another has the key by now, or may have it; `may_be_taken` where an attempt of this call may have been taken."""

    def __init__(self, *, may_be_taken: bool) -> None:
        super().__init__()
        self.may_be_taken = may_be_taken


class _Claim:
    """An order that this call has claimed, and what becomes of it.

    Args:
        log: Where it is kept.
        granted: Its row, and the log's time.
        lookups: What knows the service's clock.
        lease: Seconds.
    """

    def __init__(self, log: StoreLog, granted: rows.Granted, lookups: Lookups, lease: float) -> None:
        self.log, self.held = log, granted.row
        #: Seconds by which the log's clock is ahead of this machine's.
        self.ahead = granted.now - time.time()
        self._lease, self._keep = lease, log.keep
        self._lookups = lookups
        #: Whether an attempt may have been taken, of whomever.
        self.lost = self.held.first is not None
        #: Whether one of this call may have been.
        self.begun = False
        self._since = Stopwatch()

    async def before(self, *, lost: bool) -> None:
        """Write down that an attempt is about to leave, and renew the lease.

        Args:
            lost: Whether an answer of this call was lost.

        Raises:
            StoreError: It cannot be written down, and nothing was taken.
            OutcomeUnknownError: It cannot be written down, and an earlier attempt may have been taken.
            _OvertakenError: Another has the key.
        """
        self.lost = self.lost or lost
        # What is answered late is late: the lease is reckoned from before the question.
        since = Stopwatch()
        service = now_by(self._lookups, self.ahead).service
        change = life.begin(self.held, draw(), service, self._lease, self._keep, lost=self.lost)
        try:
            row = await rows.write_owned(self.log, self.held, change, may_be_undone=not self.begun)
        except StoreError as error:
            if not self.lost:
                raise
            reason = f"the answer was lost, and the store is away, so that it is not sent again ({error})"
            raise OutcomeUnknownError(reason, _OPERATION) from None
        if row is None:
            raise _OvertakenError(may_be_taken=self.begun)
        self.held, self.begun, self._since = row, True, since

    def may_leave(self) -> bool:
        """Whether the key is still surely this call's; asked again when a body is handed over."""
        return self._since.elapsed < self._lease

    async def settle_taken(self, order_id: int | None, *, note: KnownId | None) -> Row | None:
        """Write down that the service has it; the row that is there then."""
        return await rows.settle_taken(self.log, self.held, order_id, self._keep, note=note)

    def give_up(self, *, lost: bool) -> Change:
        """What is to be written where this call ends without an answer.

        A time of the service that was heard since the last attempt dates that attempt.
        """
        now, last = now_by(self._lookups, self.ahead), self.held.last
        service = None
        if now.service is not None and last is not None:
            service = now.service - (self._since.elapsed if self.begun else now.local - last.local)
        return life.give_up(self.held, draw(), self._keep, lost=lost, service=service)


@forgetful
class Sending:
    """Sends orders, those with a key once.

    Args:
        lookups: What sends, and looks for what was lost.
        store: Where keys are kept; without one there are none.
        credentials: The account's.
    """

    def __init__(self, lookups: Lookups, store: Store | None, credentials: Credentials) -> None:
        self._lookups = lookups
        self._transport = lookups.transport
        self._log = None if store is None else StoreLog(store)
        self._keep = 0.0 if self._log is None else self._log.keep
        self._account = account_of(credentials)
        #: Orders that the store could not be told of, by key and fingerprint.
        self._unnoted: dict[tuple[str, str], Order] = {}
        # Whoever has the store alone cannot try out which text a fingerprint may be of.
        self._seal = credentials.derive("store content")
        self._lease = min(self._transport.longest_attempt + _LEASE_GRACE, life.LONGEST_LEASE)

    @property
    def _store(self) -> StoreLog:
        assert self._log is not None
        return self._log

    def check(self, key: object, *, needed: bool = False) -> None:
        """See that a key can be used.

        Args:
            key: What was given as one, or `None`.
            needed: Whether it must be one.

        Raises:
            ConfigurationError: There is no store, or this cannot be a key.
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
            key: The key, which was checked, if it has one.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        note_order(draft.recipients)
        if key is None:
            order = await send_draft(self._lookups, draft)
            self._lookups.known.share(order.id)
            return order
        try:
            return await self._send_once(draft, key)
        except OutcomeUnknownError as error:
            told = OutcomeUnknownError(error.message, error.operation, error.http_status, _WITH_KEY)
        raise told

    async def _send_once(self, draft: Draft, key: str) -> Order:
        content, mark = await self._fingerprint(draft)
        unnoted = self._unnoted.get((key, content))
        mine = Row(self._name(key), 0, "", "", State.CLAIMED, content, mark, draft.recipients)
        if unnoted is not None:
            return await self._note_at_last(mine, unnoted)
        deadline = time.monotonic() + (self._transport.patience or math.inf)
        pause, may_be_taken = _FIRST_PAUSE, False
        while True:
            outcome = await self._claim(mine, may_be_taken=may_be_taken)
            if isinstance(outcome, rows.Granted):
                claim = _Claim(self._store, outcome, self._lookups, self._lease)
                try:
                    return await self._drive(claim, draft)
                except _OvertakenError as overtaken:
                    may_be_taken = may_be_taken or overtaken.may_be_taken
                continue
            if not isinstance(outcome, life.Busy):
                return _replay(outcome, key)
            pause = min(pause * 1.5, _LONGEST_PAUSE, outcome.lease_left + _FIRST_PAUSE)
            if time.monotonic() + pause > deadline:
                raise SendInProgressError(
                    f"another call is sending under the key; its lease is over in {outcome.lease_left:.0f} s: the same "
                    "call later gives the order, or sends it",
                    key,
                    outcome.lease_left,
                )
            await anyio.sleep(pause)

    def _name(self, key: str) -> Name:
        return Name(self._account, Scope.KEY, key)

    async def _fingerprint(self, draft: Draft) -> tuple[str, str]:
        if draft.recipients <= _FEW:
            return fingerprint(draft, self._seal)
        # Not in one of the threads that the application shares among its own work.
        alone = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(fingerprint, draft, self._seal, limiter=alone)

    async def _claim(self, mine: Row, *, may_be_taken: bool) -> rows.Outcome:
        mine = evolve(mine, version=draw(), token=draw())
        try:
            return await rows.claim(self._store, mine, self._lease, self._keep)
        except StoreError as error:
            if not may_be_taken:
                raise
            reason = f"the answer was lost, then the lease of the key, and then the store ({error})"
        raise OutcomeUnknownError(reason, _OPERATION)

    # One claim.

    async def _drive(self, claim: _Claim, draft: Draft) -> Order:
        """Do what is to be done for an order that was claimed, and write down what became of it."""
        try:
            order, note = await self._settle(claim, draft)
        except _OvertakenError:
            raise
        except OrderAcceptedError:
            await self._write_taken(claim, None, note=None)
            told = await self._tell(claim)
            if told is None:
                raise
            return told
        except OutcomeUnknownError:
            await self._give_up(claim, lost=True)
            told = await self._tell(claim)
            if told is None:
                raise
            return told
        except IletimerkeziError:
            # A refusal, or it surely never left.
            await self._give_up(claim, lost=False)
            raise
        except BaseException:
            # Cancelled, or an error of somebody else's code, at a moment that nobody knows.
            await self._give_up(claim, lost=claim.begun or claim.lost)
            raise
        # What is known here is gone with the process where the store does not take it, and others have to find out.
        key = claim.held.name.name, claim.held.content
        self._unnoted[key] = order
        if await self._write_taken(claim, order.id, note=note) or len(self._unnoted) > _MOST_UNNOTED:
            del self._unnoted[key]
        return order

    async def _settle(self, claim: _Claim, draft: Draft) -> tuple[Order, KnownId | None]:
        """Send it, or find it; and what becomes known of its id, where that surely is its own.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
            _OvertakenError: Another has the key.
        """
        may_go = not draft.is_overdue(datetime.fromtimestamp(time.time(), timezone.utc))
        step = life.next_step(claim.held, now_by(self._lookups, claim.ahead), may_go=may_go)
        if step is Step.LOOK_UP:
            await hear_clock(self._lookups, now_by(self._lookups, claim.ahead))
            step = life.next_step(claim.held, now_by(self._lookups, claim.ahead), may_go=may_go)
        if step is Step.LOOK_UP:
            found = await self._look_up(claim, draft)
            if found is not None:
                return found, None
            # A new life: it was not taken before, and a refusal is one of now.
            claim.lost = False
        order = await self._attempt(claim, draft, step)
        return order, self._lookups.known.describe(order.id)

    async def _look_up(self, claim: _Claim, draft: Draft) -> Order | None:
        """The order, where the reports show it; `None` where they surely lack it.

        Raises:
            OrderAcceptedError: They show it, and not which of several it is.
            OutcomeUnknownError: They do not tell.
        """
        try:
            found = await find_earlier(self._lookups, self._store, claim.held, draft, claim.ahead)
        except StoreError as error:
            reason = f"an earlier call may have sent it, and the store is away ({error})"
            raise OutcomeUnknownError(reason, _OPERATION) from None
        if found.fate is Fate.ABSENT:
            return None
        if found.fate is Fate.TAKEN and found.order_id is not None:
            return Order(found.order_id, draft.recipients)
        if found.fate is Fate.TAKEN:
            raise OrderAcceptedError(found.candidates)
        hint = f"; it may be order {', '.join(map(str, found.candidates))}" if found.candidates else ""
        reason = f"an earlier call may have sent it, and the reports do not tell: {found.reason}{hint}"
        raise OutcomeUnknownError(reason, _OPERATION)

    async def _attempt(self, claim: _Claim, draft: Draft, step: Step) -> Order:
        first, last = claim.held.first, claim.held.last
        lost = until = None
        if step is Step.SEND_AGAIN and first is not None and last is not None:
            now = now_by(self._lookups, claim.ahead)
            lost, until = (Stopwatch(time.time() - max(each.ages(now))) for each in (first, last))

        async def count_alike(elapsed: float) -> int:
            return await self._count_alike(claim, time.time() + claim.ahead - elapsed)

        return await send_draft(
            self._lookups, draft, lost, claim.before,
            last=until, may_leave=claim.may_leave, doubted=first is not None, owner=self._store, elsewhere=count_alike,
        )  # fmt: skip

    async def _count_alike(self, claim: _Claim, began: float) -> int:
        """How many orders under other keys may be in the reports without their ids; with the store away, one."""
        with suppress(StoreError):
            return (await self._store.alike(claim.held, began - ALIKE_SECONDS, began + ALIKE_SECONDS)).open
        return 1

    # Writing it down.

    async def _write_taken(self, claim: _Claim, order_id: int | None, *, note: KnownId | None) -> bool:
        """Write down that the service has it; whether that was possible."""
        try:
            row = await claim.settle_taken(order_id, note=note)
        except StoreError as error:
            about = f" (order {order_id})" if order_id else ""
            extra = describe(_OPERATION, error, order_id)
            logger.warning(
                "what became of a key%s could not be noted, the next call settles it: %s", about, error, extra=extra
            )
            return False
        if row is not None and order_id is not None and row.order_id not in {None, order_id}:
            extra = describe(_OPERATION, OrderAcceptedError(), order_id)
            logger.warning("order %d was taken under a key that has order %d", order_id, row.order_id, extra=extra)
        return True

    async def _give_up(self, claim: _Claim, *, lost: bool) -> None:
        try:
            await rows.write_owned(claim.log, claim.held, claim.give_up(lost=lost))
        except StoreError as error:
            extra = describe(_OPERATION, error)
            logger.warning("what became of a key could not be noted, the next call settles it: %s", error, extra=extra)

    async def _tell(self, claim: _Claim) -> Order | None:
        """The order, where an earlier owner of the key has had its answer meanwhile, and noted its id."""
        with suppress(StoreError):
            row = (await claim.log.read(claim.held.name)).row
            if row is not None and row.state is State.SENT and row.order_id is not None:
                return Order(row.order_id, row.recipients, replayed=True)
        return None

    async def _note_at_last(self, mine: Row, order: Order) -> Order:
        """Tell the store of an order that it could not be told of."""
        row = evolve(mine, version=draw(), token=draw(), state=State.BEGUN)
        # When it was answered is not known any more: as an id it would seem newer than it is.
        await rows.settle_taken(self._store, row, order.id, self._keep)
        del self._unnoted[mine.name.name, mine.content]
        return evolve(order, replayed=True)

    # What a person asks and decides.

    async def find(self, key: str) -> Send | None:
        """What is known of a key.

        Raises:
            StoreError: The store is away.
        """
        answer = await self._store.read(self._name(key))
        row = answer.row
        return None if row is None or life.is_none(row, answer.now) else _send_of(row)

    async def mark_sent(self, send: Send | str, order_id: int | None) -> Send:
        """Note a person's decision that it was sent, as this order where that is known.

        Raises:
            IletimerkeziError: As `AsyncClient.mark_sent`.
        """
        return await self._mark(
            send, lambda row, now: life.mark_sent(row, now, draw(), order_id, self._keep), SendState.SENT
        )

    async def mark_not_sent(self, send: Send | str) -> Send:
        """Note a person's decision that it was not sent.

        Raises:
            IletimerkeziError: As `AsyncClient.mark_not_sent`.
        """
        return await self._mark(send, lambda row, now: life.mark_not_sent(row, now, draw()), SendState.NOT_SENT)

    async def _mark(self, send: Send | str, decide: rows.Decide, state: SendState) -> Send:
        key, seen = (send, "") if isinstance(send, str) else (send.key, send.version)
        before = await self.find(key)
        outcome = await rows.mark(self._store, self._name(key), decide, seen)
        if outcome is life.Nothing.CHANGED:
            raise KeyConflictError("what is known of the key has changed: look at it again", key)
        if isinstance(outcome, life.Nothing) or before is None:
            raise ConfigurationError("nothing is known of the key")
        if isinstance(outcome, life.Busy):
            raise SendInProgressError("a call is sending under the key", key, outcome.lease_left)
        if isinstance(outcome, life.Conflict):
            sent_as = "an order" if outcome.row.order_id is None else f"order {outcome.row.order_id}"
            raise KeyConflictError(f"under the key {sent_as} was sent", key)
        return evolve(before, state=state, order_id=outcome.row.order_id, version=outcome.row.version)


def _replay(outcome: rows.Outcome, key: str) -> Order:
    """The order that was sent under a key.

    Raises:
        OrderAcceptedError: Its id is not known.
        KeyConflictError: The key was used for something else.
    """
    if not isinstance(outcome, life.Replay):
        raise KeyConflictError(
            "the key was used for another text, sender, schedule, consent choice or recipients: nothing was sent; each "
            "message needs a key of its own",
            key,
        )
    if outcome.row.order_id is None:
        raise OrderAcceptedError
    return Order(outcome.row.order_id, outcome.row.recipients, replayed=True)


def _send_of(row: Row) -> Send:
    first: Moment | None = row.first
    began = None if first is None else datetime.fromtimestamp(first.local, TURKISH_TIME)
    return Send(row.name.name, SendState(row.state.value), row.order_id, row.recipients, began, row.version)
