"""One request to Bitget and its answer, whatever happens: signed by pybotters, bounded in time, never raising for the
network.

Hedges have two lines of their own (one for each side's ticket), opened beforehand, opened again when lost, and never
more than `hedge_idle_ms` unused: a hedge after a quiet hour costs no handshake.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Literal

import aiohttp
import attrs
import pybotters
from loguru import logger

from mmfsm.clock import now_ms
from mmfsm.values import OrderResult, Outcome
from runner.bitget import seam, wire
from runner.bitget.budget import Budget
from runner.bitget.codes import Kind, judge
from runner.bitget.line import Answer, Line
from runner.bitget.members import is_near
from runner.bitget.signing import Signer
from runner.bitget.tasks import OnFailure, Tasks
from runner.settings import Settings

# An order on a connection that the other side has just closed is an order of unknown outcome: idle ones go early.
_KEEPALIVE_S = 15.0
_HEDGE_LINES = 2
_OPEN_PACE_S = 1.0  # a line that does not stay open is not opened faster than this
_ENCODER = json.JSONEncoder()  # spaced as pybotters sends it
_LOCALE = {"locale": "en-US"}  # Bitget translates its messages by it


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
    def is_time_believed(self) -> bool:
        """Whether it told Bitget's time, and one that can be of now."""
        return self.exch_ms is not None and is_near(self.exch_ms, self.got_ms)

    @property
    def told_ms(self) -> int:
        """The exchange's time of the answer; ours where it told none that can be believed."""
        return self.exch_ms if self.exch_ms is not None and self.is_time_believed else self.got_ms

    def result(self, order_id: str | None = None) -> OrderResult:
        return OrderResult(self.outcome, order_id, self.code, self.msg or None)

    def unreadable(self, error: Exception) -> Reply:
        """The same reply when what it holds cannot be read: nothing is known."""
        return attrs.evolve(self, outcome=Outcome.UNKNOWN, msg=f"unreadable answer: {error}", data=None)


