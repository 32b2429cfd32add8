"""`AsyncClient`: one short method for each operation."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from .http.retry import Retry
from .http.settings import SERVICE_URL
from .http.telemetry import note_order_id, observed
from .models import Balance, Consent, ConsentType, Iys, Message, Number, Order, OrderReport, RecipientType, Send
from .orders import several
from .orders.paging import MAX_ROWS, Blacklist, Orders, Report
from .orders.pieces import in_thread
from .orders.session import Session
from .redaction import forgetful
from .wire import account, arguments, reports
from .wire.consents import check_consent, register_consents
from .wire.draft import check_text
from .wire.packing import Filling, fill_one

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Iterable
    from datetime import date
    from types import EllipsisType

    from typing_extensions import Self

    from .http.clients import HttpClient
    from .http.pacing import Pacer
    from .http.settings import Timeouts
    from .results import BulkResult, OnProgress, Refusal
    from .stores.base import Store, StoreJournal


@forgetful
class AsyncClient:
    """A client of the SMS service of iletimerkezi.com, for asyncio and trio.

    Make one for each account and keep it: it holds the connections. It may be made outside of a running event loop, and
    entered in one task and closed in another; entering is optional, `aclose` is enough.

    Every method may raise, beside what it names: `AuthenticationError`, `UnavailableError` and plain `ApiError` where
    the service refuses, `TransportError` where there is no usable answer after all repetitions, and asking again does
    no harm, and `ConfigurationError` once the client is closed. Which of the provider's documents each follows: see
    `iletimerkezi_async.wire`.

    Args:
        key: The API key that the panel issues. Default: the environment variable `ILETIMERKEZI_API_KEY`.
        hash: The hash that the panel issues with it, passed through unchanged. Default: `ILETIMERKEZI_API_HASH`.
        sender: The approved header to send under, at most 11 characters, spelt exactly as approved; a call may name
            another. Default: `ILETIMERKEZI_SENDER`.
        iys: Whether the national consent registry is asked before sending; a call may choose otherwise. There is no
            default, as the law leaves the choice to the sender.
        base_url: Where the service is. Plain `http://` is refused unless it is the loopback; redirects are never
            followed: the body carries the credentials. Default: `ILETIMERKEZI_BASE_URL`, which the sandbox's command
            prints, then the service's own address.
        timeout: Seconds for each of: waiting for a free connection, connecting, writing, and each read. Or an
            `httpx.Timeout` or `httpx2.Timeout`, with a limit for each. However slowly the answer
            comes, an attempt ends after the sum of waiting, connecting, and the longer of reading and writing.
        max_connections: How many connections there are at most; further callers wait, and are served in turn. Event
            loops that run side by side in threads have as many each.
        retry: How often and how soon requests are repeated, where that can do no harm.
        rate: Recipients a second for orders of at most so many recipients: a tenth of them at once, the rest evenly
            at nine tenths of the rate, in the order of asking. In no second do more go out, but for one order of
            several. Larger ones are bulk orders and pass unpaced. A 429 with a `Retry-After` holds back all
            sends, but none for longer than the `wait_max` of `retry`. `None` turns both off. Or any object with
            `async acquire(n)`, which several clients of one account may share; what it raises means that nothing was
            sent. (Source: the provider's limits, in force since 2026-05-05.)
        http_client: An HTTP client of your own: an `httpx.AsyncClient`, an `httpx2.AsyncClient`, or on asyncio an
            `aiohttp.ClientSession`, with which a call takes less than half the CPU time. It is used as it is, with
            `timeout` as given here, and never closed; `max_connections` is then its own matter. Anything else with the
            methods of httpx's client is used as well; each of its failures then counts as a lost answer.
        store: Where the processes and machines of the account meet: a `SqliteStore`, `PostgresStore` or `RedisStore` of
            `iletimerkezi_async.stores`. `rate` is then that of all of them together, and `key` may be given to sends.
            It is never closed by the client.

    Raises:
        ConfigurationError: A credential is missing, or a setting cannot work.
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

        It shares the store, too, and is closed with this client alone. Each argument is as for `AsyncClient`; what is
        left out (`...`) is as here. With a `rate` it paces by itself; a pause that the service asks for (429) holds.

        Raises:
            ConfigurationError: A setting cannot work.
            SenderError: The sender is too long, or has Turkish letters.
        """
        client = copy.copy(self)
        client._session = self._session.with_options(timeout=timeout, retry=retry, sender=sender, iys=iys, rate=rate)  # noqa: SLF001 - it is a client like this one
        return client

    async def aclose(self) -> None:
        """Close the connections. Calls under way end as they would; later ones raise `ConfigurationError`.

        If event loops run side by side in threads, call it in each: only its own loop can close a connection.
        """
        await self._session.aclose()

    @observed("get-balance")
    async def get_balance(self) -> Balance:
        """Ask what the account holds: lira or messages, as it works with."""
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

        A lost answer is not the end: within 9 minutes the same order is sent again, which the service refuses as a
        duplicate if it has it; the order's id is then found through the reports. No recipient is texted twice.

        A call that is cancelled may have been taken. The same call again within 10 minutes then ends in
        `DuplicateOrderError`, not in a second SMS. With a key it ends in the same order, whenever it comes.

        Args:
            text: The text; at most seven SMS long (see `measure`).
            to: One number or an iterable of them, in any spelling (see `normalize_number`); a number that occurs twice
                gets one message. At most 50,000.
            sender: The header, if not the client's.
            iys: The choice about the consent registry, if not the client's.
            send_at: When to send: an aware time, rounded up to the minute. Default: now.
            key: Names this send among all of the account, for example `"order-1234-shipped"`, in 1 to 200 printable
                characters; without numbers, as the store keeps it. However often and wherever it is called with the
                same key and content, it is sent once, for as long as the store keeps keys (30 days); a call that finds
                it sent gives the same order, with `replayed`. It needs the client's `store`.

        Returns:
            The order that the service has taken, with its id.

        Raises:
            ConfigurationError: Neither the client nor the call has a sender, or a choice about the consent registry; or
                there is a key and no store.
            KeyConflictError: The key was used for another text, sender, schedule, consent choice or recipients.
            SendInProgressError: Another call is sending under the key, and was not done within `timeout`.
            StoreError: The store is away. Nothing was sent by this call.
            RecipientError: There is a bad number (all are in `numbers`), none, or too many; or the service refused.
            EmptyTextError: The text is empty.
            TextTooLongError: The text is longer than seven SMS.
            SenderError: The sender is not approved, too long, or has Turkish letters.
            ScheduleError: `send_at` is past, or no aware datetime.
            DuplicateOrderError: The same text went to the same recipients less than 10 minutes ago, by another call.
            InsufficientBalanceError: The balance does not cover the order.
            ConsentError: The consent registry is not subscribed to.
            OutcomeUnknownError: All answers were lost: the order may or may not have been taken.
            OrderAcceptedError: The order was taken, but its id could not be found.
        """
        message = Message(text, to)
        # Error trackers print the variables of the frames that an error passes; a `Message` shows nothing.
        del text, to
        self._session.sending.check(key)
        # What was sent under a key is told also when its time has come.
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
        """Ask the store what it knows of a key; `None` where nothing was sent under it, or that was refused.

        Args:
            key: As it was given to `send_sms`.

        Raises:
            ConfigurationError: The client has no store, or this cannot be a key.
            StoreError: The store is away.
        """
        return await self._session.sending.find(key)

    async def mark_sent(self, key: Send | str, order_id: Order | int | str | None = None) -> Send:
        """Decide that a send was made, where nothing could tell and a person has looked; gives what is then known.

        Args:
            key: As it was given to `send_sms`. Given the `Send` of `find_send` in its place, it is about what that
                person saw, and refused where that has changed.
            order_id: The order that it was sent as, where that is known: its id, its digits, or the `Order`.

        Raises:
            ConfigurationError: The client has no store, this cannot be a key or an id, or nothing is known of the key.
            SendInProgressError: A call is sending under the key.
            KeyConflictError: It was sent, as another order; or it has changed since it was seen.
            StoreError: The store is away. Nothing was changed.
        """
        return await self._session.sending.mark_sent(
            key, None if order_id is None else arguments.check_order_id(order_id)
        )

    async def mark_not_sent(self, key: Send | str) -> Send:
        """Decide that a send was not made: the key is then free, and the same call again sends.

        Args:
            key: As for `mark_sent`.

        Raises:
            ConfigurationError: The client has no store, this cannot be a key, or nothing is known of it.
            SendInProgressError: A call is sending under the key.
            KeyConflictError: It surely was sent; or it has changed since it was seen.
            StoreError: The store is away. Nothing was changed.
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
        """Send one text to any number of recipients, in as many orders as it takes.

        The recipients are read as they are needed, so that memory stays at a few orders. Repeated numbers are left out
        and counted, bad ones left out and listed. Where the service refuses an order over its recipients (452), those
        refused are found and left out; a list that would take some 1,000 requests for that stops the campaign. A lost
        answer is dealt with as by `send_sms`; one that stays lost is listed in `failed`, and the campaign goes on.

        With a journal, the same call after a crash, a stop or a cancellation sends what is missing, and nothing twice:
        an order whose answer is not known is sent again within the service's 10 minutes, and looked up in the reports
        after that. The reports tell numbers, and not their texts: there, an order that was lost on its way looks taken
        where another program, of which neither journal nor store know, sent the very same numbers within a minute of
        it. What the file holds, and when it may be removed, is told in `iletimerkezi_async.campaigns`.

        When it is cancelled, or an exception of `on_progress` or of the recipients' source stops it, that exception has
        a `BulkError` with the result so far as its `__context__`.

        Args:
            text: The text.
            to: The recipients: a list, a generator, an async generator, an open file with a number a line.
            batch_size: Recipients in an order, 1 to 50,000.
            concurrency: Orders under way at once.
            on_progress: Called, and awaited if it is async, with a `Progress` after each order.
            journal: The path of the journal's file, or `store.journal(name)`. Made if it is not there.
            unknown: With a journal: a person's decision about orders of earlier runs of which nothing could tell
                whether they were taken: `"keep"` leaves them open, `"as_sent"` counts them as sent, `"as_not_sent"`
                sends them again.
            settle_for: With a journal: seconds for which, once all else is sent, it goes on to settle what is
                unknown: ten minutes have to pass before the reports can tell that an order was not taken.
            sender: As for `send_sms`.
            iys: As for `send_sms`.
            send_at: As for `send_sms`; the same for all orders. Nothing is sent once it is past; the same call with the
                same journal then still tells what became of what was sent.

        Returns:
            What became of every recipient that was read.

        Raises:
            BulkError: The campaign had to stop: the balance, a credential, the sender or the text was refused, or the
                service is away for longer than the repetitions. Its `result` tells what was sent and what was not.
            JournalError: The journal belongs to another account, text, sender, schedule or consent choice, is in use by
                another run, damaged, readable for another user, or cannot be written. Nothing is sent that could not be
                written down.
            ConfigurationError: `batch_size`, `concurrency`, `on_progress` or `journal` (a path, and not `":memory:"`)
                is not what it should be; or `unknown` or `settle_for` is given without a journal.
            IletimerkeziError: The text, sender, schedule or a missing choice is refused before anything is read, as by
                `send_sms`.
        """
        # Loaded by the first campaign.
        from .campaigns import campaign, intake  # noqa: PLC0415 - see above
        from .campaigns.journal import is_there, open_journal  # noqa: PLC0415 - see above

        message = Message(text, ())
        source = intake.Recipients(to)
        # Error trackers print the variables of the frames that an error passes.
        del text, to
        # What an earlier run sent is settled also when its time has come.
        template = self._session.template(sender, iys, send_at, may_be_past=is_there(journal))
        check_text(message)
        terms = arguments.check_campaign(
            batch_size, concurrency, on_progress, journal, unknown=unknown, settle_for=settle_for
        )
        return await campaign.run_campaign(
            self._session.lookups,
            open_journal(journal, template, message, *self._session.identity),
            lambda _: intake.NumberIntake(source, template, terms.batch_size, message),
            terms,
            on_progress,
        )

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
        """Send a text of its own to each recipient, packed into as many orders as it takes.

        As `send_bulk`, except: equal texts share one message object; a number is a duplicate only where the text is the
        same, too; a message with an empty or far too long text is listed in `refused`; and after a crash the texts are
        taken from the messages that are read again, as the journal does not hold them.

        Args:
            messages: The messages, sync or async; a `Refusal` among them, as `fill_template` makes, is listed as it is.
            batch_size: As for `send_bulk`.
            concurrency: As for `send_bulk`.
            on_progress: As for `send_bulk`.
            journal: As for `send_bulk`.
            unknown: As for `send_bulk`.
            settle_for: As for `send_bulk`.
            allow_new_texts: Whether those who were texted by an earlier run, or may have been, are texted again where
                they come with a text that the journal does not have of them. Otherwise that stops the campaign
                (`JournalError`, with their count), as the texts may have changed by mistake, such as a date in them. A
                list is looked through before anything goes out. A generator has to bring the recipients of before
                first, and the texts of each in the order of before: who comes before a changed text gets a new one.
            sender: As for `send_sms`.
            iys: As for `send_sms`.
            send_at: As for `send_sms`.

        Raises:
            IletimerkeziError: As `send_bulk`.
        """
        from .campaigns import campaign, intake  # noqa: PLC0415 - as in `send_bulk`
        from .campaigns.journal import is_there, open_journal  # noqa: PLC0415 - as in `send_bulk`

        source = intake.Recipients(messages)
        del messages
        # What an earlier run sent is settled also when its time has come.
        template = self._session.template(sender, iys, send_at, may_be_past=is_there(journal))
        bounds = (batch_size, concurrency, on_progress, journal)
        terms = arguments.check_campaign(
            *bounds, unknown=unknown, settle_for=settle_for, allow_new_texts=allow_new_texts
        )
        return await campaign.run_campaign(
            self._session.lookups,
            open_journal(journal, template, None, *self._session.identity),
            lambda salt: intake.MessageIntake(
                source, template, terms.batch_size, salt, allow_new_texts=terms.allow_new_texts
            ),
            terms,
            on_progress,
        )

    def get_report(self, order_id: Order | int | str, *, page_size: int = 1000, read_ahead: int = 8) -> Report:
        """Read what became of each message of an order: `async for delivery in client.get_report(order.id)`.

        The states are those of the moment, and final only once the order is `OrderStatus.COMPLETED`. The iteration may
        be left at any row; `await client.get_report(order.id).collect()` gives a list. The first row may raise
        `OrderNotFoundError` (also while the order is just moving from waiting to being sent) or `OrderNotDueError` (it
        is scheduled for later). A report that ends before its total raises `TransportError` behind its last row: the
        service may still be writing it, and asking on looks again.

        Args:
            order_id: The order's id, its digits, or the `Order`.
            page_size: Rows in a request, 1 to 1000.
            read_ahead: How many pages are asked for at once, where the order's total is known.

        Raises:
            ConfigurationError: `order_id` is no id, or `page_size` or `read_ahead` is out of range.
        """
        return Report(
            self._session.pages,
            arguments.check_order_id(order_id),
            page_size=arguments.check_whole("page_size", page_size, 1, MAX_ROWS),
            read_ahead=arguments.check_whole("read_ahead", read_ahead, 1),
        )

    @observed("get-report")
    async def get_order(self, order_id: Order | int | str) -> OrderReport:
        """Ask for an order's state and counters alone, in one small request.

        Args:
            order_id: The order's id, its digits, or the `Order`.

        Raises:
            OrderNotFoundError: There is no such order, or it is just moving from waiting to being sent.
            OrderNotDueError: It is scheduled for later.
        """
        page = await self._session.transport.call(reports.get_report(note_order_id(order_id), 1, 1))
        return page.order

    def get_reports(self, start: date, end: date) -> Orders:
        """List the orders submitted from `start` to `end`, both days included: `async for order in …`.

        `await client.get_reports(start, end).collect()` gives a list. One that ends before the service's count is read
        a second time, and then raises `TransportError` behind its last order.

        Args:
            start: The first day: a date, or an aware datetime, of which the Turkish date counts.
            end: The last day, likewise. A range longer than the 10 days that the service takes is split.

        Raises:
            DateRangeError: `end` is before `start`, or one of them is no date and no aware datetime.
        """
        return Orders(self._session.pages, *arguments.choose_days(start, end, "get-reports"))

    @observed("get-report", "wait-for-order")
    async def wait_for_order(self, order_id: Order | int | str, *, timeout: float | None = None) -> OrderReport:
        """Wait until an order is finished: every message has reached its final state, or it could not be sent.

        The order is looked at again and again, after pauses that grow from 1 second to 30. One that is scheduled is
        waited for, also while it is just moving from waiting to being sent. A connection that fails is tried again.

        Args:
            order_id: The order's id, its digits, or the `Order`.
            timeout: Seconds to wait at the most. Default: for ever.

        Returns:
            The order, `OrderStatus.COMPLETED` or `OrderStatus.FAILED`.

        Raises:
            OrderNotFoundError: There is no such order; or it was there, and is not any more.
            TimeoutError: It is not finished after `timeout` seconds.
        """
        return await several.poll_order(
            self._session.transport, note_order_id(order_id), arguments.check_patience(timeout)
        )

    @observed("cancel-order")
    async def cancel_order(self, order_id: Order | int | str) -> None:
        """Cancel an order that has not begun to be sent: one that is scheduled for later.

        A lost answer is not the end: the order is cancelled again, and where the service then knows of no such order,
        the order's state tells whether the first attempt was what cancelled it.

        Args:
            order_id: The order's id, its digits, or the `Order`.

        Raises:
            OrderNotFoundError: There is no such order, or it has begun to be sent, or it is cancelled already.
            OutcomeUnknownError: All answers were lost, or the order's state did not tell. It may or may not be
                cancelled; `get_order` tells later, and the same call again does no harm.
        """
        await several.cancel_and_confirm(self._session.transport, note_order_id(order_id))

    @observed("get-sender")
    async def get_senders(self) -> tuple[str, ...]:
        """List the approved senders, spelt as they must be given."""
        return await self._session.transport.call(account.get_senders())

    def get_blacklist(self, start: date | None = None, end: date | None = None) -> Blacklist:
        """List the numbers that the account does not send to: `async for number in …`. Each comes once, in E.164.

        `await client.get_blacklist().collect()` gives a list. One that ends before the service's count is read a second
        time, and then raises `TransportError` behind its last number.

        Args:
            start: Only those blocked from then on: a date, or an aware datetime. Default: from the year 2000.
            end: Only those blocked until then: a date, whose whole day counts (in Turkish time), or an aware datetime.
                Default: to the year 2099.

        Raises:
            DateRangeError: `end` is before `start`, or one of them is no date and no aware datetime.
        """
        return Blacklist(self._session.pages, arguments.choose_times(start, end, "get-blacklist"))

    @observed("add-blacklist")
    async def add_blacklist(self, number: Number) -> None:
        """Block a number: nothing is sent to it any more. To block it twice is to block it once.

        Args:
            number: The number, in any spelling (see `normalize_number`).

        Raises:
            RecipientError: It is not a number (it is in `numbers`), or the service takes none such.
        """
        call = account.add_blacklist(number)
        # Error trackers print the variables of the frames that an error passes.
        del number
        await self._session.transport.call(call)

    @observed("delete-blacklist")
    async def delete_blacklist(self, number: Number) -> None:
        """Block a number no longer.

        After a lost answer the service's own refusal tells that the first attempt was taken.

        Args:
            number: The number, in any spelling (see `normalize_number`).

        Raises:
            BlacklistError: It is not blocked.
            RecipientError: It is not a number (it is in `numbers`), or the service takes none such.
            OutcomeUnknownError: All answers were lost; the same call again does no harm.
        """
        call = account.delete_blacklist(number)
        del number
        # Refused after a lost answer: it was the lost one that removed the number.
        await self._session.transport.perform(call)

    @observed("consent/create")
    async def register_consents(self, brand_code: str | int, consents: Iterable[Consent]) -> None:
        """Tell the national consent registry what recipients have said.

        The service takes 5,000 at once, all or none; more are sent as several requests, one after the other. All are
        read, kept in memory, and checked before the first request, so that what can be known to be wrong registers
        nothing. A request is repeated only where it surely never left. No consents are no request.

        Args:
            brand_code: The code of the brand that the consents are for.
            consents: What the recipients have said, and when: not more than three days ago.

        Raises:
            RecipientError: Some recipients are neither Turkish mobile numbers nor (with the type `EPOSTA`) e-mail
                addresses; all of them are in `numbers`.
            ConsentError: A date is missing, naive, in the future or too old (422, before any request); or the brand
                code has no active subscription (403).
            ApiError: The service refused a value, as 422; it does not say which.
            OutcomeUnknownError: The answer was lost: that request may have been taken.

        Of every error, `registered` tells how many consents, from the first on, were surely registered before.
        """
        batches = register_consents(brand_code, consents, datetime.now(timezone.utc))
        # A table that is gone through has its rows in its `repr`.
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
        """Ask the national consent registry what a recipient has said; `None` where there is no record.

        The service gives one code (422) to a recipient without a record and to values that it does not take: both are
        `None` here.

        Args:
            brand_code: The code of the brand that it was said to.
            recipient: A Turkish mobile number, or an e-mail address with the type `EPOSTA`.
            recipient_type: As what the recipient may have consented, a member or its word.
            type: What the consent would be about, a member or its word.

        Raises:
            RecipientError: The recipient is neither such a number nor such an address (it is in `numbers`).
            ConsentError: The brand code has no active subscription.
            ConfigurationError: A word is none of those that are allowed; the message names them.
        """
        call = check_consent(brand_code, recipient, recipient_type, type)
        del brand_code, recipient, recipient_type, type
        return await several.find_consent(self._session.transport, call)
