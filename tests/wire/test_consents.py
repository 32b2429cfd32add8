"""Consents: what is refused before anything is registered, batches and what is left of them, the wire both ways."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from canned import Canned, never_left, ok, refusal
from faults import FAULTS
from frames import everything_of

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    AuthenticationError,
    ConfigurationError,
    Consent,
    ConsentError,
    ConsentSource,
    ConsentStatus,
    ConsentType,
    IletimerkeziError,
    OutcomeUnknownError,
    RecipientError,
    RecipientType,
    Retry,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.sandbox import Sandbox, Style

pytestmark = pytest.mark.anyio

NUMBER, EMAIL, BRAND = "+905301234567", "musteri@example.com", "GIZLI-MARKA"
LOST = httpx.ReadError("lost")
TRT = timezone(timedelta(hours=3))


def an_hour_ago() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)


def consent(recipient: str | int = NUMBER, **other: object) -> Consent:
    fields: dict[str, object] = {
        "recipient": recipient,
        "recipient_type": "BIREYSEL",
        "type": "EPOSTA" if "@" in str(recipient) else "MESAJ",
        "status": "ONAY",
        "source": "HS_WEB",
        "consent_date": an_hour_ago(),
    }
    return Consent(**(fields | other))  # type: ignore[arg-type]  # of all types


def many(count: int) -> Iterator[Consent]:
    return (consent(5301230000 + index) for index in range(count))


async def check(client: AsyncClient, recipient: str | int = NUMBER, brand: str = "BRAND") -> Consent | None:
    type = ConsentType.EPOSTA if "@" in str(recipient) else ConsentType.MESAJ
    return await client.check_consent(brand, recipient, recipient_type=RecipientType.BIREYSEL, type=type)


# The value.


def test_words_become_members() -> None:
    """A plain word is as good as the member, and the number comes in its one form."""
    when = an_hour_ago()
    plain = Consent("0530 123 45 67", "TACIR", "ARAMA", "RET", "HS_KARAR", when)
    assert plain == Consent(
        5301234567, RecipientType.TACIR, ConsentType.ARAMA, ConsentStatus.RET, ConsentSource.HS_KARAR, when
    )
    assert plain.recipient == NUMBER
    assert plain.recipient_type is RecipientType.TACIR
    assert plain.type is ConsentType.ARAMA
    assert plain.status is ConsentStatus.RET
    assert plain.source is ConsentSource.HS_KARAR


def test_the_registry_has_more_sources() -> None:
    """Any plain word that may be a code of it."""
    assert consent(source="HS_CAGRI_MERKEZI").source == "HS_CAGRI_MERKEZI"
    for word in ("", "hs web", "5301234567", "HS_WEB\n", "ş"):
        with pytest.raises(ValueError, match="such as HS_WEB"):
            consent(source=word)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("recipient_type", "BIREYSEL, TACIR"), ("type", "MESAJ, EPOSTA, ARAMA"), ("status", "ONAY, RET")],
)
@pytest.mark.parametrize("word", ["", "onay", "EVET", "5301234567", None, 1])
def test_an_unknown_word_is_refused_at_construction(name: str, allowed: str, word: object) -> None:
    """The message names what it was given as, and the words that are allowed; nothing else is shown."""
    with pytest.raises(ValueError, match=f"`{name}` must be one of {allowed}$") as caught:
        consent(**{name: word})
    assert caught.value.__context__ is None
    assert "530" not in everything_of(caught.value)


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        (NUMBER, "'+90530***4567'"),
        ("0530 123 45 67", "'+90530***4567'"),
        (EMAIL, "'m***@example.com'"),
        ("a@b", "'a***@b'"),
        ("@5301234567", "'@5***'"),
        ("530@5301234567@", "'530@53***567@'"),
        ("kedi", "'ke***'"),
    ],
)
def test_the_recipient_is_masked(recipient: str, shown: str) -> None:
    """A number as everywhere; of an address the first letter and the domain."""
    value = consent(recipient, source="HS_MOBIL")
    assert repr(value).startswith(f"Consent(recipient={shown}, recipient_type=<RecipientType.BIREYSEL: 'BIREYSEL'>, ")
    assert "source='HS_MOBIL'" in repr(value)
    assert f"{value}" == repr(value)


def test_it_is_a_value() -> None:
    """Immutable, comparable, fit for a set, a queue and `attrs.evolve`."""
    value = consent()
    with pytest.raises(FrozenInstanceError):
        value.status = "RET"  # type: ignore[misc]  # the point
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == value
    assert len({value, copy.deepcopy(value), evolve(value, status="RET")}) == 2


# Refused before any request.


async def refuse(
    error: type[ApiError], *consents: Consent, brand: str = "BRAND", bad: tuple[str, ...] = ()
) -> ApiError:
    canned = Canned(ok())
    with pytest.raises(error) as caught:
        await canned.client.register_consents(brand, [*many(3), *consents, *many(3)])
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.http_status, caught.value.registered) == (422, None, 0)
    assert getattr(caught.value, "numbers", ()) == bad
    assert not canned.requests
    return caught.value


@pytest.mark.parametrize(
    "recipient",
    [
        "", "0212 123 45 67", "+4915112345678", 123, 10**80, "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a@b\x00",
        "a@b\u200b", "a@\ud83d", f"{'a' * 250}@b.tr",
    ],
)  # fmt: skip
async def test_a_bad_recipient_registers_nothing(recipient: str | int) -> None:
    """Neither a Turkish mobile number nor an e-mail address."""
    bad = consent(recipient)
    assert "1 of 7 recipients" in str(await refuse(RecipientError, bad, bad=(bad.recipient,)))


async def test_all_bad_recipients_are_named() -> None:
    """Also an address where nobody can be texted or called, and a number where nobody can be written to."""
    bad = (consent("0212"), consent(EMAIL, type="MESAJ"), consent(EMAIL, type="ARAMA"), consent(NUMBER, type="EPOSTA"))
    error = await refuse(RecipientError, *bad, bad=("0212", EMAIL, EMAIL, NUMBER))
    assert "4 of 10 recipients" in str(error)


@pytest.mark.parametrize("type", ConsentType)
async def test_what_fits_its_type(type: ConsentType) -> None:
    """Numbers for messages and calls, addresses for e-mails."""
    canned = Canned(ok())
    await canned.client.register_consents("BRAND", [consent(EMAIL if type == "EPOSTA" else NUMBER, type=type)])
    assert len(canned.requests) == 1


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        (datetime(2026, 5, 6, 12), "has no time zone"),  # noqa: DTZ001 - the point
        (datetime.now(timezone.utc) - timedelta(days=3, seconds=1), "is older than 3 days"),
        (datetime.min.replace(tzinfo=TRT), "is older than 3 days"),
        (datetime.now(timezone.utc) + timedelta(hours=1), "is in the future"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=3))), "is in the future"),
        (None, "is missing"),
    ],
)
async def test_a_bad_date_registers_nothing(date: datetime | None, reason: str) -> None:
    """The message tells which record it is."""
    error = await refuse(ConsentError, consent(EMAIL, consent_date=date))
    assert f"the date of record 4 of 7 {reason}" in str(error)


async def test_a_brand_code_that_json_cannot_carry() -> None:
    """Half a character."""
    await refuse(ConsentError, brand="\ud83d")
    with pytest.raises(ConsentError):
        await check(Canned(ok()).client, brand="\ud83d")


async def test_nearly_three_days_are_not_too_old(sandbox: Sandbox, client: AsyncClient) -> None:
    """Here and there."""
    when = datetime.now(timezone.utc) - timedelta(days=3) + timedelta(minutes=1)
    await client.register_consents("BRAND", [consent(consent_date=when)])


async def test_no_consents_are_no_request() -> None:
    """Of any iterable."""
    canned = Canned(ok())
    for nothing in ([], (), iter([])):
        await canned.client.register_consents("BRAND", nothing)
    assert not canned.requests


# Registering.


async def test_the_documented_request() -> None:
    """The words of the wire, the time in Turkey without a zone, the number in E.164."""
    when = datetime.now(TRT).replace(microsecond=999) - timedelta(hours=1)
    canned = Canned(ok())
    consents = (
        consent("0530 123 45 67", consent_date=when.astimezone(timezone.utc)),
        consent(EMAIL, recipient_type="TACIR", status="RET", source="HS_MOBIL", consent_date=when),
    )
    await canned.client.register_consents("BRAND", consents)
    assert [request.url.path for request in canned.requests] == ["/v1/consent/create/json"]
    common = {"consentDate": when.strftime("%Y-%m-%d %H:%M:%S")}
    assert canned.bodies[0]["consent"] == {
        "brandCode": "BRAND",
        "list": [
            {"recipient": NUMBER, "recipientType": "BIREYSEL", "type": "MESAJ", "status": "ONAY", "source": "HS_WEB"}
            | common,
            {"recipient": EMAIL, "recipientType": "TACIR", "type": "EPOSTA", "status": "RET", "source": "HS_MOBIL"}
            | common,
        ],
    }


async def test_what_was_registered_can_be_read(sandbox: Sandbox, client: AsyncClient) -> None:
    """As it was given; the latest counts."""
    consents = [consent(), consent(EMAIL), consent("0530 123 45 68", source="HS_MOBIL")]
    await client.register_consents("BRAND", consents)
    for each in consents:
        assert await check(client, each.recipient) == each
    await client.register_consents("BRAND", [evolve(consents[0], status="RET")])
    found = await check(client, 5301234567)
    assert found is not None
    assert found.status is ConsentStatus.RET


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (5000, [5000]), (5001, [5000, 1]), (10_000, [5000, 5000])])
async def test_more_than_5000_are_split(count: int, batches: list[int]) -> None:
    """As the service takes them, in order, from any iterable."""
    canned = Canned(ok())
    await canned.client.register_consents("BRAND", many(count))
    lists = [body["consent"]["list"] for body in canned.bodies]  # type: ignore[index]  # parsed JSON
    assert [len(records) for records in lists] == batches
    assert [record["recipient"] for records in lists for record in records] == [
        f"+90{5301230000 + index}" for index in range(count)
    ]


async def test_a_bad_record_at_the_very_end_registers_nothing() -> None:
    """All are checked before the first batch goes."""
    canned = Canned(ok())
    with pytest.raises(RecipientError):
        await canned.client.register_consents("BRAND", [*many(5000), consent("0212")])
    assert not canned.requests


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(403), ConsentError),
        (refusal(422), ApiError),
        (refusal(401), AuthenticationError),
        (refusal(429), UnavailableError),
        (LOST, OutcomeUnknownError),
        (b"<html>", OutcomeUnknownError),
        (httpx.Response(502), OutcomeUnknownError),
        (refusal(500), OutcomeUnknownError),
        (never_left(), TransportError),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 2])
async def test_an_error_tells_how_many_were_registered(
    answer: object, error: type[ApiError], before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the class that it always has, and it survives a pickle."""
    monkeypatch.setattr("iletimerkezi_async.wire.consents.MAX_CONSENTS", 5)
    canned = Canned(*[ok()] * before, answer)
    with pytest.raises(error) as caught:
        await canned.client.register_consents("BRAND", many(12))
    assert type(caught.value) is error
    assert pickle.loads(pickle.dumps(caught.value)).registered == caught.value.registered == before * 5


