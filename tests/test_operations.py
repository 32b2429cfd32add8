"""One table names the service's operations; the client, the sandbox, the command and the words about it follow it.

What each operation's requests, answers and failures are tested with follows it, too: see the tables of
`test_sandbox_contract`, `test_fuzz_answers`, `test_arguments`, `test_secrets_matrix` and `test_telemetry`.
"""

from __future__ import annotations

import inspect

import typer
from typer.testing import CliRunner

from iletimerkezi_async import AsyncClient, cli, wire
from iletimerkezi_async.sandbox import service
from iletimerkezi_async.wire import OPERATIONS

#: What a client has that asks for no operation by itself.
OTHERS = {"with_options", "aclose", "find_send", "mark_sent", "mark_not_sent"}
#: The command for each, which a person may want.
COMMANDS = {
    "get-balance": ("balance",),
    "send-sms": ("send",),
    "get-report": ("report",),
    "get-reports": ("orders",),
    "cancel-order": ("cancel",),
    "get-sender": ("senders",),
    "get-blacklist": ("blacklist", "list"),
    "add-blacklist": ("blacklist", "add"),
    "delete-blacklist": ("blacklist", "remove"),
    "consent/create": ("consent", "register"),
    "consent/show": ("consent", "check"),
}


def test_every_method_is_of_one_operation() -> None:
    """And none is named that is not there."""
    named = [method for operation in OPERATIONS.values() for method in operation.methods]
    assert sorted(named) == sorted({name for name in vars(AsyncClient) if not name.startswith("_")} - OTHERS)


def test_every_method_that_is_awaited_is_observed() -> None:
    """The others give rows, and each of their pages is observed."""
    for operation in OPERATIONS.values():
        for name in operation.methods:
            method = vars(AsyncClient)[name]
            assert method.__code__.co_name == ("observing" if inspect.iscoroutinefunction(method) else "guarded_now")


def test_the_sandbox_has_every_operation() -> None:
    """And no other."""
    assert service.OPERATIONS.keys() == OPERATIONS.keys()


def test_the_command_has_every_operation() -> None:
    """Each has its own help."""
    assert COMMANDS.keys() == OPERATIONS.keys()
    runner = CliRunner()
    for words in COMMANDS.values():
        assert runner.invoke(cli.app, [*words, "--help"]).exit_code == 0, words
    assert isinstance(cli.app, typer.Typer)


def test_the_chapter_names_every_operation() -> None:
    """In the table of which document says what, each with its methods."""
    rows = [line for line in (wire.__doc__ or "").splitlines() if line.startswith("| `")]
    for operation in OPERATIONS.values():
        (row,) = (row for row in rows if f"| `{operation.name}` |" in row)
        assert [method for method in operation.methods if f"`{method}`" not in row] == []
