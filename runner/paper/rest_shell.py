"""REST over aiohttp: a request goes to the exchange, its answer back, unless a fault spoils one or the other."""

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from runner.paper.api import Answer, Request, envelope
from runner.paper.clock import now_ms
from runner.paper.faults import AnswerFault
from runner.paper.sockets import Line

if TYPE_CHECKING:
    from runner.paper.server import PaperExchange

HANG_S_MAX = 60.0


class RestShell:
    """Serves every path that is neither a socket nor the hand of tests."""

    def __init__(self, exchange: "PaperExchange", line: Line) -> None:
        self._exchange = exchange
        self._line = line

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, request.raw_path, headers, body, request.remote or "")
        exchange = self._exchange
        if exchange.faults.is_down(now_ms()):
            return reset(request)
        exchange.note(asked)
        await self._line.travel()
        fault = exchange.faults.for_answer(asked.path, now_ms(), self._account(headers))
        if fault is not None and fault.fault == "delay_before_ms":
            await asyncio.sleep(fault.ms / 1000)
        answer = exchange.answer(asked) if fault is None or fault.is_executed else None
        await self._line.travel()
        if fault is not None:
            return await self._spoiled(request, fault, answer)
        assert answer is not None
        return _response(answer)

    def _account(self, headers: dict[str, str]) -> str | None:
        key = headers.get("access-key")
        return None if key is None else self._exchange.options.account_of(key).name

    async def _spoiled(self, request: web.Request, fault: AnswerFault, answer: Answer | None) -> web.StreamResponse:
        if fault.fault.startswith(("lost", "hang")):
            if fault.fault.startswith("hang"):
                await asyncio.sleep(HANG_S_MAX)
            return reset(request)
        if fault.fault.startswith("http500"):
            status = fault.status
            return web.Response(status=status, text="Internal Server Error" if status == 500 else "Bad Gateway")
        if fault.code is not None:
            status = 429 if fault.code == "429" else 400
            return _response(
                Answer(status, envelope(fault.code, fault.message, None, self._exchange.venue.clock_ms(now_ms())))
            )
        if fault.fault == "after_pushes":
            await self._exchange.flushed()
        if fault.fault in ("delay_ms", "after_pushes"):
            await asyncio.sleep(fault.ms / 1000)
        assert answer is not None
        return _response(answer)


def reset(request: web.Request) -> web.Response:
    """Reset the connection; the answer returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


def _response(answer: Answer) -> web.Response:
    text = json.dumps(answer.body, separators=(",", ":"))
    return web.Response(status=answer.status, text=text, content_type="application/json")
