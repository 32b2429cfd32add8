"""Fixtures for the tests of programs that send SMS: the sandbox in process, and on a real socket.

They are available if the library and pytest are installed; `iletimerkezi_sandbox_url` needs the extra `sandbox`. See
`iletimerkezi_async.sandbox` for an example.

pytest loads this file at the start of every run, even of tests that never send an SMS, so it imports nothing before a
fixture is used. For the same reason the wheel has it outside of the package, as `iletimerkezi_async_pytest`: importing
a module of the package imports the client first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iletimerkezi_async.sandbox import Sandbox

__all__ = ["iletimerkezi_sandbox", "iletimerkezi_sandbox_url"]


@pytest.fixture
def iletimerkezi_sandbox() -> Sandbox:
    """A fake of the SMS service of iletimerkezi.com, new for each test.

    To change its settings, define a fixture of the same name that returns, for example, `Sandbox(blocked=[...])`.
    """
    from iletimerkezi_async.sandbox import Sandbox  # noqa: PLC0415 - loaded where it is used

    return Sandbox()


@pytest.fixture
def iletimerkezi_sandbox_url(iletimerkezi_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of the same sandbox on a real socket.

    The environment variables `ILETIMERKEZI_API_KEY`, `_API_HASH`, `_SENDER` and `_BASE_URL` are set to it for the test.
    """
    with iletimerkezi_sandbox.serve() as url:
        for name, value in iletimerkezi_sandbox.environment(url).items():
            monkeypatch.setenv(name, value)
        yield url
