"""Lists of all symbols and REST books: what is read, and whose affair an unusable row is."""

from decimal import Decimal as D

import pytest

from mmfsm.values import InstType, Level
from runner.bitget import wire_lists as read
from runner.bitget.members import WireError, parse_json

TICKER = {"symbol": "BTCUSDT", "bidPr": "104823.5", "askPr": "104823.8", "quoteVolume": "8274870921.80485"}


def test_tickers_tell_touch_turnover_and_funding() -> None:
    """The spot row has no funding; turnover that is not told counts as none."""
    perp, spot = TICKER | {"fundingRate": "-0.000014"}, TICKER | {"symbol": "ETHUSDT", "quoteVolume": None}
    told = read.read_tickers([perp, spot])

    assert told.found["BTCUSDT"] == read.Ticker(D("104823.5"), D("104823.8"), D("8274870921.80485"), D("-0.000014"))
    assert told.found["ETHUSDT"][2:] == (0, None) and told.unread == {}


@pytest.mark.parametrize("price", ["0", "", None, "x", "-1"])
def test_one_unusable_row_is_told_beside_the_others(price: object) -> None:
    """A symbol without a best price has none that can be used; the rest of the list stands."""
    told = read.read_tickers([TICKER | {"symbol": "DEADUSDT", "askPr": price}, TICKER])

    assert list(told.found) == ["BTCUSDT"] and "askPr" in told.unread["DEADUSDT"]


def test_rules_that_cannot_be_used_name_what_is_wrong() -> None:
    """So do those of a contract that is closed, in `test_scan`; here a row without its members."""
    told = read.read_rules(InstType.SPOT, [{"symbol": "ODDUSDT"}])

    assert told.found == {} and "pricePrecision" in told.unread["ODDUSDT"]
    with pytest.raises(WireError):
        read.read_rules(InstType.PERP, {"symbol": "ODDUSDT"})


def test_a_book_is_sorted_and_holds_only_what_trades() -> None:
    """Numbers on futures, text on spot, money exact either way; an empty side is an error that names it."""
    numbers = parse_json('{"asks": [[1867.35, 12.25], [1867.34, 1]], "bids": [["1867.3", "0"], ["1867.2", "3"]]}')
    book = read.read_book(numbers)

    assert book.asks == (Level(D("1867.34"), D(1)), Level(D("1867.35"), D("12.25")))
    assert book.bids == (Level(D("1867.2"), D(3)),)
    with pytest.raises(WireError, match="bids"):
        read.read_book(numbers | {"bids": []})
