"""A request's signature, as Bitget's signature page has it: base64 of HMAC-SHA256(secret, time + METHOD + path + body).

pybotters signs everything that goes through its client; this signs what goes by a line, to the same bytes, with all
that is the same in every request made beforehand. Nothing here knows where a request goes: whoever opens a line has
asked whether its host may hold keys.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> str:
    """Return headers as they are written.

    Raises:
        ValueError: one holds a line break. Its value is not shown: it may be a secret.
    """
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"{name}: a header cannot hold a line break")
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


class Signer:
    """Signs requests with one account's key.

    Args:
        keys: key, secret and passphrase.
        more: headers that go with every signed request.

    Raises:
        ValueError: key or passphrase cannot be a header.
    """

    def __init__(self, keys: tuple[str, str, str], more: Mapping[str, str]) -> None:
        key, secret, passphrase = keys
        self._inner, self._outer = _keyed(secret.encode())
        fixed = {"Content-Type": "application/json", "ACCESS-KEY": key, "ACCESS-PASSPHRASE": passphrase}
        self._fixed = header_lines(fixed | dict(more))

    def header_lines(self, method: str, path: str, body: bytes, at_ms: int) -> str:
        """Return the headers of a request that is signed now (Unix ms), as they are written."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{at_ms}{method}{path}".encode() + body)
        outer.update(inner.digest())
        sign = b2a_base64(outer.digest(), newline=False).decode()
        return f"{self._fixed}ACCESS-SIGN: {sign}\r\nACCESS-TIMESTAMP: {at_ms}\r\n"


def _keyed(secret: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Both hashes of an HMAC (RFC 2104) with the key already in them. `hmac.digest` looks its algorithm up anew every
    time, which in a process that has just woken up costs more than the hashing: 80 µs against 30."""
    block = hashlib.sha256().block_size
    key = (hashlib.sha256(secret).digest() if len(secret) > block else secret).ljust(block, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in key)) for pad in (0x36, 0x5C))
    return inner, outer
