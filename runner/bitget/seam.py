"""Where we lean on pybotters: everything we need of it beside its public calls, in one place.

Tried with pybotters 1.11.2:
- It signs, logs in and pings by literal host name ("api.bitget.com", "ws.bitget.com"); any other host, such as demo
  trading's sockets or loopback, is left unsigned without a word. `register` adds a host to its two tables.
- Without `apis` it reads `apis.json` from the working directory; so `apis` is always given, if only as {}.
- `Auth.bitget` of its sockets signs and sends the login, then drops the answer, refusals included. `log_in` lets it do
  that on a stand-in for the socket that remembers what it was told.
- Its requests name their signer in aiohttp's `auth` argument, which aiohttp 3.14 warns about, once a request.
- It starts a task that pings a known host every 25 s and that outlives the socket; `end_own_ping` ends it, since the
  connection pings by itself and wants to know of each pong.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import pybotters
from pybotters import auth as pybotters_auth
from pybotters import ws as pybotters_ws

from runner.bitget import hosts

_NAME = "bitget"


def register(url: str) -> None:
    """Let pybotters sign for and log in at the host of `url`, as it does for Bitget's own.

    Raises:
        ValueError: the host is neither Bitget's nor this machine: no key goes there.
    """
    if not hosts.may_hold_keys(url):
        raise ValueError(f"{hosts.host_of(url)}: a key may go to *.bitget.com and to this machine alone")
    host = urlsplit(url).hostname
    pybotters_auth.Hosts.items.setdefault(host, pybotters_auth.Item(_NAME, pybotters_auth.Auth.bitget))
    pybotters_ws.AuthHosts.items.setdefault(host, pybotters_ws.Item(_NAME, pybotters_ws.Auth.bitget))


def new_client(keys: tuple[str, str, str] | None, **session: Any) -> pybotters.Client:
    """Open a pybotters client with the account's keys, or with none."""
    warnings.filterwarnings("ignore", "The 'auth' parameter is deprecated", DeprecationWarning)
    return pybotters.Client(apis={_NAME: list(keys)} if keys else {}, **session)


def user_agent(client: pybotters.Client) -> str:
    """Return what the client calls itself."""
    return str(client._session.headers["User-Agent"])


async def connect(client: pybotters.Client, url: str, close_s: float) -> aiohttp.ClientWebSocketResponse:
    """Open a socket on the client's own session, without login and without a reconnecting loop around it."""
    timeout = aiohttp.ClientWSTimeout(ws_close=close_s)
    return await client._session.ws_connect(url, auth=None, timeout=timeout)


def end_own_ping(ws: aiohttp.ClientWebSocketResponse) -> None:
    task = vars(ws).get("_pingtask")
    if task is not None:
        task.cancel()


class _Listener:
    """Stands before a socket during the login, lets objects alone through, and keeps the last one that came."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._response = ws._response  # pybotters finds host and keys through it
        self.answer: Mapping[str, Any] = {}

    async def send_json(self, message: object) -> None:
        await self._ws.send_json(message)

    def __aiter__(self) -> _Listener:
        return self

    async def __anext__(self) -> aiohttp.WSMessage:
        while True:
            message = await self._ws.__anext__()
            try:
                told = json.loads(message.data)
            except (TypeError, ValueError):
                continue
            if isinstance(told, dict):  # pybotters takes whatever comes for an object
                self.answer = told
                return message


async def log_in(ws: aiohttp.ClientWebSocketResponse) -> Mapping[str, Any]:
    """Log in with pybotters' own signature and return what was answered; {} when the socket closed first.

    It waits without a bound; the caller sets one.
    """
    listener = _Listener(ws)
    await pybotters_ws.Auth.bitget(cast(Any, listener))
    return listener.answer
