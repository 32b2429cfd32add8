"""Keys under random cancellations, faults, sleeps and weathers, by clients that live on and by new ones."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from datetime import timedelta, timezone
from functools import partial

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iletimerkezi_async import AsyncClient, IletimerkeziError, Iys, Retry
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.stores import SqliteStore

FAULTS = ["drop-answer", "drop-request", "html-502", "half-answer", "empty-503", "402"]
KEYS = range(4)
# As long as nobody cancels.
ALL = 1000

weathers = st.builds(
    Weather,
    list_lag=st.sampled_from([timedelta(), timedelta(seconds=90)]),
    date_offset=st.sampled_from([timedelta(minutes=minutes) for minutes in (0, 0, -14, 5, 14)]),
    time_zone=st.sampled_from([TURKISH_TIME, timezone.utc, timezone(timedelta(hours=4))]),
    queue=st.sampled_from([timedelta(minutes=minutes) for minutes in (0, 0, 5, 35)]),
)
calls = st.tuples(
    st.sets(st.sampled_from(KEYS), min_size=1),
    st.one_of(st.integers(1, 60), st.just(ALL)),
    st.lists(st.sampled_from(FAULTS), max_size=3),
    st.sampled_from([0, 1, 5, 9, 10.5, 14, 20, 26, 45, 70]),
    st.booleans(),
)


async def send(client: AsyncClient, key: int, told: list[tuple[str, int]], *, same: bool) -> None:
    numbers = [f"+905301200{0 if same else key}{index:02}" for index in range(3)]
    with suppress(IletimerkeziError):
        order = await client.send_sms(f"Metin {key}", numbers, key=f"anahtar {key}")
        told.append((f"Metin {key}", order.id))


async def send_all(client: AsyncClient, keys: set[int], turns: int, told: list[tuple[str, int]], *, same: bool) -> None:
    """All at once, and given up after some turns of the loop."""
    async with anyio.create_task_group() as tasks:
        for key in keys:
            tasks.start_soon(partial(send, client, key, told, same=same))
        if turns < ALL:
            for _ in range(turns):
                await anyio.sleep(0.0002)
            tasks.cancel_scope.cancel()


@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(calls, min_size=1, max_size=6),
    same=st.booleans(),
    weather=weathers,
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_keys_send_once_and_tell_the_right_order(
    steps: list[tuple[set[int], int, list[str], float, bool]],
    same: bool,
    weather: Weather,
    backend: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Each text at most once, whether the keys have the same recipients or not, and no key another one's order."""
    path = tmp_path_factory.mktemp("keys") / "store"
    sandbox = Sandbox(weather=weather)
    told: list[tuple[str, int]] = []
    real, late = time.time, 0.0

    async def another(stack: AsyncExitStack) -> AsyncClient:
        # Closed at the end alone: a store that is closed may leave a key claimed whose caller has just been cancelled.
        store = await stack.enter_async_context(SqliteStore(path))
        retry = Retry(attempts=2, wait_initial=0)
        client = sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=retry, rate=None, store=store)
        return await stack.enter_async_context(client)

    async def main() -> None:
        nonlocal late
        async with AsyncExitStack() as stack:
            lasting = await another(stack)
            for keys, turns, faults, minutes, anew in steps:
                for fault in faults:
                    sandbox.fail("send-sms", fault)
                client = await another(stack) if anew else lasting
                await send_all(client, keys, turns, told, same=same)
                sandbox.advance(minutes=minutes)
                late += 60 * minutes
            sandbox.heal()
            await send_all(lasting, set(KEYS), ALL, told, same=same)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: real() + late)
        anyio.run(main, backend=backend)
    sent = Counter(pair for order in sandbox.orders for pair in order.messages)
    assert set(sent.values()) <= {1}
    texts = {order.id: {text for text, _ in order.messages} for order in sandbox.orders}
    # In a list whose zone is hours off, an order of an hour ago may look like the one that was just lost.
    if weather.time_zone == TURKISH_TIME:
        assert all(texts[order_id] == {text} for text, order_id in told)
