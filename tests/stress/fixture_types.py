"""What the fixtures of the stress tests are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bad_servers import Answer

from iletimerkezi_async import AsyncClient

#: Serves raw answers; gives the base URL.
Serve = Callable[[Answer], str]
#: Makes a client of a base URL, with options of its own.
ClientOf = Callable[..., AsyncClient]
#: A context that nothing may survive.
NothingLeft = Callable[[], AbstractAsyncContextManager[None]]
#: An event loop, as `anyio.run` wants it named: the backend and its options.
Loop = tuple[str, dict[str, bool]]
