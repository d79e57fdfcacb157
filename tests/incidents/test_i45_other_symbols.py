"""I45: which symbol had an edge changed by the day; ETHUSDT often had none.

Wanted here: nothing is tied to ETHUSDT, and a look that places nothing says which symbol has an edge now. What each of
its columns means is in `tests/runner/test_scan.py`.
"""

from __future__ import annotations

import ast
import io
import json
from decimal import Decimal
from pathlib import Path

from mmfsm.values import InstType, Side
from runner.bitget import wire, wire_account, wire_market
from runner.paper import Listing
from runner.scan import Wanted
from runner.scan.cli import scan
from tests.incidents.scene import opened, wld
from tests.mmfsm.desk_driver import SPOT, T0, live_params
from tests.support.bot import exchange_with, settings_on

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


async def test_i45_a_scan_follows_the_edge_from_symbol_to_symbol(tmp_path: Path) -> None:
    """ETHUSDT's spot is at its perp, WLDUSDT's 14 bps under: that one's ask comes first. Then ETHUSDT's perp rises by
    40 bps, and it does. No request but reads leaves, with a key and DRY_RUN=0."""
    wld = Listing(symbol="WLDUSDT", perp=(D("0.4166"), D("0.4167")), spot=(D("0.4160"), D("0.4161")))
    async with exchange_with(listings=(wld,)) as exchange:
        settings, looks = settings_on(exchange, tmp_path / "scan.jsonl"), []
        for bid in ("3500.0", "3514.0"):
            exchange.market.set_touch("perp", bid, D(bid) + D("0.1"), 50)
            out = io.StringIO()
            assert await scan(settings, Wanted(), None, True, out) == 0
            looks.append([(row["symbol"], row["best"]) for row in json.loads(out.getvalue())["rows"]])
        assert {request.method for request in exchange.requests} == {"GET"}
    assert looks == [[("WLDUSDT", "ask"), ("ETHUSDT", "ask")], [("ETHUSDT", "ask"), ("WLDUSDT", "ask")]]


def test_i45_no_symbol_is_written_into_the_code_that_trades() -> None:
    """`ETHUSDT` is the default of one parameter and the subject of the test helpers, and nothing else."""
    where = {}
    for folder in ("mmfsm", "runner", "runner/bitget", "runner/scan"):
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
