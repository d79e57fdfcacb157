"""`python -m runner scan` on the stand-in exchange, over real sockets: what it ranks, what it leaves out, and that all
it ever sends is a question."""

import asyncio
import doctest
import io
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runner.__main__ import main
from runner.paper import Listing, PaperExchange
from runner.scan import Wanted, shown, worth
from runner.scan.cli import CLEAR, scan
from runner.settings import Settings, from_texts
from tests.runner.processes import Process
from tests.support.bot import exchange_with

D = Decimal
Json = dict[str, Any]


def listing(symbol: str, perp: str | None, spot: str | None, **more: Any) -> Listing:
    """Touches as "bid ask"; prices of one place, so that they are easily reckoned with."""
    perps, spots = (None if it is None else tuple(D(price) for price in it.split()) for it in (perp, spot))
    return Listing(symbol=symbol, perp=perps, spot=spots, **{"price_places": 1} | more)  # type: ignore[arg-type]


RICH = listing("RICHUSDT", "999.5 1000.5", "1003.0 1003.5", funding_rate=D("0.0003"))
POOR = listing("POORUSDT", "999.5 1000.5", "999.5 1000.5")
ASKED = listing("ASKEDUSDT", "999.5 1000.5", "998.0 998.5", funding_rate=D("0.0003"), turnover=D(9_000))
LONE = listing("LONEUSDT", "999.5 1000.5", None)
THIN = listing("THINUSDT", "999.5 1000.5", "1009.0 1009.5", spot_qty=D("0.1"))


@asynccontextmanager
async def listed(*listings: Listing, **options: Any) -> AsyncIterator[PaperExchange]:
    """An exchange with these symbols beside ETHUSDT. Whatever the test does, nothing but GET may reach it."""
    async with exchange_with(listings=listings, **options) as exchange:
        yield exchange
        assert {request.method for request in exchange.requests} == {"GET"}


def settings_of(exchange: PaperExchange, key: bool = False, **overrides: str) -> Settings:
    """Public endpoints alone, spot's fee as most accounts have it; with a key, those of a run that sends orders."""
    urls = {
        "BITGET_REST_URL": exchange.rest_url,
        "BITGET_WS_PUBLIC_URL": exchange.ws_public_url,
        "BITGET_WS_PRIVATE_URL": exchange.ws_private_url,
    }
    mine = exchange.credentials
    keys = {
        "BITGET_API_KEY": mine.api_key,
        "BITGET_API_SECRET": mine.secret,
        "BITGET_API_PASSPHRASE": mine.passphrase,
        "DRY_RUN": "0",
    }
    return from_texts(urls | (keys if key else {"SPOT_TAKER_BPS": "10"}) | overrides)


async def looked(exchange: PaperExchange, wanted: Wanted | None = None, key: bool = False, **overrides: str) -> Json:
    """One look as JSON; it must have succeeded."""
    out = io.StringIO()
    assert await scan(settings_of(exchange, key, **overrides), wanted or Wanted(), None, True, out) == 0
    told: Json = json.loads(out.getvalue())
    return told


def row_of(told: Json, symbol: str) -> Json:
    """The row of a symbol."""
    (row,) = [row for row in told["rows"] if row["symbol"] == symbol]
    return dict(row)


async def test_an_edge_reckoned_by_hand() -> None:
    """Mid 1000, spot bid 1003. At the touch, 999.5: 35 bps less 2 + 10 of fees, 1 of slip and 1 of buffer leaves 21;
    14 bps from mid, 998.6: 44 − 14 = 30. A long pays 3 bps of funding, so the bid's total is 18."""
    async with listed(RICH) as exchange:
        row = row_of(await looked(exchange), "RICHUSDT")

    bid, ask = row["bid"], row["ask"]
    assert (bid["touch_edge_bps"], bid["half_spread_edge_bps"]) == ("21", "30")
    assert (bid["funding_bps"], bid["total_bps"], row["total_bps"], row["best"]) == ("-3", "18", "18", "bid")
    assert (ask["touch_edge_bps"], ask["funding_bps"], ask["total_bps"]) == ("-44", "3", "-41")
    # A bid with 1 bps of edge may cost 1003 − 15 bps of mid: 15 bps beyond mid; an ask needs 35 + 15 the other way.
    assert (bid["needed_half_spread_bps"], ask["needed_half_spread_bps"]) == ("-15", "50")
    assert (bid["verdict"], ask["verdict"]) == ("as planned", "moved out")


