"""ccxt over REST, as it comes from PyPI: what it parses is what the exchange did."""

import itertools
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from runner.paper import PaperExchange
from tests.conformance.conftest import Client
from tests.conformance.strangers import PRODUCT, SPOT, SWAP, Ccxt, raw_ccxt_client
from tests.paper.conftest import Start

BOTH = pytest.mark.parametrize("symbol", [SPOT, SWAP])


async def placed(
    client: Ccxt, symbol: str, side: str, amount: float, price: float | None = None, **params: Any
) -> dict[str, Any]:
    """Place an order and return it as ccxt fetches it."""
    kind = "market" if price is None else "limit"
    made = await client.create_order(symbol, kind, side, amount, price, params)
    fetched: dict[str, Any] = await client.fetch_order(made["id"], symbol)
    return fetched


async def test_load_markets_finds_a_classic_account_and_two_markets(exchange: PaperExchange) -> None:
    """Steps, minimums and leverage of both products; no margin pair, nothing on the five other product types."""
    client = raw_ccxt_client(exchange)
    try:
        markets = await client.load_markets()
    finally:
        await client.close()

    assert set(markets) == {SPOT, SWAP} and client.options["uta"] is False
    spot, swap = markets[SPOT], markets[SWAP]
    assert spot["precision"] == {"amount": 0.0001, "price": 0.01} and spot["limits"]["cost"]["min"] == 1
    assert swap["precision"] == {"amount": 0.01, "price": 0.01} and swap["limits"]["cost"]["min"] == 5
    assert (swap["limits"]["leverage"]["max"], swap["maker"], swap["taker"]) == (150, 0.0002, 0.0006)
    assert (swap["contractSize"], swap["linear"], swap["settle"]) == (1, True, "USDT")
    assert spot["active"] and swap["active"] and not spot["margin"]
    assert set(client.currencies) == {"ETH", "USDT"} and client.currencies["ETH"]["deposit"] is False


async def test_prices_of_both_markets(client: Ccxt, exchange: PaperExchange) -> None:
    """Tickers, depth and the mark price are the books that were set; a trade is the last price."""
    exchange.market.trade("spot", "2681.00", "0.5", "sell")
    exchange.market.trade("perp", "2680.01", "0.25", "buy")

    spot, swap = await client.fetch_ticker(SPOT), await client.fetch_ticker(SWAP)
    both = await client.fetch_tickers([SWAP])
    depth, deep = await client.fetch_order_book(SPOT, 2), await client.fetch_order_book(SWAP)
    mark = await client.fetch_mark_price(SWAP)

    assert (spot["bid"], spot["ask"], spot["bidVolume"], spot["last"]) == (2681.0, 2681.01, 5, 2681.0)
    assert (swap["bid"], swap["ask"], swap["last"], swap["baseVolume"]) == (2680.0, 2680.01, 2680.01, 0.25)
    assert both[SWAP]["last"] == 2680.01
    assert depth["bids"] == [[2681.0, 5], [2680.99, 5]] and depth["asks"][0] == [2681.01, 5]
    assert deep["bids"][0] == [2680.0, 5] and len(deep["asks"]) == 5
    assert (mark["markPrice"], swap["indexPrice"]) == (2680.005, 2681.005)


