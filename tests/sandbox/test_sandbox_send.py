"""send-sms, rule by rule."""

import time
from datetime import datetime, timezone
from typing import Any

import orjson
import pytest
from sandbox_wire import ONE, THREE, TWO, accepted, ask, body, frozen, message, order, send

from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.sandbox.orders import first_id_at


@pytest.mark.parametrize(
    "bad",
    [
        {"message": ...},
        {"message": []},
        {"message": None},
        {"message": "Test mesaji."},
        {"message": [message(ONE), 7]},
        {"message": message(ONE, text=7)},
        {"message": message(ONE, text=["Test mesaji."])},
        {"sender": 7},
        {"sender": ["FIRMA"]},
    ],
)
def test_structure(bad: dict[str, Any]) -> None:
    """Objects that are missing or of another type are 400."""
    assert send(Sandbox(), **bad) == 400


@pytest.mark.parametrize(
    "bad",
    [
        {"message": {"text": "Test mesaji."}},
        {"message": {"text": "Test mesaji.", "receipents": [ONE]}},
        {"message": {"text": "Test mesaji.", "receipents": ONE}},
        {"message": {"text": "Test mesaji.", "receipents": None}},
        {"message": {"text": "Test mesaji."}, "receipents": {"number": [ONE]}},
        *({"message": {"text": "Test mesaji.", name: {"number": [ONE]}}} for name in ("recipients", "recepients")),
        {"message": [message(ONE), {"text": "Demo mesaji.", "receivers": {"number": [TWO]}}]},
    ],
)
def test_misplaced_recipients(bad: dict[str, Any]) -> None:
    """Recipients that are misspelt, or not where they should be, are none: 452, and nobody is sent to."""
    sandbox = Sandbox()
    assert send(sandbox, **bad) == 452
    assert not sandbox.deliveries


@pytest.mark.parametrize("document", [{"order": []}, {"order": "x"}, {}])
def test_no_order(document: dict[str, Any]) -> None:
    """A body without an order object is 400."""
    assert ask(Sandbox(), "send-sms", **document)[0] == 400


@pytest.mark.parametrize("key", ["demo ", "DEMO", "", None, 7, ["demo"]])
@pytest.mark.parametrize("field", ["key", "hash"])
def test_credentials(field: str, key: object) -> None:
    """A key or hash that is not the account's is 401."""
    authentication = {"key": "demo", "hash": "demo", field: key}
    content = orjson.dumps({"request": {"authentication": authentication, "order": order()}})
    assert Sandbox().handle("send-sms", content).status == 401


def test_credentials_missing() -> None:
    """Credentials that are absent are wrong; without their object the body is."""
    sandbox = Sandbox()
    assert sandbox.handle("get-balance", b'{"request": {"authentication": {}}}').status == 401
    assert sandbox.handle("get-balance", b'{"request": {"authentication": []}}').status == 400


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        (..., 459),
        (None, 459),
        ("", 459),
        ("FIRMA", 200),
        ("firma", 450),
        ("FIRMA ", 450),
        (" FIRMA", 450),
        ("BASKA", 450),
        ("ONBIRHARFLI", 450),
        ("ONIKIHARFLII", 460),
        ("ŞİRKET", 460),
        ("GÜL", 460),
        ("APITEST", 200),
    ],
)
def test_sender(sender: object, code: int) -> None:
    """Senders match exactly; empty, too long and Turkish ones have codes of their own."""
    assert send(Sandbox(), sender=sender) == code


@pytest.mark.parametrize("fields", [{"iys": "0"}, {"iys": "1", "iysList": "BIREYSEL"}, {"iys": 1}])
def test_the_test_sender_asks_no_registry(fields: dict[str, Any]) -> None:
    """APITEST is taken with any iys, also where no brand is; what goes out is a fixed text."""
    sandbox = Sandbox(brands=[])
    accepted(sandbox, ONE, text="Kodunuz 1234", sender="APITEST", **fields)
    accepted(sandbox, ONE, text="Kodunuz 5678", sender="APITEST", **fields)
    assert [(order.iys, order.iys_list) for order in sandbox.orders] == [("0", None)] * 2
    (text,) = {text for order in sandbox.orders for text, _ in order.texts}
    assert not set("1234") & set(text)