async def test_symbols_are_ranked_by_their_best_side_with_funding() -> None:
    """An ask that funding pays comes before one it does not; ETHUSDT, with no edge at all, is a row like any other."""
    async with listed(POOR, ASKED, RICH) as exchange:
        told = await looked(exchange)
        top = await looked(exchange, Wanted(top=2))

    assert [(row["rank"], row["symbol"], row["best"]) for row in told["rows"]] == [
        (1, "RICHUSDT", "bid"), (2, "ASKEDUSDT", "ask"), (3, "ETHUSDT", "ask"), (4, "POORUSDT", "ask"),
    ]  # fmt: skip
    assert [row["symbol"] for row in top["rows"]] == ["RICHUSDT", "ASKEDUSDT"]


async def test_what_is_left_out_has_its_reason() -> None:
    """One leg alone, a closed contract, too little turnover, an unknown name: each is named, none ends the scan."""
    closed = listing("SHUTUSDT", "999.5 1000.5", "1003.0 1003.5", perp_status="maintain")
    async with listed(RICH, LONE, ASKED, closed) as exchange:
        told = await looked(exchange, Wanted(min_turnover=D(10_000)))
        asked = await looked(exchange, Wanted(symbols=("NONEUSDT", "RICHUSDT")))

    assert [row["symbol"] for row in told["rows"]] == ["RICHUSDT"]
    out = told["left_out"]
    assert out["LONEUSDT"] == "no spot pair of that name" and out["ASKEDUSDT"] == "turnover below the least"
    assert "symbolStatus" in out["SHUTUSDT"] and "maintain" in out["SHUTUSDT"]
    assert [row["symbol"] for row in asked["rows"]] == ["RICHUSDT"]
    assert asked["left_out"] == {"NONEUSDT": "no perp contract of that name"}


async def test_the_smallest_size_is_one_that_both_legs_take() -> None:
    """The perp's step is 1 coin of 1003: that is the least, whatever spot would take. A QUOTE_SIZE below it is named,
    and so is a MAX_POSITION; an ask needs the coin's price in USDT, with a percent to spare, and a bid the coin."""
    async with listed(RICH) as exchange:
        small = row_of(await looked(exchange, QUOTE_SIZE="0.5"), "RICHUSDT")
        large = row_of(await looked(exchange, QUOTE_SIZE="3.4", MAX_POSITION="5"), "RICHUSDT")

    assert small["bid"]["smallest"] == {"qty": "1", "notional": "1003"}
    assert small["bid"]["verdict"] == small["ask"]["verdict"] == "quote_size_below_min"
    assert (small["bid"]["qty"], small["notes"]) == ("1", ["max_position_below_min"])
    assert (large["bid"]["qty"], large["bid"]["verdict"], large["notes"]) == ("3", "as planned", [])
    assert large["bid"]["needs"] == {"coin": "RICH", "qty": "3"} and not large["bid"]["hedgeable_without_inventory"]
    assert large["ask"]["needs"] == {"coin": "USDT", "qty": "3040.605"} and large["ask"]["hedgeable_without_inventory"]


async def test_books_are_walked_for_the_size_that_would_be_quoted() -> None:
    """Spot shows 0.4 a level: a coin takes three, at 1003.0, 1002.9 and 1002.8, on average 1002.92. A book that holds
    less than the size has no edge to tell, and its symbol comes last, however good its best price looks."""
    shallow = listing("WALKUSDT", "999.5 1000.5", "1003.0 1003.5", spot_qty=D("0.4"))
    async with listed(THIN, shallow) as exchange:
        told = await looked(exchange)

    bid = row_of(told, "WALKUSDT")["bid"]
    assert bid["hedge"] == {"price": "1002.92", "levels": 3, "beyond_touch_bps": "0.798"}
    assert bid["unwind"]["levels"] == 1 and bid["touch_edge_bps"] == "20.2"
    last = told["rows"][-1]
    assert (last["symbol"], last["best"], last["bid"]["verdict"]) == ("THINUSDT", None, "spot_too_thin")
    assert last["bid"]["hedge"] is None and last["bid"]["touch_edge_bps"] is None


