"""The life of a send with a key: once, whatever crashes, is delivered again or runs twice."""

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
from iletimerkezi_async.models import Order, Send, SendState
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.stores.claims import Resolved, Ticket, Verdict, account_of, fingerprint
from iletimerkezi_async.stores.records import Moment
from iletimerkezi_async.wire.sending import MEMORY, SEND_WINDOW

from .enquiry import Earlier, Enquiry
from .known import hash_content
from .pieces import in_pieces
from .recovery import send_draft

if TYPE_CHECKING:
    from iletimerkezi_async.stores.base import Store
    from iletimerkezi_async.stores.claims import Claim, Rivals
    from iletimerkezi_async.wire.credentials import Body, Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups

__all__ = ["Attempts", "Once", "send_claimed"]

logger = logging.getLogger("iletimerkezi_async")

_OPERATION = "send-sms"
_LONGEST_KEY = 200
# An attempt that takes as long as it may is still under the lease when it ends.
_LEASE_GRACE = 5.0
# However long attempts may take, a key is free again after this; the service and the reports protect then.
_LONGEST_LEASE = 300.0
# Seconds between two looks at a key that another is sending under: the first, and the longest.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0
# Orders that are remembered while the store is away.
_MOST_UNNOTED = 10_000
# Recipients up to which a fingerprint is made at once, and not in a thread.
_FEW = 1000


class _LeaseLostError(Exception):
    """Another has claimed the key, before an attempt of ours; an earlier one of ours may have been taken."""

    def __init__(self, *, may_be_taken: bool) -> None:
        super().__init__()
        self.may_be_taken = may_be_taken


class Attempts:
    """What is done for a claim around the attempts to send.

    Attributes:
        lost: Where an earlier owner's attempt may have been taken: running since then.
    """

    def __init__(self, store: Store, ticket: Ticket, lease: float, elapsed: float | None) -> None:
        self._store = store
        self._ticket = ticket
        self._lease = lease
        self.lost = None if elapsed is None or elapsed == math.inf else Stopwatch(time.time() - elapsed)
        #: Whether an earlier owner's attempt may have been taken, however long ago.
        self.doubted = elapsed is not None
        #: What keeps account of the orders under all keys.
        self.owner = store
        #: Whether anything of ours may have been taken.
        self.begun = False

    async def first(self) -> None:
        """Before an attempt, as long as nothing can have been taken: it is written down, or not made.

        Raises:
            StoreError: It cannot be written down.
            _LeaseLostError: Another has claimed the key.
        """
        if not await self._store.begin(self._ticket, self._lease, first=True):
            raise _LeaseLostError(may_be_taken=self.begun)
        self.begun = True

    async def rivals(self) -> Rivals:
        """The sends under other keys that cannot be told from this one in the reports.

        Raises:
            OutcomeUnknownError: The store is away.
        """
        assert self.lost is not None
        with suppress(StoreError):
            return await self._store.rivals(self._ticket, self.lost.elapsed)
        raise OutcomeUnknownError("an earlier call may have sent it, and the store is away", _OPERATION)

    async def count_open(self, elapsed: float) -> int:
        """How many of them are not known by their ids, so many seconds after ours left; with the store away, one."""
        with suppress(StoreError):
            return (await self._store.rivals(self._ticket, elapsed)).open
        return 1

    async def again(self) -> None:
        """Before an attempt that follows a lost answer: the lease is renewed.

        Where the store is away it is made all the same, as the service refuses what it has taken already.

        Raises:
            _LeaseLostError: Another has claimed the key, and finds out.
        """
        try:
            holds = await self._store.begin(self._ticket, self._lease, first=False)
        except StoreError as error:
            logger.warning("the lease of a key could not be renewed: %s", error, extra=describe(_OPERATION, error))
            return
        if not holds:
            raise _LeaseLostError(may_be_taken=self.begun)


