"""How much the stand-in exchange carries: `python -m tests.bench.bench_exchange --seconds 60`.

The exchange runs as a process of its own, healthy and on a market set by hand. Public sockets listen to the trades and
the books of the perp, private ones to orders and the account. Trades are numbered in their size, so a lost, doubled or
reordered push is seen at once; books are checked by `pseq`; each order must be told as live and then canceled on every
private socket. Prints a table and one line of JSON; the exit status is 1 when anything was lost or the memory grew.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import attrs

from runner.paper import auth
from tests.bench.figures import Bench, How, Row, Taken, below, least_share

ROOT = Path(__file__).resolve().parents[2]
PING_S = 25.0
ORDERS_PER_S = 5
PRIVATE_SHARE = 0.1
WARM_UP_S = 2.0
# Growth of the exchange's resident memory from the end of the warm-up to the end, beyond what its own history
# (bounded, see the store) takes in a minute.
GROWTH_MB_MAX = 20.0
PERP = {"symbol": "ETHUSDT", "productType": "USDT-FUTURES"}


@attrs.define
class Figures:
    """What the listeners counted. Delays in milliseconds from the push's `ts` to its arrival."""

    trades: int = 0
    books: int = 0
    private: int = 0
    lost: int = 0
    reordered: int = 0
    delays_ms: list[float] = attrs.field(factory=list)

    @property
    def messages(self) -> int:
        """All pushes that arrived."""
        return self.trades + self.books + self.private


class Listener:
    """One socket and what it must see next."""

    def __init__(self, figures: Figures, is_private: bool) -> None:
        self._figures = figures
        self._seq: int | None = None
        self.is_private = is_private
        self.number = 0
        self.orders: dict[str, list[str]] = {}

    def take(self, message: dict[str, Any], now_ms: float) -> None:
        """Count one push and compare it with what had to come."""
        channel, row = message["arg"]["channel"], message["data"][0] if message["data"] else {}
        self._figures.delays_ms.append(now_ms - message["ts"])
        if channel == "trade":
            if message["action"] == "update":
                self._trade(int(Decimal(row["size"]) * 100))
        elif channel == "books":
            self._figures.books += 1
            self._chain(message["action"], row["seq"], row["pseq"])
        else:
            self._figures.private += 1
            if channel == "orders":
                self.orders.setdefault(row["clientOid"], []).append(row["status"])

    def _trade(self, number: int) -> None:
        self._figures.trades += 1
        self._figures.lost += max(0, number - self.number - 1)
        self._figures.reordered += number <= self.number
        self.number = number

    def _chain(self, action: str, seq: int, pseq: int) -> None:
        if action == "update" and self._seq is not None:
            self._figures.lost += pseq > self._seq
            self._figures.reordered += pseq < self._seq
        self._seq = seq


def signed(where: dict[str, str], method: str, path: str, body: str) -> dict[str, str]:
    """Return the headers of a signed request."""
    at = str(int(time.time() * 1000))
    return {
        "ACCESS-KEY": where["api_key"],
        "ACCESS-SIGN": auth.sign(where["secret"], f"{at}{method}{path}{body}".encode()),
        "ACCESS-TIMESTAMP": at,
        "ACCESS-PASSPHRASE": where["passphrase"],
        "Content-Type": "application/json",
    }


async def listen(http: aiohttp.ClientSession, where: dict[str, str], listener: Listener) -> None:
    """Connect, subscribe, and take every push until cancelled."""
    is_private = listener.is_private
    async with http.ws_connect(where["ws_private" if is_private else "ws_public"], compress=0) as socket:
        if is_private:
            at = str(int(time.time()))
            arg = {"apiKey": where["api_key"], "passphrase": where["passphrase"], "timestamp": at}
            arg["sign"] = auth.sign(where["secret"], f"{at}GET/user/verify".encode())
            await socket.send_json({"op": "login", "args": [arg]})
            await socket.receive()
        names = ("orders", "account") if is_private else ("trade", "books")
        args = [
            {"instType": "USDT-FUTURES", "channel": name, "coin" if name == "account" else "instId": "default"}
            if is_private
            else {"instType": "USDT-FUTURES", "channel": name, "instId": "ETHUSDT"}
            for name in names
        ]
        await socket.send_json({"op": "subscribe", "args": args})
        ping = asyncio.create_task(_ping(socket))
        try:
            async for frame in socket:
                message = json.loads(frame.data) if frame.data != "pong" else {}
                if "data" in message:
                    listener.take(message, time.time() * 1000)
        finally:
            ping.cancel()


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send_str("ping")


async def trade(http: aiohttp.ClientSession, where: dict[str, str], per_second: float, seconds: float) -> int:
    """Let numbered trades happen at an even pace; return how many."""
    begun, number = time.monotonic(), 0
    while (now := time.monotonic() - begun) < seconds:
        while number < now * per_second:
            number += 1
            body = {"product": "perp", "price": "2680.00", "qty": str(Decimal(number) / 100), "taker_side": "sell"}
            async with http.post(where["rest"] + "/control/trade", json=body) as answer:
                assert answer.status == 200, await answer.text()
        await asyncio.sleep(1 / per_second)
    return number


