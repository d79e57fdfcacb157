"""The time-in-force proof: an order that cannot be filled, and what its reading means."""

from decimal import Decimal

import pytest

from mmfsm.probing import judge, probe_order
from mmfsm.testing import rules_perp


@pytest.mark.parametrize("bid", ["2500.00", "0.37", "99999.99"])
def test_the_order_is_the_smallest_and_rests_within_the_band(bid: str) -> None:
    """Half the band below the touch, on the grid, no smaller than the exchange takes and no step larger."""
    rules, best = rules_perp(), Decimal(bid)
    price, qty = probe_order(best, rules)

    assert best * (1 - rules.buy_band_ratio) < price <= best * (1 - rules.buy_band_ratio / 2)
    assert price % rules.price_tick == 0 and qty % rules.qty_step == 0
    assert qty >= rules.qty_min and qty * price >= rules.notional_min
    smaller = qty - rules.qty_step
    assert smaller < rules.qty_min or smaller * price < rules.notional_min


@pytest.mark.parametrize(("told", "policy"), [("post_only", "timeInForceValue"), ("gtc", "both"), ("ioc", "both")])
def test_only_post_only_honours_the_member(told: str, policy: str) -> None:
    """Anything else, and both members are sent from then on."""
    proof = judge(told)

    assert proof.policy == policy and proof.honoured == (told == "post_only") and told in proof.why
