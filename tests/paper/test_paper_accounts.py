"""Several accounts on one exchange: they share the books and nothing else."""

from decimal import Decimal

import pytest
from aiohttp import ClientSession

from runner.paper import Account, PaperExchange, PaperOptions
from runner.paper.engine import Exchange
from runner.paper.floor import Floor
from runner.paper.values import BookEvent, OrderRequest, Product, Side
from runner.paper.views import account_view
from tests.paper.client import FILL, MIX, ORDERS, PERP, POSITIONS, SPOT_ACCOUNT, Rest, books, perp_order, spot_order
from tests.paper.conftest import Connect, Start

D = Decimal
NOW_MS = 1_790_000_000_000
OTHER = Account.named("other")


@pytest.fixture
async def exchange(start: Start) -> PaperExchange:
    """Two accounts and a market with room between its sides."""
    exchange = await start(touch=False, accounts=(OTHER,))
    exchange.market.set_book("perp", [("2679.00", 5)], [("2681.00", 5)])
    exchange.market.set_book("spot", [("2679.00", 5)], [("2681.00", 5)])
    return exchange


async def test_each_account_tells_what_its_own_key_may_do(start: Start, http: ClientSession) -> None:
    """The default key trades both legs and does not withdraw; the other's may, and is bound to an address."""
    other = Account.named("other", authorities=("coow", "stow", "wwow"), ips="1.2.3.4")
    exchange = await start(touch=False, accounts=(other,))
    clients = [Rest(exchange, http, name) for name in ("default", "other")]
    rights = [(await it.get("/api/v2/spot/account/info"))[1]["data"] for it in clients]

    assert rights[0]["authorities"] == ["coor", "coow", "cpor", "cpow", "stor", "stow"] and rights[0]["ips"] == ""
    assert rights[1]["authorities"] == ["coow", "stow", "wwow"] and rights[1]["ips"] == "1.2.3.4"
    assert isinstance(rights[0]["parentId"], int) and isinstance(rights[0]["userId"], str)


async def test_two_clients_trade_with_each_other_inside_the_spread(
    rest: Rest, exchange: PaperExchange, connect: Connect, http: ClientSession
) -> None:
    """One rests at 2680, the other takes it: each hears of its own side alone, the public of one trade."""
    mine = await connect(exchange, ORDERS, FILL, POSITIONS)
    theirs = await connect(exchange, FILL, account="other")
    trades = await connect(exchange, books("USDT-FUTURES", "trade"), stream="public")
    await rest.place(perp_order("buy", "2680.00", "0.10", force="post_only", clientOid="maker"))
    await Rest(exchange, http, "other").place(perp_order("sell", "2680.00", "0.10", force="ioc", clientOid="taker"))

    (maker,), (taker,) = await mine.rows("fill"), await theirs.rows("fill")
    (trade,) = await trades.rows("trade")

    assert (maker["clientOid"], maker["tradeScope"], maker["price"]) == ("maker", "maker", "2680")
    assert (taker["clientOid"], taker["tradeScope"], taker["price"]) == ("taker", "taker", "2680")
    assert (trade["price"], trade["size"], trade["side"]) == ("2680", "0.1", "sell")
    assert exchange.account_view().position == D("0.10") == -exchange.account_view("other").position
    assert [row["status"] for row in await mine.rows("orders", count=2)] == ["live", "filled"]


async def test_an_account_sees_nothing_of_another(rest: Rest, exchange: PaperExchange, http: ClientSession) -> None:
    """Not its orders, its clientOids, its position nor its coin; the same clientOid is free."""
    other = Rest(exchange, http, "other")
    placed = await rest.place(perp_order("buy", "2679.50", "0.10", clientOid="same"))

    _, pending = await other.get(f"{MIX}/order/orders-pending", **PERP)
    _, detail = await other.get(f"{MIX}/order/detail", **PERP, orderId=placed["orderId"])
    _, cancel = await other.post(f"{MIX}/order/cancel-order", {**PERP, "clientOid": "same"})
    await other.place(perp_order("buy", "2679.50", "0.10", clientOid="same"))

    assert pending["data"]["entrustedList"] is None
    assert (detail["code"], cancel["code"]) == ("40109", "43001")
    assert [len(exchange.account_view(name).open_orders) for name in ("default", "other")] == [1, 1]


