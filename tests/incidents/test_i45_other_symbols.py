"""I45: which symbol had an edge changed by the day; ETHUSDT often had none.

Wanted here: nothing is tied to ETHUSDT. (Ranking symbols by their edge: not yet.)
"""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path

from mmfsm.values import InstType, Side
from runner.bitget import wire, wire_account, wire_market
from tests.incidents.scene import opened, wld
from tests.mmfsm.desk_driver import SPOT, T0, live_params

D = Decimal
ROOT = Path(__file__).resolve().parents[2]


def test_i45_another_symbol_is_quoted_hedged_and_unwound_on_its_own_grid() -> None:
    """WLDUSDT: whole coins on the perp, hundredths on spot, four places of price, and its own fee coin."""
    scene = opened(
        rules=wld(), coin="1000", perp_bid="0.4166", spot_bid="0.4167", quote_size=D(120), max_position=D(1_000)
    )
    bid = scene.quote(Side.BUY)
    assert bid.qty == 120 and bid.price % D("0.0001") == 0
    scene.trade(bid, "p1")
    assert (scene.hedge.inst, scene.hedge.qty) == (SPOT, D(120)) and scene.hedge.price % D("0.0001") == 0
    scene.hedged(scene.hedge)
    scene.wait(3_000)
    scene.trade(scene.quote(Side.SELL), "p2")
    scene.hedged(scene.hedge, fee="0.12")
    assert scene.spot_change == D("-0.12") == scene.dust
    scene.wait(3_000)
    scene.trade(scene.quote(Side.BUY), "p3")
    unwind = scene.until_unwinding()
    assert unwind.inst is InstType.PERP and unwind.qty == 120
    scene.assert_true()


def test_i45_the_wire_speaks_of_the_symbol_it_was_told() -> None:
    """Requests name it; rows of others are not read as ours."""
    terms = wire.Terms.of(live_params(symbol="WLDUSDT"))
    scene = opened(
        rules=wld(), coin="1000", perp_bid="0.4166", spot_bid="0.4167", quote_size=D(120), max_position=D(1_000)
    )
    assert {wire.place_body(it, terms, T0)["symbol"] for it in scene.orders()} == {"WLDUSDT"}
    rows = [{"instId": "ETHUSDT", "total": "1", "holdSide": "long"}]
    assert wire_account.read_position(rows, "WLDUSDT", T0, T0, "ws").qty == 0
    row = {
        "symbol": "WLDUSDT", "baseCoin": "WLD", "quoteCoin": "USDT", "pricePrecision": "4", "quantityPrecision": "2",
        "minTradeUSDT": "1", "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05", "makerFeeRate": "0.001",
        "takerFeeRate": "0.001", "status": "online",
    }  # fmt: skip
    rules = wire_market.read_spot_rules([row], "WLDUSDT")
    assert (rules.base_coin, rules.price_tick, rules.qty_step) == ("WLD", D("0.0001"), D("0.01"))


def test_i45_no_symbol_is_written_into_the_code_that_trades() -> None:
    """`ETHUSDT` is the default of one parameter and the subject of the test helpers, and nothing else."""
    where = {}
    for folder in ("mmfsm", "runner", "runner/bitget"):
        for path in sorted((ROOT / folder).glob("*.py")):
            names = [
                node.value
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant) and node.value in ("ETHUSDT", "ETH")
            ]
            if names:
                where[f"{folder}/{path.name}"] = len(names)
    allowed = {"mmfsm/testing.py", "runner/demo.py"}
    assert where.pop("mmfsm/params.py") == 1
    assert set(where) <= allowed, where
