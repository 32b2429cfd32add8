"""The answer as HTTP: status, headers, body, and the fault of the connection."""

from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any, Final

import attrs

from iletimerkezi_async.sandbox.codes import DONE, message_of
from iletimerkezi_async.sandbox.faults import Fault, Planned
from iletimerkezi_async.sandbox.notations import Notation
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Reply", "Writer"]

_COOKIE: Final = "SERVERID=s1; path=/; HttpOnly"
_HTML: Final = "text/html; charset=UTF-8"
_GATEWAY_PAGE: Final = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)
# Answers that do not come from the service itself: HTTP status, content type, body.
_PAGES: Final[dict[str, tuple[int, str, bytes]]] = {
    Fault.GARBAGE: (200, _HTML, b"OK 1 {"),
    Fault.NOT_OBJECT: (200, "application/json", b"[200]"),
    Fault.HTML_502: (502, _HTML, _GATEWAY_PAGE),
    Fault.HTML_502_BEFORE: (502, _HTML, _GATEWAY_PAGE),
    Fault.EMPTY_504: (504, _HTML, b""),
    Fault.EMPTY_503: (503, _HTML, b""),
    Fault.EMPTY_429: (429, _HTML, b""),
}
# Answers of the service itself. 503 and 429 are also the HTTP status, in every style.
_LATER: Final = (Fault.JSON_503, Fault.JSON_429)
_BODILESS: Final = frozenset({204, 205, 304})


@attrs.frozen
class Reply:
    """An answer of the service, without any I/O.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case; ``date`` is the time of the sandbox's clock, changed by its weather.
        body: The whole body, even if the fault sends only half of it or nothing.
        fault: The fault that was planned for this request, or None. Server and transport carry out ``drop-request``,
            ``drop-answer``, ``half-answer``, ``stall`` and ``close-idle``; the reply itself contains all others.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = attrs.field(repr=False)
    fault: str | None = None


@attrs.frozen
class Writer:
    """Writes replies in one notation and style at one time.

    Attributes:
        notation: The notation of the request and of the answer.
        style: Decides the types, and whether the HTTP status repeats the code.
        weather: Decides the time in the ``Date`` header.
        now: The sandbox's time.
    """

    notation: Notation
    style: Style
    weather: Weather
    now: datetime

    def usual(self, code: int, payload: dict[str, Any]) -> Reply:
        """Write a normal answer: the status object, and the payload beside it."""
        status = 200 if self.style.http_status == "200" else _http_status(code)
        return self._reply(status, self.notation.content_type, self._document(code, payload))

    def faulty(self, planned: Planned, usual: Reply | None) -> Reply:
        """Write the answer to a request with a planned fault.

        Args:
            planned: The fault.
            usual: The normal answer, if the request was processed.
        """
        reply = self._broken(planned) or usual or self._reply(DONE, self.notation.content_type, b"")
        return attrs.evolve(reply, fault=planned.word)

    def _broken(self, planned: Planned) -> Reply | None:
        """Write the answer that replaces the normal one; None if the fault concerns only the connection."""
        if planned.word in _PAGES:
            return self._reply(*_PAGES[planned.word], *_retry_after(planned))
        if planned.word in _LATER:
            code = int(planned.word)
            body = self._document(code, {})
            return self._reply(code, self.notation.content_type, body, *_retry_after(planned))
        return self.usual(int(planned.word), {}) if planned.word.isdigit() else None

    def _document(self, code: int, payload: dict[str, Any]) -> bytes:
        status = {"code": self.style.scalar(code), "message": message_of(code)}
        return self.notation.write({"response": {"status": status, **payload}})

    def _reply(self, status: int, content_type: str, body: bytes, *more: tuple[str, str]) -> Reply:
        date = self.weather.date(self.now)
        dated = () if date is None else (("date", format_datetime(date.astimezone(timezone.utc), usegmt=True)),)
        headers = (("content-type", content_type), ("content-length", str(len(body))), *dated, *more)
        if self.style.cookie:
            headers += (("set-cookie", _COOKIE),)
        return Reply(status, headers, body)


def _http_status(code: int) -> int:
    # 110 to 115 are codes of messages and orders. In HTTP, 1xx would mean an interim answer.
    return code if 200 <= code <= 599 and code not in _BODILESS else 200  # noqa: PLR2004 - HTTP's final answers


def _retry_after(planned: Planned) -> tuple[tuple[str, str], ...]:
    return () if planned.retry_after is None else (("retry-after", f"{planned.retry_after:g}"),)
