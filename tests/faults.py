"""What can happen to a request on its way."""

from __future__ import annotations

#: What can happen to a request on its way, each with whether the service had taken the order.
FAULTS = [
    "drop-request",
    "drop-answer",
    "half-answer",
    "garbage",
    "not-object",
    "html-502-before",
    "html-502",
    "empty-504",
    "empty-503",
    "503",
    "429",
    "empty-429",
    "close-idle",
]
