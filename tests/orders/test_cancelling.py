"""Cancelling an order: what was refused, what was lost, and what the order's state tells of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from canned import Canned, never_left, ok, refusal
from faults import FAULTS
from waiting import OFTEN, READS_SOON, give_up_once

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    AuthenticationError,
    IletimerkeziError,
    OrderNotFoundError,
    OrderStatus,
    OutcomeUnknownError,
    Retry,
    UnavailableError,
)
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
LOST = httpx.ReadError("lost")
MakeClient = Callable[..., AsyncClient]


async def schedule(client: AsyncClient) -> int:
    return (await client.send_sms("Yarin", NUMBER, send_at=datetime.now(timezone.utc) + timedelta(hours=1))).id


def report(status: object) -> dict[str, object]:
    return ok(order={"id": 428, "status": status, "message": []})


def operations(canned: Canned) -> list[str]:
    return [request.url.path.split("/")[2] for request in canned.requests]


async def test_the_documented_request() -> None:
    """The order's id, and nothing else; the answer has nothing beside its status."""
    canned = Canned(ok())
    await canned.client.cancel_order(428)
    assert operations(canned) == ["cancel-order"]
    assert canned.bodies == [{"authentication": {"key": "demo", "hash": "demo"}, "order": {"id": 428}}]


