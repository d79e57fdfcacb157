"""Clients nobody here wrote, unmodified but for their URLs."""

from typing import Any

import ccxt.pro
import pybotters
import pybotters.auth
import pybotters.ws

from runner.paper import PaperExchange

Ccxt = ccxt.pro.bitget

SPOT = "ETH/USDT"
SWAP = "ETH/USDT:USDT"
PRODUCT = {SPOT: "spot", SWAP: "perp"}

# Loading the markets takes ten requests; one test asserts what they say, the others reuse it.
_loaded: dict[str, Any] = {}


def raw_ccxt_client(exchange: PaperExchange, **config: str) -> Ccxt:
    """Return a ccxt.pro client (REST and sockets) of the exchange that has not asked anything yet.

    Every address of `urls["api"]` is replaced, so nothing can leave the machine. ccxt paces itself far below the
    limits of most endpoints; its pacing is off (its own option), the limits of the exchange are on.
    """
    key = exchange.credentials
    keys = {"apiKey": key.api_key, "secret": key.secret, "password": key.passphrase}
    made = ccxt.pro.bitget({"enableRateLimit": False} | keys | config)
    sockets = {"public": exchange.ws_public_url, "private": exchange.ws_private_url}
    # Grace for TLS teardown; these sockets are plain.
    made.timeout_on_exit = 0
    made.urls["api"] = {name: exchange.rest_url for name in made.urls["api"]} | {"ws": sockets}
    return made


async def ccxt_client(exchange: PaperExchange, **config: str) -> Ccxt:
    """Return a ccxt.pro client of the exchange that knows the markets."""
    made = raw_ccxt_client(exchange, **config)
    if not _loaded:
        await made.load_markets()
        _loaded.update(markets=made.markets, currencies=made.currencies)
    made.set_markets(_loaded["markets"], _loaded["currencies"])
    # What ccxt found out while it loaded the markets: a classic account.
    made.options["uta"] = False
    return made


def register_pybotters() -> None:
    """Tell pybotters that this machine speaks Bitget: its tables of hosts are where it keeps its URLs.

    Without the three entries it neither signs, nor logs in, nor pings.
    """
    host = "127.0.0.1"
    pybotters.auth.Hosts.items[host] = pybotters.auth.Item("bitget", pybotters.auth.Auth.bitget)
    pybotters.ws.AuthHosts.items[host] = pybotters.ws.Item("bitget", pybotters.ws.Auth.bitget)
    pybotters.ws.HeartbeatHosts.items[host] = pybotters.ws.Heartbeat.bitget


def pybotters_client(exchange: PaperExchange) -> pybotters.Client:
    """Return a pybotters client with its keys and the exchange as base URL."""
    register_pybotters()
    key = exchange.credentials
    keys = {"bitget": [key.api_key, key.secret, key.passphrase]}
    return pybotters.Client(apis=keys, base_url=exchange.rest_url)
