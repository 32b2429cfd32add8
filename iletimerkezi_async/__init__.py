"""The asyncio-native client for the SMS service of iletimerkezi.com.

The house, from the top; each floor imports only those below it, and so do the files within a folder:

```
__main__  cli/  pytest_plugin      doors: the command, the fixtures
sandbox/                           the service's twin, an independent witness of the wire
__init__  client                   `AsyncClient`: one short method an operation
campaigns/                         any number of recipients, in as many orders as it takes
orders/                            the life of a single order
http/                              attempts, connections, pacing: what knows HTTP libraries
stores/                            what outlives a process
wire/                              what is asked, how answers are read; pure
results  models  numbers  text  errors  _version      the vocabulary: public names mostly
```
"""

from ._version import __version__
from .client import AsyncClient
from .errors import (
    ApiError,
    AuthenticationError,
    BlacklistError,
    ConfigurationError,
    ConsentError,
    DateRangeError,
    DuplicateOrderError,
    EmptyTextError,
    IletimerkeziError,
    InsufficientBalanceError,
    KeyConflictError,
    OrderAcceptedError,
    OrderNotDueError,
    OrderNotFoundError,
    OutcomeUnknownError,
    RecipientError,
    ScheduleError,
    SenderError,
    SendInProgressError,
    StoreError,
    TextTooLongError,
    TransportError,
    UnavailableError,
    WebhookError,
)
from .filling import fill_template
from .http.pacing import Pacer, TokenBucket
from .http.retry import Retry
from .models import (
    Balance,
    Consent,
    ConsentSource,
    ConsentStatus,
    ConsentType,
    Delivery,
    DeliveryEvent,
    Iys,
    Message,
    MessageStatus,
    Number,
    Order,
    OrderReport,
    OrderStatus,
    RecipientType,
    Send,
    SendState,
)
from .numbers import normalize_number
from .orders.paging import Report
from .results import BulkError, BulkResult, Failure, JournalError, Progress, Refusal
from .text import Encoding, TextLength, measure
from .wire.webhook import parse_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "AuthenticationError",
    "Balance",
    "BlacklistError",
    "BulkError",
    "BulkResult",
    "ConfigurationError",
    "Consent",
    "ConsentError",
    "ConsentSource",
    "ConsentStatus",
    "ConsentType",
    "DateRangeError",
    "Delivery",
    "DeliveryEvent",
    "DuplicateOrderError",
    "EmptyTextError",
    "Encoding",
    "Failure",
    "IletimerkeziError",
    "InsufficientBalanceError",
    "Iys",
    "JournalError",
    "KeyConflictError",
    "Message",
    "MessageStatus",
    "Number",
    "Order",
    "OrderAcceptedError",
    "OrderNotDueError",
    "OrderNotFoundError",
    "OrderReport",
    "OrderStatus",
    "OutcomeUnknownError",
    "Pacer",
    "Progress",
    "RecipientError",
    "RecipientType",
    "Refusal",
    "Report",
    "Retry",
    "ScheduleError",
    "Send",
    "SendInProgressError",
    "SendState",
    "SenderError",
    "StoreError",
    "TextLength",
    "TextTooLongError",
    "TokenBucket",
    "TransportError",
    "UnavailableError",
    "WebhookError",
    "__version__",
    "fill_template",
    "measure",
    "normalize_number",
    "parse_webhook",
]