def test_the_test_sender_is_checked_like_others() -> None:
    """It has to say something of consents, its own texts are looked at, and a duplicate is one of those."""
    sandbox = Sandbox()
    assert send(sandbox, sender="APITEST", iys=...) == 468
    assert send(sandbox, sender="APITEST", text=" ") == 454
    assert send(sandbox, sender="APITEST", text="Bir") == 200
    assert send(sandbox, sender="APITEST", text="Bir") == 451


@pytest.mark.parametrize("missing", [..., None, "", []])
def test_a_missing_iys_can_be_tolerated(missing: object) -> None:
    """468 by default; taken as off where that is chosen, while a wrong one is still refused."""
    assert send(Sandbox(), iys=missing) == 468
    sandbox = Sandbox(missing_iys="off")
    assert send(sandbox, iys=missing) == 200
    assert (sandbox.orders[0].iys, sandbox.orders[0].iys_list) == ("0", None)
    assert [send(sandbox, iys=wrong) for wrong in ("2", True, [1])] == [468] * 3


@pytest.mark.parametrize(
    ("iys", "code"),
    [("0", 200), (0, 200)] + [(wrong, 468) for wrong in (..., None, "", "2", 2, True, "true", ["0"], 0.0, "00")],
)
def test_iys(iys: object, code: int) -> None:
    """Iys is 0 or 1, as a string or as a number, and mandatory."""
    assert send(Sandbox(), iys=iys) == code


@pytest.mark.parametrize(
    ("chosen", "code"),
    [("BIREYSEL", 200), ("TACIR", 200), (..., 469), (None, 469), ("", 469), ("bireysel", 469), (["TACIR"], 469)],
)
@pytest.mark.parametrize("iys", ["1", 1])
def test_iys_list(iys: object, chosen: object, code: int) -> None:
    """With iys 1 one of the two lists has to be chosen."""
    sandbox = Sandbox()
    assert send(sandbox, iys=iys, iysList=chosen) == code
    assert [(kept.iys, kept.iys_list) for kept in sandbox.orders] == [("1", chosen)] * (code == 200)


def test_iys_list_is_ignored_without_iys() -> None:
    """With iys 0 the list does not matter."""
    sandbox = Sandbox()
    assert send(sandbox, iys="0", iysList="KEDI") == 200
    assert sandbox.orders[0].iys_list is None


def test_iys_without_a_registry_code() -> None:
    """An account without a brand cannot ask the registry."""
    assert send(Sandbox(brands=()), iys="1", iysList="TACIR") == 470
    assert send(Sandbox(brands=()), iys="0") == 200


@pytest.mark.parametrize("text", ["", " ", "\n\t ", None])
def test_empty_text(text: object) -> None:
    """A text with nothing to read in it is 454, also as one among others."""
    assert send(Sandbox(), text=text) == 454
    assert send(Sandbox(), message=[message(ONE), message(TWO, text=text)]) == 454
    assert send(Sandbox(), message={"receipents": {"number": ONE}}) == 454


@pytest.mark.parametrize(("letter", "most"), [("a", 1066), ("ş", 519), ("Я", 464), ("€", 533)])
def test_longest_text(letter: str, most: int) -> None:
    """Seven SMS pass in each encoding; one character more is 453."""
    sandbox = Sandbox()
    assert send(sandbox, text=letter * most) == 200
    assert sandbox.balance == 1_000_000 - 7
    assert send(sandbox, text=letter * (most + 1)) == 453


@pytest.mark.parametrize(
    "schedule",
    [
        *[..., None, "", [], {}, [""], [None]],
        *[["06/05/2026 13:00:59"], "06/05/2026 13:00:00", ["01/01/1999 00:00:00"]],
        *["06/05/2026 12:00", ["06/05/2026 11:59"], "23/04/2022 09:00"],
    ],
)
def test_at_once(schedule: object) -> None:
    """No schedule sends at once; so does one with seconds, which is ignored, one of this minute, and a past one."""
    sandbox = frozen("2026-05-06 12:00:30")
    assert send(sandbox, sendDateTime=schedule) == 200
    assert sandbox.orders[0].send_at == sandbox.orders[0].submitted_at
    assert sandbox.deliveries == {"+905301234567": 1}


