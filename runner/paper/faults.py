"""The catalogue of declared misbehaviour, and the hand of tests on answers and pushes.

`CATALOGUE` is the one list: what a profile may name, what `POST /control/fault` injects, what
`python -m runner exchange --faults` prints. A fault takes the parameters of its row and those of `COMMON`. What decides
when one strikes is in `fault_rules` and `fault_plan`: seeded, with the time passed in, and the same with and without
sockets.

`AnswerFault` is what becomes of one request. It says whether the request is executed before its answer goes wrong,
because that is what a client cannot see:

    lost_before, lost_after     the connection is reset without an answer; not executed / executed
    hang_before, hang_after     no answer at all until the client gives up
    http500, http500_after      HTTP 500 (or another `status`); not executed / executed
    <code>, <code>_after        Bitget's error envelope (45001, 40010, 429, ...); not executed / executed
    delay_ms, delay_before_ms   the true answer, late by `ms`; executed at once / executed late
    after_pushes                the true answer, after the pushes its request caused have left
"""

import re
from typing import Any, Literal

import attrs

Draws = Literal["event", "window"]
Scope = Literal["request", "push", "stream", "book", "trade", "clock"]


@attrs.frozen
class Kind:
    """One row of the catalogue. `parameters` has the defaults; `is_level` faults hold for a while, others strike once.

    A fault that strikes an event (a request, a push, an execution) is drawn for each; one that holds is drawn for each
    of its windows.
    """

    name: str
    scope: Scope
    text: str
    parameters: dict[str, Any] = attrs.field(hash=False)
    draws: Draws = "event"


COMMON = {
    "probability": "share of the events (or windows) it strikes; default 1",
    "from_s": "seconds after the start at which it may begin; default 0",
    "to_s": "seconds after the start at which it ends; default never",
    "every_s": "period: in each one, at a moment drawn from the seed, a window opens; default one window for all",
    "for_s": "how long a window lasts",
    "times": "how often at most; default unlimited (by hand: once)",
    "account": "the account it strikes; default any",
}

_WINDOW: Draws = "window"
_MS = {"ms": [50, 500]}
_STREAM = {"stream": "private"}
_BOOK = {"product": "any", "channel": "books5"}

CATALOGUE: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("request_lost", "request", "lost before it took effect; the connection is reset", {"path": ""}),
        Kind("answer_lost", "request", "lost after it took effect; the connection is reset", {"path": ""}),
        Kind("request_hangs", "request", "lost before it took effect; nothing comes back", {"path": ""}),
        Kind("answer_hangs", "request", "lost after it took effect; nothing comes back", {"path": ""}),
        Kind("request_late", "request", "takes effect late", {"path": "", **_MS}),
        Kind("answer_late", "request", "takes effect at once, is answered late", {"path": "", **_MS}),
        Kind("push_before_answer", "request", "answered `ms` after the pushes it caused", {"path": "", "ms": 20}),
        Kind(
            "http_5xx",
            "request",
            "HTTP 5xx; `executed` is the share that took effect",
            {"path": "", "status": 502, "executed": 0.5},
        ),
        Kind("too_many_requests", "request", "429 without a reason of ours", {"path": ""}),
        Kind("unknown_error", "request", "45001, as in a release window", {"path": "", "executed": 0.5}),
        Kind("refused", "request", "refused with a code", {"path": "place-order", "code": "43012", "executed": 0.0}),
        Kind("push_lost", "push", "never sent", {"channel": "private"}),
        Kind("push_late", "push", "sent late, overtaken by later ones", {"channel": "private", **_MS}),
        Kind("push_doubled", "push", "sent twice", {"channel": "private"}),
        Kind("fill_before_order", "push", "an order's fill is pushed before the order's own push", {"ms": 1000}),
        Kind("terminal_push_alone", "push", "of an order only its end is pushed", {}),
        Kind("positions_stale", "push", "a positions push repeats the one before", {}),
        Kind("positions_empty", "push", "a positions push says flat", {}),
        Kind("private_silent", "stream", "acknowledges and answers pings, pushes nothing", {}, _WINDOW),
        Kind("stream_cut", "stream", "sockets close; none opens in the window", {**_STREAM, "clean": False}, _WINDOW),
        Kind("stream_half_open", "stream", "open sockets are never read nor written again", {**_STREAM}, _WINDOW),
        Kind("stream_frozen", "stream", "pings are answered, nothing else; pushes are lost", {**_STREAM}, _WINDOW),
        Kind("exchange_down", "stream", "every socket is cut, every request and connect reset", {}, _WINDOW),
        Kind("books_stale", "book", "the same book again and again, with the old ts", _BOOK, _WINDOW),
        Kind("books_crossed", "book", "the best bid is above the best ask", _BOOK, _WINDOW),
        Kind("books_one_sided", "book", "one side is missing", {**_BOOK, "side": "ask"}, _WINDOW),
        Kind("books_gap", "book", "an update of `books` is left out: its seq never comes", {"product": "any"}),
        Kind("books_refused", "book", "the subscription is refused (30001)", _BOOK, _WINDOW),
        Kind("books_silent", "book", "the subscription is acknowledged and stays silent", _BOOK, _WINDOW),
        Kind("fills_split", "trade", "one execution is reported in pieces", {"product": "any", "pieces": 3}),
        Kind("ioc_stops", "trade", "an IOC stops after a share of its size", {"product": "any", "share": 0.5}),
        Kind("book_thin", "trade", "displayed sizes shrink to a share", {"product": "spot", "share": 0.01}, _WINDOW),
        Kind("halted", "trade", "orders are refused (40844, 41114), no market", {"product": "spot"}, _WINDOW),
        Kind("position_mode_flipped", "trade", "the position mode is switched when flat", {}, _WINDOW),
        Kind("clock_skewed", "clock", "the exchange's clock is off by `ms`", {"ms": 5000}, _WINDOW),
        Kind("clock_jumps", "clock", "the exchange's clock jumps by `ms` and stays there", {"ms": 5000}, _WINDOW),
    )
}  # fmt: skip

