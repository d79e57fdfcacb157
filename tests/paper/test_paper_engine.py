"""The engine without sockets: money adds up, nothing goes below zero, and the same seed gives the same bytes."""

import hashlib
import os
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from runner.paper import BookEvent, FundingEvent, PaperOptions, TradeEvent, Venue
from runner.paper.engine import Exchange
from runner.paper.session import encode
from runner.paper.values import OrderRequest, Product, Refusal, Side
from runner.paper.views import account_view

D = Decimal
START_MS = 1_790_000_000_000
ROOT = Path(__file__).resolve().parents[2]


def levels(best: str, step: str, qty: str = "5") -> tuple[tuple[Decimal, Decimal], ...]:
    """Five levels of the same quantity."""
    return tuple((D(best) + n * D(step), D(qty)) for n in range(5))


def exchange(**options: object) -> Exchange:
    """An engine with both books set."""
    made = Exchange(PaperOptions(market="scripted", **options), START_MS)  # type: ignore[arg-type]
    for product, bid in (("perp", "2680.00"), ("spot", "2681.00")):
        set_book(made, product, bid)  # type: ignore[arg-type]
    return made


def set_book(made: Exchange, product: Product, bid: str, qty: str = "5") -> None:
    """Show a touch one tick wide."""
    ask = str(D(bid) + D("0.01"))
    made.on_market(BookEvent(0, product, levels(bid, "-0.01", qty), levels(ask, "0.01", qty)), START_MS)


def perp(side: Side, price: str | None, size: str, **more: object) -> OrderRequest:
    """A perp order."""
    kind = "limit" if price else "market"
    more = {"margin_mode": "isolated"} | more
    return OrderRequest("perp", side, kind, D(size), D(price) if price else None, **more)  # type: ignore[arg-type]


def spot(side: Side, price: str | None, size: str, force: str = "ioc") -> OrderRequest:
    """A spot order."""
    kind = "limit" if price else "market"
    return OrderRequest("spot", side, kind, D(size), D(price) if price else None, force)  # type: ignore[arg-type]


def statuses(made: Exchange, channel: str = "orders") -> list[str]:
    """The statuses pushed so far on the orders channels."""
    return [row["status"] for push in made.outbox if push.channel == channel for row in push.data]


def test_a_round_trip_costs_both_fees_and_earns_the_difference() -> None:
    """Maker buy at 2679, taker sell at 2700: cash moves by profit less 0.0002 and 0.0006 of the values."""
    made = exchange()
    made.place(perp("buy", "2679.00", "0.10", force="post_only"), START_MS)
    made.on_market(TradeEvent(0, "perp", D("2678.99"), D(1), "sell"), START_MS)
    set_book(made, "perp", "2700.00")
    made.place(perp("sell", "2700.00", "0.10", force="ioc", reduce_only=True), START_MS)

    view = account_view(made)
    assert [fill.fee for fill in view.fills] == [D("0.05358"), D("0.162")]
    assert view.perp_cash == D(5000) + D("2.1") - D("0.05358") - D("0.162") == view.perp_equity
    assert view.positions == () and view.position == 0


def test_a_one_way_order_through_zero_turns_the_position() -> None:
    """Long 0.10, sell 0.30: short 0.20 at the sale's price; the long's profit is realised."""
    made = exchange()
    made.place(perp("buy", None, "0.10"), START_MS)
    made.place(perp("sell", None, "0.30"), START_MS)

    (position,) = account_view(made).positions
    assert (position.hold_side, position.size, position.price_avg) == ("short", D("0.20"), D("2680.00"))
    assert account_view(made).fills[-1].qty == D("0.30")


def test_adding_to_a_position_averages_its_price() -> None:
    """0.1 at 2680.01 and 0.3 at 2684.01 average to 2683.01."""
    made = exchange()
    made.place(perp("buy", None, "0.10"), START_MS)
    set_book(made, "perp", "2684.00")
    made.place(perp("buy", None, "0.30"), START_MS)

    assert account_view(made).positions[0].price_avg == D("2683.01")


