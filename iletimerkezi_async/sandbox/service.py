"""The service without any I/O: it takes an operation and a body, and returns a reply."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, cast

import attrs

from iletimerkezi_async.sandbox import blocking, consents, reporting, sending
from iletimerkezi_async.sandbox.account import Account, get_balance, get_sender
from iletimerkezi_async.sandbox.bodies import Json, read_object
from iletimerkezi_async.sandbox.codes import DONE, Refusal, message_of
from iletimerkezi_async.sandbox.dates import Clock
from iletimerkezi_async.sandbox.faults import FaultPlan
from iletimerkezi_async.sandbox.notations import JSON, QUERY, XML, Notation
from iletimerkezi_async.sandbox.replies import Reply, Writer

__all__ = ["BIGGEST_BODY", "OPERATIONS", "Request", "Service"]

BIGGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes. A bigger body is refused with 400."""

# Separate from the client's log, whose records an application may process.
_logger: Final = logging.getLogger("iletimerkezi_sandbox")

_GET_PATHS: Final = ("/v1/send-sms/get", "/v1/send-sms/get/")
_PATH: Final = re.compile(r"/v1/(?P<operation>[a-z]+(?:[-/][a-z]+)*?)(?P<json>/json)?")


def _no_fields(_: Json) -> None:
    """Read a body that has only credentials."""


@attrs.frozen
class _Operation:
    """An operation: ``read`` checks the structure before the credentials are checked, ``act`` runs afterwards."""

    read: Callable[[Json], Any]
    act: Callable[[Account, Any], Json]


OPERATIONS: Final[dict[str, _Operation]] = {
    "get-balance": _Operation(_no_fields, get_balance),
    "send-sms": _Operation(sending.read_draft, sending.send_sms),
    "get-report": _Operation(reporting.read_order, reporting.get_report),
    "cancel-order": _Operation(reporting.read_order, reporting.cancel_order),
    "get-reports": _Operation(reporting.read_filter, reporting.get_reports),
    "get-sender": _Operation(_no_fields, get_sender),
    "get-blacklist": _Operation(blocking.read_blacklist, blocking.get_blacklist),
    "add-blacklist": _Operation(blocking.read_entry, blocking.add_blacklist),
    "delete-blacklist": _Operation(blocking.read_entry, blocking.delete_blacklist),
    "consent/create": _Operation(consents.read_consents, consents.create_consents),
    "consent/show": _Operation(consents.read_consent, consents.show_consent),
}


@attrs.frozen
class Request:
    """A request, as the log and the pages show it.

    Attributes:
        at: Its time, by the sandbox's clock.
        operation: Its operation, or its path if it has none.
        outcome: The code or the fault that it got.
        reason: The reason for an unusual answer.
        order: The id of the order that it sent, or asked about.
        recipients: The number of recipients in it.
    """

    at: datetime
    operation: str
    outcome: int | str
    reason: str = ""
    order: int | None = None
    recipients: int | None = None

    def __str__(self) -> str:
        """Return a line of the log. An unknown path is not shown, as it may contain anything."""
        operation = self.operation if self.operation in OPERATIONS else "no operation"
        order = "" if self.order is None else f", order {self.order}"
        recipients = "" if self.recipients is None else f", recipients: {self.recipients:,}"
        return f"{self.at:%H:%M:%S} {operation} {self.outcome}{order}{recipients}{self.reason and f', {self.reason}'}"


