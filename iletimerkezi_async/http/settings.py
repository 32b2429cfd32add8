"""Settings of the connection, checked: where the service is, how long to wait, which proxy to use."""

from __future__ import annotations

import ipaddress
import math
from urllib.request import getproxies, proxy_bypass

import httpx

from iletimerkezi_async.errors import ConfigurationError

__all__ = ["check_base_url", "check_connections", "check_timeout", "find_proxy", "longest_attempt", "spell_seconds"]


def check_base_url(base_url: str) -> httpx.URL:
    """The service's address, checked.

    Raises:
        ConfigurationError: It is no absolute address, has more than a host and a path, or would carry the credentials
            in the clear.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("`base_url` must be an absolute https:// address")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError("`base_url` must have no user, query or fragment")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(
            "`base_url` must be https://, as every request carries the credentials; plain http:// is for loopback alone"
        )
    return url


def find_proxy(scheme: str, host: str) -> httpx.Proxy | None:
    """The proxy that the environment names for a host; never one for plain HTTP, which would see the credentials."""
    if scheme != "https" or proxy_bypass(host):
        return None
    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address:
        return None
    try:
        return httpx.Proxy(address if "://" in address else f"http://{address}")
    except (httpx.InvalidURL, ValueError):
        # It may have a password in it, so it goes no further.
        address = ""
    raise ConfigurationError("the proxy that the environment names has no address that can be read")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_timeout(timeout: float | httpx.Timeout) -> httpx.Timeout:
    """The limits of an attempt, checked.

    Raises:
        ConfigurationError: It is neither a positive number of seconds nor an `httpx.Timeout`.
    """
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if not 0 < timeout < math.inf:
        raise ConfigurationError("`timeout` must be a positive number of seconds, or an httpx.Timeout")
    return httpx.Timeout(timeout)


def longest_attempt(timeout: httpx.Timeout) -> float:
    """Seconds after which an attempt ends even though something trickles in all the time."""
    limits = (timeout.pool, timeout.connect, timeout.read, timeout.write)
    if None in limits:
        return math.inf
    pool, connect, read, write = (limit or 0 for limit in limits)
    return pool + connect + max(read, write)


def check_connections(max_connections: int) -> int:
    """The most connections at once, checked.

    Raises:
        ConfigurationError: There would be none.
    """
    if max_connections < 1:
        raise ConfigurationError("`max_connections` must be at least 1")
    return max_connections


def spell_seconds(limit: float | None) -> str:
    """A limit in words."""
    # Without a limit of ours the system has one of its own.
    return "the system's limit" if limit is None else f"{limit:g} s"
