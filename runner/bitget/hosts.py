"""Which addresses may be talked to with a key: Bitget's own and this machine's. Pure; asked before any socket opens."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def split(url: str, schemes: tuple[str, str]) -> SplitResult:
    """Take an address apart.

    Args:
        url: the whole address.
        schemes: the plain and the encrypted scheme that are acceptable, such as ("http", "https").

    Raises:
        ValueError: it is no such address; the message says what is expected.
    """
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"an address such as {schemes[1]}://host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, password, query or fragment")
    _ = parts.port  # a port that is no number raises here, not at the first request
    return parts


def host_of(url: str) -> str:
    """Return the host in lower case; empty for what is no address."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    """True for this machine alone: 127.0.0.0/8, ::1 and the name localhost."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_bitget(url: str) -> bool:
    """True for bitget.com and what is below it, over an encrypted scheme."""
    host = host_of(url)
    return url.lower().startswith(("https://", "wss://")) and (host == "bitget.com" or host.endswith(".bitget.com"))


def may_hold_keys(url: str) -> bool:
    """True where a signed request may go."""
    return is_bitget(url) or is_loopback(url)
