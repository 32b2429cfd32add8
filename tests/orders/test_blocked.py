"""A 452 after a lost answer: when the blacklist tells that the first attempt was refused as well, and when not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

import httpx
import pytest
from canned import Canned, ok, refusal

from iletimerkezi_async import AsyncClient, Iys, OutcomeUnknownError, RecipientError, Retry
from iletimerkezi_async.sandbox import Sandbox, Weather

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = "+905301234567", "+905301234568", "+905301234569"


class Meanwhile:
    """Does something before the second attempt."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        self._act = act
        self._turns = 0

    async def acquire(self, n: int, /) -> None:
        self._turns += 1
        if self._turns == 2:
            await self._act()


def unlisted(blocked: list[str], policy: Literal["refuse", "skip"] = "refuse") -> Sandbox:
    """An account whose reports do not have a new order yet."""
    return Sandbox(blocked=blocked, blocked_policy=policy, weather=Weather(list_lag=timedelta(hours=1)))


async def send_while_blocking(sandbox: Sandbox, to: list[str], number: str) -> None:
    """Send, lose the answer, and block a number before the second attempt."""

    async def block() -> None:
        async with sandbox.client() as other:
            await other.add_blacklist(number)

    sandbox.fail("send-sms", "drop-answer")
    options = {"retry": Retry(attempts=2, wait_initial=0), "rate": Meanwhile(block)}
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, **options) as client:  # type: ignore[arg-type]  # settings
        await client.send_sms("Kodunuz 1234", to)


async def test_a_number_that_was_blocked_right_after_the_order_was_taken() -> None:
    """It was not blocked before: nobody says that nothing was sent."""
    sandbox = unlisted([])
    with pytest.raises(OutcomeUnknownError):
        await send_while_blocking(sandbox, [ONE], ONE)
    assert sandbox.deliveries == {ONE: 1}


async def test_the_last_recipient_is_blocked_where_the_others_were_skipped() -> None:
    """One was blocked for long, and left out of the order that was taken: that it is refused now tells nothing."""
    sandbox = unlisted([ONE], "skip")
    with pytest.raises(OutcomeUnknownError):
        await send_while_blocking(sandbox, [ONE, TWO], TWO)
    assert sandbox.deliveries == {TWO: 1}


@pytest.mark.parametrize("to", [[ONE], [ONE, TWO], [ONE, TWO, THREE]])
async def test_numbers_that_were_blocked_for_long_settle_it(to: list[str]) -> None:
    """All of them, whatever the service does with blocked ones; or some, where the service refuses for these."""
    sandbox = unlisted([ONE, TWO])
    sandbox.fail("send-sms", "drop-answer")
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=2, wait_initial=0)) as client:
        with pytest.raises(RecipientError):
            await client.send_sms("Kodunuz 1234", to)
    assert not sandbox.orders


@pytest.mark.parametrize("answer", ["the filter does nothing", "the start does nothing", "no list"])
async def test_a_blacklist_that_does_not_tell_since_when(answer: str) -> None:
    """The number stands in it, whenever it was blocked; or the recent part of it cannot be had."""

    def reply(request: httpx.Request) -> object:
        operation = request.url.path.split("/")[-2]
        if operation == "send-sms":
            return httpx.ReadError("lost") if len(canned.requests) == 1 else again
        if operation != "get-blacklist":
            return ok(count=0, orders=[])
        is_recent = canned.bodies[-1]["blacklist"]["filter"]["start"] > "2001"  # type: ignore[index]  # parsed JSON
        if is_recent and answer == "no list":
            return refusal(500)
        has_number = canned.bodies[-1]["blacklist"]["page"] == 1  # type: ignore[index]  # parsed JSON
        return ok(blacklist={"count": 1, "number": [ONE] if has_number else []})

    again = httpx.Response(452, json=refusal(452), headers={"Date": "Fri, 01 May 2026 09:00:01 GMT"})
    canned = Canned(reply, retry=Retry(attempts=2, wait_initial=0))
    with pytest.raises(OutcomeUnknownError, match="452"):
        await canned.client.send_sms("Kodunuz 1234", ONE)


async def test_a_blacklist_that_is_too_long_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether all are blocked is not known, and so neither whether those that are were skipped."""
    monkeypatch.setattr("iletimerkezi_async.orders.recovery._MOST_BLOCKED", 2)
    sandbox = unlisted([ONE, "+905309999998", "+905309999999"])
    sandbox.fail("send-sms", "drop-request")
    client: AsyncClient
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=2, wait_initial=0)) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", [ONE, TWO])
