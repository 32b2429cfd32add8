"""The sandbox's face: what it shows, what it hides, what it imports."""

import ast
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from sandbox_wire import ONE, TWO, accepted, ask, body, frozen, order, send

import iletimerkezi_async
from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async import sandbox as package
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.sandbox.dates import Clock
from iletimerkezi_async.stores import SqliteStore

FOLDER = Path(package.__file__).parent


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports from our own package, relative ones included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("iletimerkezi_async")}


def test_independent_witness() -> None:
    """No module of the sandbox imports anything of the client, save where the client itself is handed out.

    Numbers that a caller writes into ``Sandbox(blocked=...)`` are no part of the wire.
    """
    foreign = {
        (path.name, name)
        for path in FOLDER.glob("*.py")
        for name in imports(path)
        if not name.startswith("iletimerkezi_async.sandbox.")
    }
    handed_out = {"AsyncClient", "Iys", "Pacer", "Retry"}
    assert foreign == {
        ("options.py", "iletimerkezi_async.numbers.clean_number"),
        *(("sandbox.py", f"iletimerkezi_async.{name}") for name in handed_out),
    }


def test_exports() -> None:
    """The package exports its public names, in order, and nothing that is missing."""
    assert package.__all__ == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_imports_lightly() -> None:
    """Neither uvicorn nor starlette nor jinja2 is imported before something is served."""
    heavy = {"uvicorn", "starlette", "jinja2"}
    script = f"import sys, iletimerkezi_async.sandbox as s; s.Sandbox(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("missing", ["uvicorn", "starlette"])
