"""Faults without a socket: what the service plans and what the in-process transport makes of it."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import orjson
import pytest
from sandbox_wire import ONE, body, message, order, send
from waiting import PATIENCE

from iletimerkezi_async.sandbox import Fault, Sandbox
from iletimerkezi_async.sandbox.transport import InProcessTransport

URL = "http://127.0.0.1/v1/send-sms/json"
PROCESSED = ["drop-answer", "half-answer", "garbage", "not-object", "html-502", "empty-504", "stall", "close-idle"]
NOT_PROCESSED = ["drop-request", "html-502-before", "empty-503", "503", "empty-429", "429", "402", "200"]


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Connect a plain HTTP client to the sandbox."""
    transport = InProcessTransport(sandbox._service.answer)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        yield http


def test_every_fault_is_tested() -> None:
    """The two lists above name every fault."""
    assert {fault.value for fault in Fault} == {*PROCESSED, *NOT_PROCESSED} - {"402", "200"}


@pytest.mark.parametrize("fault", PROCESSED + NOT_PROCESSED)
def test_whether_it_takes_effect(fault: str) -> None:
    """Some faults hit before the order is taken, the others after; the next request is healthy."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", fault)
    assert sandbox.handle("send-sms", body(order=order())).fault == fault
    assert len(sandbox.orders) == (fault in PROCESSED)
    assert send(sandbox) == (451 if fault in PROCESSED else 200)
    assert sandbox.requests == (("send-sms", fault), ("send-sms", 451 if fault in PROCESSED else 200))


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        ("html-502", 502, b"<html>"),
        ("html-502-before", 502, b"<html>"),
        ("empty-504", 504, None),
        ("empty-503", 503, None),
        ("empty-429", 429, None),
        ("garbage", 200, b"OK"),
        ("not-object", 200, b"["),
        ("503", 503, b'{"response":{"status":{"code":503,'),
        ("429", 429, b'{"response":{"status":{"code":429,'),
        ("402", 402, b'{"response":{"status":{"code":402,'),
        ("200", 200, b'{"response":{"status":{"code":200,'),
        ("110", 200, b'{"response":{"status":{"code":110,'),
        ("204", 200, b'{"response":{"status":{"code":204,'),
        ("999", 200, b'{"response":{"status":{"code":999,'),
        ("close-idle", 200, b'{"response":{"status":{"code":200,'),
    ],
)
@pytest.mark.anyio
async def test_answers(fault: str, status: int, content: bytes | None) -> None:
    """Each answering fault has its status and its kind of body; codes that are no HTTP status come with 200."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", fault)
    async with connected(sandbox) as http:
        answer = await http.post(URL, content=body(order=order()))
    assert answer.status_code == status
    assert answer.content.startswith(content) if content else answer.content == b""
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("fault", ["empty-503", "503", "empty-429", "429"])
@pytest.mark.parametrize(("seconds", "header"), [(2, "2"), (0.05, "0.05"), (0, "0")])
def test_retry_after(fault: str, seconds: float, header: str) -> None:
    """The faults that say "later" can say when."""
    sandbox = Sandbox()
    sandbox.fail("*", fault, retry_after=seconds)
    assert dict(sandbox.handle("get-balance", body()).headers)["retry-after"] == header


@pytest.mark.parametrize("fault", ["drop-request", "drop-answer"])
@pytest.mark.anyio
async def test_drop(fault: str) -> None:
    """A dropped connection is httpx's own protocol error."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", fault)
    async with connected(sandbox) as http:
        with pytest.raises(httpx.RemoteProtocolError, match=r"^Server disconnected without sending a response\.$"):
            await http.post(URL, content=body(order=order()))


@pytest.mark.anyio
async def test_half_answer() -> None:
    """Half an answer has its headers and half of its body, and then breaks."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "half-answer")
    async with connected(sandbox) as http:
        async with http.stream("POST", URL.replace("send-sms", "get-balance"), content=body()) as answer:
            pieces = answer.aiter_raw()
            received = await anext(pieces)
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                await anext(pieces)
        assert answer.status_code == 200
        assert len(received) == int(answer.headers["content-length"]) // 2
        assert received.startswith(b'{"response"')


@pytest.mark.anyio
async def test_stall() -> None:
    """A stalled answer is a read timeout after the request's own limit."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "stall")
    async with connected(sandbox) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(URL, content=body(order=order()), timeout=httpx.Timeout(PATIENCE, read=0.02))
    assert len(sandbox.orders) == 1


@pytest.mark.anyio
async def test_stall_without_a_limit() -> None:
    """Without a read timeout it stalls until the caller gives up."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "stall")
    async with connected(sandbox) as http:
        with anyio.move_on_after(0.02) as scope:
            await http.post(URL, content=body(order=order()), timeout=None)
    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_cancelled_before_arrival() -> None:
    """A call that is cancelled before it gets anywhere never reaches the service."""
    sandbox = Sandbox()
    async with connected(sandbox) as http:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await http.post(URL, content=body(order=order()))
    assert sandbox.requests == ()


