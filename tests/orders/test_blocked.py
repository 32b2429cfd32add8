"""A 452 after a lost answer: the account's blacklist proves nothing of the first attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from iletimerkezi_async import AsyncClient, Iys, Order, OutcomeUnknownError, Retry
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.stores import SqliteStore

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


async def test_numbers_that_were_blocked_for_long_prove_nothing() -> None:
    """The service skipped one and took the order; that it refuses another one now says nothing of the first attempt."""
    sandbox = unlisted([ONE], "skip")

    async def refuse() -> None:
        sandbox.fail("send-sms", "452")

    sandbox.fail("send-sms", "drop-answer")
    options = {"retry": Retry(attempts=2, wait_initial=0), "rate": Meanwhile(refuse)}
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, **options) as client:  # type: ignore[arg-type]  # settings
        with pytest.raises(OutcomeUnknownError, match="452"):
            await client.send_sms("Kodunuz 1234", [ONE, TWO])
    assert sandbox.deliveries == {TWO: 1}


async def test_a_campaign_texts_nobody_twice_over_a_blacklist() -> None:
    """An order that was taken without its blocked number, and is then refused, is unknown and not narrowed."""
    sandbox = unlisted([ONE], "skip")

    async def refuse() -> None:
        sandbox.fail("send-sms", "452")

    sandbox.fail("send-sms", "drop-answer")
    options = {"retry": Retry(attempts=2, wait_initial=0), "rate": Meanwhile(refuse)}
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, **options) as client:  # type: ignore[arg-type]  # settings
        result = await client.send_bulk("Kampanya", [ONE, TWO, THREE])
    assert sandbox.deliveries == {TWO: 1, THREE: 1}
    (failure,) = result.failed
    assert isinstance(failure.error, OutcomeUnknownError)
    assert failure.count == 3


TWENTY = [f"+9053012345{index:02}" for index in range(20)]


@asynccontextmanager
async def lost_under_a_key(
    blocked: int, path: Path
) -> AsyncIterator[tuple[Sandbox, AsyncClient, Callable[[], Awaitable[Order]]]]:
    """An account that skipped some of twenty numbers of an order, whose answer was lost; and the same call again."""
    sandbox = Sandbox(blocked=TWENTY[:blocked], blocked_policy="skip")
    async with (
        SqliteStore(path / "store") as store,
        sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=1), store=store) as client,
    ):
        again = partial(client.send_sms, "Kampanya", TWENTY, key="k")
        sandbox.fail("send-sms", "drop-answer")
        with pytest.raises(OutcomeUnknownError):
            await again()
        yield sandbox, client, again


@pytest.mark.parametrize("blocked", [1, 12])
async def test_an_order_whose_blocked_numbers_were_skipped_is_found(
    blocked: int, tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """However many they are, as long as all that are missing are on the blacklist: it is not sent again."""
    async with lost_under_a_key(blocked, tmp_path) as (sandbox, _, again):
        pass_minutes(sandbox, 15)
        order = await again()
    assert order.id == sandbox.orders[0].id
    assert len(sandbox.orders) == 1


async def test_an_order_that_lacks_numbers_for_no_reason_stays_unknown(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """A listed order that lacks numbers for no reason may be another: the outcome is unknown, nothing is sent."""
    async with lost_under_a_key(12, tmp_path) as (sandbox, client, again):
        await client.delete_blacklist(TWENTY[0])
        pass_minutes(sandbox, 15)
        with pytest.raises(OutcomeUnknownError, match="it lacks some of our numbers"):
            await again()
    assert len(sandbox.orders) == 1
