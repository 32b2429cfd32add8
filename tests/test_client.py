"""The client's face: where settings come from, what is refused at once, how fast it may go."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import httpx
import pytest
from canned import Canned, ok, refusal
from hypothesis import example, given
from hypothesis import strategies as st

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    ConfigurationError,
    EmptyTextError,
    IletimerkeziError,
    Iys,
    Message,
    RecipientError,
    Retry,
    ScheduleError,
    SenderError,
    TextTooLongError,
    measure,
)
from iletimerkezi_async.clocks import Stopwatch
from iletimerkezi_async.http.retry import next_pause
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.wire.call import Answered, Kind, Lost, NotSent, Refused

pytestmark = pytest.mark.anyio
TRT = timezone(timedelta(hours=3))
NUMBER = "5301234567"
TAKEN = ok(order={"id": 1})

# Settings.


@pytest.mark.parametrize("missing", ["ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH"])
def test_a_missing_credential_names_its_variable(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At construction, not at the first call."""
    for name in ("ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH"):
        monkeypatch.setenv(name, "" if name == missing else "x")
    with pytest.raises(ConfigurationError, match=missing):
        AsyncClient()


async def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, hash and sender; what is given to the client or the call goes before."""
    monkeypatch.setenv("ILETIMERKEZI_API_KEY", "cevre-anahtar")
    monkeypatch.setenv("ILETIMERKEZI_API_HASH", "cevre-ozet")
    monkeypatch.setenv("ILETIMERKEZI_SENDER", "CEVRE")
    canned = Canned(TAKEN)
    client = AsyncClient(http_client=canned.http, iys=Iys.OFF)
    await client.send_sms("Bir", NUMBER)
    await client.send_sms("Iki", NUMBER, sender="CAGRI")
    assert [body["authentication"] for body in canned.bodies] == [{"key": "cevre-anahtar", "hash": "cevre-ozet"}] * 2
    assert [body["order"]["sender"] for body in canned.bodies] == ["CEVRE", "CAGRI"]  # type: ignore[index]  # parsed JSON


async def test_a_choice_about_consent_is_asked_for() -> None:
    """Neither the client nor the call made one: no request, and one line on what the law is about."""
    canned = Canned(TAKEN, iys=None)
    with pytest.raises(ConfigurationError, match=r"commercial messages must by law be checked") as caught:
        await canned.client.send_sms("Kampanya", NUMBER)
    assert "\n" not in str(caught.value)
    await canned.client.send_sms("Kampanya", NUMBER, iys=Iys.TACIR)
    assert len(canned.requests) == 1


async def test_a_sender_is_asked_for() -> None:
    """Its variable is named."""
    canned = Canned(TAKEN, sender=None)
    with pytest.raises(ConfigurationError, match="ILETIMERKEZI_SENDER"):
        await canned.client.send_sms("Kampanya", NUMBER)
    assert not canned.requests


def test_the_repr_shows_no_secret() -> None:
    """Sender and choice, and that is all."""
    assert repr(AsyncClient("k", "h", sender="FIRMA", iys=Iys.OFF)) == "<AsyncClient sender='FIRMA' iys=OFF>"


async def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sandbox's command prints as an export is where a client sends that names no other; it is shown."""
    sandbox = Sandbox()
    async with sandbox.serve(port=0) as url:
        monkeypatch.setenv("ILETIMERKEZI_BASE_URL", url)
        async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF) as client:
            assert repr(client) == f"<AsyncClient sender='FIRMA' iys=OFF base_url='{url}'>"
            await client.send_sms("Kodunuz 1234", NUMBER)
    assert len(sandbox.orders) == 1