async def test_a_client_closed_between_two_batches_tells_how_many_were_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every error has `registered`, also that of a closed client."""
    monkeypatch.setattr("iletimerkezi_async.wire.consents.MAX_CONSENTS", 5)

    answers = [ok(), ok()]

    async def answer(_: httpx.Request) -> httpx.Response:
        told = answers.pop(0)
        if not answers:
            await client.aclose()
        return httpx.Response(200, json=told)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    client = AsyncClient("demo", "demo", http_client=http)
    with pytest.raises(ConfigurationError, match="closed") as caught:
        await client.register_consents("BRAND", many(12))
    assert caught.value.registered == 10


def test_other_errors_have_registered_nothing() -> None:
    """The attribute is always there."""
    assert ApiError(400, "x", "send-sms").registered == TransportError("x", "send-sms").registered == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_batch_is_sent_once(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """After any answer, lost or not, there is no second attempt; the error says whether it is in doubt."""
    sandbox.fail("consent/create", fault)
    if fault == "close-idle":
        await client.register_consents("BRAND", [consent()])
    else:
        with pytest.raises(UnavailableError if "429" in fault or fault == "503" else OutcomeUnknownError) as caught:
            await client.register_consents("BRAND", [consent()])
        assert caught.value.registered == 0
    assert len(sandbox.requests) == 1


async def test_a_batch_that_never_left_is_sent_again() -> None:
    """A failure to connect is no attempt."""
    canned = Canned(never_left(), never_left("ConnectTimeout"), ok())
    await canned.client.register_consents("BRAND", [consent()])
    assert len(canned.requests) == 3


async def test_a_brand_without_a_subscription(sandbox: Sandbox, client: AsyncClient) -> None:
    """403, of both operations."""
    with pytest.raises(ConsentError) as caught:
        await client.register_consents("BASKA", [consent()])
    assert (caught.value.code, caught.value.http_status) == (403, 403)
    with pytest.raises(ConsentError):
        await check(client, brand="BASKA")


# Checking.


async def test_the_documented_question() -> None:
    """The words of the wire, from members and plain words."""
    canned = Canned(refusal(422))
    await canned.client.check_consent("BRAND", 5301234567, recipient_type=RecipientType.TACIR, type=ConsentType.ARAMA)
    await canned.client.check_consent("BRAND", EMAIL, recipient_type="BIREYSEL", type="EPOSTA")
    assert [request.url.path for request in canned.requests] == ["/v1/consent/show/json"] * 2
    assert [body["consent"] for body in canned.bodies] == [
        {"brandCode": "BRAND", "recipient": NUMBER, "recipientType": "TACIR", "type": "ARAMA"},
        {"brandCode": "BRAND", "recipient": EMAIL, "recipientType": "BIREYSEL", "type": "EPOSTA"},
    ]


@pytest.mark.parametrize("unknown_consent", ["refuse", "empty"])
@pytest.mark.parametrize("empty", ["list", "object", "string", "null", "absent"])
async def test_no_record_in_every_form(unknown_consent: str, empty: str) -> None:
    """422, or 200 with any kind of nothing."""
    sandbox = Sandbox(unknown_consent=unknown_consent, style=Style(empty=empty))  # type: ignore[arg-type]  # all words
    async with sandbox.client() as client:
        assert await check(client) is None


RECORD: dict[str, object] = {
    "brandCode": "BRAND", "recipient": NUMBER, "recipientType": "BIREYSEL", "type": "MESAJ", "status": "ONAY",
    "source": "HS_WEB", "consentDate": "2026-05-06 12:00:00",
}  # fmt: skip
READ = consent(consent_date=datetime(2026, 5, 6, 12, tzinfo=TRT))


@pytest.mark.parametrize("write", [lambda record: record, lambda record: [record]])
@pytest.mark.parametrize("recipient", [NUMBER, "5301234567", 5301234567])
async def test_a_record_in_every_form(write: Callable[[object], object], recipient: object) -> None:
    """The object, or a list of it; the number in each of its forms; the time is Turkish."""
    canned = Canned(ok(consent=write(RECORD | {"recipient": recipient})))
    assert await check(canned.client) == READ


async def test_words_that_are_not_listed_are_kept() -> None:
    """Whatever the registry adds does not break a check: it stays a plain word."""
    words = {"recipientType": "KAMU", "type": "FAKS", "status": "BEKLIYOR", "source": "eski kayıt"}
    found = await check(Canned(ok(consent=RECORD | words)).client)
    assert found is not None
    assert (found.recipient_type, found.type, found.status, found.source) == tuple(words.values())
    assert {type(word) for word in (found.recipient_type, found.type, found.status, found.source)} == {str}
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("nothing", [None, "", [], {}, ...])
async def test_what_a_record_leaves_out(nothing: object) -> None:
    """What was asked is known; source and date may be untold."""
    left_out = ["brandCode", "recipient", "recipientType", "type", "source", "consentDate"]
    record = {"status": "ONAY"} | ({} if nothing is ... else dict.fromkeys(left_out, nothing))
    assert await check(Canned(ok(consent=record)).client) == evolve_read(source="", consent_date=None)


def evolve_read(**other: object) -> object:
    """A consent as only reading makes it: equal in all its fields."""
    return _Equal(other)


class _Equal:
    def __init__(self, other: dict[str, object]) -> None:
        self._other = other

    def __eq__(self, found: object) -> bool:
        names = ("recipient", "recipient_type", "type", "status", "source", "consent_date")
        return all(getattr(found, name) == self._other.get(name, getattr(READ, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]  # compared, not kept


@pytest.mark.parametrize("status", [None, "", [], 1, ...])
async def test_a_record_without_a_status_is_no_answer(status: object) -> None:
    """It is what was asked for: neither yes nor no is made up."""
    record = {name: value for name, value in (RECORD | {"status": status}).items() if value is not ...}
    with pytest.raises(TransportError):
        await check(Canned(ok(consent=record), retry=Retry(attempts=1)).client)


@pytest.mark.parametrize("consent", [5, "yok", [5], [[]]])
async def test_a_record_in_no_known_form_is_no_answer(consent: object) -> None:
    """Rather an error than no record."""
    with pytest.raises(TransportError):
        await check(Canned(ok(consent=consent), retry=Retry(attempts=1)).client)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_check_is_repeated(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """It reads, so that no fault costs anything."""
    await client.register_consents("BRAND", [consent()])
    sandbox.fail("consent/show", fault)
    assert await check(client) is not None


@pytest.mark.parametrize(
    ("recipient", "type"), [("0212", "MESAJ"), (EMAIL, "MESAJ"), (NUMBER, "EPOSTA"), ("a@b@c", "EPOSTA")]
)
async def test_a_check_of_a_bad_recipient(recipient: str, type: str) -> None:
    """Refused at once, not answered with "no record"."""
    canned = Canned(ok())
    with pytest.raises(RecipientError) as caught:
        await canned.client.check_consent("BRAND", recipient, recipient_type="TACIR", type=type)
    assert (caught.value.code, caught.value.http_status, caught.value.numbers) == (422, None, (recipient,))
    assert not canned.requests


@pytest.mark.parametrize("words", [{"recipient_type": "HERKES"}, {"type": "FAKS"}])
async def test_a_check_with_an_unknown_word(words: dict[str, str]) -> None:
    """The message names what is allowed."""
    with pytest.raises(ValueError, match=r"BIREYSEL, TACIR$|MESAJ, EPOSTA, ARAMA$"):
        await Canned(ok()).client.check_consent(
            "BRAND", NUMBER, **({"recipient_type": "TACIR", "type": "MESAJ"} | words)
        )


# Secrets.

SECRETS = (NUMBER, "5301234567", EMAIL, BRAND)
ECHO = f"{NUMBER} {BRAND}"

CALLS: list[Callable[[AsyncClient], Awaitable[object]]] = [
    lambda client: client.register_consents(BRAND, [consent(), consent(EMAIL)]),
    lambda client: check(client, NUMBER, BRAND),
    lambda client: check(client, EMAIL, BRAND),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [LOST, refusal(401), refusal(403), b"<html>" + ECHO.encode(), ok(consent=ECHO)])
async def test_no_error_shows_a_secret(
    call: Callable[[AsyncClient], Awaitable[object]], answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither recipients nor the brand code, in its text, in a variable on the way, or in the log."""
    caplog.set_level("DEBUG")
    try:
        await call(Canned(answer).client)
    except IletimerkeziError as error:
        shown = everything_of(error)
        assert not [secret for secret in SECRETS if secret in shown]
    assert not [secret for secret in SECRETS if secret in caplog.text]