@pytest.mark.parametrize("schedule", ["06/05/2026 12:01", ["06/05/2026 12:01"]])
def test_scheduled(schedule: object) -> None:
    """A schedule is a string or a list of one string."""
    sandbox = frozen()
    assert send(sandbox, sendDateTime=schedule) == 200
    assert not sandbox.deliveries
    sandbox.advance(minutes=1)
    assert sandbox.deliveries == {"+905301234567": 1}


@pytest.mark.parametrize(
    "schedule",
    [
        *["6/5/2026 13:00", "06.05.2026 13:00", "2026-05-06 13:00", "31/02/2027 10:00", "yarin"],
        *["06/05/2026 24:00", "06/05/2026  13:00", " 06/05/2026 13:00", "06/05/2026 13:00\n", "06/05/2026"],
        *["٠٦/٠٥/٢٠٢٦ ١٣:٠٠", 7, True, {"x": 1}, [7], [["06/05/2026 13:00"]], [[]]],
        ["06/05/2026 13:00", "06/05/2026 14:00"],
    ],
)
def test_bad_schedule(schedule: object) -> None:
    """A time that is written differently is 457."""
    sandbox = frozen()
    assert send(sandbox, sendDateTime=schedule) == 457
    assert send(sandbox, sendDateTime=[schedule]) == 457


def test_past_schedules_can_be_refused() -> None:
    """A sandbox can be made that refuses what is past, the present minute included."""
    sandbox = frozen("2026-05-06 12:00:30", past_schedules="refuse")
    assert send(sandbox, sendDateTime="06/05/2026 12:00") == 457
    assert send(sandbox, sendDateTime="06/05/2026 12:01") == 200
    assert send(sandbox, sendDateTime="06/05/2026 12:00:00", text="Bir") == 200


@pytest.mark.parametrize(
    "number",
    [
        "905301234567",
        "+905301234567",
        "5301234567",
        "+90 530 123 45 67",
        "90 530 1234567",
        "530 123 45 67",
        " 5301234567 ",
        5301234567,
        905301234567,
    ],
)
def test_number_forms(number: object) -> None:
    """The documents' three forms pass in any spacing, as strings and as integers."""
    sandbox = Sandbox()
    assert send(sandbox, number) == 200
    assert sandbox.orders[0].messages == (("Test mesaji.", "+905301234567"),)


BAD_NUMBERS = [
    *["05301234567", "00905301234567", "530123456", "53012345678", "4301234567", "+495301234567", "+4915112345678"],
    *["530-123-45-67", "(530) 123 45 67", "kedi", "", "+", "5301234567a", "٥٣٠١٢٣٤٥٦٧", "5301234567\n"],
    "5301234567\n5301234568",
    *[530123456, -5301234567, True, None, 5301234567.0, ["5301234567"], {"number": "5301234567"}],
]


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_bad_number(number: object) -> None:
    """Anything else is 452, alone and as one among good ones, which are not sent to either."""
    sandbox = Sandbox()
    assert send(sandbox, ONE, number, TWO) == 452
    assert send(sandbox, number) == 452
    assert not sandbox.deliveries


def test_line_break_cannot_hide_a_bad_number() -> None:
    """Two numbers in one value do not make up for one that is none."""
    assert send(Sandbox(), f"{ONE}\n{TWO}", "kedi") == 452


@pytest.mark.parametrize("number", [[], None, "", ...])
def test_no_recipients(number: object) -> None:
    """A message for nobody is 452, also as one among others."""
    receipents = {} if number is ... else {"number": number}
    nobody = {"text": "Demo mesaji.", "receipents": receipents}
    assert send(Sandbox(), message=nobody) == 452
    assert send(Sandbox(), message=[message(ONE), nobody]) == 452