@pytest.mark.anyio
async def test_routing() -> None:
    """Only POST to /v1/<operation>, with /json or without, is served; the rest is 404, and meets no fault."""
    sandbox = Sandbox()
    sandbox.fail("*", "drop-request")
    async with connected(sandbox) as http:
        for method, path in [
            ("GET", "/v1/get-balance/json"),
            ("PUT", "/v1/get-balance/json"),
            ("POST", "/v1/get-balance/json/"),
            ("POST", "/get-balance/json"),
            ("POST", "/v2/get-balance/json"),
            ("POST", "/"),
        ]:
            answer = await http.request(method, f"http://127.0.0.1{path}", content=body())
            assert answer.status_code == answer.json()["response"]["status"]["code"] == 404
        answer = await http.get("http://127.0.0.1/v1/get-balance")
        assert (answer.status_code, answer.content.count(b"<code>404</code>")) == (404, 1)
        sandbox.heal()
        for operation in ("get-nothing", "consent/delete"):
            answer = await http.post(f"http://127.0.0.1/v1/{operation}/json", content=body())
            assert answer.status_code == 404
        answer = await http.post("http://127.0.0.1/v1/consent/show/json", content=body())
        assert answer.status_code == 400
    assert sandbox.requests[-3:] == (("get-nothing", 404), ("consent/delete", 404), ("consent/show", 400))


def outcomes(sandbox: Sandbox, *operations: str) -> list[Any]:
    """Ask each operation; return what the log says of it."""
    for operation in operations:
        sandbox.handle(operation, body())
    return [entry[1] for entry in sandbox.requests[-len(operations) :]]


def test_queue() -> None:
    """Faults wait in line, for their own operation or for any; its own come first."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "garbage", times=2)
    sandbox.fail("get-balance", Fault.DROP_ANSWER)
    sandbox.fail("*", "503")
    assert outcomes(sandbox, "get-balance", "get-sender", "get-balance", "get-balance", "get-balance") == [
        "garbage",
        "503",
        "garbage",
        "drop-answer",
        200,
    ]


def test_forever_and_healed() -> None:
    """A fault without an end lasts until the sandbox is healed."""
    sandbox = Sandbox()
    sandbox.fail("*", "402", times=math.inf)
    sandbox.fail("get-sender", "stall", times=math.inf)
    assert outcomes(sandbox, *["get-balance"] * 50, "get-sender") == ["402"] * 50 + ["stall"]
    sandbox.heal()
    assert outcomes(sandbox, "get-balance", "get-sender") == [200, 200]


@pytest.mark.parametrize("fault", ["kedi", "", "99", "1000", "042", "4O2", "DROP-ANSWER"])
def test_unknown_fault(fault: str) -> None:
    """An unknown fault is refused with the names of the known ones."""
    with pytest.raises(ValueError, match=r"drop-request, drop-answer, .* or a three-digit code"):
        Sandbox().fail("send-sms", fault)


def test_bad_plans() -> None:
    """Unknown operations, times that are no times, and a Retry-After that nobody would send are refused."""
    sandbox = Sandbox()
    with pytest.raises(ValueError, match=r"get-balance, send-sms, .* \*"):
        sandbox.fail("send-mms", "503")
    for times in (0, -1, 1.5, -math.inf, math.nan):
        with pytest.raises(ValueError, match="times"):
            sandbox.fail("send-sms", "503", times=times)
    with pytest.raises(ValueError, match="retry_after"):
        sandbox.fail("send-sms", "drop-answer", retry_after=1)
    with pytest.raises(ValueError, match="retry_after"):
        sandbox.fail("send-sms", "503", retry_after=-1)


def test_a_processed_refusal_is_lost_too() -> None:
    """The answer that is lost may have been a refusal."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "half-answer")
    reply = sandbox.handle("send-sms", body(order=order(message=message(ONE, text=""))))
    assert orjson.loads(reply.body)["response"]["status"]["code"] == 454
    assert not sandbox.orders


def test_too_big() -> None:
    """A body above 64 MiB is 400 without being read."""
    sandbox = Sandbox()
    padding = b" " * (64 * 1024 * 1024 - len(body()))
    assert sandbox.handle("get-balance", body() + padding).status == 200
    assert sandbox.handle("get-balance", body() + padding + b" ").status == 400
