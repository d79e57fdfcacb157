"""One WebSocket connection's protocol, without the socket: text in, texts out.

Sources: the WebSocket introduction and channel pages; acks and errors as recorded (codes are numbers, one ack per
arg). A failed login is answered and the connection closed, as documented. A login counts once its answer has left: what
a client sends right behind its login is refused (bbgo: the two may not be sent in a row).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs

from runner.paper import auth
from runner.paper.feed import Key
from runner.paper.instruments import SYMBOL
from runner.paper.limits import Window
from runner.paper.options import PaperOptions
from runner.paper.values import INST_TYPE, Product, Push

Stream = Literal["public", "private"]

PUBLIC_CHANNELS = ("books", "books1", "books5", "books15", "ticker", "trade")
PRIVATE_CHANNELS = ("orders", "fill", "positions", "account")
MESSAGE_BYTES_MAX = 4096
MESSAGES_PER_SECOND_MAX = 10
SUBSCRIBES_PER_HOUR_MAX = 240
CHANNELS_MAX = 1000

_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # rows are made here: no circles in them
# No subscription arg looks like this: the rows alone, which every arg shares.
_DATA = ""
_PRODUCT: dict[str, Product] = {name: product for product, name in INST_TYPE.items()}


@attrs.frozen
class Subscription:
    """What a client asked for; `arg` is its own wording, which every ack and push repeats."""

    product: Product
    channel: str
    is_silent: bool
    arg: str


@attrs.define(eq=False)
class Session:
    """Protocol state of one connection. `must_close` tells the shell to close after the replies."""

    stream: Stream
    options: PaperOptions
    conn_id: str
    opened_ms: int
    last_ping_ms: int
    subscriptions: dict[str, Subscription] = attrs.field(factory=dict)
    is_logged_in: bool = False
    # The answer to a login that was good, while it has not left.
    login_answer: str | None = None
    must_close: bool = False
    # Subscriptions made by the last message: the shell sends each its first snapshot.
    fresh: list[Subscription] = attrs.field(factory=list)
    # Carries out an order sent over the socket; None while the account has no access to that.
    trade: Callable[[dict[str, Any], int], dict[str, Any]] | None = None
    # Whether a book subscription is to be refused just now.
    is_refused: Callable[[Product, str], bool] = attrs.field(default=lambda _product, _channel: False)
    # Whose private pushes it gets; known once it has logged in.
    account: str = ""
    _messages: Window = attrs.field(factory=lambda: Window(MESSAGES_PER_SECOND_MAX, 1_000))
    _subscribes: Window = attrs.field(factory=lambda: Window(SUBSCRIBES_PER_HOUR_MAX, 3_600_000))

    def receive(self, text: str, now_ms: int, clock_ms: int | None = None) -> list[str]:
        """Take one message and return the replies; `clock_ms` is what the exchange's clock says, if not the time."""
        self.fresh = []
        clock_ms = now_ms if clock_ms is None else clock_ms
        if not self._messages.admit(now_ms) and self.options.rate_limits:
            self.must_close = True
            return [_error(30007, "request over limit, connection close")]
        if text == "ping":
            self.last_ping_ms = now_ms
            return ["pong"]
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or len(text.encode()) > MESSAGE_BYTES_MAX:
            return [_error(30002, f"Unrecognized request:{text[:200]}")]
        op, args = message.get("op"), message.get("args")
        if op not in ("login", "subscribe", "unsubscribe") and not (op == "trade" and self.trade is not None):
            return [_error(30003, "invalid op")]
        if not isinstance(args, list) or not args or not all(isinstance(one, dict) for one in args):
            return [_error(30016, "Param error")]
        if op == "login":
            return [self._login(args[0], clock_ms)]
        if op == "subscribe" and not self._subscribes.admit(now_ms) and self.options.rate_limits:
            return [_error(30006, "too many requests")]
        if op == "trade" and self.trade is not None:
            is_allowed = self.stream == "private" and self.is_logged_in
            return [_dump(self.trade(args[0], clock_ms)) if is_allowed else _error(30004, "User not logged in")]
        return [self._subscribe(one) if op == "subscribe" else self._unsubscribe(one) for one in args]

    def left(self, reply: str) -> None:
        """Learn that a reply is on its way to the client."""
        if reply is self.login_answer:
            self.is_logged_in = True

    @property
    def deadline_ms(self) -> int:
        """When the connection is cut: no ping for too long, or too old."""
        return min(self.last_ping_ms + self.options.ping_bound_ms, self.opened_ms + self.options.socket_life_ms)

    def is_overdue(self, now_ms: int) -> bool:
        """Whether the connection must be cut now."""
        return now_ms > self.deadline_ms

    def listens(self) -> Iterator[tuple[Key, str]]:
        """Yield the channels this connection gets pushes of, each with the arg it subscribed with, in that order."""
        for one in self.subscriptions.values():
            if not one.is_silent:
                yield (one.product, one.channel), one.arg

    def wanted(self) -> set[Key]:
        """Return the public channels this connection listens to."""
        return {(one.product, one.channel) for one in self.subscriptions.values() if not one.is_silent}

    def _login(self, args: Mapping[str, object], now_ms: int) -> str:
        account = self.options.account_of(str(args.get("apiKey", args.get("api_key"))))
        try:
            auth.check_login(account.credentials, self.options.clock_window_ms, args, now_ms)
            if self.options.demo_key != self.options.demo_sockets:
                raise auth.LoginRefused(30017, "Current environment does not match the API Key")
        except auth.LoginRefused as refusal:
            self.must_close = True
            return _error(refusal.code, refusal.msg)
        self.account = account.name
        self.login_answer = _dump({"event": "login", "code": 0, "connId": self.conn_id})
        return self.login_answer

    def _subscribe(self, arg: dict[str, Any]) -> str:
        channel, product = arg.get("channel"), _PRODUCT.get(str(arg.get("instType")))
        if self.stream == "private" and channel in PRIVATE_CHANNELS and not self.is_logged_in:
            return _error(30004, "User not logged in", arg)
        if product is None or not self._exists(product, arg) or len(self.subscriptions) >= CHANNELS_MAX:
            return _error(30001, _unknown(arg), arg)
        answer = self.options.books5(product) if channel == "books5" else "ok"
        if answer == "refused" or self.is_refused(product, str(channel)):
            return _error(30001, _unknown(arg), arg)
        key = _dump(arg)
        subscription = Subscription(product, str(channel), answer == "silent", key)
        self.subscriptions[key] = subscription
        self.fresh.append(subscription)
        return _dump({"event": "subscribe", "arg": arg})

    def _unsubscribe(self, arg: dict[str, Any]) -> str:
        self.subscriptions.pop(_dump(arg), None)
        return _dump({"event": "unsubscribe", "arg": arg})

    def _exists(self, product: Product, arg: dict[str, Any]) -> bool:
        channel, inst_id = arg.get("channel"), arg.get("instId")
        if self.stream == "public":
            return channel in PUBLIC_CHANNELS and inst_id == SYMBOL
        if channel == "account":
            return arg.get("coin") == "default"
        if channel == "positions":
            return product == "perp" and inst_id == "default"
        if channel == "fill":
            return inst_id in (None, "default", SYMBOL)
        return channel == "orders" and inst_id in ("default", SYMBOL)


def encode(push: Push, arg: str) -> str:
    """Return the message of a push under a subscription's arg; encoded once per arg, however many listen."""
    text = push.texts.get(arg)
    if text is None:
        data = push.texts.get(_DATA)
        if data is None:
            data = push.texts[_DATA] = _dump(push.data)
        text = f'{{"action":"{push.action}","arg":{arg},"data":{data},"ts":{push.at_ms}}}'
        push.texts[arg] = text
    return text


def _unknown(arg: Mapping[str, Any]) -> str:
    names = f"instType:{arg.get('instType')},channel:{arg.get('channel')},instId:{arg.get('instId')}"
    return f"{names},precision:null doesn't exist"


def _error(code: int, msg: str, arg: Mapping[str, Any] | None = None) -> str:
    body: dict[str, Any] = {"event": "error"}
    if arg is not None:
        body["arg"] = arg
    body |= {"code": code, "msg": msg}
    if arg is not None:
        body["op"] = "subscribe"
    return _dump(body)


def _dump(value: object) -> str:
    return _ENCODER.encode(value)
