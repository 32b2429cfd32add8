"""Processes that begin with what they need imported: forks of a Python that has imported it once.

To import it takes a process a third of a second, and the tests start hundreds. `[*python(), "-m", "x"]` is a command
for `subprocess` in place of `[sys.executable, "-m", "x"]`: it runs `forked_client.py`, which passes its streams,
environment, folder and signals on to the fork, and ends as the fork does.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import marshal
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_IMPORTED = (
    "anyio._backends._asyncio", "iletimerkezi_async.cli", "iletimerkezi_async.sandbox", "iletimerkezi_async.stores",
    "openpyxl", "psycopg_pool", "redis.asyncio", "rich.progress", "uvicorn",
)  # fmt: skip
_HERE = Path(__file__)
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Asked(NamedTuple):
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    ignored: list[int]


@functools.cache
def python() -> tuple[str, ...]:
    """The words in place of `sys.executable`; starts the server of this process's forks, which ends with it."""
    server = subprocess.Popen(
        [sys.executable, _HERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    _SERVERS.append(server)
    assert server.stdout
    address = server.stdout.readline().strip()
    return sys.executable, "-I", "-S", str(_HERE.with_name("forked_client.py")), address


#: Kept, as a server ends when nothing holds its input.
_SERVERS: list[subprocess.Popen[str]] = []


class _Server:
    """Forks for each client, and tells it how that ended; kills the fork of a client that was killed."""

    def __init__(self, folder: str) -> None:
        self.address = f"{folder}/socket"
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(self.address)
        self._door.listen(64)
        self._forks: dict[socket.socket, int] = {}
        self._bell, ringing = socket.socketpair()
        ringing.setblocking(False)
        self._ringing = ringing
        signal.set_wakeup_fd(ringing.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> _Asked | None:
        """Until standard input ends; returns in each fork."""
        while True:
            ready, _, _ = select.select([0, self._door, self._bell, *self._forks], [], [])
            if 0 in ready:
                return None
            for client in self._forks.keys() & set(ready):
                os.kill(self._forks[client], signal.SIGKILL)
            if self._bell in ready:
                self._bell.recv(64)
                self._tell_ends()
            elif self._door in ready:
                asked = self._fork()
                if asked:
                    return asked

    def _fork(self) -> _Asked | None:
        client, _ = self._door.accept()
        _, streams, _, _ = socket.recv_fds(client, 1, 3)
        with client.makefile("rb") as file:
            asked = _Asked(*marshal.load(file))
        fork = os.fork()
        if fork == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (client, self._door, self._bell, self._ringing, *self._forks):
                each.close()
            for place, stream in enumerate(streams):
                os.dup2(stream, place)
        else:
            self._forks[client] = fork
            client.sendall(b"%d\n" % fork)
        for stream in streams:
            os.close(stream)
        return None if fork else asked

    def _tell_ends(self) -> None:
        for client, fork in list(self._forks.items()):
            ended, status = os.waitpid(fork, os.WNOHANG)
            if ended:
                with client, suppress(OSError):
                    del self._forks[client]
                    client.sendall(b"%d\n" % status)


def _serve() -> _Asked | None:
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    folder = tempfile.mkdtemp()
    server = _Server(folder)
    sys.stdout.write(f"{server.address}\n")
    sys.stdout.flush()
    asked = server.serve()
    if asked is None:
        shutil.rmtree(folder)
    return asked


def _become(asked: _Asked) -> None:
    """Be as an interpreter that was started so."""
    os.environ.clear()
    os.environ.update(asked.environment)
    os.chdir(asked.folder)
    for number in _ENDINGS:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in asked.ignored else usual)
    if asked.environment.get("PYTHONWARNINGS") == "error":
        sys.warnoptions.append("error")
        warnings.simplefilter("error")
    encoding, _, errors = asked.environment.get("PYTHONIOENCODING", "utf-8").partition(":")
    for place, name, mode, buffering in ((0, "stdin", "r", -1), (1, "stdout", "w", -1), (2, "stderr", "w", 1)):
        on_error = "backslashreplace" if name == "stderr" else errors or "strict"
        stream = open(place, mode, buffering, encoding, on_error, closefd=False)  # noqa: SIM115 - to its end
        setattr(sys, name, stream)


def _run(first: str, *others: str) -> None:
    """Run a module (`-m`), code (`-c`) or a file, as the arguments of an interpreter say."""
    if first == "-m":
        sys.path[0] = str(Path.cwd())
        sys.argv = list(others)
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *others[1:]]
        exec(others[0], {"__name__": "__main__"})
    else:
        sys.path[0] = str(Path(first).parent)
        sys.argv = [first, *others]
        runpy.run_path(first, run_name="__main__")


def _end(code: object) -> None:
    """End as an interpreter does, but without taking apart all that was imported, which takes longer than most runs."""
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads
    atexit._run_exitfuncs()
    # What is left open warns of it.
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


def _live(asked: _Asked) -> None:
    _become(asked)
    try:
        _run(*asked.arguments)
    except SystemExit as end:
        _end(end.code)
    except BaseException:  # noqa: BLE001 - it is at the end
        sys.excepthook(*sys.exc_info())
        _end(1)
    _end(0)


if __name__ == "__main__":
    asked = _serve()
    if asked:
        _live(asked)
