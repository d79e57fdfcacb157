"""What the page costs the loop that trades: `python -m tests.bench.bench_page --seconds 15`.

A bot trades here, alone in its process, at a stand-in exchange of its own process, on a lively synthetic market, while
another process looks at its page in one way or another. Every 5 ms the loop's lateness is noted. Before that: what one
frame and one counted firing cost. Prints a table and one line of JSON. Nothing is asserted: the figures depend on the
machine and its neighbours, so the first row is a bot without a page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
import timeit
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp

from mmfsm.clock import now_ms
from mmfsm.events import FeedName
from mmfsm.machines import feed
from mmfsm.machines.feed import Feed, FeedInput
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.values import Side
from runner import looplag
from runner.app import Runner
from runner.demo import PaperRun, settings_for
from runner.looplag import LoopLag
from runner.onlooker import Onlooker
from runner.page.frames import Frames, Watcher
from runner.paper import PaperExchange, PaperOptions
from tests.support.page import free_port

ROOT = Path(__file__).resolve().parents[2]
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
async def child(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module of ours in a process; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Looks(LoopLag):
    """Keeps every look: by the clock, and at most what this thread has worked since the last one.

    The rest of a lateness is other processes' doing: on a busy machine the loop waits for a core, whatever it does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all_ms: list[float] = []
        self.own_ms: list[float] = []
        self._worked_s = time.thread_time()

    def take(self, late_ms: float, now_s: float) -> None:
        """Note one lateness."""
        super().take(late_ms, now_s)
        before_s, self._worked_s = self._worked_s, time.thread_time()
        self.all_ms.append(late_ms)
        self.own_ms.append(min(late_ms, (self._worked_s - before_s) * 1000))


async def measure(name: str, load: Load | None, seconds: float) -> dict[str, Any]:
    """Return how late the loop of a bot was under a load, how its hedges did, and how much of a core it took.

    The bot has this process to itself: exchange and load are processes of their own.
    """
    with tempfile.TemporaryDirectory() as scratch:
        async with child("runner", "exchange", "--seed", "1") as exchange:
            assert exchange.stdout is not None
            told = json.loads(await exchange.stdout.readline())
            key = SimpleNamespace(api_key=told["api_key"], secret=told["secret"], passphrase=told["passphrase"])
            there = SimpleNamespace(credentials=key, rest_url=told["rest"], ws_public_url=told["ws_public"],
                                    ws_private_url=told["ws_private"])  # fmt: skip
            port = free_port() if load else 0
            overrides = {"STATUS_PORT": str(port), "GUARDIAN": "0", "LOG_LEVEL": "ERROR"}
            run = PaperRun(log_path=f"{scratch}/bench.jsonl", state_dir=f"{scratch}/state", overrides=overrides)
            runner = Runner(settings_for(run, cast(PaperExchange, there)))
            looks = Looks()
            running = asyncio.create_task(runner.run(signals=False))
            assert await runner.until(lambda: runner.desk.state.mode.state == "QUOTING", 20), runner.exit_reason
            if load is None:
                used_s = await _look(looks, seconds)
            else:
                async with child("tests.bench.bench_page", "--load", name, "--url", f"http://127.0.0.1:{port}"):
                    await asyncio.sleep(1)
                    used_s = await _look(looks, seconds)
            runner.stop("bench")
            await running
            onlooker = runner.onlooker
    return {
        "load": name,
        "core": round(used_s / seconds, 3),
        **{f"all_{key}": value for key, value in _spread(looks.all_ms).items()},
        **{f"own_{key}": value for key, value in _spread(looks.own_ms).items()},
        "looks": len(looks.own_ms),
        "own_over_5_ms": sum(1 for it in looks.own_ms if it > 5),
        "hedges": onlooker.hedged,
        "hedge_p50_ms": onlooker.percentile_ms(0.5),
        "hedge_max_ms": onlooker.latency_max_ms,
    }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2) for name, share in at.items()}


async def _look(looks: Looks, seconds: float) -> float:
    """Look for a while; return the seconds of a core that this process used meanwhile."""
    before_s = time.process_time()
    looks.start()
    await asyncio.sleep(seconds)
    looks.stop()
    return time.process_time() - before_s


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
    parser.add_argument("--load", choices=LOADS, help="be this load, on a page at --url, until killed")
    parser.add_argument("--url", default="")
    args = parser.parse_args()
    if (load := LOADS.get(args.load)) is not None:
        asyncio.run(cast(Any, load(args.url)))
        return
    looplag.PERIOD_S = 0.005
    told = costs()
    for name, us in told.items():
        print(f"{name:<24} {us:10.2f}")
    with suppress(PermissionError):  # what neighbours do to it is not the page's doing
        os.setpriority(os.PRIO_PROCESS, os.getpid(), -15)
    rows = asyncio.run(loads(args.seconds))
    heads = ("own p50", "p99", "max ms", "over 5 ms", "with others' p99", "max ms", "core", "hedges: p50, max ms")
    print(f"\n{'loop lag under':<28}" + "".join(f"  {head:>{len(head)}}" for head in heads))
    for row in rows:
        over = f"{row['own_over_5_ms']}/{row['looks']}"
        hedges = f"{row['hedges']}: {row['hedge_p50_ms']}, {row['hedge_max_ms']}"
        cells = (row["own_p50_ms"], row["own_p99_ms"], row["own_max_ms"], over, row["all_p99_ms"], row["all_max_ms"],
                 row["core"], hedges)  # fmt: skip
        print(f"{row['load']:<28}" + "".join(f"  {it!s:>{len(head)}}" for it, head in zip(cells, heads, strict=True)))
    print(json.dumps({"costs_us": told, "loads": rows}))


if __name__ == "__main__":
    main()