@forgetful
class Once:
    """Sends orders, those with a key once.

    Args:
        lookups: What sends, and looks for what was lost.
        store: Where keys are kept; without one there are none.
        credentials: The account's.
    """

    def __init__(self, lookups: Lookups, store: Store | None, credentials: Credentials) -> None:
        self._lookups = lookups
        self._transport = lookups.transport
        self._kept = store
        self._account = account_of(credentials)
        #: Orders that the store could not be told of, by key and fingerprint.
        self._unnoted: dict[tuple[str, str], Order] = {}
        # Whoever has the store alone cannot try out which text a fingerprint may be of.
        self._mark = credentials.derive("store content")
        self._lease = min(self._transport.longest_attempt + _LEASE_GRACE, _LONGEST_LEASE)

    @property
    def _store(self) -> Store:
        assert self._kept is not None
        return self._kept

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
        if self._kept is None:
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
            await self._lookups.known.share(order.id)
            return order
        patience = self._transport.patience
        fingerprint = await _fingerprint(draft, self._mark)
        deadline = time.monotonic() + (math.inf if patience is None else patience)
        pause = _FIRST_PAUSE
        may_be_taken = False
        while True:
            ticket = Ticket.draw(self._account, key, fingerprint)
            claim = await self._claim(ticket, draft, may_be_taken=may_be_taken)
            if claim.verdict is Verdict.CONFLICT:
                raise KeyConflictError(
                    f"the key {key!r} was used for another text, sender, schedule, consent choice or recipients", key
                )
            if claim.verdict is Verdict.SENT:
                return _replay(claim.order_id, claim.recipients)
            if claim.verdict is Verdict.GRANTED:
                try:
                    return await self._send(ticket, draft, claim.elapsed)
                except _LeaseLostError as lost:
                    may_be_taken = may_be_taken or lost.may_be_taken
                continue
            pause = min(pause * 1.5, _LONGEST_PAUSE, claim.lease_left + _FIRST_PAUSE)
            if time.monotonic() + pause > deadline:
                raise SendInProgressError(
                    f"another call is sending under the key {key!r}; its lease is over in {claim.lease_left:.0f} s",
                    key,
                    claim.lease_left,
                )
            await anyio.sleep(pause)

    async def _claim(self, ticket: Ticket, draft: Draft, *, may_be_taken: bool) -> Claim:
        try:
            return await self._store.claim(ticket, draft.recipients, self._lease)
        except StoreError as error:
            if not may_be_taken:
                raise
            reason = f"the answer was lost, then the lease of the key, and then the store ({error})"
        raise OutcomeUnknownError(reason, _OPERATION)

    async def _send(self, ticket: Ticket, draft: Draft, elapsed: float | None) -> Order:
        attempts = Attempts(self._store, ticket, self._lease, elapsed)
        try:
            order = self._unnoted.get((ticket.key, ticket.fingerprint))
            order = order or await send_claimed(self._lookups, draft, attempts)
        except _LeaseLostError:
            raise
        except (OrderAcceptedError, OutcomeUnknownError) as error:
            state = SendState.SENT if isinstance(error, OrderAcceptedError) else SendState.UNKNOWN
            await self._note(ticket, state)
            told = await self._tell(ticket)
            if told is None:
                raise
            return told
        except IletimerkeziError:
            # A refusal, or it surely never left.
            await self._strike_out(ticket)
            raise
        except BaseException:
            # Cancelled, or an error of somebody else's code, at a moment that nobody knows.
            if attempts.begun or attempts.doubted:
                await self._note(ticket, SendState.UNKNOWN)
            else:
                await self._strike_out(ticket)
            raise
        # What it is worth is gone when the store does not take it, and other processes have to find out.
        self._unnoted[ticket.key, ticket.fingerprint] = evolve(order, replayed=True)
        if await self._note(ticket, SendState.SENT, order.id) or len(self._unnoted) > _MOST_UNNOTED:
            del self._unnoted[ticket.key, ticket.fingerprint]
        return order

    async def _note(self, ticket: Ticket, state: SendState, order_id: int | None = None) -> bool:
        """Write down what became of a send; whether that was possible."""
        try:
            # An id that the reports alone have told may be that of an order which another process looks for.
            is_known = order_id is not None and self._lookups.known.is_proven(order_id)
            await self._store.settle(ticket, state, order_id, is_known=is_known)
        except StoreError as error:
            about = f" (order {order_id})" if order_id else ""
            extra = describe(_OPERATION, error, order_id)
            logger.warning(
                "what became of a key%s could not be noted, the next call settles it: %s", about, error, extra=extra
            )
            return False
        return True

    async def _tell(self, ticket: Ticket) -> Order | None:
        """The order, where an earlier owner of the key has had its answer meanwhile, and noted its id."""
        with suppress(StoreError):
            known = await self._store.find(ticket.account, ticket.key)
            if known is not None and known.order_id is not None:
                return Order(known.order_id, known.recipients, replayed=True)
        return None

    async def _strike_out(self, ticket: Ticket) -> None:
        try:
            await self._store.withdraw(ticket)
        except StoreError as error:
            extra = describe(_OPERATION, error)
            logger.warning("a key could not be struck out, it is free when its lease is over: %s", error, extra=extra)

    async def find(self, key: str) -> Send | None:
        """What is known of a key.

        Raises:
            StoreError: The store is away.
        """
        return await self._store.find(self._account, key)

    async def resolve(self, key: str, order_id: int | None) -> Send:
        """Note a person's decision: sent as this order, or (`None`) not sent.

        Raises:
            IletimerkeziError: As `AsyncClient.resolve_send`.
        """
        known = None if order_id is not None else await self._store.find(self._account, key)
        if known is not None and known.state is SendState.SENT:
            # Also where its id is not known: the service has told that it was taken.
            raise KeyConflictError(f"under the key {key!r} an order was sent", key)
        verdict, known = await self._store.resolve(self._account, key, order_id)
        if verdict is Resolved.UNUSED or known is None:
            raise ConfigurationError(f"nothing is known of the key {key!r}")
        if verdict is Resolved.BUSY:
            raise SendInProgressError(f"a call is sending under the key {key!r}", key, self._lease)
        if verdict is Resolved.SENT:
            raise KeyConflictError(f"under the key {key!r} order {known.order_id} was sent", key)
        state = SendState.NOT_SENT if order_id is None else SendState.SENT
        return Send(key, state, order_id, known.recipients, known.first_attempt)