class Rest:
    """The requests of one account. Made anywhere, opened inside a running loop."""

    def __init__(self, settings: Settings, on_failure: OnFailure, warm_path: str) -> None:
        """`warm_path` is the light public read (the exchange's clock) that keeps the hedges' lines in use."""
        self._settings = settings
        self._base = settings.bitget_rest_url.rstrip("/")
        self._bound_s = settings.request_timeout_ms / 1000
        self._warm_path = warm_path
        self._tasks = Tasks(on_failure)
        self.ahead_ms = 0  # Bitget's clock minus ours, by the answers that told a time to believe
        self._is_clock_believed = True
        self.budget = Budget(lambda: asyncio.get_running_loop().time())
        self._main: pybotters.Client | None = None
        self._signer: Signer | None = None
        self._lines: tuple[Line, ...] = ()
        self._warming = asyncio.Lock()  # one line at a time: a hedge always finds the other

    @property
    def has_keys(self) -> bool:
        return self._settings.has_keys

    async def open(self, hedges: bool = True) -> None:
        """Open the client; the hedges' lines are opened in the background. Readers alone need no hedges."""
        keys = None
        if self._settings.has_keys:
            seam.register(self._base)
            s = self._settings
            keys = (s.bitget_api_key, s.bitget_api_secret, s.bitget_api_passphrase)
            self._signer = Signer(keys, self._demo())
        self._main = self._client(keys)
        if hedges and not self._settings.dry_run:
            self._open_lines(self._main)

    def _client(self, keys: tuple[str, str, str] | None) -> pybotters.Client:
        connector = aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=300)
        return seam.new_client(keys, connector=connector, headers=_LOCALE, cookie_jar=aiohttp.DummyCookieJar())

    def _open_lines(self, client: pybotters.Client) -> None:
        headers = {"User-Agent": seam.user_agent(client), "Accept": "*/*"} | _LOCALE
        self._lines = tuple(Line(self._base, headers) for _ in range(_HEDGE_LINES))
        for line in self._lines:
            self._tasks.start("hedge-connection", self._hold(line))

    async def close(self) -> None:
        await self._tasks.close()
        for line in self._lines:
            line.close()
        if self._main is not None:
            await self._main.close()

    async def public(self, path: str, params: dict[str, str] | None = None) -> Reply:
        """Read something that needs no key, unsigned: it counts against the IP's limit, not the account's."""
        return await self._send("GET", path, Kind.QUERY, params=params, signed=False)

    async def read(self, path: str, params: dict[str, str], kind: Kind = Kind.QUERY) -> Reply:
        """Read something of the account."""
        return await self._send("GET", path, kind, params=params)

    async def post(self, path: str, body: dict[str, str], kind: Kind, hedge: bool = False) -> Reply:
        """Change something at the exchange. Never leaves in a dry run, whoever asks."""
        if self._settings.dry_run:
            now = now_ms()
            return Reply(Outcome.REFUSED, None, "DRY_RUN: nothing is sent", now, now)
        begun = self.begin_post(path, body, kind) if hedge else None
        return await (begun or self._send("POST", path, kind, body=body))

    def begin_post(self, path: str, body: dict[str, str], kind: Kind) -> Awaitable[Reply] | None:
        """Write a change on one of the hedges' lines before this returns. What is returned must be awaited.

        Returns:
            What waits for the reply; None, and nothing is written, when no line is free.
        """
        line = next((line for line in self._lines if line.is_free), None)
        if line is None or self._signer is None or self._settings.dry_run:
            return None
        sent_ms, text = now_ms(), _ENCODER.encode(body).encode()
        headers = self._signer.header_lines("POST", path, text, sent_ms)
        return self._reply(kind, sent_ms, line.begin("POST", path, headers, text))

    def _demo(self) -> dict[str, str]:
        return {"paptrading": "1"} if self._settings.bitget_demo else {}  # Demo Trading, REST

    async def _send(
        self,
        method: Literal["GET", "POST"],
        path: str,
        kind: Kind,
        params: dict[str, str] | None = None,
        body: dict[str, str] | None = None,
        signed: bool = True,
    ) -> Reply:
        if self._main is None:
            raise RuntimeError("the gateway is not open: await open() first")
        sent = now_ms()
        if signed and not self._settings.has_keys:
            return Reply(Outcome.FATAL, None, "no API key is set", sent, sent)
        if signed and kind is not Kind.PLACE:
            await self.budget.take(path)  # placing takes its own: quotes have a share of it only
            sent = now_ms()
        options: dict[str, Any] = {"params": params, "data": body, "allow_redirects": False}
        if not signed:
            options["auth"] = None
        if path != self._warm_path:  # the clock is the same, and takes no such header
            options["headers"] = self._demo()
        return await self._reply(kind, sent, _asked(self._main, method, self._base + path, options))

    async def _reply(self, kind: Kind, sent_ms: int, answer: Awaitable[Answer]) -> Reply:
        """Wait for an answer, within the bound, and judge what came of it."""
        try:
            async with asyncio.timeout(self._bound_s):
                status, text = await answer
        except TimeoutError:
            return self._lost(sent_ms, f"no answer within {self._settings.request_timeout_ms} ms")
        except aiohttp.ClientConnectorError as error:
            # No connection, so nothing can have arrived: an answer, unlike a connection that broke on the way.
            return Reply(Outcome.BUSY, None, f"not sent: {error}", sent_ms, now_ms())
        except (aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
            return self._lost(sent_ms, f"{type(error).__name__}: {error}")
        reply = _judged(kind, status, text, sent_ms)
        if reply.exch_ms is not None:
            self._take_clock(reply, reply.exch_ms)
        return reply

    def _take_clock(self, reply: Reply, exch_ms: int) -> None:
        """Keep how far Bitget's clock is ahead: a spot hedge says when it was sent, and until when it may be taken.

        Bitget told its time between our two, so the difference is moved no further than an answer proves: the middle of
        a slow one would be off by half its time. A time years away is not believed, and told once until one is again.
        """
        if reply.is_time_believed:
            self.ahead_ms = min(max(self.ahead_ms, exch_ms - reply.got_ms), exch_ms - reply.sent_ms)
        elif self._is_clock_believed:
            told = (
                "requestTime = {}: expected a time within a day of our clock; {} ms ahead of it stays what is believed"
            )
            logger.warning(told, exch_ms, self.ahead_ms)
        self._is_clock_believed = reply.is_time_believed

    def _lost(self, sent_ms: int, why: str) -> Reply:
        return Reply(Outcome.UNKNOWN, None, why, sent_ms, now_ms())

    async def _hold(self, line: Line) -> None:
        """Keep a line open and in use. How that fares does not matter: a hedge without a line goes the common way."""
        idle_s = self._settings.hedge_idle_ms / 1000
        while True:
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(self._bound_s):
                    await line.open()
            while line.is_open:
                async with self._warming:
                    if line.is_free:
                        await self._reply(Kind.QUERY, now_ms(), line.begin("GET", self._warm_path))
                with suppress(TimeoutError):
                    async with asyncio.timeout(idle_s):
                        await line.lost()
            await asyncio.sleep(_OPEN_PACE_S)


async def _asked(client: pybotters.Client, method: str, url: str, options: dict[str, Any]) -> Answer:
    async with client.request(method, url, **options) as response:
        return response.status, await response.text("utf-8")  # as JSON is; what a proxy's page names may be no charset


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
