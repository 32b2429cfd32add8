"""`AsyncClient`: one short method for each operation."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from .http.retry import Retry
from .http.settings import SERVICE_URL
from .http.telemetry import note_order_id, observed
from .models import Balance, Consent, ConsentType, Iys, Message, Order, OrderReport, RecipientType, Send
from .orders import several
from .orders.paging import MAX_ROWS, Blacklist, Orders, Report
from .orders.pieces import in_thread
from .orders.session import Session
from .redaction import forgetful
from .wire import account, arguments, reports
from .wire.consents import check_consent, register_consents
from .wire.draft import check_text
from .wire.packing import Filling, fill_one, unfold

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Iterable
    from datetime import date
    from types import EllipsisType

    from typing_extensions import Self

    from .http.clients import HttpClient
    from .http.pacing import Pacer
    from .http.settings import Timeouts
    from .numbers import Number
    from .results import BulkResult, OnProgress, Refusal
    from .stores.base import Store, StoreJournal


@forgetful
class AsyncClient:
    """A client of the SMS service of iletimerkezi.com, for asyncio and trio.

    Create one per account and keep it: it holds the connections. It may be created outside of a running event loop, and
    entered in one task and closed in another; `async with` is optional, `aclose` is enough.

    Besides the errors that it lists, every method may raise `AuthenticationError`, `UnavailableError` and plain
    `ApiError` if the service refuses; `TransportError` if no attempt brings a usable answer and repeating the call does
    no harm; and `ConfigurationError` once the client is closed. `iletimerkezi_async.wire` lists the provider's document
    for each method.

    Args:
        key: The API key that the panel issues. Default: the environment variable `ILETIMERKEZI_API_KEY`.
        hash: The hash that the panel issues with it, passed through unchanged. Default: `ILETIMERKEZI_API_HASH`.
        sender: The approved sender name (header), at most 11 characters, spelt exactly as approved; a call may give
            another. Default: `ILETIMERKEZI_SENDER`.
        iys: Whether the national consent registry is checked before sending; a call may choose otherwise. There is no
            default, as the law leaves the choice to the sender.
        base_url: The service's address. Plain `http://` is accepted for loopback only, and redirects are never
            followed, as the body carries the credentials. Default: `ILETIMERKEZI_BASE_URL` (the sandbox's command
            prints it), else the service's own address.
        timeout: Seconds for each of: waiting for a free connection, connecting, writing, and each read. Or an
            `httpx.Timeout` or `httpx2.Timeout`, with a limit for each. No attempt takes longer than the sum of the
            limits for waiting, connecting, and the longer of reading and writing.
        max_connections: The maximum number of connections; further callers wait, first come, first served. If several
            event loops run in threads, each has this many.
        retry: How often and how soon a request is repeated, if repeating it can do no harm.
        rate: The most recipients a second, for orders of at most `rate` recipients: a tenth of them at once, the rest
            evenly at nine tenths of the rate, first come, first served. In no second do more go out, except with one
            order to several recipients. Larger orders are bulk orders and are not paced. A 429 with a `Retry-After`
            delays all sends, but none for longer than the `wait_max` of `retry`. `None` turns both off. Or any object
            with `async acquire(n)`, which several clients of one account may share; if it raises, nothing was sent.
            (Source: the provider's limits, in force since 2026-05-05.)
        http_client: Your own HTTP client: an `httpx.AsyncClient`, an `httpx2.AsyncClient`, or on asyncio an
            `aiohttp.ClientSession`, with which a call takes less than half the CPU time. It is used as it is, with the
            `timeout` given here, and never closed; it has its own limit in place of `max_connections`. Any other object
            with the methods of httpx's client works as well, but each of its failures counts as a lost answer.
        store: Storage that the account's processes and machines share: a `SqliteStore`, `PostgresStore` or `RedisStore`
            of `iletimerkezi_async.stores`. `rate` is then for all of them together, and sends may have a `key`. The
            client never closes it.

    Raises:
        ConfigurationError: A credential is missing, or a setting is invalid.
    """

    def __init__(
        self,
        key: str | None = None,
        hash: str | None = None,
        *,
        sender: str | None = None,
        iys: Iys | None = None,
        base_url: str | None = None,
        timeout: float | Timeouts = 30.0,
        max_connections: int = 100,
        retry: Retry = Retry(),  # noqa: B008 - immutable
        rate: float | Pacer | None = 100.0,
        http_client: HttpClient | None = None,
        store: Store | None = None,
    ) -> None:
        self._session = Session(
            key,
            hash,
            sender=sender,
            iys=iys,
            base_url=base_url,
            timeout=timeout,
            max_connections=max_connections,
            retry=retry,
            rate=rate,
            http_client=http_client,
            store=store,
        )

    def __repr__(self) -> str:
        iys = self._session.iys.name if self._session.iys else None
        address = self._session.transport.base_url
        where = "" if address == SERVICE_URL else f" base_url={address!r}"
        return f"<AsyncClient sender={self._session.sender!r} iys={iys}{where}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def with_options(
        self,
        *,
        timeout: float | Timeouts | EllipsisType = ...,
        retry: Retry | EllipsisType = ...,
        sender: str | EllipsisType | None = ...,
        iys: Iys | EllipsisType | None = ...,
        rate: float | Pacer | EllipsisType | None = ...,
    ) -> Self:
        """Make a client over the same connections, with other settings for its calls: `client.with_options(timeout=5)`.

        It shares the store, too; the connections close with this client only. Each argument is as for `AsyncClient`;
        settings left out (`...`) stay as here. With a `rate` it has its own pacing, but a pause that the service asks
        for (429) applies to it.

        Raises:
            ConfigurationError: A setting is invalid.
            SenderError: The sender is too long, or has Turkish letters.
        """
        client = copy.copy(self)
        client._session = self._session.with_options(timeout=timeout, retry=retry, sender=sender, iys=iys, rate=rate)  # noqa: SLF001 - it is a client like this one
        return client

    async def aclose(self) -> None:
        """Close the connections. Running calls finish normally; later ones raise `ConfigurationError`.

        If several event loops run in threads, call it in each: a connection can be closed by its own loop only.
        """
        await self._session.aclose()

    @observed("get-balance")
    async def get_balance(self) -> Balance:
        """Get the account's balance, in lira or in messages."""
        return await self._session.transport.call(account.get_balance())

    @observed("send-sms")
    async def send_sms(
        self,
        text: str,
        to: Number | Iterable[Number],
        *,
        sender: str | None = None,
        iys: Iys | None = None,
        send_at: datetime | None = None,
        key: str | None = None,
    ) -> Order:
        """Send one text to one or many recipients, as one order; see `iletimerkezi_async.orders`.

        If an answer is lost, the same order is sent again within 9 minutes. If the service has it already, it refuses
        it as a duplicate, and the order's id is then found through the reports. No recipient is texted twice.

        The order of a cancelled call may have been taken. Repeating the call within 10 minutes then raises
        `DuplicateOrderError` and sends no second SMS; with a key, it returns the same order at any later time.

        Args:
            text: The text; at most seven SMS long (see `measure`).
            to: One number or an iterable of them, in any spelling (see `normalize_number`); a number that occurs twice
                gets one message. At most 50,000.
            sender: The header, if not the client's.
            iys: The choice about the consent registry, if not the client's.
            send_at: When to send: an aware time, rounded up to the minute. Default: now.
            key: A name for this send, unique in the account, for example `"order-1234-shipped"`: 1 to 200 printable
                characters, without phone numbers, as the store keeps it. Calls with the same key and content, from any
                process, send once, for as long as the store keeps keys (30 days); later calls return the same order,
                with `replayed`. It needs the client's `store`.

        Returns:
            The order that the service has taken, with its id.

        Raises:
            ConfigurationError: Neither the client nor the call has a sender, or a choice about the consent registry; or
                a key is given, but the client has no store.
            KeyConflictError: The key was used for another text, sender, schedule, consent choice or recipients.
            SendInProgressError: Another call is sending under the key, and did not finish within `timeout`.
            StoreError: The store is unavailable. Nothing was sent by this call.
            RecipientError: Some numbers are bad (all of these are in `numbers`), there are none or too many, or the
                service refused.
            EmptyTextError: The text is empty.
            TextTooLongError: The text is longer than seven SMS.
            SenderError: The sender is not approved, too long, or has Turkish letters.
            ScheduleError: `send_at` is in the past, or not an aware datetime.
            DuplicateOrderError: The same text went to the same recipients less than 10 minutes ago, by another call.
            InsufficientBalanceError: The balance does not cover the order.
            ConsentError: The account has no subscription to the consent registry.
            OutcomeUnknownError: All answers were lost: the order may or may not have been taken.
            OrderAcceptedError: The order was taken, but its id could not be found.
        """
        message = Message(text, to)
        # Error trackers print the variables of the frames that an error passes; a `Message` shows nothing.
        del text, to
        self._session.sending.check(key)
        # The order sent under a key is returned even after its schedule has passed.
        template = self._session.template(sender, iys, send_at, may_be_past=key is not None)
        draft = fill_one(template, message)
        if draft is None:
            filling = Filling(template, (message,))
            draft = await in_thread(filling.recipients, filling.draft)
        return await self._session.sending.send(draft, key)

    @observed("send-sms")
    async def send_messages(
        self,
        messages: Iterable[Message],
        *,
        sender: str | None = None,
        iys: Iys | None = None,
        send_at: datetime | None = None,
        key: str | None = None,
    ) -> Order:
        """Send several texts, each to its own recipients, as one order.

        Args:
            messages: The texts and their recipients; together at most 50,000 recipients.
            sender: As for `send_sms`.
            iys: As for `send_sms`.
            send_at: As for `send_sms`.
            key: As for `send_sms`.

        Raises:
            IletimerkeziError: As `send_sms`.
        """
        self._session.sending.check(key)
        filling = Filling(self._session.template(sender, iys, send_at, may_be_past=key is not None), messages)
        del messages
        draft = await in_thread(filling.recipients, filling.draft)
        return await self._session.sending.send(draft, key)

    async def find_send(self, key: str) -> Send | None:
        """Look up a key in the store; `None` if nothing was sent under it, or the send was refused.

        Args:
            key: The key given to `send_sms`.

        Raises:
            ConfigurationError: The client has no store, or the key is invalid.
            StoreError: The store is unavailable.
        """
        return await self._session.sending.find(key)

    async def mark_sent(self, key: Send | str, order_id: Order | int | str | None = None) -> Send:
        """Record a person's finding that a send of unknown outcome was made; return its new state.

        Args:
            key: The key given to `send_sms`; or the `Send` that `find_send` returned and the person saw: the call is
                then refused if the send has changed since.
            order_id: The order that it was sent as, if known: its id, the id's digits, or the `Order`.

        Raises:
            ConfigurationError: The client has no store, the key or the id is invalid, or nothing is known of the key.
            SendInProgressError: A call is sending under the key.
            KeyConflictError: It was sent as another order, or has changed since the person saw it.
            StoreError: The store is unavailable. Nothing was changed.
        """
        return await self._session.sending.mark_sent(
            key, None if order_id is None else arguments.check_order_id(order_id)
        )

    async def mark_not_sent(self, key: Send | str) -> Send:
        """Record a person's finding that a send was not made: the key is then free, and repeating the call sends.

        Args:
            key: As for `mark_sent`.

        Raises:
            ConfigurationError: The client has no store, the key is invalid, or nothing is known of it.
            SendInProgressError: A call is sending under the key.
            KeyConflictError: It surely was sent, or has changed since the person saw it.
            StoreError: The store is unavailable. Nothing was changed.
        """
        return await self._session.sending.mark_not_sent(key)

    @observed("send-sms", "send-bulk")
    async def send_bulk(
        self,
        text: str,
        to: Number | Iterable[Number] | AsyncIterable[Number],
        *,
        batch_size: int = arguments.MAX_RECIPIENTS,
        concurrency: int = 4,
        on_progress: OnProgress | None = None,
        journal: str | os.PathLike[str] | StoreJournal | None = None,
        unknown: Literal["keep", "as_sent", "as_not_sent"] = "keep",
        settle_for: float = 0.0,
        sender: str | None = None,
        iys: Iys | None = None,
        send_at: datetime | None = None,
    ) -> BulkResult:
        """Send one text to any number of recipients, in as many orders as needed.

        Recipients are read as needed, so only a few orders are in memory. Repeated numbers are left out and counted,
        bad ones left out and listed. If the service refuses an order because of its recipients (452), the refused ones
        are found and left out; if that would take some 1,000 requests, the campaign stops. Lost answers are handled as
        by `send_sms`; an order whose outcome stays unknown is listed in `failed`, and the campaign goes on.

        With a journal, repeating the call after a crash, a stop or a cancellation sends what is missing, and nothing
        twice: an order without a known answer is sent again within the service's 10 minutes, and looked up in the
        reports after that. The reports show numbers, but no texts. So an order that never arrived looks taken if
        another program, unknown to journal and store, sent to exactly the same numbers within a minute of it.
        `iletimerkezi_async.campaigns` says what the file holds, and when it may be removed.

        If the campaign is cancelled, or stopped by an exception of `on_progress` or of the recipients' source, the
        `__context__` of that exception is a `BulkError` with the result so far.

        Args:
            text: The text.
            to: The recipients: a list, a generator, an async generator, an open file with one number per line.
            batch_size: Recipients in an order, 1 to 50,000.
            concurrency: Orders under way at once.
            on_progress: Called, and awaited if it is async, with a `Progress` after each order.
            journal: The path of the journal's file, or `store.journal(name)`. Created if missing.
            unknown: With a journal: a person's decision about orders of earlier runs whose outcome could not be found
                out: `"keep"` leaves them open, `"as_sent"` counts them as sent, `"as_not_sent"` sends them again. It is
                not about an order that this run has sent again and lost.
            settle_for: With a journal: seconds for which, after everything else is sent, the campaign goes on to settle
                unknown outcomes: only after ten minutes can the reports show that an order was not taken.
            sender: As for `send_sms`.
            iys: As for `send_sms`.
            send_at: As for `send_sms`; the same for all orders. Nothing is sent once it is past; the same call with the
                same journal still returns the outcome of the orders sent before.

        Returns:
            The outcome for every recipient that was read.

        Raises:
            BulkError: The campaign had to stop: the balance, a credential, the sender or the text was refused, or the
                service was unavailable in all attempts. Its `result` tells what was sent and what was not.
            JournalError: The journal belongs to another account, text, sender, schedule or consent choice, is in use by
                another run, damaged, readable by another user, or cannot be written. Nothing is sent without being
                recorded first.
            ConfigurationError: `batch_size`, `concurrency`, `on_progress` or `journal` is invalid (a path must not be
                `":memory:"`); or `unknown` or `settle_for` is given without a journal.
            IletimerkeziError: The text, sender, schedule or a missing choice is refused, as by `send_sms`, before any
                recipient is read.
        """
        # Loaded by the first campaign.
        from .campaigns.campaign import run_campaign  # noqa: PLC0415 - see above
        from .campaigns.intake import Reader  # noqa: PLC0415 - see above
        from .campaigns.journal import is_there  # noqa: PLC0415 - see above

        message = Message(text, ())
        reader: Reader[Number] = Reader(to)
        # Error trackers print the variables of the frames that an error passes.
        del text, to
        async with reader:
            # Orders of an earlier run are settled even after their schedule has passed.
            template = self._session.template(sender, iys, send_at, may_be_past=is_there(journal))
            check_text(message)
            terms = arguments.check_campaign(
                batch_size, concurrency, on_progress, journal, unknown=unknown, settle_for=settle_for
            )
            return await run_campaign(self._session, reader, template, terms, journal, message=message)

    @observed("send-sms", "send-bulk")
    async def send_bulk_messages(
        self,
        messages: Iterable[Message | Refusal] | AsyncIterable[Message | Refusal],
        *,
        batch_size: int = arguments.MAX_RECIPIENTS,
        concurrency: int = 4,
        on_progress: OnProgress | None = None,
        journal: str | os.PathLike[str] | StoreJournal | None = None,
        unknown: Literal["keep", "as_sent", "as_not_sent"] = "keep",
        settle_for: float = 0.0,
        allow_new_texts: bool = False,
        sender: str | None = None,
        iys: Iys | None = None,
        send_at: datetime | None = None,
    ) -> BulkResult:
        """Send each recipient its own text, in as many orders as needed.

        As `send_bulk`, except: equal texts share one message object; a number is a duplicate only with the same text; a
        message with an empty or far too long text is listed in `refused`; and after a crash the messages are read again
        for their texts, as the journal does not hold them.

        Args:
            messages: The messages, sync or async. They may include a `Refusal`, as from `fill_template`: it is listed
                as it is.
            batch_size: As for `send_bulk`.
            concurrency: As for `send_bulk`.
            on_progress: As for `send_bulk`.
            journal: As for `send_bulk`.
            unknown: As for `send_bulk`.
            settle_for: As for `send_bulk`.
            allow_new_texts: Whether recipients whom an earlier run texted, or may have texted, are texted again if they
                now have a text that is not in the journal. If not, such a text stops the campaign (`JournalError`, with
                their count), as it may have changed by mistake, such as a date in it. A list is checked before anything
                is sent. A generator must give the recipients of earlier runs first, and each one's texts in the same
                order: new messages that come before a changed one are sent.
            sender: As for `send_sms`.
            iys: As for `send_sms`.
            send_at: As for `send_sms`.

        Raises:
            IletimerkeziError: As `send_bulk`.
        """
        from .campaigns.campaign import run_campaign  # noqa: PLC0415 - as in `send_bulk`
        from .campaigns.intake import Reader  # noqa: PLC0415 - as in `send_bulk`
        from .campaigns.journal import is_there  # noqa: PLC0415 - as in `send_bulk`

        reader = Reader(messages, unfold)
        del messages
        async with reader:
            # Orders of an earlier run are settled even after their schedule has passed.
            template = self._session.template(sender, iys, send_at, may_be_past=is_there(journal))
            terms = arguments.check_campaign(
                batch_size, concurrency, on_progress, journal,
                unknown=unknown, settle_for=settle_for, allow_new_texts=allow_new_texts,
            )  # fmt: skip
            return await run_campaign(self._session, reader, template, terms, journal)

    def get_report(self, order_id: Order | int | str, *, page_size: int = 1000, read_ahead: int = 8) -> Report:
        """Read the state of each message of an order: `async for delivery in client.get_report(order.id)`.

        The states are current ones, final only once the order is `OrderStatus.COMPLETED`. The iteration may be stopped
        at any row; `await client.get_report(order.id).collect()` gives a list. Reading the first row may raise
        `OrderNotFoundError` (also at the moment when a waiting order begins to be sent) or `OrderNotDueError` (it is
        scheduled for later). If a report ends before its total, `TransportError` is raised after its last row: the
        service may still be writing it, and iterating further asks again.

        Args:
            order_id: The order's id, its digits, or the `Order`.
            page_size: Rows in a request, 1 to 1000.
            read_ahead: Pages requested at the same time, once the order's total is known.

        Raises:
            ConfigurationError: `order_id` is not an id, or `page_size` or `read_ahead` is out of range.
        """
        return Report(
            self._session.pages,
            arguments.check_order_id(order_id),
            page_size=arguments.check_whole("page_size", page_size, 1, MAX_ROWS),
            read_ahead=arguments.check_whole("read_ahead", read_ahead, 1),
        )

    @observed("get-report")
    async def get_order(self, order_id: Order | int | str) -> OrderReport:
        """Get an order's state and counters, without its messages, in one small request.

        Args:
            order_id: The order's id, its digits, or the `Order`.

        Raises:
            OrderNotFoundError: There is no such order, or it is just beginning to be sent.
            OrderNotDueError: It is scheduled for later.
        """
        page = await self._session.transport.call(reports.get_report(note_order_id(order_id), 1, 1))
        return page.order

    def get_reports(self, start: date, end: date) -> Orders:
        """List the orders submitted from `start` to `end`, both days included: `async for order in …`.

        `await client.get_reports(start, end).collect()` gives a list. A list that ends before the service's count is
        read a second time; if it ends early again, `TransportError` is raised after its last order.

        Args:
            start: The first day: a date, or an aware datetime, whose date in Turkish time counts.
            end: The last day, likewise. A range longer than 10 days, the service's limit, is split.

        Raises:
            DateRangeError: `end` is before `start`, or one of them is neither a date nor an aware datetime.
        """
        return Orders(self._session.pages, *arguments.choose_days(start, end, "get-reports"))

    @observed("get-report", "wait-for-order")
    async def wait_for_order(self, order_id: Order | int | str, *, timeout: float | None = None) -> OrderReport:
        """Wait until an order is finished: all its messages are in their final state, or it could not be sent.

        Poll the order's state, with pauses that grow from 1 second to 30. Wait for a scheduled order, too, even at the
        moment when it begins to be sent. Retry failed connections.

        Args:
            order_id: The order's id, its digits, or the `Order`.
            timeout: The most seconds to wait; with 0, the order is looked at once. Default: no limit.

        Returns:
            The order, `OrderStatus.COMPLETED` or `OrderStatus.FAILED`.

        Raises:
            OrderNotFoundError: There is no such order, or it no longer exists.
            TimeoutError: The order is not finished after `timeout` seconds.
        """
        return await several.poll_order(
            self._session.transport, note_order_id(order_id), arguments.check_patience(timeout)
        )

    @observed("cancel-order")
    async def cancel_order(self, order_id: Order | int | str) -> None:
        """Cancel a scheduled order that has not begun to be sent.

        If an answer is lost, the request is repeated. If the service then knows no such order, the order's state shows
        whether the first attempt cancelled it.

        Args:
            order_id: The order's id, its digits, or the `Order`.

        Raises:
            OrderNotFoundError: There is no such order, or it has begun to be sent, or it is cancelled already.
            OutcomeUnknownError: All answers were lost, or the order's state did not show it. It may or may not be
                cancelled; `get_order` shows it later, and repeating the call does no harm.
        """
        await several.cancel_and_confirm(self._session.transport, note_order_id(order_id))

    @observed("get-sender")
    async def get_senders(self) -> tuple[str, ...]:
        """List the approved senders, in the spelling to use."""
        return await self._session.transport.call(account.get_senders())

    def get_blacklist(self, start: date | None = None, end: date | None = None) -> Blacklist:
        """List the account's blocked numbers: `async for number in …`. Each appears once, in E.164.

        `await client.get_blacklist().collect()` gives a list. A list that ends before the service's count is read a
        second time; if it ends early again, `TransportError` is raised after its last number.

        Args:
            start: Only numbers blocked from this time on: a date, or an aware datetime. Default: from the year 2000.
            end: Only numbers blocked until this time: a date, whose whole day counts (in Turkish time), or an aware
                datetime. Default: to the year 2099.

        Raises:
            DateRangeError: `end` is before `start`, or one of them is neither a date nor an aware datetime.
        """
        return Blacklist(self._session.pages, arguments.choose_times(start, end, "get-blacklist"))

    @observed("add-blacklist")
    async def add_blacklist(self, number: Number) -> None:
        """Block a number: nothing is sent to it any more. Blocking it again changes nothing.

        Args:
            number: The number, in any spelling (see `normalize_number`).

        Raises:
            RecipientError: It is not a number (it is then in `numbers`), or not one that the service accepts.
        """
        call = account.change_blacklist("add-blacklist", number)
        # Error trackers print the variables of the frames that an error passes.
        del number
        await self._session.transport.call(call)

    @observed("delete-blacklist")
    async def delete_blacklist(self, number: Number) -> None:
        """Unblock a number.

        If an answer is lost, the request is repeated; a refusal then shows that the first attempt was taken.

        Args:
            number: The number, in any spelling (see `normalize_number`).

        Raises:
            BlacklistError: It is not blocked.
            RecipientError: It is not a number (it is then in `numbers`), or not one that the service accepts.
            OutcomeUnknownError: All answers were lost; repeating the call does no harm.
        """
        call = account.change_blacklist("delete-blacklist", number)
        del number
        # A refusal after a lost answer shows that the lost attempt removed the number.
        await self._session.transport.perform(call)

    @observed("consent/create")
    async def register_consents(self, brand_code: str | int, consents: Iterable[Consent]) -> None:
        """Register recipients' consents and refusals in the national consent registry.

        The service takes 5,000 per request, all or none; more are sent in several requests, one after the other. All
        are read into memory and checked before the first request, so that a mistake found there registers nothing. A
        request is repeated only if it surely never left. Without consents, no request is sent.

        Args:
            brand_code: The code of the brand that the consents are for.
            consents: The recipients' answers, with their dates: not more than three days ago.

        Raises:
            RecipientError: Some recipients are neither Turkish mobile numbers nor (with the type `EPOSTA`) e-mail
                addresses; all of them are in `numbers`.
            ConsentError: A date is missing, naive, in the future or too old (422, before any request); or the brand
                code has no active subscription (403).
            ApiError: The service refused a value (422); it does not say which.
            OutcomeUnknownError: The answer to a request was lost: it may have been taken.

        Every error has `registered`: how many consents, counted from the first, were surely registered before it.
        """
        batches = register_consents(brand_code, consents, datetime.now(timezone.utc))
        # The `repr` of a table shows its rows, also after they were read.
        del brand_code, consents
        await several.register_batches(self._session.transport, batches)

    @observed("consent/show")
    async def check_consent(
        self,
        brand_code: str | int,
        recipient: Number,
        *,
        recipient_type: RecipientType | str,
        type: ConsentType | str,
    ) -> Consent | None:
        """Look up a recipient's consent in the national consent registry; `None` if there is no record.

        The service answers 422 both to a recipient without a record and to values that it does not accept: either gives
        `None`.

        Args:
            brand_code: The code of the brand that the consent is for.
            recipient: A Turkish mobile number, or an e-mail address with the type `EPOSTA`.
            recipient_type: The role in which the recipient may have consented, a member or its word.
            type: The subject of the consent, a member or its word.

        Raises:
            RecipientError: The recipient is neither such a number nor such an address (it is in `numbers`).
            ConsentError: The brand code has no active subscription.
            ConfigurationError: A word is not one of the allowed ones; the message lists these.
        """
        call = check_consent(brand_code, recipient, recipient_type, type)
        del brand_code, recipient, recipient_type, type
        return await several.find_consent(self._session.transport, call)
