"""Real servers for the tests: those that the environment names, or ones of our own where the programs are there."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ports import free_port, wait_for_port
from typing_extensions import Self
from waiting import PATIENCE


class Redis:
    """A Redis server of our own, which can be stopped, frozen and started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._settings = {
            "port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "yes", "appendfsync": "no",
            "logfile": os.devnull, "dir": str(folder), **settings,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = [word for name, value in self._settings.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @staticmethod
    def reason_to_skip() -> str | None:
        if shutil.which("redis-server"):
            return None
        return "no Redis server: set ILETIMERKEZI_TEST_REDIS, or install one (apt-get install redis-server)"


class Postgres:
    """A PostgreSQL server of our own, likewise. It refuses to run as root, and is then run as `postgres`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._folder = folder / "data"
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            # pytest's own folders are closed to others.
            self._folder = Path(f"/tmp/iletimerkezi-tests-{os.getpid()}-{self.port}")
            self._folder.mkdir()
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        path = _postgres_programs()[-1] / program
        subprocess.run(
            [*self._as, path, f"--pgdata={self._folder}", *arguments],
            check=True, cwd="/tmp", stdout=subprocess.DEVNULL, timeout=PATIENCE,
        )  # fmt: skip

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "--wait", "--silent", f"--log={self._folder}/log", f"--options={options}", "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", f"--mode={mode}", "--silent", "stop")

    def become_standby(self) -> None:
        """Start anew as a server that takes no writes."""
        self.stop("fast")
        (self._folder / "standby.signal").touch()
        self.start()

    def signal(self, number: int) -> None:
        """To the server and all that it has started for connections."""
        first = int((self._folder / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=False
        )
        for process in (first, *map(int, children.stdout.split())):
            os.kill(process, number)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def reason_to_skip() -> str | None:
        if _postgres_programs() and (os.geteuid() != 0 or shutil.which("runuser")):
            return None
        return "no PostgreSQL server: set ILETIMERKEZI_TEST_POSTGRES, or install one (apt-get install postgresql)"


def _postgres_programs() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]))
    there = [path for path in debian if (path / "initdb").exists()]
    found = shutil.which("initdb")
    return there or ([Path(found).resolve().parent] if found else [])


@contextmanager
def own_redis(folder: Path, **settings: str) -> Iterator[Redis]:
    server = Redis(folder, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def own_postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


@contextmanager
def named_or_own(kind: type[Redis | Postgres], folder: Path) -> Iterator[str]:
    """The address of the server that the environment names, or of one of our own; skips the test where neither is."""
    url = os.environ.get(f"ILETIMERKEZI_TEST_{kind.__name__.upper()}")
    if url:
        yield url
        return
    reason = kind.reason_to_skip()
    if reason:
        pytest.skip(reason)
    with own_redis(folder) if kind is Redis else own_postgres(folder) as server:
        yield server.url


class Forwarder(socketserver.ThreadingTCPServer):
    """A port that leads to one server, and later to another, as a name does that is moved to a new primary."""

    daemon_threads = True

    def __init__(self, to: int) -> None:
        self.to = to
        super().__init__(("127.0.0.1", 0), _Forwarded)
        self.port = int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class _Forwarded(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Forwarder)
        with socket.create_connection(("127.0.0.1", self.server.to)) as there:
            back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
            back.start()
            _copy(self.request, there)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