async def test_the_keys_of_the_json_are_these() -> None:
    """What a program may rely on; every figure of money, size and bps is text."""
    async with listed(RICH) as exchange:
        told = await looked(exchange)
    row = told["rows"][0]

    assert set(told) == {
        "at_ms", "took_ms", "requests", "terms", "symbols", "rows", "left_out", "missing",
    }  # fmt: skip
    assert set(row) == {
        "rank", "symbol", "best", "total_bps", "bid", "ask", "funding", "fees", "turnover_24h", "notes", "missing",
    }  # fmt: skip
    assert set(row["bid"]) == set(row["ask"]) == {
        "verdict", "total_bps", "touch_edge_bps", "half_spread_edge_bps", "needed_half_spread_bps", "funding_bps",
        "qty", "smallest", "needs", "hedgeable_without_inventory", "hedge", "unwind",
    }  # fmt: skip
    assert row["funding"]["rate"] == "0.0003" and row["funding"]["next_ms"] > told["at_ms"]
    assert row["turnover_24h"] == {"perp": "1000000", "spot": "1000000"}
    assert told["terms"]["half_spread_bps"] == "14" and told["requests"]["total"] == 5 + 2 * 2


@pytest.mark.parametrize(
    ("path", "word"), [("spot/market/orderbook", "SPOT book"), ("merge-depth", "USDT-FUTURES book")]
)
async def test_one_symbols_trouble_does_not_end_the_scan(path: str, word: str) -> None:
    """The row of a book that did not come says so and ranks last; the other rows stand."""
    async with listed(RICH) as exchange:
        exchange.next_answer(path, "http500")
        told = await looked(exchange)

    good, bad = told["rows"]
    assert good["missing"] == [] and good["total_bps"] is not None
    assert bad["best"] is bad["bid"] is bad["ask"] is None and bad["missing"][0].startswith(word)


async def test_a_symbol_no_decimal_can_hold_is_a_row_that_says_so() -> None:
    """A price of a millionth of a millionth on a grid of 18 places: too many digits, and no reason to end either."""
    dust = listing("DUSTUSDT", "1e-12 1.1e-12", "1e-12 1.1e-12", price_places=13, spot_places=18)
    async with listed(RICH, dust) as exchange:
        told = await looked(exchange)

    assert told["rows"][0]["symbol"] == "RICHUSDT" and told["rows"][-1]["symbol"] == "DUSTUSDT"
    assert told["rows"][-1]["missing"] == ["figures that cannot be reckoned with: InvalidOperation"]


async def test_funding_counts_over_the_horizon_that_is_set() -> None:
    """24 hours of 8-hour settlements at 3 bps: three of them, which the desk then counts into its own edge too."""
    async with listed(ASKED) as exchange:
        told = await looked(exchange, FUNDING_HORIZON_H="24")

    ask = row_of(told, "ASKEDUSDT")["ask"]
    # 1000.5 sold, 998.5 bought: 20 bps − 14; with 9 of funding an ask earns 1 bps from 998.5 + 14 + 1 − 9 bps of mid.
    assert (ask["touch_edge_bps"], ask["funding_bps"], ask["total_bps"]) == ("6", "9", "15")
    assert ask["needed_half_spread_bps"] == "-9" and told["terms"]["funding_horizon_h"] == "24"


@pytest.mark.parametrize("module", [shown, worth])
def test_the_examples_in_docstrings_run(module: ModuleType) -> None:
    """What a docstring shows is what happens."""
    done = doctest.testmod(module)

    assert done.failed == 0 and done.attempted > 0


async def test_without_the_funding_list_the_tickers_rate_counts() -> None:
    """The rate is still told, the next settlement is what is missing."""
    async with listed(RICH) as exchange:
        exchange.next_answer("current-fund-rate", "http500")
        told = await looked(exchange)

    row = row_of(told, "RICHUSDT")
    assert (row["bid"]["funding_bps"], row["funding"]["next_ms"]) == ("-3", None)
    assert "next settlement" in row["missing"][0] and "current-fund-rate" in told["missing"][0]


async def test_with_a_key_the_accounts_own_fees_count() -> None:
    """Two signed questions a symbol; they that cannot be answered leave the list's fees, and the row says so."""
    async with listed(RICH, spot_taker_fee=D("0.0008")) as exchange:
        told = await looked(exchange, key=True)
        exchange.next_answer("trade-rate", "http500", times=4)
        without = await looked(exchange, key=True)

    row, poorer = row_of(told, "RICHUSDT"), row_of(without, "RICHUSDT")
    assert row["fees"]["spot_taker_bps"] == "8" and row["fees"]["spot_source"] == "account"
    assert row["bid"]["touch_edge_bps"] == "23"
    assert told["requests"]["by_path"]["/api/v2/common/trade-rate"] == 4
    assert poorer["fees"]["spot_source"] == "list" and "account fees" in poorer["missing"][0]