def test_ioc_fills_what_is_there_and_cancels_the_rest() -> None:
    """Pushed: live, partially_filled, canceled; the rest does not rest."""
    made = exchange()
    order, _ = made.place(perp("buy", "2680.01", "6", force="ioc"), START_MS)

    assert statuses(made) == ["live", "partially_filled", "canceled"]
    assert (order.filled, order.cancel_reason) == (D(5), "ioc_not_full_cancel")
    assert account_view(made).open_orders == ()


def test_an_immediate_end_can_be_the_only_push() -> None:
    """With single_terminal_push a crossing post-only and a zero-fill IOC push their end alone; a resting order live."""
    made = exchange(single_terminal_push=True)
    made.place(perp("buy", "2680.01", "0.10", force="post_only"), START_MS)
    made.place(perp("buy", "2679.00", "0.10", force="ioc"), START_MS)
    made.place(perp("buy", None, "0.10"), START_MS)
    made.place(perp("buy", "2679.00", "0.10"), START_MS)

    assert statuses(made) == ["canceled", "canceled", "filled", "live"]


def test_fok_fills_all_or_nothing() -> None:
    """Six at a limit that shows five: canceled without a fill. Five: filled."""
    made = exchange()
    killed, _ = made.place(perp("buy", "2680.01", "6", force="fok"), START_MS)
    filled, _ = made.place(perp("buy", "2680.01", "5", force="fok"), START_MS)

    assert (killed.filled, killed.cancel_reason) == (0, "fok_not_full_cancel")
    assert filled.status == "filled"


def test_a_marketable_gtc_takes_and_rests_with_the_remainder() -> None:
    """Five are taken; one rests at its limit and is the best bid."""
    made = exchange()
    order, _ = made.place(perp("buy", "2680.01", "6"), START_MS)

    assert (order.status, order.left) == ("partially_filled", D(1))
    assert made.matchers["perp"].best("buy") == D("2680.01")


def test_a_refused_order_changes_nothing() -> None:
    """No push, no frozen coin, no order."""
    made = exchange()
    made.outbox.clear()

    with pytest.raises(Refusal, match="43012"):
        made.place(spot("buy", "2690.00", "2"), START_MS)

    assert made.outbox == [] and account_view(made).orders == ()
    assert account_view(made).spot["USDT"].frozen == 0


def test_a_resting_spot_order_freezes_and_gives_back() -> None:
    """A buy below the market holds its value; cancelled, all of it is free again."""
    made = exchange()
    order, _ = made.place(spot("buy", "2670.00", "1", "gtc"), START_MS)
    assert account_view(made).spot["USDT"].frozen == D(2670)

    made.cancel("spot", order.order_id, None, START_MS)

    assert account_view(made).spot["USDT"].available == D(5000)


def test_reduce_only_orders_go_when_the_position_has_gone() -> None:
    """A stop-like sell rests reduce-only; a market sell ends the long; the resting one is taken out."""
    made = exchange()
    made.place(perp("buy", None, "0.10"), START_MS)
    resting, _ = made.place(perp("sell", "2690.00", "0.10", reduce_only=True), START_MS)
    made.place(perp("sell", None, "0.10"), START_MS)

    assert resting.status == "canceled" and account_view(made).position == 0


def test_reduce_only_never_turns_a_position() -> None:
    """The long shrank to 0.04 after the order rested with 0.10: it sells 0.04."""
    made = exchange()
    made.place(perp("buy", None, "0.10"), START_MS)
    made.place(perp("sell", "2690.00", "0.10", reduce_only=True), START_MS)
    made.place(perp("sell", None, "0.06"), START_MS)
    made.on_market(TradeEvent(0, "perp", D("2690.01"), D(9), "buy"), START_MS)

    view = account_view(made)
    assert view.position == 0 and view.fills[-1].qty == D("0.04")


