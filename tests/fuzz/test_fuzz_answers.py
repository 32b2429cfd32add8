"""Answers of every kind: a call ends, and in nothing but a result or an error of ours."""

from __future__ import annotations

import contextlib

import anyio
import anyio.abc
import pytest
from canned import http, raw_server, refusal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import mutated
from readers import CALLS, DOCUMENTS, OPERATIONS_OF, Answer, read_answers
from waiting import PATIENCE

from iletimerkezi_async import AsyncClient, IletimerkeziError, Retry
from iletimerkezi_async.wire import OPERATIONS

DATES = st.sampled_from([
    "Wed, 06 May 2026 09:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0100 00:00:00 GMT",
    "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    "Mon, 01 Jan 2026 00:00:00 -0000", "Wed, 32 May 2026 25:61:61 GMT", "Wed 6", "dun", "",
])  # fmt: skip
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Date": DATES | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
        "Retry-After": st.sampled_from(["0", "1", "30", "31", "9" * 9, "9" * 30, "-1", "1.5", "nan", "٣"]) | DATES,
        "Content-Type": st.sampled_from(["text/html", "application/json; charset=utf-16", "x", ""]),
        "Content-Length": st.sampled_from(["0", "5", "-1", "x", "9" * 30]),
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"]),
        "Location": st.just("https://elsewhere.example/"),
    },
)
STATUSES = st.sampled_from([200, 200, 200, 204, 302, 400, 401, 429, 450, 500, 502, 503]) | st.integers(200, 599)
CODES = st.sampled_from([*range(400, 475), 0, -1, 110, 200, 500, 503, 10**18, "451", "474", "455", True])


def test_every_operation_is_here() -> None:
    """With an answer to begin with, and every method of it but the one that shares all with `send_bulk`."""
    methods = {method for operation in OPERATIONS.values() for method in operation.methods}
    assert DOCUMENTS.keys() == OPERATIONS.keys()
    assert methods == {call.split()[0] for call in CALLS} | {"send_bulk_messages"}


def bodies(operation: str) -> st.SearchStrategy[bytes]:
    return (
        mutated(DOCUMENTS[operation])
        | CODES.map(refusal).flatmap(lambda document: mutated(document, most=1))
        | st.binary(max_size=100)
        | st.tuples(mutated(DOCUMENTS[operation]), st.integers(0, 100)).map(lambda cut: cut[0][: -cut[1]])
    )


def answers(operation: str) -> st.SearchStrategy[Answer]:
    return st.just(Answer(None, {}, b"")) | st.builds(Answer, STATUSES, HEADERS, bodies(operation))


def servers(call: str) -> st.SearchStrategy[dict[str, list[Answer]]]:
    return st.fixed_dictionaries(
        {operation: st.lists(answers(operation), min_size=1, max_size=3) for operation in OPERATIONS_OF[call]}
    )


@pytest.mark.parametrize("call", CALLS)
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), backend=st.sampled_from(["asyncio", "trio"]))
def test_no_answer_breaks_a_call(call: str, data: st.DataObject, backend: str) -> None:
    """Good answers with mistakes in them, refusals, broken connections, other people's bytes, odd headers."""
    read_answers(call, data.draw(servers(call)), backend)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=200)
    | st.tuples(bodies("get-balance"), HEADERS).map(
        lambda parts: http(parts[0], headers=[f"{name}: {value}" for name, value in parts[1].items()])
    ),
    st.sampled_from(["asyncio", "trio"]),
)
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "asyncio")
@example(b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "asyncio")
@example(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "asyncio")
def test_no_bytes_on_the_wire_break_a_connection(sent: bytes, backend: str) -> None:
    """Whatever comes over a real socket, which is then closed."""

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> str:
        with contextlib.suppress(anyio.BrokenResourceError):
            await stream.send(sent)
        return "close"

    async def main() -> None:
        async with raw_server(answer) as (url, _):
            client = AsyncClient("demo", "demo", base_url=url, retry=Retry(attempts=2, wait_initial=0, wait_max=0))
            with anyio.fail_after(PATIENCE):
                with contextlib.suppress(IletimerkeziError):
                    await client.get_balance()
                await client.aclose()

    anyio.run(main, backend=backend)
