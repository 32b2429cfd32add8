"""Orders: `send-sms` and `cancel-order`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from iletimerkezi_async.models import Iys, Order

from . import OPERATIONS
from .call import Call, read_status_only
from .credentials import Body
from .packing import in_turns
from .reading import Json, read_id, read_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.errors import ApiError

    from .draft import Draft

_MESSAGE = b'{"text":%b,"receipents":{"number":%b}}'
# The text is too long or empty; the sender is missing or too long.
_OF_THE_ORDER_ITSELF = frozenset({453, 454, 459, 460})


def send_sms(draft: Draft, is_astray: Callable[[Order, bool], bool] | None = None) -> Call[Order]:
    """Ask to send an order; `is_astray` as for `Call`.

    `receipents` is the service's spelling. The schedule is written without seconds: with them the service would send at
    once.
    """
    order: dict[str, object] = {"sender": draft.sender, "iys": "0"}
    if draft.send_at is not None:
        order["sendDateTime"] = [draft.send_at.strftime("%d/%m/%Y %H:%M")]
    if draft.iys is not Iys.OFF:
        order["iys"] = "1"
        order["iysList"] = draft.iys.value
    texts = in_turns(draft.messages.items())
    messages = [_MESSAGE % (orjson.dumps(text), orjson.dumps(numbers)) for text, numbers in texts]
    opening, closing = (b"[", b"]") if len(messages) > 1 else (b"", b"")
    head = orjson.dumps({"order": order})[: -len(b"}}")]
    fields = Body(b"".join((head, b',"message":', opening, b",".join(messages), closing, b"}}")))
    # The closure must not hold the draft, which is large: the call lives longer.
    recipients = draft.recipients

    def read_order(response: Json) -> Order:
        """Read `order: {id}`."""
        return Order(read_id(read_object(response.get("order")).get("id")), recipients)

    return Call(OPERATIONS["send-sms"], fields, read_order, draft.about, recipients, draft.send_at, is_astray)


def cancel_order(order_id: int) -> Call[None]:
    """Ask to cancel an order."""
    return Call(OPERATIONS["cancel-order"], {"order": {"id": order_id}}, read_status_only, about=f"{order_id}")


def proves_refusal(error: ApiError) -> bool:
    """Whether a refusal proves that every other attempt with the same order was refused, too."""
    return error.code in _OF_THE_ORDER_ITSELF
