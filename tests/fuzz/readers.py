"""Every reader of foreign bytes as one call, for the property tests and for atheris.

What comes out of each is a result or an error of ours; anything else passes through and fails whoever called.
"""

from __future__ import annotations

import itertools
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple, TypeVar

import httpx
import jumping
from canned import ok

from iletimerkezi_async import (
    AsyncClient,
    Consent,
    ConsentType,
    IletimerkeziError,
    Iys,
    Message,
    RecipientType,
    Retry,
    WebhookError,
    parse_webhook,
)

T = TypeVar("T")

NUMBER = "+905301234567"
#: Whoever reads on for longer has met an iterator that gives rows, which is no harm; one that gives none must end.
MOST_ROWS = 300
#: More requests than that for `MOST_ROWS` rows are asked for in vain.
MOST_REQUESTS = 2_000


class Answer(NamedTuple):
    """What a server says; no status stands for a connection that breaks."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes


class EndlessError(BaseException):
    """Requests go on and on; not an `Exception`, which the transport would take for a failure of the connection."""


async def first(rows: AsyncIterator[T]) -> list[T]:
    """Read an iterator to its end, or far enough."""
    read: list[T] = []
    async for row in rows:
        read.append(row)
        if len(read) == MOST_ROWS:
            break
    return read


def _register(client: AsyncClient) -> Awaitable[None]:
    given = datetime.now(timezone.utc) - timedelta(hours=1)
    consent = Consent(NUMBER, RecipientType.BIREYSEL, ConsentType.MESAJ, "ONAY", "HS_WEB", given)
    return client.register_consents("BRAND", [consent])


_DAY = date(2026, 5, 6)

CALLS: dict[str, Callable[[AsyncClient], Awaitable[object]]] = {
    "get_balance": lambda client: client.get_balance(),
    "send_sms": lambda client: client.send_sms("Merhaba", NUMBER),
    "send_messages": lambda client: client.send_messages(
        [Message("Bir", NUMBER), Message("Iki", [NUMBER, 5301234568])]
    ),
    "send_bulk": lambda client: client.send_bulk("Merhaba", [NUMBER, "x", 5301234568], batch_size=1),
    "get_report": lambda client: first(client.get_report(428)),
    "get_report by fives": lambda client: first(client.get_report(428, page_size=5)),
    "get_order": lambda client: client.get_order(428),
    "get_reports": lambda client: first(client.get_reports(_DAY, _DAY + timedelta(days=20))),
    "wait_for_order": lambda client: client.wait_for_order(428, timeout=60),
    "cancel_order": lambda client: client.cancel_order(428),
    "get_senders": lambda client: client.get_senders(),
    "get_blacklist": lambda client: first(client.get_blacklist()),
    "get_blacklist of a day": lambda client: first(client.get_blacklist(_DAY, _DAY)),
    "add_blacklist": lambda client: client.add_blacklist(NUMBER),
    "delete_blacklist": lambda client: client.delete_blacklist(NUMBER),
    "register_consents": _register,
    "check_consent": lambda client: client.check_consent("BRAND", NUMBER, recipient_type="BIREYSEL", type="MESAJ"),
}

_SENDING = ("send-sms", "get-reports", "get-report")
#: What each call may ask for.
OPERATIONS_OF: dict[str, tuple[str, ...]] = {
    "get_balance": ("get-balance",),
    "send_sms": _SENDING,
    "send_messages": _SENDING,
    "send_bulk": _SENDING,
    "get_report": ("get-report",),
    "get_report by fives": ("get-report",),
    "get_order": ("get-report",),
    "get_reports": ("get-reports",),
    "wait_for_order": ("get-report",),
    "cancel_order": ("cancel-order", "get-report"),
    "get_senders": ("get-sender",),
    "get_blacklist": ("get-blacklist",),
    "get_blacklist of a day": ("get-blacklist",),
    "add_blacklist": ("add-blacklist",),
    "delete_blacklist": ("delete-blacklist",),
    "register_consents": ("consent/create",),
    "check_consent": ("consent/show",),
}

_ORDER: dict[str, object] = {
    "id": 428, "status": 114, "total": 2, "delivered": "1", "undelivered": 1, "waiting": 0,
    "submitAt": "2026-05-06 12:00:00", "sendAt": "06/05/2026 12:00", "sender": "FIRMA", "price": "2.0000",
}  # fmt: skip
_ROWS = [{"number": NUMBER, "status": 111}, {"number": 5301234568, "status": "112"}]

_CONSENT = {
    "brandCode": "BRAND", "recipient": NUMBER, "recipientType": "BIREYSEL", "type": "MESAJ", "status": "ONAY",
    "source": "HS_WEB", "consentDate": "2026-05-06 11:59:59",
}  # fmt: skip

#: A good answer of each operation, to begin with.
DOCUMENTS: dict[str, dict[str, object]] = {
    "get-balance": ok(balance={"amount": "134.0000", "sms": "7538"}),
    "send-sms": ok(order={"id": "428"}),
    "get-report": ok(order={**_ORDER, "message": _ROWS}),
    "get-reports": ok(count=2, orders=[_ORDER, {**_ORDER, "id": 429}]),
    "cancel-order": ok(),
    "get-sender": ok(senders={"sender": ["FIRMA", "APITEST"]}),
    "get-blacklist": ok(blacklist={"count": 2, "number": [NUMBER, 5301234568]}),
    "add-blacklist": ok(),
    "delete-blacklist": ok(),
    "consent/create": ok(),
    "consent/show": ok(consent=_CONSENT),
}


class _Server(httpx.AsyncBaseTransport):
    """Gives each operation's answers in turn, again and again."""

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self._answers = {operation: itertools.cycle(each) for operation, each in answers.items()}
        self._requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise EndlessError
        operation = request.url.path.removeprefix("/v1/").removesuffix("/json")
        answer = next(self._answers[operation])
        if answer.status is None:
            raise httpx.ReadError("broken", request=request)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        return httpx.Response(answer.status, headers=headers, stream=httpx.ByteStream(answer.body))


def read_answers(call: str, answers: Mapping[str, Sequence[Answer]], backend: str = "asyncio") -> None:
    """Make a call against a server that gives such answers; no pause takes any time."""
    server = _Server(answers)

    async def main() -> None:
        async with httpx.AsyncClient(transport=server, trust_env=False) as http:
            retry = Retry(attempts=3, wait_initial=0)
            client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, rate=None, retry=retry)
            outcome: object = None
            try:
                outcome = await CALLS[call](client)
            except IletimerkeziError as error:
                outcome = error
            except TimeoutError:
                assert call == "wait_for_order"
            assert repr(outcome)
            assert str(pickle.loads(pickle.dumps(outcome))) == str(outcome)

    jumping.run(backend, main)


def read_webhook(body: bytes | str) -> None:
    """Read a delivery report."""
    try:
        event = parse_webhook(body)
    except WebhookError:
        return
    assert repr(event)
    assert isinstance(event.number, str)
    assert isinstance(event.text, str)