def _replay(order_id: int | None, recipients: int) -> Order:
    if order_id is None:
        raise OrderAcceptedError
    return Order(order_id, recipients, replayed=True)


async def _fingerprint(draft: Draft, mark: Body) -> str:
    if draft.recipients <= _FEW:
        return fingerprint(draft, mark)
    # Not in one of the threads that the application shares among its own work.
    return await anyio.to_thread.run_sync(fingerprint, draft, mark, limiter=anyio.CapacityLimiter(1))


async def _settle_earlier(lookups: Lookups, draft: Draft, attempts: Attempts) -> Order:
    """Find out what became of an order that an earlier owner of the key began to send, and send it if it was not taken.

    While the service still knows an order, sending it again tells. After that, or where its schedule is past, which
    would be refused, the reports do.

    Raises:
        OutcomeUnknownError: They do not tell.
    """
    lost = attempts.lost
    if lost is None:
        raise OutcomeUnknownError("an earlier call may have sent it, and nobody knows when", _OPERATION)
    if lost.elapsed < SEND_WINDOW and not draft.is_overdue(datetime.fromtimestamp(time.time(), timezone.utc)):
        return await _send(lookups, draft, attempts, lost=lost)
    enquiry = Enquiry(lookups)
    await enquiry.hear_clock(Moment(lost.began, None))
    there = lookups.transport.clocks.now().there
    began = Moment(lost.began, None if there is None else there - lost.elapsed)
    # Before the list is read: what is known by then is left out there.
    rivals = await attempts.rivals()
    content = await in_pieces(hash_content(draft))
    flights = lookups.known.flights
    alike = 1 + rivals.open + flights.count_rivals(content, lost.began, owner=attempts.owner)
    for order_id in rivals.order_ids:
        enquiry.learn(order_id, draft.sender, draft.recipients, None)
    findings = await enquiry.find(draft, began, alike=alike)
    if len(findings.matches) == alike == 1:
        return Order(findings.matches[0], draft.recipients)
    # Fewer than there are sends that look like this one may be any of them.
    if len(findings.matches) >= alike:
        raise OrderAcceptedError(findings.matches)
    if findings.absent and not findings.matches and there is not None and lost.elapsed > MEMORY:
        return await _send(lookups, draft, attempts, earlier=Earlier(began))
    hint = f"; it may be order {', '.join(map(str, findings.candidates))}" if findings.candidates else ""
    raise OutcomeUnknownError(f"an earlier call may have sent it, and the reports do not tell{hint}", _OPERATION)


async def send_claimed(lookups: Lookups, draft: Draft, attempts: Attempts) -> Order:
    """Send an order under a claim.

    Raises:
        IletimerkeziError: As `AsyncClient.send_sms`.
    """
    if attempts.doubted:
        return await _settle_earlier(lookups, draft, attempts)
    return await _send(lookups, draft, attempts)


async def _send(
    lookups: Lookups, draft: Draft, attempts: Attempts, *, lost: Stopwatch | None = None, earlier: Earlier | None = None
) -> Order:
    before, again, elsewhere = attempts.first, attempts.again, attempts.count_open
    return await send_draft(
        lookups, draft, lost, before, again, earlier=earlier, owner=attempts.owner, elsewhere=elsewhere
    )