def test_hedge_mode_holds_both_sides() -> None:
    """Opening a short beside a long leaves both; each closes by its own side."""
    made = exchange(position_mode="hedge_mode")
    made.place(perp("buy", None, "0.20", trade_side="open"), START_MS)
    made.place(perp("sell", None, "0.10", trade_side="open"), START_MS)
    assert {one.hold_side: one.size for one in account_view(made).positions} == {"long": D("0.20"), "short": D("0.10")}

    made.place(perp("sell", None, "0.10", trade_side="close"), START_MS)

    view = account_view(made)
    assert view.fills[-1].side == "buy" and view.position == D("0.20")


def test_margin_bounds_what_can_be_opened_but_never_what_closes() -> None:
    """100 USDT at leverage 10 open 0.37 ETH at most; closing needs no margin."""
    made = exchange(perp_usdt=D(100))
    with pytest.raises(Refusal, match="40762"):
        made.place(perp("buy", None, "0.38"), START_MS)
    made.place(perp("buy", None, "0.37"), START_MS)

    made.place(perp("sell", None, "0.37"), START_MS)

    assert account_view(made).position == 0


def test_another_margin_mode_is_refused_while_busy() -> None:
    """45117 with an open order; without one the order's mode becomes the symbol's."""
    made = exchange()
    order, _ = made.place(perp("buy", "2679.00", "0.10"), START_MS)
    with pytest.raises(Refusal, match="45117"):
        made.place(perp("buy", "2679.00", "0.10", margin_mode="crossed"), START_MS)

    made.cancel("perp", order.order_id, None, START_MS)
    made.place(perp("buy", "2679.00", "0.10", margin_mode="crossed"), START_MS)

    assert account_view(made).margin_mode == "crossed"


def test_funding_is_paid_at_the_boundary_by_the_long() -> None:
    """0.1 ETH long at mark 2680.005 and 0.0001 pays 0.02680005; the history remembers it."""
    made = exchange(perp_taker_fee=D(0))
    made.place(perp("buy", None, "0.10"), START_MS)
    made.on_market(FundingEvent(0, D("0.0001")), START_MS)
    due_ms = made.next_funding_ms

    made.advance(due_ms - 1)
    assert account_view(made).perp_cash == D(5000)
    made.advance(due_ms)

    assert account_view(made).perp_cash == D(5000) - D("0.026800050")
    assert due_ms % (8 * 3_600_000) == 0 and made.next_funding_ms == due_ms + 8 * 3_600_000
    assert made.funding_history[0] == (due_ms, D("0.0001"))


def test_the_open_order_cap_is_the_products() -> None:
    """The 201st spot order is refused with 43005."""
    made = exchange()
    for _ in range(200):
        made.place(spot("buy", "2670.00", "0.001", "gtc"), START_MS)

    with pytest.raises(Refusal, match="43005"):
        made.place(spot("buy", "2670.00", "0.001", "gtc"), START_MS)


def random_life(seed: int) -> Venue:
    """A venue on the synthetic market with a client that places and cancels at random."""
    venue = Venue(PaperOptions(seed=seed), START_MS)
    rng = random.Random(seed)
    for step in range(400):
        now_ms = START_MS + step * 50
        venue.run(now_ms, {("perp", "books5"), ("spot", "books"), ("perp", "ticker")})
        try:
            act(venue.exchange, rng, now_ms)
        except Refusal:
            continue
    return venue


def act(made: Exchange, rng: random.Random, now_ms: int) -> None:
    """One random order or cancel."""
    product: Product = rng.choice(("perp", "spot"))  # type: ignore[assignment]
    side: Side = rng.choice(("buy", "sell"))  # type: ignore[assignment]
    mid = made.matchers[product].mid or D(2681)
    price = str((mid + D(rng.randint(-60, 60)) / 100).quantize(D("0.01")))
    force = rng.choice(("gtc", "post_only", "ioc", "fok"))
    open_orders = list(made.store.open.values())
    if open_orders and rng.random() < 0.3:
        made.cancel(*[(one.product, one.order_id) for one in open_orders][0], None, now_ms)  # noqa: RUF015
    elif product == "perp":
        made.place(perp(side, price, "0.10", force=force, reduce_only=rng.random() < 0.2), now_ms)
    else:
        made.place(spot(side, price, "0.0500", force), now_ms)


