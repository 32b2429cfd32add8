"""Consents: registering some thousands at a time, and asking for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iletimerkezi_async.errors import ApiError, OutcomeUnknownError, TransportError
from iletimerkezi_async.wire import consents

if TYPE_CHECKING:
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.models import Consent
    from iletimerkezi_async.wire.consents import Question, Registration

__all__ = ["check_consent", "register_consents"]

# The service gives this code to values that it does not take, too.
_NO_RECORD = 422


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
            await transport.call(consents.register_consents(registration.brand_code, batch))
        except (ApiError, TransportError, OutcomeUnknownError) as error:
            error.registered = registered
            raise
        registered += len(batch)


async def check_consent(transport: Transport, question: Question) -> Consent | None:
    """Ask for a recipient's consent; `None` where there is no record, in both of the wire's forms.

    Raises:
        IletimerkeziError: As `AsyncClient.check_consent`.
    """
    try:
        return await transport.call(consents.check_consent(question))
    except ApiError as error:
        if error.code != _NO_RECORD:
            raise
    return None
