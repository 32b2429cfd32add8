"""What the provider's own clients send, written down as requests of our own making: each everyday call passes.

They differ in which fields they always send, in what "none" is, and in the types of `iys`, ids and numbers.
"""

from collections.abc import Callable
from typing import Any

import attrs
import httpx
import orjson
import pytest
from canned import NO_TLS
from sandbox_wire import AUTHENTICATION, frozen

from iletimerkezi_async.sandbox import Sandbox

TEXT = "Siparişiniz yola çıktı"


@attrs.frozen
class Client:
    """How one client writes.

    Attributes:
        fields: The fields that it sends with every order.
        off: How it writes that no consents are asked for.
        number: How it writes a recipient.
        id: How it sends the id of an order back, given what the answer held.
        no_filter: What it sends about the blacklist beside the page.
        headers: Of HTTP.
    """

    fields: dict[str, Any]
    off: Any
    number: Callable[[str], Any] = str
    id: Callable[[Any], Any] = str
    no_filter: dict[str, Any] = attrs.field(factory=dict[str, Any])
    headers: dict[str, str] = attrs.field(factory=dict[str, str])


_JSON = {"Content-Type": "application/json"}

CLIENTS = {
    # A list that is sent along with iys "0", an empty schedule.
    "python": Client({"sendDateTime": "", "iysList": "BIREYSEL"}, "0", headers=_JSON),
    # Numbers that were the keys of an array are integers by now; a filter that is half empty.
    "php": Client(
        {"sendDateTime": "", "iysList": "BIREYSEL"}, 0, int, str, {"filter": {"start": None, "end": None}}, _JSON
    ),
    "node": Client(
        {"sendDateTime": "", "iysList": "BIREYSEL"}, 0, str, str, {"filter": {}}, _JSON | {"User-Agent": "axios/1.7"}
    ),
    "go": Client({"sendDateTime": "", "iysList": "TACIR"}, "0", headers=_JSON),
    # Ids are integers.
    "java": Client({"sendDateTime": "", "iysList": "BIREYSEL"}, "0", str, int, headers=_JSON),
    "csharp": Client(
        {"sendDateTime": "", "iysList": "BIREYSEL"},
        0,
        str,
        int,
        {"filter": None},
        {"Content-Type": "application/json; charset=utf-8"},
    ),
    # What the model leaves out is not there.
    "mcp": Client({}, "0", headers=_JSON | {"Accept": "application/json", "Sec-Fetch-Mode": "cors"}),
}


@pytest.fixture(params=CLIENTS, ids=str)
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the clients."""
    return CLIENTS[request.param]


class Caller:
    """Makes the calls of a client over a real socket."""

    def __init__(self, url: str, client: Client) -> None:
        self._url = url
        self._client = client

    def __call__(self, operation: str, **content: Any) -> dict[str, Any]:
        """Call an operation that has to pass; return the response."""
        document = {"request": {"authentication": AUTHENTICATION, **content}}
        address = f"{self._url}/{operation}/json"
        answer = httpx.post(
            address, content=orjson.dumps(document), headers=self._client.headers, trust_env=False, verify=NO_TLS
        )
        response: dict[str, Any] = answer.json()["response"]
        assert (answer.status_code, response["status"]["code"]) == (200, 200)
        return response

    def send(self, message: Any, **more: Any) -> Any:
        """Send an order; return its id as the client hands it back."""
        order = {"sender": "FIRMA", "iys": self._client.off, **self._client.fields, "message": message, **more}
        return self._client.id(self("send-sms", order=order)["order"]["id"])


def message(client: Client, text: str, *numbers: str) -> dict[str, Any]:
    """Build a message as the client does."""
    return {"text": text, "receipents": {"number": [client.number(number) for number in numbers]}}


def test_sending(client: Client) -> None:
    """One recipient, several, and several texts in one order."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        caller = Caller(url, client)
        caller.send(message(client, TEXT, "5301234567"))
        caller.send(message(client, TEXT, "905301234567", "905301234568"))
        caller.send([message(client, "Bir", "5301234567"), message(client, "Iki", "5301234568")])
    assert sandbox.deliveries == {"+905301234567": 3, "+905301234568": 2}


