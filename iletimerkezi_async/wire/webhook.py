"""Delivery reports that the service posts to the address set in the panel."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import cast

import orjson

from iletimerkezi_async.errors import WebhookError
from iletimerkezi_async.models import DeliveryEvent, MessageStatus
from iletimerkezi_async.redaction import forgetful

from .reading import Json, UnreadableError, is_empty, needed, read_id, read_number, read_object, read_string

__all__ = ["parse_webhook"]

# A report holds one message of at most seven SMS; a larger body is not the service's.
_MAX_BODY = 64 * 2**10
# Source: the provider's page on delivery reports.
_STATUS: dict[str | int, MessageStatus] = {
    "accepted": MessageStatus.SENDING,
    "delivered": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERED,
    # The codes of `get-report`, which may come here, too.
    **{status.value: status for status in MessageStatus},
    **{str(status.value): status for status in MessageStatus},
}
# A word that may be shown: short, and not a phone number.
_WORD = r"(?!.*[0-9]{5})[A-Za-z0-9_-]{1,32}"


@forgetful
def parse_webhook(body: bytes | str) -> DeliveryEvent:
    """Read a report that the service posts about a message: one when it is accepted, and one when its state is final.

    The service signs nothing: anyone who knows the address can post there. A report may come before `send_sms` has
    returned, more than once, and out of order; see `MessageStatus.is_final`. (Source: the provider's page on webhooks.)

    Args:
        body: The body of the request, as received.

    Returns:
        The report.

    Raises:
        WebhookError: It is not such a report, or larger than 64 KiB.
    """
    if not isinstance(cast("object", body), (bytes, bytearray, str)):
        raise WebhookError("the body is neither bytes nor text")
    # Text that is larger already by its characters is not encoded.
    if len(body) > _MAX_BODY or (isinstance(body, str) and len(body.encode("utf-8", "surrogatepass")) > _MAX_BODY):
        raise WebhookError(f"the body is larger than {_MAX_BODY >> 10} KiB")
    # An error of `orjson` holds the body, so it is not chained.
    with suppress(orjson.JSONDecodeError, UnreadableError):
        return _read_event(read_object(read_object(orjson.loads(body)).get("report")))
    raise WebhookError("the body is not a delivery report of the service")


def _read_event(report: Json) -> DeliveryEvent:
    word = report.get("status")
    status = _STATUS.get(word) if isinstance(word, (str, int)) else None
    if status is None:
        raise WebhookError(f"the body has an unknown status{_show(word)}")
    to, body = report.get("to"), report.get("body")
    return DeliveryEvent(
        read_id(report.get("id")),
        read_id(report.get("packet_id")),
        read_number(needed(None if is_empty(to) else to, "a number")),
        status,
        "" if is_empty(body) else needed(read_string(body), "a text"),
    )


def _show(word: object) -> str:
    return f": {word}" if isinstance(word, str) and re.fullmatch(_WORD, word) else ""
