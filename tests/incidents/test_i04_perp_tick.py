"""I04: perp prices made with binary floats were refused, not being multiples of the tick.

Wanted: decimals from end to end; a bid is rounded down to the tick, an ask up, the tick being `priceEndStep` times ten
to the minus `pricePlace`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.rounding import passive_price
from mmfsm.testing import constraints
from mmfsm.values import Constraints, Side
from runner.bitget import wire, wire_market
from runner.bitget.members import parse_json
from tests.incidents.scene import opened
from tests.mmfsm.desk_driver import live_params

D = Decimal
CONTRACT = {
    "symbol": "ETHUSDT", "baseCoin": "ETH", "quoteCoin": "USDT", "sizeMultiplier": "0.01", "minTradeNum": "0.01",
    "minTradeUSDT": "5", "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05", "makerFeeRate": "0.0002",
    "takerFeeRate": "0.0006", "symbolStatus": "normal", "maxOrderQty": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "step", "tick"), [("2", "1", "0.01"), ("1", "5", "0.5"), ("2", "25", "0.25"), ("4", "1", "0.0001")]
)
def test_i04_the_tick_is_end_step_times_ten_to_the_minus_place(place: str, step: str, tick: str) -> None:
    """As the contract's row states it, without a float in between."""
    row = CONTRACT | {"pricePlace": place, "priceEndStep": step}
    assert wire_market.read_perp_rules([row], "ETHUSDT").price_tick == D(tick)


@pytest.mark.parametrize("tick", ["0.01", "0.05", "0.1", "0.25", "0.5"])
@pytest.mark.parametrize("bid", ["2105.2401", "1999.995", "3333.33", "0.7"])
def test_i04_a_bid_is_rounded_down_and_an_ask_up(tick: str, bid: str) -> None:
    """Never past the price that was meant, and less than a tick from it."""
    rules = attrs.evolve(constraints().perp, price_tick=D(tick))
    low, high = passive_price(D(bid), Side.BUY, rules), passive_price(D(bid), Side.SELL, rules)
    assert low % D(tick) == 0 == high % D(tick)
    assert D(bid) - D(tick) < low <= D(bid) <= high < D(bid) + D(tick)


@pytest.mark.parametrize("perp_bid", ["2105.24", "2499.99", "1800.07", "2750.31"])
@pytest.mark.parametrize("tick", ["0.01", "0.05", "0.25"])
def test_i04_every_quote_is_on_the_tick_as_it_leaves(perp_bid: str, tick: str) -> None:
    """The price in the request is a plain decimal on the tick, passive of the price the formula gives."""
    eth = constraints()
    rules = Constraints(attrs.evolve(eth.perp, price_tick=D(tick)), eth.spot)
    scene = opened(rules=rules, perp_bid=perp_bid, spot_bid=perp_bid, base_half_spread_bps=D("3.7"))
    bid, ask = scene.quote(Side.BUY), scene.quote(Side.SELL)
    terms = wire.Terms.of(live_params())
    bodies: list[Any] = [parse_json('"' + wire.perp_body(it, terms)["price"] + '"') for it in (bid, ask)]
    assert all(D(text) % D(tick) == 0 for text in bodies)
    assert D(bodies[0]) <= D(perp_bid) and D(bodies[1]) >= D(perp_bid) + D(tick)
