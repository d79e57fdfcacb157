"""REST without sockets: a request goes in, an answer comes out.

Order of the gates: unknown path (404; 30032 for version 1, 40084 for the unified account's private endpoints), unified
account (40085, before the signature is looked at), signature, demo or live key, rate limit, then the endpoint.
Envelopes as on the request interaction page: code "00000" and data, or HTTP 400 with the code and `data: null` (200 as
`refusal_status` says: the code alone tells). What never reaches an endpoint (30032) has no requestTime.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

from runner.paper import auth
from runner.paper.cancel_pace import CancelPace
from runner.paper.engine import Exchange
from runner.paper.feed import Feed
from runner.paper.later import Later
from runner.paper.limits import RateLimits
from runner.paper.params import Params
from runner.paper.values import Refusal

_BODY = json.JSONDecoder(parse_float=str)  # made once: `json.loads` would make one for every request
# Bitget's first version (`/api/mix/v1/...`, `/api/spot/v1/...`) and the private part of its third.
_VERSION_1 = re.compile(r"/api/\w+/v1/")
_VERSION_3 = re.compile(r"/api/v3/(account|ins-loan|position|trade|user)/")


@attrs.frozen
class Request:
    """A request as received. `raw_path` is path and query undecoded; header names are lower case.

    `remote` is the client's address: public limits and the overall one are counted by it.
    """

    method: str
    raw_path: str
    headers: Mapping[str, str]
    body: bytes
    remote: str = "127.0.0.1"

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.raw_path).path

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded; the last of a repeated member counts."""
        return dict(parse_qsl(urlsplit(self.raw_path).query))

    def params(self) -> Params:
        """Return the members: the query of a GET, the JSON body of a POST.

        Raises:
            Refusal: 40017 when the body is not a JSON object.
        """
        if self.method == "GET":
            return self.query
        try:
            body = _BODY.decode(self.body.decode() or "{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal("40017", "Parameter verification failed body")
        return body


@attrs.frozen
class Answer:
    """What goes back: HTTP status and JSON body."""

    status: int
    body: dict[str, Any]


@attrs.frozen
class Context:
    """What an endpoint works on."""

    exchange: Exchange
    feed: Feed
    params: Params
    now_ms: int
    pace: CancelPace
    later: Later


Handler = Callable[[Context], Any]


@attrs.frozen
class Route:
    """One endpoint: its work, its limit per second, and whether it needs a signature."""

    handler: Handler
    per_second: int
    is_private: bool = True


class Api:
    """All endpoints of one exchange."""

    def __init__(self, exchange: Exchange, feed: Feed, routes: Mapping[tuple[str, str], Route]) -> None:
        self._exchange = exchange
        self._feed = feed
        self._routes = routes
        self._limits = RateLimits()
        self._pace = CancelPace()
        self.later = Later(exchange.options.async_ms)

    def handle(self, request: Request, now_ms: int) -> Answer:
        """Answer one request."""
        self.later.run(now_ms)
        if (request.method, request.path) not in self._routes:
            return self._unknown(request.path, now_ms)
        try:
            account = self._exchange.of_key(request.headers.get("access-key", ""))
            self._admit(request, account, now_ms)
            data = self.call(request.method, request.path, request.params, now_ms, account, request.remote)
        except Refusal as refusal:
            return self._refused(refusal, now_ms)
        return Answer(200, envelope("00000", "success", data, now_ms))

    def call(
        self,
        method: str,
        path: str,
        params: Callable[[], Params],
        now_ms: int,
        account: Exchange | None = None,
        remote: str = "127.0.0.1",
    ) -> Any:
        """Do an endpoint's work for a client that was let in (the default account's unless named), return its data.

        Raises:
            Refusal: Too many requests for the endpoint, or what the endpoint refuses.
        """
        route = self._routes[method, path]
        exchange = account or self._exchange
        # Private limits count by account (UID), public ones by address.
        key = f"{exchange.name if route.is_private else remote} {path}"
        if exchange.options.rate_limits and not self._limits.allow(key, route.per_second, now_ms, remote):
            raise Refusal("429", "Too Many Requests", status=429)
        return route.handler(Context(exchange, self._feed, params(), now_ms, self._pace, self.later))

    def _admit(self, request: Request, account: Exchange, now_ms: int) -> None:
        if not self._routes[request.method, request.path].is_private:
            return
        options = self._exchange.options
        if options.unified_account:
            text = "You are in Unified Account mode, and the Classic Account API is not supported at this time"
            raise Refusal("40085", text)
        auth.check_request(
            account.credentials, options.clock_window_ms, request.method, request.raw_path,
            request.headers, request.body, now_ms,
        )  # fmt: skip
        if (request.headers.get("paptrading") == "1") != options.demo_key:
            raise Refusal("40099", "exchange environment is incorrect")

    def _refused(self, refusal: Refusal, now_ms: int) -> Answer:
        status = self._exchange.options.refusal_status if refusal.status == 400 else refusal.status
        return Answer(status, envelope(refusal.code, refusal.msg, None, now_ms))

    def _unknown(self, path: str, now_ms: int) -> Answer:
        if _VERSION_1.match(path):
            text = "The V1 API has been decommissioned. Please migrate to a newer version."
            return Answer(400, {"code": "30032", "msg": text, "data": None})
        if _VERSION_3.match(path) and not self._exchange.options.unified_account:
            text = "You are in Classic Account mode, and the Unified Account API is not supported at this time"
            return Answer(400, envelope("40084", text, None, now_ms))
        return Answer(404, envelope("40404", "Request URL NOT FOUND", None, now_ms))


def envelope(code: str, msg: str, data: Any, now_ms: int) -> dict[str, Any]:
    """Return the four members every answer has; requestTime is a number."""
    return {"code": code, "msg": msg, "requestTime": now_ms, "data": data}
