"""The two secrets, and the bytes that carry them. No `repr` shows what they hold."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import NoReturn

import orjson

from iletimerkezi_async.errors import ConfigurationError

KEY_VARIABLE = "ILETIMERKEZI_API_KEY"
HASH_VARIABLE = "ILETIMERKEZI_API_HASH"
_NO_TEXT = "the API key and hash must be text, as the panel shows them"


class Body(bytes):
    """Bytes of a request. They hold credentials, texts and numbers, so their `repr` has only their length.

    They are variables in the HTTP client's frames, and an error tracker prints these.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Body of {len(self)} bytes>"

    __str__ = __repr__


class Credentials:
    """The key and hash that the panel issues, passed through unchanged.

    Args:
        key: The key; by default `ILETIMERKEZI_API_KEY`.
        hash: The hash; by default `ILETIMERKEZI_API_HASH`.
        service: The address of the service that they are for.

    Raises:
        ConfigurationError: One of them is missing, is not text, or has white space, a line end or quotation marks
            around it.
    """

    __slots__ = ("_hash", "_head", "_key", "_service")

    def __init__(self, key: str | None, hash: str | None, service: object) -> None:
        self._key = _choose_secret("key", key, KEY_VARIABLE)
        self._hash = _choose_secret("hash", hash, HASH_VARIABLE)
        self._service = str(service).rstrip("/")
        with suppress(orjson.JSONEncodeError):
            secrets = orjson.dumps({"key": self._key, "hash": self._hash})
            self._head = Body(b'{"request":{"authentication":' + secrets)
            return
        raise ConfigurationError(_NO_TEXT)

    def envelope(self, fields: bytes) -> Body:
        """The whole body of a request.

        Args:
            fields: The request's JSON object without `authentication`, possibly empty.
        """
        inner = memoryview(fields)[1:-1]
        return Body(b"".join((self._head, b"," if inner else b"", inner, b"}}")))

    def scrub(self, text: str) -> str:
        """The text without the secrets, in case a server repeats them."""
        return text.replace(self._key, "***").replace(self._hash, "***")

    def derive(self, purpose: str, salt: bytes = b"") -> Body:
        """Derive 32 bytes from the API key and the service's address.

        A fingerprint made with these bytes does not reveal its value without the key, however few values there are.
        They do not depend on the hash, so that fingerprints stay the same when the hash is renewed in the panel. They
        depend on the address, so that a send to a sandbox does not count as one to the service.

        Args:
            purpose: Their purpose, in at most 16 letters; each purpose has its own bytes.
            salt: Makes them different for each use, at most 16 bytes.
        """
        key = f"{self._key} {self._service}".encode()
        return Body(hashlib.blake2b(key, digest_size=32, salt=salt, person=purpose.encode("ascii")).digest())

    def __repr__(self) -> str:
        return "<Credentials>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: read them where they are used")


def _choose_secret(argument: str, given: object, variable: str) -> str:
    # Untyped callers pass any value of their configuration.
    if given is not None and not isinstance(given, str):
        raise ConfigurationError(_NO_TEXT)
    secret = given or os.environ.get(variable, "")
    if not secret:
        raise ConfigurationError(f"no API {argument}: give `{argument}`, or set the environment variable {variable}")
    flaw = _find_wrapping(secret)
    if flaw:
        source = f"`{argument}`" if given else f"the environment variable {variable}"
        raise ConfigurationError(f"{source} has {flaw} around it")
    return secret


def _find_wrapping(secret: str) -> str:
    """The characters around a secret that are not part of it, in words; empty if there are none."""
    # Also invisible marks that editors leave at the beginning of a file.
    if secret != secret.strip().strip("\ufeff\u200b\u200e\u200f\u2060"):
        return "white space or a line end"
    # Some readers of settings keep quotation marks, such as docker's --env-file.
    return "quotation marks" if secret != secret.strip("\"'`\u2018\u2019\u201c\u201d") else ""