async def order(http: aiohttp.ClientSession, where: dict[str, str], seconds: float) -> int:
    """Place and cancel quotes far from the market at an even pace; return how many."""
    begun, number = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        number += 1
        quote = {**PERP, "marginMode": "isolated", "marginCoin": "USDT", "side": "buy", "orderType": "limit",
                 "price": "2600", "size": "0.01", "force": "post_only", "clientOid": f"b-{number}"}  # fmt: skip
        await _post(http, where, "/api/v2/mix/order/place-order", quote)
        await _post(http, where, "/api/v2/mix/order/cancel-order", {**PERP, "clientOid": f"b-{number}"})
        await asyncio.sleep(max(0.0, number / ORDERS_PER_S - (time.monotonic() - begun)))
    return number


async def _post(http: aiohttp.ClientSession, where: dict[str, str], path: str, body: dict[str, str]) -> None:
    text = json.dumps(body)
    async with http.post(where["rest"] + path, data=text, headers=signed(where, "POST", path, text)) as answer:
        assert answer.status == 200, await answer.text()


@contextlib.asynccontextmanager
async def exchange_process() -> AsyncIterator[tuple[int, dict[str, str]]]:
    """Run the exchange; yields its process id and the line it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runner", "exchange", "--market", "scripted", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.pid, json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def settled(listeners: Iterable[Listener], trades: int, orders: int) -> int:
    """Wait up to five seconds for what is still under way; return how many pushes never came."""
    missing = 0
    for _ in range(100):
        missing = 0
        for one in listeners:
            told = [statuses == ["live", "canceled"] for statuses in one.orders.values()]
            missing += orders - sum(told) if one.is_private else trades - one.number
        if not missing:
            break
        await asyncio.sleep(0.05)
    return missing


async def run(seconds: float, connections: int, per_second: float) -> dict[str, Any]:
    """Run the load and return the figures."""
    figures = Figures()
    private = max(1, round(connections * PRIVATE_SHARE))
    listeners = [Listener(figures, is_private=n < private) for n in range(connections)]
    async with exchange_process() as (pid, where), aiohttp.ClientSession() as http:
        levels = [[f"{2680 - n}", "5"] for n in range(1, 51)], [[f"{2680 + n}", "5"] for n in range(1, 51)]
        book = {"product": "perp", "bids": levels[0], "asks": levels[1]}
        async with http.post(where["rest"] + "/control/book", json=book) as answer:
            assert answer.status == 200, await answer.text()
        tasks = [asyncio.create_task(listen(http, where, one)) for one in listeners]
        await asyncio.sleep(WARM_UP_S)
        memory, cpu, begun, before = [resident_mb(pid)], cpu_s(pid), time.monotonic(), figures.messages
        work = asyncio.gather(trade(http, where, per_second / (connections - private), seconds),
                              order(http, where, seconds))  # fmt: skip
        while not work.done():
            await asyncio.wait([work], timeout=max(seconds / 6, 1.0))
            memory.append(resident_mb(pid))
        trades, orders = await work
        elapsed, used = time.monotonic() - begun, cpu_s(pid) - cpu
        figures.lost += await settled(listeners, trades, orders)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    counts = {"connections": connections, "private_connections": private, "trades": trades, "orders": orders}
    return counts | summary(figures, figures.messages - before, elapsed, used, memory)


def summary(
    figures: Figures, pushes: int, elapsed_s: float, cpu_used_s: float, memory_mb: list[float]
) -> dict[str, Any]:
    """Return what is printed: rates over the loaded time, delays over all pushes, memory from first to last look."""
    delays = statistics.quantiles(figures.delays_ms, n=1000)
    return {
        "seconds": round(elapsed_s, 1),
        "pushes": pushes,
        "pushes_per_s": round(pushes / elapsed_s),
        "lost": figures.lost,
        "reordered": figures.reordered,
        "delay_ms_p50": round(delays[499], 1),
        "delay_ms_p99": round(delays[989], 1),
        "delay_ms_max": round(max(figures.delays_ms), 1),
        "exchange_cpu_share": round(cpu_used_s / elapsed_s, 2),
        "memory_mb": [round(one, 1) for one in memory_mb],
        "memory_growth_mb": round(memory_mb[-1] - memory_mb[0], 1),
    }


PUSHES, LOST = "stand-in, pushes a second", "… lost or out of order"
CONNECTIONS, PER_S, SECONDS, SECONDS_QUICK = 50, 2_000.0, 20.0, 5.0
ROWS = (Row(PUSHES, "/s", "asked for", least_share(0.95)), Row(LOST, "", "-", below(0)))


def take(how: How) -> Taken:
    """One run for the table of every bench."""
    found = asyncio.run(run(SECONDS_QUICK if how.quick else SECONDS, CONNECTIONS, PER_S))
    return {PUSHES: (found["pushes_per_s"], PER_S), LOST: (found["lost"] + found["reordered"], None)}


BENCH = Bench("exchange", ROWS, take, runs_max=1)


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=50, help="a tenth of them private")
    parser.add_argument("--messages", type=float, default=2_000.0, help="trade pushes a second, over all sockets")
    args = parser.parse_args()
    figures = asyncio.run(run(args.seconds, args.connections, args.messages))
    for name, value in figures.items():
        print(f"{name:22} {value}")
    print(json.dumps(figures))
    is_good = not figures["lost"] and not figures["reordered"] and figures["memory_growth_mb"] <= GROWTH_MB_MAX
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