@pytest.mark.parametrize("number", [ONE, 5301234567, "+90 530 123 45 67"])
@pytest.mark.parametrize("listed", [True, False])
def test_single_values(number: object, listed: bool) -> None:
    """One message and one number may each come bare or in a list."""
    single = {"text": "Test mesaji.", "receipents": {"number": number}}
    sandbox = Sandbox()
    assert send(sandbox, message=[single] if listed else single) == 200
    assert sandbox.deliveries == {"+905301234567": 1}


def test_most_recipients() -> None:
    """An order holds 50,000 recipients; one more is 452."""
    numbers = [str(5301230000 + position) for position in range(50_001)]
    sandbox = Sandbox()
    assert send(sandbox, *numbers) == 452
    assert send(sandbox, *numbers[:-1]) == 200
    assert sandbox.orders[0].recipients == 50_000
    assert sandbox.deliveries.total() == 50_000


def test_repeated_number_counts_twice() -> None:
    """The ledger shows each message, so a number that was given twice got two."""
    sandbox = Sandbox()
    assert send(sandbox, ONE, "+905301234567", TWO) == 200
    assert sandbox.deliveries == {"+905301234567": 2, "+905301234568": 1}
    assert sandbox.balance == 1_000_000 - 3


def test_blocked_recipient_refuses_the_order() -> None:
    """By default one blocked recipient refuses the whole order."""
    sandbox = Sandbox(blocked=[ONE])
    assert send(sandbox, ONE, TWO) == 452
    assert not sandbox.orders
    assert send(sandbox, TWO) == 200


def test_blocked_recipient_is_skipped() -> None:
    """With the other policy blocked recipients are left out, of totals and costs too."""
    sandbox = frozen(blocked=["+90 530 123 45 67"], blocked_policy="skip")
    id = accepted(sandbox, message=[message(ONE, text="Bir"), message(ONE, TWO, THREE, text="Iki")])
    assert sandbox.orders[0].messages == (("Iki", "+905301234568"), ("Iki", "+905301234569"))
    assert sandbox.balance == 1_000_000 - 2
    assert ask(sandbox, "get-report", order={"id": id})[1]["order"]["total"] == 2
    assert send(sandbox, ONE, text="Uc") == 452


def test_skipping_does_not_hide_a_duplicate() -> None:
    """A duplicate is one by what was asked for, whoever was skipped."""
    sandbox = frozen(blocked=[ONE], blocked_policy="skip")
    assert send(sandbox, ONE, TWO) == 200
    assert ask(sandbox, "delete-blacklist", blacklist={"number": ONE})[0] == 200
    assert send(sandbox, ONE, TWO) == 451


def test_duplicate() -> None:
    """The same text to the same recipients is refused, whatever their order, spelling, grouping or sender."""
    sandbox = frozen()
    assert send(sandbox, ONE, TWO) == 200
    assert send(sandbox, ONE, TWO) == 451
    assert send(sandbox, TWO, 5301234567) == 451
    assert send(sandbox, ONE, TWO, TWO) == 451
    assert send(sandbox, ONE, TWO, sender="APITEST") == 451
    assert send(sandbox, message=[message(TWO), message(ONE)]) == 451
    assert len(sandbox.orders) == 1


def test_not_a_duplicate() -> None:
    """Another text, fewer or more recipients, or texts that changed places make another order."""
    sandbox = frozen()
    assert send(sandbox, ONE, TWO) == 200
    assert send(sandbox, ONE) == 200
    assert send(sandbox, ONE, TWO, THREE) == 200
    assert send(sandbox, ONE, TWO, text="Test mesaji!") == 200
    assert send(sandbox, message=[message(ONE, text="a"), message(TWO, text="b")]) == 200
    assert send(sandbox, message=[message(ONE, text="b"), message(TWO, text="a")]) == 200
    assert sandbox.deliveries["+905301234567"] == 6


def test_duplicate_for_ten_minutes() -> None:
    """Refused until just before ten minutes have passed, accepted at exactly ten."""
    sandbox = frozen()
    assert send(sandbox) == 200
    sandbox.advance(minutes=9, seconds=59, microseconds=999_999)
    assert send(sandbox) == 451
    sandbox.advance(microseconds=1)
    assert send(sandbox) == 200
    assert sandbox.deliveries == {"+905301234567": 2}


