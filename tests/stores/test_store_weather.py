"""Stores whose server is stopped, restarted, frozen, full, or does not let everything be done."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from asking import Asking, note
from engines import Engine, RedisEngine
from servers import Forwarder, Postgres, Redis, own_postgres, own_redis
from waiting import PATIENCE, until, until_told
from worlds import World

from iletimerkezi_async import ConfigurationError, DuplicateOrderError, StoreError
from iletimerkezi_async.stores import PostgresStore, RedisStore, SqliteStore, Store
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import KnownId, State
from iletimerkezi_async.stores.redis import _complaints_about
from iletimerkezi_async.stores.sql import EDITIONS

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """One is enough where the weather is the servers' own."""
    return "asyncio"


async def failure_of(store: Store, account: str) -> StoreError:
    with anyio.fail_after(PATIENCE), pytest.raises(StoreError) as caught:
        await Asking(store, account).find()
    return caught.value


async def until_of_use(ask: Callable[[], Awaitable[object]]) -> None:
    async def is_of_use() -> bool:
        try:
            await ask()
        except StoreError:
            return False
        return True

    await until_told(is_of_use)


async def test_a_restart_is_ridden_out(own_server: tuple[Engine, Postgres | Redis], account: str) -> None:
    """Connections that the restart broke are replaced without a word; what was written is there."""
    engine, server = own_server
    async with engine.store() as store:
        asking = Asking(store, account)
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(asking.log.known, account, [1])
        begun = await asking.begin(await asking.granted())
        assert begun is not None
        await anyio.to_thread.run_sync(server.stop)
        await anyio.to_thread.run_sync(server.start)
        await asking.sent(begun, 5)
        found = await asking.find()
        assert found is not None
        assert (found.state, found.order_id) == (State.SENT, 5)


@pytest.fixture(params=["postgres", "redis"])
def two_servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int, int]]:
    """An address with a port to be named, and the ports of a server that takes no writes and of one that does."""
    kind = {"postgres": Postgres, "redis": Redis}[request.param]
    reason = kind.reason_to_skip()
    if reason:
        pytest.skip(reason)
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    if kind is Redis:
        with own_redis(tmp_path / "first") as primary:
            replica_of = {"replicaof": f"127.0.0.1 {primary.port}", "replica-serve-stale-data": "yes"}
            with own_redis(tmp_path / "second", **replica_of) as standby:
                yield "redis://127.0.0.1:{}/0", standby.port, primary.port
        return
    with own_postgres(tmp_path / "first") as first, own_postgres(tmp_path / "second") as second:
        first.become_standby()
        yield "postgresql://postgres@127.0.0.1:{}/postgres", first.port, second.port


async def test_a_server_that_is_no_primary_any_more_is_left(two_servers: tuple[str, int, int], account: str) -> None:
    """Its connections are dropped, and the next ones reach the new primary as soon as the name leads there."""
    address, standby, primary = two_servers
    with Forwarder(standby) as name:
        url = address.format(name.port)
        async with RedisStore(url) if url.startswith("redis") else PostgresStore(url) as store:
            with pytest.raises(StoreError):
                await Asking(store, account).granted()
            name.to = primary
            await Asking(store, account).granted()


async def test_a_stopped_server_is_an_error_in_time(own_server: tuple[Engine, Postgres | Redis], account: str) -> None:
    """Of ours, and the store is of use again when the server is back."""
    engine, server = own_server
    async with engine.store(timeout=1) as store:
        await until_of_use(Asking(store, account).find)
        await anyio.to_thread.run_sync(server.stop)
        try:
            error = await failure_of(store, account)
        finally:
            await anyio.to_thread.run_sync(server.start)
        assert "cannot be reached" in str(error)
        await until_of_use(Asking(store, account).find)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_frozen_server_is_an_error_in_time(own_server: tuple[Engine, Postgres | Redis], account: str) -> None:
    """It takes what is sent and never answers; no thread waits for it for ever."""
    engine, server = own_server
    async with engine.store() as patient, engine.store(timeout=0.5) as store:
        mine = await Asking(patient, account).granted()
        asking = Asking(store, account)
        await until_of_use(asking.find)
        server.signal(signal.SIGSTOP)
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(failure_of, store, account)
        finally:
            server.signal(signal.SIGCONT)
        await until_of_use(asking.find)
        assert await Asking(patient, account).begin(mine)


def stuck_threads() -> int:
    """How many worker threads of stores are in the midst of a call."""
    stuck = 0
    for frame in sys._current_frames().values():
        above = (each for each, _ in traceback.walk_stack(frame))
        stuck += any(each.f_code.co_filename.endswith("stores/threads.py") for each in above)
    return stuck


