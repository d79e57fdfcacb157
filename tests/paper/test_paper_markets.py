"""The three markets: what the tape holds, what the synthetic one is calibrated to, what a script may set."""

import gzip
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from runner.paper import BookEvent, PaperExchange, PaperOptions, SyntheticMarket, TapeMarket, TradeEvent, Venue
from runner.paper.values import MarketEvent

D = Decimal
Shown = BookEvent | TradeEvent
SECONDS = 120


@pytest.fixture(scope="module")
def synthetic() -> list[MarketEvent]:
    """Two minutes of the synthetic market."""
    events = SyntheticMarket(11).events()
    return list(itertools.takewhile(lambda event: event.at_ms < SECONDS * 1000, events))


def books(events: list[MarketEvent], product: str) -> Iterator[BookEvent]:
    """The books of one product."""
    return (event for event in events if isinstance(event, BookEvent) and event.product == product)


def mids(events: list[MarketEvent], product: str) -> dict[int, float]:
    """The last mid of each second."""
    return {book.at_ms // 1000: float(book.bids[0][0] + book.asks[0][0]) / 2 for book in books(events, product)}


def test_the_synthetic_market_is_never_crossed_and_never_goes_back(synthetic: list[MarketEvent]) -> None:
    """Bids below asks, levels sorted, quantities positive and on the grid, time rising."""
    for earlier, later in itertools.pairwise(synthetic):
        assert earlier.at_ms <= later.at_ms
    for product, grid in (("perp", D("0.01")), ("spot", D("0.0001"))):
        for book in books(synthetic, product):
            prices = [price for price, _ in reversed(book.bids)] + [price for price, _ in book.asks]
            assert len(prices) == 10 and all(low < high for low, high in itertools.pairwise(prices))
            assert all(qty > 0 and qty % grid == 0 for _, qty in book.bids + book.asks)


def test_the_synthetic_market_is_calibrated(synthetic: list[MarketEvent]) -> None:
    """Spread, trades a second, one-second moves and basis are near the recorded ones."""
    spreads = sorted(int((book.asks[0][0] - book.bids[0][0]) * 100) for book in books(synthetic, "perp"))
    trades = [event for event in synthetic if isinstance(event, TradeEvent)]
    perp, spot = mids(synthetic, "perp"), mids(synthetic, "spot")
    moves = [(later / earlier - 1) * 1e4 for earlier, later in itertools.pairwise(perp.values())]
    basis = [(perp[second] / spot[second] - 1) * 1e4 for second in perp]

    assert statistics.mean(spreads) == pytest.approx(1.25, abs=0.1)
    assert spreads[len(spreads) * 99 // 100] in range(6, 12)
    assert sum(trade.product == "perp" for trade in trades) / SECONDS == pytest.approx(40.9, rel=0.1)
    assert statistics.pstdev(moves) == pytest.approx(1.2, rel=0.25)
    assert statistics.mean(basis) == pytest.approx(-4.4, abs=0.4)
    assert statistics.pstdev(basis) == pytest.approx(0.6, abs=0.2)
    assert float(next(books(synthetic, "perp")).bids[0][0]) == pytest.approx(2681, abs=0.1)


def test_the_same_seed_is_the_same_market() -> None:
    """Two runs agree to the event; another seed differs."""
    first, again, other = (list(itertools.islice(SyntheticMarket(seed).events(), 2000)) for seed in (4, 4, 5))

    assert first == again != other


BOOK = "local_ns,event_ms,tx_ms,update_id," + ",".join(f"c{n}" for n in range(20))
TRADE = "local_ns,event_ms,trade_ms,trade_id,price,qty,taker_side,x"


def write_tape(directory: Path) -> None:
    """A tape of half a second: spot starts first, perp ends last."""
    rows: dict[str, list[str]] = defaultdict(list)
    for at_ms, leg, bid in ((0, "spot", 2683), (100, "usdm", 2681), (200, "spot", 2684), (400, "spot", 2685)):
        sides = [f"{bid - n},1.0{n}4" for n in range(5)] + [f"{bid + 1 + n},0.{n}04" for n in range(5)]
        rows[f"{leg}.book5"].append(f"{at_ms * 1_000_000},-1,-1,1," + ",".join(sides))
    rows["usdm.book5"].append(rows["usdm.book5"][0].replace("100000000,", "450000000,", 1))
    rows["usdm.trades"].append("50000000,1,1,1,2681,1,buy,")
    rows["usdm.trades"] += ["250000000,1,1,2,2681.5,0.006,buy,", "300000000,1,1,3,1,0.004,sell,"]
    rows["spot.trades"] += ["300000000,1,1,1,2684,0.00004,sell,", "350000000,1,1,2,2684,0.12344,sell,"]
    for name, lines in rows.items():
        leg, kind = name.split(".")
        header = BOOK if kind == "book5" else TRADE
        with gzip.open(directory / f"binance_{leg}_ETHUSDT_x.{kind}.csv.gz", "wt") as out:
            out.write("\n".join([header, *lines]) + "\n")


def test_the_tape_is_merged_by_the_recorders_clock_and_rounded(tmp_path: Path) -> None:
    """It starts when both legs have a book, rounds to 0.01 and 0.0001, drops zeros, ends with the shorter leg."""
    write_tape(tmp_path)

    events = list(TapeMarket(tmp_path, loop=False).events())

    kinds = [(event.at_ms, event.product, type(event).__name__) for event in events if isinstance(event, Shown)]
    assert kinds == [
        (0, "perp", "BookEvent"),
        (100, "spot", "BookEvent"),
        (150, "perp", "TradeEvent"),
        (250, "spot", "TradeEvent"),
        (300, "spot", "BookEvent"),
    ]
    perp_trade, spot_trade = (event for event in events if isinstance(event, TradeEvent))
    assert (perp_trade.price, perp_trade.qty, perp_trade.taker_side) == (D("2681.5"), D("0.01"), "buy")
    assert spot_trade.qty == D("0.1234")
    perp_book = next(books(events, "perp"))
    assert perp_book.bids[0] == (D(2681), D("1.00")) and perp_book.asks[0] == (D(2683), D("0.10"))


def test_a_looped_tape_keeps_time_rising(tmp_path: Path) -> None:
    """The second round starts after the first ended."""
    write_tape(tmp_path)

    times = [event.at_ms for event in itertools.islice(TapeMarket(tmp_path).events(), 12)]

    assert times == sorted(times) and times[5] > times[4]


def test_a_tape_needs_its_files(tmp_path: Path) -> None:
    """The error names what is missing; the option without a directory is refused too."""
    with pytest.raises(FileNotFoundError, match="usdm"):
        TapeMarket(tmp_path)
    with pytest.raises(ValueError, match="tape_dir"):
        Venue(PaperOptions(market="tape"), 0)


def test_a_venue_plays_its_market_under_virtual_time(tmp_path: Path) -> None:
    """`next_due_ms` leads from event to event; nothing happens before its time."""
    write_tape(tmp_path)
    venue = Venue(PaperOptions(market="tape", tape_dir=tmp_path, tape_loop=False), 1_000)
    seen = []
    now_ms = venue.next_due_ms(0, set())
    while now_ms is not None:
        seen.append(now_ms)
        venue.run(now_ms, set())
        now_ms = venue.next_due_ms(now_ms, set())

    assert seen == [1_000, 1_100, 1_150, 1_250, 1_300]
    assert venue.exchange.matchers["spot"].mid == D("2685.5")


async def test_a_script_may_not_show_a_crossed_book(exchange: PaperExchange) -> None:
    """Crossed, unsorted and empty quantities are a test's mistake."""
    for bids, asks in (([(2, 1)], [(1, 1)]), ([(1, 1), (2, 1)], [(3, 1)]), ([(1, 0)], [(2, 1)])):
        with pytest.raises(ValueError, match="must"):
            exchange.market.set_book("perp", bids, asks)
