"""The asyncio-native client for the SMS service of iletimerkezi.com."""

from ._version import __version__
from .client import AsyncClient
from .errors import (
    ApiError,
    AuthenticationError,
    BlacklistError,
    BulkError,
    ConfigurationError,
    ConsentError,
    DateRangeError,
    DuplicateOrderError,
    EmptyTextError,
    IletimerkeziError,
    InsufficientBalanceError,
    JournalError,
    OrderAcceptedError,
    OrderNotDueError,
    OrderNotFoundError,
    OutcomeUnknownError,
    RecipientError,
    ScheduleError,
    SenderError,
    TextTooLongError,
    TransportError,
    UnavailableError,
    WebhookError,
)
from .models import Balance, Delivery, Iys, Message, MessageStatus, Order, OrderReport, OrderStatus
from .numbers import normalize_number
from .pacing import Pacer, TokenBucket
from .paging import Report
from .retry import Retry
from .text import Encoding, TextLength, measure

__all__ = [
    "ApiError",
    "AsyncClient",
    "AuthenticationError",
    "Balance",
    "BlacklistError",
    "BulkError",
    "ConfigurationError",
    "ConsentError",
    "DateRangeError",
    "Delivery",
    "DuplicateOrderError",
    "EmptyTextError",
    "Encoding",
    "IletimerkeziError",
    "InsufficientBalanceError",
    "Iys",
    "JournalError",
    "Message",
    "MessageStatus",
    "Order",
    "OrderAcceptedError",
    "OrderNotDueError",
    "OrderNotFoundError",
    "OrderReport",
    "OrderStatus",
    "OutcomeUnknownError",
    "Pacer",
    "RecipientError",
    "Report",
    "Retry",
    "ScheduleError",
    "SenderError",
    "TextLength",
    "TextTooLongError",
    "TokenBucket",
    "TransportError",
    "UnavailableError",
    "WebhookError",
    "__version__",
    "measure",
    "normalize_number",
]
