"""The hand of tests over HTTP: POST /control/<verb> with a JSON object, for an exchange in another process.

Loopback only, unsigned, and no part of Bitget's API. `fault` lets one of the catalogue begin: its name and parameters
are the body; `faults` lists the catalogue; `clear` ends all of them. Answers 200 `{"ok": true}` or 400
`{"ok": false, "error": ...}`.
"""

import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import web

from runner.paper.faults import CATALOGUE
from runner.paper.numbers import plain
from runner.paper.options import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from runner.paper.server import PaperExchange

Verb = Callable[["PaperExchange", dict[str, Any]], Awaitable[Any]]


async def _cut(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    await exchange.cut(body["stream"], float(body.get("seconds", 0)), bool(body.get("clean", True)))


async def _next_answer(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.next_answer(body["path"], str(body["fault"]), int(body.get("times", 1)), int(body.get("ms", 0)))


async def _push(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    for kind in ("drop", "double", "hold"):
        if kind in body:
            exchange.push_fault(kind, int(body[kind]), body.get("channel"))


async def _release(exchange: "PaperExchange", _body: dict[str, Any]) -> None:
    exchange.release()


async def _clear(exchange: "PaperExchange", _body: dict[str, Any]) -> None:
    exchange.clear_faults()


async def _position_mode(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.set_position_mode(body["posMode"], body.get("account", DEFAULT_ACCOUNT))


async def _silence(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.silence(body["product"], body["channel"], bool(body.get("silent", True)))


async def _balance(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.set_balance(body["coin"], body["amount"], body.get("account", DEFAULT_ACCOUNT))


async def _funding(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.market.funding(body["rate"])


async def _book(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.market.set_book(body["product"], body["bids"], body["asks"])


async def _trade(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.market.trade(body["product"], body["price"], body["qty"], body["taker_side"])


async def _account(exchange: "PaperExchange", body: dict[str, Any]) -> Any:
    return attrs.asdict(exchange.account_view(body.get("account", DEFAULT_ACCOUNT)))


async def _fault(exchange: "PaperExchange", body: dict[str, Any]) -> None:
    exchange.fault(**body)


async def _faults(_exchange: "PaperExchange", _body: dict[str, Any]) -> Any:
    return [attrs.asdict(kind) for kind in CATALOGUE.values()]


VERBS: dict[str, Verb] = {
    "cut": _cut,
    "next_answer": _next_answer,
    "push": _push,
    "release": _release,
    "clear": _clear,
    "position_mode": _position_mode,
    "silence": _silence,
    "balance": _balance,
    "funding": _funding,
    "book": _book,
    "trade": _trade,
    "account": _account,
    "fault": _fault,
    "faults": _faults,
}


def control_routes(exchange: "PaperExchange") -> list[web.RouteDef]:
    """Return the routes under /control/."""

    async def handle(request: web.Request) -> web.Response:
        verb = VERBS.get(request.match_info["verb"])
        if verb is None or request.remote is None or not ip_address(request.remote).is_loopback:
            return _answer(404, {"ok": False, "error": "unknown verb"})
        try:
            body = json.loads(await request.read() or b"{}")
            data = await verb(exchange, body)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            return _answer(400, {"ok": False, "error": f"{type(error).__name__}: {error}"})
        return _answer(200, {"ok": True} if data is None else {"ok": True, "data": data})

    return [web.post("/control/{verb}", handle)]


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    text = json.dumps(body, default=plain)
    return web.Response(status=status, text=text, content_type="application/json")