def test_an_address_of_the_environment_is_checked_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials go nowhere in the clear; an empty variable is none, and an argument comes first."""
    monkeypatch.setenv("ILETIMERKEZI_BASE_URL", "http://sms.example.com/v1")
    with pytest.raises(ConfigurationError, match=r"^the environment variable ILETIMERKEZI_BASE_URL must be https://"):
        AsyncClient("k", "h")
    assert "base_url='https://sms.example.com/v1'" in repr(AsyncClient("k", "h", base_url="https://sms.example.com/v1"))
    monkeypatch.setenv("ILETIMERKEZI_BASE_URL", "")
    assert "base_url" not in repr(AsyncClient("k", "h"))


# What is refused before any request.


@pytest.mark.parametrize(
    ("error", "code", "call"),
    [
        (EmptyTextError, 454, {"text": ""}),
        (EmptyTextError, 454, {"text": " \n\t"}),
        (TextTooLongError, 453, {"text": "a" * (153 * 7 + 1)}),
        (TextTooLongError, 453, {"text": "я" * (67 * 7 + 1)}),
        (ApiError, 400, {"text": "yarim \ud83d harf"}),
        (SenderError, 459, {"sender": ""}),
        (SenderError, 460, {"sender": "ONIKIHARFLIK"}),
        (SenderError, 460, {"sender": "ŞİRKET"}),
        (RecipientError, 452, {"to": []}),
        (RecipientError, 452, {"to": "0212 123 45 67"}),
        (RecipientError, 452, {"to": range(5300000000, 5300050001)}),
        (ScheduleError, 457, {"send_at": datetime(2099, 1, 1)}),  # noqa: DTZ001 - the point
        (ScheduleError, 457, {"send_at": datetime(2020, 1, 1, tzinfo=TRT)}),
        (ScheduleError, 457, {"send_at": datetime.max.replace(tzinfo=timezone.utc)}),
        (ScheduleError, 457, {"send_at": datetime(9999, 12, 31, 23, 59, 1, tzinfo=TRT)}),
    ],
)
async def test_what_is_certain_is_refused_at_once(error: type[ApiError], code: int, call: dict[str, object]) -> None:
    """By the class of the service's own refusal, and without a request."""
    canned = Canned(TAKEN)
    arguments = {"text": "Kodunuz 1234", "to": NUMBER} | call
    with pytest.raises(error) as caught:
        await canned.client.send_sms(**arguments)  # type: ignore[arg-type]  # of all types
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.http_status) == (code, None)
    assert not canned.requests


async def test_all_bad_numbers_are_named_together() -> None:
    """As they were given, in order; the good ones are not sent to."""
    canned = Canned(TAKEN)
    with pytest.raises(RecipientError, match="3 of 4 recipients") as caught:
        await canned.client.send_sms("Kodunuz 1234", [NUMBER, "0212 123 45 67", 12, "abc"])
    assert caught.value.numbers == ("0212 123 45 67", "12", "abc")
    assert not canned.requests


async def test_too_many_recipients_are_told_where_to_go() -> None:
    """One order holds 50,000."""
    canned = Canned(TAKEN)
    with pytest.raises(RecipientError, match="send_bulk"):
        await canned.client.send_sms("Kampanya", range(5300000000, 5300050001))
    order = await canned.client.send_sms("Kampanya", range(5300000000, 5300050000))
    assert order.recipients == 50_000


async def test_a_number_that_occurs_twice_gets_one_message() -> None:
    """In whatever spelling; different texts to one number are different messages."""
    canned = Canned(TAKEN)
    order = await canned.client.send_sms("Bir", [NUMBER, "0530 123 45 67", 905301234567])
    assert order.recipients == 1
    order = await canned.client.send_messages([Message("Bir", NUMBER), Message("Iki", NUMBER), Message("Bir", NUMBER)])
    assert order.recipients == 2


async def test_a_text_that_nobody_gets_is_left_out(sandbox: Sandbox, client: AsyncClient) -> None:
    """The service would refuse the whole order for it."""
    order = await client.send_messages([Message("Bir", NUMBER), Message("Iki", [])])
    assert [(taken.id, taken.messages) for taken in sandbox.orders] == [(order.id, (("Bir", f"+90{NUMBER}"),))]
    with pytest.raises(RecipientError, match="no recipient"):
        await client.send_messages([Message("Bir", [])])


async def test_recipients_may_be_any_iterable() -> None:
    """Also one that can be read only once."""
    canned = Canned(TAKEN)
    assert (await canned.client.send_sms("Bir", (number for number in (NUMBER, 5301234568)))).recipients == 2
    assert (await canned.client.send_messages(Message("Bir", n) for n in (NUMBER, 5301234568))).recipients == 2


async def test_texts_between_the_counts_are_the_service_s_to_decide() -> None:
    """Only what is too long by any count is refused here: its own answer has the same class."""
    text = "€" * 600
    assert measure(text).parts == 8
    canned = Canned(refusal(453))
    with pytest.raises(TextTooLongError) as caught:
        await canned.client.send_sms(text, NUMBER)
    assert caught.value.http_status == 200


# Schedules.


@pytest.mark.parametrize(
    ("send_at", "wire"),
    [
        (datetime(2099, 4, 23, 9, 0, tzinfo=TRT), "23/04/2099 09:00"),
        (datetime(2099, 4, 23, 9, 0, 0, 1, tzinfo=TRT), "23/04/2099 09:01"),
        (datetime(2099, 4, 23, 8, 59, 59, tzinfo=TRT), "23/04/2099 09:00"),
        (datetime(2099, 4, 23, 6, 0, tzinfo=timezone.utc), "23/04/2099 09:00"),
        (datetime(2099, 12, 31, 23, 59, 1, tzinfo=TRT), "01/01/2100 00:00"),
        (datetime(2099, 4, 23, 0, 0, 15, tzinfo=timezone(timedelta(hours=-5, minutes=-30))), "23/04/2099 08:31"),
        (datetime(2099, 4, 23, 9, 0, tzinfo=timezone(timedelta(hours=12, minutes=45))), "22/04/2099 23:15"),
    ],
)
async def test_schedules_are_turkish_and_in_whole_minutes(send_at: datetime, wire: str) -> None:
    """Rounded up: with seconds the service would send at once, and earlier than asked is worse than later."""
    canned = Canned(TAKEN)
    await canned.client.send_sms("Yarin", NUMBER, send_at=send_at)
    assert canned.bodies[0]["order"]["sendDateTime"] == [wire]  # type: ignore[index]  # parsed JSON