async def test_a_scheduled_order_is_cancelled(sandbox: Sandbox, client: AsyncClient) -> None:
    """Nobody gets it, and its state says so."""
    order = await schedule(client)
    await client.cancel_order(order)
    sandbox.advance(hours=2)
    assert (await client.get_order(order)).status is OrderStatus.FAILED
    assert not sandbox.deliveries


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_of_any_kind_changes_nothing(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """The order is cancelled, and the caller is told that it is."""
    order = await schedule(client)
    sandbox.fail("cancel-order", fault)
    await client.cancel_order(order)
    assert sandbox.orders[0].cancelled


async def test_a_read_timeout_after_it_was_cancelled(sandbox: Sandbox, make_client: MakeClient) -> None:
    """The service cancels the order and then says nothing more."""
    async with make_client(timeout=READS_SOON, retry=OFTEN) as client:
        order = await schedule(client)
        sandbox.fail("cancel-order", "stall")
        await client.cancel_order(order)
    assert sandbox.orders[0].cancelled


@pytest.mark.parametrize("fault", ["drop-answer", "drop-request", "half-answer", "html-502"])
async def test_faults_on_the_way_to_the_state(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """The question that settles it may have its own trouble."""
    order = await schedule(client)
    sandbox.fail("cancel-order", "drop-answer")
    sandbox.fail("get-report", fault, times=2)
    await client.cancel_order(order)


@pytest.mark.parametrize("fault", ["drop-answer", "half-answer", "html-502", "html-502-before", "drop-request"])
async def test_when_all_answers_are_lost_the_outcome_is_unknown(
    sandbox: Sandbox, make_client: MakeClient, fault: str
) -> None:
    """The same call again tells."""
    async with make_client(retry=Retry(attempts=3, wait_initial=0.001)) as client:
        order = await schedule(client)
        sandbox.fail("cancel-order", fault, times=3)
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.cancel_order(order)
        assert caught.value.operation == "cancel-order"
        if sandbox.orders[0].cancelled:
            with pytest.raises(OrderNotFoundError):
                await client.cancel_order(order)
        else:
            await client.cancel_order(order)


async def test_what_cannot_be_cancelled(sandbox: Sandbox, client: AsyncClient) -> None:
    """455 on the first attempt is the caller's: no such order, sent already, cancelled already."""
    begun = (await client.send_sms("Simdi", NUMBER)).id
    cancelled = await schedule(client)
    await client.cancel_order(cancelled)
    for order in (5, begun, cancelled):
        with pytest.raises(OrderNotFoundError) as caught:
            await client.cancel_order(order)
        assert caught.value.http_status == 455
    assert "get-report" not in dict(sandbox.requests)


async def test_a_455_after_an_attempt_that_never_left_is_the_caller_s() -> None:
    """A failure to connect lost no answer, so that there is nothing to settle."""
    canned = Canned(never_left(), refusal(455))
    with pytest.raises(OrderNotFoundError):
        await canned.client.cancel_order(428)
    assert operations(canned) == ["cancel-order"] * 2


@pytest.mark.parametrize("status", [115, "115"])
@pytest.mark.parametrize("before", [[], [refusal(456)], [refusal(455)], [refusal(455), refusal(456), LOST]])
async def test_a_455_after_a_lost_answer_and_the_order_failed(status: object, before: list[object]) -> None:
    """The first attempt cancelled it, though its report may lag behind."""
    canned = Canned(LOST, refusal(455), *before, report(status))
    await canned.client.cancel_order(428)
    assert operations(canned)[1:3] == ["cancel-order", "get-report"]


@pytest.mark.parametrize("status", [113, "113", 114, "114"])
@pytest.mark.parametrize("before", [[], [refusal(455)], [refusal(456)]])
async def test_a_455_after_a_lost_answer_and_the_order_is_sent(status: object, before: list[object]) -> None:
    """Sending had begun before the cancellation: the error is the same as without a lost answer."""
    canned = Canned(LOST, refusal(455), *before, report(status))
    with pytest.raises(OrderNotFoundError, match="its sending has begun") as caught:
        await canned.client.cancel_order(428)
    assert (caught.value.code, caught.value.http_status, caught.value.operation) == (455, 455, "cancel-order")


@pytest.mark.parametrize(
    ("answer", "looks"), [(refusal(455), 5), (refusal(456), 5), (report(120), 1), (refusal(401), 1)]
)
async def test_a_455_after_a_lost_answer_and_nothing_tells(answer: object, looks: int) -> None:
    """Still waiting, not to be found, in a state unknown, or not for us to see: it is not called done or failed."""
    canned = Canned(LOST, refusal(455), answer)
    with pytest.raises(OutcomeUnknownError) as caught:
        await canned.client.cancel_order(428)
    assert operations(canned) == ["cancel-order"] * 2 + ["get-report"] * looks
    assert caught.value.__context__ is None


async def test_a_state_that_cannot_be_had_for_the_connection() -> None:
    """After all repetitions of the question, and not as many times again."""
    canned = Canned(LOST, refusal(455), LOST)
    with pytest.raises(OutcomeUnknownError):
        await canned.client.cancel_order(428)
    assert operations(canned) == ["cancel-order"] * 2 + ["get-report"] * 5


async def test_other_refusals() -> None:
    """On the first attempt they are what they are; after a lost answer they settle nothing."""
    with pytest.raises(AuthenticationError):
        await Canned(refusal(401)).client.cancel_order(428)
    with pytest.raises(UnavailableError):
        await Canned(refusal(503)).client.cancel_order(428)
    with pytest.raises(OutcomeUnknownError, match="401"):
        await Canned(LOST, refusal(401)).client.cancel_order(428)


async def test_a_caller_who_gives_up_can_ask_again(sandbox: Sandbox, client: AsyncClient) -> None:
    """The service had cancelled it: the state says so, and the same call does no harm."""
    order = await schedule(client)
    sandbox.fail("cancel-order", "stall")
    assert await give_up_once(lambda: sandbox.request_counts["cancel-order"], lambda: client.cancel_order(order))
    with pytest.raises(OrderNotFoundError):
        await client.cancel_order(order)
    assert (await client.get_order(order)).status is OrderStatus.FAILED


CONTENT = {400, 404, 422, 453, 454, 458, 459, 460, 464, 466, 468, 469}


@pytest.mark.parametrize("code", sorted(CONTENT | {401, 402, 403, 450, 452, 457, 470, 474, 500}))
async def test_which_refusals_after_a_lost_answer_settle_it(code: int) -> None:
    """What is wrong with the request itself was so at the first attempt; what may change in a moment proves nothing."""
    with pytest.raises(IletimerkeziError) as caught:
        await Canned(LOST, refusal(code), retry=Retry(attempts=2, wait_initial=0)).client.cancel_order(428)
    assert isinstance(caught.value, OutcomeUnknownError) is (code not in CONTENT)
    assert isinstance(caught.value, ApiError) is (code in CONTENT)
