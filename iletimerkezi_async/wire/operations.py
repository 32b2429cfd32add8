"""The operations of the service: the one table that telemetry, the repetitions and the tests' matrices follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from .call import Call, Kind, T, dump_fields
from .credentials import Body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from .reading import Json

__all__ = ["MEMORY", "OPERATIONS", "SEND_WINDOW", "Operation"]

#: For so many seconds the service refuses the same order as a duplicate (source: the provider's `send-sms` page, 451).
MEMORY: Final = 10 * 60.0
#: A repetition leaves within so many seconds of the first attempt: a tenth of the memory is left for the way.
SEND_WINDOW: Final = 9 * 60.0


@frozen(eq=False)
class Operation:
    """One operation of the service.

    Attributes:
        name: The service's name for it, which is also its path.
        kind: Whether it may be repeated.
        methods: The methods of `AsyncClient` that ask for it.
        taken_code: The refusal which, after a lost answer, tells that the first attempt was taken.
        traceable: Whether other operations can tell afterwards that it was taken.
        window: For how many seconds after the first attempt began it may be repeated.
    """

    name: str
    kind: Kind
    methods: tuple[str, ...]
    taken_code: int | None = None
    traceable: bool = False
    window: float | None = None

    def call(
        self,
        fields: Mapping[str, object] | Body,
        read: Callable[[Json], T],
        *,
        about: str = "",
        recipients: int = 0,
        send_at: datetime | None = None,
    ) -> Call[T]:
        """Make a request for it.

        Args:
            fields: What stands beside `authentication`, perhaps as JSON already.
            read: As for `Call`.
            about: As for `Call`.
            recipients: As for `Call`.
            send_at: As for `Call`.
        """
        return Call(
            self.name,
            self.kind,
            fields if isinstance(fields, Body) else dump_fields(fields),
            read,
            about,
            recipients,
            self.taken_code,
            self.traceable,
            self.window,
            send_at,
        )


_ALL: Final = (
    Operation("get-balance", Kind.REPEATABLE, ("get_balance",)),
    Operation(
        "send-sms",
        Kind.GUARDED,
        ("send_sms", "send_messages", "send_bulk", "send_bulk_messages"),
        taken_code=451,
        traceable=True,
        window=SEND_WINDOW,
    ),
    Operation("get-report", Kind.REPEATABLE, ("get_report", "get_order", "wait_for_order")),
    Operation("get-reports", Kind.REPEATABLE, ("get_reports",)),
    Operation("cancel-order", Kind.GUARDED, ("cancel_order",), taken_code=455),
    Operation("get-sender", Kind.REPEATABLE, ("get_senders",)),
    Operation("get-blacklist", Kind.REPEATABLE, ("get_blacklist",)),
    Operation("add-blacklist", Kind.REPEATABLE, ("add_blacklist",)),
    Operation("delete-blacklist", Kind.GUARDED, ("delete_blacklist",), taken_code=474),
    Operation("consent/create", Kind.ONCE, ("register_consents",)),
    Operation("consent/show", Kind.REPEATABLE, ("check_consent",)),
)

#: All that this library asks for, by name.
OPERATIONS: Final = {operation.name: operation for operation in _ALL}