async def test_no_thread_goes_on_waiting_for_a_frozen_server(
    own_server: tuple[Engine, Postgres | Redis], account: str
) -> None:
    """Each thread ends soon after its caller has the error, although the server stays frozen."""
    engine, server = own_server
    async with engine.store(timeout=0.5) as store:
        await Asking(store, account).find()
        server.signal(signal.SIGSTOP)
        try:
            await failure_of(store, account)
            await until(lambda: not stuck_threads())
        finally:
            server.signal(signal.SIGCONT)


async def test_a_server_that_is_not_there_is_an_error(account: str) -> None:
    """Of each kind, without the password in it."""
    for store in (
        PostgresStore("postgresql://app:hemmelig@127.0.0.1:1/db", timeout=0.3),
        RedisStore("redis://app:hemmelig@127.0.0.1:1/0", timeout=0.3),
        SqliteStore("/nirgends/store.sqlite"),
    ):
        async with store:
            error = await failure_of(store, account)
            assert "hemmelig" not in f"{error!r} {store!r} {vars(store)}"


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (PostgresStore("postgresql+asyncpg://app:hemmelig@127.0.0.1:1/db", timeout=1), "127.0.0.1:1/db"),
        (RedisStore("redis://:hemmelig@127.0.0.1:1/3", timeout=1), "127.0.0.1:1/3"),
    ],
    ids=["postgres", "redis"],
)  # fmt: skip
async def test_host_and_cause_are_told(store: PostgresStore | RedisStore, said: str, account: str) -> None:
    """Where it was looked for, and why in vain; the driver that SQLAlchemy is told is left out, the password, too."""
    async with store:
        with pytest.raises(StoreError, match=f"{said}.*Connection refused") as caught:
            await store.reserve(account, 1, 100.0)
    assert "hemmelig" not in str(caught.value)


@pytest.mark.parametrize("kind", [PostgresStore, RedisStore])
def test_an_address_that_is_none_is_refused(kind: type[PostgresStore | RedisStore]) -> None:
    """At once, and not repeated, as it may hold a password."""
    for wrong in ("http://x:hemmelig@y/", "hemmelig", 5):
        with pytest.raises(ConfigurationError) as caught:
            kind(wrong)  # type: ignore[arg-type]  # what is tested
        assert "hemmelig" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"keep": 5}, {"keep": None}, {"keep": timedelta(minutes=59)},
        {"timeout": 0}, {"timeout": "5"}, {"timeout": True}, {"timeout": math.inf}, {"timeout": math.nan},
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    """At construction. An hour and a fraction of a second can."""
    with pytest.raises(ConfigurationError):
        SqliteStore(tmp_path / "store", **options)  # type: ignore[arg-type]  # what is tested
    SqliteStore(tmp_path / "store", keep=timedelta(hours=1), timeout=0.1)


