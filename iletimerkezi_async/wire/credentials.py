"""The two secrets, and the bytes that carry them: neither prints what it holds."""

from __future__ import annotations

import hashlib
import os
from typing import NoReturn

import orjson

from iletimerkezi_async.errors import ConfigurationError

__all__ = ["HASH_VARIABLE", "KEY_VARIABLE", "Body", "Credentials"]

KEY_VARIABLE = "ILETIMERKEZI_API_KEY"
HASH_VARIABLE = "ILETIMERKEZI_API_HASH"


class Body(bytes):
    """Bytes of a request. They hold credentials, texts and numbers, so they print their length alone.

    They travel through the frames of the HTTP client, whose variables an error tracker prints.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Body of {len(self)} bytes>"

    __str__ = __repr__


class Credentials:
    """The key and hash that the panel issues, passed through unchanged."""

    __slots__ = ("_hash", "_head", "_key", "_sources")

    def __init__(self, key: str | None, hash: str | None) -> None:
        self._key = key or os.environ.get(KEY_VARIABLE, "")
        self._hash = hash or os.environ.get(HASH_VARIABLE, "")
        self._head = Body(b"")
        # What a complaint calls each of them: the argument, or the variable that it came from.
        self._sources = ("`key`" if key else _variable(KEY_VARIABLE), "`hash`" if hash else _variable(HASH_VARIABLE))

    def check(self) -> None:
        """Make them ready for use.

        It is not part of the constructor, whose frame holds the secrets that were given.

        Raises:
            ConfigurationError: One of them is missing, has white space, a line end or quotation marks around it, or is
                not text that could be sent.
        """
        for value, variable, argument in (
            (bool(self._key), KEY_VARIABLE, "key"),
            (bool(self._hash), HASH_VARIABLE, "hash"),
        ):
            if not value:
                message = f"no API {argument}: give `{argument}`, or set the environment variable {variable}"
                raise ConfigurationError(message)
        for flaw, source in zip((_find_flaw(self._key), _find_flaw(self._hash)), self._sources, strict=True):
            if flaw:
                raise ConfigurationError(f"{source} has {flaw} around it")
        if not _are_text(self._key, self._hash) or not self._seal():
            raise ConfigurationError("the API key and hash must be text, as the panel shows them")

    def _seal(self) -> bool:
        try:
            secrets = orjson.dumps({"key": self._key, "hash": self._hash})
        except orjson.JSONEncodeError:
            return False
        self._head = Body(b'{"request":{"authentication":' + secrets)
        return True

    def envelope(self, fields: bytes) -> Body:
        """The whole body of a request.

        Args:
            fields: What stands beside `authentication`: a JSON object, possibly empty.
        """
        inner = memoryview(fields)[1:-1]
        return Body(b"".join((self._head, b"," if inner else b"", inner, b"}}")))

    def scrub(self, text: str) -> str:
        """The text without the secrets, should a server repeat them."""
        return text.replace(self._key, "***").replace(self._hash, "***")

    def derive(self, purpose: str, salt: bytes = b"") -> Body:
        """32 bytes that this account's API key alone gives.

        What is marked with them tells nothing to whoever lacks the key, however few values there are to guess from. The
        hash has no part in it: what was marked is known again after the hash was renewed in the panel.

        Args:
            purpose: What they are for, in at most 16 letters; each purpose has bytes of its own.
            salt: Makes them different for each use, at most 16 bytes.
        """
        key = self._key.encode("utf-8")
        return Body(hashlib.blake2b(key, digest_size=32, salt=salt, person=purpose.encode("ascii")).digest())

    def __repr__(self) -> str:
        return "<Credentials>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: read them where they are used")


def _variable(name: str) -> str:
    return f"the environment variable {name}"


def _find_flaw(value: object) -> str:
    """What is around a secret that is none of it; nothing where it is as the panel shows it."""
    if not isinstance(value, str):
        return ""
    # Also by marks that editors leave at the beginning of a file, and that no one sees.
    if value != value.strip().strip("\ufeff\u200b\u200e\u200f\u2060"):
        return "white space or a line end"
    # As files of settings are copied to where nobody takes them off: docker's --env-file.
    return "quotation marks" if value != value.strip("\"'`\u2018\u2019\u201c\u201d") else ""


def _are_text(*values: object) -> bool:
    # Untyped callers pass what their configuration holds.
    return all(isinstance(value, str) for value in values)
