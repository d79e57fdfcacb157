"""Who may ask what: addresses, origins, and the token that every action needs.

The page listens on loopback alone, but a browser on this machine visits other sites too. Such a site can send requests
here and, by a name of its own that resolves to 127.0.0.1, read the answers. So only names that cannot be made to point
elsewhere are answered, only the page's own origin may ask, and nothing is changed without a token that no site knows.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

TOKEN_FILE = "page.token"
TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")
_BEARER = "Bearer "


class Headers(Protocol):
    """Headers of a request: a name may come more than once."""

    def getall(self, key: str, default: list[str], /) -> list[str]: ...


def may_ask(headers: Headers) -> str:
    """Return why a request is not to be answered; nothing when it may.

    Any port is right: a tunnel (`ssh -L 9000:127.0.0.1:8080`) changes it, and a foreign site cannot.
    """
    hosts = headers.getall("Host", [])
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return "host"
    origins = headers.getall("Origin", [])
    if origins and origins != [f"http://{hosts[0]}"]:
        return "origin"
    sites = headers.getall("Sec-Fetch-Site", [])
    # A link on another site may open the page; what that site's own code asks for is refused.
    opens = headers.getall("Sec-Fetch-Mode", []) == ["navigate"]
    if sites and sites[0] not in ("same-origin", "none") and not opens:
        return "origin"
    return ""


def has_token(headers: Mapping[str, str], token: str) -> bool:
    """Tell whether a request carries the token; takes as long for any wrong one."""
    told = headers.get("Authorization", "")
    return hmac.compare_digest(told.encode("utf-8", "replace"), (_BEARER + token).encode())


def token_in(folder: Path) -> str:
    """Return the token kept in a folder, for this user alone; made anew where there is none that can be relied on.

    It outlives a run, so that an open page goes on after a restart. Remove the file to have another.

    Raises:
        OSError: the file cannot be written.
    """
    path = folder / TOKEN_FILE
    kept = _kept(path)
    if kept:
        return kept
    token = secrets.token_urlsafe(TOKEN_BYTES)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    return token


def _kept(path: Path) -> str:
    """What lies there, if it is a token that nobody else could have read or put there."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii") as file:
            about = os.fstat(file.fileno())
            text = file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return ""
    is_ours = about.st_uid == os.getuid() and not about.st_mode & 0o077
    return text if is_ours and _TOKEN.fullmatch(text) else ""
