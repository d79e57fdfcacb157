"""Who is asking: signatures of REST requests and of the WebSocket login.

Source: the signature page: base64(HMAC-SHA256(secret, timestamp + METHOD + path + "?" + query + body)). Whatever order
the query has, what was signed must be what was sent; the percent-decoded form is accepted beside the raw one, because
clients that sign it work on the exchange (ccxt).
"""

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from runner.paper.options import Credentials
from runner.paper.values import Refusal

LOGIN_PATH = "GET/user/verify"


def sign(secret: str, text: bytes) -> str:
    """Return the signature of `text`."""
    return base64.b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()


class LoginRefused(Exception):
    """A WebSocket login that failed: the numeric code and message of the error event."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg


def check_request(
    credentials: Credentials,
    window_ms: int,
    method: str,
    raw_path: str,
    headers: Mapping[str, str],
    body: bytes,
    now_ms: int,
) -> None:
    """Verify a signed REST request. `headers` has lower-case names, `raw_path` is path and query as received.

    Raises:
        Refusal: With the code for the first header that is missing or wrong.
    """
    key, signature = headers.get("access-key", ""), headers.get("access-sign", "")
    timestamp, passphrase = headers.get("access-timestamp", ""), headers.get("access-passphrase", "")
    if not key:
        raise Refusal("40001", "ACCESS_KEY cannot be empty")
    if not signature:
        raise Refusal("40002", "ACCESS_SIGN cannot be empty")
    if not timestamp.isdecimal():
        raise Refusal("40005", "Invalid ACCESS_TIMESTAMP")
    if abs(now_ms - int(timestamp)) > window_ms:
        raise Refusal("40008", "Request timestamp expired")
    if key != credentials.api_key:
        raise Refusal("40006", "Invalid ACCESS_KEY")
    if passphrase != credentials.passphrase:
        raise Refusal("40012", "apikey/password is incorrect")
    for path in dict.fromkeys((raw_path, unquote(raw_path))):
        expected = sign(credentials.secret, f"{timestamp}{method}{path}".encode() + body)
        if hmac.compare_digest(expected.encode(), signature.encode()):
            return
    raise Refusal("40009", "sign signature error")


def check_login(credentials: Credentials, window_ms: int, args: Mapping[str, object], now_ms: int) -> None:
    """Verify a WebSocket login; the key is `apiKey` or `api_key`, the timestamp seconds or milliseconds.

    Raises:
        LoginRefused: With the code of the private channel's error list.
    """
    key = args.get("apiKey", args.get("api_key"))
    timestamp = str(args.get("timestamp", ""))
    if key != credentials.api_key:
        raise LoginRefused(30011, "Invalid ACCESS_KEY")
    if args.get("passphrase") != credentials.passphrase:
        raise LoginRefused(30012, "Invalid ACCESS_PASSPHRASE")
    if not timestamp.isdecimal():
        raise LoginRefused(30013, "Invalid ACCESS_TIMESTAMP")
    at_ms = int(timestamp) * (1000 if len(timestamp) <= 11 else 1)
    if abs(now_ms - at_ms) > window_ms:
        raise LoginRefused(30014, "Request timestamp expired")
    expected = sign(credentials.secret, f"{timestamp}{LOGIN_PATH}".encode())
    if not hmac.compare_digest(expected.encode(), str(args.get("sign")).encode(errors="replace")):
        raise LoginRefused(30015, "Invalid sign")