async def test_the_wrong_secret_of_a_known_key_is_refused(exchange: PaperExchange, http: ClientSession) -> None:
    """Each key has its own secret: 40009, and 30015 on the socket."""
    rest = Rest(exchange, http, "other")
    rest.spoil = {"ACCESS-KEY": exchange.credentials.api_key}

    assert (await rest.get(f"{MIX}/order/orders-pending", **PERP))[1]["code"] == "40009"


async def test_balances_are_pushed_to_their_owner(
    exchange: PaperExchange, http: ClientSession, connect: Connect
) -> None:
    """The other account sells coin; only its own spot account speaks of it."""
    mine, theirs = await connect(exchange, SPOT_ACCOUNT), await connect(exchange, SPOT_ACCOUNT, account="other")
    await Rest(exchange, http, "other").place(spot_order("sell", "2679.00", "0.1"))

    pushes = await theirs.until("account", count=2)
    exchange.set_balance("ETH", "7")
    first, second = await mine.until("account", count=2)

    assert len(pushes[1]["data"]) == 2 and len(first["data"]) == 2
    assert [(row["coin"], row["available"]) for row in second["data"]] == [("ETH", "7")]
    assert exchange.account_view("other").spot["ETH"].total == D("0.4")


async def test_orders_of_both_accounts_are_in_the_book(
    rest: Rest, exchange: PaperExchange, http: ClientSession
) -> None:
    """Two orders at one price add up."""
    for client in (rest, Rest(exchange, http, "other")):
        await client.place(perp_order("buy", "2680.00", "0.10"))

    _, depth = await rest.get(f"{MIX}/market/merge-depth", **PERP, limit="1")

    assert depth["data"]["bids"] == [[2680.0, 0.2]]


def limit(side: Side, price: str, size: str, product: Product = "perp") -> OrderRequest:
    """A limit order."""
    return OrderRequest(product, side, "limit", D(size), D(price), margin_mode="isolated")


def accounts(count: int) -> list[Exchange]:
    """So many accounts on one floor, the market's touch at 2679 and 2681."""
    options = PaperOptions(market="scripted")
    floor = Floor(options, NOW_MS)
    made = [Exchange(options, NOW_MS, floor, Account.named(f"a{n}")) for n in range(count)]
    floor.on_market(BookEvent(0, "perp", ((D(2679), D(5)),), ((D(2681), D(5)),)), NOW_MS)
    return made


def test_price_then_time_decides_who_is_filled() -> None:
    """A better price before an earlier order; at one price the earlier one."""
    early, late, best, taker = accounts(4)
    early.place(limit("buy", "2680.00", "0.10"), NOW_MS)
    late.place(limit("buy", "2680.00", "0.10"), NOW_MS)
    best.place(limit("buy", "2680.10", "0.10"), NOW_MS)

    taker.place(limit("sell", "2680.00", "0.25"), NOW_MS)

    assert [account_view(one).position for one in (best, early, late)] == [D("0.10"), D("0.10"), D("0.05")]
    assert [fill.price for fill in account_view(taker).fills] == [D("2680.10"), D("2680.00"), D("2680.00")]


def test_positions_and_coin_of_all_accounts_add_up() -> None:
    """Two strangers' trades move nothing out of thin air: positions cancel, cash falls by the fees alone."""
    one, other = accounts(2)
    for n in range(5):
        one.place(limit("buy", "2680.00", f"0.{n + 1}"), NOW_MS)
        other.place(limit("sell", "2680.00", "0.20"), NOW_MS)

    views = [account_view(one), account_view(other)]
    fees = sum((fill.fee for view in views for fill in view.fills), D(0))

    assert views[0].position == -views[1].position != 0
    assert sum((view.perp_equity for view in views), D(0)) == D(10_000) - fees


def test_two_orders_of_one_account_do_meet() -> None:
    """stpMode none: a fill on both sides, the position unchanged, both fees paid."""
    (one,) = accounts(1)
    one.place(limit("buy", "2680.00", "0.10"), NOW_MS)
    one.place(limit("sell", "2680.00", "0.10"), NOW_MS)

    view = account_view(one)
    assert view.position == 0 and [fill.is_maker for fill in view.fills] == [True, False]
    assert len({fill.trade_id for fill in view.fills}) == 2


def test_names_and_keys_of_accounts_are_distinct() -> None:
    """A name or a key twice, or the default's name, is a mistake."""
    for wrong in ((OTHER, OTHER), (Account.named("default"),)):
        with pytest.raises(ValueError, match="distinct"):
            PaperOptions(accounts=wrong)
    assert Account.named("x") == Account.named("x") != Account.named("y")