async def test_a_file_that_others_hold_is_an_error_in_time(tmp_path: Path, account: str) -> None:
    """Another process writes for longer than one question may take; afterwards the store is of use again."""
    async with SqliteStore(tmp_path / "store", timeout=0.2) as store:
        await Asking(store, account).find()
        with closing(sqlite3.connect(tmp_path / "store", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert "is in use for longer than 0.2 s" in str(await failure_of(store, account))
            other.execute("COMMIT")
        assert await Asking(store, account).find() is None


async def test_a_full_redis_is_an_error(tmp_path: Path, account: str) -> None:
    """It takes nothing more, and drops nothing."""
    if Redis.reason_to_skip():
        pytest.skip(str(Redis.reason_to_skip()))
    import redis

    with own_redis(tmp_path) as server:
        async with RedisStore(server.url) as store:
            asking = Asking(store, account)
            mine = await asking.granted()
            with redis.Redis.from_url(server.url) as admin:
                admin.config_set("maxmemory", "1")
            with pytest.raises(StoreError, match="OOM|OutOfMemory"):  # noqa: RUF043 - a pattern
                await asking.begin(mine)
            with redis.Redis.from_url(server.url) as admin:
                admin.config_set("maxmemory", "0")
            assert await asking.begin(mine)


@pytest.mark.parametrize(("policy", "memory", "save", "append", "told"), [
    ("noeviction", "100", "3600 1", "no", ""), ("allkeys-lru", "0", "", "yes", ""),
    ("allkeys-lru", "100", "", "yes", "m"),
    ("noeviction", "0", "", "no", "d"), ("allkeys-lru", "100", "", "no", "md"),
])  # fmt: skip
def test_which_settings_of_a_redis_may_lose_keys(policy: str, memory: str, save: str, append: str, told: str) -> None:
    """A limit of its memory where it may drop any key, and neither kind of file on its disk."""
    settings = {"maxmemory": memory, "maxmemory-policy": policy, "save": save, "appendonly": append}

    class Server:
        def config_get(self, name: str) -> dict[str, str]:
            return {name: settings[name]}

    complaints = _complaints_about(Server())  # type: ignore[arg-type]  # a stand-in
    assert ["memory is full" in each for each in complaints] == [each == "m" for each in told]


async def test_a_redis_that_forgets_is_warned_of(
    tmp_path: Path, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps nothing on disk, or may drop keys; once for each store."""
    if Redis.reason_to_skip():
        pytest.skip(str(Redis.reason_to_skip()))
    settings = {"appendonly": "no", "maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}
    with own_redis(tmp_path, **settings) as server:
        async with RedisStore(server.url) as store:
            for _ in range(2):
                await Asking(store, account).find()
        warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert ["noeviction" in warnings[0], "appendonly" in warnings[1]] == [True, True]
        assert len(warnings) == 2
        caplog.clear()
        import redis

        with redis.Redis.from_url(server.url) as admin:
            admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~iletimerkezi:*", "+@all", "-config")
        async with RedisStore(server.url.replace("//", "//app:pw@")) as store:
            await Asking(store, account).find()
        assert [record for record in caplog.records if record.levelno == logging.WARNING] == []


async def test_a_redis_that_never_answers_is_asked_once(account: str) -> None:
    """A second question would wait as long as the first: the time is over when the first one has had it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        async with RedisStore(f"redis://127.0.0.1:{server.getsockname()[1]}/0", timeout=0.4) as store:
            error = await failure_of(store, account)
        assert "did not answer within 0.4 s" in str(error)
        # Nobody has taken the connections, which wait here.
        server.setblocking(False)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(("limit", "most"), [(0.1, 2), (2.0, 4)])
async def test_a_redis_that_hangs_up_is_asked_a_few_times(account: str, limit: float, most: int) -> None:
    """It may be restarting; but as each attempt may take long, too, there are no more than fit into the time."""
    taken: list[object] = []

    class HangUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            taken.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), HangUp) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        async with RedisStore(f"redis://127.0.0.1:{server.server_address[1]}/0", timeout=limit) as store:
            error = await failure_of(store, account)
        server.shutdown()
    assert "cannot be reached" in str(error)
    assert 1 <= len(taken) <= most


async def test_a_redis_that_lost_its_last_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is forgotten: within the 10 minutes the service still refuses it, and nobody is texted twice."""
    if Redis.reason_to_skip():
        pytest.skip(str(Redis.reason_to_skip()))
    with own_redis(tmp_path, appendonly="no") as server:
        world = World(RedisEngine(server.url), monkeypatch)
        with world.sandbox.serve() as world.url:
            async with RedisStore(server.url) as store, world.client(store) as client:
                await client.send_sms("Kod", 5301234567, key="k")
                await anyio.to_thread.run_sync(server.stop)
                await anyio.to_thread.run_sync(server.start)
                with pytest.raises(DuplicateOrderError):
                    await client.send_sms("Kod", 5301234567, key="k")
        assert world.sent() == {"+905301234567": 1}


@pytest.fixture
def plain_role(postgres_url: str) -> Iterator[tuple[str, str]]:
    """A database in which a role may not create; the addresses of its owner, and of the role."""
    import psycopg

    name = f"im_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]  # a name of ours
        connection.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'pw'")  # type: ignore[arg-type]  # likewise
    head, _, _ = postgres_url.rpartition("/")
    owner = f"{head}/{name}"
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    host = psycopg.conninfo.conninfo_to_dict(postgres_url)
    yield owner, f"host={host['host']} port={host['port']} user={name} password=pw dbname={name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]  # likewise
        connection.execute(f'DROP ROLE "{name}"')  # type: ignore[arg-type]  # likewise


async def test_a_role_that_may_not_create(plain_role: tuple[str, str], account: str) -> None:
    """It is told what to run; when its owner has, and has let it in, it works."""
    import psycopg

    owner, role = plain_role
    async with PostgresStore(role) as store:
        with pytest.raises(StoreError, match=r"PostgresStore\.SCHEMA"):
            await Asking(store, account).find()
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(PostgresStore.SCHEMA)  # type: ignore[arg-type]  # a constant
            connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC")
        await Asking(store, account).granted()
        await store.reserve(account, 1.0, 0.0)
        await note(StoreLog(store), account, KnownId(1))


async def test_no_statement_is_prepared(postgres_url: str, account: str) -> None:
    """A pooler in transaction mode gives each transaction another connection."""
    import psycopg

    async with PostgresStore(postgres_url) as store:
        for _ in range(20):
            await StoreLog(store).known(account, [1])
        pool = store._here()
        with pool.connection() as connection:
            assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
            assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert isinstance(connection, psycopg.Connection)


async def test_a_statement_that_waits_for_a_lock_ends(postgres_url: str, account: str) -> None:
    """By the server's own limit, so that the connection is of use again."""
    import psycopg

    async with PostgresStore(postgres_url) as patient, PostgresStore(postgres_url, timeout=0.4) as store:
        mine = await Asking(patient, account).granted()
        asking = Asking(store, account)
        await until_of_use(asking.find)
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT 1 FROM iletimerkezi_rows WHERE account = %s FOR UPDATE", (account,))
            with pytest.raises(StoreError, match=r"0\.4 s"):
                await asking.begin(mine)
        await until_of_use(asking.find)
        assert await Asking(patient, account).begin(mine)


async def test_a_foreign_file_is_left_alone(tmp_path: Path, account: str) -> None:
    """Another application's database, and what is none at all."""
    import sqlite3

    path = tmp_path / "app.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE app (id INTEGER)")
    database.close()
    before = path.read_bytes()
    (tmp_path / "text").write_text("not a database, by far not" * 100)
    for name in ("app.sqlite", "text"):
        async with SqliteStore(tmp_path / name) as store:
            with pytest.raises(StoreError, match="not a store"):
                await Asking(store, account).find()
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
async def test_a_file_that_could_not_be_opened_is_closed(tmp_path: Path, account: str) -> None:
    """However often it is tried."""
    (tmp_path / "text").write_text("not a database, by far not" * 100)
    async with SqliteStore(tmp_path / "text") as store:
        for _ in range(3):
            with pytest.raises(StoreError, match="not a store"):
                await Asking(store, account).find()
        opened = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
        assert os.fspath(tmp_path / "text") not in opened


