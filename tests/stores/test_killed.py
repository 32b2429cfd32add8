"""Killed at every point of a send, and called again after any time: the ledger says once, and the call says so.

And many processes that want the same keys at once.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from doomed import NUMBERS
from forked import python
from waiting import PATIENCE, wait_until
from worlds import World

from iletimerkezi_async import AsyncClient, OutcomeUnknownError, SendInProgressError
from iletimerkezi_async.stores import Store

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
#: Minutes after the kill.
TIMES = (0, 8, 9.5, 11, 24 * 60)
#: Where the service has the order.
TAKEN = {"request", "answer", "settle"}


@pytest.fixture
def anyio_backend() -> str:
    """One is enough: what is killed is a process."""
    return "asyncio"


def kill_at_every_point(world: World) -> None:
    """Run a process until all of its keys hang where they should, and kill it."""
    command = [
        *python(), str(HERE / "doomed.py"), world.engine.name, world.engine.address, world.url, world.key,
        str(len(TIMES)),
    ]  # fmt: skip
    world.sandbox.fail("send-sms", "stall", times=len(TIMES))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    wait_until(lambda: len(world.sandbox.orders) >= len(TIMES))
    process.stdin.write("\n")
    process.stdin.flush()
    reached: Counter[str] = Counter()
    while sum(reached.values()) < (len(NUMBERS) - 1) * len(TIMES):
        reached[process.stdout.readline().strip()] += 1
        assert process.poll() is None
    wait_until(lambda: len(world.sandbox.orders) >= len(TAKEN) * len(TIMES))
    process.kill()
    process.communicate()


async def test_killed_at_every_point(world: World, store: Store) -> None:
    """Nobody is texted twice, whoever was texted is told with the right id, and what is not known is said."""
    kill_at_every_point(world)
    world.sandbox.heal()
    ids = {order.numbers[0]: order.id for order in world.sandbox.orders}
    passed = 0.0
    async with world.client(store) as client:
        for place, minutes in enumerate(TIMES):
            world.later(minutes=minutes - passed)
            passed = minutes
            for point in NUMBERS:
                await call_again(world, client, point, place, ids)
    assert set(world.sent().values()) == {1}


async def call_again(world: World, client: AsyncClient, point: str, place: int, ids: dict[str, int]) -> None:
    number, minutes = f"+90{NUMBERS[point] + place}", TIMES[place]
    is_leased = minutes == 0 and point not in {"settle", "before-claim"}
    caller = client.with_options(timeout=0.3) if is_leased else client
    try:
        order = await caller.send_sms("Siparisiniz yolda", number, key=f"{point} {place}")
    except SendInProgressError:
        # The lease of the dead is not over yet.
        assert is_leased
    except OutcomeUnknownError:
        # It was begun and never left, which the reports cannot tell before the 10 minutes are over. No answer had told
        # the dead process the service's time, so that it is not certain that the service would refuse it.
        assert point == "begin"
        assert minutes in {8, 9.5}
    else:
        assert world.sent()[number] == 1
        assert order.replayed == (point == "settle")
        if point in TAKEN:
            assert order.id == ids[number]


def test_many_processes_want_the_same_keys(world: World) -> None:
    """Four processes send a hundred keys at once: all get the same ids, and each number is texted once."""
    program = f"""
import functools, json, sys, anyio
sys.path.insert(0, {str(HERE)!r})
from engines import ENGINES
from iletimerkezi_async import AsyncClient, Iys

async def main():
    ids = {{}}
    async with ENGINES[{world.engine.name!r}]({world.engine.address!r}).store(timeout=60) as store:
        async with AsyncClient(
            {world.key!r}, "demo", sender="FIRMA", iys=Iys.OFF, base_url={world.url!r}, rate=None, store=store
        ) as client:
            async def send(n):
                ids[n] = (await client.send_sms("Kod", 5301234000 + n, key=f"key {{n}}")).id
            async with anyio.create_task_group() as tasks:
                for n in range(100):
                    tasks.start_soon(send, n)
    print(json.dumps(ids, sort_keys=True))

anyio.run(main)
"""
    processes = [subprocess.Popen([*python(), "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in processes]
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 100
    assert sorted(world.sent().values()) == [1] * 100
