"""A book's message, from the socket's text to best prices and imbalance, beside pybotters' store taking the same text.

Ours keeps the store too. It takes of whole books the newest, four times a second or when somebody looks; here somebody
looks at every fifth message, as often as at twenty books a second, and that is in the time. The second baseline goes on
to where ours ends: the store's own `sorted()`, then mid and imbalance in floats.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pybotters import BitgetV2DataStore

from mmfsm.events import BookEvent, Event
from mmfsm.market import metrics_of
from mmfsm.values import InstType
from runner.bitget.members import parse_json
from runner.bitget.sockets import Sockets
from runner.settings import Settings
from tests.bench.figures import Bench, How, Row, Taken, within

COUNT, COUNT_QUICK, LEVELS, LOOK = 4_000, 400, 5, 5
STORE, SORTED = "book → BBO, OBI", "… beside the store's sorted()"
ROWS = (Row(STORE, "µs", "pybotters' store", within(1.2)), Row(SORTED, "µs", "store + sorted()", within(1.0)))


def texts(count: int) -> list[str]:
    """Messages of `books5`, each a little different."""
    found = []
    for number in range(count):
        mid = 2500 + number % 7
        asks = [[f"{mid + level}.01", f"{level + 1}.{number % 10}"] for level in range(LEVELS)]
        bids = [[f"{mid - 1 - level}.99", f"{level + 1}.{number % 9}"] for level in range(LEVELS)]
        row = {"asks": asks, "bids": bids, "ts": str(1_800_000_000_000 + number), "seq": number, "pseq": 0}
        arg = {"instType": "USDT-FUTURES", "channel": "books5", "instId": "ETHUSDT"}
        found.append(json.dumps({"action": "snapshot", "arg": arg, "data": [row], "ts": 1_800_000_000_000 + number}))
    return found


class Ours:
    """The runner's own sockets without a network, up to the event and what the strategy reads of it."""

    def __init__(self) -> None:
        self.seen: list[tuple[Decimal, Decimal]] = []
        self.count = 0
        self.sockets = Sockets(Settings(), self.tell, self.fail)
        self.sockets._tap.expect_book(InstType.PERP, "books5")

    def tell(self, event: Event) -> None:
        if isinstance(event, BookEvent):
            metrics = metrics_of(event, LEVELS)
            self.seen.append((metrics.bbo.mid, metrics.obi))

    def fail(self, name: str, error: BaseException | None) -> None:
        raise RuntimeError(name) from error

    def take(self, text: str) -> None:
        self.sockets._on_message(parse_json(text), ())
        self.count += 1
        if self.count % LOOK == 0:
            _ = self.sockets.store


class Theirs:
    """pybotters' store, and with `reads` what a user reads of it."""

    def __init__(self, *, reads: bool) -> None:
        self.store, self.reads = BitgetV2DataStore(), reads
        self.seen: list[tuple[float, float]] = []

    def take(self, text: str) -> None:
        self.store.onmessage(json.loads(text))
        if self.reads:
            book: dict[str, Any] = self.store.book.sorted({"instType": "USDT-FUTURES"})
            bids, asks = book["bids"][:LEVELS], book["asks"][:LEVELS]
            bid, ask = (sum(float(level["amount"]) for level in side) for side in (bids, asks))
            mid = (float(bids[0]["price"]) + float(asks[0]["price"])) / 2
            self.seen.append((mid, (bid - ask) / (bid + ask)))


async def timed(take: Callable[[str], None], told: list[str]) -> float:
    """Mean microseconds a message, the turn of the loop included in which a book is told."""
    began = time.perf_counter_ns()
    for text in told:
        take(text)
        await asyncio.sleep(0)
    return (time.perf_counter_ns() - began) / len(told) / 1000


async def _run(count: int) -> Taken:
    ours, store, reader = Ours(), Theirs(reads=False), Theirs(reads=True)
    told = texts(count)
    times: list[list[float]] = [[], [], []]
    for first in range(0, count, 100):  # in turn, so that what else the machine does falls on all
        for taken, one in zip(times, (ours.take, store.take, reader.take), strict=True):
            taken.append(await timed(one, told[first : first + 100]))
    assert len(ours.seen) == len(reader.seen) == count
    mine, plain, read = map(statistics.median, times)
    return {STORE: (mine, plain), SORTED: (mine, read)}


def take(how: How) -> Taken:
    """One run."""
    gc.collect()
    return asyncio.run(_run(COUNT_QUICK if how.quick else COUNT))


BENCH = Bench("books", ROWS, take)
