"""Has a server of `forked.py` run what stands behind its address, and ends as that does.

It imports little, as it is run for each process of the tests.
"""

import marshal
import os
import signal
import socket
import sys
from contextlib import suppress

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ask(server: socket.socket) -> None:
    ignored = [int(number) for number in _ENDINGS if signal.getsignal(number) is signal.SIG_IGN]
    socket.send_fds(server, [b"\n"], [0, 1, 2])
    here = os.getcwd()  # noqa: PTH109 - pathlib takes longer to import than all else
    server.sendall(marshal.dumps((sys.argv[2:], dict(os.environ), here, ignored)))
    # Open in the fork alone, whose end they tell.
    for stream in (0, 1, 2):
        os.close(stream)


def pass_signals_on(fork: int) -> None:
    def pass_on(number: int, _: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(fork, number)

    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)


def end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    ask(server)
    told = server.makefile("rb")
    pass_signals_on(int(told.readline()))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)
    end_as(int(told.readline()))
