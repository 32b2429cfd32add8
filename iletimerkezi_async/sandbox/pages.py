"""The pages that show the sandbox in a browser: HTML without forms or external resources.

Their script requests the same page again, and shows what has changed.
"""

import base64
import hashlib
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from iletimerkezi_async.sandbox.dates import write_second
from iletimerkezi_async.sandbox.service import Service
from iletimerkezi_async.sandbox.views import view_order, view_overview
from iletimerkezi_async.sandbox.webhooks import Webhooks

__all__ = ["Pages"]

_TEMPLATES: Final = Environment(
    loader=PackageLoader("iletimerkezi_async.sandbox"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Pages:
    """Shows a service without changing it. Key and hash are never shown.

    Args:
        service: The service.
        webhooks: Its webhook calls.
    """

    def __init__(self, service: Service, webhooks: Webhooks | None) -> None:
        self._service = service
        self._webhooks = webhooks
        # Read as text, not as a template: the hash below must match the text that the browser gets.
        self._style, self._script = _read("style.css"), _read("follow.js")
        self._headers = _protect(self._style, self._script)

    def overview(self, page: str | None) -> HTMLResponse:
        """Show the account, the orders, and the latest requests and webhook calls."""
        return self._show(200, "overview.html", view_overview(self._service, self._webhooks, page))

    def order(self, id: str, page: str | None) -> HTMLResponse:
        """Show one order with its messages."""
        view = view_order(self._service, id, page)
        return self._show(404, "missing.html", None) if view is None else self._show(200, "order.html", view)

    def _show(self, status: int, template: str, view: object) -> HTMLResponse:
        ours = {"style": Markup(self._style), "script": Markup(self._script)}  # noqa: S704 - files of this folder
        html = _TEMPLATES.get_template(template).render(view=view, second=write_second, **ours)
        return HTMLResponse(html, status, self._headers)


def _read(name: str) -> str:
    loader = _TEMPLATES.loader
    assert loader is not None
    return loader.get_source(_TEMPLATES, name)[0]


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _protect(style: str, script: str) -> dict[str, str]:
    """Return headers that allow a browser only to show a page and to request it again."""
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
