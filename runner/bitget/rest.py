"""One request to Bitget and its answer, whatever happens: signed by pybotters, bounded in time, never raising for the
network.

Hedges have a client of their own, and with it a connection of their own that is never more than `hedge_idle_ms` unused:
a hedge after a quiet hour costs no handshake.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Literal

import aiohttp
import attrs
import pybotters

from mmfsm.clock import now_ms
from mmfsm.values import OrderResult, Outcome
from runner.bitget import seam, wire
from runner.bitget.budget import Budget
from runner.bitget.codes import Kind, judge
from runner.bitget.tasks import OnFailure, Tasks
from runner.settings import Settings

# An order on a connection that the other side has just closed is an order of unknown outcome: idle ones go early.
_KEEPALIVE_S = 15.0


@attrs.frozen
class Reply:
    """How a request ended. `sent_ms` and `got_ms` are our clock, `exch_ms` is Bitget's; `data` is what the envelope
    held."""

    outcome: Outcome
    code: str | None
    msg: str
    sent_ms: int
    got_ms: int
    data: Any = None
    exch_ms: int | None = None

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.ACCEPTED

    @property
    def told_ms(self) -> int:
        """The exchange's time of the answer; ours where it told none."""
        return self.got_ms if self.exch_ms is None else self.exch_ms

    def result(self, order_id: str | None = None) -> OrderResult:
        return OrderResult(self.outcome, order_id, self.code, self.msg or None)

    def unreadable(self, error: Exception) -> Reply:
        """The same reply when what it holds cannot be read: nothing is known."""
        return attrs.evolve(self, outcome=Outcome.UNKNOWN, msg=f"unreadable answer: {error}", data=None)


class Rest:
    """The requests of one account. Made anywhere, opened inside a running loop."""

    def __init__(self, settings: Settings, on_failure: OnFailure, warm_path: str) -> None:
        """`warm_path` is the light public read (the exchange's clock) that keeps the hedges' connection in use."""
        self._settings = settings
        self._base = settings.bitget_rest_url.rstrip("/")
        self._bound_s = settings.request_timeout_ms / 1000
        self._warm_path = warm_path
        self._tasks = Tasks(on_failure)
        self.ahead_ms = 0  # Bitget's clock minus ours, by the last answer that told its time
        self.budget = Budget(lambda: asyncio.get_running_loop().time())
        self._main: pybotters.Client | None = None
        self._hedge: pybotters.Client | None = None
        self._hedge_used_at = -math.inf  # the loop's clock; never

    @property
    def has_keys(self) -> bool:
        return self._settings.has_keys

    async def open(self, hedges: bool = True) -> None:
        """Open both clients; the hedges' connection is established in the background. Readers alone need no hedges."""
        keys = None
        if self._settings.has_keys:
            seam.register(self._base)
            s = self._settings
            keys = (s.bitget_api_key, s.bitget_api_secret, s.bitget_api_passphrase)
        self._main = self._client(keys, _KEEPALIVE_S)
        if not hedges:
            return
        self._hedge = self._client(keys, self._settings.hedge_idle_ms / 1000 + self._bound_s)
        self._tasks.start("hedge-connection", self._keep_warm())

    def _client(self, keys: tuple[str, str, str] | None, keepalive_s: float) -> pybotters.Client:
        connector = aiohttp.TCPConnector(keepalive_timeout=keepalive_s, ttl_dns_cache=300)
        # `locale`: Bitget translates its messages by it.
        return seam.new_client(
            keys, connector=connector, headers={"locale": "en-US"}, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        await self._tasks.close()
        for client in (self._main, self._hedge):
            if client is not None:
                await client.close()

    async def public(self, path: str, params: dict[str, str] | None = None) -> Reply:
        """Read something that needs no key, unsigned: it counts against the IP's limit, not the account's."""
        return await self._send(self._main, "GET", path, Kind.QUERY, params=params, signed=False)

    async def read(self, path: str, params: dict[str, str], kind: Kind = Kind.QUERY) -> Reply:
        """Read something of the account."""
        return await self._send(self._main, "GET", path, kind, params=params)

    async def post(self, path: str, body: dict[str, str], kind: Kind, hedge: bool = False) -> Reply:
        """Change something at the exchange. Never leaves in a dry run, whoever asks."""
        if self._settings.dry_run:
            now = now_ms()
            return Reply(Outcome.REFUSED, None, "DRY_RUN: nothing is sent", now, now)
        return await self._send(self._hedge if hedge else self._main, "POST", path, kind, body=body)

    async def _send(
        self,
        client: pybotters.Client | None,
        method: Literal["GET", "POST"],
        path: str,
        kind: Kind,
        params: dict[str, str] | None = None,
        body: dict[str, str] | None = None,
        signed: bool = True,
    ) -> Reply:
        if client is None:
            raise RuntimeError("the gateway is not open: await open() first")
        sent = now_ms()
        if signed and not self._settings.has_keys:
            return Reply(Outcome.FATAL, None, "no API key is set", sent, sent)
        if signed and kind is not Kind.PLACE:
            await self.budget.take(path)  # placing takes its own: quotes have a share of it only
            sent = now_ms()
        if client is self._hedge:
            self._hedge_used_at = asyncio.get_running_loop().time()
        options: dict[str, Any] = {"params": params, "data": body, "allow_redirects": False}
        if not signed:
            options["auth"] = None
        if self._settings.bitget_demo and path != self._warm_path:  # the clock is the same, and takes no such header
            options["headers"] = {"paptrading": "1"}  # Demo Trading, REST
        try:
            async with asyncio.timeout(self._bound_s), client.request(method, self._base + path, **options) as response:
                text, status = await response.text(), response.status
        except TimeoutError:
            return self._lost(sent, f"no answer within {self._settings.request_timeout_ms} ms")
        except aiohttp.ClientConnectorError as error:
            # No connection, so nothing can have arrived: an answer, unlike a connection that broke on the way.
            return Reply(Outcome.BUSY, None, f"not sent: {error}", sent, now_ms())
        except (aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
            return self._lost(sent, f"{type(error).__name__}: {error}")
        reply = _judged(kind, status, text, sent)
        if reply.exch_ms is not None:
            self.ahead_ms = reply.exch_ms - (reply.sent_ms + reply.got_ms) // 2
        return reply

    def _lost(self, sent_ms: int, why: str) -> Reply:
        return Reply(Outcome.UNKNOWN, None, why, sent_ms, now_ms())

    async def _keep_warm(self) -> None:
        # Its answers do not matter: a failed one means that the next request opens a connection, as it would anyway.
        loop, idle_s = asyncio.get_running_loop(), self._settings.hedge_idle_ms / 1000
        while True:
            left_s = self._hedge_used_at + idle_s - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
            else:
                await self._send(self._hedge, "GET", self._warm_path, Kind.QUERY, signed=False)


def _judged(kind: Kind, status: int, text: str, sent_ms: int) -> Reply:
    got = now_ms()
    try:
        envelope = wire.open_envelope(text)
    except ValueError:
        outcome, note = judge(kind, status, None)
        return Reply(outcome, None, f"{note}: {text[:80]!r}", sent_ms, got)
    outcome, note = judge(kind, status, envelope.code)
    words = envelope.msg if outcome is Outcome.ACCEPTED or not note else f"{envelope.msg} ({note})"
    return Reply(outcome, envelope.code, words, sent_ms, got, envelope.data, envelope.exch_ms)
