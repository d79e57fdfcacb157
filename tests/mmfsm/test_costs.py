"""What our own fills teach: slip with its bounds, and fees from three sources."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mmfsm.fees import Fees, break_even_bps, charged_bps, in_words, resolve
from mmfsm.forgetting import SHARE
from mmfsm.params import Params
from mmfsm.slippage import HEDGES_MAX, Slippage
from mmfsm.testing import constraints
from mmfsm.values import FeeRate, InstType, Leg, NormalizedFill, OrderIntent, OrderRequest, Side, Tif

D = Decimal
OWN = FeeRate(D("1.4"), D("4.2"))


def fill(coin: str | None, fee: str, side: Side = Side.SELL) -> NormalizedFill:
    return NormalizedFill(InstType.SPOT, "1", side, D(2500), D("0.02"), 0, fee=D(fee), fee_coin=coin)


def test_the_account_wins_over_the_settings_and_they_over_the_list() -> None:
    """Each leg by itself; a leg that is set in part takes the rest from the list."""
    params = Params(perp_maker_bps=D(1), spot_taker_bps=D(8))

    assert resolve(params, constraints(), OWN, None).perp == OWN
    assert resolve(params, constraints(), None, None).perp == FeeRate(D(1), D(6), "configured")
    assert resolve(Params(), constraints(), None, None) == Fees(
        FeeRate(D(2), D(6), "list"), FeeRate(D(10), D(10), "list"), D(12)
    )


def test_the_round_is_perp_maker_and_spot_taker() -> None:
    """A rebate on the perp lowers it."""
    fees = resolve(Params(spot_taker_bps=D(8)), constraints(), FeeRate(D("-0.5"), D(3)), None)

    assert fees.round_bps == D("7.5") and break_even_bps(fees, D(1), D(1)) == D("9.5")


@pytest.mark.parametrize(
    ("told", "bps"),
    [
        (fill("USDT", "0.05"), D(10)),
        (fill("ETH", "0.00002", Side.BUY), D(10)),
        (fill("BGB", "0.01"), None),  # its price is not known here
        (fill(None, "0"), None),
    ],
)
def test_what_a_fill_was_charged(told: NormalizedFill, bps: Decimal | None) -> None:
    """In either coin of the pair, in bps of its value."""
    assert charged_bps(told, "ETH", "USDT") == bps


def test_the_check_says_rates_sources_and_break_even() -> None:
    """One line for a person."""
    words = in_words(resolve(Params(), constraints(), OWN, None), D(1), Params())

    assert words == (
        "perp maker 1.4, taker 4.2 bps (account); spot taker 10 bps (list); break-even half spread 13.4 bps"
    )


def hedged(slip: Slippage, name: str, price: str, qty: str = "0.02", weight: str = "0.1") -> None:
    """A buy of 0.02 was sent at a touch of 2500 and has filled so much of it, at such a price."""
    order = OrderRequest(
        name, InstType.SPOT, Side.BUY, D("0.02"), D(2600), Tif.IOC, OrderIntent.HEDGE, Leg.SPOT_IOC, 1
    )  # fmt: skip
    told = NormalizedFill(InstType.SPOT, "1", Side.BUY, D(price), D(qty), 0)
    slip.filled(order, told, D(weight), D(1))


def test_slip_is_as_set_until_a_hedge_has_filled() -> None:
    """Then a tenth of each new one: 1 + 0.1 · (3 − 1); a part of an order counts for its part."""
    slip = Slippage()
    assert slip.expected_bps(D(1)) == 1
    slip.sent("h", D(2500))
    hedged(slip, "h", "2500.75")
    assert slip.expected_bps(D(1)) == D("1.2")
    hedged(slip, "h", "2502.8", qty="0.01")
    assert slip.expected_bps(D(1)) == D("1.7")  # 1.2 + 0.05 · (11.2 − 1.2)


def test_slip_is_bounded_and_never_a_gain() -> None:
    """A fill a tenth of the price away counts for 100 bps; hedges better than the touch leave zero."""
    slip = Slippage()
    for name, price, mean in (("a", "2750", "10.9"), ("b", "2250", "-0.19")):
        slip.sent(name, D(2500))
        hedged(slip, name, price)
        assert slip.mean_bps == D(mean)
    assert slip.expected_bps(D(1)) == 0


def test_what_was_not_sent_as_a_hedge_teaches_nothing() -> None:
    """Nor does anything with a weight of zero; and only so many hedges are remembered."""
    slip = Slippage()
    hedged(slip, "stranger", "2600")
    slip.sent("h", D(2500))
    hedged(slip, "h", "2600", weight="0")
    assert slip.mean_bps is None
    for number in range(3 * HEDGES_MAX):
        slip.sent(f"h{number}", D(2500))
    assert HEDGES_MAX - HEDGES_MAX // SHARE <= len(slip.touches) <= HEDGES_MAX