async def test_a_schedule_is_kept_by_the_sandbox(sandbox: Sandbox) -> None:
    """Nothing goes out before its time."""
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        await client.send_sms("Yarin", NUMBER, send_at=datetime.now(timezone.utc) + timedelta(hours=1))
        assert not sandbox.deliveries
        sandbox.advance(hours=2)
        assert sandbox.deliveries == {"+90" + NUMBER: 1}


# Pacing.


async def test_any_pacer_will_do() -> None:
    """It is asked once for each attempt, with the recipients; reads are not paced."""
    asked: list[int] = []

    class Counter:
        async def acquire(self, n: int, /) -> None:
            asked.append(n)

    canned = Canned(httpx.Response(503, json=refusal(503)), TAKEN, rate=Counter())
    await canned.client.send_sms("Bir", [NUMBER, 5301234568])
    with pytest.raises(IletimerkeziError):
        await canned.client.get_balance()
    assert asked == [2, 2]


# Policy.

ERROR = ApiError(503, "", "x", 503)
LATER = Refused(ApiError(503, "", "x", 503))
NO = Refused(ApiError(402, "", "x", 402))
BROKEN = Refused(ApiError(500, "", "x", 500))
LOST, UNSENT = Lost(IletimerkeziError()), NotSent(IletimerkeziError())  # type: ignore[arg-type]  # which one does not matter


@pytest.mark.parametrize(
    ("kind", "repeated"),
    [
        (Kind.REPEATABLE, [LATER, BROKEN, LOST, UNSENT]),
        (Kind.GUARDED, [LATER, LOST, UNSENT]),
        (Kind.ONCE, [UNSENT]),
    ],
)
def test_the_kind_decides_what_is_repeated(kind: Kind, repeated: list[object]) -> None:
    """The table of the promise."""
    for outcome in (LATER, NO, BROKEN, LOST, UNSENT, Answered(1)):
        assert (next_pause(Retry(), kind, outcome, 1) is not None) == (outcome in repeated)


@given(st.integers(1, 2000), st.floats(0, 100), st.floats(0, 100))
@example(1, 0.5, 30.0)
@example(3, 0.5, 30.0)
@example(2000, 0.5, 30.0)
def test_pauses_grow_within_their_bounds(attempt: int, initial: float, longest: float) -> None:
    """The upper half of the exponential, up to the longest."""
    pause = Retry(wait_initial=initial, wait_max=longest).pause(attempt)
    bound = min(longest, initial * 2.0 ** min(attempt - 1, 64))
    assert bound / 2 <= pause <= bound


@given(st.integers(1, 10), st.integers(1, 10))
def test_attempts_are_counted(attempts: int, attempt: int) -> None:
    """The first included."""
    pause = next_pause(Retry(attempts=attempts), Kind.REPEATABLE, LOST, attempt)
    assert (pause is None) == (attempt >= attempts)


@pytest.mark.parametrize(("asked", "pause"), [(0.0, 0.0), (7.5, 7.5), (30.0, 30.0), (30.1, None)])
def test_retry_after_wins(asked: float, pause: float | None) -> None:
    """Up to the longest pause allowed; beyond it, the caller decides."""
    assert next_pause(Retry(wait_max=30), Kind.REPEATABLE, Lost(LOST.error, asked), 1) == pause


def test_a_stopwatch_counts_the_time_that_the_machine_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop closed for an hour must not send an order again."""
    watch = Stopwatch()
    assert watch.elapsed < 3600
    real = __import__("time").time
    monkeypatch.setattr("time.time", lambda: real() + 3600)
    assert watch.elapsed >= 3600


async def test_nothing_is_sent_again_after_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine minutes after the first attempt the service may soon have forgotten it."""
    from iletimerkezi_async import OutcomeUnknownError

    canned = Canned(httpx.ReadError("lost"))
    real = __import__("time").time
    late = 0.0

    class SlowPacer:
        async def acquire(self, n: int, /) -> None:
            nonlocal late
            late += 200

    monkeypatch.setattr("time.time", lambda: real() + late)
    client = AsyncClient(
        "k", "h", http_client=canned.http, sender="FIRMA", iys=Iys.OFF, rate=SlowPacer(), retry=Retry(10, 0, 0)
    )
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms("Bir", NUMBER)
    assert len(canned.requests) == 3
