"""A process that forks while connections are open: `forking.py URL LOOP`, where LOOP names one of `WAYS`.

Prints the numbers of the connections that served whom, as the server tells them in its answers.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import traceback
from collections.abc import Callable

import anyio
import trio

from iletimerkezi_async import AsyncClient, Retry

CALLERS = 5
#: Where the questions begin that the child asks.
OF_THE_CHILD = 1_000_000


class Caller:
    """Calls with one client; whoever shares a connection with another process would get the other's answers."""

    def __init__(self, url: str) -> None:
        self._client = AsyncClient("demo", "demo", base_url=url, retry=Retry(attempts=1), rate=None)
        self._questions = itertools.count(1)

    async def ask(self, rounds: int) -> list[int]:
        """Five at a time; gives the connections that were used."""
        used: set[int] = set()

        async def keep_asking() -> None:
            for _ in range(rounds):
                question = next(self._questions)
                report = await self._client.get_order(question)
                assert report.id == question
                assert report.total is not None
                used.add(report.total)

        async with anyio.create_task_group() as tasks:
            for _ in range(CALLERS):
                tasks.start_soon(keep_asking)
        return sorted(used)

    async def ask_as_child(self) -> list[int]:
        self._questions = itertools.count(OF_THE_CHILD)
        used = await self.ask(50)
        await self._client.aclose()
        return used


def fork(then: Callable[[], list[int]]) -> Callable[[], list[int]]:
    """Let a child do something; gives what waits for its result."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(sending, json.dumps(then()).encode())
        except BaseException:  # noqa: BLE001 - it must not become a second parent
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(sending)

    def wait() -> list[int]:
        with os.fdopen(receiving, "rb") as told:
            os.waitpid(child, 0)
            return list(json.load(told))

    return wait


async def fork_within_the_loop(caller: Caller, run: Callable[..., list[int]]) -> dict[str, list[int]]:
    """With calls under way, as `multiprocessing` does; the child runs a loop of its own."""
    used: dict[str, list[int]] = {"before": await caller.ask(5)}

    async def keep_asking() -> None:
        used["beside"] = await caller.ask(50)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_asking)
        await anyio.sleep(0.01)
        wait = fork(lambda: run(caller.ask_as_child()))
    used["child"] = wait()
    used["after"] = await caller.ask(5)
    return used


def fork_between_runs(caller: Caller, run: Callable[..., list[int]]) -> dict[str, list[int]]:
    """Both go on, the parent while the child does and after it."""
    used = {"before": run(caller.ask, 5)}
    wait = fork(lambda: run(caller.ask_as_child))
    used["beside"] = run(caller.ask, 50)
    used["child"] = wait()
    used["after"] = run(caller.ask, 5)
    return used


def _within_asyncio(caller: Caller) -> dict[str, list[int]]:
    return asyncio.run(fork_within_the_loop(caller, asyncio.run))


def _within_uvloop(caller: Caller) -> dict[str, list[int]]:
    import uvloop

    return uvloop.run(fork_within_the_loop(caller, uvloop.run))


def _between_runs_of_a_loop(caller: Caller) -> dict[str, list[int]]:
    loop = asyncio.new_event_loop()
    return fork_between_runs(caller, lambda what, *how: loop.run_until_complete(what(*how)))


def _between_loops_of_trio(caller: Caller) -> dict[str, list[int]]:
    return fork_between_runs(caller, trio.run)


WAYS = {
    "within asyncio": _within_asyncio,
    "within uvloop": _within_uvloop,
    "between runs of a loop": _between_runs_of_a_loop,
    "between loops of trio": _between_loops_of_trio,
}

if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[2]](Caller(sys.argv[1]))))  # noqa: T201 - to be read by the test