def digest(seed: int) -> str:
    """Everything a random life pushed, to the byte."""
    text = "\n".join(encode(push, "{}") for push in random_life(seed).drain())
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_same_seed_gives_the_same_bytes_under_any_hash_seed() -> None:
    """Two processes with different PYTHONHASHSEED push the same; another seed pushes something else."""
    code = "from tests.paper.test_paper_engine import digest; print(digest(5))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": salt},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for salt in ("0", "42")
    ]

    assert runs[0] == runs[1] == digest(5) != digest(6)


@pytest.mark.parametrize("seed", range(4))
def test_money_and_coin_add_up(seed: int) -> None:
    """After a random life, balances are exactly what the fills say, and frozen coin what open orders hold."""
    made = random_life(seed).exchange
    view = account_view(made)

    eth, usdt, cash, position = D("0.5"), D(5000), D(5000), D(0)
    for fill in view.fills:
        sign = 1 if fill.side == "buy" else -1
        fees = {fill.fee_coin: fill.fee}
        if fill.product == "spot":
            eth += sign * fill.qty - fees.get("ETH", D(0))
            usdt -= sign * fill.qty * fill.price + fees.get("USDT", D(0))
        else:
            position += sign * fill.qty
            cash -= fill.fee
    held = [order for order in view.open_orders if order.product == "spot"]
    profit = sum((one.profit for one in made.store.fills), D(0))

    assert len(view.fills) > 20
    assert view.spot["ETH"].total == eth and view.spot["USDT"].total == usdt
    assert view.position == position and abs(view.perp_cash - cash - profit) < D("1e-20")
    assert view.spot["ETH"].frozen == sum((o.size - o.filled for o in held if o.side == "sell"), D(0))
    assert view.spot["USDT"].frozen == sum(
        ((o.size - o.filled) * (o.price or D(0)) for o in held if o.side == "buy"), D(0)
    )


def test_what_is_remembered_is_bounded() -> None:
    """The oldest finished order is forgotten, open ones never; its clientOid is free for the next. So is a fill."""
    made = exchange(orders_kept_max=3, fills_kept_max=2)
    resting, _ = made.place(perp("buy", "2600.00", "0.10", client_oid="keep"), START_MS)
    for n in range(5):
        made.place(perp("buy", "2679.00", "0.10", force="ioc", client_oid=f"c{n}"), START_MS)

    known = [order.client_oid for order in account_view(made).orders]
    for one in ("keep2", "keep3", "keep4"):
        made.place(perp("buy", "2600.00", "0.10", client_oid=one), START_MS)
    assert len(made.store.open) == 4 == len(made.store.orders)
    assert known == ["keep", "c3", "c4"] and made.store.find("perp", None, "c0") is None
    assert made.store.find("perp", None, "keep") is resting

    sizes = [made.place(perp("buy", "2680.01", size), START_MS)[0].filled for size in ("0.10", "0.20", "0.30")]
    assert [one.qty for one in made.store.fills] == sizes[1:] == [D("0.20"), D("0.30")]


def test_an_emptied_book_leaves_the_last_trade_as_reference() -> None:
    """Without levels the band is measured from the last trade; a market order finds nothing and is cancelled."""
    made = exchange()
    made.on_market(TradeEvent(0, "perp", D("2700"), D(1), "buy"), START_MS)
    made.on_market(BookEvent(0, "perp", (), ()), START_MS)

    order, _ = made.place(perp("buy", None, "0.10"), START_MS)
    with pytest.raises(Refusal, match="40815"):
        made.place(perp("buy", "2835.01", "0.10"), START_MS)

    assert order.cancel_reason == "ioc_not_full_cancel"
