"""The checked settings of the connection: the service's address, timeouts, proxy and certificates."""

from __future__ import annotations

import ipaddress
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.request import getproxies, proxy_bypass

import httpx

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.wire.arguments import to_number

if TYPE_CHECKING:
    import ssl


class Timeouts(Protocol):
    """A limit in seconds for each part of an attempt, `None` for none: an `httpx.Timeout` or an `httpx2.Timeout`.

    Attributes:
        connect: For making a connection.
        read: For each read.
        write: For each write.
        pool: For waiting until a connection is free.
    """

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


#: The service's address (source: every page of the provider's documentation).
SERVICE_URL = "https://api.iletimerkezi.com/v1"

BASE_URL_VARIABLE = "ILETIMERKEZI_BASE_URL"
_LAST_PORT = 65535
_PARTS = ("connect", "read", "write", "pool")


def choose_base_url(given: object) -> httpx.URL:
    """The service's address: as given, else the environment's, else the service's own.

    Raises:
        ConfigurationError: It is not an absolute address of only host and path, or would send the credentials
            unencrypted. The error does not show it, as it may hold a password.
    """
    named = os.environ.get(BASE_URL_VARIABLE) if given is None else None
    base_url = (named or SERVICE_URL) if given is None else given
    name = f"the environment variable {BASE_URL_VARIABLE}" if named else "`base_url`"
    url = _read_url(base_url)
    if url is None or url.scheme not in {"http", "https"}:
        raise ConfigurationError(f"{name} must be an absolute https:// address")
    # httpx escapes white space and other characters that no host has with a percent sign.
    if "%" in url.host or (isinstance(base_url, str) and any(map(str.isspace, base_url))):
        raise ConfigurationError(f"{name} must be an absolute https:// address without white space")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(f"{name} must have no user, query or fragment")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(
            f"{name} must be https://, as every request carries the credentials; plain http:// is for loopback only"
        )
    return url


def _read_url(value: object) -> httpx.URL | None:
    if not isinstance(value, (str, httpx.URL)):
        return None
    try:
        url = httpx.URL(value)
        return url if _leads_somewhere(url) else None
    except (httpx.InvalidURL, ValueError):
        return None


def _leads_somewhere(url: httpx.URL) -> bool:
    """Whether it has a host, and its port can exist: httpx accepts any number.

    Raises:
        ValueError: The host is no international name, though it begins like one.
    """
    return bool(url.host) and (url.port is None or 0 < url.port <= _LAST_PORT)


def find_proxy(scheme: str, host: str) -> httpx.Proxy | None:
    """The environment's proxy for a host; none for plain HTTP, as the proxy would see the credentials.

    Raises:
        ConfigurationError: The environment's value is not a proxy's address. The error does not show it: it may hold a
            password.
    """
    if scheme != "https" or proxy_bypass(host):
        return None
    proxies = getproxies()
    kind = next((kind for kind in ("https", "all") if proxies.get(kind)), None)
    if kind is None:
        return None
    proxy = _read_proxy(proxies[kind])
    proxies.clear()
    if proxy is None:
        raise ConfigurationError(f"{_proxy_setting(kind)} is not a valid address of a proxy")
    return proxy


def _read_proxy(address: str) -> httpx.Proxy | None:
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        return proxy if _leads_somewhere(proxy.url) else None
    except (httpx.InvalidURL, ValueError):
        return None


def _proxy_setting(kind: str) -> str:
    """The name of the setting that holds the proxy for a kind of address."""
    # Lower case wins, as in the standard library.
    named = next((name for name in (f"{kind}_proxy", f"{kind}_proxy".upper()) if os.environ.get(name)), None)
    return f"the environment variable {named}" if named else "the system's proxy setting"


def tls_context() -> ssl.SSLContext:
    """A context for TLS with the environment's certificate authorities, as httpx makes it.

    Raises:
        ConfigurationError: `SSL_CERT_FILE`, `SSL_CERT_DIR` or `SSLKEYLOGFILE` names a path that cannot be used.
    """
    _check_certificates()
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
    raise ConfigurationError(f"TLS cannot be set up with the environment's {_tls_variables()}: {reason}")


def _check_certificates() -> None:
    # OpenSSL takes a missing directory for an empty one. If both variables are set, httpx uses the file only.
    directory = None if os.environ.get("SSL_CERT_FILE") else os.environ.get("SSL_CERT_DIR")
    if directory and not any(Path(each).is_dir() for each in directory.split(os.pathsep)):
        raise ConfigurationError(
            f"the environment variable SSL_CERT_DIR names {directory!r}, and there is no such directory"
        )


def _tls_variables() -> str:
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE") if os.environ.get(name)]
    return " and ".join(f"{name} ({os.environ[name]!r})" for name in names) or "certificates"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_timeout(timeout: object) -> httpx.Timeout:
    """Check the limits of an attempt.

    Raises:
        ConfigurationError: It is neither a positive number of seconds nor an `httpx.Timeout` of such numbers.
    """
    limits: dict[str, object] = dict.fromkeys(_PARTS, timeout)
    if all(hasattr(timeout, part) for part in _PARTS):
        limits = {part: getattr(timeout, part) for part in _PARTS}
    elif timeout is None:
        limits = dict.fromkeys(_PARTS, math.nan)
    if not all(_is_limit(part, limit) for part, limit in limits.items()):
        raise ConfigurationError("`timeout` must be a positive number of seconds, or an httpx.Timeout of such numbers")
    return httpx.Timeout(**{part: None if limit is None else to_number(limit) for part, limit in limits.items()})


def _is_limit(part: str, limit: object) -> bool:
    # A limit of zero makes sense for waiting for a connection, not for connecting or reading.
    seconds = to_number(limit)
    return limit is None or 0 < seconds < math.inf or (part == "pool" and seconds == 0)


def longest_attempt(timeout: httpx.Timeout) -> float:
    """Seconds after which an attempt ends, however slowly the answer comes."""
    limits = (timeout.pool, timeout.connect, timeout.read, timeout.write)
    if None in limits:
        return math.inf
    pool, connect, read, write = (limit or 0 for limit in limits)
    return pool + connect + max(read, write)


def spell_seconds(limit: float | None) -> str:
    """A limit in words."""
    # Without a limit of ours, the operating system's applies.
    return "the system's limit" if limit is None else f"{limit:g} s"