async def test_the_edition_of_the_tables_is_noted(postgres_url: str, account: str) -> None:
    """A process of a later version applies the later statements alone."""
    import psycopg

    schema = f"s{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True, options=f"-c search_path={schema}") as other:
        other.execute(f"CREATE SCHEMA {schema}".encode())
        try:
            conninfo = psycopg.conninfo.make_conninfo(postgres_url, options=f"-c search_path={schema}")
            async with PostgresStore(conninfo) as store:
                await Asking(store, account).find()
            assert other.execute("SELECT edition FROM iletimerkezi_editions").fetchall() == [(len(EDITIONS),)]
        finally:
            other.execute(f"DROP SCHEMA {schema} CASCADE".encode())


async def test_the_file_is_its_owners_alone(tmp_path: Path, account: str) -> None:
    """With the files beside it."""
    async with SqliteStore(tmp_path / "store") as store:
        await note(StoreLog(store), account, KnownId(1))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}


def test_a_fork_uses_connections_of_its_own(engine: Engine, account: str, anyio_backend_name: str) -> None:
    """A forked process opens its own connections, even if a thread of the parent held the store's lock."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    program = f"""
import os, sys, anyio
sys.path.insert(0, {str(Path(__file__).parent)!r})
from engines import ENGINES
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import KnownId
store = ENGINES[{engine.name!r}]({engine.address!r}).store()
async def use(order_id):
    log = StoreLog(store)
    log.note_later({account!r}, KnownId(order_id))
    while order_id not in (found := await log.known({account!r}, [1, 2, 3])):
        await anyio.sleep(0.001)
    return sorted(found)
anyio.run(use, 1, backend={anyio_backend_name!r})
own = getattr(store, "_one_at_a_time", None) or getattr(store, "_lock", None)
lock = own or store._server.connection_pool._lock
lock.acquire()
child = os.fork()
if child:
    lock.release()
    _, status = os.waitpid(child, 0)
    print(status, anyio.run(use, 3, backend={anyio_backend_name!r}))
    anyio.run(store.aclose, backend={anyio_backend_name!r})
else:
    found = anyio.run(use, 2, backend={anyio_backend_name!r})
    os._exit(0 if found == [1, 2] else 1)
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert shown.stdout.strip() == "0 [1, 2, 3]", shown.stderr
