"""REST without sockets: a request goes in, an answer comes out.

Order of the gates: unknown path (404), unified account (40085, before the signature is looked at), signature, rate
limit, then the endpoint. Envelopes as on the request interaction page: code "00000" and data, or HTTP 400 with the
code and `data: null`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

from runner.paper import auth
from runner.paper.engine import Exchange
from runner.paper.feed import Feed
from runner.paper.limits import RateLimits
from runner.paper.params import Params
from runner.paper.values import Refusal


@attrs.frozen
class Request:
    """A request as received. `raw_path` is path and query undecoded; header names are lower case."""

    method: str
    raw_path: str
    headers: Mapping[str, str]
    body: bytes

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
            body = json.loads(self.body or b"{}", parse_float=str)
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

    def handle(self, request: Request, now_ms: int) -> Answer:
        """Answer one request."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return Answer(404, envelope("40404", "Request URL NOT FOUND", None, now_ms))
        try:
            self._admit(request, route, now_ms)
            data = route.handler(Context(self._exchange, self._feed, request.params(), now_ms))
        except Refusal as refusal:
            return refused(refusal, now_ms)
        return Answer(200, envelope("00000", "success", data, now_ms))

    def _admit(self, request: Request, route: Route, now_ms: int) -> None:
        options = self._exchange.options
        if route.is_private:
            if options.unified_account:
                text = "You are in Unified Account mode, and the Classic Account API is not supported at this time"
                raise Refusal("40085", text)
            auth.check_request(
                options.credentials, options.clock_window_ms, request.method, request.raw_path,
                request.headers, request.body, now_ms,
            )  # fmt: skip
        if options.rate_limits and not self._limits.allow(request.path, route.per_second, now_ms):
            raise Refusal("429", "Too Many Requests", status=429)


def refused(refusal: Refusal, now_ms: int) -> Answer:
    """Return the answer that carries a refusal."""
    return Answer(refusal.status, envelope(refusal.code, refusal.msg, None, now_ms))


def envelope(code: str, msg: str, data: Any, now_ms: int) -> dict[str, Any]:
    """Return the four members every answer has; requestTime is a number."""
    return {"code": code, "msg": msg, "requestTime": now_ms, "data": data}
