"""The service's clock: learnt from its answers, never asked for."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import httpx
import pytest
from canned import Canned, ok, refusal

from iletimerkezi_async import AuthenticationError, TransportError
from iletimerkezi_async.clocks import Clocks

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc)


def test_nothing_is_known_before_an_answer() -> None:
    """Nor from one that does not say."""
    clocks = Clocks()
    clocks.hear(None)
    assert clocks.now().service is None
    assert abs(clocks.now().local - time.time()) < 1


def test_the_service_s_time_goes_on_with_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until this machine's clock is set, or it has slept: then nothing is known until the next answer."""
    wall, monotonic = 1000.0, 50.0
    monkeypatch.setattr("time.time", lambda: wall)
    monkeypatch.setattr("time.monotonic", lambda: monotonic)
    clocks = Clocks()
    clocks.hear(NOON)
    wall, monotonic = 1060, 110
    assert clocks.now().service == NOON.timestamp() + 60
    wall += 4
    assert clocks.now().service == NOON.timestamp() + 60
    wall -= 3600
    assert clocks.now().service is None
    wall += 3600
    assert clocks.now().service is None
    clocks.hear(NOON)
    assert clocks.now().service == NOON.timestamp()


@pytest.mark.anyio
async def test_the_service_s_own_answers_tell_the_time() -> None:
    """Its refusals as well; a gateway's clock may be days off. A client that heard none has asked for none."""
    date = {"Date": "Fri, 01 May 2026 12:00:00 GMT"}
    gateway = {"Date": "Wed, 29 Apr 2026 21:00:00 GMT"}
    canned = Canned(httpx.Response(502, content=b"<html>", headers=gateway))
    with pytest.raises(TransportError):
        await canned.client.get_balance()
    assert canned.client._session.transport.clocks.now().service is None
    canned = Canned(httpx.Response(401, json=refusal(401), headers=date))
    with pytest.raises(AuthenticationError):
        await canned.client.get_balance()
    there = canned.client._session.transport.clocks.now().service
    assert there is not None
    assert 0 <= there - NOON.timestamp() < 5
    other = Canned(ok(order={"id": 1}))
    await other.client.send_sms("Kodunuz 1234", "+905301234567")
    assert [request.url.path for request in other.requests] == ["/v1/send-sms/json"]
