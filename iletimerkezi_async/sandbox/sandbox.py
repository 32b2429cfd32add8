"""The sandbox's public face."""

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
# Those that are blocked at the start were so long before whatever is sent.
_BLOCKED_FOR = timedelta(days=30)


class ClientOptions(TypedDict, total=False):
    """Options that ``Sandbox.client`` hands on to ``AsyncClient``."""

    sender: "str | None"
    iys: "Iys | None"
    timeout: "float | httpx.Timeout"
    retry: "Retry"
    rate: "float | Pacer | None"


class Sandbox:
    """A fake of the SMS service, for development and tests: it sends nothing, and remembers everything.

    It follows the provider's documents: credentials, senders, the seven parts, schedules, the ten minutes in which
    a duplicate is refused, balance, blocked numbers, consents, reports. Its rules share no code with the client, so
    the two cannot agree on a mistake. All of it may be used from any thread.

    The test sender ``APITEST`` may be used with any ``iys``, which counts as ``"0"``, and its texts are replaced by a
    fixed one. Otherwise its orders are like all others here, while the service sends them to the account's own number
    alone, and for nothing. Where the documents are silent: more than 50,000 recipients are 452; a cancelled order still
    counts as a duplicate; registered consents do not decide about sending. See ``iletimerkezi_async.sandbox.Style`` for
    the ways of writing answers, and ``iletimerkezi_async.sandbox.Fault`` for what can be made to go wrong.

    Args:
        key: The API key to accept.
        hash: The hash that goes with it.
        username: A user name to accept, with its password, beside key and hash: clients of before 2023 send them.
        password: The password that goes with it.
        senders: Approved sender names, matched exactly.
        balance: SMS at the start. Cancelled orders are given back, undelivered messages when their order is finished.
        blocked: Numbers that are on the account's blocked list at the start, and have been for 30 days.
        blocked_policy: Whether one blocked recipient refuses its whole order (452) or is left out of it. The
            provider's documents have said both.
        duplicates: Whether the same numbers make a duplicate (451) in any sequence, or only in the one of the first
            order. The documents do not say.
        duplicate_window: For how long a duplicate is refused.
        past_schedules: Whether a schedule in the past goes out at once, or is refused (457). The documents' own samples
            are long past.
        missing_iys: Whether an order without ``iys`` is refused (468), or taken as one with ``"0"``. The provider's
            documents demand it, and speak of a tolerance towards older clients.
        undelivered: Numbers whose messages end undelivered (112), or a predicate on ``+905XXXXXXXXX``.
        delivery_seconds: How long the messages of an order take to become final, one after another.
        brands: Brand codes with an active consent subscription; without any, ``iys="1"`` is refused with 470.
        unknown_consent: Whether a check of a consent that is not registered is refused (422), or answered with 200
            and an empty ``consent``. The provider's documents tell of both.
        amount: The balance in lira that is shown.
        sms_price: What one SMS costs, in the ``price`` of reports.
        style: How answers are written, or the name of a preset of ``Style``.
        weather: How the answers about orders deviate from the truth; it can be changed at any time.
        webhook: The address that each state change of each message is posted to: ``https://``, or ``http://`` on
            this machine. The server makes the calls while it serves; without one, ``call_webhooks`` does.
        webhook_order: Whether the calls come in order, or, once the order is finished, shuffled, with ends before
            their beginnings; a real service promises no order.
        webhook_copies: How often each call is made; a real service may repeat itself.
        webhook_status: Whether a call tells the state as a word (``"delivered"``), as the provider's documents do, or
            as a code (111), which one of its clients reads as well.
        first_id: The id of the first order; the next ones count up from it. By default it follows from the clock, so
            that a later sandbox repeats no id that a kept store knows.

    Raises:
        ValueError: An argument that makes no sense, such as a blocked number that is no Turkish mobile number.
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
        documents. At ``/`` of the same server, a browser shows what the sandbox holds; looking changes nothing.

        Programs on this machine are served, under ``localhost``, ``127.0.0.1`` and ``[::1]``. A request under another
        name (421), and one that a web page of another origin makes (403), are not let in.

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
            # The test sender's texts are replaced.
            "ILETIMERKEZI_SENDER": next((name for name in account.senders if name != TEST_SENDER), TEST_SENDER),
            "ILETIMERKEZI_BASE_URL": url,
        }

    def handle(self, operation: str, body: bytes, *, xml: bool = False) -> Reply:
        """Answer one request without any I/O; ``reply.fault`` says what has to happen to the connection.

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
            times: For how many requests; ``math.inf`` until ``heal``.
            retry_after: Seconds for the ``Retry-After`` header of the 429 and 503 faults.

        Raises:
            ValueError: An unknown operation or fault; the message names the known ones.
        """
        with self._service.lock:
            self._service.faults.add(operation, fault, times, retry_after)

    def heal(self) -> None:
        """Forget all faults that were planned and not met yet."""
        with self._service.lock:
            self._service.faults.clear()

    def advance(self, **step: float) -> None:
        """Move the sandbox's clock forward: ``advance(minutes=11)``.

        A client has a clock of its own. What it settles by both, such as an order of an earlier run, needs
        ``time.time`` moved by as much.

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
        """Take orders that another program of the same account sends at this moment; return their ids.

        They are charged, reported and delivered like any other, and come into no log of requests. Nothing refuses
        them: neither the balance, nor the blocked numbers, nor the ten minutes. Thousands take some milliseconds.

        Args:
            count: How many.
            recipients: How many numbers each goes to, every order to others.
            to: The numbers that each goes to, instead.
            sender: The sender, or None for the last of the account's.
            text: The text.

        Raises:
            ValueError: A number that is no Turkish mobile number, or fewer than one recipient.
        """
        numbers = read_numbers("to", to)
        if recipients < 1:
            raise ValueError("an order has at least one recipient")
        with self._service.account() as account:
            return add_orders(account, count, recipients=recipients, numbers=numbers, sender=sender, text=text)

    async def call_webhooks(self, http_client: httpx.AsyncClient | None = None) -> int:
        """Make all webhook calls that are due by the sandbox's clock, and return how many.

        An endpoint that fails or hangs is asked three times, for two seconds each, and then given up; ``webhooks``
        tells. Works on asyncio and on trio. While the sandbox is served, the server makes the calls by itself.

        Args:
            http_client: What to call with, such as one whose transport is an ASGI application. It is not closed.

        Raises:
            RuntimeError: The sandbox was made without a ``webhook``.
        """
        if self._webhooks is None:
            raise RuntimeError("this sandbox has no webhook to call: Sandbox(webhook=...)")
        return await self._webhooks.call(http_client)

    def call_webhooks_sync(self) -> int:
        """Do as ``call_webhooks``, where no event loop runs.

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
        """Messages sent by now, counted for each ``+905XXXXXXXXX`` number; undelivered ones were sent, too."""
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
