"""The sandbox's public class."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypedDict

import anyio
import httpx

from iletimerkezi_async.sandbox.acceptance import add_orders
from iletimerkezi_async.sandbox.account import Account, Ledger
from iletimerkezi_async.sandbox.dates import Clock
from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.notations import JSON, XML
from iletimerkezi_async.sandbox.options import (
    check_word,
    read_amount,
    read_numbers,
    read_predicate,
    read_style,
    read_user,
    read_words,
)
from iletimerkezi_async.sandbox.orders import OrderBook, SandboxOrder, first_id_at
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sending import TEST_SENDER
from iletimerkezi_async.sandbox.service import Service
from iletimerkezi_async.sandbox.style import Style, StyleName
from iletimerkezi_async.sandbox.transport import InProcessTransport
from iletimerkezi_async.sandbox.weather import Weather
from iletimerkezi_async.sandbox.webhooks import build_webhooks

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from iletimerkezi_async import AsyncClient, Iys, Pacer, Retry
    from iletimerkezi_async.sandbox.server import Serving

__all__ = ["Sandbox"]

_IN_PROCESS_URL = "http://127.0.0.1/v1"
# Numbers that are blocked at the start count as blocked for this long, and so before any order.
_BLOCKED_FOR = timedelta(days=30)


class ClientOptions(TypedDict, total=False):
    """Options that ``Sandbox.client`` passes to ``AsyncClient``."""

    sender: "str | None"
    iys: "Iys | None"
    timeout: "float | httpx.Timeout"
    retry: "Retry"
    rate: "float | Pacer | None"


class Sandbox:
    """A fake of the SMS service, for development and tests: it sends nothing, and remembers everything.

    It follows the provider's documents: credentials, senders, the limit of seven parts, schedules, the ten minutes in
    which a duplicate is refused, balance, blocked numbers, consents, reports. Its rules share no code with the client,
    so both cannot contain the same mistake. All of it may be used from any thread.

    For the test sender ``APITEST``, any ``iys`` counts as ``"0"``, and its texts are replaced by a fixed one. Its
    orders are like all others here; the service itself sends them only to the account's own number, for free. Where the
    documents say nothing: more than 50,000 recipients are refused with 452; a cancelled order still counts as a
    duplicate; registered consents do not decide about sending. See ``iletimerkezi_async.sandbox.Style`` for the forms
    of answers, and ``iletimerkezi_async.sandbox.Fault`` for the faults that can be planned.

    Args:
        key: The API key to accept.
        hash: The hash that goes with it.
        username: A user name to accept with its password, beside key and hash; clients from before 2023 send them.
        password: The password that goes with it.
        senders: Approved sender names, matched exactly.
        balance: SMS at the start. Cancelled orders are refunded; undelivered messages when their order is finished.
        blocked: Numbers that are on the account's blocked list at the start, and have been for 30 days.
        blocked_policy: ``"refuse"``: one blocked recipient refuses its whole order (452). ``"skip"``: it is left out.
            The provider's documents have said both.
        duplicates: ``"set"``: the same numbers in any sequence are a duplicate (451). ``"sequence"``: only in the
            sequence of the first order. The documents do not say.
        duplicate_window: The time in which a duplicate is refused.
        past_schedules: ``"send"``: an order with a schedule in the past is sent at once. ``"refuse"``: it is refused
            (457). The samples in the documents are long past.
        missing_iys: ``"refuse"``: an order without ``iys`` is refused (468). ``"off"``: it is taken as one with
            ``"0"``. The provider's documents demand it, and mention a tolerance for older clients.
        undelivered: Numbers whose messages end undelivered (112), or a predicate on ``+905XXXXXXXXX``.
        delivery_seconds: The seconds until all messages of an order are final; they become final one after another.
        brands: Brand codes with an active consent subscription; without any, ``iys="1"`` is refused with 470.
        unknown_consent: ``"refuse"``: the check of an unregistered consent is refused (422). ``"empty"``: it is
            answered with 200 and an empty ``consent``. The provider's documents describe both.
        amount: The balance in lira that is shown.
        sms_price: The price of one SMS, for the ``price`` of reports.
        style: The form of answers, or the name of a preset of ``Style``.
        weather: The deviations of answers about orders from the truth; it can be changed at any time.
        webhook: The URL that each state change of each message is posted to: ``https://``, or ``http://`` on this
            machine. The server makes the calls while it serves; without a server, ``call_webhooks`` does.
        webhook_order: ``"in order"``, or ``"shuffled"``: once the order is finished, its calls come in any order, also
            the final state before ``accepted``. A real service promises no order.
        webhook_copies: How often each call is made; a real service may repeat calls.
        webhook_status: ``"word"``: a call has the state as a word (``"delivered"``), as in the provider's documents.
            ``"code"``: as a code (111), which one of the provider's clients reads, too.
        first_id: The id of the first order; the next ones count up from it. By default it is made from the clock, so
            that a later sandbox repeats no id that a store may still contain.

    Raises:
        ValueError: An invalid argument, such as a blocked number that is not a Turkish mobile number.
    """

    def __init__(
        self,
        key: str = "demo",
        hash: str = "demo",
        senders: Iterable[str] = ("APITEST", "FIRMA"),
        balance: int = 1_000_000,
        *,
        username: str | None = None,
        password: str | None = None,
        blocked: Iterable[str] = (),
        blocked_policy: Literal["refuse", "skip"] = "refuse",
        duplicates: Literal["set", "sequence"] = "set",
        duplicate_window: timedelta = timedelta(minutes=10),
        past_schedules: Literal["send", "refuse"] = "send",
        missing_iys: Literal["refuse", "off"] = "refuse",
        undelivered: Iterable[str] | Callable[[str], bool] = (),
        delivery_seconds: float = 1.0,
        brands: Iterable[str | int] = ("BRAND",),
        unknown_consent: Literal["refuse", "empty"] = "refuse",
        amount: str = "0",
        sms_price: str = "1",
        style: Style | StyleName = "live",
        weather: Weather | None = None,
        webhook: str | None = None,
        webhook_order: Literal["in order", "shuffled"] = "in order",
        webhook_copies: int = 1,
        webhook_status: Literal["word", "code"] = "word",
        first_id: int | None = None,
    ) -> None:
        if first_id is not None and first_id < 1:
            raise ValueError("first_id is a number from 1 on")
        if balance < 0 or delivery_seconds < 0:
            raise ValueError("balance and delivery_seconds cannot be negative")
        check_word("blocked_policy", blocked_policy, "refuse", "skip")
        check_word("unknown_consent", unknown_consent, "refuse", "empty")
        check_word("past_schedules", past_schedules, "send", "refuse")
        check_word("missing_iys", missing_iys, "refuse", "off")
        check_word("duplicates", duplicates, "set", "sequence")
        read_amount("amount", amount)
        clock = Clock()
        now = clock.now()
        self._account = Account(
            key=key,
            hash=hash,
            user=read_user(username, password),
            senders=read_words("senders", senders),
            amount=amount,
            sms_price=read_amount("sms_price", sms_price),
            brands=frozenset(map(str, read_words("brands", brands))),
            refuse_past=past_schedules == "refuse",
            take_missing_iys=missing_iys == "off",
            skip_blocked=blocked_policy == "skip",
            refuse_unknown_consent=unknown_consent == "refuse",
            duplicates=duplicates,
            duplicate_window=duplicate_window,
            delivery_seconds=delivery_seconds,
            fails=read_predicate(undelivered),
            style=read_style(style),
            weather=weather or Weather(),
            now=now,
            blocked=dict.fromkeys(read_numbers("blocked", blocked), now.replace(microsecond=0) - _BLOCKED_FOR),
            ledger=Ledger(balance),
            orders=OrderBook(first_id_at(now) if first_id is None else first_id),
        )
        self._service = Service(self._account, clock)
        check_word("webhook_order", webhook_order, "in order", "shuffled")
        check_word("webhook_status", webhook_status, "word", "code")
        shuffled, codes = webhook_order == "shuffled", webhook_status == "code"
        self._webhooks = build_webhooks(self._service, webhook, shuffled=shuffled, copies=webhook_copies, codes=codes)

    def client(self, **options: "Unpack[ClientOptions]") -> "AsyncClient":
        """Return a client that is connected to this sandbox in process, without a socket.

        Works on asyncio and on trio.

        Args:
            **options: Passed to ``AsyncClient`` as they are: ``sender``, ``iys``, ``timeout``, ``retry``, ``rate``.
        """
        from iletimerkezi_async import AsyncClient  # noqa: PLC0415 - the sandbox's rules must not see the client

        account = self._account
        http_client = httpx.AsyncClient(transport=InProcessTransport(self._service.answer), trust_env=False)
        return AsyncClient(account.key, account.hash, base_url=_IN_PROCESS_URL, http_client=http_client, **options)

    def serve(self, port: int = 0) -> "Serving":
        """Serve over HTTP on 127.0.0.1, in a thread of its own.

        Use it as ``async with sandbox.serve() as url`` on asyncio or trio, or as ``with sandbox.serve() as url``
        anywhere else. ``url`` is a base URL that ends in ``/v1``. Below it, ``<operation>/json`` answers JSON, and
        ``<operation>``, as well as ``GET`` of ``send-sms/get/?key=…``, answers the XML of the provider's first
        documents. At ``/`` of the same server, a browser shows the sandbox's content; viewing changes nothing.

        Only programs on this machine are served, under ``localhost``, ``127.0.0.1`` and ``[::1]``. A request with
        another host name is refused with 421, one from a web page of another origin with 403.

        Args:
            port: The port, or 0 for any that is free.

        Raises:
            ImportError: The extra ``sandbox`` is not installed.
            OSError: On entering: the port is taken.
        """
        try:
            from iletimerkezi_async.sandbox.server import Serving  # noqa: PLC0415 - needs the extra
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("uvicorn", "starlette", "h11", "jinja2"):
                raise
            raise ImportError(
                "serving the sandbox needs uvicorn, starlette and jinja2: pip install 'iletimerkezi-async[sandbox]'"
            ) from error
        return Serving(self._service, self._webhooks, port)

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment variables for a client of this sandbox in another process.

        They are ``ILETIMERKEZI_API_KEY``, ``_API_HASH``, ``_SENDER`` and ``_BASE_URL``.

        Args:
            url: The base URL from ``serve``.
        """
        account = self._account
        return {
            "ILETIMERKEZI_API_KEY": account.key,
            "ILETIMERKEZI_API_HASH": account.hash,
            # Avoid the test sender, whose texts are replaced.
            "ILETIMERKEZI_SENDER": next((name for name in account.senders if name != TEST_SENDER), TEST_SENDER),
            "ILETIMERKEZI_BASE_URL": url,
        }

    def handle(self, operation: str, body: bytes, *, xml: bool = False) -> Reply:
        """Answer one request without any I/O; ``reply.fault`` says what the caller has to do with the connection.

        Args:
            operation: Such as ``"send-sms"``.
            body: The body.
            xml: Whether body and answer are XML instead of JSON.
        """
        return self._service.handle(operation, body, XML if xml else JSON)

    def fail(self, operation: str, fault: Fault | str, *, times: float = 1, retry_after: float | None = None) -> None:
        """Make the next requests to an operation fail.

        Faults queue up: each request takes the oldest one planned for its operation, or else for ``"*"``.

        Args:
            operation: Such as ``"send-sms"``, or ``"*"`` for any.
            fault: A ``Fault`` or its word, or any other three-digit code such as ``"402"`` for a refusal with it.
            times: The number of requests; ``math.inf`` for all until ``heal``.
            retry_after: Seconds for the ``Retry-After`` header of the 429 and 503 faults.

        Raises:
            ValueError: An unknown operation or fault; the message names the known ones.
        """
        with self._service.lock:
            self._service.faults.add(operation, fault, times, retry_after)

    def heal(self) -> None:
        """Remove all planned faults that have not happened yet."""
        with self._service.lock:
            self._service.faults.clear()

    def advance(self, **step: float) -> None:
        """Move the sandbox's clock forward: ``advance(minutes=11)``.

        The client's clock does not move. If the client compares both clocks, as when it settles an order of an earlier
        run, move ``time.time`` by as much, too.

        Args:
            **step: How far, in the keywords of ``timedelta``.

        Raises:
            ValueError: The step is negative.
        """
        with self._service.lock:
            self._service.clock.advance(timedelta(**step))

    def add_orders(
        self,
        count: int = 1,
        *,
        recipients: int = 1,
        to: Iterable[str] = (),
        sender: str | None = None,
        text: str = "Baska bir programin mesaji",
    ) -> tuple[int, ...]:
        """Add orders as if another program of the same account sent them now; return their ids.

        They are charged, reported and delivered like any other, but are not in the log of requests. They are never
        refused: balance, blocked numbers and duplicates are not checked. Thousands take some milliseconds.

        Args:
            count: The number of orders.
            recipients: The number of recipients of each order; every order has different ones.
            to: The recipients of every order, instead of ``recipients``.
            sender: The sender, or None for the last one of the account.
            text: The text.

        Raises:
            ValueError: A number that is not a Turkish mobile number, or fewer than one recipient.
        """
        numbers = read_numbers("to", to)
        if recipients < 1:
            raise ValueError("an order has at least one recipient")
        with self._service.account() as account:
            return add_orders(account, count, recipients=recipients, numbers=numbers, sender=sender, text=text)

    async def call_webhooks(self, http_client: httpx.AsyncClient | None = None) -> int:
        """Make all webhook calls that are due by the sandbox's clock, and return their number.

        An endpoint that fails or hangs is tried three times, for two seconds each, and then given up; see
        ``webhooks``. Works on asyncio and on trio. While the sandbox is served, the server makes the calls by itself.

        Args:
            http_client: The client to use, such as one whose transport is an ASGI application. It is not closed.

        Raises:
            RuntimeError: The sandbox was made without a ``webhook``.
        """
        if self._webhooks is None:
            raise RuntimeError("this sandbox has no webhook to call: Sandbox(webhook=...)")
        return await self._webhooks.call(http_client)

    def call_webhooks_sync(self) -> int:
        """Call ``call_webhooks`` from code without a running event loop.

        Raises:
            RuntimeError: The sandbox was made without a ``webhook``, or an event loop is running in this thread.
        """
        return anyio.run(self.call_webhooks)

    @property
    def weather(self) -> Weather:
        """The deviations of the answers about orders from the truth, from now on."""
        return self._account.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        with self._service.lock:
            self._account.weather = weather

    @property
    def webhooks(self) -> tuple[tuple[int, str, int | str], ...]:
        """Every webhook call: message id, status, and the endpoint's HTTP status or the name of the last error."""
        return () if self._webhooks is None else self._webhooks.log

    @property
    def orders(self) -> tuple[SandboxOrder, ...]:
        """The accepted orders, oldest first."""
        with self._service.lock:
            return tuple(self._account.orders)

    @property
    def deliveries(self) -> Counter[str]:
        """The number of messages sent to each ``+905XXXXXXXXX`` number by now, including undelivered ones."""
        with self._service.account() as account:
            return account.orders.deliveries(account.now)

    @property
    def balance(self) -> int:
        """SMS left."""
        with self._service.account() as account:
            return account.ledger.balance(account.now)

    @property
    def requests(self) -> tuple[tuple[str, int | str], ...]:
        """Every request in order of arrival: its operation, and the code or the fault that it got."""
        return self._service.log

    @property
    def request_counts(self) -> Counter[str]:
        """Requests counted by operation; cheaper than counting ``requests``."""
        return self._service.counts

    def __repr__(self) -> str:
        return f"<Sandbox: {len(self._account.orders)} orders, {len(self.requests)} requests, {self.balance} SMS left>"
