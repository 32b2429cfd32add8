"""Delivery reports with mistakes in them, beyond what `test_webhook` shows."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from readers import read_webhook

REPORT = {
    "report": {"id": 1599558518, "packet_id": "104525848", "status": "delivered", "to": "+905301234567", "body": "Kod"}
}


@pytest.mark.parametrize("write", [bytes, lambda body: body.decode("utf-8", "surrogateescape"), bytearray])
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(body=mutated(REPORT, most=4), cut=st.integers(0, 40))
def test_no_report_breaks_its_reader(write: type, body: bytes, cut: int) -> None:
    """Values replaced, doubled, wrapped and left out; whole or cut off."""
    read_webhook(write(body[: len(body) - cut]))