async def test_many_symbols_are_asked_for_at_a_pace_bitget_allows() -> None:
    """Twelve symbols and their books: no endpoint more than ten times in a second, every book read, every request
    counted."""
    many = [listing(f"C{n}USDT", "999.5 1000.5", "1003.0 1003.5") for n in range(11)]
    async with listed(*many) as exchange:
        told = await looked(exchange, Wanted(symbols=("ETHUSDT", *(one.symbol for one in many))))
        by_path: dict[str, list[int]] = {}
        for request in exchange.requests:
            by_path.setdefault(request.path, []).append(request.at_ms)

    assert len(told["rows"]) == 12 and all(row["missing"] == [] for row in told["rows"])
    assert told["requests"]["by_path"] == {path: len(times) for path, times in by_path.items()}
    assert told["requests"]["total"] == 5 + 2 * 12
    for times in by_path.values():
        assert all(later - earlier >= 1_000 for earlier, later in zip(times, times[10:], strict=False))


async def test_the_table_is_for_people() -> None:
    """A row a symbol, best first; below, what the columns mean, what was left out and how many requests it took."""
    out = io.StringIO()
    async with listed(RICH, LONE) as exchange:
        assert await scan(settings_of(exchange), Wanted(), None, False, out) == 0

    lines = out.getvalue().splitlines()
    assert lines[0].split()[:5] == ["#", "SYMBOL", "BEST", "TOTAL", "TOUCH"] and "AT 14" in lines[0]
    assert lines[1].split()[:7] == ["1", "RICHUSDT", "bid", "18.0", "21.0", "/", "-44.0"] and "1 RICH" in lines[1]
    assert "2 of 2 symbols; 9 requests" in out.getvalue() and "LONEUSDT (no spot pair of that name)" in out.getvalue()
    assert not any(line.endswith(" ") for line in lines)


async def test_a_market_that_cannot_be_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the tickers nothing can be valued: status 1, and which list did not come."""
    async with listed(RICH) as exchange:
        exchange.next_answer("spot/market/tickers", "http500")
        assert await scan(settings_of(exchange), Wanted(), None, True, io.StringIO()) == 1

    assert "tickers" in capsys.readouterr().err


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_watching_draws_again_whatever_happened() -> None:
    """On a terminal each look replaces the last; one that failed says so and the next stands. SIGINT ends it, clean."""
    out = _Terminal()
    async with listed(RICH) as exchange:
        exchange.next_answer("mix/market/tickers", "http500")
        watching = asyncio.create_task(scan(settings_of(exchange), Wanted(), 0.01, False, out))
        await exchange.until(lambda: sum("orderbook" in request.path for request in exchange.requests) >= 5)
        signal.raise_signal(signal.SIGINT)
        assert await watching == 0

    drawn = out.getvalue().split(CLEAR)[1:]
    assert len(drawn) >= 3 and "could not be read" in drawn[0] and "1  RICHUSDT" in drawn[1]
    assert sum("contracts" in request.path for request in exchange.requests) == 1  # rules are kept between looks


async def test_the_command_watches_until_it_is_interrupted(tmp_path: Path) -> None:
    """A process of its own: a JSON line a look, nothing on standard error, status 0 on SIGINT."""
    async with listed(RICH) as exchange:
        settings = settings_of(exchange, LOG_PATH=str(tmp_path / "scan.jsonl"))
        process = await Process(exchange, settings, ("scan", "--json", "--watch", "1", "--symbols", "richusdt")).start()
        await exchange.until(lambda: sum("orderbook" in request.path for request in exchange.requests) >= 2, 20)
        assert await process.end(signal.SIGINT) == 0

    told = [json.loads(line) for line in process.out.read_text().splitlines()]
    assert told and all([row["symbol"] for row in look["rows"]] == ["RICHUSDT"] for look in told)
    assert process.errors.read_text() == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [("--top", "0"), ("--top", "101"), ("--symbols", "A,,B"), ("--min-turnover", "NaN"), ("--watch", "0")],
)
def test_an_option_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """Before a socket is opened."""
    with pytest.raises(SystemExit) as ended:
        main(["scan", option, value])

    assert ended.value.code == 2 and option in capsys.readouterr().err
