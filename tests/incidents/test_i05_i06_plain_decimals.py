"""I05: a chase's price went out as 2105.2400000000002 and was refused, 37 times in one night.
I06: a flatten's size went out as 0.039900000000000005 and was refused.

Wanted: plain decimal strings without exponent, never more places than the rules allow, sizes floored to the step.
"""

from __future__ import annotations

import re
from decimal import Decimal

import attrs
import pytest

from mmfsm.testing import constraints
from mmfsm.values import Constraints, OrderRequest, Side
from runner.bitget import wire
from tests.incidents.scene import Scene, opened
from tests.mmfsm.desk_driver import SPOT, T0, live_params

D = Decimal
PLAIN = re.compile(r"\d+(\.\d+)?")


def _body(request: OrderRequest) -> dict[str, str]:
    return wire.place_body(request, wire.Terms.of(live_params()), T0)


def _places(text: str) -> int:
    assert PLAIN.fullmatch(text), f"{text!r} is no plain decimal"
    return len(text.partition(".")[2])


def _chased(scene: Scene) -> list[OrderRequest]:
    """A hedge and its chases, each ended empty, until the ticket unwinds."""
    scene.trade(scene.quote(Side.SELL), "p1")
    scene.until_unwinding()
    return [request for request in scene.closing if request.inst is SPOT]


@pytest.mark.parametrize("spot_bid", ["2105.24", "2105.23", "1999.99", "2777.77"])
def test_i05_every_chase_price_has_the_places_of_the_rules(spot_bid: str) -> None:
    """The first tries at one price, then each wider than the last; two places at most, none with an exponent."""
    tries = _chased(opened(perp_bid=spot_bid, spot_bid=spot_bid))
    prices = [_body(request)["price"] for request in tries]
    assert all(_places(price) <= 2 for price in prices)
    widening = [D(price) for price in prices]
    assert widening == sorted(widening) and len(set(widening)) >= 10


def test_i05_a_price_below_a_millionth_has_no_exponent() -> None:
    """A coin priced in ten-millionths: str() of such a Decimal would be 3.51E-7."""
    eth = constraints()
    tiny = {"price_tick": D("1E-10"), "qty_step": D(1), "qty_min": D(1)}
    rules = Constraints(attrs.evolve(eth.perp, **tiny), attrs.evolve(eth.spot, **tiny))
    scene = opened(
        rules=rules, coin="9E+8", cash="90000", perp_bid="3.5E-7", spot_bid="3.5E-7",
        quote_size=D("2E+8"), max_position=D("8E+8"),
    )  # fmt: skip
    scene.trade(scene.quote(Side.SELL), "p1")
    body = _body(scene.hedge)
    assert _places(body["price"]) <= 10 and D(body["price"]) == scene.hedge.price
    assert body["size"] == "200000000" and _body(scene.quote(Side.BUY))["size"] == "200000000"


@pytest.mark.parametrize(
    ("qty", "size"), [("0.039900000000000005", "0.0399"), ("0.0399999", "0.0399"), ("0.0100", "0.01"), ("0.04", "0.04")]
)
def test_i06_a_hedge_is_floored_to_the_step(qty: str, size: str) -> None:
    """What is left of it is dust, visible, and not rounded up into coin that is not owned."""
    scene = opened(quote_size=D("0.04"))
    scene.trade(scene.quote(Side.BUY), "p1", qty=qty)
    assert _body(scene.hedge)["size"] == size and _places(size) <= 4
    scene.hedged(scene.hedge)
    scene.assert_true()
    assert scene.dust == D(qty) - D(size)


def test_i06_an_unwind_is_floored_to_the_perp_step() -> None:
    """0.0399 can be unwound on the perp as 0.03; the rest goes back to spot as a plain decimal."""
    scene = opened(quote_size=D("0.04"))
    scene.trade(scene.quote(Side.BUY), "p1", qty="0.0399")
    scene.until_unwinding()
    body = _body(scene.hedge)
    assert body["size"] == "0.03" and body["reduceOnly"] == "YES" and _places(body["price"]) <= 2
    scene.hedged(scene.hedge)
    scene.wait(400, 100)
    assert _body(scene.hedge)["size"] == "0.0099" and scene.hedge.inst is SPOT