@BOTH
async def test_public_trades(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """Oldest first, with the taker's side in lower case from whichever endpoint ccxt chose."""
    exchange.market.trade(PRODUCT[symbol], "2680.50", "0.5", "sell")
    exchange.market.trade(PRODUCT[symbol], "2680.60", "0.25", "buy")

    trades = await client.fetch_trades(symbol)

    assert [(one["price"], one["amount"], one["side"]) for one in trades] == [
        (2680.5, 0.5, "sell"),
        (2680.6, 0.25, "buy"),
    ]


async def test_funding(client: Ccxt, exchange: PaperExchange) -> None:
    """Rate, next time and interval; the history goes back in steps of eight hours."""
    exchange.market.funding("-0.000125")

    now, interval = await client.fetch_funding_rate(SWAP), await client.fetch_funding_interval(SWAP)
    every = await client.fetch_funding_rates([SWAP])
    past = await client.fetch_funding_rate_history(SWAP, limit=3)

    assert (now["fundingRate"], now["interval"]) == (-0.000125, "8h")
    assert now["fundingTimestamp"] % 28_800_000 == 0 and interval["fundingTimestamp"] == now["fundingTimestamp"]
    assert every[SWAP]["fundingRate"] == -0.000125
    assert [later["timestamp"] - one["timestamp"] for one, later in itertools.pairwise(past)] == [28_800_000] * 2


async def test_funding_that_was_settled_is_listed_by_its_bills(client: Ccxt, exchange: PaperExchange) -> None:
    """A short of 0.1 at a rate of 0.0001 receives 0.02680005 at the boundary, in USDT, and the bill's id names it."""
    await placed(client, SWAP, "sell", 0.1)
    exchange.venue.exchange.settle_funding(Decimal("0.0001"), client.milliseconds())

    (paid,) = await client.fetch_funding_history(SWAP)
    ledger = await client.fetch_ledger(params={"type": "swap"})

    assert (paid["amount"], paid["code"], paid["symbol"]) == (0.02680005, "USDT", SWAP)
    assert [one["id"] for one in ledger] == [paid["id"]]


async def test_what_the_account_pays_and_may_hold(client: Ccxt) -> None:
    """Fees that are charged (not the list price), one position tier, the open interest, the server's clock."""
    spot, swap = await client.fetch_trading_fee(SPOT), await client.fetch_trading_fee(SWAP)
    (tier,) = await client.fetch_market_leverage_tiers(SWAP)
    interest = await client.fetch_open_interest(SWAP)

    assert (spot["maker"], spot["taker"], swap["maker"], swap["taker"]) == (0.001, 0.001, 0.0002, 0.0006)
    assert (tier["maxLeverage"], tier["maintenanceMarginRate"]) == (150, 0.005)
    assert interest["openInterestAmount"] > 0
    assert abs(await client.fetch_time() - client.milliseconds()) < 5_000


async def test_balances_follow_orders_and_fills(client: Ccxt) -> None:
    """A resting spot buy holds its value, a perp fill its margin; the fee of a spot buy is coin."""
    await placed(client, SPOT, "buy", 0.1, 2670.0)
    await placed(client, SPOT, "buy", 0.1, 2681.01)
    await placed(client, SWAP, "sell", 0.1)

    spot, swap = await client.fetch_balance(), await client.fetch_balance({"type": "swap"})

    assert spot["ETH"] == {"free": 0.5999, "used": 0, "total": 0.5999}
    assert spot["USDT"] == {"free": 4464.899, "used": 267.0, "total": 4731.899}
    assert swap["USDT"]["free"] == pytest.approx(5000 - 26.8 - 0.1608, abs=0.01)
    assert swap["USDT"]["total"] == pytest.approx(5000 - 0.1608 - 0.0005, abs=1e-6)


async def test_settings_are_set_and_read_back(client: Ccxt, exchange: PaperExchange) -> None:
    """Position mode, leverage and margin mode; setting them again is no error."""
    for _ in range(2):
        await client.set_position_mode(False, SWAP)
        await client.set_leverage(20, SWAP)
        await client.set_margin_mode("cross", SWAP)

    leverage, margin = await client.fetch_leverage(SWAP), await client.fetch_margin_mode(SWAP)

    assert (leverage["longLeverage"], leverage["shortLeverage"], margin["marginMode"]) == (20, 20, "cross")
    view = exchange.account_view()
    assert (view.position_mode, view.leverage, view.margin_mode) == ("one_way_mode", 20, "crossed")


@BOTH
async def test_the_life_of_a_limit_order(client: Ccxt, symbol: str) -> None:
    """Open, with the price ccxt finds (priceAvg on spot's open orders); cancelled; then only in the history."""
    made = await client.create_order(symbol, "limit", "buy", 0.1, 2670.0, {"clientOrderId": "life-1"})

    (open_one,) = await client.fetch_open_orders(symbol)
    fetched = await client.fetch_order(made["id"], symbol)
    ended = await client.cancel_order(made["id"], symbol)
    (history,) = await client.fetch_canceled_orders(symbol)

    assert made["clientOrderId"] == "life-1" and ended["id"] == made["id"]
    for one in (open_one, fetched):
        assert (one["id"], one["clientOrderId"], one["status"]) == (made["id"], "life-1", "open")
        assert (one["side"], one["type"], one["amount"], one["filled"]) == ("buy", "limit", 0.1, 0)
    assert fetched["price"] == 2670.0 and open_one["remaining"] == 0.1
    assert (history["id"], history["status"], history["filled"]) == (made["id"], "canceled", 0)
    assert await client.fetch_open_orders(symbol) == [] and await client.fetch_closed_orders(symbol) == []


async def test_the_limit_of_an_open_order_where_the_wire_hides_it(client: Ccxt) -> None:
    """The perp names the price; spot's unfilled-orders calls it priceAvg, and ccxt reads it as limit from there."""
    for symbol in (SPOT, SWAP):
        await client.create_order(symbol, "limit", "sell", 0.1, 2690.0)

    (spot,), (swap,) = await client.fetch_open_orders(SPOT), await client.fetch_open_orders(SWAP)

    assert (spot["info"]["priceAvg"], "price" in spot["info"], swap["info"]["priceAvg"]) == ("2690", False, "")
    assert swap["price"] == 2690.0 and spot["price"] == 2690.0


@BOTH
async def test_market_orders_take_the_book(client: Ccxt, symbol: str) -> None:
    """Average price, cost, fee and its coin; the order is among the closed ones."""
    bought = await placed(client, symbol, "buy", 0.1, None, **({"cost": 268.11} if symbol == SPOT else {}))

    (closed,) = await client.fetch_closed_orders(symbol)

    coin, fee = ("ETH", 0.0001) if symbol == SPOT else ("USDT", 0.1608006)
    for one in (bought, closed):
        assert (one["status"], one["type"], one["filled"]) == ("closed", "market", 0.1)
        assert one["average"] == (2681.01 if symbol == SPOT else 2680.01)
        assert (one["fee"]["currency"], one["fee"]["cost"]) == (coin, pytest.approx(fee))


@BOTH
@pytest.mark.parametrize("params", [{"postOnly": True}, {"timeInForce": "PO"}])
async def test_a_crossing_post_only_order_is_accepted_and_gone(
    client: Ccxt, symbol: str, params: dict[str, Any]
) -> None:
    """create_order succeeds, whatever ccxt writes for it; the order is canceled and nothing was traded."""
    ended = await placed(client, symbol, "buy", 0.1, 2682.0, **params)

    assert (ended["status"], ended["filled"]) == ("canceled", 0)
    assert ended["info"]["cancelReason"] == "post_only_fill_cancel"
    assert await client.fetch_my_trades(symbol) == []


@BOTH
@pytest.mark.parametrize(
    ("tif", "filled", "status"), [("IOC", 0.04, "canceled"), ("FOK", 0, "canceled"), ("GTC", 0.04, "open")]
)
async def test_what_a_time_in_force_leaves(
    client: Ccxt, exchange: PaperExchange, symbol: str, tif: str, filled: float, status: str
) -> None:
    """0.04 is there: ccxt's upper-case words mean what they say on both products."""
    exchange.market.set_book(PRODUCT[symbol], [(2675, 5)], [(2676, "0.04"), (2690, 5)])

    order = await placed(client, symbol, "buy", 0.1, 2676.0, timeInForce=tif)

    assert (order["filled"], order["status"]) == (filled, status)


@BOTH
async def test_my_trades(client: Ccxt, symbol: str) -> None:
    """Price, amount, cost, fee (positive in ccxt's words), liquidity; spot's come without a clientOid."""
    order = await placed(client, symbol, "sell", 0.1, 2679.0, clientOrderId="t-1")

    (trade,) = await client.fetch_my_trades(symbol)

    price = 2681.0 if symbol == SPOT else 2680.0
    rate = 0.001 if symbol == SPOT else 0.0006
    assert (trade["order"], trade["side"], trade["takerOrMaker"]) == (order["id"], "sell", "taker")
    assert (trade["price"], trade["amount"], trade["cost"]) == (price, 0.1, price / 10)
    assert (trade["fee"]["currency"], trade["fee"]["cost"]) == ("USDT", pytest.approx(price * 0.1 * rate))
    assert "clientOid" not in trade["info"]


async def test_a_position_is_opened_reduced_and_closed(client: Ccxt) -> None:
    """Contracts, side, entry and leverage; reduceOnly reduces; close_position ends flat: an empty list."""
    await placed(client, SWAP, "sell", 0.1)
    (opened,) = await client.fetch_positions([SWAP])
    await placed(client, SWAP, "buy", 0.04, None, reduceOnly=True)
    single = await client.fetch_position(SWAP)
    await client.close_position(SWAP)

    assert (opened["side"], opened["contracts"], opened["entryPrice"]) == ("short", 0.1, 2680.0)
    assert (opened["leverage"], opened["hedged"], opened["markPrice"]) == (10, False, 2680.0)
    assert single["contracts"] == 0.06
    assert await client.fetch_positions([SWAP]) == []


async def test_hedge_mode_as_ccxt_spells_it(client: Ccxt, exchange: PaperExchange) -> None:
    """`hedged` opens; with reduceOnly ccxt turns the side round, and the long is what gets closed."""
    await client.set_position_mode(True, SWAP)
    await client.create_order(SWAP, "market", "buy", 0.1, None, {"hedged": True})
    (opened,) = await client.fetch_positions([SWAP])
    await client.create_order(SWAP, "market", "sell", 0.1, None, {"hedged": True, "reduceOnly": True})

    closing = exchange.requests[-1].body
    assert closing is not None and (closing["side"], closing["tradeSide"]) == ("buy", "Close")
    assert (opened["side"], opened["hedged"]) == ("long", True)
    assert await client.fetch_positions([SWAP]) == []


@BOTH
async def test_batches(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """create_orders places two, cancel_orders ends one, cancel_all_orders the other."""
    wanted = [
        {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.1, "price": price} for price in (2670.0, 2660.0)
    ]

    first, second = await client.create_orders(wanted)
    listed = await client.fetch_open_orders(symbol)
    ended = await client.cancel_orders([first["id"]], symbol)
    await client.cancel_all_orders(symbol)
    await exchange.until(lambda: not exchange.account_view().open_orders)

    assert {one["id"] for one in listed} == {first["id"], second["id"]}
    assert [one["id"] for one in ended] == [first["id"]]
    assert await client.fetch_open_orders(symbol) == []


@BOTH
async def test_editing_an_order_replaces_it(client: Ccxt, exchange: PaperExchange, symbol: str) -> None:
    """The new order has its own id; only spot's answer tells it, and only spot has done it by then."""
    old = await client.create_order(symbol, "limit", "buy", 0.1, 2670.0)

    answer = await client.edit_order(old["id"], symbol, "limit", "buy", 0.2, 2671.0)
    await exchange.until(lambda: len(exchange.account_view().orders) == 2)
    (new,) = await client.fetch_open_orders(symbol)

    assert new["id"] != old["id"] and (new["amount"], new["price"]) == (0.2, 2671.0)
    assert answer["id"] == (new["id"] if symbol == SPOT else old["id"])


async def test_refusals_are_ccxts_exceptions(client: Ccxt) -> None:
    """Code by code, what ccxt makes of it."""
    with pytest.raises(ccxt.OrderNotFound, match="43001"):
        await client.cancel_order("1381703707004827260", SWAP)
    with pytest.raises(ccxt.OrderNotFound, match="40109"):
        await client.fetch_order("1381703707004827260", SWAP)
    with pytest.raises(ccxt.InsufficientFunds, match="43012"):
        await client.create_order(SPOT, "limit", "sell", 5, 2690.0)
    with pytest.raises(ccxt.InsufficientFunds, match="40762"):
        await client.create_order(SWAP, "limit", "buy", 50, 2670.0)
    with pytest.raises(ccxt.ExchangeError, match="40786"):
        for _ in range(2):
            await client.create_order(SWAP, "limit", "buy", 0.1, 2670.0, {"clientOrderId": "same"})
    with pytest.raises(ccxt.ExchangeError, match="40774"):
        await client.create_order(SWAP, "limit", "buy", 0.1, 2670.0, {"hedged": True})


async def test_one_request_too_many(client: Ccxt) -> None:
    """The second flash close within a second is 429, and ccxt knows what that is."""
    with pytest.raises(ccxt.ExchangeError, match="22002"):
        await client.close_position(SWAP)
    with pytest.raises(ccxt.DDoSProtection, match="429"):
        await client.close_position(SWAP)


async def test_strangers_without_the_right_key(start: Start, other_client: Client) -> None:
    """A wrong secret, a wrong passphrase, a demo key, a unified account: each has its own code."""
    exchange, unified = await start(), await start(unified_account=True)
    demo = await start(demo_key=True, demo_sockets=True)

    with pytest.raises(ccxt.AuthenticationError, match="40009"):
        await (await other_client(exchange, secret="other")).fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="40012"):
        await (await other_client(exchange, password="other")).fetch_balance()
    with pytest.raises(ccxt.ExchangeError, match="40099"):
        await (await other_client(demo)).fetch_balance()
    with pytest.raises(ccxt.PermissionDenied, match="40085"):
        await (await other_client(unified)).fetch_balance()


async def test_ccxts_own_demo_trading(start: Start, other_client: Client) -> None:
    """With a demo key ccxt's demo trading sends PAPTRADING: 1 and is let in."""
    client = await other_client(await start(demo_key=True, demo_sockets=True))
    client.options["sandboxMode"] = True

    assert (await client.fetch_balance())["ETH"]["free"] == 0.5