class Service:
    """Handles requests one at a time, from any thread.

    Attributes:
        lock: Hold it for every access except ``handle`` and ``answer``.
        clock: The source of the account's time.
        faults: The planned faults.

    Args:
        account: The only account.
        clock: As above.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self.lock = threading.RLock()
        self._account = account
        self._style = account.style
        self.clock = clock
        self.faults = FaultPlan(OPERATIONS)
        self._log: list[Request] = []
        self._counts: Counter[str] = Counter()

    def answer(self, method: str, path: str, query: bytes, body: bytes) -> Reply:
        """Answer an HTTP request: ``POST /v1/<operation>/json``, or ``POST /v1/<operation>`` in XML.

        An order may come by ``GET /v1/send-sms/get/?…``, too (documented by the provider, 2026). Anything else gets 404
        and uses up no planned fault.
        """
        if method == "GET" and path in _GET_PATHS:
            return self.handle("send-sms", query, QUERY)
        match = _PATH.fullmatch(path)
        notation = XML if match is not None and match["json"] is None else JSON
        if method == "POST" and match is not None:
            return self.handle(match["operation"], body, notation)
        with self.account() as account:
            writer = self._begin(account, notation)
            self._note(Request(writer.now, path.strip("/"), 404, message_of(404)))
            return writer.usual(404, {})

    def handle(self, operation: str, body: bytes, notation: Notation) -> Reply:
        """Answer one request to an operation, with the fault that was planned for it."""
        with self.account() as account:
            writer = self._begin(account, notation)
            planned = self.faults.take(operation)
            if planned is not None and not planned.processed:
                self._note(Request(writer.now, operation, planned.word, "planned; not processed"))
                return writer.faulty(planned, None)
            code, payload, request = self._process(operation, body, notation)
            reply = writer.usual(code, payload)
            if planned is not None:
                why = f"planned; processed with {code}"
                request, reply = attrs.evolve(request, outcome=planned.word, reason=why), writer.faulty(planned, reply)
            self._note(request)
            return reply

    @contextmanager
    def account(self) -> Generator[Account, None, None]:
        """Give the account, with its time set to now, and hold the lock."""
        with self.lock:
            self._account.now = self.clock.now()
            yield self._account

    @property
    def log(self) -> tuple[tuple[str, int | str], ...]:
        """Each request's operation, with the code or the fault that it got."""
        with self.lock:
            return tuple((request.operation, request.outcome) for request in self._log)

    def last_requests(self, count: int) -> Sequence[Request]:
        """Return the last requests, newest first."""
        with self.lock:
            return self._log[: -count - 1 : -1]

    @property
    def counts(self) -> Counter[str]:
        """Requests counted by operation."""
        with self.lock:
            return self._counts.copy()

    def _note(self, request: Request) -> None:
        self._log.append(request)
        _logger.debug("%s", request)
        self._counts[request.operation] += 1

    def _begin(self, account: Account, notation: Notation) -> Writer:
        account.style = notation.adapt(self._style)
        return Writer(notation, account.style, account.weather, account.now)

    def _process(self, operation: str, body: bytes, notation: Notation) -> tuple[int, Json, Request]:
        account, asked, payload = self._account, None, Json()
        code, reason = DONE, ""
        try:
            authentication, asked = _read(operation, body, notation)
            account.check_credentials(authentication)
            payload = OPERATIONS[operation].act(account, asked)
        except Refusal as refusal:
            code, reason = refusal.code, refusal.reason
            if refusal.errors and self._style.field_errors:
                payload = {"errors": refusal.errors}
        recipients = len(asked.numbers) if isinstance(asked, sending.Draft) else None
        return code, payload, Request(account.now, operation, code, reason, self._order(payload, asked), recipients)

    def _order(self, payload: Json, asked: Any) -> int | None:
        """Return the id of the order in the answer or the request, if there is one."""
        named = payload.get("order", asked)
        order = self._account.orders.find(cast("Json", named).get("id")) if isinstance(named, dict) else None
        return None if order is None else order.id


def _read(name: str, body: bytes, notation: Notation) -> tuple[Json, Any]:
    """Check the structure of a request, and return its credentials and its content.

    The service checks structure first, then credentials, then values.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Refusal(404)
    if len(body) > BIGGEST_BODY:
        raise Refusal(400, detail="too long")
    request = notation.parse(body)
    return read_object(request, "authentication"), operation.read(request)
