"""Of which calls telemetry tells: those of the public face, and each page of a list."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from iletimerkezi_async.wire.call import Call, T

    from .telemetry import Telemetry

__all__ = ["Caller", "observed", "observed_calls"]

C = TypeVar("C")
R = TypeVar("R")

# For each method the name of its span, and the operation whose attempts count. The two differ where there is more to a
# call than one operation. `send_sms` calls `send_messages`; lists call `observed_calls`.
_METHODS = {
    "get_balance": ("get-balance", "get-balance"),
    "send_messages": ("send-sms", "send-sms"),
    "send_bulk": ("send-bulk", "send-sms"),
    "send_bulk_messages": ("send-bulk", "send-sms"),
    "get_order": ("get-report", "get-report"),
    "wait_for_order": ("wait-for-order", "get-report"),
    "cancel_order": ("cancel-order", "cancel-order"),
    "get_senders": ("get-sender", "get-sender"),
    "add_blacklist": ("add-blacklist", "add-blacklist"),
    "delete_blacklist": ("delete-blacklist", "delete-blacklist"),
    "register_consents": ("consent/create", "consent/create"),
    "check_consent": ("consent/show", "consent/show"),
}
#: Names whose first argument is an order's id.
_ABOUT_AN_ORDER = frozenset({"get-report", "wait-for-order", "cancel-order"})


class Caller(Protocol):
    """What performs calls that are not guarded."""

    @property
    def address(self) -> str:
        """Where the service is."""
        ...

    async def call(self, call: Call[T], /) -> T:
        """Perform a call."""
        ...


class _ObservedCalls:
    """Performs calls, each of which is one of the public face: a page of a list."""

    def __init__(self, caller: Caller, telemetry: Telemetry) -> None:
        self._caller = caller
        self._telemetry = telemetry

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._caller.address

    async def call(self, call: Call[T], /) -> T:
        """Perform a call."""
        with self._telemetry.observe(call.operation) as observation:
            result = await self._caller.call(call)
            observation.note_result(result)
            return result


def observed_calls(caller: Caller, telemetry: Telemetry | None) -> Caller:
    """What performs calls, each with a span of its own where there is telemetry."""
    return caller if telemetry is None else _ObservedCalls(caller, telemetry)


def observed(client: C) -> C:
    """Have a client's calls observed, as long as its face has telemetry."""
    for method, names in _METHODS.items():
        setattr(client, method, _observe(getattr(client, method), *names))
    return client


def _observe(
    method: Callable[..., Coroutine[object, object, R]], name: str, operation: str
) -> Callable[..., Coroutine[object, object, R]]:
    @functools.wraps(method)
    async def observing(self: Any, *args: object, **kwargs: object) -> R:
        waiting = method(self, *args, **kwargs)
        telemetry: Telemetry | None = self._face.telemetry
        observation = None if telemetry is None else telemetry.observe(name, operation)
        if observation is not None and name in _ABOUT_AN_ORDER:
            observation.note_order_id(kwargs.get("order_id", args[0] if args else None))
        # Error trackers print the variables of the frames that an error passes.
        args, kwargs = (), {}
        if observation is None:
            return await waiting
        with observation:
            result = await waiting
            observation.note_result(result)
            return result

    return observing
