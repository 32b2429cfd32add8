"""The journal's file: whose it is, what can be read out of it, which paths serve, and in which threads it is kept."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from canned import QUICK, Canned, ok
from waiting import PATIENCE

from iletimerkezi_async import (
    AsyncClient,
    BulkResult,
    ConfigurationError,
    IletimerkeziError,
    Iys,
    JournalError,
    Message,
    Progress,
)
from iletimerkezi_async.campaigns.journal import fingerprint
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
TEXT = "Kampanyamiz basladi"


def numbers(count: int) -> list[str]:
    return [f"+9053012{index:05}" for index in range(count)]


def client_of(sandbox: Sandbox, **options: object) -> AsyncClient:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
    return sandbox.client(**(settings | options))  # type: ignore[arg-type]  # settings of any type


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Files are made readable for others, unless somebody sees to it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kampanya.journal"


async def run(sandbox: Sandbox, journal: object, count: int = 20, **call: object) -> BulkResult:
    async with client_of(sandbox) as client:
        return await client.send_bulk(TEXT, numbers(count), batch_size=10, journal=journal, **call)  # type: ignore[arg-type]  # of all types


# What can be read out of it.


def values_of(path: Path) -> list[object]:
    """All that stands in any column of any table."""
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [value for table in tables for row in database.execute(f"SELECT * FROM {table}") for value in row]


@pytest.mark.parametrize("kind", ["one text", "several texts"])
async def test_who_has_the_file_alone_cannot_try_out_texts(path: Path, kind: str) -> None:
    """With each salt that stands in it, as it stands or decoded, no fingerprint is that of the text."""
    sandbox = Sandbox()
    text = "Kodunuz 123456"
    async with client_of(sandbox) as client:
        if kind == "one text":
            await client.send_bulk(text, numbers(3), journal=path)
        else:
            await client.send_bulk_messages([Message(text, number) for number in numbers(3)], journal=path)
    values = values_of(path)
    keys = {b""}
    for value in values:
        if isinstance(value, str):
            keys.add(value.encode()[:64])
            with suppress(ValueError):
                keys.add(bytes.fromhex(value))
    assert len(keys) > 5
    content = path.read_bytes()
    for mark in {fingerprint(text, key) for key in keys}:
        assert f"{mark:x}".encode() not in content
        assert mark.to_bytes(8, "big") not in content
        assert mark.to_bytes(8, "little") not in content


async def test_a_journal_of_another_account_is_refused_as_such(path: Path) -> None:
    """And not as one of another text, which could not be told."""
    await run(Sandbox(key="birinci", hash="ozet"), path)
    other = Sandbox(key="ikinci", hash="ozet")
    with pytest.raises(JournalError, match="was made for another account") as caught:
        await run(other, path)
    assert "text" not in str(caught.value).replace("texted", "")
    assert not other.requests


async def test_a_renewed_hash_goes_on_with_its_journal(path: Path) -> None:
    """The panel issues another hash to the same key: it is the same account."""
    sandbox = Sandbox(key="anahtar", hash="eski")
    first = await run(sandbox, path)
    renewed = Sandbox(key="anahtar", hash="yeni")
    assert await run(renewed, path) == first
    assert not renewed.requests


async def test_a_call_of_the_same_process_that_goes_on_is_told_as_such(path: Path) -> None:
    """The error says that a call of this process holds the journal; once it has ended, the journal is free."""
    begun, over = anyio.Event(), anyio.Event()

    async def source() -> AsyncIterator[str]:
        begun.set()
        await over.wait()
        yield numbers(1)[0]

    async with anyio.create_task_group() as group, client_of(Sandbox()) as client:
        group.start_soon(partial(client.send_bulk, TEXT, source(), journal=path))
        await begun.wait()
        with pytest.raises(JournalError, match="which is this process: an earlier call has not ended"):
            await client.send_bulk(TEXT, numbers(1), journal=path)
        group.cancel_scope.cancel()
    assert (await run(Sandbox(), path, 1)).accepted == 1


async def test_a_run_of_another_process_is_told_as_such(path: Path) -> None:
    """Its file is locked all the same."""
    await run(Sandbox(), path, 1)
    with closing(sqlite3.connect(path)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="in use by another run"):
            await run(Sandbox(), path, 1)


@pytest.mark.parametrize("name", ["sender", "text", "salt", "account", "schedule"])
async def test_damage_to_the_description_is_not_taken_for_another_campaign(path: Path, name: str) -> None:
    """Whoever is told of another text would look for the wrong mistake."""
    await run(Sandbox(), path)
    with closing(sqlite3.connect(path)) as database:
        [(terms,)] = database.execute("SELECT entries FROM iletimerkezi_rows WHERE part = 0").fetchall()
        kept = json.loads(terms)
        kept[name] = f"0{kept[name]}"
        database.execute("UPDATE iletimerkezi_rows SET entries = ? WHERE part = 0", (json.dumps(kept).encode(),))
        database.commit()
    with pytest.raises(JournalError, match="damaged"):
        await run(Sandbox(), path)


async def test_a_journal_of_another_edition_is_told_from_damage(path: Path) -> None:
    """It is whole, and no use to this version."""
    await run(Sandbox(), path)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id = {0x494D7A33}")
        database.commit()
    with pytest.raises(JournalError, match="another version of this library"):
        await run(Sandbox(), path)


@pytest.mark.parametrize("as_type", [str, int])
@pytest.mark.parametrize("id", [2**63 - 1, 2**63, 2**64 - 1])
async def test_an_order_s_id_may_be_of_any_size(path: Path, id: int, as_type: Callable[[int], object]) -> None:
    """It comes back as it was, and nothing is sent again for it."""
    canned = Canned(ok(order={"id": as_type(id)}))
    first = await canned.client.send_bulk(TEXT, numbers(10), journal=path)
    requests = len(canned.requests)
    assert [order.id for order in first.orders] == [id]
    assert await canned.client.send_bulk(TEXT, numbers(10), journal=path) == first
    assert len(canned.requests) == requests


# Whose it is.


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir() if not each.is_dir()}


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("target"))


def linked_file(path: Path) -> None:
    path.with_name("target").touch(0o644)
    path.symlink_to(path.with_name("target"))


def chain_of_links(path: Path) -> None:
    path.symlink_to("second")
    path.with_name("second").symlink_to(path.with_name("target"))


def hard_link(path: Path) -> None:
    path.with_name("target").touch(0o644)
    path.hardlink_to(path.with_name("target"))


def open_companions(path: Path) -> None:
    for suffix in ("", "-wal", "-journal"):
        path.with_name(path.name + suffix).touch(0o666)


STANDING: list[Callable[[Path], object]] = [
    dangling_link, linked_file, chain_of_links, hard_link, open_companions,
    lambda path: path.touch(0o644), lambda path: path.touch(0o666), lambda path: path.touch(0o600),
    lambda path: path.touch(0o700), lambda path: path.touch(0o622),
]  # fmt: skip


@pytest.mark.parametrize("stand", STANDING)
async def test_the_file_is_its_owner_s_alone_whatever_stood_there(path: Path, stand: Callable[[Path], object]) -> None:
    """A link that leads nowhere, an empty file that everybody may read, a second name: at no moment can others read."""
    stand(path)
    seen: set[int] = set()
    sandbox = Sandbox()
    result = await run(sandbox, path, on_progress=lambda _: seen.update(modes(path.parent)))
    assert seen == modes(path.parent) == {0o600}
    assert result == await run(sandbox, path)
    assert sandbox.deliveries == Counter(numbers(20))


async def test_a_journal_that_others_could_read_becomes_private(path: Path) -> None:
    """As one that was copied without its mode."""
    await run(Sandbox(), path)
    path.chmod(0o644)
    await run(Sandbox(), path)
    assert modes(path.parent) == {0o600}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("whose", ["", "-wal"])
async def test_a_file_of_another_user_is_refused(path: Path, whose: str) -> None:
    """Whoever put it there could read the numbers, whatever its mode, or undo what is written down."""
    await run(Sandbox(), path)
    other = path.with_name(path.name + whose)
    other.touch()
    os.chown(other, 12345, -1)
    sandbox = Sandbox()
    with pytest.raises(JournalError, match="belongs to another user"):
        await run(sandbox, path)
    assert not sandbox.requests


async def test_another_file_is_refused_as_it_is(path: Path) -> None:
    """Neither its content nor its mode is touched."""
    path.write_text("notlarim")
    path.chmod(0o644)
    with pytest.raises(JournalError, match="not a journal"):
        await run(Sandbox(), path)
    assert path.read_text() == "notlarim"
    assert modes(path.parent) == {0o644}


async def test_a_file_system_without_modes_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file modes, no number is written, as others could read the file."""
    path.touch(0o644)
    monkeypatch.setattr(os, "chmod", lambda *_, **__: None)
    with pytest.raises(JournalError, match="does not keep file modes"):
        await run(Sandbox(), path)


