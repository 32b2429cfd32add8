"""Registering consents, some thousands at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iletimerkezi_async.errors import ApiError, TransportError
from iletimerkezi_async.wire.consents import register_consents as register_consents_call

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.wire.consents import Registration

__all__ = ["register_consents"]


async def register_consents(transport: Transport, registration: Registration) -> None:
    """Register checked consents, one batch after the other; an error tells in `registered` how many were before it.

    Raises:
        ApiError: The service refused a batch.
        TransportError: A batch could not be sent.
        OutcomeUnknownError: The answer to a batch was lost.
    """
    registered = 0
    for batch in registration.batches():
        try:
            await transport.call(register_consents_call(registration.brand_code, batch))
        except (ApiError, TransportError) as error:
            error.registered = registered
            raise
        registered += len(batch)