REFUSED: list[Callable[[AsyncClient], Awaitable[object]]] = [
    lambda client: client.register_consents(BRAND, [consent(), consent(EMAIL, type="MESAJ")]),
    lambda client: client.register_consents(BRAND, [consent(EMAIL), consent(consent_date=None)]),
    lambda client: client.check_consent(BRAND, EMAIL, recipient_type="TACIR", type="MESAJ"),
    lambda client: client.check_consent(BRAND, NUMBER, recipient_type="TACIR", type="EPOSTA"),
    lambda client: client.check_consent(BRAND, NUMBER, recipient_type=NUMBER, type="MESAJ"),
    lambda client: client.check_consent(BRAND + "\ud83d", NUMBER, recipient_type="TACIR", type="MESAJ"),
]


@pytest.mark.parametrize("call", REFUSED)
async def test_no_refusal_of_ours_shows_a_secret(call: Callable[[AsyncClient], Awaitable[object]]) -> None:
    """The variables of the frames that check them are not in the traceback either."""
    with pytest.raises((IletimerkeziError, ValueError)) as caught:
        await call(Canned(ok()).client)
    if isinstance(caught.value, RecipientError):
        caught.value.numbers = ()
    shown = everything_of(caught.value)
    assert not [secret for secret in SECRETS if secret in shown]