def test_refused_orders_make_no_duplicates() -> None:
    """Only an accepted order counts, and a refused duplicate does not start the ten minutes anew."""
    sandbox = frozen(balance=1)
    assert send(sandbox, ONE, TWO) == 402
    assert send(sandbox, ONE, TWO) == 402
    assert send(sandbox) == 200
    sandbox.advance(minutes=6)
    assert send(sandbox) == 451
    sandbox.advance(minutes=4)
    assert send(sandbox) == 402


def test_cancelled_orders_make_duplicates() -> None:
    """An order that was cancelled was accepted all the same."""
    sandbox = frozen()
    id = accepted(sandbox, sendDateTime=["06/05/2026 13:00"])
    assert ask(sandbox, "cancel-order", order={"id": id})[0] == 200
    assert send(sandbox) == 451


def test_balance() -> None:
    """Each recipient costs as many SMS as the text has parts; what costs more than is left is 402."""
    sandbox = Sandbox(balance=5)
    long = "a" * 156
    assert send(sandbox, message=[message(ONE, TWO, text=long), message(THREE, THREE)]) == 402
    assert sandbox.balance == 5
    assert send(sandbox, message=[message(ONE, TWO, text=long), message(THREE)]) == 200
    assert sandbox.balance == 0
    assert sandbox.orders[0].cost == 5
    assert send(sandbox) == 402


def test_order_of_checks() -> None:
    """With everything wrong at once, each repair lets the next check speak."""
    sandbox = frozen(balance=1)
    assert send(sandbox) == 200
    asked = order("kedi", text="", sender="BASKA", iys="x", sendDateTime="x")
    repairs: list[dict[str, Any]] = [
        {"sender": "FIRMA"},
        {"iys": "0"},
        {"message": message("kedi")},
        {"sendDateTime": []},
        {"message": message(ONE)},
        {"message": message(TWO)},
        {},
    ]
    codes: list[int] = []
    for repair in repairs:
        codes.append(ask(sandbox, "send-sms", order=asked)[0])
        asked |= repair
    assert codes == [450, 468, 454, 457, 452, 451, 402]


def test_structure_before_credentials() -> None:
    """A body that cannot be read says nothing about its credentials; values are read after them."""
    sandbox = Sandbox(key="baska")
    assert send(sandbox, message=[]) == 400
    assert send(sandbox, sender="") == 401


def test_ids_grow() -> None:
    """Each order has an id greater than the one before; none is of an earlier sandbox, and all fit 32 bits."""
    ids: list[int] = []
    for _ in range(3):
        sandbox = Sandbox()
        ids += [accepted(sandbox, text=f"Mesaj {position}") for position in range(5)]
        assert [kept.id for kept in sandbox.orders] == ids[-5:] == sorted(ids[-5:])
        assert sandbox._account.orders.first_message_id(ids[-1]) < 2**31
        time.sleep(0.01)
    assert len(set(ids)) == 15
    assert max(ids) < 2**30


def test_ids_that_are_fixed() -> None:
    """A caller may set where they begin; any clock gives a good one."""
    assert accepted(Sandbox(first_id=7)) == 7
    assert first_id_at(datetime(1970, 1, 1, tzinfo=timezone.utc)) == 1
    with pytest.raises(ValueError, match="first_id"):
        Sandbox(first_id=0)


def test_request_is_bytes_of_utf8() -> None:
    """Text comes through unchanged; broken UTF-8 and half surrogates are 400."""
    sandbox = Sandbox()
    text = "Günaydın ğüşıöç 👋 \x00 \u2028"
    assert send(sandbox, text=text) == 200
    assert sandbox.orders[0].messages[0][0] == text
    assert sandbox.handle("send-sms", body(order=order(text="é")).decode().encode("latin-1")).status == 400
    assert sandbox.handle("send-sms", body(order=order()).replace(b"Test", b"\\ud83d")).status == 400
