"""I08: `data: []` of a flat account was read as "unknown", `entrustedList: null` was counted as one open order.

Wanted: both mean zero.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from runner.bitget import wire, wire_account
from runner.bitget.members import as_rows
from tests.mmfsm.desk_driver import PERP, SPOT, T0
from tests.support.bot import trading

FLAT = '{"code": "00000", "msg": "success", "requestTime": 1800000000000, "data": []}'
NO_ORDERS = (
    '{"code": "00000", "msg": "success", "requestTime": 1800000000000, "data": {"entrustedList": null, "endId": null}}'
)


def test_i08_no_rows_is_a_position_of_zero() -> None:
    """An empty list, and a null where the list should be."""
    for body in (FLAT, FLAT.replace("[]", "null")):
        told = wire.open_envelope(body)
        rows = as_rows(told.data, "positions")
        event = wire_account.read_position(rows, "ETHUSDT", T0, told.exch_ms or 0, "rest")
        assert (event.qty, event.exch_ms) == (Decimal(0), 1_800_000_000_000)


@pytest.mark.parametrize("inst", [PERP, SPOT])
def test_i08_a_null_list_is_no_order(inst: object) -> None:
    """On the perp it comes inside an object, on spot as an empty list."""
    body = NO_ORDERS if inst is PERP else FLAT
    assert wire_account.open_rows(inst, wire.open_envelope(body).data) == []  # type: ignore[arg-type]


async def test_i08_a_flat_account_without_orders_starts(tmp_path: Path) -> None:
    """The exchange answers both, the checks pass, nothing is believed open."""
    async with trading(tmp_path) as bot:
        await bot.ready()
        detail = bot.find("check", reason="position_read")[0]["data"]["detail"]
        assert detail == "0 on the perp"
        assert not bot.find("risk", reason="stray_order") and not bot.find("order_cancel")