# Which paths serve.


class PathOf:
    def __init__(self, value: object) -> None:
        self.value = value

    def __fspath__(self) -> object:
        return self.value


@pytest.mark.parametrize(
    ("journal", "named"),
    [
        (":memory:", "memory"), ("", "path"), (b"", "path"), ("file:x.db", "URI"),
        ("file::memory:?cache=shared", "URI"), ("a\0b", "path"), (5, "path"), (0, "path"), (True, "path"),
        (False, "path"), (1.5, "path"), ([], "path"), (["x"], "path"), ({}, "path"), (object(), "path"),
        (PathOf(5), "path"), (PathOf(""), "path"), (PathOf(":memory:"), "memory"), (PathOf(b":memory:"), "memory"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
async def test_what_is_no_path_of_a_file_is_refused(
    journal: object, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or sent, and in words that say what is expected."""
    monkeypatch.chdir(tmp_path)
    sandbox = Sandbox()
    read: list[str] = []

    def source() -> Iterator[str]:
        read.append("")
        yield from numbers(3)

    async with client_of(sandbox) as client:
        with pytest.raises(ConfigurationError, match=f"`journal`.*{named}"):
            await client.send_bulk(TEXT, source(), journal=journal)  # type: ignore[arg-type]  # what is refused
        with pytest.raises(ConfigurationError, match=f"`journal`.*{named}"):
            await client.send_bulk_messages([], journal=journal)  # type: ignore[arg-type]  # what is refused
    assert (sandbox.requests, read, list(tmp_path.iterdir())) == ((), [], [])


@pytest.mark.parametrize("spell", [str, Path, os.fsencode, PathOf, lambda path: PathOf(os.fsencode(path))])
async def test_a_path_may_be_text_bytes_or_an_object(path: Path, spell: Callable[[str], object]) -> None:
    """Each is the same file."""
    sandbox = Sandbox()
    first = await run(sandbox, spell(str(path)))
    assert await run(sandbox, path) == first
    assert len(sandbox.orders) == 2


@pytest.mark.parametrize("name", [b"\xff\xfe.journal", "kampanya ığüşöç.journal".encode(), b"x%20?mode=memory", b" "])
async def test_a_file_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    """Also one that is no text: the complaint about it can still be printed."""
    sandbox = Sandbox()
    path = os.fsencode(tmp_path / os.fsdecode(name))
    first = await run(sandbox, path)
    assert await run(sandbox, path) == first
    assert [os.fsencode(each) for each in tmp_path.iterdir()] == [path]
    with pytest.raises(JournalError, match="another sender") as caught:
        await run(sandbox, path, sender="APITEST")
    str(caught.value).encode()


async def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the process changes its directory, in the middle and between two runs."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    sandbox = Sandbox()
    result = await run(sandbox, "a.journal", on_progress=lambda _: os.chdir(tmp_path / "elsewhere"))
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["a.journal"]
    assert not list((tmp_path / "elsewhere").iterdir())
    assert await run(sandbox, "../a.journal") == result


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [make_folder, make_pipe, link_to_itself, link_to_a_device])
async def test_what_is_no_ordinary_file_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    """A directory or a pipe is refused at once, without waiting for the pipe's other end."""
    make(path)
    sandbox = Sandbox()
    with pytest.raises(JournalError, match=r"it is (a directory|not a regular file)"), anyio.fail_after(PATIENCE):
        await run(sandbox, path)
    assert not sandbox.requests


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replace(path: Path) -> None:
    move(path)
    path.touch(0o600)


@pytest.mark.parametrize("change", [remove, move, replace])
async def test_a_journal_that_goes_away_under_a_campaign_stops_it(path: Path, change: Callable[[Path], None]) -> None:
    """What were written down further would be found by no later run, which would send it again."""
    sandbox = Sandbox()

    def once(progress: Progress) -> None:
        if progress.accepted == 10:
            change(path)

    with pytest.raises(JournalError, match="moved, replaced or removed") as caught:
        await run(sandbox, path, 100, concurrency=1, on_progress=once)
    result = caught.value.result
    assert result is not None
    assert result.accepted == sum(sandbox.deliveries.values()) == 10
    if (path.with_name("elsewhere")).exists():
        assert (await run(sandbox, path.with_name("elsewhere"), 100)).accepted == 100
        assert sandbox.deliveries == Counter(numbers(100))


# In which threads, and how it is closed.


async def test_a_hundred_campaigns_go_on_while_the_application_keeps_its_threads_busy(tmp_path: Path) -> None:
    """Their files' work waits for none of the threads that the application shares."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    holders = [object() for _ in range(int(limiter.total_tokens))]
    for holder in holders:
        limiter.acquire_on_behalf_of_nowait(holder)
    results: list[BulkResult] = []
    all_done = anyio.Event()

    async def one(index: int) -> None:
        results.append(await client.send_bulk(f"{TEXT} {index}", numbers(3), journal=tmp_path / str(index)))
        if len(results) == 100:
            all_done.set()

    async with client_of(Sandbox()) as client, anyio.create_task_group() as tasks:
        for index in range(100):
            tasks.start_soon(one, index)
        with anyio.move_on_after(PATIENCE):
            await all_done.wait()
        # In any case: no cancellation would reach a campaign that waits for them.
        for holder in holders:
            limiter.release_on_behalf_of(holder)
        assert all_done.is_set()
    assert [result.accepted for result in results] == [3] * 100


@pytest.mark.parametrize("times", [1, 3])
async def test_a_journal_is_closed_whatever_cancels(path: Path, anyio_backend: str, times: int) -> None:
    """At every step, by the loop's own cancellation, and again while it is closed: the next run has it at once."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        for step in range(30):

            async def campaign() -> None:
                await client.send_bulk(TEXT, numbers(30), batch_size=10, journal=path)

            await cancel_after(step, campaign, anyio_backend, times)
            with closing(sqlite3.connect(path, timeout=0)) as database:
                database.execute("BEGIN IMMEDIATE")
        result = await client.send_bulk(TEXT, numbers(30), batch_size=10, journal=path)
    assert (result.accepted, result.failures) == (30, 0)
    assert sandbox.deliveries == Counter(numbers(30))


async def cancel_after(steps: int, work: Callable[[], object], backend: str, times: int) -> None:
    """Start it, let it go so many turns of the loop, and cancel it, some times over."""
    if backend == "asyncio":
        task = asyncio.ensure_future(work())  # type: ignore[arg-type]  # a coroutine
        for _ in range(steps):
            await asyncio.sleep(0)
        finished = task.done()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(task, return_exceptions=True)
        # Nobody keeps a cancellation to himself.
        assert finished or task.cancelled()
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)  # type: ignore[arg-type]  # an async function
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


# That it lasts.


async def test_what_is_committed_has_reached_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that SQLite promises it under; its defaults would lose the last orders in a power cut."""
    opened: list[sqlite3.Connection] = []
    real = sqlite3.connect

    def connect(*arguments: object, **options: object) -> sqlite3.Connection:
        opened.append(real(*arguments, **options))  # type: ignore[call-overload]  # handed through
        return opened[-1]

    def look(_: Progress) -> None:
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "locking_mode", "fullfsync"):
            found[name] = opened[-1].execute(f"PRAGMA {name}").fetchone()[0]

    found: dict[str, object] = {}
    monkeypatch.setattr(sqlite3, "connect", connect)
    await run(Sandbox(), path, on_progress=look)
    full = 2
    assert found == {
        "journal_mode": "wal", "synchronous": full, "wal_autocheckpoint": 0,
        "locking_mode": "exclusive", "fullfsync": 1,
    }  # fmt: skip


async def test_damage_that_only_sqlite_s_own_check_finds_is_refused(path: Path) -> None:
    """An order whose page is not reached any more is neither missing nor changed: its seal cannot tell."""
    sandbox = Sandbox()
    await run(sandbox, path, 400)
    with closing(sqlite3.connect(path)) as database:
        page_size = database.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    # The header's count of free pages: rows are all there, and the next order would be written over one of them.
    assert data[36:40] == bytes(4)
    data[32:40] = (len(data) // page_size).to_bytes(4, "big") + (1).to_bytes(4, "big")
    path.write_bytes(data)
    requests = len(sandbox.requests)
    with pytest.raises(JournalError, match="damaged"):
        await run(sandbox, path, 400)
    assert len(sandbox.requests) == requests


async def test_errors_of_a_journal_are_ours(path: Path) -> None:
    """All of the ways in which it cannot be used, caught in one place."""
    path.mkdir()
    with pytest.raises(IletimerkeziError):
        await run(Sandbox(), path)
