"""The environment, and options that all commands share."""

import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Annotated, TypeAlias, TypeVar

import typer

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.http.settings import choose_base_url
from iletimerkezi_async.models import Iys
from iletimerkezi_async.stores import Store
from iletimerkezi_async.wire.credentials import HASH_VARIABLE, KEY_VARIABLE, Credentials
from iletimerkezi_async.wire.draft import SENDER_VARIABLE

from .command import run_async
from .messages import CommandError
from .output import show_log

__all__ = [
    "DEMO_HASH", "DEMO_KEY", "DEMO_SENDER", "IYS_VARIABLE", "SENDER_VARIABLE", "IysChoice", "Json", "Verbose", "Word",
    "call", "has_credentials", "open_client", "read_credentials",
]  # fmt: skip

T = TypeVar("T")

IYS_VARIABLE = "ILETIMERKEZI_IYS"

#: Credentials and sender that the command's sandboxes accept.
DEMO_KEY = "demo"
DEMO_HASH = "demo"
DEMO_SENDER = "FIRMA"


class IysChoice(str, Enum):
    """The values of --iys."""

    OFF = "off"
    BIREYSEL = "bireysel"
    TACIR = "tacir"

    @property
    def iys(self) -> Iys:
        """The library's value."""
        return Iys[self.name]


def _show_debug(asked: bool) -> bool:
    if asked:
        show_log(logging.DEBUG)
    return asked


#: The value of an option that may be left out.
Word: TypeAlias = str | None
Verbose = Annotated[bool, typer.Option("--verbose", callback=_show_debug, help="Log every request.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def has_credentials() -> bool:
    """Whether the environment has a key or a hash."""
    return any(os.environ.get(name) for name in (KEY_VARIABLE, HASH_VARIABLE))


def read_credentials() -> Credentials:
    """The credentials and the service's address from the environment.

    Raises:
        ConfigurationError: A credential is missing, or a setting cannot work.
    """
    return Credentials(None, None, choose_base_url(None))


def open_client(*, sender: str | None = None, iys: Iys | None = None, store: Store | None = None) -> AsyncClient:
    """A client with the credentials from the environment.

    Credentials cannot be given as arguments, because those are visible in the list of processes.

    Raises:
        CommandError: A credential is missing, or a setting cannot work.
    """
    missing = [name for name in (KEY_VARIABLE, HASH_VARIABLE) if not os.environ.get(name)]
    if missing:
        raise CommandError(f"set {' and '.join(missing)} in the environment (to try without: iletimerkezi demo)")
    try:
        return AsyncClient(sender=sender, iys=iys, store=store)
    except ConfigurationError as error:
        raise CommandError(str(error)) from None


def call(
    question: Callable[[AsyncClient], Awaitable[T]],
    client: AbstractAsyncContextManager[AsyncClient] | None = None,
    if_interrupted: str = "",
) -> T:
    """Make one call to the service.

    Args:
        question: Makes the call with the client.
        client: The client, not opened yet; by default that of the environment.
        if_interrupted: The message after Ctrl-C.
    """

    async def ask() -> T:
        async with client or open_client() as opened:
            return await question(opened)

    return run_async(ask, if_interrupted)
