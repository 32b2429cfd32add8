"""Accept HTTP requests of programs on this machine, and refuse those that a web page could make.

Any page that is open in a browser on this machine can make requests to the loopback. The browser's headers show it:
``Host`` holds the host name that the page used, which is a foreign one if the page's owner pointed it to the loopback
(DNS rebinding); ``Origin``, ``Sec-Fetch-Site`` and ``Referer`` name other pages. Programs that send SMS have none of
the last three, whatever content type they use.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

__all__ = ["find_objection"]

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]*)(?::[0-9]*)?", re.IGNORECASE)
_OWN_SITES: Final = ("same-origin", "none")


_FOREIGN_NAME: Final = (
    421,
    "The sandbox answers only to localhost, 127.0.0.1 and [::1]: the Host header of this request names another.",
)
_FOREIGN_PAGE: Final = (
    403,
    "The sandbox takes no request of a web page of another origin: see Origin, Sec-Fetch-Site and Referer.",
)


def find_objection(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Return the HTTP status and the reason if a request is refused; None if it is accepted.

    Args:
        method: The HTTP method.
        path: The path of the URL.
        headers: The headers, by name in lower case.
    """
    host = headers.get("host", "localhost")
    if not _is_loopback(host):
        return _FOREIGN_NAME
    return _FOREIGN_PAGE if _is_of_another_page(_only_shows(method, path), headers, f"http://{host}") else None


def _is_loopback(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower()
    if name.removesuffix(".") == "localhost":
        return True
    try:
        return IPv6Address(name[1:-1]).is_loopback if name.startswith("[") else IPv4Address(name).is_loopback
    except ValueError:
        return False


def _only_shows(method: str, path: str) -> bool:
    """Tell whether a request only reads a page; an order may come by ``GET``, too."""
    return method == "GET" and not path.startswith("/v1/")


def _is_of_another_page(shows: bool, headers: Mapping[str, str], own: str) -> bool:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        return origin.lower() != own.lower()
    if site is not None:
        return site not in _OWN_SITES and not (shows and _is_link(headers))
    referer = headers.get("referer")
    return not shows and referer is not None and not f"{referer}/".lower().startswith(f"{own}/".lower())


def _is_link(headers: Mapping[str, str]) -> bool:
    """Tell whether a person followed a link: this shows our page, and gives the other page no data."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
