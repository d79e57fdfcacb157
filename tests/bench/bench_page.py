"""What the page costs the loop that trades: `python -m tests.bench.bench_page --seconds 15`.

The stand-in exchange, with a lively synthetic market, runs here; the bot is a process of its own, so the lateness it
measures of its own loop is its own. Each row is one way of being looked at. Before that: what one frame and one counted
firing cost. Prints a table and one line of JSON. Nothing is asserted: figures depend on the machine and its neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import timeit
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from mmfsm.clock import now_ms
from mmfsm.events import FeedName
from mmfsm.machines import feed
from mmfsm.machines.feed import Feed, FeedInput
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.values import Side
from runner.app import Runner
from runner.client import ask
from runner.demo import PaperRun, settings_for
from runner.onlooker import Onlooker
from runner.page.frames import Frames, Watcher
from runner.page.guard import TOKEN_FILE
from runner.paper import PaperExchange, PaperOptions
from runner.state_folder import state_folder
from tests.runner.processes import Process, eventually
from tests.support.page import free_port

WATCHERS = 8
Load = Callable[[str], Awaitable[None]]


async def nobody(_url: str) -> None:
    """Nobody looks."""
    await asyncio.Event().wait()


async def watchers(url: str) -> None:
    """Eight browsers watch."""
    async with aiohttp.ClientSession() as session:

        async def watch() -> None:
            async with session.get(f"{url}/stream", timeout=aiohttp.ClientTimeout(total=None)) as answer:
                async for _ in answer.content.iter_any():
                    pass

        await asyncio.gather(*(watch() for _ in range(WATCHERS)))


async def stuck(url: str) -> None:
    """Seven watch, one of those never reads."""
    loop, end = asyncio.get_running_loop(), socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    end.setblocking(False)
    await loop.sock_connect(end, ("127.0.0.1", int(url.rsplit(":", 1)[1])))
    await loop.sock_sendall(end, b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        await watchers(url)
    finally:
        end.close()


async def flood(url: str) -> None:
    """Four connections send wrong tokens without a pause."""
    headers = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:

        async def ask_wrongly() -> None:
            while True:
                async with session.post(f"{url}/act/stop", data=b"{}", headers=headers) as answer:
                    await answer.read()

        await asyncio.gather(*(ask_wrongly() for _ in range(4)))


LOADS: dict[str, Load | None] = {
    "page off": None,
    "page on, nobody looks": nobody,
    f"{WATCHERS} watchers": watchers,
    "watchers, one stuck": stuck,
    "wrong tokens, 4 connections": flood,
}


@asynccontextmanager
async def bot(folder: Path, has_page: bool) -> AsyncIterator[Process]:
    """A bot in a process, quoting and being filled on a lively market."""
    async with PaperExchange(PaperOptions(seed=1)) as exchange:
        told = {"STATUS_PORT": str(free_port()) if has_page else "0", "GUARDIAN": "0", "LOG_LEVEL": "ERROR"}
        run = PaperRun(log_path=str(folder / "bench.jsonl"), state_dir=str(folder / "state"), overrides=told)
        process = await Process(exchange, settings_for(run, exchange)).start()
        try:
            await exchange.until(lambda: bool(exchange.account_view().open_orders), 20)
            yield process
        finally:
            await process.clean_up()


async def measure(name: str, load: Load | None, seconds: float) -> dict[str, Any]:
    """Return how late the bot's loop was under a load, and how its hedges did."""
    with tempfile.TemporaryDirectory() as scratch:
        async with bot(Path(scratch), load is not None) as process:
            if load is not None:
                await eventually((state_folder(process.settings) / TOKEN_FILE).exists)
            url = f"http://127.0.0.1:{process.settings.status_port}"
            await asyncio.sleep(2)  # the start is over
            working = asyncio.create_task((load or nobody)(url))
            seen: list[float] = []
            try:
                async with asyncio.timeout(seconds):
                    while not working.done():
                        answer = await ask("view", process.settings)
                        if answer is not None:
                            seen.append(answer["view"]["loop"]["last_ms"])
                        await asyncio.sleep(0.05)
                await working
            except TimeoutError:
                pass
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            answer = await ask("view", process.settings)
            assert answer is not None, process.story()
            latency = answer["view"]["latency"]
    ordered = sorted(seen)
    return {
        "load": name,
        "looks": len(seen),
        "p50_ms": statistics.median(ordered),
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "max_ms": ordered[-1],
        "hedges": latency["hedged"],
        "hedge_p50_ms": latency["p50_ms"],
        "hedge_max_ms": latency["max_ms"],
    }


def costs() -> dict[str, float]:
    """Return what one frame, with few and with a thousand tickets, and one counted firing cost, in µs."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        loop = asyncio.new_event_loop()

        async def frames(tickets: int) -> float:
            async with PaperExchange(PaperOptions()) as exchange:
                run = PaperRun(log_path=f"{scratch}/cost.jsonl", state_dir=scratch)
                runner = Runner(settings_for(run, exchange))
                at_ms = now_ms()
                for number in range(tickets):
                    one = HedgeTicket(f"t{number}", number, Side.BUY, at_ms, at_ms, at_ms + number, Decimal("0.02"))
                    runner.desk.state.tickets[one.hedge_id] = one

                def frame() -> None:
                    Watcher(Frames(runner)).news()

                return timeit.timeit(frame, number=200) / 200 * 1e6

        found["frame_us"] = loop.run_until_complete(frames(1))
        found["frame_1000_tickets_us"] = loop.run_until_complete(frames(1_000))
        loop.close()
    subject, what = Feed(FeedName.PERP_BOOK, feed.BOOKS5, feed.FRESH), FeedInput(0, 1_000, 1_000)

    def firing() -> None:
        feed.TABLE.fire(subject, "data", what, [])

    count = 200_000
    found["firing_us"] = timeit.timeit(firing, number=count) / count * 1e6
    onlooker = Onlooker(0)
    onlooker.count_edges()
    found["firing_counted_us"] = timeit.timeit(firing, number=count) / count * 1e6
    onlooker.close()
    return found


async def loads(seconds: float) -> list[dict[str, Any]]:
    return [await measure(name, load, seconds) for name, load in LOADS.items()]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_page", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each load lasts (default 15)")
    args = parser.parse_args()
    told = costs()
    for name, us in told.items():
        print(f"{name:<24} {us:10.2f}")
    rows = asyncio.run(loads(args.seconds))
    print(f"\n{'loop lag under':<30} {'p50':>7} {'p99':>7} {'max':>7} ms   hedges: {'p50':>5} {'max':>5} ms")
    for row in rows:
        lag = f"{row['p50_ms']:7.2f} {row['p99_ms']:7.2f} {row['max_ms']:7.2f}"
        print(f"{row['load']:<30} {lag}    {row['hedges']:>6}: {row['hedge_p50_ms']!s:>5} {row['hedge_max_ms']!s:>5}")
    print(json.dumps({"costs_us": told, "loads": rows}))


if __name__ == "__main__":
    main()