def test_missing_extra(missing: str) -> None:
    """Without the extra, serving says how to install it; everything else works."""
    script = f"""
import sys
sys.modules[{missing!r}] = None
from iletimerkezi_async.sandbox import Sandbox
sandbox = Sandbox()
try:
    sandbox.serve()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'iletimerkezi-async[sandbox]'" in done.stdout


def test_missing_extra_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without a new process; an error of another kind is not taken for a missing extra."""
    monkeypatch.delitem(sys.modules, "iletimerkezi_async.sandbox.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r"iletimerkezi-async\[sandbox\]"):
        Sandbox().serve()
    monkeypatch.setitem(sys.modules, "iletimerkezi_async.sandbox.server", None)
    with pytest.raises(ModuleNotFoundError, match=r"sandbox\.server"):
        Sandbox().serve()


def test_repr_hides() -> None:
    """Neither the sandbox nor its records show credentials, texts or numbers."""
    sandbox = Sandbox(first_id=42_800_001, key="GIZLI-1", hash="GIZLI-2", blocked=[TWO])
    credentials = {"key": "GIZLI-1", "hash": "GIZLI-2"}
    reply = sandbox.handle("send-sms", body(order=order(text="GIZLI-3"), authentication=credentials))
    assert reply.status == 200
    shown = repr([sandbox, sandbox.orders, sandbox.requests, reply, vars(sandbox), vars(sandbox._service)])
    assert "GIZLI" not in shown
    assert ONE not in shown
    assert TWO not in shown
    assert repr(sandbox) == "<Sandbox: 1 orders, 1 requests, 999999 SMS left>"
    assert repr(sandbox.orders[0]) == "<SandboxOrder 42800001: 1 recipients, 1 texts>"


def test_records_are_frozen() -> None:
    """Records cannot be changed, and counters are the caller's own."""
    sandbox = Sandbox()
    accepted(sandbox)
    name = "sender"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(sandbox.orders[0], name, "BASKA")
    sandbox.deliveries.clear()
    assert isinstance(sandbox.deliveries, Counter)
    assert sandbox.deliveries == {"+905301234567": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"balance": -1},
        {"delivery_seconds": -0.1},
        {"senders": "FIRMA"},
        {"brands": "BRAND"},
        {"blocked": ONE},
        {"blocked": ["kedi"]},
        {"undelivered": ["+495301234567"]},
        {"blocked_policy": "kedi"},
        {"unknown_consent": "kedi"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    """Arguments that make no sense are refused, without the numbers in the message."""
    with pytest.raises(ValueError, match=r".") as caught:
        Sandbox(**options)
    assert ONE not in str(caught.value)


def test_numbers_in_any_spelling() -> None:
    """As a person writes them: blocked, undelivered, and those of another program."""
    for written in ("5301234568", "0530 123 45 68", "+90 (530) 123-45-68", "00905301234568"):
        assert send(Sandbox(blocked=[written]), TWO) == 452
        sandbox = Sandbox(undelivered=[written], delivery_seconds=0)
        sandbox.add_orders(to=[written])
        assert ask(sandbox, "get-report", order={"id": sandbox.orders[0].id})[1]["order"]["undelivered"] == 1


@pytest.mark.anyio
async def test_a_store_that_is_kept_agrees_with_a_later_sandbox(tmp_path: Path) -> None:
    """An order of a new sandbox has no id that the store knows of an earlier one."""
    ids: list[int] = []
    for text in ("Birinci", "Ikinci"):
        async with Sandbox().serve() as url, SqliteStore(tmp_path / "sends.db") as store:
            async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, store=store) as client:
                ids.append((await client.send_sms(text, to=ONE)).id)
    assert ids[0] != ids[1]


def test_clock() -> None:
    """The clock follows its source, jumps forward on request, and never goes back."""
    seconds = [1_000_000.0]
    clock = Clock(lambda: seconds[0])
    first = clock.now()
    assert first.utcoffset() == timedelta(hours=3)
    assert first.timestamp() == 1_000_000
    seconds[0] += 5
    clock.advance(timedelta(minutes=1))
    assert clock.now() - first == timedelta(seconds=65)
    seconds[0] -= 100
    assert clock.now() - first == timedelta(seconds=65)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_advance() -> None:
    """The clock takes timedelta's keywords."""
    sandbox = frozen()
    sandbox.advance(weeks=1, days=1, hours=1, minutes=1, seconds=1)
    accepted(sandbox)
    assert sandbox.orders[0].submitted_at.isoformat() == "2026-05-14T13:01:01+03:00"
    with pytest.raises(ValueError, match="forward"):
        sandbox.advance(minutes=-1)
    with pytest.raises(TypeError):
        sandbox.advance(months=1)


def test_real_clock() -> None:
    """Without a hand on it the clock is the real one."""
    sandbox = Sandbox(delivery_seconds=0.02)
    id = accepted(sandbox)
    while ask(sandbox, "get-report", order={"id": id})[1]["order"]["status"] == 113:
        pass
    assert sandbox.deliveries == {"+905301234567": 1}


def test_threads() -> None:
    """Eight threads order, look and advance at once: nothing is lost and no id is given twice."""
    sandbox = Sandbox()
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for step in range(50):
                assert send(sandbox, text=f"Mesaj {worker} {step}") == 200
                sandbox.advance(milliseconds=1)
                assert sandbox.deliveries.total() <= 400
                assert sandbox.balance <= 1_000_000 - step - 1
        except BaseException as error:  # noqa: BLE001 - shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({kept.id for kept in sandbox.orders}) == len(sandbox.requests) == sandbox.deliveries.total() == 400
    assert sandbox.balance == 1_000_000 - 400


@pytest.mark.anyio
async def test_client() -> None:
    """client() is an AsyncClient with the sandbox's credentials that needs no socket."""
    sandbox = Sandbox(key="baska", hash="baska")
    async with sandbox.client(sender="FIRMA", iys=iletimerkezi_async.Iys.OFF) as client:
        assert isinstance(client, iletimerkezi_async.AsyncClient)
        sent = await client.send_sms("Kodunuz 1234", to="0530 123 45 67")
    assert [kept.id for kept in sandbox.orders] == [sent.id]
    assert sandbox.deliveries == {"+905301234567": 1}