CHOICES: dict[str, tuple[str, ...]] = {
    "product": ("any", "perp", "spot"),
    "stream": ("private", "public", "any"),
    "side": ("bid", "ask"),
}


def table() -> str:
    """Return the catalogue as text."""
    lines = ["Faults. Parameters with their defaults; [a, b] is drawn from the range.", ""]
    for kind in CATALOGUE.values():
        words = " ".join(f"{name}={value}" for name, value in kind.parameters.items() if value != "")
        words += " path=" if "path" in kind.parameters and not kind.parameters["path"] else ""
        lines.append(f"{kind.name:<22} {kind.scope:<8} {kind.text}")
        if words.strip():
            lines.append(f"{'':<31} {words.strip()}")
    lines += ["", "Each takes also:"] + [f"{name:<22} {text}" for name, text in COMMON.items()]
    return "\n".join(lines)


_NAMED = ("lost_before", "lost_after", "hang_before", "hang_after", "http500", "http500_after", "after_pushes")
_DELAYS = ("delay_ms", "delay_before_ms")
_CODE = re.compile(r"\d{3,6}(_after)?")

_MESSAGES = {
    "429": "Too Many Requests",
    "22001": "No order to cancel",
    "22002": "No position to close",
    "40010": "Request timed out",
    "40015": "System is abnormal, please try again later",
    "40725": "service return an error",
    "40774": "The order type for unilateral position must also be the unilateral position type",
    "43001": "The order does not exist",
    "43012": "Insufficient balance",
    "45001": "Unknown error",
    "45110": "less than the minimum amount 1 USDT",
}


@attrs.define
class AnswerFault:
    """What the next `times` requests whose path contains `path` meet.

    Raises:
        ValueError: The fault has no meaning.
    """

    path: str
    fault: str
    times: int = 1
    ms: int = 0
    status: int = 500

    def __attrs_post_init__(self) -> None:
        """Refuse a word that is not in the list."""
        if self.fault not in _NAMED + _DELAYS and not _CODE.fullmatch(self.fault):
            raise ValueError(f"'fault' must be one of {_NAMED + _DELAYS} or a code (got {self.fault!r})")

    @property
    def code(self) -> str | None:
        """Bitget code to answer with, if it is that kind of fault."""
        return self.fault.removesuffix("_after") if _CODE.fullmatch(self.fault) else None

    @property
    def message(self) -> str:
        """Text that goes with the code."""
        return _MESSAGES.get(self.code or "", "error")

    @property
    def is_executed(self) -> bool:
        """Whether the request takes effect."""
        return self.fault.endswith("_after") or self.fault in _DELAYS or self.fault == "after_pushes"


@attrs.define
class PushFault:
    """What the next `times` private pushes (of `channel`, if named) meet."""

    kind: Literal["drop", "double", "hold"]
    times: int = 1
    channel: str | None = None