def test_asking_the_registry(client: Client) -> None:
    """The consent check switched on, in the client's own type."""
    sandbox = Sandbox()
    on = 1 if client.off == 0 else "1"
    with sandbox.serve() as url:
        Caller(url, client).send(message(client, TEXT, "5301234567"), iys=on, iysList="TACIR")
    assert (sandbox.orders[0].iys, sandbox.orders[0].iys_list) == ("1", "TACIR")


def test_scheduling_and_cancelling(client: Client) -> None:
    """A schedule as a plain string, and the order called off by its id."""
    sandbox = frozen()
    with sandbox.serve() as url:
        caller = Caller(url, client)
        id = caller.send(message(client, TEXT, "5301234567"), sendDateTime="07/05/2026 09:00")
        assert sandbox.orders[0].send_at.isoformat() == "2026-05-07T09:00:00+03:00"
        assert set(caller("cancel-order", order={"id": id})) == {"status"}
    assert sandbox.orders[0].cancelled


def test_reports(client: Client) -> None:
    """The report of an order by its id, and the orders of some days."""
    sandbox = frozen(delivery_seconds=0)
    with sandbox.serve() as url:
        caller = Caller(url, client)
        id = caller.send(message(client, TEXT, "5301234567"))
        report = caller("get-report", order={"id": id, "page": 1, "rowCount": 1000})["order"]
        listed = caller("get-reports", filter={"start": "2026-05-01", "end": "2026-05-06", "page": 1})
    assert (int(report["id"]), report["status"], report["total"]) == (int(id), 114, 1)
    assert report["message"] == [{"number": "+905301234567", "status": 111}]
    assert (listed["count"], listed["orders"][0]["id"]) == (1, int(id))


def test_account(client: Client) -> None:
    """Balance and senders, whose requests hold the credentials only."""
    with Sandbox(balance=67, amount="10.584").serve() as url:
        caller = Caller(url, client)
        assert caller("get-balance")["balance"] == {"amount": 10.584, "sms": 67}
        assert caller("get-sender")["senders"] == {"sender": ["APITEST", "FIRMA"]}


def test_blacklist(client: Client) -> None:
    """A number is blocked, found in the list, and unblocked; with a filter and without."""
    with frozen().serve() as url:
        caller = Caller(url, client)
        assert set(caller("add-blacklist", blacklist={"number": client.number("5301234567")})) == {"status"}
        bounds = {"start": "2026-05-06 00:00:00", "end": "2026-05-06 23:59:59"}
        for more in (client.no_filter, {"filter": bounds}):
            shown = caller("get-blacklist", blacklist={"page": 1, "rowCount": 1000, **more})["blacklist"]
            assert shown == {"count": 1, "number": ["+905301234567"]}
        assert set(caller("delete-blacklist", blacklist={"number": "905301234567"})) == {"status"}
        # The MCP server leaves the block out where nothing is chosen.
        assert caller("get-blacklist")["blacklist"]["count"] == 0


@pytest.mark.parametrize("brand", [696422, "696422"])
def test_consents(client: Client, brand: object) -> None:
    """Consents are registered and shown; the brand code comes back as an integer."""
    question = {"brandCode": brand, "recipient": "+905301234567", "recipientType": "BIREYSEL", "type": "MESAJ"}
    record = {name: question[name] for name in ("recipient", "recipientType", "type")}
    record |= {"status": "ONAY", "source": "HS_WEB", "consentDate": "2026-05-05 09:00:00"}
    with frozen(brands=[696422]).serve() as url:
        caller = Caller(url, client)
        caller("consent/create", consent={"brandCode": brand, "list": [record]})
        assert caller("consent/show", consent=question)["consent"] == {"brandCode": 696422, **record}
