"""The service without any I/O: an operation and a body in, a reply out."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import attrs

from iletimerkezi_async.sandbox import blocking, consents, reporting, sending
from iletimerkezi_async.sandbox.account import Account, get_balance, get_sender
from iletimerkezi_async.sandbox.bodies import Json, read_object
from iletimerkezi_async.sandbox.clock import Clock
from iletimerkezi_async.sandbox.codes import DONE, Refusal
from iletimerkezi_async.sandbox.faults import Fault, FaultPlan, Planned
from iletimerkezi_async.sandbox.notations import JSON, QUERY, XML, Notation
from iletimerkezi_async.sandbox.replies import Reply, Writer

__all__ = ["BIGGEST_BODY", "OPERATIONS", "Service"]

BIGGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes. A bigger body is 400."""

_GET_PATHS: Final = ("/v1/send-sms/get", "/v1/send-sms/get/")
_PATH: Final = re.compile(r"/v1/(?P<operation>[a-z]+(?:[-/][a-z]+)*?)(?P<json>/json)?")


def _no_fields(_: Json) -> None:
    """Read a body that has nothing beside the credentials."""


@attrs.frozen
class _Operation:
    """One thing the service does: reading the structure comes before the credentials, acting after them."""

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


class Service:
    """Handles requests one at a time, from any thread.

    Args:
        account: The one account there is.
        clock: What the account's time is read from.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self.lock = threading.RLock()
        self._account = account
        self._style = account.style
        self._clock = clock
        self._faults = FaultPlan(OPERATIONS)
        self._log: list[tuple[str, int | str]] = []
        self._counts: Counter[str] = Counter()

    def answer(self, method: str, path: str, query: bytes, body: bytes) -> Reply:
        """Answer an HTTP request: ``POST /v1/<operation>/json``, or ``POST /v1/<operation>`` in XML.

        An order may come by ``GET /v1/send-sms/get/?…``, too (documented by the provider, 2026). Anything else is 404
        and meets no fault.
        """
        if method == "GET" and path in _GET_PATHS:
            return self.handle("send-sms", query, QUERY)
        match = _PATH.fullmatch(path)
        notation = XML if match is not None and match["json"] is None else JSON
        if method == "POST" and match is not None:
            return self.handle(match["operation"], body, notation)
        with self.lock:
            self._note(path.strip("/"), 404)
            return self._begin(notation).usual(404, {})

    def handle(self, operation: str, body: bytes, notation: Notation) -> Reply:
        """Answer one request to an operation, with the fault that was planned for it."""
        with self.lock:
            writer = self._begin(notation)
            planned = self._faults.take(operation)
            if planned is not None and not planned.processed:
                self._note(operation, planned.word)
                return writer.faulty(planned, None)
            code, payload = self._process(operation, body, notation)
            self._note(operation, code if planned is None else planned.word)
            reply = writer.usual(code, payload)
            return reply if planned is None else writer.faulty(planned, reply)

    def fail(self, operation: str, fault: Fault | str, times: float, retry_after: float | None) -> None:
        """Plan a fault; see ``FaultPlan.add``."""
        with self.lock:
            self._faults.add(operation, fault, times, retry_after)

    def heal(self) -> None:
        """Forget the planned faults."""
        with self.lock:
            self._faults.clear()

    def faults(self) -> list[tuple[str, Planned, float]]:
        """Return the faults that wait for their requests; see ``FaultPlan.waiting``."""
        with self.lock:
            return self._faults.waiting()

    def advance(self, step: timedelta) -> None:
        """Move the clock; see ``Clock.advance``."""
        with self.lock:
            self._clock.advance(step)

    def look(self) -> Account:
        """Return the account at the present time; hold the lock while reading from it."""
        self._account.now = self._clock.now()
        return self._account

    @property
    def log(self) -> tuple[tuple[str, int | str], ...]:
        """Each request's operation, with the code or the fault that it got."""
        with self.lock:
            return tuple(self._log)

    @property
    def counts(self) -> Counter[str]:
        """How many requests came for each operation."""
        with self.lock:
            return self._counts.copy()

    def _note(self, operation: str, outcome: int | str) -> None:
        self._log.append((operation, outcome))
        self._counts[operation] += 1

    def _begin(self, notation: Notation) -> Writer:
        account = self.look()
        account.style = notation.adapt(self._style)
        return Writer(notation, account.style, account.weather, account.now)

    def _process(self, operation: str, body: bytes, notation: Notation) -> tuple[int, Json]:
        try:
            return DONE, _process(self._account, operation, body, notation)
        except Refusal as refusal:
            return refusal.code, {"errors": refusal.errors} if refusal.errors and self._style.field_errors else {}


def _process(account: Account, name: str, body: bytes, notation: Notation) -> Json:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Refusal(404)
    if len(body) > BIGGEST_BODY:
        raise Refusal(400)
    request = notation.parse(body)
    authentication = read_object(request, "authentication")
    # Structure, then credentials, then values: the order in which the service refuses.
    asked = operation.read(request)
    account.check_credentials(authentication)
    return operation.act(account, asked)
