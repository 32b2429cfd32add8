"""A thousand callers on ten lanes: everybody has their turn.

How long somebody waits is counted in the answers that others get meanwhile, and not in seconds: a machine that is slow
for a while would make some wait longer than others, however fair the client is.
"""

from __future__ import annotations

import random
from statistics import median

import anyio
import pytest
from bad_servers import answer_well
from fixture_types import ClientOf, Serve

from iletimerkezi_async import AsyncClient

pytestmark = [pytest.mark.stress, pytest.mark.anyio]

CALLERS = 1000


class Waits:
    """Answers that came between each call and its own."""

    def __init__(self) -> None:
        self.each: list[int] = []

    async def call(self, client: AsyncClient) -> None:
        began = len(self.each)
        await client.get_balance()
        self.each.append(len(self.each) - began)

    def assert_fair(self) -> None:
        assert max(self.each) <= 3 * median(self.each)


async def test_all_come_at_once(serve: Serve, client_of: ClientOf, scale: int) -> None:
    """The last one waits for all the others, which is twice as long as the one in the middle."""
    async with client_of(serve(answer_well), timeout=120) as client:
        for _ in range(scale):
            waits = Waits()
            async with anyio.create_task_group() as tasks:
                for _ in range(CALLERS):
                    tasks.start_soon(waits.call, client)
            waits.assert_fair()


async def test_all_come_again_and_again(serve: Serve, client_of: ClientOf, scale: int) -> None:
    """Whoever was served stands at the end of the queue again, and overtakes nobody."""
    waits = Waits()

    async def keep_calling(client: AsyncClient) -> None:
        for _ in range(2 * scale):
            await waits.call(client)

    async with client_of(serve(answer_well), timeout=120) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(CALLERS):
                tasks.start_soon(keep_calling, client)
    assert len(waits.each) == CALLERS * 2 * scale
    waits.assert_fair()


async def test_a_third_of_them_gives_up(serve: Serve, client_of: ClientOf, scale: int) -> None:
    """Their places in the queue are nobody's, and those who stay wait no longer for it."""
    dice = random.Random(21)
    waits = Waits()
    gone = 0

    async def give_up(client: AsyncClient) -> None:
        nonlocal gone
        with anyio.move_on_after(dice.uniform(0, 1)) as scope:
            await client.get_balance()
        gone += scope.cancelled_caught

    async with client_of(serve(answer_well), timeout=120) as client:
        for _ in range(scale):
            async with anyio.create_task_group() as tasks:
                for caller in range(CALLERS):
                    tasks.start_soon(give_up if caller % 3 == 2 else waits.call, client)
            assert gone
            waits.assert_fair()
            gone, waits.each = 0, []
